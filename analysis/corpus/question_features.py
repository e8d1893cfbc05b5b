"""Everything that questions can have in common, counted once: words, labels, lengths, gammas and betas.

Also the places of questions in the spaces that their neighbours are looked for in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.corpus.schema import Schema, value_name

if TYPE_CHECKING:
    from analysis.corpus.extraction import Extraction

FEWEST = 5  # questions in a selection, and outside it
SAID = ("word", "phrase")
_WIDEST = 256  # dimensions in which neighbours are looked for; more are rarely spanned by an encoder's states
_SPACES = 4  # of an extraction that are kept at hand
_AT_ONCE = 16384  # questions
_PLAIN = {  # words that say little by themselves
    "a", "an", "and", "any", "anything", "are", "as", "does", "else", "has", "have", "how", "i", "if", "in",
    "is", "it", "its", "made", "of", "on", "one", "ones", "or", "other", "that", "the", "there", "thing",
    "things", "to", "what",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class QuestionFeatures:
    """All features of all questions, ready to be summed over any rows.

    there: CSR matrix (questions, yes-or-no features), and in how many questions each is.
    schema: what the questions are called, and their labels.
    ranks: int16 (questions, numbers), mid-ranks about zero, -2**14 to 2**14; their mean and deviation.
    mean, deviation: of the numbers themselves.
    groups: (questions,), what rows depend on each other by; None where each stands for itself.
    """

    schema: Schema
    there: Any
    there_names: list[FeatureName]
    there_count: np.ndarray
    ranks: np.ndarray
    rank_mean: np.ndarray
    rank_deviation: np.ndarray
    number_names: list[FeatureName]
    counts: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    groups: np.ndarray | None = None
    nulls: dict[tuple[int, int], RandomSelections] = field(default_factory=dict)
    spaces: dict[str, np.ndarray] = field(default_factory=dict)
    near: dict[str, np.ndarray] = field(default_factory=dict)
    baselines: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.there_names) + len(self.number_names)

    def null(self, trials: int, seed: int) -> RandomSelections:
        if (trials, seed) not in self.nulls:
            self.nulls[trials, seed] = _random_selections(self, trials, seed)
        return self.nulls[trials, seed]


@dataclass(frozen=True)
class FeatureName:
    """A feature's kind and name, and other names that exactly the same questions have."""

    kind: str
    name: str
    others: tuple[str, ...] = ()


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def count_features(extraction: Extraction) -> QuestionFeatures:
    from scipy.sparse import csr_array

    rows = len(extraction)
    schema = extraction.schema
    columns, names = [], []
    for name, where in _labels(extraction.table, schema):
        columns.append(where)
        names.append(name)
    there = csr_array(
        (
            np.ones(sum(map(len, columns)), np.int32),
            (
                np.concatenate([np.empty(0, np.int64), *columns]),
                np.repeat(np.arange(len(columns)), [len(column) for column in columns]),
            ),
        ),
        shape=(rows, len(columns)),
    )
    counts, number_names = _counts(extraction.table, schema)
    for kind in ("gamma", "beta"):
        number_names += [FeatureName(kind, name) for name in schema.layers.map_names]
    ranks = np.empty((rows, len(number_names)), np.int16)
    mean, deviation = np.empty(len(number_names)), np.empty(len(number_names))
    start = 0
    for values in (counts, *_parts(extraction)):
        stop = start + values.shape[1]
        mean[start:stop] = values.mean(axis=0, dtype=np.float64)
        deviation[start:stop] = values.std(axis=0, dtype=np.float64)
        ranks[:, start:stop] = _ranks(values)
        start = stop
    return QuestionFeatures(
        schema=schema,
        there=there,
        there_names=names,
        there_count=np.array([len(column) for column in columns], np.int64),
        ranks=ranks,
        rank_mean=ranks.mean(axis=0, dtype=np.float64),
        rank_deviation=ranks.std(axis=0, dtype=np.float64),
        number_names=number_names,
        counts=counts,
        mean=mean,
        deviation=deviation,
        groups=extraction.table[schema.groups].to_numpy(str) if schema.groups else None,
    )


