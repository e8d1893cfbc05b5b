"""Whether pairs of feature maps do together what they do alone, over many questions.

The interaction of two maps is I = D(ab) - D(a) - D(b), D being how many logits the answer loses to its
runner-up when maps take over gamma and beta of another question, the same one for both. Where
`analysis.interventions.effects` tells of one answer, this tells of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.interventions.average_effects import under_sets
from analysis.interventions.kept import Measured
from analysis.interventions.pair_tests import FEWEST, TRIALS
from analysis.interventions.sweep import sets_of
from analysis.statistics import ratios_of_sums, sign_flip_test
from film import InputError, Progress, Questions, Session

STRONGEST = 16  # maps whose pairs are measured


def measure_interactions(
    session: Session,
    asked: Questions,
    source: str,
    donors: Sequence[str],
    chosen: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Resample every map and every pair of maps of these.

    Args:
        source: where the questions are from, in words.
        donors: questions, of which one is drawn for each question asked.
        chosen: (block, map) from 0, chosen on other questions.
        seed: of donors, sign flips and intervals.
        progress: called with questions done and of all; raise in it to stop.

    Returns:
        The table of `interactions_table` by the name "table"; the recipe has weights, source, questions,
        pictures, maps, seed and trials.

    Raises:
        InputError: there are no questions or donors, fewer than two maps, a map that the network has not, or
            too few pictures to test anything.
    """
    chosen = list(dict.fromkeys(chosen))
    blocks, maps = session.config.blocks, session.config.maps
    if len(chosen) < 2 or not all(0 <= block < blocks and 0 <= number < maps for block, number in chosen):
        raise InputError("Interactions are of two or more feature maps of the network; name some.")
    sets = sets_of([*([place] for place in chosen), *combinations(chosen, 2)], blocks, maps)
    before, under, owners = under_sets(session, asked, donors, sets, seed=seed, progress=progress)
    recipe = {
        "weights": session.card.weights, "source": source, "questions": len(before),
        "pictures": len(np.unique(owners)), "maps": len(chosen), "seed": seed, "trials": TRIALS,
        "versions": versions("scipy"),
    }  # fmt: skip
    return Measured({"table": interactions_table(chosen, before[:, None] - under, owners, seed=seed)}, recipe)


def interactions_table(
    chosen: Sequence[tuple[int, int]], drops: np.ndarray, owners: np.ndarray, *, seed: int = 0
) -> pd.DataFrame:
    """What pairs do beyond the sum of both alone.

    Args:
        chosen: (block, map) from 0.
        drops: of each map alone, then of each pair in the order of `itertools.combinations`, logits
            (questions, maps + pairs).
        owners: each question's picture, (questions,).
        seed: of sign flips and intervals.

    Returns:
        A row a pair, the surest first: block_a, map_a, block_b, map_b (blocks from 1), a, b, together (mean
        drops, logits), interaction (mean; low, high: 95 % interval by picture, nan under ten), p
        (family-wise over all pairs: signs of whole pictures flipped, max-T).

    Raises:
        InputError: the questions are about too few pictures to test anything.
    """
    if (pictures := len(np.unique(owners))) < FEWEST:
        raise InputError(
            f"Pairs of maps are tested by whole pictures, and {pictures} are too few to find anything; take "
            f"questions about {FEWEST} or more."
        )
    alone, both = drops[:, : len(chosen)], drops[:, len(chosen) :]
    first, second = np.array(list(combinations(range(len(chosen)), 2))).T
    interaction = both - alone[:, first] - alone[:, second]
    tested = sign_flip_test(interaction, owners, trials=TRIALS, seed=seed)
    value, low, high = ratios_of_sums(interaction, np.ones(interaction.shape), owners, seed=seed)
    places = np.array(chosen)
    table = pd.DataFrame(
        {
            "block_a": places[first, 0] + 1, "map_a": places[first, 1],
            "block_b": places[second, 0] + 1, "map_b": places[second, 1],
            "a": alone.mean(axis=0)[first], "b": alone.mean(axis=0)[second], "together": both.mean(axis=0),
            "interaction": value, "low": low, "high": high, "p": tested.p_family,
        }
    )  # fmt: skip
    surest = np.lexsort((-np.abs(tested.z), table["p"]))
    return table.iloc[surest].reset_index(drop=True)
