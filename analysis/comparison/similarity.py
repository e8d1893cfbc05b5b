"""Which blocks of two networks order the questions alike: linear CKA, debiased, beside a null.

CKA compares two sets of vectors of the same questions by how alike their inner products are; turning or
scaling all vectors of one set changes nothing (Kornblith et al., "Similarity of neural network
representations revisited", 2019). With more dimensions than questions the plain estimate nears 1 whatever the
networks do; the unbiased estimate of its parts is about 0 where there is nothing (Song et al., "Feature
selection via dependence maximization", 2012; Nguyen et al., "Do wide and deep networks learn the same
things?", 2021).

Two networks that see the same questions are alike for that alone: an untrained network of the other's build,
asked the same, says how much. What a number means is read beside others of the same table, never by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import LEVEL, cluster_shuffles
from film import Cancel, InputError, Progress, stop_if, too_few

LEFT_OUT = 10  # groups of pictures, each left out once for the intervals


def linear_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Debiased linear CKA of two sets of vectors of the same questions: 1 alike, about 0 unrelated.

    Args:
        one, other: (questions, d), d may differ; four questions or more.

    Returns:
        nan where a set hardly varies.

    Raises:
        InputError: the questions differ in number, or are under four.
    """
    if len(one) != len(other) or len(one) < 4:
        raise InputError(
            f"CKA needs vectors of the same four questions or more, not {len(one)} and {len(other)}."
        )
    return float(_Spaces([one]).beside(_Spaces([other]))[0, 0])


class _Spaces:
    """Vectors of the same questions in several spaces, centred, with what their CKA needs of each alone."""

    def __init__(self, spaces: Sequence[np.ndarray]):
        exact = [np.asarray(space, np.float64) for space in spaces]
        exact = [space - space.mean(axis=0) for space in exact]
        scales = [float(np.sqrt((space**2).sum(axis=1).mean())) for space in exact]
        # A common scale changes nothing and keeps float32's squares in range.
        kept = [
            np.asarray(space / scale if scale > 1e-6 else 0 * space, np.float32)
            for space, scale in zip(exact, scales, strict=True)
        ]
        self.starts = np.cumsum([0, *(space.shape[1] for space in kept)])[:-1]
        self.joined = np.concatenate(kept, axis=1)
        # (questions, spaces)
        self.lengths = np.stack([(space**2).sum(axis=1, dtype=np.float64) for space in kept], axis=1)
        self.own = np.array(
            [
                _unbiased(
                    ((space.T @ space) ** 2).sum(dtype=np.float64),
                    lengths @ lengths, lengths.sum() ** 2, len(space),
                )
                for space, lengths in zip(kept, self.lengths.T, strict=True)
            ]
        )  # fmt: skip

    def beside(self, other: _Spaces, order: np.ndarray | None = None) -> np.ndarray:
        """CKA of each space here with each there, (here, there); `order`: of the other's questions."""
        joined, lengths = (
            (other.joined, other.lengths) if order is None else (other.joined[order], other.lengths[order])
        )
        squares = (self.joined.T @ joined).astype(np.float64) ** 2
        squares = np.add.reduceat(np.add.reduceat(squares, self.starts, axis=0), other.starts, axis=1)
        totals = np.outer(self.lengths.sum(axis=0), lengths.sum(axis=0))
        shared = _unbiased(squares, self.lengths.T @ lengths, totals, len(joined))
        scale = np.outer(self.own, other.own)
        found = np.full(scale.shape, np.nan)
        usable = (self.own > 1e-9)[:, None] & (other.own > 1e-9)[None]
        np.divide(shared, np.sqrt(np.maximum(scale, 1e-30)), out=found, where=usable)
        return found


def _unbiased(squares: Any, shared: Any, totals: Any, count: int) -> Any:
    """The unbiased HSIC of centred vectors with linear kernels, without the kernels (Song et al., 2012).

    Of numbers or arrays of them. squares: the sum of the squared products of all dimensions; shared: the sum
    over questions of the product of both squared lengths; totals: the product of the sums of squared lengths.
    """
    found = squares - shared * count / (count - 2) + totals / ((count - 1) * (count - 2))
    return found / (count * (count - 3))


