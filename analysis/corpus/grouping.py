"""Do questions of a kind lie together? Neighbours, class centres and clusters, each beside chance.

The paper's claim (section 4.2, Fig. 6) is that the first block groups questions by the attribute asked
about (equal_color near query_color) and the last by the operation (the equal_* together, the query_*
together). Here it becomes numbers that can come out otherwise.

Every number is a `Score`: its interval is a bootstrap over questions with the space held fixed, its null
shuffles the labels. Equal questions have equal vectors and so are neighbours for free: measure distinct
questions where that matters (`distinct`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.corpus.neighbours import NEIGHBOURS, neighbours
from film import Cancel, InputError, Progress, stop_if

GROUPING_TRIALS = 500
ATTRIBUTES = ("color", "material", "shape", "size")
OPERATIONS = ("query", "equal")


@dataclass(frozen=True)
class Score:
    """One statistic. `low`, `high`: its 95 % interval.

    `chance`: its mean when labels are shuffled, `chance_high` what 95 % of those stay below, `p` the share
    of them at least as high (one-sided, the real one counted in). All three are nan where shuffling means
    nothing.
    """

    value: float
    low: float
    high: float
    questions: int
    chance: float = float("nan")
    chance_high: float = float("nan")
    p: float = float("nan")

    def __str__(self) -> str:
        known = "" if np.isnan(self.chance) else f"; chance {self.chance:.2f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}{known})"


def score_of(
    value: float, resampled: np.ndarray, questions: int, shuffled: np.ndarray | None = None
) -> Score:
    low, high = np.quantile(resampled, (0.025, 0.975)) if len(resampled) else (np.nan, np.nan)
    if shuffled is None or not len(shuffled):
        return Score(float(value), float(low), float(high), questions)
    p = (1 + np.sum(shuffled >= value - 1e-12)) / (1 + len(shuffled))
    null = float(shuffled.mean()), float(np.quantile(shuffled, 0.95))
    return Score(float(value), float(low), float(high), questions, *null, float(p))


# --- Which questions lie next to which ----------------------------------------------------------------


def neighbour_agreement(
    near: np.ndarray, labels: np.ndarray, *, trials: int = GROUPING_TRIALS, seed: int
) -> Score:
    """The share of a question's nearest neighbours that have its label, mean over questions.

    Args:
        near: (rows, count), from `neighbours`.
        labels: (rows,), of any kind.
    """
    codes, rng = _codes(labels), np.random.default_rng(seed)
    each = (codes[near] == codes[:, None]).mean(axis=1)
    shuffled = []
    for _ in range(trials):
        mixed = rng.permutation(codes)
        shuffled.append((mixed[near] == mixed[:, None]).mean())
    return score_of(each.mean(), resampled_means(each, trials, rng), len(each), np.array(shuffled))


def _codes(labels: np.ndarray) -> np.ndarray:
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    return codes.astype(np.int16 if codes.max(initial=0) < 30_000 else np.int64)


def resampled_means(each: np.ndarray, trials: int, rng: np.random.Generator) -> np.ndarray:
    """Means of resampled rows: (trials,)."""
    return np.array([each[rng.integers(0, len(each), len(each))].mean() for _ in range(trials)])


# --- Attribute and operation --------------------------------------------------------------------------


def attributes_and_operations(types: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of question types: which are query_X or equal_X of an attribute X (bool), X, and the operation."""
    parts = [str(name).partition("_") for name in types]
    chosen = np.array([head in OPERATIONS and tail in ATTRIBUTES for head, _, tail in parts], bool)
    attributes = np.array([tail if ok else "" for (_, _, tail), ok in zip(parts, chosen, strict=True)])
    operations = np.array([head if ok else "" for (head, _, _), ok in zip(parts, chosen, strict=True)])
    return chosen, attributes, operations


@dataclass(frozen=True)
class Centres:
    """Distances between class centres, in units of the mean distance of all questions to their centre.

    `pairs`: equal_X to query_X, mean over the four attributes; `among`: mean between the equal_*;
    `by_attribute`: `among` less `pairs`, above zero where the same attribute is nearer than the same
    operation. No null: it is an interval away from zero, or not.

    A centre's own noise only ever adds to distances, most in many dimensions. The two distances are as they
    are found; their intervals and `by_attribute` are freed of it.
    """

    pairs: Score
    among: Score
    by_attribute: Score


