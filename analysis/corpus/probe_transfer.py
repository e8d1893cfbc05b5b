"""Does a probe trained on one block read another? The same direction may carry a label through the network.

A block's output is its input plus what the block adds, so a direction of its maps can live on in the next.
Gammas (and betas) of different blocks belong to different maps: a probe that still reads them found the two
alike by the numbers of the maps, which nothing asks for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import Observed
from analysis.corpus.probes import PENALTY, STEPS, TOLERANCE, ProbeTask, probe_tasks
from film import Cancel, Progress, clustered_share, stop_if

SPACES = ("maps", "gamma", "beta")
COLUMNS = (
    "target", "space", "trained", "read", "tested", "accuracy", "low", "high", "control", "control_low",
    "control_high", "selectivity", "majority",
)  # fmt: skip


def probe_transfer(
    observed: Observed,
    *,
    seed: int = 0,
    chosen: Mapping[str, pd.Series] | None = None,
    threads: int = 2,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """Train a probe on each block and test it on every block, on other pictures, beside its control labels.

    Each block is standardised by its own training questions. Control: the same on labels drawn for each
    question family, as in `probe`.

    Args:
        chosen: labels by the target's name; those of `targets` by default.

    Returns:
        A row for each target, space (maps, gamma, beta), block trained on and block read: target, space,
        trained, read (from 1), tested, accuracy, low, high (95 %, clustered by picture), control with its low
        and high, selectivity, and majority.

    Raises:
        InputError: there are too few pictures. Cancelled: `cancel` said so.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    folds, _, tasks = probe_tasks(observed.table, seed=seed, chosen=chosen)
    blocks = observed.gamma.shape[1]
    arrays = {"maps": observed.pooled[:, 1:], "gamma": observed.gamma, "beta": observed.beta}

    def measure(space: str, task: ProbeTask) -> list[dict[str, Any]]:
        if cancel and cancel():
            return []
        values = [_standardised(arrays[space], train) for train, _ in folds]
        right = _tested(values, task, task.labels, blocks)
        null = _tested(values, task, task.control, blocks)
        majority = task.controls(None)["majority"]
        owner = task.owner[np.concatenate([test for _, test in task.folds])]
        return [
            _row(task.name, space, one, other, right[one, other], null[one, other], owner, majority)
            for one in range(blocks)
            for other in range(blocks)
        ]

    rows: list[dict[str, Any]] = []
    with threadpool_limits(1), warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)
        waiting = [pool.submit(measure, space, task) for task in tasks for space in SPACES]
        try:
            for done, found in enumerate(waiting, start=1):
                rows += found.result()
                if progress:
                    progress(done, len(waiting))
        except BaseException:  # a visitor who stops it does not wait for the rest
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    stop_if(cancel)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Each block by its own training rows: float32 (questions, blocks, maps)."""
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    scaled: np.ndarray = ((values - mean) / np.where(deviation > 1e-6, deviation, 1)).astype(np.float32)
    return scaled


def _tested(values: list[np.ndarray], task: ProbeTask, labels: np.ndarray, blocks: int) -> np.ndarray:
    """Whether each tested question was told rightly: bool (trained, read, questions)."""
    from sklearn.linear_model import LogisticRegression

    found = []
    for each, (train, test) in zip(values, task.folds, strict=True):
        right = np.zeros((blocks, blocks, len(test)), bool)
        for one in range(blocks):
            if len(np.unique(labels[train])) < 2:
                right[one] = labels[test] == labels[train][0]
                continue
            probe = LogisticRegression(C=PENALTY, max_iter=STEPS, tol=TOLERANCE)
            probe.fit(each[train, one], labels[train])
            for other in range(blocks):
                right[one, other] = probe.predict(each[test, other]) == labels[test]
        found.append(right)
    return np.concatenate(found, axis=2)


def _row(
    target: str, space: str, one: int, other: int, right: np.ndarray, null: np.ndarray, owner: np.ndarray,
    majority: float,
) -> dict[str, Any]:  # fmt: skip
    told: dict[str, Any] = {"target": target, "space": space, "trained": one + 1, "read": other + 1}
    told["tested"] = len(right)
    for name, hits in (("accuracy", right), ("control", null)):
        share = clustered_share(hits, owner)
        start = "" if name == "accuracy" else "control_"
        told |= {name: share.accuracy, f"{start}low": share.low, f"{start}high": share.high}
    return told | {"selectivity": told["accuracy"] - told["control"], "majority": majority}
