"""The published gammas and betas of the FiLM authors' own network, as studies.

The article "Feature-wise transformations" (Dumoulin et al., Distill, 2018) publishes them for three feature
maps of a network of six blocks, each over 1,024 questions of its own, in files
clevr_gamma_beta_words_subcluster_fm_*.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.adapter.write import write_study
from analysis.corpus.extraction import Extraction
from analysis.corpus.question_set import OPERATIONS
from film import ATTRIBUTES, InputError, Progress

FILES = "clevr_gamma_beta_words_subcluster_fm_*.json"
LARGEST = 1 << 26  # bytes of a file
# What the files' type numbers stand for; other files of the article number the types otherwise.
TYPES = (
    "exist", "greater_than", "query_size", "equal_color", "less_than", "query_material", "equal_integer",
    "equal_shape", "count", "query_color", "equal_material", "query_shape", "equal_size",
)  # fmt: skip


def import_article(
    folder: str | Path, out: str | Path, *, progress: Progress | None = None
) -> dict[str, Extraction]:
    """Write the article's data as studies: one for each published map, since each is of questions of its own.

    Args:
        folder: the article's data files. out: gets a folder for each map, such as map-26.

    Returns: the studies by the names of their folders.

    Raises:
        InputError: the files are not there, or not what they should be.
    """
    paths = sorted(Path(folder).glob(FILES))
    if not paths:
        raise InputError(f"{folder} has no files {FILES}; give the folder of the article's data.")
    given = [_read(path) for path in paths]  # all of them before anything is written
    found = {}
    for rows in given:
        name = f"map-{rows[0]['feature_map']}"
        found[name] = _write(Path(out) / name, rows, progress)
    return found


def _write(out: Path, rows: list[dict[str, Any]], progress: Progress | None) -> Extraction:
    name = f"map {rows[0]['feature_map']}"
    gamma, beta = ({name: np.array([[row[kind]] for row in rows], np.float64)} for kind in ("gamma", "beta"))
    types = [TYPES[row["type"]] for row in rows]
    asked = [kind.partition("_")[2] for kind in types]
    table = pd.DataFrame(
        {
            "sentence": [" ".join(row["question"]) for row in rows],
            "type": types,
            "operation": [OPERATIONS[kind] for kind in types],
            "attribute": [name if name in ATTRIBUTES else "" for name in asked],
            "length": [float(len(row["question"])) for row in rows],
        }
    )
    return write_study(
        out, table, gamma, beta, text="sentence", noun="question", name=f"the authors' network, {name}",
        source="data of the article Feature-wise transformations, CC BY 4.0", progress=progress,
    )  # fmt: skip


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        for row in rows:
            if not all(isinstance(word, str) for word in row["question"]) or not 0 <= row["type"] < len(
                TYPES
            ):
                raise ValueError("a question or type is unknown")
            float(row["gamma"]), float(row["beta"]), int(row["feature_map"])
        if not rows:
            raise ValueError("it is empty")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not a file of the article ({error}); take it again.") from None
    return rows
