"""The distributions of gamma and beta over many questions, as the paper pictures them (Figs. 5, 16, 17, 18).

Everything a figure needs is counted once; the questions' values stay at hand for single maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.corpus.schema import Layers, Schema
from analysis.statistics import cluster_sums
from film import InputError, too_few

KINDS = ("gamma", "beta")
BINS = 128  # as in the authors' histograms
MAPS = 16  # shown at once, as in the Distill article


@dataclass(frozen=True)
class Statistics:
    """Of gammas or betas. `negative`: share below 0; `mode`: middle of the fullest of 128 bins.

    `negative_margin`, `mean_margin`: half of a 95 % interval over questions; nan where it is not known.
    """

    low: float
    high: float
    negative: float
    mode: float
    mean: float
    negative_margin: float = float("nan")
    mean_margin: float = float("nan")


# What the authors' networks have. The paper prints range and share (section 4.2; the mode is read off Fig. 5
# and has no mean); the second is the 6-block network of the Distill article, from its published histograms.
NAN = float("nan")
PUBLISHED: Mapping[str, Mapping[str, Statistics]] = {
    "the paper's, 4 blocks": {
        "gamma": Statistics(-15, 19, 0.36, 0.0, NAN),
        "beta": Statistics(-9, 16, 0.76, -1.5, NAN),
    },
    "Distill's, 6 blocks": {
        "gamma": Statistics(-18.7, 17.1, 0.367, 0.18, 1.00),
        "beta": Statistics(-9.4, 14.4, 0.824, -1.65, -0.96),
    },
}


@dataclass(frozen=True, eq=False)
class Parameters:
    """Gammas and betas of many questions, counted.

    texts: (questions,). labels: name -> (questions,), "" where it is not known. gamma, beta: as an
        extraction has them, see `Layers.of`. schema: what a question is called, and the layers.
    source: which questions these are and how they were drawn, for captions.
    edges: of the bins, by kind, (bins + 1,), the same for all blocks; counts: by kind, (blocks, bins).
    statistics: by kind, of all blocks. mean, deviation: by kind and block, over questions, (maps,).
    modulated: the blocks, from 0, whose gamma or beta the question moves; others are left out of everything.
    """

    texts: np.ndarray
    labels: Mapping[str, np.ndarray]
    gamma: np.ndarray
    beta: np.ndarray
    source: str
    edges: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]
    statistics: dict[str, Statistics]
    mean: dict[str, list[np.ndarray]]
    deviation: dict[str, list[np.ndarray]]
    modulated: tuple[int, ...]
    schema: Schema
    clusters: np.ndarray | None = None  # (questions,), what depends on each other; None: each by itself

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def layers(self) -> Layers:
        """The layers that are modulated: names and widths."""
        return self.schema.layers

    def values(self, kind: str) -> np.ndarray:
        """Gamma or beta (`kind`): (questions, blocks, maps); (questions, all maps) where widths differ.

        Raises:
            InputError: `kind` is neither.
        """
        if kind not in KINDS:
            raise InputError(f"Parameters are gamma or beta, not {kind!r}.")
        return self.gamma if kind == "gamma" else self.beta

    def block_statistics(self, kind: str, block: int) -> Statistics:
        """The statistics of one block's gamma or beta (`kind`); blocks from 0."""
        return _statistics(
            self.layers.of(self.values(kind), block),
            self.edges[kind],
            self.counts[kind][block],
            self.clusters,
        )

    def most_varied(self, block: int, count: int = MAPS, chosen: int | None = None) -> list[int]:
        """Maps of a block whose gamma varies most over questions, in order of their number.

        Args:
            chosen: a map that is among them in any case.
        """
        best = list(np.argsort(-self.deviation["gamma"][block], kind="stable")[:count])
        if chosen is not None and chosen not in best:
            best[-1] = chosen
        return sorted(int(number) for number in best)


def measure_parameters(
    texts: np.ndarray,
    labels: Mapping[str, np.ndarray],
    gamma: np.ndarray,
    beta: np.ndarray,
    source: str,
    schema: Schema | None = None,
    clusters: np.ndarray | None = None,
) -> Parameters:
    """Count gammas and betas; about two seconds for 20,000 questions of 4 blocks with 128 maps.

    Args:
        texts: (questions,), what was asked.
        labels: such as {"type": (questions,)}.
        gamma, beta: (questions, blocks, maps), or as the schema's layers say.
        clusters: (questions,), which of them depend on each other.

    Raises:
        InputError: there are no questions, or no block is modulated.
    """
    if not len(texts):
        raise InputError("There are no questions to count gammas and betas of.")
    schema = schema or Schema(Layers.equal(*gamma.shape[1:]))
    layers = schema.layers
    mean, deviation, edges, counts, statistics = {}, {}, {}, {}, {}
    arrays = {"gamma": gamma, "beta": beta}
    for kind, values in arrays.items():
        blocks = [layers.of(values, block).astype(np.float32) for block in range(len(layers))]
        mean[kind] = [block.mean(axis=0, dtype=np.float64) for block in blocks]
        deviation[kind] = [block.std(axis=0, dtype=np.float64) for block in blocks]
    spread = zip(deviation["gamma"], deviation["beta"], strict=True)
    modulated = tuple(block for block, both in enumerate(spread) if max(map(np.max, both)) > 1e-4)
    if not modulated:
        raise InputError(f"No gamma or beta of this network depends on the {schema.noun}.")
    for kind, values in arrays.items():
        parts = [layers.of(values, block).astype(np.float32) for block in modulated]
        low, high = float(min(part.min() for part in parts)), float(max(part.max() for part in parts))
        edges[kind] = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        counts[kind] = np.zeros((len(layers), BINS), np.int64)
        for block, part in zip(modulated, parts, strict=True):
            counts[kind][block] = np.histogram(part, edges[kind])[0]
        statistics[kind] = _statistics(np.hstack(parts), edges[kind], counts[kind].sum(axis=0), clusters)
    told = {name: np.asarray(values) for name, values in labels.items()}
    return Parameters(
        np.asarray(texts), told, gamma, beta, source,
        edges, counts, statistics, mean, deviation, modulated, schema, clusters,
    )  # fmt: skip


def _statistics(
    values: np.ndarray, edges: np.ndarray, counts: np.ndarray, clusters: np.ndarray | None
) -> Statistics:
    flat = values.reshape(len(values), -1)
    below, mean = (flat < 0).mean(axis=1), flat.mean(axis=1, dtype=np.float32)  # of each question
    fullest = int(counts.argmax())
    return Statistics(
        low=float(flat.min()),
        high=float(flat.max()),
        negative=float(below.mean()),
        mode=float(edges[fullest : fullest + 2].mean()),
        mean=float(mean.mean()),
        negative_margin=_margin(below, clusters),
        mean_margin=_margin(mean, clusters),
    )


def _margin(values: np.ndarray, clusters: np.ndarray | None) -> float:
    """Half of the 95 % interval of a mean; nan under ten clusters."""
    if clusters is None:
        return float(1.96 / np.sqrt(len(values)) * values.std())
    sums = cluster_sums((values - values.mean(dtype=np.float64))[:, None], clusters)
    count = len(sums)
    if too_few(count):
        return float("nan")
    return float(1.96 * np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values))
