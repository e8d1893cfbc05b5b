"""Which feature map of one network is which of another's: the assignment that correlates best, with a null.

Maps are in no order that two trainings would share. Each map of a block is given one of the other network's
same block, none twice, so that the sum of the pairs' correlations is greatest (Li et al., "Convergent
learning", 2016; the assignment is scipy's). The best of many is great by chance too: the null finds the best
assignment again with the other network's activations taken from other pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.statistics import cluster_shuffles
from film import Cancel, Progress, stop_if


@dataclass(frozen=True, eq=False)
class MapMatching:
    """The maps of one network's block beside those of another's.

    partner: int (maps,), the other's map for each of one's, -1 for a map that is left over or never varies.
    correlation: (maps,), of each pair; nan without a partner. null: (trials,), the mean correlation of the
    best assignment under the null. p_family: (maps,), the share of null assignments whose best pair
    correlates as much: corrected for looking at all maps. parameters: (maps,), the mean over gamma (whatever
    its sign) and beta of the pair's correlation over questions, which the matching did not use;
    parameters_null: its mean over all pairs when partners are drawn at random (trials,).
    """

    partner: np.ndarray
    correlation: np.ndarray
    null: np.ndarray
    p_family: np.ndarray
    parameters: np.ndarray
    parameters_null: np.ndarray

    @property
    def matched(self) -> np.ndarray:
        """Which maps have a partner, bool (maps,)."""
        found: np.ndarray = self.partner >= 0
        return found


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each column with each of the other's: (columns, other columns); 0 if constant.

    Args:
        one, other: (rows, columns), rows alike.
    """
    return np.asarray(standardised(one).T @ standardised(other))


def standardised(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and squares that sum to 1, float32; a column that does not vary is 0."""
    around = np.asarray(values, np.float32)
    around = around - around.mean(axis=0, dtype=np.float64).astype(np.float32)
    length = np.sqrt((around.astype(np.float64) ** 2).sum(axis=0))
    varies = length > 1e-5 * np.sqrt(len(values))
    result: np.ndarray = np.divide(around, length.astype(np.float32), out=np.zeros_like(around), where=varies)
    return result


def match_maps(
    one: np.ndarray,
    other: np.ndarray,
    clusters: np.ndarray,
    *,
    modulation: tuple[np.ndarray, np.ndarray] | None = None,
    trials: int,
    seed: int,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> MapMatching:
    """Match the maps of one block of two networks by the correlation of their activations.

    Each place's mean over questions is taken off first: maps that draw the same frame about every picture
    are not alike for that. Null: activations of the other network are of questions about other pictures, at
    the same places (`cluster_shuffles`).

    Args:
        one, other: (questions, places, maps), activations at the same places; numbers of maps may differ.
        clusters: (questions,), pictures.
        modulation: gamma and beta of both, (questions, 2, maps) each.
    """
    places = one.shape[1]
    first, second = (
        standardised((values - values.mean(axis=0)).reshape(-1, values.shape[2])) for values in (one, other)
    )
    grid = second.reshape(-1, places, second.shape[1])

    def at(order: np.ndarray) -> np.ndarray:
        return np.asarray(first.T @ grid[order].reshape(-1, second.shape[1]))

    found = best_pairs(first.T @ second)
    null, greatest = np.empty(trials), np.empty(trials)
    for trial, order in enumerate(cluster_shuffles(clusters, trials=trials, seed=seed)):
        stop_if(cancel)
        if progress:
            progress(trial, trials)
        drawn = best_pairs(at(order))[1]
        null[trial], greatest[trial] = np.nanmean(drawn), np.nanmax(drawn)
    varies = [np.abs(values).max(axis=0) > 0 for values in (first, second)]
    partner, correlation = found
    lost = (partner < 0) | ~varies[0] | ~varies[1][partner]
    partner, correlation = np.where(lost, -1, partner), np.where(lost, np.nan, correlation.clip(-1, 1))
    as_great = (greatest[:, None] >= np.nan_to_num(correlation, nan=-1)).sum(axis=0)
    p_family = np.where(lost, 1.0, (1 + as_great) / (1 + trials))
    parameters, chance = _parameters(modulation, partner, trials, seed)
    return MapMatching(partner, correlation, null, p_family, parameters, chance)


def best_pairs(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns given to rows for the greatest sum: partners, -1 if left over, and their values."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(similarity, maximize=True)
    partner, value = np.full(len(similarity), -1), np.full(len(similarity), np.nan)
    partner[rows], value[rows] = columns, similarity[rows, columns]
    return partner, value


def _parameters(
    modulation: tuple[np.ndarray, np.ndarray] | None, partner: np.ndarray, trials: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """How gamma and beta of the pairs go together over questions, and of pairs drawn at random.

    The sign of gamma says nothing: a map whose sign is turned before FiLM is the same with gamma turned.
    """
    missing = np.full(len(partner), np.nan)
    if modulation is None or not (partner >= 0).any():
        return missing, np.full(trials, np.nan)
    one, other = modulation
    alike: Callable[[int], np.ndarray] = lambda kind: correlations(one[:, kind], other[:, kind])  # noqa: E731
    both = (np.abs(alike(0)) + alike(1)) / 2  # (maps, other maps)
    rows = np.flatnonzero(partner >= 0)
    missing[rows] = both[rows, partner[rows]]
    rng = np.random.default_rng(seed)
    null = np.array([both[rows, rng.permutation(both.shape[1])[: len(rows)]].mean() for _ in range(trials)])
    return missing, null
