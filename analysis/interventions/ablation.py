"""Accuracy without parts of gamma and beta: noise, means, silence, by block and altogether (paper Figure 7).

The paper's points: with gamma at its mean over the training set accuracy falls by 65.4 points, with beta at
its mean by 1.0 (section 4.3); noise on gamma costs far more than noise on beta.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import left_out
from analysis.interventions.kept import Measured
from analysis.interventions.sweep import sweep
from film import (
    GROUP_NAMES,
    GROUPS,
    Edit,
    InputError,
    Noise,
    Parameters,
    Progress,
    Questions,
    ReplaceByMean,
    Session,
    SetValue,
    Where,
    are_clevrs,
    clustered_shares,
)

NOISE = (0.5, 1.0, 1.5, 2.0, 3.0)  # standard deviations
SET_SIZES, DRAWS = (1, 2, 4, 8, 16, 32), 5  # of sets of maps, and random sets of each size
WHOLE = "none"  # the row without any ablation
# Points that accuracy changes by when a value is set to its mean (paper, section 4.3).
PAPER_MEAN = {"gamma": -65.4, "beta": -1.0}


def standard_ablations(
    blocks: int, *, noise: Sequence[float] = NOISE, seed: int = 0
) -> dict[tuple[str, int, float | None], list[Edit]]:
    """(what, block from 1 or 0 for all, value) -> interventions: means, identity and noise."""
    found: dict[tuple[str, int, float | None], list[Edit]] = {}
    places: list[tuple[int, tuple[int, ...] | None]] = [(0, None)]
    places += [(block + 1, (block,)) for block in range(blocks)]
    kinds: tuple[Parameters, ...] = ("gamma", "beta", "both")
    for kind in kinds:
        for number, block in places:
            found[f"{kind} at its mean", number, None] = [ReplaceByMean(Where(block, None, kind))]
    for number, block in places:
        identity = [SetValue(Where(block, None, "gamma"), 1.0), SetValue(Where(block, None, "beta"), 0.0)]
        found["gamma 1, beta 0", number, None] = list(identity)
    for kind in ("gamma", "beta"):
        for deviation in noise:
            for number, block in places:
                found[f"noise on {kind}", number, deviation] = [
                    Noise(Where(block, None, kind), deviation, seed)
                ]
    return found


def set_ablations(
    order: Sequence[tuple[int, int]],
    blocks: int,
    maps: int,
    *,
    counts: Sequence[int] = SET_SIZES,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[tuple[str, int, float | None], list[Edit]]:
    """For `ablate`: the first k maps of an order at their means, and k random maps, as many in every block.

    Args:
        order: (block, map) from 0, such as the maps that are most selective for a value.
        counts: k; those that the order is too short for are left out.
        draws: of random maps for each k.

    Returns:
        ("top maps" or "random maps, draw 1" ..., 0, k) -> interventions.

    Raises:
        InputError: the order names a block that there is not.
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, int, float | None], list[Edit]] = {}

    def at_mean(chosen: Mapping[int, Sequence[int]]) -> list[Edit]:
        return [ReplaceByMean(Where((block,), tuple(own))) for block, own in chosen.items()]

    for count in (count for count in counts if count <= len(order)):
        top: dict[int, list[int]] = {}
        for block, number in order[:count]:
            top.setdefault(block, []).append(number)
        if any(block >= blocks for block in top):
            raise InputError(f"The order names a block beyond the network's {blocks}.")
        found["top maps", 0, float(count)] = at_mean(top)
        for draw in range(1, draws + 1):
            some = {
                block: [int(number) for number in rng.choice(maps, len(own), replace=False)]
                for block, own in top.items()
            }
            found[f"random maps, draw {draw}", 0, float(count)] = at_mean(some)
    return found


