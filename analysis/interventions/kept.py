"""What was measured of a network by changing gamma and beta, or the question, kept beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.tables import read_tables, write_tables
from film import command

FOLDER = "study"
# What may be kept -> its tables -> their columns. The command of the same name makes it, with --keep.
KEPT = {
    "robustness": {
        "table": "way questions asked pictures share low high all chance",
        "breaks": "question picture text type way again answer answers holds chance",
    },
    "analogies": {
        "rates": "what share low high right asked pictures",
        "triples": "picture question plus_one plus_two minus truth own sum step random",
    },
    "ablate": {"table": "what block value group right asked accuracy low high change"},
    "patch-words": {
        "table": "kind patch place pairs pictures share low high control effect p claimed random"
    },
}


@dataclass(frozen=True, eq=False)
class Measured:
    """`tables` by name; `recipe`: weights, where questions and pictures come from, seed and counts."""

    tables: Mapping[str, pd.DataFrame]
    recipe: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The recipe, and every table as a list of rows."""
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in self.tables.items()}
        return {**self.recipe, **rows}


def write_measured(folder: str | Path, what: str, found: Measured) -> None:
    """Keep it in a folder, usually `study` beside the weights. `what`: one of KEPT."""
    tables = {}
    for name, path in zip(KEPT[what], _files(what), strict=True):
        table = found.tables[name].copy()
        numbers = table.select_dtypes("float").columns
        table[numbers] = table[numbers].astype(np.float32)
        tables[path] = table
    write_tables(folder, tables, found.recipe, _note(what))


def find_measured(folder: str | Path, what: str, weights: str) -> Measured | None:
    """What is kept beside a checkpoint; None where there is nothing, or it is of other weights.

    Raises:
        InputError: a file is damaged.
    """
    study, files = Path(folder) / FOLDER, _files(what)
    if not all((study / path).is_file() for path in files):
        return None
    columns = dict(zip(files, KEPT[what].values(), strict=True))
    tables, recipes = read_tables(study, files, _note(what), command("analysis", what, "--keep"), columns)
    if any(recipe != recipes[0] for recipe in recipes) or recipes[0].get("weights") != weights:
        return None
    return Measured(dict(zip(KEPT[what], tables, strict=True)), recipes[0])


def _files(what: str) -> list[str]:
    return [f"{what.replace('-', '_')}_{name}.parquet" for name in KEPT[what]]


def _note(what: str) -> bytes:
    return f"film-lens {what}".encode()
