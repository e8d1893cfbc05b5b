"""Layouts kept as Parquet files, each with its recipe inside, and found again by what they depend on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analysis.corpus.extraction import Extraction
from analysis.corpus.layout import Layout, LayoutRecipe, add_stability, lay_out, layout_title
from film import InputError, command, write_atomically

FORMAT, VERSION = "film-lens layout", 1


def write_layout(path: str | Path, layout: Layout) -> None:
    """Keep a layout as a Parquet file with its recipe inside."""
    import pyarrow as pa
    import pyarrow.parquet

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "recipe": asdict(layout.recipe),
        "quality": layout.quality,
        "origin": layout.origin,
    }
    columns = {
        "row": pa.array(layout.rows, pa.int32()),
        "x": pa.array(layout.places[:, 0], pa.float32()),
        "y": pa.array(layout.places[:, 1], pa.float32()),
    }
    table = pa.table(columns).replace_schema_metadata({"layout": json.dumps(about)})
    encoding = {"row": "DELTA_BINARY_PACKED", "x": "BYTE_STREAM_SPLIT", "y": "BYTE_STREAM_SPLIT"}

    def write(part: Path) -> None:
        pyarrow.parquet.write_table(
            table, part, compression="zstd", use_dictionary=False, column_encoding=encoding
        )

    write_atomically(path, write)


def read_layout(path: str | Path, extraction: Extraction | None = None) -> Layout:
    """Read what `write_layout` wrote.

    Raises:
        InputError: it is missing, damaged, or of other questions or another network than the extraction.
    """
    import pyarrow.parquet

    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no projection {path}; make it with `{command('analysis', 'layout')}`.")
    try:
        table = pyarrow.parquet.read_table(path)
        about = json.loads(table.schema.metadata[b"layout"])
        if about["format"] != FORMAT or about["version"] != VERSION:
            raise ValueError("it is of another format or version")
        layout = Layout(
            np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float32),
            table["row"].to_numpy().astype(np.int64),
            LayoutRecipe(**about["recipe"]),
            dict(about["quality"]),
            dict(about["origin"]),
        )
        if not np.isfinite(layout.places).all():
            raise ValueError("it has places that are no numbers")
    except Exception as error:  # a damaged file fails in many ways
        raise InputError(f"The projection {path} cannot be read ({error}); make it again.") from None
    if extraction is not None:
        for name in ("weights", "questions"):
            if layout.origin.get(name) != extraction.recipe.get(name):
                raise InputError(f"The projection {path} is of other {name} than the study; make it again.")
        if len(layout) and not 0 <= layout.rows.min() <= layout.rows.max() < len(extraction):
            raise InputError(f"The projection {path} has questions that the extraction lacks; make it again.")
    return layout


def layout_key(extraction: Extraction, recipe: LayoutRecipe, rows: np.ndarray | None = None) -> str:
    """What a layout's content depends on, as a hash: weights, questions, which of them, and the recipe."""
    about = [extraction.recipe.get(name) for name in ("weights", "questions")]
    digest = hashlib.sha256(json.dumps([*about, asdict(recipe)], sort_keys=True).encode())
    digest.update(b"all" if rows is None else np.asarray(rows, np.int64).tobytes())
    return digest.hexdigest()


def layout_in(
    folder: str | Path,
    extraction: Extraction,
    recipe: LayoutRecipe,
    rows: np.ndarray | None = None,
    **options: Any,
) -> Layout:
    """The layout kept in a folder under its content's hash; made and kept there if it is not.

    Options are those of `lay_out`. A damaged file is made again, and a stability that is lacking is added.

    Args:
        rows: int (questions,), which of the extraction are laid out; as `lay_out` takes them if left out.

    Raises:
        InputError: as `lay_out`, or the folder cannot be written.
    """
    space = recipe.space.replace(":", "-")
    key = layout_key(extraction, recipe, rows)[:12]
    path = Path(folder) / f"{space}-{recipe.method}-{key}.parquet"
    if path.is_file():
        try:
            kept = read_layout(path, extraction)
        except InputError:
            kept = None
        if kept is not None:
            if options.get("stability") and add_stability(kept, extraction, options.get("cancel")):
                write_layout(path, kept)
            return kept
    layout = lay_out(extraction, recipe, rows, **options)
    write_layout(path, layout)
    return layout


def layouts_in(folder: str | Path, extraction: Extraction) -> dict[str, Layout]:
    """The readable layouts of an extraction in a folder, by title: t-SNE first, all blocks before one."""
    found: dict[str, Layout] = {}
    for path in sorted(Path(folder).glob("*.parquet")):
        try:
            layout = read_layout(path, extraction)
        except InputError:
            continue  # of another network, or damaged: what is left is still of use
        found[layout_title(layout.recipe, extraction, len(layout))] = layout
    return dict(sorted(found.items(), key=lambda item: _rank(item[1].recipe)))


def _rank(recipe: LayoutRecipe) -> tuple[int, int, str]:
    first = ["tsne", "umap", "pca", "pacmap", "tsne-paper"]
    kinds = ["both", "gamma", "beta", "maps", "state"]
    kind, _, block = recipe.space.partition(":")
    return first.index(recipe.method), kinds.index(kind), block.zfill(3)