def centre_distances(
    points: np.ndarray, types: np.ndarray, *, trials: int = GROUPING_TRIALS, seed: int
) -> Centres:
    """How far the centres of question types lie from one another, for the eight types with an attribute.

    Args:
        points: (rows, d) of questions of all types: all of them give the unit.

    Raises:
        InputError: one of the eight types is missing.
    """
    names = [f"{operation}_{attribute}" for operation in OPERATIONS for attribute in ATTRIBUTES]
    members = [np.flatnonzero(np.asarray(types) == name) for name in names]
    if missing := [name for name, rows in zip(names, members, strict=True) if not len(rows)]:
        raise InputError(
            f"Class centres need questions of all eight types; none is {' or '.join(missing)}. Take more."
        )
    exact, rng = np.asarray(points, np.float64), np.random.default_rng(seed)
    each = np.linalg.norm(exact - exact.mean(axis=0), axis=1)

    # What a centre's own noise adds to a squared distance, by type. Resampled centres have it twice.
    noise = np.array([exact[rows].var(axis=0).sum() / len(rows) for rows in members])
    first, second = np.triu_indices(4, 1)

    def measure(rows: Sequence[np.ndarray], unit: float, without: int) -> np.ndarray:
        """`pairs` and `among`, with the noise taken off so many times."""
        centres = np.stack([exact[chosen].mean(axis=0) for chosen in rows])  # (8, d)
        query, equal = slice(0, 4), slice(4, 8)
        pairs = ((centres[equal] - centres[query]) ** 2).sum(axis=1) - without * (noise[equal] + noise[query])
        one, other = 4 + first, 4 + second
        among = ((centres[one] - centres[other]) ** 2).sum(axis=1) - without * (noise[one] + noise[other])
        return np.array([np.sqrt(np.maximum(found, 0)).mean() / unit for found in (pairs, among)])

    plain, clean = measure(members, each.mean(), 0), measure(members, each.mean(), 1)
    resampled = np.empty((trials, 2))
    for trial in range(trials):
        # The unit is a mean over all questions, whose centre hardly moves; each type is resampled by itself.
        unit = each[rng.integers(0, len(each), len(each))].mean()
        drawn = [rows[rng.integers(0, len(rows), len(rows))] for rows in members]
        resampled[trial] = measure(drawn, unit, 2)
    made = [
        score_of(value, values, len(exact))
        for value, values in (
            (plain[0], resampled[:, 0]),
            (plain[1], resampled[:, 1]),
            (clean[1] - clean[0], resampled[:, 1] - resampled[:, 0]),
        )
    ]
    return Centres(*made)


# --- Clusters -----------------------------------------------------------------------------------------


def silhouette(points: np.ndarray, labels: np.ndarray, *, trials: int = 100, seed: int) -> Score:
    """Mean silhouette of questions (Rousseeuw, 1987), -1..1: nearer to their own kind than to the next.

    All distances are held at once: for some thousands of rows.

    Args:
        points: (rows, d). labels: (rows,), of any kind.

    Raises:
        InputError: there are fewer than two kinds, or too many rows.
    """
    codes, rng = _codes(labels), np.random.default_rng(seed)
    if len(codes) > 8000:
        raise InputError(f"A silhouette of {len(codes):,} questions needs too much memory; take 8,000.")
    if codes.max(initial=0) < 1:
        raise InputError("A silhouette needs questions of two kinds or more.")
    distances = _distances(points)

    def samples(codes: np.ndarray) -> np.ndarray:
        counts = np.bincount(codes)
        member = np.zeros((len(codes), len(counts)), np.float32)
        member[np.arange(len(codes)), codes] = 1
        sums, here = distances @ member, np.arange(len(codes))  # (rows, kinds)
        own = sums[here, codes] / np.maximum(counts[codes] - 1, 1)
        means = sums / counts
        means[here, codes] = np.inf
        next_best = means.min(axis=1)
        widest = np.maximum(own, next_best)
        apart = np.divide(next_best - own, widest, out=np.zeros_like(own), where=widest > 0)
        return np.where(counts[codes] > 1, apart, 0)

    each = samples(codes)
    shuffled = np.array([samples(rng.permutation(codes)).mean() for _ in range(trials)])
    return score_of(
        each.mean(), resampled_means(each, max(trials, GROUPING_TRIALS), rng), len(each), shuffled
    )


