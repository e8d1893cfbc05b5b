"""How much of its answers a network keeps with a few feature maps alone, and without them.

All maps but the chosen ones take over gamma and beta of another question, and the reverse. Faithfulness is
the share of the logit difference, answer minus runner-up, that is left, where 0 is all maps resampled and 1
none; pooled over questions, never a mean of ratios. Beside it the same of random sets of as many maps of the
same blocks and of like deviation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from analysis.interventions.average_effects import under_sets
from analysis.interventions.kept import Measured
from analysis.statistics import ratios_of_sums
from film import InputError, Progress, Questions, Session

KEPT_SIZES, KEPT_DRAWS = (8, 16, 32, 64, 128), 19  # of sets, and random sets of each size
NEAR = 10  # maps of a block that count as of like deviation
CHOSEN, COMPLEMENT = "the chosen maps", "all but the chosen maps"  # what keeps its own gamma and beta


def measure_kept_sets(
    session: Session,
    asked: Questions,
    source: str,
    donors: Sequence[str],
    effect: np.ndarray,
    deviation: np.ndarray,
    *,
    sizes: Sequence[int] = KEPT_SIZES,
    draws: int = KEPT_DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Keep the maps of the greatest effect, and all but these, and as many random ones.

    Args:
        source: where the questions are from, in words.
        donors: questions, of which one is drawn for each question asked.
        effect: (blocks, maps), measured on other questions, or the choice would be of what is tested.
        deviation: (blocks, maps), of gamma over questions.
        sizes: of sets; those that are no part of all maps are left out.
        draws: of random sets for each size.
        seed: of donors, random sets and intervals.
        progress: called with questions done and of all; raise in it to stop.

    Returns:
        The table of `kept_sets_table` by the name "table"; the recipe has weights, source, questions,
        pictures, draws and seed.

    Raises:
        InputError: there are no questions or donors, no size that is a part of all maps, or answers lose
            nothing with all maps resampled.
    """
    order, rng = np.argsort(-effect, axis=None, kind="stable"), np.random.default_rng(seed)
    names: list[tuple[int, str, int]] = []
    sets: list[np.ndarray] = []
    for size in (size for size in sizes if 0 < size < effect.size):
        first = np.zeros(effect.size, bool)
        first[order[:size]] = True
        chosen = first.reshape(effect.shape)
        for draw in range(draws + 1):
            own = matched_set(chosen, deviation, rng) if draw else chosen
            sets += [~own, own]
            names += [(size, CHOSEN, draw), (size, COMPLEMENT, draw)]
    if not names:
        raise InputError(f"None of the sizes {tuple(sizes)} is a part of {effect.size} maps; take others.")
    every = torch.from_numpy(np.stack([*sets, np.ones(effect.shape, bool)]))
    before, under, owners = under_sets(session, asked, donors, every, seed=seed, progress=progress)
    recipe = {
        "weights": session.card.weights, "source": source, "questions": len(before),
        "pictures": len(np.unique(owners)), "draws": draws, "seed": seed,
    }  # fmt: skip
    return Measured({"table": kept_sets_table(names, before, under, owners, seed=seed)}, recipe)


def matched_set(chosen: np.ndarray, deviation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random set of as many maps of each block, each in place of one whose deviation is near: bool.

    Args:
        chosen: bool (blocks, maps). deviation: (blocks, maps).
    """
    found = np.zeros(chosen.shape, bool)
    for block, own in enumerate(chosen):
        order = np.argsort(deviation[block], kind="stable")
        for start in range(0, len(order), NEAR):
            near = order[start : start + NEAR]
            found[block, rng.choice(near, int(own[near].sum()), replace=False)] = True
    return found


def kept_sets_table(
    names: Sequence[tuple[int, str, int]],
    before: np.ndarray,
    under: np.ndarray,
    owners: np.ndarray,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Faithfulness of the chosen sets beside that of random ones.

    Args:
        names: of each set how many maps were chosen, what is kept (`CHOSEN` or `COMPLEMENT`), and the draw, 0
            for the chosen maps themselves.
        before: logit difference as it is, (questions,).
        under: the same with each set's complement resampled, and last with all maps resampled,
            (questions, sets + 1).
        owners: each question's picture, (questions,).
        seed: of the intervals.

    Returns:
        A row for each size and what is kept: maps, kept, faithfulness (low, high: 95 % interval by picture,
        nan under ten), random (the mean of random sets; random_low, random_high: 5th and 95th percentile), p
        (the share of sets, the chosen one counted in, that are as faithful; of the complement, as little).

    Raises:
        InputError: answers lose nothing with all maps resampled.
    """
    none = under[:, -1:]
    if not (before - none[:, 0]).sum() > 0:
        raise InputError(
            "With all maps resampled these answers lose nothing to their runners-up, so that no set of maps "
            "can keep a share of it; take more questions, or a network that heeds them."
        )
    whole = np.repeat(before[:, None] - none, len(names), axis=1)
    value, low, high = ratios_of_sums(under[:, :-1] - none, whole, owners, seed=seed)
    table = pd.DataFrame(names, columns=["maps", "kept", "draw"])
    table = table.assign(faithfulness=value, low=low, high=high)
    rows = []
    for (size, kept), own in table.groupby(["maps", "kept"], sort=False):
        chosen, drawn = own[own["draw"] == 0].iloc[0], own.loc[own["draw"] > 0, "faithfulness"]
        sign = 1 if kept == CHOSEN else -1
        as_far = int((sign * drawn >= sign * chosen["faithfulness"] - 1e-12).sum())
        rows.append(
            {
                "maps": size, "kept": kept, **chosen[["faithfulness", "low", "high"]],
                "random": drawn.mean(), "random_low": drawn.quantile(0.05),
                "random_high": drawn.quantile(0.95), "p": (1 + as_far) / (1 + len(drawn)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
