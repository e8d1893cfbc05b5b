"""Is a selection on a projection a group, is it special, and is it the network's doing?

A group, and special: the selection beside random contiguous regions of the same size on the same projection
(the nearest points of a random one). Scattered questions are the wrong null here: any region of a projection
has something in common. Two statistics are compared, each at 2 %, so that at most 4 % of regions are called
special: compactness, the share of
the selected questions' nearest neighbours in the full space that are selected too, and the strength of the
best label, the greatest deviance of any word or label.

The network's doing: a label is chosen on one half of the selection and tested on the other. Do a question's
nearest neighbours in the network's space share the label oftener than in the space of an untrained encoder of
the same build and in a bag-of-words space? Gamma is a function of the text, so that words group questions
without any training.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.corpus.neighbours import nearest_to, neighbours
from analysis.corpus.probes import bag_of_words
from analysis.corpus.question_features import FEWEST, QuestionFeatures, places_in, there_z
from analysis.statistics import random_regions, sign_flip_test
from film import Session

if TYPE_CHECKING:
    from analysis.corpus.extraction import Extraction
    from analysis.corpus.layout import Layout

LEVEL = 0.05
BEYOND = 0.02  # of regions, for each of the two statistics
MARGIN = 0.05  # of neighbours that the network's space must be ahead by; less is no finding however sure
REGIONS = 399
NEAREST = 10
MOST = 20_000  # points of a projection that are looked at
PROBES = 200  # questions whose neighbours are looked for in every space
UNTRAINED, BAG = "an untrained encoder", "bag of words"


# --- A group, and special? ------------------------------------------------------------------------------


@dataclass(frozen=True)
class RegionCheck:
    """A selection beside random regions of its size.

    compactness: mean share of a selected question's nearest neighbours that are selected too; usual: its
        median among regions; label, strength: the strongest label and its root deviance (like a z).
    *_percentile: among regions, 0 to 100, ties counted half; *_p: share of regions at least as high, the
        selection counted in.
    """

    compactness: float
    usual: float
    compactness_percentile: float
    compactness_p: float
    label: str
    strength: float
    strength_percentile: float
    strength_p: float
    size: int
    space: str
    trials: int
    seed: int
    nouns: str = "questions"

    @property
    def group(self) -> bool:
        """Whether it is more compact than all but 2 % of regions."""
        return self.compactness_p <= BEYOND

    @property
    def special(self) -> bool:
        """Whether it is more compact, or its best label stronger, than in all but 2 % of regions."""
        return self.group or self.strength_p <= BEYOND

    def sentence(self) -> str:
        tight = (
            f"{self.compactness:.0%} of their nearest neighbours in the full space ({self.space}) are "
            f"selected too, more than in {int(self.compactness_percentile)} % of random regions of this size "
            f"of this projection (median {self.usual:.0%})"
        )
        label = f"their strongest label ({self.label}) is stronger than in {int(self.strength_percentile)} %"
        said = "a group" if self.group else "no group: as compact as other pieces of the projection are"
        if self.special:
            return f"Special, {said if self.group else 'though ' + said}. {tight}; {label}."
        return f"Not special, and {said}. {tight}; {label}."

    def describe(self) -> str:
        return (
            f"Group and special: {self.trials} random contiguous regions of {self.size:,} {self.nouns} (seed "
            f"{self.seed}), the nearest points of a random one; special is what lies beyond "
            f"{1 - BEYOND:.0%} of them in one of the two."
        )


def check_region(
    extraction: Extraction,
    features: QuestionFeatures,
    rows: np.ndarray,
    layout: Layout,
    *,
    trials: int = REGIONS,
    seed: int = 0,
) -> RegionCheck | None:
    """Compare a selection with random contiguous regions of its size on its projection.

    Null: the selection is a region like any other. Exchangeable: regions with a random centre. The level is
    exact for selections that are nearest points of one; a lasso of another shape is less compact than they.

    Args:
        rows: of the extraction; those on the projection count, at most 20,000 points of which are looked at.

    Returns:
        None where fewer than 5 of them are on the projection, or nearly all of it is selected.
    """
    shown = _shown(layout)
    chosen = np.flatnonzero(np.isin(layout.rows[shown], rows))
    if not FEWEST <= len(chosen) <= len(shown) - FEWEST:
        return None
    regions = random_regions(layout.places[shown], len(chosen), trials=trials, seed=seed)
    compact, strong, best = measure_regions(extraction, features, layout, np.vstack([chosen[None], regions]))
    named = [f"{name.kind} {name.name}" for name in features.there_names] or ["there is none"]
    return RegionCheck(
        float(compact[0]), float(np.median(compact[1:])), *_place(compact),
        named[best[0]], float(strong[0]), *_place(strong),
        len(chosen), layout.recipe.space, trials, seed, extraction.schema.nouns,
    )  # fmt: skip


def measure_regions(
    extraction: Extraction, features: QuestionFeatures, layout: Layout, regions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compactness, strength of the strongest label, and which one it is, of regions of one size.

    Args:
        regions: int (regions, size), of the projection's points that are looked at.
    """
    from scipy.sparse import csr_array

    near = _near(extraction, features, layout)
    rows = layout.rows[_shown(layout)]
    count, size = regions.shape
    inside, compact = np.zeros(len(near), bool), np.empty(count)
    for number, region in enumerate(regions):
        inside[:] = False
        inside[region] = True
        compact[number] = inside[near[region]].mean()
    chosen = csr_array(
        (np.ones(regions.size, np.int32), rows[regions].ravel(), size * np.arange(count + 1)),
        shape=(count, len(extraction)),
    )
    hits = (chosen @ features.there).toarray()
    z = np.abs(there_z(hits, size, features.there_count, len(extraction)))
    strongest = z.argmax(axis=1) if z.shape[1] else np.zeros(count, np.int64)
    return compact, z.max(axis=1, initial=0), strongest


