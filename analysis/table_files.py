"""Tables as files that say where their numbers are from: CSV in every row, Parquet in its metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO

import pandas as pd

from analysis.tables import packed

SOURCE = "source"  # the last column of a CSV


def table_source(title: str, network: str, sample: str = "") -> dict[str, str]:
    """Where a table is from: `title`, `network`, `sample` and `seed`, as texts; what is unknown is left out.

    Args:
        sample: of what the numbers were measured; the seed is taken from its end where it says “, seed 3”.
    """
    whole = re.fullmatch(r"(.*), seed (\d+)", sample, re.DOTALL)
    sample, seed = whole.groups() if whole else (sample, "")
    told = {"title": title, "network": network, "sample": sample, "seed": seed}
    return {name: text for name, text in told.items() if text}


def csv_file(table: pd.DataFrame, source: Mapping[str, str]) -> bytes:
    """The table as CSV; the last column says in every row, in one sentence, where the row is from.

    So any reader reads the file, and of files that were joined each row still says it. The column is called
    `source`, or `table_source` where the table has one of that name.
    """
    parts = [f"seed {text}" if name == "seed" else text for name, text in source.items()]
    name = SOURCE
    while name in table.columns:
        name = f"table_{name}"
    result: bytes = table.assign(**{name: " · ".join(parts)}).to_csv(index=False).encode()
    return result


def parquet_file(table: pd.DataFrame, source: Mapping[str, str]) -> bytes:
    """The table as Parquet; the metadata of its schema says where it is from, under the keys of `source`."""
    import pyarrow.parquet as parquet

    parquet.write_table(packed(table, source), file := BytesIO(), compression="zstd")
    return file.getvalue()
