"""Which feature maps' effects on answers hold for other pictures and for other question families.

Every map takes over gamma and beta of another question. What is found on some pictures and some families must
show again on other pictures, and on families that were left out: what holds for CLEVR's templates need not
hold for a question that says something of another form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.interventions.average_effects import under_sets
from analysis.interventions.kept import Measured
from analysis.interventions.pair_tests import FEWEST, HELD_OUT, LEVEL, TRIALS
from analysis.interventions.sweep import each_map
from analysis.statistics import sign_flip_test
from film import InputError, Progress, Questions, Session


def measure_family_effects(
    session: Session,
    asked: Questions,
    source: str,
    donors: Sequence[str],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Resample every map, one at a time; some minutes for hundreds of questions.

    Args:
        asked: questions whose family is known.
        source: where they are from, in words.
        donors: questions, of which one is drawn for each question asked.
        seed: of donors, of what is kept aside, and of sign flips.
        progress: called with questions done and of all; raise in it to stop.

    Returns:
        The table of `family_effects_table` by the name "table"; the recipe has weights, source, questions,
        pictures, families, held out (the share kept aside of each), seed and trials.

    Raises:
        InputError: there are no donors, a question's family is not known, or there are too few pictures or
            families to keep some aside.
    """
    known = [question.family for question in asked.questions if question.family is not None]
    if len(known) < len(asked.questions):
        raise InputError("The family of some questions is not known; give questions that CLEVR asks.")
    shape = (session.config.blocks, session.config.maps)
    before, under, owners = under_sets(session, asked, donors, each_map(*shape), seed=seed, progress=progress)
    table = family_effects_table(
        (before[:, None] - under).reshape(-1, *shape), owners, np.array(known), seed=seed
    )
    recipe = {
        "weights": session.card.weights, "source": source, "questions": len(before),
        "pictures": len(np.unique(owners)), "families": len(np.unique(known)), "held out": HELD_OUT,
        "seed": seed, "trials": TRIALS, "versions": versions("scipy"),
    }  # fmt: skip
    return Measured({"table": table}, recipe)


def family_effects_table(
    drops: np.ndarray, owners: np.ndarray, families: np.ndarray, *, seed: int = 0
) -> pd.DataFrame:
    """What is found on some pictures and families, and whether it holds on others.

    Args:
        drops: logits that the answer loses to its runner-up, (questions, blocks, maps).
        owners: each question's picture, (questions,). families: its family, (questions,).
        seed: of the pictures and families kept aside, and of sign flips.

    Returns:
        A row a map: block (from 1), map, effect (mean logits on the pictures and families it is found on), p
        (family-wise over all maps: signs of whole pictures flipped, max-T), pictures (the effect on the
        pictures kept aside, same families), pictures_p (whole pictures flipped), families (the effect on the
        families kept aside, same pictures), families_p (whole families flipped, and whole pictures: the
        greater of both), both (the effect where both were kept aside), claimed (p, pictures_p and families_p
        at most 0.05, all of one sign).

    Raises:
        InputError: there are too few pictures or families to keep some aside.
    """
    rng, flat = np.random.default_rng(seed), drops.reshape(len(drops), -1)

    def aside(of: np.ndarray) -> np.ndarray:
        names = np.unique(of)
        return np.isin(of, rng.permutation(names)[: round(len(names) * HELD_OUT)])

    other_pictures, other_families = aside(owners), aside(families)
    # Families left out are asked about the same pictures, so that neither is independent within the other.
    parts = {
        "effect": (~other_pictures & ~other_families, (owners,)),
        "pictures": (other_pictures & ~other_families, (owners,)),
        "families": (~other_pictures & other_families, (families, owners)),
    }
    found = {}
    for number, (name, (rows, clusters)) in enumerate(parts.items()):
        if min(len(np.unique(of[rows])) for of in clusters) < FEWEST:
            raise InputError(
                f"There are too few pictures or families to test on some and on those kept aside: {FEWEST} "
                "of each are needed; take more questions."
            )
        found[name] = [
            sign_flip_test(flat[rows], of[rows], trials=TRIALS, seed=seed + number) for of in clusters
        ]
    both = flat[other_pictures & other_families]
    effect = {name: tests[0].effect for name, tests in found.items()}
    signs = np.sign(list(effect.values()))
    sure = [
        found["effect"][0].p_family, found["pictures"][0].p,
        np.max([test.p for test in found["families"]], axis=0),
    ]  # fmt: skip
    blocks, maps = drops.shape[1:]
    return pd.DataFrame(
        {
            "block": np.repeat(np.arange(blocks) + 1, maps), "map": np.tile(np.arange(maps), blocks),
            "effect": effect["effect"], "p": sure[0],
            "pictures": effect["pictures"], "pictures_p": sure[1],
            "families": effect["families"], "families_p": sure[2],
            "both": both.mean(axis=0) if len(both) else np.full(flat.shape[1], np.nan),
            "claimed": (np.max(sure, axis=0) <= LEVEL) & (np.abs(signs.sum(axis=0)) == len(signs)),
        }
    )  # fmt: skip