def _distances(points: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs, float32 (rows, rows)."""
    centred = np.asarray(points, np.float64 if points.shape[1] <= 3 else np.float32)
    centred = centred - centred.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    found = centred @ centred.T
    found *= -2
    found += squares[:, None]
    found += squares[None]
    np.sqrt(np.maximum(found, 0, out=found), out=found)
    np.fill_diagonal(found, 0)
    result: np.ndarray = found.astype(np.float32, copy=False)
    return result


def adjusted_rand(
    clusters: np.ndarray, labels: np.ndarray, *, trials: int = GROUPING_TRIALS, seed: int
) -> Score:
    """How well a clustering matches labels: 1 the same parts, 0 chance (Hubert and Arabie's index, 1985).

    Args:
        clusters: (rows,), the part of each. labels: (rows,), of any kind.
    """
    rng, first, second = np.random.default_rng(seed), _codes(clusters), _codes(labels)
    value = _rand(first, second)
    rows = len(first)
    resampled = []
    for _ in range(trials):
        drawn = rng.integers(0, rows, rows)
        resampled.append(_rand(first[drawn], second[drawn]))
    shuffled = np.array([_rand(first, rng.permutation(second)) for _ in range(trials)])
    return score_of(value, np.array(resampled), rows, shuffled)


def _rand(first: np.ndarray, second: np.ndarray) -> float:
    width = int(second.max()) + 1
    cells = np.bincount(first.astype(np.int64) * width + second, minlength=(int(first.max()) + 1) * width)
    cells = cells.reshape(-1, width).astype(float)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(cells), pairs(cells.sum(axis=1)), pairs(cells.sum(axis=0))
    expected = rows * columns / pairs(np.array([len(first)]))
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def clusters(points: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Parts of the points by k-means, the best of four starts: int (rows,)."""
    from sklearn.cluster import KMeans

    # Lloyd's algorithm calls BLAS from OpenMP's threads; where another thread of the app holds BLAS's limit,
    # OpenBLAS warns of it on the terminal, line after line. Elkan's finds the same parts without.
    means = KMeans(count, n_init=4, algorithm="elkan", random_state=seed)
    result: np.ndarray = means.fit_predict(np.asarray(points, np.float32))
    return result


# --- The table a block --------------------------------------------------------------------------------


def distinct(texts: Sequence[str], most: int, *, seed: int) -> np.ndarray:
    """Rows of `most` different questions drawn at random, in their order: int (rows,)."""
    first = np.flatnonzero(~pd.Series(list(texts)).str.lower().duplicated().to_numpy())
    if len(first) > most:
        first = np.sort(np.random.default_rng(seed).choice(first, most, replace=False))
    return first


@dataclass(frozen=True)
class Grouping:
    """How one block's projection, or full space, groups questions.

    `type`, `attribute`, `operation`: neighbour agreement, the last two among query_X and equal_X questions
    only; `centres`: see `Centres`; `silhouettes`, `rand`: by "type", "attribute" and "operation", the latter
    of a k-means clustering with as many parts. Empty where they were not asked for.
    """

    name: str
    type: Score
    attribute: Score
    operation: Score
    centres: Centres
    silhouettes: Mapping[str, Score]
    rand: Mapping[str, Score]
    attribute_each: np.ndarray
    operation_each: np.ndarray

    def row(self) -> dict[str, float | str]:
        """Columns of the table; an interval is two columns, its names ending in low and high."""
        found: dict[str, float | str] = {"space": self.name}
        scores = {
            "type agreement": self.type,
            "attribute agreement": self.attribute,
            "operation agreement": self.operation,
            "equal_X to query_X": self.centres.pairs,
            "among equal_*": self.centres.among,
        }
        scores |= {f"silhouette by {label}": score for label, score in self.silhouettes.items()}
        scores |= {f"ARI by {label}": score for label, score in self.rand.items()}
        for name, score in scores.items():
            found |= {name: score.value, f"{name}, low": score.low, f"{name}, high": score.high}
            if not np.isnan(score.chance):
                found |= {f"{name}, chance": score.chance, f"{name}, p": score.p}
        return found | {"questions": self.type.questions}


def grouping(
    name: str,
    points: np.ndarray,
    types: np.ndarray,
    *,
    seed: int,
    count: int = NEIGHBOURS,
    trials: int = GROUPING_TRIALS,
    with_clusters: bool = True,
) -> Grouping:
    """Every number about one projection or space.

    Args:
        points: (rows, d), a layout's places or full vectors, unscaled as the authors' t-SNE had them.
        types: (rows,) names of question types.
        with_clusters: silhouettes and k-means too, some seconds for 3,000 questions.
    """
    types = np.asarray(types).astype(str)
    chosen, attributes, operations = attributes_and_operations(types)
    some, attributes, operations = points[chosen], attributes[chosen], operations[chosen]
    centres = centre_distances(points, types, trials=trials, seed=seed)  # refuses where types are missing
    near, near_some = neighbours(points, count), neighbours(some, count)
    silhouettes, rand = {}, {}
    if with_clusters:
        for label, here, names in (
            ("type", points, types),
            ("attribute", some, attributes),
            ("operation", some, operations),
        ):
            silhouettes[label] = silhouette(here, names, trials=min(trials, 100), seed=seed)
            parts = clusters(here, len(np.unique(names)), seed=seed)
            rand[label] = adjusted_rand(parts, names, trials=trials, seed=seed)

    def each(names: np.ndarray) -> np.ndarray:
        result: np.ndarray = (names[near_some] == names[:, None]).mean(axis=1)
        return result

    return Grouping(
        name=name,
        type=neighbour_agreement(near, types, trials=trials, seed=seed),
        attribute=neighbour_agreement(near_some, attributes, trials=trials, seed=seed),
        operation=neighbour_agreement(near_some, operations, trials=trials, seed=seed),
        centres=centres,
        silhouettes=silhouettes,
        rand=rand,
        attribute_each=each(attributes),
        operation_each=each(operations),
    )


def grouping_table(groupings: Sequence[Grouping]) -> pd.DataFrame:
    """A row a space, with the columns of `Grouping.row`."""
    return pd.DataFrame([one.row() for one in groupings])


def groupings(
    spaces: Mapping[str, np.ndarray],
    types: np.ndarray,
    *,
    seed: int,
    trials: int = GROUPING_TRIALS,
    with_clusters: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[Grouping]:
    """`grouping` of several spaces of the same questions, such as the blocks in order.

    Args:
        spaces: name -> (rows, d). types: (rows,) names of question types.
        progress: called with the spaces done and of all.

    Raises:
        InputError: a type is missing.
        Cancelled: `cancel` said so.
    """
    found = []
    for done, (name, points) in enumerate(spaces.items()):
        stop_if(cancel)
        if progress:
            progress(done, len(spaces))
        found.append(grouping(name, points, types, seed=seed, trials=trials, with_clusters=with_clusters))
    if progress:
        progress(len(spaces), len(spaces))
    return found


def block_groupings(
    texts: np.ndarray,
    types: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    most: int = 3000,
    seed: int,
    trials: int = GROUPING_TRIALS,
    with_clusters: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[Grouping]:
    """`grouping` of every block that is modulated, in its full space: gamma and beta joined, unscaled.

    Args:
        texts, types: (questions,). gamma, beta: (questions, blocks, maps).
        most: different questions drawn for it.
    """
    rows = distinct(list(texts), most, seed=seed)
    joined = np.concatenate([gamma[rows], beta[rows]], axis=2).astype(np.float32)  # (rows, blocks, 2 maps)
    spaces = {
        f"block {block + 1}": joined[:, block]
        for block in range(joined.shape[1])
        if joined[:, block].std(axis=0).max() > 1e-4
    }
    return groupings(
        spaces, np.asarray(types)[rows], seed=seed, trials=trials, with_clusters=with_clusters,
        progress=progress, cancel=cancel,
    )  # fmt: skip
