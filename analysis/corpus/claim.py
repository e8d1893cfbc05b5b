"""The paper's claim that the first block groups by attribute and the last by operation, put to the test.

The paper words it by distances (section 4.2, Figure 6): equal_color near query_color in the first block, the
equal_* near one another in the last. These two decide. Whether neighbours also share the attribute less often
in the last block is a condition of our own, and is told apart from them: a network may separate operations
and keep attributes together within each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.corpus.grouping import Grouping, Score, resampled_means, score_of
from film import InputError

_AS_CLAIMED = {1: "as in the paper", -1: "otherwise", 0: "undecided"}


@dataclass(frozen=True)
class Verdict:
    """`verdict`: of the two distances: "confirmed", "refuted" or "undecided".

    `reasons`: a sentence with an interval for each of the two distances and for the neighbours; `signs`: of
    each of the three 1 where it is as in the paper, -1 where it is the reverse, 0 where zero is inside.
    `fall`: attribute agreement of the first less that of the last; `first`, `last`: `Centres.by_attribute`.
    """

    verdict: str
    reasons: tuple[str, str, str]
    signs: tuple[int, int, int]
    fall: Score
    first: Score
    last: Score

    def summary(self) -> str:
        """Distances and neighbours in a few words; one network is one case."""
        distances = {"confirmed": 1, "refuted": -1, "undecided": 0}[self.verdict]
        return f"distances {_AS_CLAIMED[distances]}; neighbours {_AS_CLAIMED[self.signs[2]]} (one network)"


def attribute_then_operation(
    first: Grouping, last: Grouping, *, trials: int = 2000, seed: int = 0
) -> Verdict:
    """Decide the claim on two distances, and say of neighbours what they do.

    Estimand: mean distance among the equal_* less that of equal_X to query_X, between class centres, freed of
    the centres' noise; claimed above zero in the first block and below in the last. Null: zero. The claim is
    confirmed where both 95 % intervals lie on their side, refuted where one lies on the other, and undecided
    otherwise. Neighbours: the share with the same attribute, first less last, paired by question.

    Raises:
        InputError: the two are of different questions.
    """
    if len(first.attribute_each) != len(last.attribute_each):
        raise InputError("The first and the last block must be measured on the same questions.")
    change = first.attribute_each - last.attribute_each
    rng = np.random.default_rng(seed)
    fall = score_of(change.mean(), resampled_means(change, trials, rng), len(change))
    near, far = first.centres.by_attribute, last.centres.by_attribute
    nearer = "In {} equal_X lies {{}} query_X than the equal_* lie to one another"
    shared = f"From {first.name} to {last.name} neighbours share the attribute {{}} often"
    one = _told(1, near, nearer.format(first.name), ("nearer to", "farther from"))
    two = _told(-1, far, nearer.format(last.name), ("farther from", "nearer to"))
    beside = _told(1, fall, shared, ("less", "more"), "first less last")
    decisive = (one[0], two[0])
    verdict = "refuted" if -1 in decisive else "undecided" if 0 in decisive else "confirmed"
    return Verdict(verdict, (one[1], two[1], beside[1]), (*decisive, beside[0]), fall, near, far)


def _told(
    wanted: int, score: Score, sentence: str, words: tuple[str, str], what: str = "difference"
) -> tuple[int, str]:
    """On which side of zero a score lies, 1 where it is wanted, and the sentence that says so."""
    sure = score.low > 0 or score.high < 0
    right = score.value * wanted > 0
    doubt = "" if sure else ", but zero is within the interval"
    said = (
        f"{sentence.format(words[0 if right else 1])} ({what} {score.value:+.2f}, 95 % interval "
        f"{score.low:+.2f} to {score.high:+.2f}{doubt})."
    )
    return (0 if not sure else 1 if right else -1), said