def set_table(table: pd.DataFrame) -> pd.DataFrame:
    """What sets of maps cost: `ablate` of `set_ablations`, the random draws of a size together.

    Returns:
        A row a size: maps, top (accuracy; low, high: 95 % interval clustered by picture), random (the mean
        over draws; random_low, random_high: the least and the greatest of them).
    """
    own = table[(table["group"] == "all") & (table["what"] != WHOLE)]
    rows = []
    for size, here in own.groupby("value"):
        top = here[here["what"] == "top maps"].iloc[0]
        drawn = here.loc[here["what"] != "top maps", "accuracy"]
        rows.append(
            {
                "maps": int(size), "top": top["accuracy"], "low": top["low"], "high": top["high"],
                "random": drawn.mean(), "random_low": drawn.min(), "random_high": drawn.max(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def ablate(
    session: Session,
    asked: Questions,
    ablations: Mapping[tuple[str, int, float | None], Edit | Sequence[Edit]] | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Accuracy under each ablation, with 95 % intervals clustered by picture.

    Args:
        asked: questions with their true answers.
        ablations: (what, block from 1 or 0 for all, value) -> interventions; the standard ones if left out.
        seed: of the noise.
        progress: called with the questions answered and of all; raise in it to stop.

    Returns:
        One row for each ablation and group: what, block (0: all), value (the noise's standard deviation, NaN
        where there is none), group ("all", or one of the paper's five), right, asked, accuracy, low, high
        (nan under ten pictures), change (points against no ablation; of the same questions).
        The first rows are of no ablation.

    Raises:
        InputError: a question has no true answer.
    """
    if any(question.answer is None for question in asked.questions):
        raise InputError("Some questions come without answers; ablations need data that has them.")
    ablations = standard_ablations(session.config.blocks, seed=seed) if ablations is None else ablations
    named = {str(number): edits for number, edits in enumerate(ablations.values())}
    table = sweep(session, asked, named, progress=progress)
    kinds = [question.type or "" for question in asked.questions]
    group = np.array([GROUPS.get(kind, "") for kind in kinds])
    names = [question.filename for question in asked.questions]
    owner = pd.factorize(pd.Series(names))[0]
    members = {"all": np.ones(len(group), bool)}
    members |= {name: group == name for name in GROUP_NAMES if (group == name).any()}

    def rows(what: str, block: int, value: float | None, right: np.ndarray) -> list[dict[str, object]]:
        shares = clustered_shares(right, owner, members)
        return [
            {
                "what": what, "block": block, "value": np.nan if value is None else value, "group": name,
                "right": share.right, "asked": share.asked, "accuracy": share.accuracy,
                "low": share.low, "high": share.high,
            }
            for name, share in shares.items()
        ]  # fmt: skip

    first = table[table["intervention"] == "0"].sort_values("question")
    found = rows(WHOLE, 0, None, first["right_before"].to_numpy(bool))
    by_name = dict(tuple(table.groupby("intervention", sort=False)))
    for number, (what, block, value) in enumerate(ablations):
        own = by_name[str(number)].sort_values("question")
        found += rows(what, block, value, own["right"].to_numpy(bool))
    result = pd.DataFrame(found).astype({"low": float, "high": float})
    before = result[result["what"] == WHOLE].set_index("group")["accuracy"]
    result["change"] = 100 * (result["accuracy"] - result["group"].map(before))
    return result


def measure_ablations(
    session: Session,
    asked: Questions,
    source: str,
    *,
    noise: Sequence[float] = NOISE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """The standard ablations on these questions, with what they were measured on.

    Args:
        source: where the questions are from, in words.
        noise: standard deviations.

    Returns:
        The table of `ablate` by the name "table"; the recipe has weights, source, questions, pictures, seed
        and clevrs: is each question of one of CLEVR's 90 families (`are_clevrs`)? Where questions of the data
        were not asked, left_out: how many, by why.
    """
    wanted = standard_ablations(session.config.blocks, noise=noise, seed=seed)
    table = ablate(session, asked, wanted, seed=seed, progress=progress)
    recipe = {
        "weights": session.card.weights, "source": source, "questions": len(asked.questions),
        "pictures": len(asked.by_picture()), "seed": seed, "clevrs": are_clevrs(asked.questions),
        **left_out(asked),
    }  # fmt: skip
    return Measured({"table": table}, recipe)
