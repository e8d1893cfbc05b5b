"""Where a network's errors lie: in which types of question, which regions of a projection, which selection.

A share of wrong answers has an interval over pictures, and two nulls that shuffle which questions were
answered wrongly: within each picture (some scenes are hard, whatever is asked), and within each type of
question (some types are hard, wherever their questions lie).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from analysis.corpus.layout import Layout
from analysis.statistics import family_wise, random_regions, shuffles
from film import InputError, clustered_share

TRIALS = 500
SHUFFLES_AT_ONCE = 64
REGIONS, REGION = 300, 200  # regions of a projection that are looked at, and questions in each


def error_shares(
    wrong: np.ndarray,
    owner: np.ndarray,
    members: Mapping[str, np.ndarray],
    *,
    within: np.ndarray | None = None,
    trials: int = TRIALS,
    seed: int = 0,
) -> pd.DataFrame:
    """The share of wrong answers in sets of questions, with intervals, held to shuffled errors.

    Null: within each group, errors have nothing to do with the sets. Two-sided, over all sets (max-T).

    Args:
        wrong: bool (questions,). owner: (questions,), the picture of each.
        members: name -> bool (questions,), or rows, of a set.
        within: (questions,), the groups within which errors are shuffled; pictures if left out.

    Returns:
        A row for each set that is not empty: value, wrong, asked, pictures, share, low, high (95 %, clustered
        by picture; nan under ten pictures), interval (in words), expected (the null's mean share), p_family.
    """
    rows = {name: np.flatnonzero(which) if which.dtype == bool else which for name, which in members.items()}
    rows = {name: which for name, which in rows.items() if len(which)}
    found = []
    for name, which in rows.items():
        share = clustered_share(wrong[which], owner[which])
        found.append((name, share.right, share.asked, share.clusters, share.accuracy, share.low, share.high,
                      share.interval()))  # fmt: skip
    columns = ["value", "wrong", "asked", "pictures", "share", "low", "high", "interval"]
    table = pd.DataFrame(found, columns=columns).astype({"low": float, "high": float})
    groups = owner if within is None else within
    if len(rows) == 1:
        null = _drawn(wrong, groups, next(iter(rows.values())), trials, seed)
    else:
        null = _counted(wrong, shuffles(len(wrong), groups, trials=trials, seed=seed), list(rows.values()))
    mean, deviation = null.mean(axis=0), np.maximum(null.std(axis=0), 1e-9)
    z, drawn = (table["wrong"].to_numpy() - mean) / deviation, (null - mean) / deviation
    moved = null.std(axis=0) > 0  # where no shuffle changes anything, nothing can be said
    z, drawn = np.where(moved, z, 0.0), np.where(moved, drawn, 0.0)
    return table.assign(expected=mean / np.maximum(table["asked"], 1), p_family=family_wise(z, drawn))


def _counted(wrong: np.ndarray, orders: Iterator[np.ndarray], sets: Sequence[np.ndarray]) -> np.ndarray:
    """How many errors each shuffle puts into each set: float (trials, sets)."""
    from scipy.sparse import csr_array

    lengths = [len(rows) for rows in sets]
    held = csr_array(
        (np.ones(sum(lengths), np.float32), np.concatenate(sets), np.cumsum([0, *lengths])),
        shape=(len(sets), len(wrong)),
    )
    counts = []
    while some := list(islice(orders, SHUFFLES_AT_ONCE)):
        counts.append((held @ wrong[np.stack(some)].T.astype(np.float32)).T)
    return np.concatenate(counts).astype(float)


def _drawn(wrong: np.ndarray, groups: np.ndarray, which: np.ndarray, trials: int, seed: int) -> np.ndarray:
    """How many errors shuffles within groups put into one set, (trials, 1), without shuffling."""
    codes = np.unique(groups, return_inverse=True)[1].ravel()
    bad, all = np.bincount(codes, wrong).astype(int), np.bincount(codes)
    taken = np.bincount(codes[which], minlength=len(all))
    rng = np.random.default_rng(seed)
    found = rng.hypergeometric(bad, all - bad, taken, (trials, len(all))).sum(axis=1, keepdims=True)
    return np.asarray(found, float)


def error_regions(
    wrong: np.ndarray,
    owner: np.ndarray,
    layout: Layout,
    *,
    within: np.ndarray | None = None,
    size: int = REGION,
    regions: int = REGIONS,
    trials: int = TRIALS,
    seed: int = 0,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Regions of a projection in which most answers are wrong, held to all other regions.

    Args:
        wrong, owner, within: of all questions of the study, as in `error_shares`.
        size: questions of a region, which are the nearest to one of them on the projection.
        regions: how many are looked at, about points drawn with `seed`.

    Returns:
        The table of `error_shares`, the highest share first, no two regions overlapping by more than a half;
        and the study's rows of each, int (regions, size).

    Raises:
        InputError: the projection has fewer points than a region.
    """
    if len(layout.places) < 2 * size:
        raise InputError(f"{len(layout.places):,} points are too few for regions of {size:,}.")
    drawn = random_regions(layout.places, size, trials=regions, seed=seed)
    here = layout.rows
    table = error_shares(
        wrong[here], owner[here], {str(number): rows for number, rows in enumerate(drawn)},
        within=None if within is None else within[here], trials=trials, seed=seed,
    )  # fmt: skip
    kept: list[int] = []
    for number in table["share"].sort_values(ascending=False, kind="stable").index:
        if all(len(np.intersect1d(drawn[number], drawn[other])) <= size / 2 for other in kept):
            kept.append(int(number))
    return table.loc[kept].reset_index(drop=True), here[drawn[kept]]
