"""Questions whose words and labels have nothing to do with their gammas, and regions of their projections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis import random_regions
from analysis.corpus.extraction import Extraction
from analysis.corpus.layout import Layout, LayoutRecipe, lay_out
from analysis.corpus.question_features import QuestionFeatures, count_features
from analysis.corpus.regions import (
    BEYOND,
    REGIONS,
    RegionCheck,
    baselines,
    check_region,
    measure_regions,
)
from film import Session

COLORS = ("red", "blue", "green", "cyan")
EFFECT = 0.5  # by how much more of a planted region has the label than of the rest


def scattered_table(rng: np.random.Generator, count: int, **columns: object) -> pd.DataFrame:
    """Questions of random words and types."""
    colors, things = rng.choice(COLORS, count), rng.choice(["cube", "sphere", "cylinder"], count)
    shapes = rng.choice(["Is there a", "Are there any", "How many"], count)
    texts = [f"{a} {b} {c}?" for a, b, c in zip(shapes, colors, things, strict=True)]
    table = pd.DataFrame({"text": texts, "type": rng.choice(["count", "exist", "query_size"], count)})
    return table.assign(length=[len(text.split()) for text in texts], **columns)


def with_gamma(table: pd.DataFrame, gamma: np.ndarray) -> Extraction:
    """A study of one block with these gammas, (questions, maps), and betas of zero."""
    gamma = gamma[:, None].astype(np.float32)
    return Extraction(table, gamma, np.zeros_like(gamma), np.zeros((len(table), 1), np.float32), {})


def smooth(rng: np.random.Generator, count: int) -> np.ndarray:
    """Gammas of eight maps that lie in a plane, nearly."""
    return np.concatenate([rng.normal(0, 3, (count, 2)), rng.normal(0, 0.3, (count, 6))], axis=1)


def plane(gamma: np.ndarray) -> Layout:
    """A projection that is the first two gammas."""
    return Layout(gamma[:, :2].astype(np.float32), np.arange(len(gamma)), LayoutRecipe("both", "pca"))


def planted_region(seed: int, *, size: int, count: int = 1500, trials: int = REGIONS) -> RegionCheck:
    """A region where a label goes with gamma: 70 % of its questions have it, 20 % of the rest, wherever."""
    rng = np.random.default_rng(seed)
    gamma = smooth(rng, count)
    layout = plane(gamma)
    rows = random_regions(layout.places, size, trials=1, seed=seed)[0]
    has = rng.random(count) < 0.2
    has[rows] = rng.random(size) < 0.2 + EFFECT
    study = with_gamma(scattered_table(rng, count, attribute=np.where(has, "color", "size")), gamma)
    return _checked(study, count_features(study), rows, layout, trials, seed)


def noise_regions(
    seed: int,
    table: pd.DataFrame,
    session: Session,
    *,
    maps: int,
    sizes: Sequence[int],
    each: int = 1,
    trials: int = REGIONS,
) -> Iterator[tuple[bool, bool]]:
    """Gammas that are noise, a t-SNE of them, and regions of it: called a group, and the network's doing?"""
    rng = np.random.default_rng(seed)
    study = with_gamma(table, rng.normal(size=(len(table), maps)))
    layout, features = lay_out(study, LayoutRecipe("both", "tsne", seed)), count_features(study)
    for size in sizes:
        for number, rows in enumerate(random_regions(layout.places, size, trials=each, seed=seed)):
            check = _checked(study, features, rows, layout, trials, number)
            beside = baselines(study, features, rows, "both", session, seed=number)
            yield check.group, beside is not None and beside.networks_doing


def special_regions(
    study: Extraction, features: QuestionFeatures, layout: Layout, size: int, count: int, seed: int
) -> np.ndarray:
    """Which of so many contiguous regions of a projection are special, all held to the same others: bool.

    By the rule of `RegionCheck.special`; one null for all of them saves nearly all of the work.
    """
    drawn = random_regions(layout.places, size, trials=count + REGIONS, seed=seed)
    compact, strong, _ = measure_regions(study, features, layout, drawn)

    def beyond(values: np.ndarray) -> np.ndarray:
        first, null = values[:count, None], values[count:]
        return (1 + (null >= first - 1e-9).sum(axis=1)) / (1 + len(null)) <= BEYOND

    return beyond(compact) | beyond(strong)


def _checked(
    study: Extraction, features: QuestionFeatures, rows: np.ndarray, layout: Layout, trials: int, seed: int
) -> RegionCheck:
    # Another seed than the region's own was drawn with, so that it is not one of those it is held to.
    check = check_region(study, features, rows, layout, trials=trials, seed=2**31 + seed)
    assert check is not None
    return check
