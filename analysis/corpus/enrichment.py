"""Why are these together? Three questions about a selection on a projection, kept apart.

What do they share?  A description: what the selected questions have more or less of than the rest. A finding
    passes two corrections for looking at so many features: the false-discovery rate, and the strongest
    feature of scattered questions of the same number. Any region of a projection has such findings.
Is it a group, and is it special?  See `analysis.corpus.regions`: the selection beside random contiguous
    regions of the same size on the same projection.
Is it the network's doing?  See there too: neighbours in the network's space beside neighbours in an untrained
    encoder's space and in a bag-of-words space.

One effect size serves the description: Cliff's delta, the chance that a selected question has more of the
feature than one of the rest, less the chance that it has less. For what is there or not it is the difference
of shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from analysis.corpus.question_features import (
    FEWEST,
    SAID,
    FeatureName,
    QuestionFeatures,
    count_features,
    moved_selections,
    number_z,
    telling,
    there_z,
)
from analysis.corpus.regions import Baselines, RegionCheck, baselines, check_region, prepare_region
from analysis.corpus.schema import Schema
from analysis.statistics import false_discovery_rates
from film import InputError, Progress, Session

if TYPE_CHECKING:
    from analysis.corpus.extraction import Extraction
    from analysis.corpus.layout import Layout

LEVEL = 0.05
TRIALS = 500


@dataclass(frozen=True, eq=False)
class Why:
    """What sets a selection apart.

    sentence: the description in one sentence.
    table: the findings, strongest first: kind, feature, also (other words of the very same questions),
        selection and rest (share of questions that have it, or mean), effect (Cliff's delta, -1..1), ratio
        (odds ratio of shares), sd (difference of means in standard deviations of all questions), p
        (hypergeometric or Mann-Whitney), q (Benjamini-Hochberg), p_family (share of scattered selections
        whose strongest feature is as strong).
    region: is it a group, and is it special; None where it was not drawn on a projection.
    baselines: is it the network's doing; None where there is nothing to test it on.
    tested: how many features were compared.
    """

    sentence: str
    table: pd.DataFrame
    region: RegionCheck | None
    baselines: Baselines | None
    selected: int
    rest: int
    tested: int
    trials: int
    seed: int
    nouns: str = "questions"
    groups: str = ""

    def statements(self) -> list[tuple[str, str]]:
        """The three statements, each with the question that it answers."""
        found = [("What they share", self.sentence)]
        if self.region is not None:
            found.append(("Is it a group, and special?", self.region.sentence()))
        if self.baselines is not None:
            found.append(("Is it the network's doing?", self.baselines.sentence()))
        return found

    def describe(self) -> str:
        """One line on how this was found, for a caption."""
        scattered = f"selections of other groups of {self.groups}" if self.groups else "random selections"
        parts = [
            f"What they share: {self.selected:,} {self.nouns} against {self.rest:,}; {self.tested:,} "
            f"features; false-discovery rate at most {LEVEL:.0%}, and more than in scattered {self.nouns} "
            f"(the strongest feature of {1 - LEVEL:.0%} of {self.trials} {scattered}, seed "
            f"{self.seed}). Any region of a projection has such a list; selected on one of gammas and betas, "
            f"{self.nouns} differ in these by construction."
        ]
        parts += [part.describe() for part in (self.region, self.baselines) if part is not None]
        return " ".join(parts)


def why_together(
    extraction: Extraction,
    rows: np.ndarray,
    *,
    layout: Layout | None = None,
    drawn: bool = True,
    session: Session | None = None,
    trials: int = TRIALS,
    seed: int = 0,
) -> Why:
    """Compare selected questions with all the others, and with other regions of their projection.

    The gammas and betas of questions selected on a projection of gammas and betas differ by construction:
    they say where the selection lies, not why.

    Args:
        rows: of the extraction, or a mask over it.
        layout: the projection it is shown on; without one the description stands alone.
        drawn: whether it was drawn on the projection. What was chosen by a label is special by choice, and
            is not compared with regions.
        session: the network, for an untrained one of the same build; without one bag of words is the only
            baseline.
        trials: scattered selections behind `p_family`.

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
            f"{count:,} of {of:,} {extraction.schema.nouns} are selected; {left} at least {FEWEST} for a "
            "comparison."
        )
    features = prepare_why(extraction, layout=layout, session=session, trials=trials, seed=seed)
    table = _compare(extraction, features, rows, trials, seed)
    region = beside = None
    if layout is not None:
        region = check_region(extraction, features, rows, layout, seed=seed) if drawn else None
        beside = baselines(extraction, features, rows, layout.recipe.space, session, seed=seed)
    sentence = _sentence(table, count, of, extraction.schema)
    nouns = extraction.schema.nouns
    return Why(
        sentence, table, region, beside, count, of - count, len(features), trials, seed, nouns,
        extraction.schema.groups,
    )  # fmt: skip


_PREPARED: WeakKeyDictionary[Extraction, QuestionFeatures] = WeakKeyDictionary()
_PREPARING = Lock()


