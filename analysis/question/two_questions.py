"""Two questions beside each other: by how much every map's gamma and beta differ, and how much is usual.

Differences are in standard deviations over many questions, so that a map whose gamma is always large does not
come first for that alone. What is usual comes from pairs of those questions drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.question.population import Population
from analysis.question.word_contributions import Kind
from film import InputError

KINDS: tuple[Kind, ...] = ("gamma", "beta")
PAIRS = 1000  # of questions, drawn at random


@dataclass(frozen=True, eq=False)
class TwoQuestions:
    """What another question changes, (blocks, maps) by "gamma" and "beta" each.

    `first`, `second`: the values under the two questions. `difference`: the second less the first, in
    standard deviations over questions; 0 for a map that does not vary. `percentile`: what per cent of random
    pairs differ less in this map. `greatest`: of the random pairs, median and 95th percentile of the greatest
    |difference| of all maps, by kind. `pairs`, `questions`, `seed`: of the sample.
    """

    first: Mapping[Kind, np.ndarray]
    second: Mapping[Kind, np.ndarray]
    difference: Mapping[Kind, np.ndarray]
    percentile: Mapping[Kind, np.ndarray]
    greatest: Mapping[Kind, tuple[float, float]]
    pairs: int
    questions: int
    seed: int

    def ranked(self, by: Kind | None = None) -> pd.DataFrame:
        """A row a map, the greatest |difference| first: block (from 1), map, and of each kind its values.

        Args:
            by: gamma or beta alone; None: whichever of the two differs more.
        """
        blocks, maps = self.difference["gamma"].shape
        columns = {"block": np.repeat(np.arange(blocks) + 1, maps), "map": np.tile(np.arange(maps), blocks)}
        for kind in KINDS:
            columns[f"{kind}_difference"] = self.difference[kind].ravel()
            columns[f"{kind}_percentile"] = self.percentile[kind].ravel()
            columns[f"{kind}_first"] = self.first[kind].ravel()
            columns[f"{kind}_second"] = self.second[kind].ravel()
        size = np.max([np.abs(self.difference[kind]).ravel() for kind in ((by,) if by else KINDS)], axis=0)
        return pd.DataFrame(columns).iloc[np.argsort(-size, kind="stable")]


def compare_questions(
    population: Population,
    first: Mapping[Kind, np.ndarray],
    second: Mapping[Kind, np.ndarray],
    *,
    seed: int = 0,
) -> TwoQuestions:
    """Compare gamma and beta of two questions, map by map; some hundredths of a second.

    Args:
        population: the questions whose deviations are the unit, and of which random pairs are drawn.
        first, second: gamma and beta of the two questions by name, (blocks, maps) each.
        seed: draws the pairs.

    Raises:
        InputError: the values are of another network's shape, or the population has fewer than two questions.
    """
    shape, count = population.gamma.shape[1:], len(population)
    if count < 2:
        raise InputError("Two questions are compared in deviations over many; measure two questions or more.")
    for values in (first, second):
        for kind in KINDS:
            if values[kind].shape != shape:
                raise InputError(
                    f"These values are of shape {values[kind].shape}, the population's of {shape} (blocks, "
                    "maps); measure the population of this checkpoint."
                )
    rng = np.random.default_rng(seed)
    one = rng.integers(count, size=PAIRS)
    other = (one + rng.integers(1, count, size=PAIRS)) % count  # never the same question
    difference, percentile, greatest = {}, {}, {}
    for kind in KINDS:
        deviation = population.spread(kind).deviation
        unit = np.where(deviation > 1e-6, deviation, np.inf)
        drawn = population.values(kind)
        apart = np.abs(drawn[one].astype(np.float32) - drawn[other].astype(np.float32)) / unit
        difference[kind] = (second[kind] - first[kind]) / unit
        percentile[kind] = 100 * (apart < np.abs(difference[kind])).mean(axis=0)
        median, high = np.quantile(apart.max(axis=(1, 2)), (0.5, 0.95))
        greatest[kind] = (float(median), float(high))
    return TwoQuestions(first, second, difference, percentile, greatest, PAIRS, count, seed)
