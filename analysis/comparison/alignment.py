"""Two layouts of the same questions laid over each other, and how many neighbours they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.comparison.paired import ends, mean_difference
from analysis.corpus.neighbours import NEIGHBOURS, neighbours
from analysis.statistics import PermutationResult, permutation_test

TRIALS = 500


@dataclass(frozen=True, eq=False)
class Alignment:
    """one, other: (questions, 2), centred and of one size, the other turned and mirrored onto the first.

    agreement: the correlation of both layouts' coordinates after that, 0 to 1, with its null.
    """

    one: np.ndarray
    other: np.ndarray
    agreement: PermutationResult


def align(one: np.ndarray, other: np.ndarray, *, trials: int = TRIALS, seed: int) -> Alignment:
    """Lay the second layout over the first by moving, scaling, turning and mirroring it (Procrustes).

    Estimand of `agreement`: the square root of one less the Procrustes disparity (Gower, 1975; scipy). Null:
    which point is which question in the second layout is drawn at random.

    Args:
        one, other: (questions, 2), the same questions in the same order.
    """
    from scipy.spatial import procrustes

    first, second, _ = procrustes(one.astype(float), other.astype(float))
    second /= np.linalg.norm(second)  # scipy shrinks it by the agreement
    rows = np.arange(len(first))

    def agreement(order: np.ndarray) -> float:
        # Both are of unit size: with the best turn the sum of the singular values is left.
        return float(np.linalg.svd(first.T @ second[order], compute_uv=False).sum())

    found = permutation_test(agreement, rows, trials=trials, seed=seed)
    return Alignment(first.astype(np.float32), second.astype(np.float32), found)


def shared_neighbours(
    one: np.ndarray, other: np.ndarray, clusters: np.ndarray, count: int = NEIGHBOURS
) -> dict[str, float]:
    """The share of a question's nearest questions in one space that are among its nearest in another.

    Args:
        one, other: (questions, d), full spaces. clusters: (questions,), pictures.

    Returns:
        share, low, high (95 %), and chance: the share that questions drawn at random would have.
    """
    first, second = neighbours(one, count), neighbours(other, count)
    each = (first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1)
    found = mean_difference(each, clusters)
    return {"share": found.value, **ends(found), "chance": count / (len(one) - 1), "neighbours": count}
