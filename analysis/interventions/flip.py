"""The smallest changes of gamma and beta that change an answer, beside what random ones take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analysis.interventions.sweep import Baseline
from analysis.question.word_contributions import KINDS, Kind
from film import Modulation, Picture, Session

ORDERS = 20  # random orders beside the greedy one
DIRECTIONS = 5  # random directions beside the gradient


@dataclass(frozen=True, eq=False)
class SmallestFlip:
    """The fewest maps found that change the answer at their means, and the smallest step that changes it.

    `maps`: (block, map) from 0; none can be left out. `answer`: what is said then. `random`: how many maps
    it takes in random orders, the median of `ORDERS`. `norm`: of the smallest step in gamma and beta found
    along the gradient, in standard deviations; `norm_answer`: what is said then; `norm_random`: of a step in
    a random direction, the median of `DIRECTIONS`. None where nothing changed the answer, or in most random
    directions nothing did.
    """

    maps: tuple[tuple[int, int], ...] | None
    answer: str | None
    random: float | None
    norm: float | None
    norm_answer: str | None
    norm_random: float | None


def smallest_flip(
    session: Session,
    picture: Picture,
    question: str,
    effect: np.ndarray,
    deviation: Mapping[Kind, np.ndarray],
    *,
    seed: int = 0,
) -> SmallestFlip:
    """Search for the smallest changes of gamma and beta that change the answer; every one is checked exactly.

    Args:
        effect: (blocks, maps), drop of the logit difference when a map is at its mean: where greed begins.
        deviation: "gamma" and "beta" -> (blocks, maps), over questions: what steps are measured in.
        seed: of the random orders and directions.
    """
    maps, own, mean = session.encode_picture(picture), session.modulate([question]), session.mean_modulation
    baseline = Baseline(session, maps, own)
    said = int(baseline.logits[0].argmax())
    rng = np.random.default_rng(seed)

    def answers(sets: Sequence[np.ndarray]) -> np.ndarray:
        mask = torch.zeros(len(sets), effect.size, dtype=torch.bool)
        for row, places in enumerate(sets):
            mask[row, torch.from_numpy(np.asarray(places, np.int64))] = True
        replaced = mask.view(len(sets), *effect.shape)
        changed = Modulation(
            torch.where(replaced, mean.gamma, own.gamma), torch.where(replaced, mean.beta, own.beta)
        )
        return np.asarray(baseline.under(changed, np.zeros(len(sets), int)).argmax(axis=1))

    def fewest(order: np.ndarray) -> int | None:
        """How long a beginning of the order changes the answer; by halving: there may be a shorter one."""
        if answers([order])[0] == said:
            return None
        low, high = 0, len(order)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if answers([order[:middle]])[0] == said else (low, middle)
        return high

    greedy = np.argsort(-effect, axis=None, kind="stable")
    length, kept, answer = fewest(greedy), None, None
    if length is not None:
        chosen, before = list(greedy[:length]), 0
        while len(chosen) != before:  # without one map another may be needed no more
            before = len(chosen)
            for place in list(reversed(chosen)):  # what is not needed goes, the weakest first
                fewer = [other for other in chosen if other != place]
                if fewer and answers([np.array(fewer)])[0] != said:
                    chosen = fewer
        kept = tuple(divmod(int(place), effect.shape[1]) for place in chosen)
        answer = session.answers[answers([np.array(chosen)])[0]]
    lengths = [found for _ in range(ORDERS) if (found := fewest(rng.permutation(effect.size))) is not None]

    scale = {kind: torch.from_numpy(np.asarray(deviation[kind], np.float32))[None] for kind in KINDS}
    slopes = session.gradients(picture, own, "margin", ["gamma", "beta"])
    down = [-torch.from_numpy(slopes[kind][1])[None] * scale[kind] for kind in KINDS]

    def along(step: Sequence[torch.Tensor]) -> tuple[float | None, str | None]:
        """The length, in deviations, at which the answer first changes on a line; to two in a hundred."""
        size = torch.cat([part.flatten() for part in step]).norm()
        if size == 0:
            return None, None
        gamma, beta = (part / size * scale[kind] for part, kind in zip(step, KINDS, strict=True))
        lengths = torch.from_numpy(np.geomspace(0.05, 500, 400).astype(np.float32))[:, None, None]
        changed = Modulation(own.gamma + lengths * gamma, own.beta + lengths * beta)
        found = baseline.under(changed, np.zeros(len(lengths), int)).argmax(axis=1)
        flips = np.nonzero(found != said)[0]
        if not len(flips):
            return None, None
        return float(lengths[flips[0]]), session.answers[found[flips[0]]]

    norm, norm_answer = along(down)
    shape = down[0].shape
    # A direction in which nothing changes the answer takes longer than any in which something does.
    randoms = [
        along([torch.from_numpy(rng.standard_normal(shape).astype(np.float32)) for _ in range(2)])[0]
        or np.inf
        for _ in range(DIRECTIONS)
    ]
    middle = float(np.median(randoms))
    return SmallestFlip(
        kept, answer, float(np.median(lengths)) if lengths else None,
        norm, norm_answer, middle if np.isfinite(middle) else None,
    )  # fmt: skip
