"""Sample questions for a scene: well-posed, not degenerate, balanced as CLEVR's are.

The rules are the official generator's (which families are tried first, which parameters a step may
have, which answers are accepted); the search is not. It walks through depth-first until something
is acceptable. Here each attempt fills a family's slots from left to right with admissible values at
random, and a few attempts are made: sets are bit masks, and what can be said about a scene is
worked out once, so an attempt costs microseconds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from film.clevr.language.families import FAMILIES, LETTERS, Family, ProgramStep, Slots
from film.clevr.language.programs import Output, Program, in_words, program_to_json, run
from film.clevr.language.realise import realise
from film.clevr.scenes import ATTRIBUTES, RELATIONS, Scene

RESET_EVERY = 250  # scenes after which CLEVR counts families and answers from zero
ATTEMPTS = 30  # at one family on one scene

# Questions of CLEVR's validation split in the paper's five groups: what the balance is to come to.
VALIDATION_QUESTIONS = {
    "Query Attribute": 53734,
    "Count": 35422,
    "Compare Attribute": 27098,
    "Exist": 20196,
    "Compare Numbers": 13541,
}

Key = tuple[str | None, str | None, str | None, str | None]  # size, color, material, shape said


@dataclass(frozen=True)
class Question:
    """A question about one scene with everything known of it.

    `family`: released index 0..89. `slots`: its values, None or absent where nothing is said.
    `answer`: in CLEVR's words. `outputs`: of each step of the program (see `programs.Result`).
    """

    text: str
    family: int
    slots: Slots
    program: Program
    answer: str
    outputs: tuple[Output, ...]


class Sayable:
    """What can be said about one scene: sets of objects as bit masks, looked up and remembered."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.everything = (1 << len(scene.objects)) - 1
        self.value = {
            (attribute, value): _mask(
                i for i, o in enumerate(scene.objects) if getattr(o, attribute) == value
            )
            for attribute, values in ATTRIBUTES.items()
            for value in values
        }
        self.related = {
            relation: [_mask(there) for there in scene.relationships[relation]] for relation in RELATIONS
        }
        self._keys: dict[frozenset[str], list[tuple[Key, int]]] = {}
        self._choices: dict[tuple[Any, ...], list[Any]] = {}

    def keys(self, allowed: frozenset[str]) -> list[tuple[Key, int]]:
        """Every way to name some object by these attributes, and the objects it fits."""
        if allowed not in self._keys:
            found: dict[Key, int] = {}
            for thing in self.scene.objects:
                parts = [(None, getattr(thing, a)) if a in allowed else (None,) for a in ATTRIBUTES]
                for key in itertools.product(*parts):
                    if key not in found:
                        found[key] = self.fitting(key)
            self._keys[allowed] = list(found.items())
        return self._keys[allowed]

    def fitting(self, key: Key) -> int:
        mask = self.everything
        for attribute, value in zip(ATTRIBUTES, key, strict=True):
            if value is not None:
                mask &= self.value[attribute, value]
        return mask

    def unique(self, among: int, allowed: frozenset[str]) -> list[Key]:
        """Keys that fit exactly one object of a set."""
        name = ("unique", among, allowed)
        if name not in self._choices:
            self._choices[name] = [key for key, mask in self.keys(allowed) if (mask & among).bit_count() == 1]
        return self._choices[name]

    def relating(self, here: int, allowed: frozenset[str], wanted: str) -> tuple[list[Any], list[Any]]:
        """(relation, key) pairs from an object on: those where the relation matters, and the others.

        `wanted`: "unique", "some" or "any" number of objects at the end.
        """
        name = ("relating", here, allowed, wanted)
        if name not in self._choices:
            telling: list[tuple[str, Key]] = []
            trivial: list[tuple[str, Key]] = []
            for relation in RELATIONS:
                there = self.related[relation][here]
                for key, mask in self.keys(allowed):
                    both = there & mask
                    if (wanted == "unique" and both.bit_count() != 1) or (wanted == "some" and not both):
                        continue
                    (trivial if both == mask else telling).append((relation, key))
            self._choices[name] = [telling, trivial]
        return tuple(self._choices[name])

    def same(self, attribute: str, here: int) -> int:
        return self.value[attribute, getattr(self.scene.objects[here], attribute)] & ~(1 << here)