def prepare_why(
    extraction: Extraction,
    *,
    layout: Layout | None = None,
    session: Session | None = None,
    trials: int = TRIALS,
    seed: int = 0,
    progress: Progress | None = None,
) -> QuestionFeatures:
    """Do what `why_together` needs once for an extraction and once for a projection.

    Some 40 s for 20,000 questions. It is kept with the extraction; calling it in the background spares the
    first selection the wait.
    """
    report = progress or (lambda done, of: None)
    with _PREPARING:  # two visitors wait for the same work
        features = _PREPARED.get(extraction)
        if features is None:
            features = _PREPARED[extraction] = count_features(extraction)
        report(1, 3)
        if features.groups is None:  # of groups it depends on the selection
            features.null(trials, seed)
        report(2, 3)
        if layout is not None:
            prepare_region(extraction, features, layout, session, seed)
        report(3, 3)
    return features


# --- The comparison -------------------------------------------------------------------------------------


def _compare(
    extraction: Extraction, features: QuestionFeatures, rows: np.ndarray, trials: int, seed: int
) -> pd.DataFrame:
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
    of_numbers = number_z(features, sums, count, of)
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

    z = np.concatenate([there_z(hits, count, total, of), of_numbers])
    if features.groups is None:
        p = np.concatenate([_hypergeometric(hits, count, total, of), erfc(np.abs(of_numbers) / np.sqrt(2))])
        p_family = features.null(trials, seed).p(z, count, of)
    else:
        deviation, greatest = moved_selections(features, rows, trials, seed)
        z = np.divide(z, deviation, out=np.zeros(len(z)), where=deviation > 1e-9)
        p = erfc(np.abs(z) / np.sqrt(2))
        p_family = (1 + trials - np.searchsorted(greatest, np.abs(z) - 1e-9)) / (1 + trials)
    names, empty = features.there_names + features.number_names, np.full(len(of_numbers), np.nan)
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
            "q": false_discovery_rates(p),
            "p_family": p_family,
        }
    )
    found = table[(table["q"] <= LEVEL) & (table["p_family"] <= LEVEL)]
    found = found.iloc[np.argsort(-found["effect"].abs().to_numpy(), kind="stable")]
    return found[~_echoes(found, names)].reset_index(drop=True)


def _echoes(found: pd.DataFrame, names: list[FeatureName]) -> np.ndarray:
    """Which findings are pairs of words that tell no more than one of their words does."""
    effect: dict[str, float] = {}
    for number, size in zip(found.index, found["effect"], strict=True):
        if names[number].kind in SAID:
            effect |= dict.fromkeys((names[number].name, *names[number].others), abs(size))

    def echo(name: FeatureName) -> bool:
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


# --- In words -------------------------------------------------------------------------------------------


def _quoted(name: str) -> str:
    """A name of several words, such as a family's first wording, set apart from the sentence it stands in."""
    return f"“{name}”" if " " in name else name


def _sentence(table: pd.DataFrame, count: int, of: int, schema: Schema) -> str:
    """The strongest finding of each kind that says something new."""
    start = f"{count:,} of {of:,} {schema.nouns}"
    if table.empty:
        return (
            f"{start}; nothing sets them apart: no word, label, number, gamma or beta differs from the rest "
            "by more than it does in random selections of this size."
        )
    more = table[table["effect"] > 0]
    said = []
    told = [name for name in schema.categories if name not in ("answer", "prediction")]
    labels = more[more["kind"].isin(told) & (more["effect"] >= 0.1)]
    if len(labels):
        # The type says most where it says nearly as much as a broader label.
        near = labels[labels["effect"] >= labels["effect"].iloc[0] - 0.1]
        kind = min(near["kind"], key=told.index)
        same = labels[labels["kind"] == kind]
        for _, row in same.head(1 if same["selection"].iloc[0] >= 0.95 else 2).iterrows():
            name = f"{row['kind']} {_quoted(row['feature'])}"
            said.append(f"{_most(row['selection'])} are of {name} ({_rest(row['rest'])})")
    words = more[more["kind"].isin(SAID) & (more["effect"] >= 0.1)]
    content = words[[telling(name)[0] > 0 for name in words["feature"]]]
    words = (content if len(content) else words).head(2)
    words = words[words["effect"] >= words["effect"].max() / 2]
    said += [
        f"{_most(row['selection'])} say “{row['feature']}” ({_rest(row['rest'])})"
        for _, row in words.iterrows()
    ]
    if not len(words) and len(less := table[(table["kind"] == "word") & (table["effect"] <= -0.1)]):
        row = less.iloc[0]
        few = "none" if row["selection"] == 0 else f"only {_percent(row['selection'])}"
        said.append(f"{few} say “{row['feature']}” ({_rest(row['rest'])})")
    for _, row in table[(table["kind"] == "count") & (table["effect"].abs() >= 0.2)].iterrows():
        if row["feature"] == "length":
            longer = "longer" if row["effect"] > 0 else "shorter"
            said.append(f"they are {longer} ({row['selection']:.1f} words, the rest {row['rest']:.1f})")
        elif row["feature"] != "depth":
            higher = "higher" if row["effect"] > 0 else "lower"
            said.append(f"{row['feature']} is {higher} ({row['selection']:.3g}, the rest {row['rest']:.3g})")
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
    if share == 1:
        return "all"
    return f"nearly all ({_percent(share)})" if share >= 0.95 else _percent(share)


def _rest(share: float) -> str:
    return "none of the rest" if share == 0 else f"{_percent(share)} of the rest"


def _percent(share: float) -> str:
    """Never rounded to all or nothing."""
    if 0 < share < 0.005:
        return "< 1%"
    return "> 99%" if 0.995 < share < 1 else f"{share:.0%}"
