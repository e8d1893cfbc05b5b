"""Gamma and beta of thousands of questions, and where one question stands among them.

Questions are sampled as CLEVR's are, on scenes that nobody draws: gamma and beta depend on the
words alone. They come from the study beside the checkpoint, or are measured when there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.corpus.extraction import Extraction, extract_here
from analysis.corpus.question_set import sample_questions
from film import InputError, Progress, Session

QUESTIONS = 3000  # where there is no study
ENOUGH = 5000  # of a study's questions: with these a percentile is known to a point


@dataclass(frozen=True, eq=False)
class Population:
    """`gamma`, `beta`: (questions, blocks, maps), float16. `texts`, `types`: of the questions.

    `weights`: hash of the network's weights (`film.Card`); `seed`: that the questions were drawn with,
    None where they were given. `families`: CLEVR's, 0 to 89, -1 where a question is of none; None where they
    are not known.
    """

    gamma: np.ndarray
    beta: np.ndarray
    texts: np.ndarray
    types: np.ndarray
    weights: str
    seed: int | None
    families: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.gamma)

    def values(self, kind: str) -> np.ndarray:
        """Gamma or beta (`kind`): (questions, blocks, maps), float16.

        Raises:
            InputError: `kind` is neither.
        """
        if kind not in ("gamma", "beta"):
            raise InputError(f"A population is of gamma or beta, not of {kind!r}.")
        return self.gamma if kind == "gamma" else self.beta

    @cached_property
    def _gamma(self) -> _Spread:
        return _Spread.of(self.gamma)

    @cached_property
    def _beta(self) -> _Spread:
        return _Spread.of(self.beta)

    def spread(self, kind: str) -> _Spread:
        """Mean and standard deviation of gamma or beta (`kind`) over questions, (blocks, maps) each.

        Raises:
            InputError: `kind` is neither.
        """
        self.values(kind)
        return self._gamma if kind == "gamma" else self._beta


@dataclass(frozen=True, eq=False)
class _Spread:
    """What a standing is read from: sorted values (questions, values), mean and deviation (blocks, maps)."""

    ordered: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @staticmethod
    def of(values: np.ndarray) -> _Spread:
        exact = values.astype(np.float32)
        ordered = np.sort(exact.reshape(len(exact), -1), axis=0)
        return _Spread(ordered, exact.mean(axis=0), exact.std(axis=0))


@dataclass(frozen=True, eq=False)
class Standing:
    """Where one question's values stand: `z` and `percentile` (0..100), (blocks, maps) each.

    `z` is 0 where the population does not vary.
    """

    z: np.ndarray
    percentile: np.ndarray
    questions: int


def standing(population: Population, kind: str, values: np.ndarray) -> Standing:
    """Compare one question's gamma or beta, (blocks, maps), with the population's.

    The percentile counts equal values half, so that the median of a symmetric population is 50.

    Raises:
        InputError: the values are of another network's shape.
    """
    if values.shape != population.gamma.shape[1:]:
        raise InputError(
            f"These values are of shape {values.shape}, the population's of {population.gamma.shape[1:]} "
            "(blocks, maps); measure the population of this checkpoint."
        )
    spread = population.spread(kind)
    varies = spread.deviation > 1e-6
    z = np.where(varies, (values - spread.mean) / np.where(varies, spread.deviation, 1), 0.0)
    # The population is kept in half precision; so is what is compared with it.
    here = values.astype(population.gamma.dtype).astype(np.float32).ravel()
    below, equal = (spread.ordered < here).sum(axis=0), (spread.ordered == here).sum(axis=0)
    share = (below + equal / 2) / len(population)
    return Standing(z, 100 * share.reshape(values.shape), len(population))


def most_unusual(gamma: Standing, beta: Standing, count: int = 6) -> list[tuple[int, int]]:
    """The (block, map) pairs, from 0, whose gamma or beta is farthest from the population's mean, by |z|."""
    size = np.maximum(np.abs(gamma.z), np.abs(beta.z))
    best = np.argsort(-size, axis=None, kind="stable")[:count]
    return [
        (int(block), int(number)) for block, number in np.stack(np.unravel_index(best, size.shape), axis=1)
    ]


def population_of(extraction: Extraction, most: int = ENOUGH) -> Population:
    """The first questions of an extraction as a population to stand among."""
    extraction = extraction.take(slice(most))
    return Population(
        gamma=np.asarray(extraction.gamma, np.float16),
        beta=np.asarray(extraction.beta, np.float16),
        texts=extraction.table["text"].to_numpy(),
        types=extraction.table["type"].to_numpy(),
        weights=extraction.recipe["weights"],
        seed=extraction.recipe["seed"],
        families=extraction.table["family"].to_numpy() if "family" in extraction.table else None,
    )


def measure_population(
    session: Session, questions: int = QUESTIONS, seed: int = 0, progress: Progress | None = None
) -> Population:
    """Sample questions and read them all; some seconds for three thousand.

    Args:
        progress: called with the number of questions drawn, which is nearly all of the work, and of all.
    """
    asked = sample_questions(questions, seed, progress=progress)
    return population_of(extract_here(session, asked))
