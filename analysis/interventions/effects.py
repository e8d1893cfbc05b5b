"""What made this answer: the effect of every feature map on it, by several kinds of ablation.

The metric is the logit of the answer minus that of its runner-up, both fixed beforehand; beside it how far
the distribution of all answers moves. A map's gamma and beta are replaced *together*: by those of other
questions (resample ablation, the mean over donors), by their means, or by 1 and 0 (FiLM switched off for it).
A gradient estimates the mean ablation without doing it. The kinds answer different questions and agree only
so far; `agreement` says how far, and `source_distances` how usual the values are that they put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

from analysis.interventions.sweep import Baseline, divergences, each_map, replaced, sets_of
from analysis.question.population import Population
from analysis.question.truth import find_truth
from film import InputError, Modulation, Picture, Progress, Session

DONORS = 20  # questions that resampling draws from
CURVE = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # maps replaced, and then all
RANDOM_ORDERS = 20  # beside a deletion curve
TOP = 30  # maps whose pairs are looked at
OFFERED = 200  # questions that donors are drawn from


@dataclass(frozen=True, eq=False)
class MapEffects:
    """Drop of the logit difference when a map is replaced, by kind of replacement: (blocks, maps) each.

    `answer`, `runner_up`: whose logits are compared; `difference`: the metric as it is, in logits. `effects`:
    kind -> drop; positive where the map speaks for the answer. `deviation`: of the drop over donors, by
    kind of resampling, its standard error being that over the root of the number of `donors`, which are the
    questions drawn. `divergence`: kind -> Kullback-Leibler divergence of the answers' distribution from what
    it was, in nats, the mean over donors; the gradient has none.
    """

    answer: str
    runner_up: str
    difference: float
    effects: Mapping[str, np.ndarray]
    deviation: Mapping[str, np.ndarray]
    divergence: Mapping[str, np.ndarray]
    donors: Mapping[str, Sequence[str]]

    def agreement(self) -> pd.DataFrame:
        """Spearman's rank correlation of every two kinds over all maps."""
        names = list(self.effects)
        found = spearmanr(np.stack([self.effects[name].ravel() for name in names], axis=1)).statistic
        values = np.atleast_2d(found) if len(names) > 2 else np.array([[1, found], [found, 1]], float)
        return pd.DataFrame(values, names, names)

    def table(self) -> pd.DataFrame:
        """A row a map: block (from 1), map, and of every kind effect, deviation over donors, divergence."""
        blocks, maps = next(iter(self.effects.values())).shape
        ids = {"block": np.repeat(np.arange(blocks) + 1, maps), "map": np.tile(np.arange(maps), blocks)}
        spread = {f"{name}, standard deviation": values for name, values in self.deviation.items()}
        moved = {f"{name}, KL divergence": values for name, values in self.divergence.items()}
        columns = {**self.effects, **spread, **moved}
        return pd.DataFrame(ids | {name: values.ravel() for name, values in columns.items()})

    def strongest(self, kind: str, count: int) -> list[tuple[int, int]]:
        """The (block, map), from 0, that speak most for the answer."""
        values = self.effects[kind]
        best = np.argsort(-values, axis=None, kind="stable")[:count]
        return [divmod(int(place), values.shape[1]) for place in best]


def questions_to_resample(population: Population, question: str, *, seed: int = 0) -> dict[str, list[str]]:
    """Questions whose gammas and betas may take the place of a question's, for `map_effects`.

    Args:
        seed: of which of the population's these are.

    Returns:
        "any", "same type", "same family" -> up to 200 questions, without this one; those kinds of which there
        are two or more, and no type or family where the question is none of CLEVR's.
    """
    rows = np.random.default_rng(seed).permutation(len(population))
    texts, asked = population.texts[rows], find_truth(question, None)
    found = {"any": texts}
    if asked.parse is not None:
        found["same type"] = texts[population.types[rows] == asked.type]
        if population.families is not None:
            found["same family"] = texts[population.families[rows] == asked.parse.family.index]
    chosen = {
        name: [str(text) for text in some[:OFFERED] if text != question] for name, some in found.items()
    }
    return {name: some for name, some in chosen.items() if len(some) > 1}


