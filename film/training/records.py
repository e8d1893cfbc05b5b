"""What a run writes down of itself: where its data come from, and its history row by row."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from film.clevr.data.corpus import Corpus
from film.files import write_atomically


def origin(corpus: Corpus) -> dict[str, Any]:
    """What a card says of the data: how it was made, and hashes that tell it from any other."""
    recipes = []
    for header in corpus.headers:
        if header["recipe"] not in recipes:
            recipes.append(header["recipe"])
    return {
        "split": corpus.name,
        "pictures": corpus.picture_count,
        "questions": len(corpus),
        "picture_size": corpus.picture_size,
        "recipe": recipes[0] if len(recipes) == 1 else recipes,
        "sha256": {
            f"{folder.parent.name}/{folder.name}/{name}": entry["sha256"]
            for folder, header in zip(corpus.folders, corpus.headers, strict=True)
            for name, entry in header["files"].items()
        },
    }


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Add a row to a CSV file, widening its header when the row has new columns."""
    _write(path, [*_rows(path), dict(row)])


def forget_rows(path: Path, samples: int) -> None:
    """Drop the rows after so many samples: a run that was killed goes on from there and writes them anew."""
    rows = _rows(path)
    kept = [row for row in rows if int(row["samples"]) <= samples]
    if len(kept) < len(rows):
        _write(path, kept)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for line in rows for name in line))

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)

    write_atomically(path, write)