def _parts(extraction: Extraction) -> Iterator[np.ndarray]:
    """Gammas, then betas, a block at a time: float32 (questions, maps)."""
    layers = extraction.schema.layers
    for values in (extraction.gamma, extraction.beta):
        for layer in range(len(layers)):
            yield np.asarray(layers.of(values, layer), np.float32)


def _labels(table: pd.DataFrame, schema: Schema) -> Iterator[tuple[FeatureName, np.ndarray]]:
    """Every yes-or-no feature with the rows that have it: first labels, then words and pairs of words.

    Of labels that the same questions have only the first is kept, of words the one that tells most.
    """
    rows, fewest = len(table), max(FEWEST, len(table) // 2000)

    def once(found: Iterator[tuple[str, str, np.ndarray]]) -> Iterator[tuple[FeatureName, np.ndarray]]:
        alike: dict[bytes, tuple[np.ndarray, list[tuple[str, str]]]] = {}
        for kind, name, where in found:
            if fewest <= len(where) <= rows - fewest:
                alike.setdefault(where.astype(np.int32).tobytes(), (where, []))[1].append((kind, name))
        for where, names in alike.values():
            kind, name = max(names, key=lambda one: telling(one[1])) if names[0][0] in SAID else names[0]
            others = tuple(other for _, other in names if other != name)
            yield FeatureName(kind, name, others), where

    yield from once(_kinds(table, schema))
    if schema.words:
        yield from once(_sayings(table["text"]))


def _kinds(table: pd.DataFrame, schema: Schema) -> Iterator[tuple[str, str, np.ndarray]]:
    for kind in schema.categories:
        if kind in table:
            codes, values = pd.factorize(table[kind].astype("object"), use_na_sentinel=True)
            for code, value in enumerate(values):
                if value not in ("", -1):
                    yield kind, value_name(schema, kind, value), np.flatnonzero(codes == code)


def _sayings(texts: pd.Series) -> Iterator[tuple[str, str, np.ndarray]]:
    words: dict[str, list[int]] = {}
    pairs: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        read = words_of(text)
        for word in set(read):
            words.setdefault(word, []).append(row)
        for pair in {f"{one} {two}" for one, two in pairwise(read)}:
            pairs.setdefault(pair, []).append(row)
    for kind, found in (("word", words), ("phrase", pairs)):
        for name in sorted(found):
            yield kind, name, np.array(found[name])


def telling(words: str) -> tuple[int, int]:
    """How much words say by themselves: content words, then brevity."""
    each = words.split()
    return sum(word not in _PLAIN for word in each), -len(words)


def _counts(table: pd.DataFrame, schema: Schema) -> tuple[np.ndarray, list[FeatureName]]:
    names = [name for name in schema.numbers if name in table and table[name].notna().all()]
    values = table[names].to_numpy(np.float32) if names else np.empty((len(table), 0), np.float32)
    return values, [FeatureName("count", name) for name in names]


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mid-ranks of every column, equal values sharing theirs, from -2**14 to 2**14: int16."""
    rows = len(values)
    found = np.empty(values.shape, np.int16)
    for column in range(values.shape[1]):
        one = values[:, column]
        order = np.argsort(one)
        ordered = one[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        ends = np.append(starts[1:], rows)
        middle = (starts + ends - 1) / 2
        ranks = np.repeat((middle / (rows - 1) - 0.5) * 2**15, ends - starts)
        found[order, column] = np.clip(np.rint(ranks), -(2**15), 2**15 - 1)
    return found


# --- How strong a feature is, and how strong the strongest of scattered questions is --------------------


def number_z(features: QuestionFeatures, sums: np.ndarray, count: np.ndarray | int, of: int) -> np.ndarray:
    """Mann and Whitney's statistic in standard deviations, ties counted in, from sums of ranks."""
    deviation = features.rank_deviation * np.sqrt(count * (of - count) / (of - 1))
    result: np.ndarray = np.divide(
        sums - count * features.rank_mean, deviation, out=np.zeros(sums.shape), where=deviation > 0
    )
    return result


def there_z(hits: np.ndarray, count: np.ndarray | int, total: np.ndarray, of: int) -> np.ndarray:
    """Signed root of the deviance of the two-by-two table: like a z, also where counts are small."""
    hits, count, total = np.broadcast_arrays(np.asarray(hits, float), count, total)
    expected = count * total / of
    deviance = np.zeros(hits.shape)
    for seen, awaited in (
        (hits, expected),
        (count - hits, count - expected),
        (total - hits, total - expected),
        (of - count - total + hits, of - count - total + expected),
    ):
        deviance += seen * np.log(np.where(seen > 0, seen, 1) / awaited)
    result: np.ndarray = np.sign(hits - expected) * np.sqrt(np.maximum(2 * deviance, 0))
    return result


@dataclass(frozen=True, eq=False)
class RandomSelections:
    """The strongest feature of random selections of some sizes: its |z|, (sizes, trials), sorted."""

    sizes: np.ndarray
    strongest: np.ndarray

    def p(self, z: np.ndarray, count: int, of: int) -> np.ndarray:
        """The share of random selections of this size whose strongest feature is as strong as z.

        Of the two sizes on either side the more cautious one counts. A selection and the rest are alike.
        """
        size = min(count, of - count)
        above = min(int(np.searchsorted(self.sizes, size)), len(self.sizes) - 1)
        below = above if self.sizes[above] == size else max(above - 1, 0)
        trials = self.strongest.shape[1]
        weaker = [np.searchsorted(self.strongest[one], np.abs(z) - 1e-9) for one in {below, above}]
        result: np.ndarray = (1 + trials - np.min(weaker, axis=0)) / (1 + trials)
        return result


def _random_selections(features: QuestionFeatures, trials: int, seed: int) -> RandomSelections:
    """Random selections of many sizes, each trial's nested in one another, and their strongest feature."""
    from scipy.sparse import csr_array

    of, rng = features.ranks.shape[0], np.random.default_rng(seed)
    sizes = [FEWEST]
    while sizes[-1] < of // 2:
        sizes.append(min(of // 2, max(sizes[-1] + 1, round(1.4 * sizes[-1]))))
    size = np.array(sizes)
    steps = np.diff(size, prepend=0)
    strongest = np.zeros((len(size), trials))
    at_once = max(1, min(trials, 2_000_000 // size[-1]))
    for start in range(0, trials, at_once):
        these = min(at_once, trials - start)
        order = np.concatenate([rng.permutation(of)[: size[-1]] for _ in range(these)])
        # A row for every step from one size to the next; sums of steps are the nested selections.
        lengths = np.tile(steps, these)
        chosen = csr_array(
            (np.ones(len(order), np.float32), order, np.concatenate(([0], np.cumsum(lengths)))),
            shape=(len(lengths), of),
        )
        best = np.zeros((these, len(size)))
        hits = (chosen @ features.there).toarray().reshape(these, len(size), -1).cumsum(axis=1)
        z = there_z(hits, size[None, :, None], features.there_count, of)
        best = np.maximum(best, np.abs(z).max(axis=2, initial=0))
        for first in range(0, features.ranks.shape[1], 128):
            part = slice(first, first + 128)
            sums = (chosen @ features.ranks[:, part].astype(np.float32)).reshape(these, len(size), -1)
            sums = sums.astype(np.float64).cumsum(axis=1) - size[None, :, None] * features.rank_mean[part]
            unit = np.sqrt(size * (of - size) / (of - 1))[None, :, None] * features.rank_deviation[part]
            z = np.divide(sums, unit, out=np.zeros_like(sums), where=unit > 0)
            best = np.maximum(best, np.abs(z).max(axis=2, initial=0))
        strongest[:, start : start + these] = best.T
    return RandomSelections(size, np.sort(strongest, axis=1))


def moved_selections(
    features: QuestionFeatures, rows: np.ndarray, trials: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A selection moved to other groups: the deviation of each feature's z, and each trial's greatest |z| in
    these deviations, sorted.

    Exchangeable: whole groups. Each selected group's share of its rows is selected of another group instead.
    Rows of a few groups have the groups' own in common; scattered rows would find that special.

    Args:
        rows: of the selection.

    Returns:
        (features,) and (trials,).
    """
    from scipy.sparse import csr_array

    of = features.ranks.shape[0]
    drawn = list(_other_groups(features, rows, trials, seed))
    count = np.array([[len(each)] for each in drawn])
    picked = csr_array(
        (np.ones(count.sum(), np.float32), np.concatenate(drawn), np.append(0, count.cumsum())),
        shape=(trials, of),
    )
    sums = (picked @ features.ranks.astype(np.float32)).astype(np.float64)
    hits = (picked @ features.there).toarray()
    z = np.hstack([there_z(hits, count, features.there_count, of), number_z(features, sums, count, of)])
    deviation = np.sqrt((z**2).mean(axis=0))
    scaled = np.divide(np.abs(z), deviation, out=np.zeros(z.shape), where=deviation > 1e-9)
    return deviation, np.sort(scaled.max(axis=1, initial=0))


def _other_groups(
    features: QuestionFeatures, rows: np.ndarray, trials: int, seed: int
) -> Iterator[np.ndarray]:
    """A selection's shares of groups given to other groups: rows, of each trial; never none and never all."""
    assert features.groups is not None
    codes, rng = np.unique(features.groups, return_inverse=True)[1].ravel(), np.random.default_rng(seed)
    size = np.bincount(codes)
    share = np.bincount(codes[rows], minlength=len(size)) / size
    starts = np.cumsum(size) - size
    for _ in range(trials):
        wanted = np.ceil(share[rng.permutation(len(size))] * size - 1e-9)
        home = np.lexsort((rng.random(len(codes)), codes))
        place = np.arange(len(codes)) - starts[codes[home]]
        yield home[place < wanted[codes[home]]][: len(codes) - 1]


# --- Places --------------------------------------------------------------------------------------------


def places_in(extraction: Extraction, features: QuestionFeatures, space: str) -> np.ndarray:
    """Places of all questions in a space, float32; of wide ones the main axes, which hold the distances."""
    found = features.spaces.get(space)
    if found is None:
        from analysis.corpus.extraction import vectors

        if vectors(extraction.take([0]), space).shape[1] <= _WIDEST:
            found = vectors(extraction, space)
            found = found - found.mean(axis=0)  # small numbers lose less when squared
        else:
            found = _main_axes(extraction, space)
        while len(features.spaces) >= _SPACES:
            features.spaces.pop(next(iter(features.spaces)), None)
        features.spaces[space] = found
    return found


def _main_axes(extraction: Extraction, space: str) -> np.ndarray:
    """The questions' places along the widest axes of a space: float32 (questions, _WIDEST)."""
    from analysis.corpus.extraction import vectors

    def parts() -> Iterator[np.ndarray]:  # a study may be too large to be held whole
        for start in range(0, len(extraction), _AT_ONCE):
            yield vectors(extraction.take(slice(start, start + _AT_ONCE)), space)

    mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts()) / len(extraction)
    middle = np.asarray(mean, np.float32)
    spread = sum((part - middle).T @ (part - middle) for part in parts())
    axes = np.linalg.eigh(spread)[1][:, -_WIDEST:]
    return np.concatenate([(part - middle) @ axes for part in parts()])
