"""Two questions about one picture: what tells their gammas and betas apart, and where it matters.

The test is an exchange: the second question is asked with gamma and beta of one block taken from the
first. Where that undoes the difference between the answers, the block carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.interventions.sweep import sweep_logits
from analysis.question.population import Population
from film import Answer, PatchFrom, Picture, Session, Where, probabilities

OTHERS, PATCHING_SEED = 24, 0  # questions for comparison, and what draws them


@dataclass(frozen=True)
class BlockPatching:
    """The second question with one block's gamma and beta from the first.

    `block`: from 0. `answer`: what is said then. `chance`: of the second question's own answer, then.
    `moved`: total variation distance (0 to 1) between the answers' distributions with and without it.
    `others`: how many questions were exchanged for comparison, `as_far`: how many of them moved it as far.
    """

    block: int
    answer: str
    chance: float
    moved: float
    as_far: int
    others: int


def patch_blocks(
    session: Session,
    picture: Picture,
    first: str,
    second: str,
    others: Sequence[str] = (),
) -> list[BlockPatching]:
    """Ask `second` about the picture, one block at a time as `first` would have it.

    Args:
        others: questions whose blocks are put in as well, as a comparison: does any question's do?

    Raises:
        InputError: the picture cannot be read, or a word is unknown.
    """
    blocks = session.config.blocks
    exchanged = [PatchFrom(Where((block,)), source) for source in (first, *others) for block in range(blocks)]
    found = sweep_logits(session, session.encode_picture(picture), session.modulate([second]), exchanged)
    before, after = probabilities(found.base)[0], probabilities(found.changed)[:, 0]  # (A,), (V, A)
    said = int(before.argmax())
    moved = 0.5 * np.abs(after - before).sum(axis=1).reshape(-1, blocks)  # (sources, blocks)
    return [
        BlockPatching(
            block=block,
            answer=session.answers[int(after[block].argmax())],
            chance=float(after[block, said]),
            moved=float(moved[0, block]),
            as_far=int((moved[1:, block] >= moved[0, block]).sum()),
            others=len(others),
        )
        for block in range(blocks)
    ]


def some_others(population: Population, asked: Sequence[str], count: int = OTHERS) -> list[str]:
    """Questions to compare with, drawn from the population with `PATCHING_SEED`; none that was asked."""
    rows = np.random.default_rng(PATCHING_SEED).permutation(len(population))
    texts = (str(population.texts[row]) for row in rows)
    return [text for text, _ in zip((t for t in texts if t not in asked), range(count), strict=False)]


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
