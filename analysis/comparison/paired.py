"""Differences between two networks on the same questions, with intervals that know of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import LEVEL, Interval, cluster_sums, sign_flip_test
from film import clustered_share, too_few

# Where the networks hardly differ, how alike a picture's questions are cannot be measured; it is then drawn
# to this value, which counts as much as so many differing questions (as `film.clustered_share` does).
USUAL_CORRELATION, USUAL_WEIGHT = 0.05, 5


def accuracy_difference(one: np.ndarray, other: np.ndarray, pictures: np.ndarray) -> Interval:
    """The accuracy of `other` less that of `one`, on the same questions.

    Estimand: the difference over all questions about all pictures of this kind. The interval is Bonett and
    Price's adjusted Wald for paired proportions (J. Educ. Behav. Stat. 37, 2012), the counts divided by the
    design effect of the differences, with Student's t for as many pictures as there are. Pictures are taken
    as drawn independently.

    Args:
        one, other: bool (questions,), which each network has right. pictures: (questions,), of any kind.
    """
    from scipy.stats import t

    change = np.asarray(other, float) - np.asarray(one, float)  # -1, 0 or 1
    codes = np.unique(np.asarray(pictures), return_inverse=True)[1].ravel()
    clusters, value = int(codes.max()) + 1, float(change.mean())
    if reason := too_few(clusters):
        return Interval(value, None, None, clusters, reason)
    effect = _design_effect(change, codes)
    asked = len(change) / effect
    gained = (float((change > 0).sum()) / effect + 1) / (asked + 2)
    lost = (float((change < 0).sum()) / effect + 1) / (asked + 2)
    middle = gained - lost
    half = float(t.ppf(0.5 + LEVEL / 2, clusters - 1)) * np.sqrt((gained + lost - middle**2) / (asked + 2))
    return Interval(value, float(max(middle - half, -1)), float(min(middle + half, 1)), clusters)


def _design_effect(change: np.ndarray, codes: np.ndarray) -> float:
    """How many times wider the variance of the mean is than if each question had a picture of its own."""
    sizes = np.bincount(codes).astype(float)
    usual = 1 + (float(sizes @ sizes) / len(change) - 1) * USUAL_CORRELATION
    around = change - change.mean()
    plain = float(around @ around)
    if plain == 0:
        return usual
    clusters = len(sizes)
    clustered = float((np.bincount(codes, around) ** 2).sum()) * clusters / (clusters - 1)
    weight = float(np.count_nonzero(change))
    return max(1.0, (weight * clustered / plain + USUAL_WEIGHT * usual) / (weight + USUAL_WEIGHT))


def mean_difference(change: np.ndarray, clusters: np.ndarray) -> Interval:
    """The mean of a number's change from one network to the other, over questions.

    Estimand: the mean over all questions about all pictures of this kind; the interval is Student's t on the
    sums of whole clusters.

    Args:
        change: (questions,). clusters: (questions,), pictures.
    """
    from scipy.stats import t

    value = float(np.mean(change))
    sums = cluster_sums(np.asarray(change, float)[:, None] - value, clusters)[:, 0]
    count = len(sums)
    if reason := too_few(count):
        return Interval(value, None, None, count, reason)
    error = np.sqrt((sums**2).sum() * count / (count - 1)) / len(change)
    half = float(t.ppf(0.5 + LEVEL / 2, count - 1) * error)
    return Interval(value, value - half, value + half, count)


def accuracy_table(questions: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Accuracy of both networks, overall and by question type, and what the second gains.

    Args:
        questions: with columns type, picture, right_one and right_other.
        seed: of the sign flips.

    Returns:
        A row for all questions and one for each type: value, asked, pictures, accuracy_one, accuracy_other,
        gained and lost (questions that only the second, and only the first has right), difference, low, high
        (95 %; nan under ten pictures), p (sign flips of whole pictures) and p_family (corrected for looking
        at all types, max-T).
    """
    change = questions["right_other"].to_numpy(float) - questions["right_one"].to_numpy(float)
    kinds = sorted(set(questions["type"]) - {""})
    members = [np.ones(len(questions), bool), *((questions["type"] == kind).to_numpy() for kind in kinds)]
    owner = questions["picture"].to_numpy()
    effects = change[:, None] * np.stack(members, axis=1)
    whole = sign_flip_test(effects[:, :1], owner, seed=seed)
    parts = sign_flip_test(effects[:, 1:], owner, seed=seed) if kinds else None
    rows = []
    for place, (name, mask) in enumerate(zip(["all", *kinds], members, strict=True)):
        own = questions[mask]
        found = accuracy_difference(own["right_one"].to_numpy(), own["right_other"].to_numpy(), owner[mask])
        tested, item = (whole, 0) if place == 0 or parts is None else (parts, place - 1)
        rows.append(
            {
                "value": name, "asked": len(own), "pictures": found.clusters,
                **_each(own, owner[mask]),
                "gained": int((change[mask] > 0).sum()), "lost": int((change[mask] < 0).sum()),
                "difference": found.value, **ends(found),
                "p": float(tested.p[item]), "p_family": float(tested.p_family[item]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _each(questions: pd.DataFrame, owner: np.ndarray) -> dict[str, float]:
    """Each network's own accuracy, with its interval."""
    found: dict[str, float] = {}
    for side in ("one", "other"):
        share = clustered_share(questions[f"right_{side}"].to_numpy(bool), owner)
        found[f"accuracy_{side}"] = share.accuracy
        found |= {
            f"{end}_{side}": np.nan if value is None else value
            for end, value in (("low", share.low), ("high", share.high))
        }
    return found


def ends(interval: Interval) -> dict[str, float]:
    """`low` and `high` for a table, nan where there is no interval."""
    return {
        name: np.nan if end is None else end for name, end in (("low", interval.low), ("high", interval.high))
    }


def parameter_table(
    one: Sequence[np.ndarray], other: Sequence[np.ndarray], clusters: np.ndarray
) -> pd.DataFrame:
    """Gammas and betas of both networks, block by block.

    Args:
        one, other: gamma and beta, (questions, blocks, maps) each; numbers of blocks and maps may differ.
        clusters: (questions,), pictures.

    Returns:
        A row for gamma and beta and each block that both have: parameter, block (from 1), statistic (mean;
        below zero, a share; spread, the mean distance of a map's value from its own mean over questions), one
        and other, difference, low and high (95 %).
    """
    rows: list[dict[str, Any]] = []
    for parameter, first, second in zip(("gamma", "beta"), one, other, strict=True):
        for block in range(min(first.shape[1], second.shape[1])):
            values = [np.asarray(part[:, block], np.float32) for part in (first, second)]
            for name, measure in _STATISTICS.items():
                each = [measure(part) for part in values]
                found = mean_difference(each[1] - each[0], clusters)
                rows.append(
                    {
                        "parameter": parameter, "block": block + 1, "statistic": name,
                        "one": float(each[0].mean()), "other": float(each[1].mean()),
                        "difference": found.value, **ends(found),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


# Each of a block's values (questions, maps): a number for every question.
_STATISTICS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda values: values.mean(axis=1),
    "below zero": lambda values: (values < 0).mean(axis=1),
    "spread": lambda values: np.abs(values - values.mean(axis=0)).mean(axis=1),
}
