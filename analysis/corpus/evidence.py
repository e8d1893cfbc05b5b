"""What `film-analysis evidence` keeps beside a checkpoint: answers of known truth, and linear probes.

study/answers.parquet          a row for each question, `Observed.table`
study/pooled.safetensors       the pooled maps of each, float16, of which further probes are trained
study/probes.parquet           `probe`
study/probe_transfer.parquet   `probe_transfer`

Gamma, beta and hidden state are not kept: the network makes them again of the texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import Observed, first_picture, observe
from analysis.corpus.probe_transfer import probe_transfer
from analysis.corpus.probes import probe
from analysis.tables import read_tables, write_tables
from film import InputError, Progress, Questions, Session, command, name_of, write_atomically

ANSWERS, PROBES, FOLDER = "answers.parquet", "probes.parquet", "study"
TRANSFER, POOLED = "probe_transfer.parquet", "pooled.safetensors"
_NOTE = b"film-lens recipe"
_COLUMNS = {
    ANSWERS: "text type group family length depth attribute operation answer picture prediction probability "
    "probability_of_truth right",
    PROBES: "target space block axes tested accuracy low high control selectivity majority bag held_out",
    TRANSFER: "target space trained read tested accuracy low high control selectivity majority",
}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is kept: the tables of the answers and the probes, and their recipe.

    `transfer`: probes trained on one block and read at another; None in a study of an earlier version.
    """

    answers: pd.DataFrame
    probes: pd.DataFrame
    recipe: Mapping[str, Any]
    transfer: pd.DataFrame | None = None


def measure_evidence(
    session: Session,
    folder: str | Path,
    asked: Questions,
    source: str,
    *,
    seed: int = 0,
    bars: Callable[[str], Progress],
) -> Evidence:
    """Observe a network, probe it, and keep both in a folder; a run that was stopped goes on.

    Args:
        folder: usually `study` beside the weights.
        asked, source: as `observe` takes them.
        bars: gives a `Progress` for each part by its name.

    Raises:
        InputError: there are too few pictures, or the folder cannot be written.
    """
    folder = Path(folder)
    observed = _observed_before(session, folder, asked, source, seed)
    if observed is None:
        observed = observe(session, asked, source, seed=seed, progress=bars("questions"))
        write_tables(folder, {ANSWERS: observed.table}, observed.recipe, _NOTE)
        write_pooled(folder, observed)
    probes = probe(observed, seed=seed, progress=bars("probes"))
    transfer = probe_transfer(observed, seed=seed, progress=bars("probes across blocks"))
    evidence = Evidence(observed.table, probes, observed.recipe, transfer)
    write_evidence(folder, evidence)
    return evidence


def _observed_before(
    session: Session, folder: Path, asked: Questions, source: str, seed: int
) -> Observed | None:
    """What a run that was stopped had observed of these questions."""
    try:
        tables, notes = read_tables(folder, [ANSWERS], _NOTE, "", _COLUMNS)
        evidence = Evidence(tables[0], tables[0][:0], notes[0])
        wanted = {"weights": session.card.weights, "source": source, "seed": seed, **first_picture(asked)}
        if any(notes[0].get(name) != value for name, value in wanted.items()):
            return None
        if evidence.answers["text"].tolist() != [question.text for question in asked.questions]:
            return None
        return observed_again(session, folder, evidence)
    except InputError:
        return None


def write_pooled(folder: str | Path, observed: Observed) -> None:
    """Keep the pooled maps, as float16, so that further probes can be trained without the pictures."""
    from safetensors.numpy import save_file

    arrays = {"pooled": np.clip(observed.pooled, -65504, 65504).astype(np.float16)}
    told = {"recipe": json.dumps(dict(observed.recipe))}
    write_atomically(Path(folder) / POOLED, lambda path: save_file(arrays, path, told))


def observed_again(session: Session, folder: str | Path, evidence: Evidence) -> Observed:
    """All that probes are trained on: pooled maps as kept, state, gamma and beta made of the texts again.

    Args:
        folder: where the evidence lies.

    Raises:
        InputError: no pooled maps are kept of these answers, or the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / POOLED
    make_it = command("analysis", "evidence", session.checkpoint)
    if not path.is_file():
        raise InputError(
            f"There are no pooled maps in {path}, so nothing more can be probed; make them: `{make_it}`."
        )
    try:
        with safe_open(path, "numpy") as file:
            recipe, pooled = json.loads(file.metadata()["recipe"]), file.get_tensor("pooled")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged; make it again with `{make_it}`.") from None
    if recipe != json.loads(json.dumps(dict(evidence.recipe))) or len(pooled) != len(evidence.answers):
        raise InputError(f"{path} is of other answers; make both again with `{make_it}`.")
    state = session.encode(evidence.answers["text"].tolist(), lenient=True)
    modulation = session.modulation_of(state)
    return Observed(
        evidence.answers, state, modulation.gamma.numpy(), modulation.beta.numpy(),
        pooled.astype(np.float32), evidence.recipe,
    )  # fmt: skip


def write_evidence(folder: str | Path, evidence: Evidence) -> None:
    """Write the tables into a folder, each with its recipe inside."""
    tables = {ANSWERS: evidence.answers, PROBES: evidence.probes}
    if evidence.transfer is not None:
        tables[TRANSFER] = evidence.transfer
    write_tables(folder, tables, evidence.recipe, _NOTE)


def read_evidence(folder: str | Path) -> Evidence:
    """Read what `write_evidence` wrote.

    Raises:
        InputError: a file is missing or damaged, or they are not of one run.
    """
    make_it = command("analysis", "evidence", name_of(Path(folder).parent))
    names = [ANSWERS, PROBES, *([TRANSFER] if (Path(folder) / TRANSFER).is_file() else [])]
    tables, notes = read_tables(folder, names, _NOTE, make_it, _COLUMNS, "length depth probability")
    if any(note != notes[0] for note in notes):
        raise InputError(
            f"{' and '.join(names)} in {folder} are of two runs; make them again with `{make_it}`."
        )
    return Evidence(tables[0], tables[1], notes[0], tables[2] if len(tables) > 2 else None)


def find_evidence(folder: str | Path, weights: str) -> Evidence | None:
    """What lies in the study beside a checkpoint; None where there is none or it is of other weights."""
    study = Path(folder) / FOLDER
    if not (study / ANSWERS).is_file() or not (study / PROBES).is_file():
        return None
    evidence = read_evidence(study)
    return evidence if evidence.recipe.get("weights") == weights else None
