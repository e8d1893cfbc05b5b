"""Minimal pairs: two questions about one picture that differ in one word.

A pair whose true answers differ asks which gammas and betas read that word; one whose true answers are the
same is its control: the word changes and the answer must not. Every variant is read back by the parser and
answered by its program, so nothing about a pair is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.question.population import Population
from film import ATTRIBUTES, SAID, Answer, InputError, QuestionSampler, Scene, parse, question_type, run

# Words that may take each other's place, by the kind of change: what a word stands for decides.
_ASKED = ("color", "shape", "material", "size")


def _classes() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Kind of change -> tuples of words that mean the same; another tuple's word changes the meaning."""
    kinds: dict[str, tuple[tuple[str, ...], ...]] = {}
    for attribute, values in ATTRIBUTES.items():
        kinds[attribute] = tuple(SAID[value] for value in values)
    kinds["shape"] += tuple(tuple(word + "s" for word in SAID[value]) for value in ATTRIBUTES["shape"])
    kinds["relation"] = (("left",), ("right",))
    kinds["comparison"] = (("more", "greater"), ("fewer", "less"))
    kinds["attribute"] = tuple((word,) for word in _ASKED)
    return kinds


_CLASSES = _classes()
KINDS = tuple(_CLASSES)


@dataclass(frozen=True)
class MinimalPair:
    """Two questions about one picture, one word apart.

    `source`, `target`: the texts, with their true answers `source_answer` and `target_answer`. `kind`: of the
    change, one of KINDS; `words`: the word in the source and in the target. `type`: of the target.
    """

    picture: str
    source: str
    target: str
    source_answer: str
    target_answer: str
    kind: str
    words: tuple[str, str]
    type: str

    @property
    def same_answer(self) -> bool:
        """Have both questions the same true answer?"""
        return self.source_answer == self.target_answer

    @property
    def family(self) -> int:
        """The target's question family, CLEVR's 0 to 89."""
        return parse(self.target).family.index


def one_word_changes(
    picture: str, question: str, scene: Scene, *, kinds: Sequence[str] = KINDS, well_posed: bool = True
) -> Iterator[MinimalPair]:
    """Every question one word away that has an answer in this scene, with `question` as the source.

    Args:
        kinds: of the change.
        well_posed: leave out those without an answer; otherwise their answer is "".

    Raises:
        InputError: the question is none of CLEVR's, or has no answer here.
    """
    own = run(parse(question).program, scene)
    if own.answer is None:
        raise InputError(f"“{question}” has {own.reason}; start from a question that has one.")
    words = question.split(" ")
    for place, word in enumerate(words):
        bare = word.rstrip("?;,.")
        for kind, other in other_words(bare.lower()):
            if kind not in kinds:
                continue
            changed = " ".join([*words[:place], word.replace(bare, other, 1), *words[place + 1 :]])
            try:
                asked = parse(changed)
            except InputError:
                continue
            found = run(asked.program, scene)
            if asked.official and (found.answer is not None or not well_posed):
                yield MinimalPair(
                    picture, question, changed, own.answer, found.answer or "", kind, (bare, other),
                    question_type(asked.program),
                )  # fmt: skip


def other_words(word: str) -> Iterator[tuple[str, str]]:
    """(kind, word) for every word that may take this one's place and means something else.

    Args:
        word: in lower case.
    """
    for kind, groups in _CLASSES.items():
        for own in groups:
            if word not in own:
                continue
            plural = word.endswith("s") and kind == "shape"
            for group in groups:
                if group != own and (kind != "shape" or group[0].endswith("s") == plural):
                    yield kind, group[0]


def sample_pairs(
    scenes: Sequence[tuple[str, Scene]],
    count: int,
    seed: int = 0,
    *,
    same_answer: bool = False,
    kinds: Sequence[str] = KINDS,
) -> list[MinimalPair]:
    """Minimal pairs about these scenes, as even over scenes and kinds of change as they can be.

    Args:
        scenes: each with its picture's name.
        same_answer: pairs whose true answers are the same, instead of pairs whose differ.

    Returns:
        At most `count` pairs, fewer where the scenes give no more.
    """
    rng = np.random.default_rng(seed)
    by_kind: dict[str, list[MinimalPair]] = {kind: [] for kind in kinds}
    each = -(-count // len(by_kind))
    for turn in range(6):
        if all(len(found) >= each for found in by_kind.values()):
            break
        for number, (picture, scene) in enumerate(scenes):
            sampler = QuestionSampler(int(rng.integers(2**31)) + number)
            for question in sampler.sample(scene, 12):
                # The kinds that there are fewest of first; no scene may give one more than its share.
                wanted = [
                    kind
                    for kind in sorted(by_kind, key=lambda kind: len(by_kind[kind]))
                    if len(by_kind[kind]) < each
                    and sum(pair.picture == picture for pair in by_kind[kind]) <= turn
                ]
                for kind in wanted[:3]:
                    some = [
                        pair
                        for pair in one_word_changes(picture, question.text, scene, kinds=(kind,))
                        if pair.same_answer == same_answer
                    ]
                    if some:
                        by_kind[kind].append(some[int(rng.integers(len(some)))])
                        break
    return [pair for found in by_kind.values() for pair in found][:count]


def rows_by_picture(pairs: Sequence[MinimalPair]) -> dict[str, list[int]]:
    """Each picture's pairs, by their place among all: what a picture costs is then paid once."""
    found: dict[str, list[int]] = {}
    for row, pair in enumerate(pairs):
        found.setdefault(pair.picture, []).append(row)
    return found


# --- What tells two questions apart ---


def most_changed(
    first: Answer, second: Answer, population: Population | None, count: int = 6
) -> list[tuple[int, int, float]]:
    """The (block, map), from 0, whose gamma differs most, and by how much.

    In standard deviations over the population's questions; as it is where there is no population. A
    map that hardly varies over questions (below a tenth of the typical deviation) does not count.
    """
    change = second.gamma - first.gamma
    if population is not None:
        deviation = population.spread("gamma").deviation
        varies = deviation > np.median(deviation) / 10
        change = np.where(varies, change / np.where(varies, deviation, 1), 0.0)
    best = np.argsort(-np.abs(change), axis=None, kind="stable")[:count]
    places = np.stack(np.unravel_index(best, change.shape), axis=1)
    return [(int(block), int(number), float(change[block, number])) for block, number in places]


def word_changed(first: str, second: str) -> tuple[str, str] | None:
    """The one word in which two questions differ, as the first and the second have it; None otherwise."""
    one, other = (text.rstrip(" ?").split() for text in (first, second))
    if len(one) != len(other):
        return None
    apart = [(a, b) for a, b in zip(one, other, strict=True) if a.lower() != b.lower()]
    return (apart[0][0].strip(",;"), apart[0][1].strip(",;")) if len(apart) == 1 else None
