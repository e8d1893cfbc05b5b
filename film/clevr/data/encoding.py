"""Scenes and questions as numpy rows: what training reads in place of objects.

One row of a picture:
    objects    int8 (10, 5)     shape, size, material, color as index into SHAPES, SIZES, MATERIALS, COLORS
                                and 1 for visible; -1 throughout where there is no object
    positions  float32 (10, 6)  ground x, y in world units; column and row in the picture, 0..1 of its width
                                and height; depth and radius in world units; NaN where not known
One row of a question:
    tokens     uint8 (L,)       ids between <START> and <END>, then 0
    answer     uint8            index into ANSWERS, UNKNOWN_ANSWER when there is none
    family     uint8            0..89, UNKNOWN_FAMILY when not known
    slots      int8 (20,)       Z1 C1 M1 S1 ... Z4 C4 M4 S4 R1 R2 R3 and a zero: index + 1 into the values of
                                each (SLOTS), 0 = not said
    sets       uint16 (5,)      bit i: object i belongs to the set; after each of the four noun phrases has
                                been applied (0 where the family has fewer), and what the last step looks at
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from film.clevr.language.families import FAMILIES, LETTERS, Family
from film.clevr.language.programs import ANSWERS, Program
from film.clevr.language.tokens import NULL, encode
from film.clevr.scenes import ATTRIBUTES, COLORS, MATERIALS, RELATIONS, SHAPES, SIZES, Scene
from film.errors import InputError

MOST_OBJECTS = 10
UNKNOWN_ANSWER = UNKNOWN_FAMILY = 255
PHRASES = 4  # no family has more noun phrases

SLOTS = tuple(f"{letter}{k}" for k in range(1, PHRASES + 1) for letter in LETTERS) + ("R1", "R2", "R3")
_SLOT_VALUES = {name: RELATIONS if name[0] == "R" else ATTRIBUTES[LETTERS[name[0]]] for name in SLOTS}
_ANSWER_IDS = {answer: i for i, answer in enumerate(ANSWERS)}


class QuestionRecord(Protocol):
    """A sampled `Question`, or one from a file with what is not known left None or empty."""

    @property
    def text(self) -> str: ...
    @property
    def answer(self) -> str | None: ...
    @property
    def family(self) -> int | None: ...
    @property
    def slots(self) -> Mapping[str, str | None]: ...
    @property
    def program(self) -> Program | None: ...
    @property
    def outputs(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True)
class QuestionArrays:
    """Rows of several questions; see the top of this file."""

    tokens: np.ndarray  # (Q, L)
    answer: np.ndarray  # (Q,)
    family: np.ndarray  # (Q,)
    slots: np.ndarray  # (Q, 20)
    sets: np.ndarray  # (Q, 5)


def question_arrays(
    questions: Sequence[QuestionRecord], ids: Mapping[str, int], length: int | None = None
) -> QuestionArrays:
    """The rows of some questions.

    `ids`: word -> id. `length`: columns of `tokens`; by default those of the longest question.
    """
    encoded = [encode(question.text, ids) for question in questions]
    longest = max(map(len, encoded), default=0)
    if length is not None and longest > length:
        raise InputError(
            f"A question has {longest} tokens and at most {length} were expected; allow for more."
        )
    dtype = np.uint8 if max(ids.values(), default=0) < 256 else np.uint16
    tokens = np.full((len(questions), longest if length is None else length), NULL, dtype)
    for row, sequence in zip(tokens, encoded, strict=True):
        row[: len(sequence)] = sequence
    return QuestionArrays(
        tokens=tokens,
        answer=np.array([_ANSWER_IDS.get(q.answer or "", UNKNOWN_ANSWER) for q in questions], np.uint8),
        family=np.array([UNKNOWN_FAMILY if q.family is None else q.family for q in questions], np.uint8),
        slots=np.array([_slot_row(q.slots) for q in questions], np.int8).reshape(-1, len(SLOTS) + 1),
        sets=np.array([_set_row(q) for q in questions], np.uint16).reshape(-1, PHRASES + 1),
    )


def scene_arrays(scene: Scene, centres: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """`objects` (10, 5) and `positions` (10, 6) of one scene.

    `centres`: float (n, 3), column and row in 0..1 and depth of each object's centre; None when not known.
    """
    count = len(scene.objects)
    if count > MOST_OBJECTS:
        raise InputError(
            f"A scene has {count} objects; a packed corpus holds at most {MOST_OBJECTS} a picture."
        )
    objects = np.full((MOST_OBJECTS, 5), -1, np.int8)
    positions = np.full((MOST_OBJECTS, 6), np.nan, np.float32)
    for i, thing in enumerate(scene.objects):
        objects[i] = (
            SHAPES.index(thing.shape),
            SIZES.index(thing.size),
            MATERIALS.index(thing.material),
            COLORS.index(thing.color),
            1,  # every object of a CLEVR scene is visible: the sampler sees to it
        )
        positions[i, [0, 1, 5]] = thing.x, thing.y, thing.radius
        if centres is not None:
            positions[i, 2:5] = centres[i]
    return objects, positions


def _slot_row(slots: Mapping[str, str | None]) -> list[int]:
    row = [0] * (len(SLOTS) + 1)
    for name, value in slots.items():
        if value is not None:
            row[SLOTS.index(name)] = _SLOT_VALUES[name].index(value) + 1
    return row


def _set_row(question: QuestionRecord) -> list[int]:
    row = [0] * (PHRASES + 1)
    if question.program is None or question.family is None or not question.outputs:
        return row
    family = FAMILIES[question.family]
    for phrase, node in phrase_nodes(family, question.slots).items():
        row[phrase - 1] = _bits(question.outputs, node)
    for node in looked_at(question.program):
        row[PHRASES] |= _bits(question.outputs, node)
    return row


def phrase_nodes(family: Family, slots: Mapping[str, str | None]) -> dict[int, int]:
    """The program node that holds the set of each noun phrase, once the phrase has been applied."""
    result: dict[int, int] = {}
    last: list[int] = []  # node that holds the output of each step
    nodes = 0
    for step in family.steps:
        if step.kind == "filter":  # one node for each value said
            said = sum(slots.get(slot) is not None for slot in family.slots_of(step))
            nodes += said
            last.append(nodes - 1 if said else last[step.inputs[0]])
            result[int(step.slot[-1])] = last[-1]
        else:
            nodes += 1
            last.append(nodes - 1)
    return result


def looked_at(program: Program) -> tuple[int, ...]:
    """The nodes whose objects decide the last step: what is counted, or both things compared."""
    inputs = program[-1].inputs
    if len(inputs) == 1:
        return inputs
    return tuple(program[i].inputs[0] for i in inputs)  # a comparison comes after counts or queries


def _bits(outputs: Sequence[Any], node: int) -> int:
    """A set or an object as bits; 0 for a step that was not reached."""
    if node >= len(outputs):
        return 0
    output = outputs[node]
    return sum(1 << i for i in output) if isinstance(output, tuple) else 1 << output