def map_effects(
    session: Session,
    picture: Picture,
    question: str,
    donors: Mapping[str, Sequence[str]],
    *,
    count: int = DONORS,
    seed: int = 0,
    progress: Progress | None = None,
) -> MapEffects:
    """Replace every feature map's gamma and beta, one map at a time.

    Args:
        donors: name -> questions to resample from, such as any, same type, same family.
        count: donors drawn from each; the question itself is none.
        seed: of the draw.
        progress: called with the kinds done and of all; raise in it to stop.

    Raises:
        InputError: a word is unknown, or donors are missing.
    """
    maps, own = session.encode_picture(picture), session.modulate([question])
    baseline = Baseline(session, maps, own)
    best, second = np.argsort(-baseline.logits[0], kind="stable")[:2]
    difference = float(baseline.logits[0, best] - baseline.logits[0, second])
    shape = own.gamma.shape[1:]
    rng = np.random.default_rng(seed)
    effects: dict[str, np.ndarray] = {}
    deviation: dict[str, np.ndarray] = {}
    divergence: dict[str, np.ndarray] = {}
    drawn: dict[str, Sequence[str]] = {}

    def replace(name: str, source: Modulation) -> np.ndarray:
        """Drops, (rows of the source, blocks, maps)."""
        changed = replaced(own, source, each_map(*shape))
        logits = baseline.under(changed, np.zeros(len(changed), int))
        drops = difference - (logits[:, best] - logits[:, second]).astype(np.float64)
        drops = np.asarray(drops.reshape(len(source), *shape))
        moved = divergences(baseline.logits, logits).reshape(len(source), *shape)
        effects[name], divergence[name] = drops.mean(axis=0), moved.mean(axis=0)
        return drops

    def told() -> None:
        if progress:
            progress(len(effects), len(donors) + 3)

    for kind, given in donors.items():
        some = list(dict.fromkeys(text for text in given if text != question))
        if not some:
            raise InputError(f"There is no other question to resample from ({kind}); give some.")
        name = f"resampled, {kind}"
        drawn[name] = [some[i] for i in rng.permutation(len(some))[:count]]
        deviation[name] = replace(name, session.modulate(drawn[name], lenient=True)).std(axis=0)
        told()
    replace("mean", session.mean_modulation)
    told()
    replace("identity", Modulation.identity(1, *shape))
    told()
    names = (session.answers[best], session.answers[second])
    slopes = session.gradients(picture, own, names, ["gamma", "beta"])
    mean = session.mean_modulation
    effects["gradient estimate"] = -(
        slopes["gamma"][1] * (mean.gamma - own.gamma)[0].numpy()
        + slopes["beta"][1] * (mean.beta - own.beta)[0].numpy()
    ).astype(np.float64)
    told()
    return MapEffects(*names, difference, effects, deviation, divergence, drawn)


def source_distances(session: Session, population: Population, found: MapEffects) -> pd.DataFrame:
    """How far from the distribution the values lie that replaced a map's own: every donor, mean and identity.

    Args:
        population: the questions that the distribution is of.

    Returns:
        A row a source: kind, donor (its text; "" for mean and identity), distance (root of the mean squared
        z of all its gammas and betas, in standard deviations over the population; 1 for a usual question),
        percentile (the share of the population's questions that lie nearer, 0 to 100).
    """
    usual = _distances(population, population.gamma, population.beta)
    shape = population.gamma.shape[1:]
    sources = [(kind, text) for kind, texts in found.donors.items() for text in texts]
    parts = [session.modulate([text for _, text in sources], lenient=True)] if sources else []
    parts += [session.mean_modulation, Modulation.identity(1, *shape)]
    every = Modulation.stack(parts)
    far = _distances(population, every.gamma.numpy(), every.beta.numpy())
    sources += [("mean", ""), ("identity", "")]
    table = pd.DataFrame(sources, columns=["kind", "donor"])
    nearer = np.searchsorted(np.sort(usual), far) / len(usual)
    return table.assign(distance=far, percentile=100 * nearer)