def prepare_region(
    extraction: Extraction, features: QuestionFeatures, layout: Layout, session: Session | None, seed: int
) -> None:
    """Do what the checks need once for a projection: neighbours, and the baselines' spaces."""
    _near(extraction, features, layout)
    _baseline_spaces(extraction, features, session, seed)


def _shown(layout: Layout) -> np.ndarray:
    """The points of a projection that are looked at."""
    if len(layout) <= MOST:
        return np.arange(len(layout))
    return np.sort(np.random.default_rng(0).choice(len(layout), MOST, replace=False))


def _near(extraction: Extraction, features: QuestionFeatures, layout: Layout) -> np.ndarray:
    """The nearest neighbours of the points looked at in the full space, among them: int (points, NEAREST)."""
    rows = layout.rows[_shown(layout)]
    key = f"{layout.recipe.space} {zlib.crc32(np.ascontiguousarray(rows).tobytes())}"
    found = features.near.get(key)
    if found is None:
        points = places_in(extraction, features, layout.recipe.space)[rows]
        found = features.near[key] = neighbours(points, min(NEAREST, len(rows) - 1))
    return found


def _place(values: np.ndarray) -> tuple[float, float]:
    """The first one's percentile and p among the others."""
    first, null = values[0], values[1:]
    below, alike = np.mean(null < first - 1e-9), np.mean(np.abs(null - first) <= 1e-9)
    p = (1 + np.sum(null >= first - 1e-9)) / (1 + len(null))
    return float(100 * (below + alike / 2)), float(p)


# --- The network's doing? -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Baselines:
    """Neighbours that share a selection's label, in the network's space and without its training.

    label: chosen on one half of the selection. shares: space -> mean share of the 10 nearest neighbours
        with the label, of questions of the other half that have it. p: baseline -> of the network's space
        doing no better (paired, one-sided; signs of questions).
    """

    label: str
    space: str
    own: float
    shares: dict[str, float]
    p: dict[str, float]
    tested: int
    seed: int
    nouns: str = "questions"

    @property
    def networks_doing(self) -> bool:
        """Whether the network's space does better than every baseline, the untrained encoder among them."""
        ahead = self.own - max(self.shares.values(), default=0)
        return UNTRAINED in self.p and ahead >= MARGIN and all(p <= LEVEL for p in self.p.values())

    def sentence(self) -> str:
        others = [f"{100 * share:.0f} % in {name}" for name, share in self.shares.items()]
        beside = f", {' and '.join(others)}" if others else ""
        said = (
            f"Of the nearest neighbours of {self.nouns} with {self.label}, {100 * self.own:.0f} % share it "
            f"in the network's space{beside}."
        )
        if self.networks_doing:
            return f"The network's doing. {said}"
        if UNTRAINED not in self.p:
            return f"Not tested against an untrained network. {said}"
        return f"Not shown to be the network's doing: hardly ahead of what needs no training. {said}"

    def describe(self) -> str:
        return (
            f"The network's doing: the label is the strongest of one half, tested on {self.tested:,} "
            f"{self.nouns} of the other against every baseline (signs flipped, p at most "
            f"{LEVEL:.2f}, {MARGIN:.0%} of neighbours ahead; seed {self.seed})."
        )


