"""Nulls, intervals and effect sizes: what each estimates, and what is exchangeable where there is nothing.

Every function is vectorised over items (maps, labels, targets): rows are observations, columns are items.
Every random one takes its seed. Clusters are what was sampled independently, mostly pictures; groups are
what labels may not be moved between, mostly question families or scenes.

Accuracies have their interval from `film` (`clustered_share`), which uses no analysis; ranks that can be
trusted are in `analysis.ranking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from film import InputError, too_few

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]  # names of clusters or groups, of any kind

TRIALS = 2000
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class PermutationResult:
    """A statistic beside its null: `p` is one-sided (great is special), the observed one counted in.

    `percentile`: the share of the null below the value, ties counted half, 0 to 100.
    """

    value: float
    null: Floats
    p: float
    percentile: float
    seed: int


@dataclass(frozen=True, eq=False)
class FamilyResult:
    """Many tests at once, (items,) each or of any shape. Two-sided.

    `effect`: as estimated; `z`: the effect in standard deviations of its null; `p`: of each item by itself;
    `p_family`: the chance that the greatest |z| of all items is as great where there is nothing (max-T).
    """

    effect: Floats
    z: Floats
    p: Floats
    p_family: Floats
    trials: int
    seed: int


@dataclass(frozen=True)
class Interval:
    """An estimate with a 95 % interval; without one `low` and `high` are None, and `reason` says why."""

    value: float
    low: float | None
    high: float | None
    clusters: int
    reason: str | None = None


# --- Nulls --------------------------------------------------------------------------------------------


def shuffles(count: int, groups: Codes | None = None, *, trials: int, seed: int) -> Iterator[Rows]:
    """Random orders of rows, int (count,) each; with groups rows move within their group only."""
    rng = np.random.default_rng(seed)
    if groups is None:
        for _ in range(trials):
            yield rng.permutation(count)
        return
    codes = np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    home = np.argsort(codes, kind="stable")
    for _ in range(trials):
        order = np.empty(count, np.int64)
        order[home] = np.argsort(codes + rng.random(count))
        yield order


def cluster_shuffles(clusters: Codes, *, trials: int, seed: int) -> Iterator[Rows]:
    """Random orders that give every row one of another cluster drawn at random, int (rows,) each.

    Exchangeable: whole clusters, such as pictures, and the rows within one. Rows of a cluster go to one
    cluster where all have equally many, and stay beside each other where they have not.
    """
    rng, codes = np.random.default_rng(seed), np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    home = np.argsort(codes, kind="stable")
    for _ in range(trials):
        moved = rng.permutation(int(codes.max(initial=-1)) + 1)[codes]
        order = np.empty(len(codes), np.int64)
        order[home] = np.lexsort((rng.random(len(codes)), moved))
        yield order


def permutation_test(
    statistic: Callable[[Codes], float],
    labels: Codes,
    groups: Codes | None = None,
    *,
    trials: int = TRIALS,
    seed: int,
) -> PermutationResult:
    """Test any statistic of labels by moving the labels about.

    Estimand: the statistic itself. Null: labels have nothing to do with what the statistic sets them beside.
    Exchangeable: labels of all rows, or of rows of one group (Good, *Permutation, Parametric and Bootstrap
    Tests of Hypotheses*, 2005). Where labels and values both differ between scenes or families, only shuffles
    within these hold the level.

    Args:
        statistic: of labels (rows,); great is special. labels, groups: (rows,).
    """
    value = float(statistic(labels))
    orders = shuffles(len(labels), groups, trials=trials, seed=seed)
    return _tested(value, np.array([statistic(labels[order]) for order in orders]), seed)


def sign_flip_test(
    effects: Floats, clusters: Codes | None = None, *, trials: int = TRIALS, seed: int
) -> FamilyResult:
    """Test whether mean effects are zero, for all items at once.

    Estimand: the mean effect over rows. Null: a cluster's effects are as likely as their negatives.
    Exchangeable: the sign of a whole cluster, the same for all of its rows and items, so that what goes
    together within a cluster and between items stays so. Studentised by the clusters' sums, corrected by the
    greatest |z| of all items (Westfall and Young, 1993; Winkler et al., NeuroImage 2014).

    Args:
        effects: (rows, items). clusters: (rows,); None: each row is one.
    """
    effects = np.asarray(effects, np.float64)
    sums = cluster_sums(effects, clusters)  # (clusters, items)
    size = np.sqrt((sums**2).sum(axis=0))  # the same whatever the signs
    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, (trials, len(sums))) * 2.0 - 1

    def scaled(values: Floats) -> Floats:
        return np.asarray(np.divide(values, size, out=np.zeros_like(values), where=size > 0))

    z, null = scaled(sums.sum(axis=0)), scaled(signs @ sums)
    return _family(effects.mean(axis=0), z, np.abs(null), seed)


def contrast_test(
    having: Bools, values: Floats, groups: Codes | None = None, *, trials: int = TRIALS, seed: int
) -> FamilyResult:
    """Test whether rows with a label have higher or lower values, for all labels and items at once.

    Estimand: `cliffs_delta`, within groups where they are given. Null: within a group a row's labels have
    nothing to do with its values. Exchangeable: the rows of a group; a row's labels move together and its
    values too. Each delta is divided by its exact deviation under the null, ties counted in, and corrected
    by the greatest of all labels and items (max-T).

    Args:
        having: (rows, labels). values: (rows, items). groups: (rows,).

    Returns:
        Of shape (labels, items); nan, and p of 1, where no group has rows with and without a label.
    """
    ranks, codes = _ranks(values, groups)
    flags = np.asarray(having, np.float32)
    weight = _weights(flags, codes)
    deviation = _deviation(flags, ranks, codes)
    ranks = ranks.astype(np.float32)
    exact = flags.T @ ranks

    def scaled(sums: Floats) -> Floats:
        return np.divide(sums, deviation, out=np.zeros(sums.shape), where=deviation > 0)

    z = scaled(exact)
    magnitude, as_great, greatest = np.abs(z), np.ones(z.shape), np.empty(trials)
    for trial, order in enumerate(shuffles(len(flags), groups, trials=trials, seed=seed)):
        drawn = np.abs(scaled(flags[order].T @ ranks))
        as_great += drawn >= magnitude - 1e-5
        greatest[trial] = drawn.max(initial=0)
    delta = _over(2 * exact, weight)
    # As tolerant as above: of few rows many orders are as great, and float32 must not put them below.
    p_family = _p_of_greatest(magnitude, greatest + 1e-5)
    return FamilyResult(delta, z, as_great / (1 + trials), p_family, trials, seed)


def family_wise(observed: Floats, null: Floats) -> Floats:
    """Correct for looking at many items: the share of nulls whose greatest |z| is as great (max-T).

    Null: that there is nothing anywhere; holds the family-wise level strongly where items can be told apart
    (subset pivotality; Westfall and Young, 1993).

    Args:
        observed: (items,), studentised. null: (trials, items), the same under the null.

    Returns:
        p of each item, (items,), the observed one counted in.
    """
    return _p_of_greatest(np.abs(observed), np.abs(null).max(axis=1, initial=0))


def false_discovery_rates(p: Floats) -> Floats:
    """The expected share of false findings among those at least as sure (Benjamini and Hochberg, 1995)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p)) if np.size(p) else np.asarray(p, float)


