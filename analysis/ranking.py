"""Ranks of items that were measured with noise: drawn towards their mean, and held to a second half.

Rows are observations, columns are items (maps); clusters are what was sampled independently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.statistics import Codes, Floats, Ints, cluster_sums
from film import InputError, too_few


@dataclass(frozen=True, eq=False)
class Shrunken:
    """Means drawn towards their common mean by as much as is noise, (items,) each.

    `rank`: 1 for the greatest shrunken mean. `signal`: the share of the means' variance that is no noise.
    """

    mean: Floats
    shrunken: Floats
    low: Floats
    high: Floats
    rank: Ints
    signal: float


def shrunken_means(values: Floats, clusters: Codes | None = None) -> Shrunken:
    """Rank items by means of which the noise is taken off.

    Estimand: each item's true mean, the true means being normal about a common one; intervals hold 95 % of
    them. The spread of true means is the observed one less the mean squared error (DerSimonian and Laird;
    Efron and Morris, 1975). Exchangeable: items beforehand.

    Args:
        values: (rows, items). clusters: (rows,); None: each row is one.

    Raises:
        InputError: there are under ten clusters.
    """
    sums = cluster_sums(values, clusters)
    if reason := too_few(len(sums)):
        raise InputError(f"Shrunken means need the error of each mean; {reason}. Measure on more pictures.")
    rows, count = len(values), len(sums)
    mean = sums.sum(axis=0) / rows
    sizes = cluster_sums(np.ones((rows, 1)), clusters)
    error = np.sqrt(count / (count - 1) * ((sums - sizes * mean) ** 2).sum(axis=0)) / rows
    # Items without noise, such as dead maps, say nothing of the others' spread.
    live = error > 0
    observed = float(mean[live].var(ddof=1)) if live.sum() > 1 else 0.0
    spread = max(observed - float((error[live] ** 2).mean()), 0.0) if live.any() else 0.0
    middle = float(mean[live].mean()) if live.any() else 0.0
    keep = np.divide(spread, spread + error**2, out=np.ones_like(mean), where=live)
    shrunken = middle + keep * (mean - middle)
    half = 1.96 * np.sqrt(keep) * error
    rank = np.empty(len(mean), np.int64)
    rank[np.argsort(-shrunken, kind="stable")] = np.arange(1, len(mean) + 1)
    signal = spread / observed if observed > 0 else 0.0
    return Shrunken(mean, shrunken, shrunken - half, shrunken + half, rank, signal)


def split_half_correlation(
    values: Floats, clusters: Codes | None = None, *, trials: int = 50, seed: int
) -> tuple[float, float, float]:
    """How well one half of the clusters ranks the items as the other half does.

    Estimand: Spearman's correlation of the items' means in two independent halves, the mean over random
    splits, with what 95 % of the splits lie between. Zero where means are noise. It is for half of the data:
    the whole ranks better.

    Args:
        values: (rows, items). clusters: (rows,); None: each row is one.
    """
    sums = cluster_sums(values, clusters)
    sizes = cluster_sums(np.ones((len(values), 1)), clusters)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(trials):
        half = np.zeros(len(sums), bool)
        half[rng.permutation(len(sums))[: len(sums) // 2]] = True
        found.append(
            spearman(sums[half].sum(axis=0) / sizes[half].sum(), sums[~half].sum(axis=0) / sizes[~half].sum())
        )
    low, high = np.quantile(found, (0.025, 0.975))
    return float(np.mean(found)), float(low), float(high)


def spearman(one: Floats, other: Floats) -> float:
    """Correlation of ranks; 0 where one of the two never varies."""
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