def baselines(
    extraction: Extraction,
    features: QuestionFeatures,
    rows: np.ndarray,
    space: str,
    session: Session | None = None,
    *,
    seed: int = 0,
) -> Baselines | None:
    """Is what a selection shares nearer together in the network's space than without its training?

    Estimand: the difference of the shares of nearest neighbours with the label, mean over questions of the
    second half. Null: it is zero or below. Exchangeable: the signs of the questions' differences. The claim
    needs every baseline beaten, so that its level needs no correction (intersection-union).

    Returns:
        None where fewer than 5 questions of the second half have a label.
    """
    order = np.random.default_rng(seed).permutation(rows)
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    labels = np.array([name.kind in features.schema.categories for name in features.there_names])
    hits = np.asarray(features.there[first].sum(axis=0)).ravel()
    z = there_z(hits, len(first), features.there_count, len(extraction))
    if not labels.any() or (z := np.where(labels, z, -np.inf)).max() <= 0:
        return None
    best = int(z.argmax())
    has = features.there[:, [best]].toarray().ravel() > 0
    probes = second[has[second]][:PROBES]
    if len(probes) < FEWEST:
        return None
    own = _sharing(places_in(extraction, features, space), probes, has)
    shares, p = {}, {}
    for baseline, places in _baseline_spaces(extraction, features, session, seed).items():
        other = _sharing(places, probes, has)
        groups = None if features.groups is None else features.groups[probes]
        found = sign_flip_test((own - other)[:, None], groups, trials=999, seed=seed)
        shares[baseline] = float(other.mean())
        # The p of two sides is twice that of one where the effect lies on this side.
        p[baseline] = float(found.p[0] / 2) if found.effect[0] > 0 else 1.0
    name = features.there_names[best]
    return Baselines(
        f"{name.kind} {name.name}", space, float(own.mean()), shares, p, len(probes), seed,
        extraction.schema.nouns,
    )  # fmt: skip


def _sharing(places: np.ndarray, probes: np.ndarray, has: np.ndarray) -> np.ndarray:
    """The share of each probe's nearest neighbours that have the label: (probes,)."""
    near = nearest_to(places, places[probes], min(NEAREST, len(places) - 1), itself=probes)
    return np.asarray(has[near].mean(axis=1))


def _baseline_spaces(
    extraction: Extraction, features: QuestionFeatures, session: Session | None, seed: int
) -> dict[str, np.ndarray]:
    """The same questions without the network's training: float32 (questions, d) each."""
    found = features.baselines
    if BAG not in found and features.schema.words:
        bag = bag_of_words(extraction.table["text"])
        found[BAG] = bag - bag.mean(axis=0)
    if session is not None and UNTRAINED not in found:
        states = untrained_states(session, extraction.table["text"].tolist(), seed)
        found[UNTRAINED] = states - states.mean(axis=0)
    return found


def untrained_states(session: Session, texts: list[str], seed: int = 0) -> np.ndarray:
    """The states of questions in an encoder of the same build whose weights are as they were drawn."""
    return np.asarray(untrained(session, seed).encode(texts, lenient=True), np.float32)


def untrained(session: Session, seed: int = 0) -> Session:
    """A network of the same build, with the same words, whose weights are as they were drawn."""
    import torch

    from film import FiLMNetwork

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FiLMNetwork(session.config)
    return Session((network, session.card), "cpu")