def random_regions(places: Floats, size: int, *, trials: int, seed: int) -> Rows:
    """Contiguous regions of a layout: the `size` points nearest to a random point each.

    Args:
        places: (rows, 2), or of any few dimensions.

    Returns:
        int (trials, size), the centre first.

    Raises:
        InputError: a region would be larger than the layout.
    """
    from scipy.spatial import KDTree

    if not 0 < size <= len(places):
        raise InputError(f"A region of {size:,} points does not fit a layout of {len(places):,}; take fewer.")
    centres = np.random.default_rng(seed).integers(0, len(places), trials)
    found = KDTree(places).query(places[centres], k=size)[1]
    return np.asarray(found, np.int64).reshape(trials, size)


def region_test(
    statistic: Callable[[Rows], float],
    rows: Ints,
    places: Floats,
    *,
    trials: int = 200,
    seed: int,
) -> PermutationResult:
    """Is a selection drawn on a layout special among its regions of the same size?

    Estimand: the statistic's percentile among random contiguous regions (`random_regions`). Null: the
    selection is a region like any other. Exchangeable: regions with a random centre. Any region of a layout
    has something in common, so scattered selections are the wrong null. A selection of a shape that no
    nearest points have (a ring, a thin line) is less compact than its null.

    Args:
        statistic: of rows (size,); great is special. rows: the selection. places: (all rows, 2).
    """
    regions = random_regions(places, len(rows), trials=trials, seed=seed)
    null = np.array([statistic(region) for region in regions])
    return _tested(float(statistic(np.asarray(rows, np.int64))), null, seed)


# --- Effect sizes -------------------------------------------------------------------------------------


