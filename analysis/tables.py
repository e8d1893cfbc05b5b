"""Tables kept as Parquet files, each with the recipe it was made by inside; tables and shares as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from film import InputError, write_atomically

SMALLEST = 1e-4  # of a p or q that is written out


def write_tables(
    folder: str | Path, tables: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any], note: bytes
) -> None:
    """Write tables by their file names, each whole or not at all; the recipe goes under the key `note`."""
    import pyarrow.parquet as parquet

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = {note: json.dumps(dict(recipe))}
    for name, table in tables.items():
        made = packed(table, told)

        def write(path: Path, made: Any = made) -> None:
            parquet.write_table(made, path, compression="zstd")

        write_atomically(folder / name, write)


def packed(table: pd.DataFrame, told: Mapping[Any, str]) -> Any:
    """The table as Arrow has it; its schema holds these texts beside what pandas keeps there."""
    import pyarrow

    made = pyarrow.Table.from_pandas(table, preserve_index=False)
    return made.replace_schema_metadata({**(made.schema.metadata or {}), **told})


def read_tables(
    folder: str | Path,
    names: Sequence[str],
    note: bytes,
    command: str,
    columns: Mapping[str, str] | None = None,
    numbers: str = "",
) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
    """What `write_tables` wrote: the tables and, for each, its recipe.

    Args:
        columns: what a table must have, by its file's name, with spaces in between.
        numbers: which of its columns hold a number in every row, where it has them.

    Raises:
        InputError: a file is missing or damaged, has other columns, or no number where one belongs; the
            message names the command that makes it.
    """
    import pyarrow.parquet as parquet

    tables, recipes = [], []
    for name in names:
        try:
            packed = parquet.read_table(Path(folder) / name)
            recipes.append(json.loads(packed.schema.metadata[note]))
            tables.append(packed.to_pandas())
        except Exception as error:  # damaged files fail in many ways
            raise InputError(
                f"{Path(folder) / name} cannot be read ({type(error).__name__}); make it with `{command}`."
            ) from None
        needed = (columns or {}).get(name, "").split()
        if lacking := [column for column in needed if column not in tables[-1]]:
            raise InputError(
                f"{Path(folder) / name} has no column {lacking[0]!r}; it is damaged or of an earlier "
                f"version: make it with `{command}`."
            )
        if wrong := no_numbers(tables[-1], numbers.split()):
            raise InputError(f"{Path(folder) / name}: {wrong}; it is damaged: make it with `{command}`.")
    return tables, recipes


def no_numbers(table: pd.DataFrame, names: Iterable[str]) -> str | None:
    """Which of these columns does not hold a finite number in every row, and where; None where all do."""
    for name in names:
        if name not in table:
            continue
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = ~np.isfinite(values)
        if wrong.any():
            rows = f"{wrong.sum():,} of {len(wrong):,} rows, first in row {wrong.argmax():,}"
            return f"{name} is no number in {rows}"
    return None


def grid_table(grids: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Values on one grid, each (h, w), by name: columns row (from the top), column, and one of each name."""
    rows, columns = np.indices(next(iter(grids.values())).shape)
    return pd.DataFrame(
        {"row": rows.ravel(), "column": columns.ravel()}
        | {name: np.asarray(values).ravel() for name, values in grids.items()}
    )


def small(value: float, name: str = "") -> str:
    """A p or q, never written as 0: 0.0312, < 0.0001; with its name: p = 0.0312, p < 0.0001."""
    text = f"{value:.4f}" if value >= SMALLEST else f"< {SMALLEST:.4f}"
    if not name:
        return text
    return f"{name} = {text}" if value >= SMALLEST else f"{name} {text}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown; its cells are written as they are."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])
