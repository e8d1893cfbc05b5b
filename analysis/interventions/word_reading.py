"""Which blocks and feature maps read which word: activation patching over many minimal pairs.

Each pair differs in one word and its true answers differ. The target question is asked with gamma and beta
of one map or one block from the source; the effect is how far that moves the logit difference towards the
source. A map that is merely moved about would move it too, so from every effect the same patch from *another*
question of the same type is subtracted: what is left is the word's. Significance is by sign flips of whole
pictures, corrected over all blocks and maps (max-T); what is claimed on some pictures must hold on others.
Shares of blocks and maps are pooled, sum of effects over sum of distances, with intervals by picture; pairs
less than a logit apart are left out by rule and counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.interventions.chunks import in_chunks
from analysis.interventions.pair_tests import HELD_OUT, TRIALS, by_kind
from analysis.interventions.pairs import MinimalPair, sample_pairs
from analysis.interventions.patching import Patching, donors_of, patch_pairs, same_type_donors
from analysis.tables import read_tables, write_tables
from film import (
    Parameters,
    Picture,
    Progress,
    Scene,
    Session,
    command,
    gallery,
    name_of,
    read_picture,
)

TABLE, FOLDER = "word_reading.parquet", "study"
PAIRS = 300
_NOTE = b"film-lens word reading"


@dataclass(frozen=True, eq=False)
class WordReading:
    """What was measured.

    `table`: a row for each kind of change and each block or map: kind, block (from 1), map (-1: the whole
    block), pairs, pictures, share (pooled share of the distance that the patch recovers; low, high: its 95 %
    interval by picture, nan under ten pictures), control (the same share by another question's patch), effect
    (mean logits beyond the control), p (family-wise, max-T), held_out (effect on pictures kept aside),
    held_out_p, claimed (p at most 0.05, and the same sign with p at most 0.05 on the pictures kept aside).
    `recipe`: weights, seed, counts of pairs and of those left out.
    """

    table: pd.DataFrame
    recipe: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The recipe, and the table as a list of rows."""
        return {**self.recipe, "rows": json.loads(self.table.to_json(orient="records"))}


def measure_word_reading(
    session: Session,
    scenes: Sequence[tuple[str, Scene]],
    picture_of: Callable[[str], Picture],
    *,
    pairs: int = PAIRS,
    parameters: Parameters = "both",
    seed: int = 0,
    workshop: str | Path | None = None,
    progress: Progress | None = None,
) -> WordReading:
    """Patch minimal pairs of every kind of change about these scenes.

    Args:
        scenes: each with its picture's name.
        pairs: how many, evenly over kinds of change and scenes.
        parameters: what is patched.
        seed: of pairs, donors, the pictures kept aside, sign flips and intervals.
        workshop: folder where measured pairs are kept, so that a run that was cut off goes on there.
        progress: called with pairs patched and of all; raise in it to stop.

    Raises:
        InputError: pairs are too few, for a control of each type or for any test.
    """
    chosen = sample_pairs(scenes, pairs, seed)
    donors: dict[str, list[str]] = {}
    for pair in chosen:
        donors.setdefault(pair.type, []).extend((pair.source, pair.target))
    for pair in sample_pairs(scenes, pairs, seed + 1, same_answer=True):
        donors.setdefault(pair.type, []).extend((pair.source, pair.target))
    for pair in chosen:  # said now and not after minutes of patching
        donors_of(pair, donors)
    own, control = _patched(session, chosen, picture_of, parameters, donors, seed, workshop, progress)
    recipe = {
        "weights": session.card.weights,
        "seed": seed,
        "parameters": parameters,
        "pairs": len(chosen),
        "small": int(own.small.sum()),
        "pictures": len({pair.picture for pair in chosen}),
        "held out": HELD_OUT,
        "trials": TRIALS,
        "control": "the same patch from another question of the same type",
        "versions": versions("scipy"),
    }
    return WordReading(read_from(chosen, own, control, seed=seed), recipe)


def _patched(
    session: Session,
    pairs: Sequence[MinimalPair],
    picture_of: Callable[[str], Picture],
    parameters: Parameters,
    donors: Mapping[str, Sequence[str]],
    seed: int,
    workshop: str | Path | None,
    progress: Progress | None,
) -> tuple[Patching, Patching]:
    """The pairs patched and their control, chunk by chunk; finished chunks are taken from the workshop."""
    order = sorted(range(len(pairs)), key=lambda row: pairs[row].picture)  # a picture's pairs together

    def make(rows: list[int], start: int) -> dict[str, np.ndarray]:
        return _chunk(session, [pairs[row] for row in rows], picture_of, parameters, donors, seed + start)

    asked = [[pair.picture, pair.source, pair.target] for pair in pairs]
    joined = in_chunks(
        order, make, depends_on=[session.card.weights, parameters, seed, asked], workshop=workshop,
        progress=progress,
    )  # fmt: skip
    answers = tuple((pair.source_answer, pair.target_answer) for pair in pairs)

    def patching(name: str) -> Patching:
        return Patching(
            parameters, answers, joined["source"], joined["target"],
            {"denoising": joined[f"{name}_maps"]}, {"denoising": joined[f"{name}_blocks"]},
        )  # fmt: skip

    return patching("own"), patching("control")


def _chunk(
    session: Session,
    pairs: Sequence[MinimalPair],
    picture_of: Callable[[str], Picture],
    parameters: Parameters,
    donors: Mapping[str, Sequence[str]],
    seed: int,
) -> dict[str, np.ndarray]:
    own = patch_pairs(session, pairs, picture_of, parameters, noising=False)
    other = same_type_donors(session, donors, seed)
    control = patch_pairs(session, pairs, picture_of, parameters, change=other, noising=False)
    return {
        "source": own.source, "target": own.target,
        "own_maps": own.maps["denoising"], "own_blocks": own.blocks["denoising"],
        "control_maps": control.maps["denoising"], "control_blocks": control.blocks["denoising"],
    }  # fmt: skip


def read_from(
    pairs: Sequence[MinimalPair], own: Patching, control: Patching, *, seed: int = 0
) -> pd.DataFrame:
    """The table of `WordReading` from patched pairs and their control."""
    blocks, maps = own.maps["denoising"].shape[1:]
    moved, other = (
        np.concatenate([p.moved("denoising", "blocks"), p.moved("denoising").reshape(len(pairs), -1)], axis=1)
        for p in (own, control)
    )  # (pairs, blocks + blocks * maps)
    block = np.concatenate([np.arange(blocks), np.repeat(np.arange(blocks), maps)]) + 1
    number = np.concatenate([np.full(blocks, -1), np.tile(np.arange(maps), blocks)])
    # Intervals of blocks alone: those of five hundred maps would take minutes and be read by nobody.
    return by_kind(
        pairs, moved, other, own.distance, ~own.small, pd.DataFrame({"block": block, "map": number}),
        with_interval=number < 0, seed=seed,
    )  # fmt: skip


def gallery_word_reading(
    session: Session,
    folder: str | Path | None = None,
    *,
    pairs: int = PAIRS,
    parameters: Parameters = "both",
    seed: int = 0,
    progress: Progress | None = None,
) -> WordReading:
    """`measure_word_reading` about the gallery's pictures."""  # fmt: skip
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    return measure_word_reading(
        session, [(name, exhibit.scene) for name, exhibit in exhibits.items()],
        lambda name: read_picture(exhibits[name].picture_path),
        pairs=pairs, parameters=parameters, seed=seed, workshop=folder, progress=progress,
    )  # fmt: skip


def write_word_reading(folder: str | Path, found: WordReading) -> None:
    """Keep it in a folder, usually `study` beside the weights."""
    table = found.table.copy()
    numbers = table.select_dtypes("float").columns
    table[numbers] = table[numbers].astype(np.float32)
    write_tables(folder, {TABLE: table}, found.recipe, _NOTE)


_COLUMNS = "kind block map pairs pictures share low high control effect p held_out claimed"


def find_word_reading(folder: str | Path, weights: str) -> WordReading | None:
    """What gamma and beta together do, as kept beside a checkpoint; None where that was not measured.

    A table of other weights, or of gamma or beta alone, does not count.

    Raises:
        InputError: the file is damaged.
    """
    study = Path(folder) / FOLDER
    if not (study / TABLE).is_file():
        return None
    (table,), (recipe,) = read_tables(
        study, (TABLE,), _NOTE, command("analysis", "patch", name_of(folder), "--pairs", "300"),
        {TABLE: _COLUMNS},
    )  # fmt: skip
    fits = recipe.get("weights") == weights and recipe.get("parameters", "both") == "both"
    return WordReading(table, recipe) if fits else None
