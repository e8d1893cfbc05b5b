"""The published gammas and betas of the FiLM authors' own network, as a study.

The article "Feature-wise transformations" (Dumoulin et al., Distill, 2018) publishes them for three feature
maps of a network of six blocks and 1,024 questions, in files clevr_gamma_beta_words_subcluster_fm_*.json.
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


def import_article(folder: str | Path, out: str | Path, *, progress: Progress | None = None) -> Extraction:
    """Write the article's data as a study: a layer for each published map, a row for each question.

    Args:
        folder: the article's data files. out: the study's folder.

    Raises:
        InputError: the files are not there, or not what they should be.
    """
    paths = sorted(Path(folder).glob(FILES))
    if not paths:
        raise InputError(f"{folder} has no files {FILES}; give the folder of the article's data.")
    given = {path: _read(path) for path in paths}
    first = next(iter(given.values()))
    texts = [" ".join(row["question"]) for row in first]
    gamma, beta = {}, {}
    for path, rows in given.items():
        if [" ".join(row["question"]) for row in rows] != texts:
            raise InputError(f"{path} is of other questions than {paths[0]}; take files of one version.")
        name = f"map {rows[0]['feature_map']}"
        gamma[name], beta[name] = (
            np.array([[row[kind]] for row in rows], np.float64) for kind in ("gamma", "beta")
        )
    types = [TYPES[row["type"]] for row in first]
    asked = [kind.partition("_")[2] for kind in types]
    table = pd.DataFrame(
        {
            "sentence": texts,
            "type": types,
            "operation": [OPERATIONS[kind] for kind in types],
            "attribute": [name if name in ATTRIBUTES else "" for name in asked],
            "length": [float(len(row["question"])) for row in first],
        }
    )
    return write_study(
        out, table, gamma, beta, text="sentence", noun="question", name="the authors' network, three maps",
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
