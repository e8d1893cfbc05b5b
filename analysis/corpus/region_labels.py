"""Names for the dense regions of a projection: the words that their questions say oftener than others do.

A word is written over a region only if it is said there oftener than in all but 5 % of random contiguous
regions of the same size (`analysis.statistics.random_regions`): every region has something in common, so
scattered questions would be the wrong null. The strongest such word that at least half of
the region's questions say is taken, so a label is a name for the
place, not a test of it; `analysis.why_together` tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.corpus.question_features import FEWEST, SAID, QuestionFeatures, telling, there_z
from analysis.statistics import random_regions

if TYPE_CHECKING:
    from analysis.corpus.layout import Layout

LEVEL = 0.05  # of random regions
HALF = 0.5  # of a region's questions say its word, or more
REGIONS = 499
MOST = 40  # regions that get a name
PART = 150  # a region is one of so many parts of the points
FEWEST_POINTS = 3 * FEWEST
APART = 2.0  # radii of a region between the centres of two


@dataclass(frozen=True)
class RegionLabel:
    """A name for a dense region. x, y: of its centre, in the layout's units. points: of the layout, in it.

    share, elsewhere: of the region's questions, and of all on the projection, that say `text`. p: share of
    random contiguous regions of this size in which it is said as often, the region counted in.
    """

    x: float
    y: float
    text: str
    share: float
    elsewhere: float
    p: float
    points: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many points there are in it."""
        return len(self.points)


def region_labels(
    features: QuestionFeatures, layout: Layout, *, trials: int = REGIONS, seed: int = 0
) -> tuple[RegionLabel, ...]:
    """The dense regions of a projection by their strongest words, densest first.

    A region is the nearest points of one, a 150th of all; none begins within two radii of a denser one.
    Where the rows say no words their labels stand in.

    Args:
        features: of the whole study, as counted by `analysis.prepare_why`.
        trials, seed: of the random regions.
    """
    size = max(FEWEST_POINTS, len(layout) // PART)
    kinds = SAID if features.schema.words else features.schema.categories
    said = np.flatnonzero([name.kind in kinds and telling(name.name)[0] > 0 for name in features.there_names])
    if not len(said) or len(layout) < 2 * size:
        return ()
    regions = dense_regions(layout.places, size)
    drawn = random_regions(layout.places, size, trials=trials, seed=seed)
    here = features.there[layout.rows][:, said]
    total = np.asarray(here.sum(axis=0)).ravel()
    hits, null = _hits(here, regions), _hits(here, drawn)
    found = []
    for region, count in zip(regions, hits, strict=True):
        p = (1 + (null >= count).sum(axis=0)) / (1 + trials)
        z = np.where((p <= LEVEL) & (count >= HALF * size), there_z(count, size, total, len(layout)), 0)
        if (best := int(z.argmax())) >= 0 and z[best] > 0:
            x, y = np.median(layout.places[region], axis=0)
            text = features.there_names[said[best]].name
            share, elsewhere = count[best] / size, total[best] / len(layout)
            told = float(x), float(y), text, float(share), float(elsewhere), float(p[best])
            found.append(RegionLabel(*told, tuple(region.tolist())))
    return tuple(found)


def describe_labels(labels: tuple[RegionLabel, ...], nouns: str = "questions", trials: int = REGIONS) -> str:
    """How `region_labels` came about with its usual arguments, for a caption."""
    if not labels:
        return f"No dense region has a word of its own: none that half of its {nouns} say is special to it."
    return (
        f"Words of {len(labels)} dense regions of {labels[0].size:,} {nouns}: the strongest that at least "
        f"half of them say, and oftener than in {1 - LEVEL:.0%} of {trials} random contiguous regions of "
        "this size (seed 0). Chosen as the strongest, they name a place and test nothing."
    )


def dense_regions(places: np.ndarray, size: int, most: int = MOST) -> np.ndarray:
    """The densest regions of a layout, densest first: int (regions, size), the centre first in each."""
    from scipy.spatial import KDTree

    far, near = KDTree(places).query(places, k=size)
    radius = far[:, -1]
    free, chosen = np.ones(len(places), bool), []
    for centre in np.argsort(radius, kind="stable"):
        if free[centre]:
            chosen.append(near[centre])
            free &= np.linalg.norm(places - places[centre], axis=1) > APART * radius[centre]
            if len(chosen) == most:
                break
    return np.array(chosen, np.int64)


def _hits(there: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """In how many rows of each region each feature of a CSR matrix is: int (regions, features)."""
    from scipy.sparse import csr_array

    count, size = regions.shape
    chosen = csr_array(
        (np.ones(regions.size, np.int32), regions.ravel(), size * np.arange(count + 1)),
        shape=(count, there.shape[0]),
    )
    result: np.ndarray = (chosen @ there).toarray()
    return result