def _distances(population: Population, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Root mean square of z over all gammas and betas that vary over the population: (rows,).

    Args:
        gamma, beta: (rows, blocks, maps).
    """
    squares, count = np.zeros(len(gamma)), 0
    for kind, values in (("gamma", gamma), ("beta", beta)):
        spread = population.spread(kind)
        varies = spread.deviation > 1e-6
        z = (values.astype(np.float32) - spread.mean)[:, varies] / spread.deviation[varies]
        squares += (z**2).sum(axis=1)
        count += int(varies.sum())
    return np.asarray(np.sqrt(squares / max(1, count)))


def replacement_curves(
    session: Session,
    picture: Picture,
    question: str,
    effect: np.ndarray,
    deviation: np.ndarray,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Deletion and insertion: the logit difference as more and more maps are at their mean, or not at it.

    Maps go in the order of their effect; beside it in `RANDOM_ORDERS` random orders, and in as many that are
    random among maps whose gamma deviates alike over questions.

    Args:
        effect: (blocks, maps), drop when a map is replaced.
        deviation: (blocks, maps), of gamma over questions.
        seed: of the orders.

    Returns:
        Columns curve (deletion: these are replaced; insertion: these alone are kept), order (effect, random,
        matched), maps (how many), difference (logits; mean over orders), low, high (5th and 95th percentile).
    """
    maps, own, mean = session.encode_picture(picture), session.modulate([question]), session.mean_modulation
    baseline = Baseline(session, maps, own)
    best, second = np.argsort(-baseline.logits[0], kind="stable")[:2]
    size = effect.size
    counts = [count for count in CURVE if count < size] + [size]
    rng = np.random.default_rng(seed)
    by_effect = np.argsort(-effect, axis=None, kind="stable")
    orders = {
        "effect": [by_effect],
        "random": [rng.permutation(size) for _ in range(RANDOM_ORDERS)],
        "matched": [_matched(by_effect, deviation.ravel(), rng) for _ in range(RANDOM_ORDERS)],
    }
    rows, parts = [], []
    for name, some in orders.items():
        for order in some:
            for curve in ("deletion", "insertion"):
                for count in counts:
                    chosen = torch.zeros(size, dtype=torch.bool)
                    chosen[torch.from_numpy(order[:count].copy())] = True
                    parts.append((chosen if curve == "deletion" else ~chosen).view(effect.shape))
                    rows.append((curve, name, count))
    logits = baseline.under(replaced(own, mean, torch.stack(parts)), np.zeros(len(parts), int))
    table = pd.DataFrame(rows, columns=["curve", "order", "maps"])
    table["difference"] = (logits[:, best] - logits[:, second]).astype(np.float64)
    grouped = table.groupby(["curve", "order", "maps"], sort=False)["difference"]
    return grouped.agg(
        difference="mean", low=lambda v: v.quantile(0.05), high=lambda v: v.quantile(0.95)
    ).reset_index()


def _matched(order: np.ndarray, deviation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An order in which every map has given its place to one of the ten whose deviation is nearest."""
    rank = np.argsort(np.argsort(deviation, kind="stable"), kind="stable")
    bins = rank // 10
    found = order.copy()
    for number in np.unique(bins):
        places = np.nonzero(bins[order] == number)[0]
        found[places] = rng.permutation(order[places])
    return found


def interactions(
    session: Session, picture: Picture, question: str, chosen: Sequence[tuple[int, int]]
) -> pd.DataFrame:
    """Whether two maps do together what they do alone: I = D(ab) - D(a) - D(b), at their means, in logits.

    Args:
        chosen: (block, map) from 0, the first `TOP` of them.

    Returns:
        A row a pair, the strongest interaction first: block_a, map_a, block_b, map_b (blocks from 1),
        together, a, b (drops of the logit difference) and interaction.

    Raises:
        InputError: there are fewer than two maps.
    """
    chosen = list(dict.fromkeys(chosen))[:TOP]
    if len(chosen) < 2:
        raise InputError("Interactions are of two or more feature maps; name some.")
    maps, own, mean = session.encode_picture(picture), session.modulate([question]), session.mean_modulation
    baseline = Baseline(session, maps, own)
    best, second = np.argsort(-baseline.logits[0], kind="stable")[:2]
    pairs = [(a, b) for i, a in enumerate(chosen) for b in chosen[i + 1 :]]
    sets: list[tuple[tuple[int, int], ...]] = [*((place,) for place in chosen), *pairs]
    changed = replaced(own, mean, sets_of(sets, *own.gamma.shape[1:]))
    logits = baseline.under(changed, np.zeros(len(sets), int))
    plain = float(baseline.logits[0, best] - baseline.logits[0, second])
    drops = plain - (logits[:, best] - logits[:, second]).astype(np.float64)
    alone = dict(zip(chosen, drops, strict=False))
    rows = [
        {
            "block_a": a[0] + 1, "map_a": a[1], "block_b": b[0] + 1, "map_b": b[1], "together": together,
            "a": alone[a], "b": alone[b], "interaction": together - alone[a] - alone[b],
        }
        for (a, b), together in zip(pairs, drops[len(chosen) :], strict=True)
    ]  # fmt: skip
    found = pd.DataFrame(rows)
    return found.reindex(found["interaction"].abs().sort_values(ascending=False, kind="stable").index)
