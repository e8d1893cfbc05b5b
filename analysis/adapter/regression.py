"""How much of a number a ridge regression reads off gammas and betas, beside the same on moved numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.adapter.dependence import moved
from analysis.corpus.probes import FOLDS, Fold, rotated
from analysis.statistics import ratio_of_sums
from film import Cancel, stop_if

PENALTY = 10.0  # on standardised values, as strong as that of the logistic probes
TRIALS, RESAMPLES = 199, 500
COLUMNS = "target space block axes tested clusters r2 low high null null_high p p_family"


def regressions(
    spaces: Sequence[tuple[str, int, np.ndarray]],
    numbers: dict[str, np.ndarray],
    folds: Sequence[Fold],
    cluster: np.ndarray,
    *,
    seed: int,
    trials: int = TRIALS,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """Train and test a ridge regression for every number in every space.

    Estimand: R squared on clusters that it was not trained on, of the squared error of always saying the
    mean; below zero where that is better. Null: numbers of other clusters (`moved`), the same for all spaces.

    Args:
        spaces: (space, layer, vectors (rows, d)). numbers: by label, (rows,).
        folds: rows to train on and to test on; no cluster is in both. cluster: (rows,).

    Returns:
        A row for every label and space: target, space, block (the layer from 1, 0 for all), axes, tested
        (rows), clusters, r2 with low and high (95 %, clusters drawn anew), null (mean) and null_high (95 % of
        shuffles are below), p, and p_family, corrected for all spaces and labels.
    """
    drawn = {name: moved(values, cluster, trials=trials, seed=seed) for name, values in numbers.items()}
    targets = {name: np.vstack([numbers[name], null]).T for name, null in drawn.items()}
    rows: list[dict[str, Any]] = []
    shares: dict[str, list[np.ndarray]] = {name: [] for name in numbers}
    for space, block, values in spaces:
        stop_if(cancel)
        turned = [rotated(values, train) for train, _ in folds]
        for name, target in targets.items():
            told, plain = _errors(turned, target, folds)
            share = 1 - told.sum(axis=0) / np.maximum(plain.sum(axis=0), 1e-30)
            shares[name].append(share)
            gained = plain[:, 0] - told[:, 0]
            ends = ratio_of_sums(gained, plain[:, 0], cluster, trials=RESAMPLES, seed=seed)
            rows.append(
                {
                    "target": name, "space": space, "block": block,
                    "axes": max(each.shape[1] for each in turned), "tested": len(cluster),
                    "clusters": len(np.unique(cluster)), "r2": share[0],
                    "low": np.nan if ends.low is None else ends.low,
                    "high": np.nan if ends.high is None else ends.high,
                    "null": share[1:].mean(), "null_high": np.quantile(share[1:], 0.95),
                    "p": (1 + (share[1:] >= share[0]).sum()) / (1 + trials),
                }
            )  # fmt: skip
    found = pd.DataFrame(rows, columns=COLUMNS.split())
    greatest = {name: np.max(of, axis=0)[1:] for name, of in shares.items()}
    for row in found.itertuples():
        as_great = (greatest[row.target] >= row.r2).sum()
        found.loc[row.Index, "p_family"] = min(1.0, len(numbers) * (1 + as_great) / (1 + trials))
    return found.astype({"p_family": float})


def _errors(
    turned: Sequence[np.ndarray], target: np.ndarray, folds: Sequence[Fold]
) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of the regression and of the training rows' mean, (rows, targets) each."""
    from sklearn.linear_model import Ridge

    told, plain = np.zeros(target.shape), np.zeros(target.shape)
    for values, (train, test) in zip(turned, folds, strict=True):
        said = Ridge(PENALTY).fit(values[train], target[train]).predict(values[test])
        told[test] = (target[test] - said.reshape(len(test), -1)) ** 2
        plain[test] = (target[test] - target[train].mean(axis=0)) ** 2
    return told, plain


def by_cluster(cluster: np.ndarray, seed: int) -> list[Fold]:
    """Folds of whole clusters that test each row once."""
    count = int(cluster.max(initial=-1)) + 1
    own = (np.random.default_rng(seed).permutation(count) % FOLDS)[cluster]
    return [(np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(FOLDS)]
