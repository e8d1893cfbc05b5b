"""Why are these together? What a selection of questions has more or less of than the rest.

Every feature of a question is compared: its words and pairs of words, its type, group and other labels, its
length and depth, and every gamma and beta. A finding has to pass two corrections for looking at so many at
once: Benjamini-Hochberg's false-discovery rate, and the maximum over all features that random selections
of the same size reach, so that at most one random selection in twenty shows any finding at all.

One effect size serves all: Cliff's delta, the chance that a selected question has more of the feature than
one of the rest, less the chance that it has less. For what is there or not it is the difference of shares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from film import InputError

if TYPE_CHECKING:
    from analysis.corpus.extraction import Extraction

LEVEL = 0.05
TRIALS = 500
FEWEST = 5  # questions in a selection, and outside it
LABELS = ("type", "group", "operation", "attribute", "family", "answer", "prediction")
COUNTS = ("length", "depth")
_PROBES, _NEAREST = 100, 10  # of the selection, for its neighbours in the full space
_DISTANCES = 7_500_000  # measured at most, by fewer probes where questions are very many
_WIDEST = 256  # dimensions in which neighbours are looked for; more are rarely spanned by a reader's states
_SPACES = 4  # of an extraction that are kept at hand
_AT_ONCE = 16384  # questions
_SAID = ("word", "phrase")
_PLAIN = {  # words that say little by themselves
    "a", "an", "and", "any", "anything", "are", "as", "does", "else", "has", "have", "how", "i", "if", "in",
    "is", "it", "its", "made", "of", "on", "one", "ones", "or", "other", "that", "the", "there", "thing",
    "things", "to", "what",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Why:
    """What sets a selection apart.

    sentence: all of it in one sentence.
    table: the findings, strongest first: kind, feature, also (other words of the very same questions),
        selection and rest (share of questions that have it, or mean), effect (Cliff's delta, -1..1), ratio
        (odds ratio of shares), sd (difference of means in standard deviations of all questions), p
        (hypergeometric or Mann-Whitney), q (Benjamini-Hochberg), p_family (share of random selections whose
        strongest feature is as strong).
    warning: what speaks against taking the selection for a group, or None.
    inside, chance, chance_high: the mean share of a selected question's 10 nearest neighbours in the full
        space that are selected too, what it would be at random, and what 95 % of random ones stay below.
    tested: how many features were compared.
    """

    sentence: str
    table: pd.DataFrame
    warning: str | None
    inside: float
    chance: float
    chance_high: float
    selected: int
    rest: int
    tested: int
    space: str
    trials: int
    seed: int

    def describe(self) -> str:
        """One line on how this was found, for a caption."""
        return (
            f"{self.selected:,} questions against {self.rest:,}; {self.tested:,} features; findings have a "
            f"false-discovery rate of at most {LEVEL:.0%} and are stronger than the strongest feature of "
            f"{1 - LEVEL:.0%} of {self.trials} random selections (seed {self.seed}). "
            "Selected on a map of gammas and betas, questions differ in these by construction."
        )


def why_together(
    extraction: Extraction,
    rows: np.ndarray,
    *,
    trials: int = TRIALS,
    seed: int = 0,
    space: str = "both",
) -> Why:
    """Compare selected questions with all the others.

    The gammas and betas of questions selected on a map of gammas and betas differ by construction: they say
    where the selection lies, not why. Words and labels are evidence.

    Args:
        rows: of the extraction, or a mask over it.
        trials: random selections behind `p_family`.
        space: in which the selection's neighbours are looked for, such as the one its map was made of.

    Raises:
        InputError: fewer than 5 questions are selected, or are left.
    """
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else np.unique(rows.astype(np.int64))
    count, of = len(rows), len(extraction)
    if count and (rows[0] < 0 or rows[-1] >= of):
        raise InputError(f"A selection's rows lie between 0 and {of - 1}; this one has others.")
    if count < FEWEST or of - count < FEWEST:
        left = "select" if count < FEWEST else "leave out"
        raise InputError(
            f"{count:,} of {of:,} questions are selected; {left} at least {FEWEST} for a comparison."
        )
    features = prepare_why(extraction, trials=trials, seed=seed, space=space)
    table = _compare(extraction, features, rows, features.null(trials, seed))
    inside, chance, chance_high = _cohesion(extraction, features, rows, space, seed)
    warning = None
    if inside <= chance_high:
        warning = (
            f"These questions are no group in the full space ({space}): {inside:.0%} of their nearest "
            f"neighbours are selected too, {chance:.0%} would be by chance. What they share is not what "
            "placed them together."
        )
    sentence = _sentence(table, count, of)
    return Why(
        sentence, table, warning, inside, chance, chance_high,
        count, of - count, len(features), space, trials, seed,
    )  # fmt: skip


# --- Features, once for an extraction -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Features:
    """All features of all questions, ready to be summed over any rows.

    there: CSR matrix (questions, yes-or-no features), and in how many questions each is.
    ranks: int16 (questions, numbers), mid-ranks about zero, -2**14 to 2**14; their mean and deviation.
    mean, deviation: of the numbers themselves.
    """

    there: Any
    there_names: list[_Name]
    there_count: np.ndarray
    ranks: np.ndarray
    rank_mean: np.ndarray
    rank_deviation: np.ndarray
    number_names: list[_Name]
    counts: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    nulls: dict[tuple[int, int], _Null] = field(default_factory=dict)
    spaces: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.there_names) + len(self.number_names)

    def null(self, trials: int, seed: int) -> _Null:
        if (trials, seed) not in self.nulls:
            self.nulls[trials, seed] = _random_selections(self, trials, seed)
        return self.nulls[trials, seed]


@dataclass(frozen=True)
class _Name:
    """A feature's kind and name, and other names that exactly the same questions have."""

    kind: str
    name: str
    others: tuple[str, ...] = ()


_PREPARED: WeakKeyDictionary[Extraction, _Features] = WeakKeyDictionary()
_PREPARING = Lock()


def prepare_why(
    extraction: Extraction,
    *,
    trials: int = TRIALS,
    seed: int = 0,
    space: str = "both",
    progress: Callable[[int, int], None] | None = None,
) -> _Features:
    """Do what `why_together` needs once for an extraction: some seconds for 20,000 questions.

    It is kept with the extraction; calling it in the background spares the first selection the wait.
    """
    report = progress or (lambda done, of: None)
    with _PREPARING:  # two visitors wait for the same work
        features = _PREPARED.get(extraction)
        if features is None:
            features = _PREPARED[extraction] = _measure(extraction)
        report(1, 3)
        features.null(trials, seed)
        report(2, 3)
        _places(extraction, features, space)
        report(3, 3)
    return features


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _measure(extraction: Extraction) -> _Features:
    from scipy.sparse import csr_array

    rows = len(extraction)
    columns, names = [], []
    for name, where in _labels(extraction.table):
        columns.append(where)
        names.append(name)
    there = csr_array(
        (
            np.ones(sum(map(len, columns)), np.int32),
            (np.concatenate(columns), np.repeat(np.arange(len(columns)), [len(c) for c in columns])),
        ),
        shape=(rows, len(columns)),
    )
    counts, number_names = _counts(extraction.table)
    blocks, maps = extraction.gamma.shape[1:]
    for kind in ("gamma", "beta"):
        number_names += [_Name(kind, f"block {b + 1}, map {m}") for b in range(blocks) for m in range(maps)]
    ranks = np.empty((rows, len(number_names)), np.int16)
    mean, deviation = np.empty(len(number_names)), np.empty(len(number_names))
    start = 0
    for values in (counts, *_parts(extraction)):
        stop = start + values.shape[1]
        mean[start:stop] = values.mean(axis=0, dtype=np.float64)
        deviation[start:stop] = values.std(axis=0, dtype=np.float64)
        ranks[:, start:stop] = _ranks(values)
        start = stop
    return _Features(
        there=there,
        there_names=names,
        there_count=np.array([len(column) for column in columns]),
        ranks=ranks,
        rank_mean=ranks.mean(axis=0, dtype=np.float64),
        rank_deviation=ranks.std(axis=0, dtype=np.float64),
        number_names=number_names,
        counts=counts,
        mean=mean,
        deviation=deviation,
    )


def _parts(extraction: Extraction) -> Iterator[np.ndarray]:
    """Gammas, then betas, a block at a time: float32 (questions, maps)."""
    for values in (extraction.gamma, extraction.beta):
        for block in range(values.shape[1]):
            yield np.asarray(values[:, block], np.float32)


def _labels(table: pd.DataFrame) -> Iterator[tuple[_Name, np.ndarray]]:
    """Every yes-or-no feature with the rows that have it: first labels, then words and pairs of words.

    Of labels that the same questions have only the first is kept, of words the one that tells most.
    """
    rows, fewest = len(table), max(FEWEST, len(table) // 2000)

    def once(found: Iterator[tuple[str, str, np.ndarray]]) -> Iterator[tuple[_Name, np.ndarray]]:
        alike: dict[bytes, tuple[np.ndarray, list[tuple[str, str]]]] = {}
        for kind, name, where in found:
            if fewest <= len(where) <= rows - fewest:
                alike.setdefault(where.astype(np.int32).tobytes(), (where, []))[1].append((kind, name))
        for where, names in alike.values():
            kind, name = max(names, key=lambda one: _telling(one[1])) if names[0][0] in _SAID else names[0]
            others = tuple(other for _, other in names if other != name)
            yield _Name(kind, name, others), where

    yield from once(_kinds(table))
    yield from once(_sayings(table["text"]))


def _kinds(table: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    for kind in LABELS:
        if kind in table:
            codes, values = pd.factorize(table[kind].astype("object"), use_na_sentinel=True)
            for code, value in enumerate(values):
                if value not in ("", -1):
                    yield kind, str(value), np.flatnonzero(codes == code)


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


def _telling(words: str) -> tuple[int, int]:
    """How much words say by themselves: content words, then brevity."""
    each = words.split()
    return sum(word not in _PLAIN for word in each), -len(words)


def _counts(table: pd.DataFrame) -> tuple[np.ndarray, list[_Name]]:
    names = [name for name in COUNTS if name in table and table[name].notna().all()]
    values = table[names].to_numpy(np.float32) if names else np.empty((len(table), 0), np.float32)
    return values, [_Name("count", name) for name in names]


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


# --- Strength of a feature ------------------------------------------------------------------------------


def _number_z(features: _Features, sums: np.ndarray, count: np.ndarray | int, of: int) -> np.ndarray:
    """Mann and Whitney's statistic in standard deviations, ties counted in, from sums of ranks."""
    deviation = features.rank_deviation * np.sqrt(count * (of - count) / (of - 1))
    result: np.ndarray = np.divide(
        sums - count * features.rank_mean, deviation, out=np.zeros(sums.shape), where=deviation > 0
    )
    return result


def _there_z(hits: np.ndarray, count: np.ndarray | int, total: np.ndarray, of: int) -> np.ndarray:
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
class _Null:
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


def _random_selections(features: _Features, trials: int, seed: int) -> _Null:
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
        z = _there_z(hits, size[None, :, None], features.there_count, of)
        best = np.maximum(best, np.abs(z).max(axis=2, initial=0))
        for first in range(0, features.ranks.shape[1], 128):
            part = slice(first, first + 128)
            sums = (chosen @ features.ranks[:, part].astype(np.float32)).reshape(these, len(size), -1)
            sums = sums.astype(np.float64).cumsum(axis=1) - size[None, :, None] * features.rank_mean[part]
            unit = np.sqrt(size * (of - size) / (of - 1))[None, :, None] * features.rank_deviation[part]
            z = np.divide(sums, unit, out=np.zeros_like(sums), where=unit > 0)
            best = np.maximum(best, np.abs(z).max(axis=2, initial=0))
        strongest[:, start : start + these] = best.T
    return _Null(size, np.sort(strongest, axis=1))


# --- The comparison -------------------------------------------------------------------------------------


def _compare(extraction: Extraction, features: _Features, rows: np.ndarray, null: _Null) -> pd.DataFrame:
    from scipy.special import erfc

    of, count = features.ranks.shape[0], len(rows)
    rest = of - count
    # What is there or not.
    total = features.there_count
    hits = np.asarray(features.there[rows].sum(axis=0)).ravel()
    share, others = hits / count, (total - hits) / rest
    odds = (hits + 0.5) * (rest - total + hits + 0.5) / ((count - hits + 0.5) * (total - hits + 0.5))
    # Numbers.
    sums = features.ranks[rows].sum(axis=0, dtype=np.int64)
    number_z = _number_z(features, sums, count, of)
    delta = 2 * (sums - count * features.rank_mean) / 2**15 * (of - 1) / (count * rest)
    values = np.concatenate(
        [features.counts[rows].mean(axis=0)]
        + [
            part[rows].reshape(count, -1).mean(axis=0, dtype=np.float32)
            for part in (extraction.gamma, extraction.beta)
        ]
    ).astype(np.float64)
    left = (of * features.mean - count * values) / rest
    sd = np.divide(
        values - left, features.deviation, out=np.zeros(len(left)), where=features.deviation > 1e-9
    )

    z = np.concatenate([_there_z(hits, count, total, of), number_z])
    p = np.concatenate([_hypergeometric(hits, count, total, of), erfc(np.abs(number_z) / np.sqrt(2))])
    names, empty = features.there_names + features.number_names, np.full(len(number_z), np.nan)
    table = pd.DataFrame(
        {
            "kind": [name.kind for name in names],
            "feature": [name.name for name in names],
            "also": [", ".join(name.others[:5]) for name in names],
            "selection": np.concatenate([share, values]),
            "rest": np.concatenate([others, left]),
            "effect": np.concatenate([share - others, delta]),
            "ratio": np.concatenate([odds, empty]),
            "sd": np.concatenate([np.full(len(hits), np.nan), sd]),
            "p": p,
            "q": _benjamini_hochberg(p),
            "p_family": null.p(z, count, of),
        }
    )
    found = table[(table["q"] <= LEVEL) & (table["p_family"] <= LEVEL)]
    found = found.iloc[np.argsort(-found["effect"].abs().to_numpy(), kind="stable")]
    return found[~_echoes(found, names)].reset_index(drop=True)


def _echoes(found: pd.DataFrame, names: list[_Name]) -> np.ndarray:
    """Which findings are pairs of words that tell no more than one of their words does."""
    effect: dict[str, float] = {}
    for number, size in zip(found.index, found["effect"], strict=True):
        if names[number].kind in _SAID:
            effect |= dict.fromkeys((names[number].name, *names[number].others), abs(size))

    def echo(name: _Name) -> bool:
        if name.kind != "phrase":
            return False
        words = {word for word in name.name.split() if word not in name.others}
        return any(effect[name.name] <= effect.get(word, 0) + 0.02 for word in words)

    return np.array([echo(names[number]) for number in found.index], bool)


def _hypergeometric(hits: np.ndarray, count: int, total: np.ndarray, of: int) -> np.ndarray:
    """Two-sided p: twice the smaller tail of drawing `count` of `of` questions, `total` of which have it."""
    hits, total = hits.astype(np.int64), np.asarray(total, np.int64)
    upper = _upper_tail(hits, count, total, of)
    # At most `hits` with it are drawn where at least count - hits without it are.
    lower = _upper_tail(count - hits, count, of - total, of)
    result: np.ndarray = np.minimum(1, 2 * np.minimum(upper, lower))
    return result


def _upper_tail(hits: np.ndarray, count: int, total: np.ndarray, of: int) -> np.ndarray:
    """P(X >= hits), summed term by term; 1 where hits is so low that the other tail is smaller."""
    logs = _log_factorials(of)
    deviation = np.sqrt(count * (total / of) * (1 - total / of) * (of - count) / max(of - 1, 1))
    mean = count * total / of
    # Far below the mean the other tail is the smaller one; far above, terms fall fast.
    need = hits >= mean - 1
    tail = np.ones(len(hits))
    if not need.any():
        return tail
    terms = int(12 * deviation.max(initial=0)) + 30
    k = hits[need, None] + np.arange(terms)
    n = total[need, None]
    inside = k <= np.minimum(n, count)
    k = np.where(inside, k, hits[need, None])
    log = (
        logs[n] - logs[k] - logs[n - k]
        + logs[of - n] - logs[count - k] - logs[of - n - count + k]
        + logs[count] + logs[of - count] - logs[of]
    )  # fmt: skip
    tail[need] = np.minimum(1, (np.exp(log) * inside).sum(axis=1))
    return tail


@lru_cache(maxsize=4)
def _log_factorials(most: int) -> np.ndarray:
    from scipy.special import gammaln

    result: np.ndarray = gammaln(np.arange(most + 1) + 1.0)
    return result


def _benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """False-discovery rates, q: (features,)."""
    order = np.argsort(p)
    q = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(1, np.minimum.accumulate(q[::-1])[::-1])
    return found


# --- Is it a group? -------------------------------------------------------------------------------------


def _places(extraction: Extraction, features: _Features, space: str) -> np.ndarray:
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


def _cohesion(
    extraction: Extraction, features: _Features, rows: np.ndarray, space: str, seed: int
) -> tuple[float, float, float]:
    """The share of neighbours inside the selection, by chance, and what chance stays below in 95 %."""
    points, rng = _places(extraction, features, space), np.random.default_rng(seed)
    of, chance = len(points), (len(rows) - 1) / (len(points) - 1)
    most = max(_PROBES // 2, min(_PROBES, _DISTANCES // of))
    probes = rows if len(rows) <= most else rng.choice(rows, most, replace=False)
    nearest = min(_NEAREST, of - 1)
    far = points[probes] @ (-2 * points.T)
    far += np.einsum("ij,ij->i", points, points)
    far[np.arange(len(probes)), probes] = np.inf
    near = np.argpartition(far, nearest - 1, axis=1)[:, :nearest]
    selected = np.zeros(of, bool)
    selected[rows] = True
    # A random selection of the same size, seen by the same probes: those near many count many times.
    who, which = np.unique(near, return_inverse=True)
    weight = np.bincount(which.ravel(), minlength=len(who)) / near.size
    shares = (rng.random((200, len(who)), dtype=np.float32) < chance) @ weight
    return float(selected[near].mean()), chance, float(np.quantile(shares, 0.95))


# --- In words -------------------------------------------------------------------------------------------


def _sentence(table: pd.DataFrame, count: int, of: int) -> str:
    """The strongest finding of each kind that says something new."""
    start = f"{count:,} of {of:,} questions"
    if table.empty:
        return (
            f"{start}; nothing sets them apart: no word, label, length, gamma or beta differs from the rest "
            "by more than it does in random selections of this size."
        )
    more = table[table["effect"] > 0]
    said = []
    labels = more[more["kind"].isin(LABELS[:5]) & (more["effect"] >= 0.1)]
    if len(labels):
        # The type says most where it says nearly as much as a broader label.
        near = labels[labels["effect"] >= labels["effect"].iloc[0] - 0.1]
        kind = min(near["kind"], key=LABELS.index)
        same = labels[labels["kind"] == kind]
        for _, row in same.head(1 if same["selection"].iloc[0] >= 0.95 else 2).iterrows():
            name = f"{row['kind']} {row['feature']}"
            said.append(f"{_most(row['selection'])} are of {name} ({row['rest']:.0%} of the rest)")
    words = more[more["kind"].isin(_SAID) & (more["effect"] >= 0.1)]
    content = words[[_telling(name)[0] > 0 for name in words["feature"]]]
    words = (content if len(content) else words).head(2)
    words = words[words["effect"] >= words["effect"].max() / 2]
    said += [
        f"{_most(row['selection'])} say “{row['feature']}” ({row['rest']:.0%})" for _, row in words.iterrows()
    ]
    if not len(words) and len(less := table[(table["kind"] == "word") & (table["effect"] <= -0.1)]):
        row = less.iloc[0]
        said.append(f"only {row['selection']:.0%} say “{row['feature']}” ({row['rest']:.0%} of the rest)")
    lengths = table[
        (table["kind"] == "count") & (table["feature"] == "length") & (table["effect"].abs() >= 0.2)
    ]
    for _, row in lengths.iterrows():
        longer = "longer" if row["effect"] > 0 else "shorter"
        said.append(f"they are {longer} ({row['selection']:.1f} words, the rest {row['rest']:.1f})")
    maps = table[table["kind"].isin(("gamma", "beta")) & (table["effect"].abs() >= 0.2)]
    if len(maps):
        row = maps.loc[maps["sd"].abs().idxmax()]
        higher = "higher" if row["sd"] > 0 else "lower"
        said.append(f"{row['kind']} of {row['feature']} is {abs(row['sd']):.1f} sd {higher}")
    if not said:
        row = table.iloc[0]
        more_or_less = "more" if row["effect"] > 0 else "less"
        said.append(f"slightly {more_or_less} {row['kind']} {row['feature']} (effect {row['effect']:+.2f})")
    return f"{start}: {', '.join(said)}."


def _most(share: float) -> str:
    if share >= 0.995:
        return "all"
    return f"nearly all ({share:.0%})" if share >= 0.95 else f"{share:.0%}"
