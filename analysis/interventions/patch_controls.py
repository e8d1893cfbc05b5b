"""What a block's patch brings back over many one-word pairs, beside patches that should bring nothing.

Each target question is asked with gamma and beta of one block from its source, which differs in one word and
in the true answer. The same is done with another question of its type, with one of its family, and with steps
of the same size in random directions of gamma and beta. A fifth control changes the word without changing the
true answer: there the patch should not move the answer towards its runner-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.interventions.kept import Measured
from analysis.interventions.pair_tests import TRIALS
from analysis.interventions.pairs import KINDS, MinimalPair, rows_by_picture, sample_pairs
from analysis.interventions.patching import (
    Patching,
    donors_of,
    patch_pairs,
    random_direction,
    same_family_donors,
    same_type_donors,
)
from analysis.question.population import Population
from analysis.statistics import ratios_of_sums, sign_flip_test
from film import InputError, Picture, Progress, Scene, Session, gallery, read_picture

OWN, SAME_ANSWER = "one word apart", "one word apart, same answer"
CONTROLS = ("same type", "same family", "random direction")  # of the same pairs


def gallery_patch_controls(
    session: Session,
    population: Population,
    *,
    pairs: int = 300,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """`measure_patch_controls` about the gallery's pictures, with controls from the population."""
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    return measure_patch_controls(
        session, [(name, exhibit.scene) for name, exhibit in exhibits.items()],
        lambda name: read_picture(exhibits[name].picture_path),
        population, pairs=pairs, seed=seed, progress=progress,
    )  # fmt: skip


