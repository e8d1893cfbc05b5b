"""Gamma and beta of thousands of questions, and where one question stands among them.

Questions are sampled as CLEVR's are, on scenes that nobody draws: gamma and beta depend on the
words alone. The arrays lie beside the checkpoint they were measured with and name its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from film import InputError, Question, QuestionSampler, Session, question_type, sample_scene, write_atomically

FILE = "population.npz"
QUESTIONS, PER_SCENE = 3000, 20
AT_ONCE = 256  # questions between two reports of progress


@dataclass(frozen=True, eq=False)
class Population:
    """`gamma`, `beta`: (questions, blocks, maps), float16. `texts`, `types`: of the questions.

    `weights`: hash of the network's weights (`film.Card`); `seed`: that the questions were drawn with.
    """

    gamma: np.ndarray
    beta: np.ndarray
    texts: np.ndarray
    types: np.ndarray
    weights: str
    seed: int

    def __len__(self) -> int:
        return len(self.gamma)

    def values(self, kind: str) -> np.ndarray:
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


def measure_population(
    session: Session,
    questions: int = QUESTIONS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Population:
    """Sample questions and read them all; about ten seconds for three thousand.

    Args:
        progress: called with the number of questions done and of all.
    """
    rng, sampler = np.random.default_rng(seed), QuestionSampler(seed)
    asked: list[Question] = []
    while len(asked) < questions:
        asked += sampler.sample(sample_scene(rng), min(PER_SCENE, questions - len(asked)))
        if progress:
            progress(len(asked) // 2, questions)  # drawing is about half of the work
    texts = [question.text for question in asked]
    gammas, betas = [], []
    for start in range(0, questions, AT_ONCE):
        part = session.modulate(texts[start : start + AT_ONCE], lenient=True)
        gammas.append(part.gamma.numpy().astype(np.float16))
        betas.append(part.beta.numpy().astype(np.float16))
        if progress:
            progress((questions + min(start + AT_ONCE, questions)) // 2, questions)
    return Population(
        gamma=np.concatenate(gammas),
        beta=np.concatenate(betas),
        texts=np.array(texts),
        types=np.array([question_type(question.program) for question in asked]),
        weights=session.card.weights,
        seed=seed,
    )


def write_population(path: str | Path, population: Population) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                gamma=population.gamma,
                beta=population.beta,
                texts=population.texts,
                types=population.types,
                weights=np.array(population.weights),
                seed=np.array(population.seed),
            )

    write_atomically(Path(path), write)


def read_population(path: str | Path) -> Population:
    """Read what `write_population` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("gamma", "beta", "texts", "types", "weights", "seed")}
    except Exception as error:  # a damaged zip fails in many ways
        raise InputError(
            f"The population {path} cannot be read ({error}); make it with `python -m analysis population`."
        ) from None
    weights, seed = str(arrays.pop("weights")), int(arrays.pop("seed"))
    population = Population(**arrays, weights=weights, seed=seed)
    lengths = {len(array) for array in arrays.values()}
    if population.gamma.ndim != 3 or population.gamma.shape != population.beta.shape or len(lengths) != 1:
        raise InputError(
            f"The population {path} is damaged; make it again with `python -m analysis population`."
        )
    return population


def find_population(folder: str | Path, weights: str) -> Population | None:
    """The population beside a checkpoint, None where there is none or it is of other weights."""
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    population = read_population(path)
    return population if population.weights == weights else None