def cliffs_delta(having: Bools, values: Floats, groups: Codes | None = None) -> Floats:
    """How much oftener a row with the label has a higher value than one without than a lower: -1 to 1.

    Estimand: P(higher) - P(lower) of a random pair, ties counting for neither (Cliff, 1993). With groups, of
    pairs within a group, the groups weighted n1 n0 / (n1 + n0 + 1) (van Elteren, 1960), which is what is left
    of a difference when the groups' own is taken away.

    Args:
        having: (rows, labels). values: (rows, items). groups: (rows,).

    Returns:
        (labels, items); nan where no group has rows with and without the label.
    """
    ranks, codes = _ranks(values, groups)
    flags = np.asarray(having, np.float64)
    return _over(2 * (flags.T @ ranks), _weights(flags, codes))


def delta_resamples(
    having: Bools,
    values: Floats,
    groups: Codes | None = None,
    *,
    by_group: bool = False,
    trials: int = 200,
    seed: int,
) -> Floats:
    """`cliffs_delta` of resampled rows, with ranks as they were: (trials, labels, items).

    Args:
        by_group: draw whole groups (objects of scenes), for all scenes of this kind; otherwise rows within
            each group (questions of families), for more questions of these families.
    """
    exact, codes = _ranks(values, groups)
    ranks, flags = exact.astype(np.float32), np.asarray(having, np.float32)
    sizes, home = np.bincount(codes), np.argsort(codes, kind="stable")
    starts, rng = np.cumsum(sizes) - sizes, np.random.default_rng(seed)
    found = np.empty((trials, flags.shape[1], ranks.shape[1]), np.float32)
    for trial in range(trials):
        if by_group:
            times = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)))[codes]
        else:
            drawn = starts[codes] + (rng.random(len(codes)) * sizes[codes]).astype(np.int64)
            times = np.bincount(home[drawn], minlength=len(codes))
        weights = times.astype(np.float32)[:, None]
        weighted = flags * weights
        inside, total = cluster_sums(weighted, codes), cluster_sums(weights, codes)
        middle = cluster_sums(ranks * weights, codes) / np.maximum(total, 1)
        above = weighted.T @ ranks - inside.T @ middle
        below = inside * (total - inside) / np.maximum(total, 1) * (sizes / (sizes + 1))[:, None]
        found[trial] = _over(2 * above, below.sum(axis=0))
    return found


def without(values: Floats, covariate: Floats, labels: Bools | None = None, knots: int = 5) -> Floats:
    """Values with all that a smooth curve of a covariate says of them taken off: (rows, items).

    Estimand: what is left of an item at equal covariate. The curve is a cubic spline. Fitted to all rows it
    takes off too what a label shares with the covariate, and that label loses; another label that goes with
    the first one at equal covariate gains. Fitted beside the labels it leaves both as they are, but where the
    covariate is only roughly what the item follows it takes off too little.

    Args:
        values: (rows, items). covariate: (rows,), such as how much of the picture an object covers.
        labels: (rows, labels), beside which the curve is fitted; they are not taken off.
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.preprocessing import SplineTransformer

    basis = SplineTransformer(knots, knots="quantile").fit_transform(np.asarray(covariate)[:, None])
    beside = basis if labels is None else np.hstack([basis, labels])
    curve = LinearRegression().fit(beside, values).coef_[:, : basis.shape[1]]
    left = values - basis @ curve.T
    return np.asarray(left - left.mean(axis=0))


# --- Intervals ----------------------------------------------------------------------------------------


def clopper_pearson(right: int, asked: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share of independent trials; never too narrow (Clopper and Pearson, 1934)."""
    from scipy.stats import binomtest

    low, high = binomtest(right, asked).proportion_ci(level, "exact")
    return float(low), float(high)


def cluster_bootstrap(
    statistic: Callable[[Rows], float],
    clusters: Codes,
    *,
    trials: int = TRIALS,
    seed: int,
    level: float = LEVEL,
) -> Interval:
    """The interval of any statistic, by drawing whole clusters with replacement (percentiles).

    Estimand: the statistic over all clusters of the kind these were drawn from. Under ten clusters there is
    none (Efron and Tibshirani, 1993; Field and Welsh, 2007).

    Args:
        statistic: of rows, int (any number,), with repeats. clusters: (rows,).
    """
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    value = float(statistic(np.arange(len(codes))))
    if reason := too_few(len(members)):
        return Interval(value, None, None, len(members), reason)
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(np.concatenate([members[one] for one in rng.integers(len(members), size=len(members))]))
        for _ in range(trials)
    ]
    low, high = np.nanquantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Interval(value, float(low), float(high), len(members))