def measure_patch_controls(
    session: Session,
    scenes: Sequence[tuple[str, Scene]],
    picture_of: Callable[[str], Picture],
    population: Population,
    *,
    pairs: int = 300,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Patch whole blocks of minimal pairs about these scenes, and of their controls; seconds.

    Args:
        scenes: each with its picture's name.
        population: questions to draw the controls' from.
        pairs: how many with different true answers, and as many with the same.
        seed: of pairs, donors, directions, sign flips and intervals.
        progress: called with pairs patched and of all; raise in it to stop.

    Returns:
        The table of `controls_table` by the name "table"; the recipe has weights, seed, pairs, pictures,
        small (pairs less than a logit apart, left out), alone (pairs of whose type or family there is no
        other question, left out) and same_answer (pairs of that control).

    Raises:
        InputError: pairs are too few to test anything.
    """
    drawn = sample_pairs(scenes, pairs, seed)
    same = sample_pairs(scenes, pairs, seed + 1, same_answer=True)
    texts = pd.Series(population.texts)
    by_type, by_family = (
        {} if values is None else {value: list(own) for value, own in texts.groupby(values)}
        for values in (population.types, population.families)
    )

    def has_donors(pair: MinimalPair) -> bool:
        try:
            return bool(donors_of(pair, by_type) and donors_of(pair, by_family, "family"))
        except InputError:
            return False

    chosen = [pair for pair in drawn if has_donors(pair)]
    if not chosen or not same:
        raise InputError("No pair has another question of its type and family to stand beside; give more.")
    changes = {
        OWN: None,
        "same type": same_type_donors(session, by_type, seed),
        "same family": same_family_donors(session, by_family, seed),
        "random direction": random_direction(seed),
    }
    of, done = len(changes) * len(chosen) + len(same), 0

    def told(here: int, _: int) -> None:
        if progress:
            progress(done + here, of)

    patched = {}
    for name, change in changes.items():
        patched[name] = patch_pairs(
            session, chosen, picture_of, change=change, noising=False, by_map=False, progress=told
        )
        done += len(chosen)
    beside = patch_pairs(
        session, same, picture_of, answers=_runners_up(session, same, picture_of), noising=False,
        by_map=False, progress=told,
    )  # fmt: skip
    recipe = {
        "weights": session.card.weights, "seed": seed, "pairs": len(chosen),
        "pictures": len({pair.picture for pair in chosen}), "small": int(patched[OWN].small.sum()),
        "alone": len(drawn) - len(chosen), "same_answer": len(same), "trials": TRIALS,
        "versions": versions("scipy"),
    }  # fmt: skip
    return Measured({"table": controls_table(chosen, patched, same, beside, seed=seed)}, recipe)


def _runners_up(
    session: Session, pairs: Sequence[MinimalPair], picture_of: Callable[[str], Picture]
) -> list[tuple[str, str]]:
    """Of each pair the likeliest answer to the target but the true one, and the true one."""
    found = [("", "")] * len(pairs)
    for name, rows in rows_by_picture(pairs).items():
        targets = session.modulate([pairs[row].target for row in rows], lenient=True)
        logits, _ = session.classify(session.encode_picture(picture_of(name)), targets)
        for row, order in zip(rows, np.argsort(-logits, axis=1, kind="stable"), strict=True):
            true = pairs[row].target_answer
            found[row] = next(session.answers[best] for best in order if session.answers[best] != true), true
    return found


def controls_table(
    pairs: Sequence[MinimalPair],
    patched: dict[str, Patching],
    same: Sequence[MinimalPair],
    beside: Patching,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """The pairs' own patch and its controls, by kind of change and for all kinds together ("any").

    Args:
        patched: name -> the pairs, patched so; `OWN` and `CONTROLS`. Pairs under a logit apart are left out.
        same, beside: pairs whose true answers are the same, patched from their source.
        seed: of sign flips and intervals.

    Returns:
        A row for each kind, patch and block: kind, patch, block (from 1), pairs, pictures, share (pooled
        share of the distance that comes back; low, high: its 95 % interval by picture; nan for pairs of the
        same answer, which have no distance), logits (mean moved towards the other answer: the source's, or
        the runner-up where both have the same; logits_low, logits_high), turned (of the pairs that do not
        prefer that answer as they are, the share that then do; nan where all do), p (that the own patch moves
        no other distance than this one, two-sided: sign flips of whole pictures, max-T over the kind's blocks
        and controls; of controls of the same pairs). Intervals are nan under ten pictures.

    Raises:
        InputError: the pairs are on too few pictures to test anything.
    """
    kept = ~patched[OWN].small
    rows: list[pd.DataFrame] = []
    for kind in ("any", *KINDS):
        here = kept & np.array([kind in ("any", pair.kind) for pair in pairs])
        if (owners := _owners(pairs, here)) is None:
            continue
        moved = {name: of.moved("denoising", "blocks")[here] for name, of in patched.items()}
        beyond = np.concatenate([moved[OWN] - moved[name] for name in CONTROLS], axis=1)
        tested = sign_flip_test(beyond, owners, trials=TRIALS, seed=seed).p_family.reshape(len(CONTROLS), -1)
        p = dict(zip(CONTROLS, tested, strict=True))
        distance = patched[OWN].distance[here]
        for name, of in patched.items():
            rows.append(_rows(kind, name, moved[name], distance, of, here, owners, p.get(name), seed))
        there = np.array([kind in ("any", pair.kind) for pair in same], bool)
        if (owners := _owners(same, there)) is not None:
            moves = beside.moved("denoising", "blocks")[there]
            rows.append(_rows(kind, SAME_ANSWER, moves, None, beside, there, owners, None, seed))
    if not rows:
        raise InputError(
            f"{int(kept.sum())} of {len(pairs)} pairs have answers a logit apart, on too few pictures to "
            "test anything: take more pairs, or a network that tells the questions apart."
        )
    return pd.concat(rows, ignore_index=True)


def _owners(pairs: Sequence[MinimalPair], here: np.ndarray) -> np.ndarray | None:
    """The picture's number of each of these pairs; None where there are fewer than two pictures."""
    owners = pd.factorize(pd.Series([pair.picture for pair in pairs], dtype=object))[0][here]
    return owners if len(np.unique(owners)) > 1 else None


def _rows(
    kind: str,
    name: str,
    moved: np.ndarray,
    distance: np.ndarray | None,
    of: Patching,
    here: np.ndarray,
    owners: np.ndarray,
    p: np.ndarray | None,
    seed: int,
) -> pd.DataFrame:
    """A row a block. `moved`: logits (pairs, blocks); `distance`: (pairs,), None where there is none."""
    count, blocks = moved.shape
    none, before = np.full(blocks, np.nan), of.target[here] <= 0
    then = of.blocks["denoising"][here][before] > 0
    share, low, high = none, none, none
    if distance is not None:
        below = np.repeat(distance[:, None], blocks, axis=1)
        share, low, high = ratios_of_sums(moved, below, owners, seed=seed)
    logits, least, most = ratios_of_sums(moved, np.ones(moved.shape), owners, seed=seed)
    return pd.DataFrame(
        {
            "kind": kind, "patch": name, "block": np.arange(blocks) + 1, "pairs": count,
            "pictures": len(np.unique(owners)), "share": share, "low": low, "high": high,
            "logits": logits, "logits_low": least, "logits_high": most,
            "turned": then.mean(axis=0) if before.any() else none,
            "p": none if p is None else p,
        }
    )  # fmt: skip
