"""What patches do over many minimal pairs: pooled shares, and tests against a control, by kind of change.

Significance is by sign flips of whole pictures, corrected over all items (max-T); what is claimed on some
pictures must hold on others. Shares are pooled, sum of effects over sum of distances, with intervals by
picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.interventions.pairs import KINDS, MinimalPair
from analysis.statistics import ratio_of_sums, sign_flip_test
from film import InputError

HELD_OUT, LEVEL = 1 / 3, 0.05  # share of pictures kept aside; of p
TRIALS = 2000
RESAMPLED = 500  # for an interval
FEWEST = 6  # clusters from which sign flips reach LEVEL: of five, 2 of 2^5 orders are as great as any


def by_kind(
    pairs: Sequence[MinimalPair],
    moved: np.ndarray,
    control: np.ndarray,
    distance: np.ndarray,
    kept: np.ndarray,
    items: pd.DataFrame,
    *,
    with_interval: np.ndarray | None = None,
    there: np.ndarray | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every item for every kind of change, and for all kinds together ("any").

    Args:
        moved: how far each patch moves each pair's metric, logits (pairs, items).
        control: the same by the control's patch.
        distance: what there is to recover, logits (pairs,).
        kept: which pairs count, bool (pairs,).
        items: a row an item: what it is.
        with_interval: of which items a share's interval is computed, bool (items,); of all if left out.
        there: which pairs have which item, bool (pairs, items); all if left out. An item that a pair has not
            counts as no effect in the tests and not at all in the shares and means.
        seed: of the pictures kept aside, sign flips and intervals.

    Returns:
        For each kind a row an item: kind, the columns of `items`, pairs, pictures, share (low, high: 95 %
        interval by picture, nan under ten pictures), control (its share), effect (mean logits beyond the
        control), p (family-wise, max-T), held_out (effect on pictures kept aside), held_out_p, claimed (p at
        most 0.05, and the same sign with p at most 0.05 on the pictures kept aside).

    Raises:
        InputError: the pairs that count are on too few pictures to test anything.
    """
    there = np.ones(moved.shape, bool) if there is None else there
    with_interval = np.ones(len(items), bool) if with_interval is None else with_interval
    moved, control = np.where(there, moved, 0.0), np.where(there, control, 0.0)
    beyond, below = moved - control, there * distance[:, None]
    picture = pd.factorize(pd.Series([pair.picture for pair in pairs]))[0]
    names = np.unique(picture)
    aside = np.random.default_rng(seed).permutation(names)[: round(len(names) * HELD_OUT)]
    held_out = np.isin(picture, aside)
    tables = []
    for kind in (*KINDS, "any"):
        here = kept & np.array([kind in ("any", pair.kind) for pair in pairs])
        found, confirmed = here & ~held_out, here & held_out
        if min(len(np.unique(picture[found])), len(np.unique(picture[confirmed]))) < 2:
            continue
        test = sign_flip_test(beyond[found], picture[found], trials=TRIALS, seed=seed)
        again = sign_flip_test(beyond[confirmed], picture[confirmed], trials=TRIALS, seed=seed + 1)
        low, high = np.full(len(items), np.nan), np.full(len(items), np.nan)
        for item in np.flatnonzero(with_interval):
            share = ratio_of_sums(
                moved[here, item], below[here, item], picture[here], trials=RESAMPLED, seed=seed
            )
            low[item], high[item] = (np.nan if end is None else end for end in (share.low, share.high))
        effect, effect_aside = _mean(beyond, there, found), _mean(beyond, there, confirmed)
        tables.append(
            items.assign(
                kind=kind, pairs=there[here].sum(axis=0), pictures=len(np.unique(picture[here])),
                share=_over(moved[here].sum(axis=0), below[here].sum(axis=0)), low=low, high=high,
                control=_over(control[here].sum(axis=0), below[here].sum(axis=0)),
                effect=effect, p=test.p_family, held_out=effect_aside, held_out_p=again.p,
                claimed=(test.p_family <= LEVEL) & (again.p <= LEVEL)
                & (np.sign(effect) == np.sign(effect_aside)),
            )
        )  # fmt: skip
    if not tables:
        raise InputError(
            f"{int(kept.sum())} of {len(pairs)} pairs have answers a logit apart, on too few pictures to "
            "test anything: take more pairs, or a network that tells the questions apart."
        )
    first = ["kind", *items.columns]
    table = pd.concat(tables, ignore_index=True)
    return table[[*first, *table.columns.drop(first)]]


def _mean(values: np.ndarray, there: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Over the pairs that have an item: (items,)."""
    return _over(values[rows].sum(axis=0), there[rows].sum(axis=0))


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0))