def ratio_of_sums(
    above: Floats, below: Floats, clusters: Codes, *, trials: int = TRIALS, seed: int
) -> Interval:
    """A pooled ratio, such as sum(patched - corrupt) / sum(clean - corrupt), by drawing whole clusters.

    Estimand: the ratio of the two means over all clusters of this kind. Never a mean of ratios: pairs with
    hardly a difference to restore would carry it.

    Args:
        above, below, clusters: (rows,).
    """
    sums = cluster_sums(np.stack([above, below], axis=1), clusters)
    clusters_all = np.arange(len(sums))

    def ratio(rows: Rows) -> float:
        upper, lower = sums[rows].sum(axis=0)
        return float(upper / lower) if lower != 0 else float("nan")

    return cluster_bootstrap(ratio, clusters_all, trials=trials, seed=seed)


def ratios_of_sums(
    above: Floats, below: Floats, clusters: Codes, *, trials: int = TRIALS, seed: int
) -> tuple[Floats, Floats, Floats]:
    """`ratio_of_sums` of many items at once, the same clusters drawn for all.

    Args:
        above, below: (rows, items). clusters: (rows,).

    Returns:
        Value, low and high, (items,) each; the ends are nan under ten clusters.
    """
    over, under = (cluster_sums(values, clusters) for values in (above, below))

    def ratio(weights: Floats) -> Floats:
        upper, lower = weights @ over, weights @ under
        return np.asarray(np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0))

    count = len(over)
    value = ratio(np.ones((1, count)))[0]
    if too_few(count):
        return value, np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    drawn = ratio(np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), trials) * 1.0)
    low, high = np.nanquantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return value, low, high


def cluster_sums(values: Floats, clusters: Codes | None) -> Floats:
    """Sums of each cluster's rows: (rows, items) -> (clusters, items), in the order of the names."""
    values = np.asarray(values, np.float64)
    if clusters is None:
        return values
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0))


# --- Shared pieces ------------------------------------------------------------------------------------


def _tested(value: float, null: Floats, seed: int) -> PermutationResult:
    p = (1 + np.sum(~(null < value - 1e-12))) / (1 + len(null))  # nan is no finding
    below = np.mean(null < value - 1e-12) + 0.5 * np.mean(np.abs(null - value) <= 1e-12)
    return PermutationResult(value, null, float(p), float(100 * below), seed)


def _family(effect: Floats, z: Floats, null: Floats, seed: int) -> FamilyResult:
    magnitude, trials = np.abs(z), len(null)
    p = (1 + (null >= magnitude - 1e-9).sum(axis=0)) / (1 + trials)
    return FamilyResult(effect, z, p, _p_of_greatest(magnitude, null.max(axis=1, initial=0)), trials, seed)


def _p_of_greatest(magnitude: Floats, greatest: Floats) -> Floats:
    weaker = np.searchsorted(np.sort(greatest), np.nan_to_num(magnitude) - 1e-9, side="left")
    return np.asarray((1 + len(greatest) - weaker) / (1 + len(greatest)))


def _ranks(values: Floats, groups: Codes | None) -> tuple[npt.NDArray[np.float64], Rows]:
    """Mid-ranks within groups, about zero and divided by the group's size + 1; and the groups as numbers."""
    from scipy.stats import rankdata

    values = np.asarray(values)
    codes = (
        np.zeros(len(values), np.int64)
        if groups is None
        else np.unique(np.asarray(groups), return_inverse=True)[1].ravel().astype(np.int64)
    )
    ranks = np.empty(values.shape, np.float64)
    for rows in np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1]):
        size = len(rows)
        ranks[rows] = (rankdata(values[rows], axis=0) - (size + 1) / 2) / (size + 1)
    return ranks, codes


def _counts(flags: Floats, codes: Rows) -> tuple[Floats, Floats]:
    """How many rows with and without each label every group has: (groups, labels) each."""
    inside = cluster_sums(np.asarray(flags, np.float64), codes)
    return inside, np.bincount(codes)[:, None] - inside


def _weights(flags: Floats, codes: Rows) -> Floats:
    """Sum over groups of n1 n0 / (n1 + n0 + 1): (labels,)."""
    inside, outside = _counts(flags, codes)
    return np.asarray((inside * outside / (inside + outside + 1)).sum(axis=0))


def _over(sums: Floats, weight: Floats) -> Floats:
    """Each label's sums over its weight, nan where there is none: (labels, items)."""
    unknown = np.full(sums.shape, np.nan)
    return np.asarray(np.divide(sums, weight[:, None], out=unknown, where=weight[:, None] > 1e-9))


def _deviation(flags: Floats, ranks: Floats, codes: Rows) -> Floats:
    """Deviation of a label's sum of ranks when labels are shuffled within groups: (labels, items)."""
    inside, outside = _counts(flags, codes)
    size = inside + outside
    share = inside * outside / (size * np.maximum(size - 1, 1))  # (groups, labels)
    return np.asarray(np.sqrt(share.T @ cluster_sums(ranks**2, codes)))