class QuestionSampler:
    """Asks about scene after scene and keeps the balance between them.

    Deterministic by seed and the scenes it is given, in their order.
    """

    families: Sequence[Family] = FAMILIES
    reset_every: int | None = RESET_EVERY

    def __init__(self, seed: int | np.random.SeedSequence):
        self.chance = Chance(seed)
        self.scenes = 0
        self.answers: dict[int, Counter[str]] = {}

    def sample(self, scene: Scene, count: int = 10) -> list[Question]:
        """Up to `count` questions of different families; fewer where the scene allows no more."""
        if self.scenes == 0 or (self.reset_every and self.scenes % self.reset_every == 0):
            self.answers = {family.index: Counter() for family in self.families}
        self.scenes += 1
        sayable = Sayable(scene)
        # Families that have asked least go first; which of several equals does is left to chance.
        order = sorted(self.families, key=lambda f: (self.answers[f.index].total(), self.chance.number()))
        questions: list[Question] = []
        for family in order:
            if len(questions) == count:
                break
            question = self._ask(family, sayable)
            if question is not None:
                questions.append(question)
                self.answers[family.index][question.answer] += 1
        return questions

    def _ask(self, family: Family, sayable: Sayable) -> Question | None:
        possible = _possible_answers(family)
        if not any(self.welcome(family, answer) for answer in possible):
            return None
        for _ in range(ATTEMPTS):
            attempt = Attempt(family, sayable, self.chance)
            if not attempt.succeeds():
                continue
            answer = in_words(attempt.outputs[-1])
            if not self.welcome(family, answer) or self.degenerate(attempt):
                continue
            slots = {slot: value for slot, value in attempt.slots.items() if value is not None}
            program = family.program(slots)
            text = realise(family, slots, self.chance.generator)
            return Question(text, family.index, slots, program, answer, run(program, sayable.scene).outputs)
        return None

    def degenerate(self, attempt: Attempt) -> bool:
        """Does the question say something that its answer does not need?"""
        return attempt.degenerate()

    def welcome(self, family: Family, answer: str) -> bool:
        """Would one more of this answer keep the family in balance? (CLEVR's two rules)"""
        counts = self.answers[family.index]
        every = sorted((counts[a] for a in answer_kinds(family)), reverse=True)
        here = counts[answer]
        median = every[len(every) // 2]
        return here <= 1.1 * every[1] and here <= 5 * max(median, 5)


class Attempt:
    """One try at filling a family's slots for a scene, step by step."""

    def __init__(self, family: Family, sayable: Sayable, chance: Chance):
        self.family, self.sayable, self.chance = family, sayable, chance
        self.slots: dict[str, str | None] = {}
        self.outputs: list[Any] = []

    def succeeds(self) -> bool:
        steps = self.family.steps
        pending: Key | None = None  # chosen together with the relation before it
        for number, step in enumerate(steps):
            after = steps[number + 1].kind if number + 1 < len(steps) else ""
            if step.kind == "relate" and after == "filter" and steps[number + 1].inputs == (number,):
                last = steps[number + 2].kind
                chosen = self._relation(step, steps[number + 1], last)
                if chosen is None:
                    return False
                self.slots[step.slot], pending = chosen
            elif step.kind == "relate":
                self.slots[step.slot] = self.chance.choose(RELATIONS)
            elif step.kind == "filter" and len(step.slot) == 2:
                self.slots[step.slot] = self.chance.choose(ATTRIBUTES[LETTERS[step.slot[0]]])
            elif step.kind == "filter":
                key = pending if pending is not None else self._key(step, after)
                pending = None
                if key is None:
                    return False
                self._say(step, key)
            output = step_output(step, self.outputs, self.slots, self.sayable)
            if output is None:
                return False
            self.outputs.append(output)
            if self.family.differ and number == max(self.family.differ):
                first, second = self.family.differ
                if self.outputs[first] == self.outputs[second]:
                    return False
        return True

    def degenerate(self) -> bool:
        """Does a plain relation say nothing: is the answer the same without it?"""
        steps = self.family.steps
        for number, step in enumerate(steps):
            if step.kind != "relate" or (
                steps[number + 1].inputs == (number,) and steps[number + 1].kind == "filter"
            ):
                continue
            outputs = self.outputs[:number]
            outputs.append(self.sayable.everything)
            for later in steps[number + 1 :]:
                output = step_output(later, outputs, self.slots, self.sayable)
                if output is None:
                    break
                outputs.append(output)
            else:
                if outputs[-1] == self.outputs[-1]:
                    return True
        return False

    def _allowed(self, step: ProgramStep) -> frozenset[str]:
        return frozenset(LETTERS[slot[0]] for slot in self.family.slots_of(step))

    def _say(self, step: ProgramStep, key: Key) -> None:
        for letter, value in zip(LETTERS, key, strict=True):
            self.slots[letter + step.slot] = value

    def _relation(self, relate: ProgramStep, phrase: ProgramStep, last: str) -> tuple[str, Key] | None:
        wanted = {"unique": "unique", "count": "any", "exist": "any"}.get(last, "some")
        here = self.outputs[relate.inputs[0]]
        telling, trivial = self.sayable.relating(here, self._allowed(phrase), wanted)
        # One in ten may name objects that all lie on that side anyway.
        if not telling:
            return None
        result: tuple[str, Key] | None = self.chance.choose(
            trivial if trivial and self.chance.number() < 0.1 else telling
        )
        return result

    def _key(self, step: ProgramStep, after: str) -> Key | None:
        among = self.outputs[step.inputs[0]]
        allowed = self._allowed(step)
        unique = self.sayable.unique(among, allowed)
        if after == "unique":
            return self.chance.choose(unique) if unique else None
        # Sets may be anything that can be said of some object, and now and then of none.
        keys = self.sayable.keys(allowed)
        inventions = len(keys) if after == "exist" else len(unique)
        while True:
            pick = self.chance.below(len(keys) + inventions)
            if pick >= len(keys):
                return self._invented(allowed)
            key = keys[pick][0]
            if after in ("count", "exist") or any(key):
                return key

    def _invented(self, allowed: frozenset[str]) -> Key:
        """Any words at all, whether or not something fits them."""
        return tuple(  # type: ignore[return-value]
            self.chance.choose((None, *values)) if attribute in allowed else None
            for attribute, values in ATTRIBUTES.items()
        )


def step_output(step: ProgramStep, outputs: list[Any], slots: Slots, sayable: Sayable) -> Any:
    """A step's output, sets as masks; None where there is not the one object it needs."""
    given = [outputs[i] for i in step.inputs]
    match step.kind:
        case "scene":
            return sayable.everything
        case "filter":
            mask = given[0]
            for letter in (step.slot[0],) if len(step.slot) == 2 else LETTERS:
                value = slots.get(letter + step.slot[-1])
                if value is not None:
                    mask &= sayable.value[LETTERS[letter], value]
            return mask
        case "unique":
            return given[0].bit_length() - 1 if given[0].bit_count() == 1 else None
        case "relate":
            return sayable.related[slots[step.slot]][given[0]]  # type: ignore[index]
        case "same":
            return sayable.same(step.slot, given[0])
        case "count":
            return given[0].bit_count()
        case "exist":
            return given[0] != 0
        case "query":
            return getattr(sayable.scene.objects[given[0]], step.slot)
        case "union":
            return given[0] | given[1]
        case "intersect":
            return given[0] & given[1]
        case "less_than":
            return given[0] < given[1]
        case "greater_than":
            return given[0] > given[1]
    return given[0] == given[1]  # equal, equal_integer


def answer_kinds(family: Family) -> tuple[str, ...]:
    """Every answer the family's last step could give in some scene."""
    last = family.steps[-1]
    if last.kind == "count":
        return _NUMBERS
    return ATTRIBUTES[last.slot] if last.kind == "query" else _TRUTHS


def _possible_answers(family: Family) -> tuple[str, ...]:
    """The same, less what the family's own constraint rules out: numbers that differ are not equal."""
    if family.differ and family.steps[-1].inputs == family.differ:
        return ("no",) if family.type == "equal_integer" else answer_kinds(family)
    return answer_kinds(family)


_NUMBERS = tuple(map(str, range(11)))
_TRUTHS = ("yes", "no")


class Chance:
    """Random choices drawn in bulk: asking numpy for one number at a time would take half of the time."""

    def __init__(self, seed: int | np.random.SeedSequence):
        self.generator = np.random.default_rng(seed)
        self._numbers: list[float] = []

    def number(self) -> float:
        """A number in [0, 1)."""
        if not self._numbers:
            self._numbers = self.generator.random(4096).tolist()
        return self._numbers.pop()

    def below(self, end: int) -> int:
        return int(self.number() * end)

    def choose(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.number() * len(choices))]


def _mask(members: Any) -> int:
    mask = 0
    for member in members:
        mask |= 1 << member
    return mask


def questions_to_json(asked: Sequence[tuple[int, str, Question]], split: str) -> list[dict[str, Any]]:
    """Questions as the released files list them.

    Args:
        asked: (image index, image file name, question), in order.
    """
    return [
        {
            "question_index": number,
            "question_family_index": question.family,
            "image_index": index,
            "image_filename": filename,
            "split": split,
            "question": question.text,
            "answer": question.answer,
            "program": program_to_json(question.program),
        }
        for number, (index, filename, question) in enumerate(asked)
    ]