def similarity_table(
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    clusters: np.ndarray,
    *,
    untrained: Mapping[str, np.ndarray] | None = None,
    untrained_rows: np.ndarray | None = None,
    trials: int,
    seed: int,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """CKA of every space of one network with every space of another, beside a null and an untrained network.

    Null: the other network's vectors are of questions about other pictures (`cluster_shuffles`). Intervals:
    see `left_out_interval`.

    Args:
        one, other: name of a space -> (questions, d).
        clusters: (questions,), pictures.
        untrained: the spaces of `other` as a network of its build has them before training.
        untrained_rows: the questions that these are of, all of them if left out; fewer make the estimate no
            higher or lower, only less sure.

    Returns:
        A row for each pair: one, other (names), cka, low, high (95 %; nan under ten pictures), untrained (CKA
        of one's space with the untrained network's, nan where none is given), null (its mean), null_high
        (95 % of shuffles are below) and p (one-sided); nan where a space does not vary.
    """
    here, there = _Spaces(list(one.values())), _Spaces(list(other.values()))
    value = here.beside(there)
    low, high = left_out_interval(
        list(one.values()), list(other.values()), clusters, seed=seed, cancel=cancel
    )
    before = np.full(value.shape, np.nan)
    if untrained is not None:
        rows = np.arange(len(clusters)) if untrained_rows is None else untrained_rows
        some = _Spaces([space[rows] for space in one.values()])
        before = some.beside(_Spaces(list(untrained.values())))
    null = np.empty((trials, *value.shape))
    for trial, order in enumerate(cluster_shuffles(clusters, trials=trials, seed=seed)):
        stop_if(cancel)
        if progress:
            progress(trial, trials)
        null[trial] = here.beside(there, order)
    p = (1 + (null >= value).sum(axis=0)) / (1 + trials)
    return pd.DataFrame(
        [
            {
                "one": first, "other": second, "cka": value[i, j], "low": low[i, j], "high": high[i, j],
                "untrained": before[i, j], "null": null[:, i, j].mean(),
                "null_high": np.quantile(null[:, i, j], 0.95),
                "p": np.nan if np.isnan(value[i, j]) else p[i, j],
            }
            for i, first in enumerate(one)
            for j, second in enumerate(other)
        ]
    )  # fmt: skip


def left_out_interval(
    one: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    clusters: np.ndarray,
    *,
    seed: int,
    cancel: Cancel | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of the CKA of each space of one network with each of another, (one's, other's) each.

    Estimand: the CKA over all questions about all pictures of this kind. Pictures are left out with all their
    questions, in ten groups (delete-a-group jackknife, with Student's t). A bootstrap would not do: a
    question that is drawn twice is its own best neighbour, which lifts a debiased estimate.

    Args:
        one, other: (questions, d) each. clusters: (questions,), pictures.

    Returns:
        low and high, nan under ten pictures.
    """
    from scipy.stats import t

    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    pictures = int(codes.max()) + 1
    nothing = np.full((len(one), len(other)), np.nan)
    if too_few(pictures):
        return nothing, nothing
    groups = min(LEFT_OUT, pictures)
    group = (np.random.default_rng(seed).permutation(pictures) % groups)[codes]
    found = []
    for left_out in range(groups):
        stop_if(cancel)
        rows = group != left_out
        found.append(_Spaces([s[rows] for s in one]).beside(_Spaces([s[rows] for s in other])))
    value = _Spaces(one).beside(_Spaces(other))
    spread = np.sqrt((groups - 1) / groups * ((found - np.mean(found, axis=0)) ** 2).sum(axis=0))
    half = float(t.ppf(0.5 + LEVEL / 2, groups - 1)) * spread
    return value - half, np.minimum(value + half, 1.0)
