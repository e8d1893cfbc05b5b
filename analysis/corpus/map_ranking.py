"""Feature maps in order: by how two-peaked gamma is, by what explains it, by effect and selectivity.

What explains gamma and beta over questions is a linear model of one thing at a time: the question's type, its
words, its length. Words and types go together (templates do), so their shares overlap. Shares are adjusted
for the number of columns, so that a map nothing explains has 0 on average; the null is the greatest adjusted
share of any map when questions are shuffled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kurtosis, skew

from analysis.corpus.contrasts import question_labels
from analysis.corpus.map_cards import MapCards
from analysis.question.population import Population

QUESTIONS, SHUFFLES = 2000, 20
EXPLAINED_BY = ("type", "words", "length")
# What maps can be ranked by -> in words.
RANKED_BY = {
    "bimodality": "how two-peaked gamma is over questions (Sarle's coefficient; 0.56 is a flat distribution)",
    **{
        f"{kind} by {cause}": f"share of {kind}'s variance that the question's {cause} explains, adjusted"
        for kind in ("gamma", "beta")
        for cause in EXPLAINED_BY
    },
    "effect": "drop of the logit difference when the map is resampled",
    "selectivity": "the greatest significant |Cliff's delta| between objects",
}


@dataclass(frozen=True, eq=False)
class MapRanking:
    """`table`: a row a map: block (from 1), map, and the columns of `RANKED_BY` that are known.

    `null`: of every explained share, the 95th percentile of the greatest over all maps when questions are
    shuffled. `questions`, `seed`: of the sample.
    """

    table: pd.DataFrame
    null: Mapping[str, float]
    questions: int
    seed: int

    def columns(self) -> list[str]:
        """What maps can be ranked by here."""
        return [name for name in RANKED_BY if name in self.table]

    def values(self, by: str, block: int) -> np.ndarray:
        """One column for the maps of a block, from 0, in the order of their numbers; nan where unknown."""
        own = self.table[self.table["block"] == block + 1].sort_values("map")
        return np.asarray(own[by], float)


def rank_maps(population: Population, cards: MapCards | None = None, *, seed: int = 0) -> MapRanking:
    """Measure what maps can be ranked by; a second or two.

    Args:
        cards: where they are measured, for effect and selectivity.
        seed: of the sample of questions and of the shuffles.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(population))[:QUESTIONS])
    shape = population.gamma.shape[1:]
    values = {
        kind: np.asarray(population.values(kind)[rows], np.float32).reshape(len(rows), -1)
        for kind in ("gamma", "beta")
    }
    table: dict[str, np.ndarray] = {
        "block": np.repeat(np.arange(shape[0]) + 1, shape[1]),
        "map": np.tile(np.arange(shape[1]), shape[0]),
        "bimodality": bimodality(values["gamma"]),
    }
    null: dict[str, float] = {}
    both = np.concatenate([values["gamma"], values["beta"]], axis=1)
    for cause, design in _designs(population.texts[rows], population.types[rows]).items():
        shares, greatest = explained(design, both, rng)
        for kind, part in zip(("gamma", "beta"), np.split(shares, 2), strict=True):
            table[f"{kind} by {cause}"] = part
            null[f"{kind} by {cause}"] = greatest
    found = pd.DataFrame(table)
    if cards is not None:
        found = found.merge(_of_cards(cards), on=["block", "map"], how="left")
    return MapRanking(found, null, len(rows), seed)


def bimodality(values: np.ndarray) -> np.ndarray:
    """Sarle's coefficient of every column: (skewness squared + 1) / kurtosis.

    0.33 for a bell, 0.56 for a flat distribution, 1 for two points; 0 where a column does not vary.

    Args:
        values: (rows, columns).
    """
    varies = values.std(axis=0) > 1e-6
    found = np.zeros(values.shape[1])
    own = values[:, varies].astype(np.float64)
    found[varies] = (skew(own, axis=0) ** 2 + 1) / kurtosis(own, axis=0, fisher=False)
    return found


def explained(design: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Share of every column's variance that a linear model of the design explains, adjusted for its rank.

    Args:
        design: (rows, regressors), without a constant. values: (rows, columns).

    Returns:
        (columns,), 0 where a column does not vary; and the 95th percentile, over shuffles of the rows, of the
        greatest of them.
    """
    centred = design - design.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    basis = left[:, size > 1e-6 * max(size[0], 1e-12)].astype(np.float32)
    count, rank = len(values), basis.shape[1]
    about = (values - values.mean(axis=0)).astype(np.float32)
    total = (about**2).sum(axis=0)

    def shares(of: np.ndarray) -> np.ndarray:
        inside = ((of.T @ about) ** 2).sum(axis=0)
        plain = np.divide(inside, total, out=np.zeros_like(total), where=total > 1e-6 * count)
        adjusted = 1 - (1 - plain) * (count - 1) / max(1, count - rank - 1)
        return np.asarray(np.where(total > 1e-6 * count, adjusted, 0.0), np.float64)

    greatest = [float(shares(basis[rng.permutation(count)]).max()) for _ in range(SHUFFLES)]
    return shares(basis), float(np.quantile(greatest, 0.95))


def _designs(texts: np.ndarray, types: np.ndarray) -> dict[str, np.ndarray]:
    _, words = question_labels(pd.DataFrame({"text": texts}))
    length = np.array([len(str(text).split()) for text in texts], float)
    length = (length - length.mean()) / max(length.std(), 1e-6)
    one_hot = np.unique(types.astype(str))[None] == types.astype(str)[:, None]
    return {
        "type": one_hot.astype(float),
        "words": words.astype(float),
        "length": np.stack([length, length**2], axis=1),
    }


def _of_cards(cards: MapCards) -> pd.DataFrame:
    """Effect and selectivity by block, from 1, and map."""
    own = cards.cards[["block", "map"]].copy()
    if "effect" in cards.cards:
        own["effect"] = cards.cards["effect"]
    sure = cards.effects[(cards.effects["about"] == "pictures") & (cards.effects["p"] <= 0.05)]
    strongest = sure["delta"].abs().groupby([sure["block"], sure["map"]]).max().rename("selectivity")
    own = own.merge(strongest.reset_index(), on=["block", "map"], how="left")
    return own.assign(block=own["block"] + 1, selectivity=own["selectivity"].fillna(0.0))
