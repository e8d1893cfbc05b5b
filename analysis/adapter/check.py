"""Is a folder a whole study? What `film-analysis check FOLDER` says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.adapter.labels import read_labels
from analysis.adapter.write import LAYOUTS, hash_of_arrays, hash_of_table
from analysis.corpus.extraction import OF_ANY_NETWORK, Extraction, open_extraction, read_header
from analysis.corpus.kept_layouts import read_layout
from film import InputError, Session


def check_study(folder: str | Path) -> tuple[str, list[str]]:
    """What a study holds, in a sentence, and what is wrong with it; nothing where it is whole.

    Every value is read: some seconds for a million gammas.
    """
    folder = Path(folder)
    try:
        told = read_header(folder)
        beside = folder.parent
        session = None
        if "gamma.npy" not in told["files"] and (beside / "card.json").is_file():
            session = Session(beside, "cpu")  # states alone are kept; the network makes gammas of them
        study = open_extraction(folder, session)
    except InputError as error:
        return f"{folder} is no study.", [str(error)]
    schema = study.schema
    problems = _values(study)
    if told["version"] == OF_ANY_NETWORK:
        problems += _table(study)
        if not problems:
            problems += _hashes(study)
    layouts = sorted((folder / LAYOUTS).glob("*.parquet"))
    for path in layouts:
        try:
            read_layout(path, study)
        except InputError as error:
            problems.append(str(error))
    try:
        labels = read_labels(folder, study) if told["version"] == OF_ANY_NETWORK else None
    except InputError as error:
        problems.append(str(error))
        labels = None
    parts = [
        f"{len(study):,} {schema.nouns}", schema.layers.shape,
        "no states" if study.state is None else f"states of {study.state.shape[1]}",
        f"labels {', '.join(name for name in schema.labels if name in study.table) or 'none'}",
        *([f"groups by {schema.groups}"] if schema.groups else []),
        f"{len(layouts)} projections", *(["labels compared"] if labels is not None else []),
    ]  # fmt: skip
    return f"{folder}, version {told['version']}: {'; '.join(parts)}.", problems


def _values(study: Extraction) -> list[str]:
    found = []
    for name in ("gamma", "beta", "state"):
        values = getattr(study, name)
        if values is not None and not np.isfinite(values).all():
            found.append(
                f"{name} holds values that are no numbers; write the study again without these rows."
            )
    return found


def _table(study: Extraction) -> list[str]:
    table, schema = study.table, study.schema
    named = ("text", *schema.labels, *([schema.groups] if schema.groups else []))
    found = [f"The table has no column {name}." for name in named if name not in table]
    for name in schema.numbers:
        if name in table and (table[name].dtype.kind != "f" or not np.isfinite(table[name]).all()):
            found.append(f"The label {name} is not all numbers.")
    return found


def _hashes(study: Extraction) -> list[str]:
    arrays = {"gamma": study.gamma, "beta": study.beta}
    arrays |= {} if study.state is None else {"state": study.state}
    found = []
    if hash_of_arrays(arrays) != study.recipe["weights"]:
        found.append("Gammas, betas or states are not those that were written; write the study again.")
    if hash_of_table(study.table) != study.recipe["questions"]:
        found.append("The table is not the one that was written; write the study again.")
    return found
