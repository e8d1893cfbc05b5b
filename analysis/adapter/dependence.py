"""Rows that do not stand for themselves: those modulated alike, and those of one group, such as a subject.

A cluster is what counts as one: rows of the same group, or with the same gammas and betas, and whatever these
hang together with. Folds, shuffles and intervals of a study are of clusters.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.corpus.extraction import Extraction, vectors
from analysis.statistics import cluster_shuffles

FEWEST = 10  # groups; fewer say nothing of others


def conditions_of(study: Extraction) -> np.ndarray:
    """Numbers from 0 on for rows whose gammas and betas are alike, to four places: int (rows,)."""
    values = vectors(study, "both").round(4) + 0.0  # -0 is 0
    return np.asarray(pd.factorize(np.array([row.tobytes() for row in values], object))[0])


def clusters_of(study: Extraction) -> np.ndarray:
    """Numbers from 0 on for rows that count as one: int (rows,).

    Without groups these are the conditions. Groups that share a condition are one cluster: what is alike in
    both is seen once.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    condition = conditions_of(study)
    if not study.schema.groups:
        return condition
    group = pd.factorize(study.table[study.schema.groups])[0]
    first = int(group.max(initial=-1)) + 1
    size = first + int(condition.max(initial=-1)) + 1
    joined = coo_array((np.ones(len(group)), (group, first + condition)), shape=(size, size))
    part = connected_components(joined, directed=False)[1][group]
    return np.asarray(pd.factorize(part)[0])


def constant_within(values: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Whether all rows of a row's cluster have its value: bool (rows,)."""
    kinds = pd.DataFrame({"v": values, "c": cluster}).groupby("c")["v"].transform("nunique")
    return np.asarray(kinds == 1)


def moved(values: np.ndarray, cluster: np.ndarray, *, trials: int, seed: int) -> np.ndarray:
    """Values given to other clusters at random: (trials, rows).

    Where each cluster has one value, clusters exchange theirs; otherwise a cluster's rows get, in any order,
    the values of another's rows (`cluster_shuffles`).
    """
    if constant_within(values, cluster).all():
        _, first, codes = np.unique(cluster, return_index=True, return_inverse=True)
        own, rng = values[first], np.random.default_rng(seed)
        return np.array([own[rng.permutation(len(own))][codes] for _ in range(trials)], values.dtype)
    orders = cluster_shuffles(cluster, trials=trials, seed=seed)
    return np.array([values[order] for order in orders], values.dtype)
