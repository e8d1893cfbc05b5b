"""A study of any FiLM network, written from arrays: what the app opens with FILM_STUDY=FOLDER.

The format is that of `analysis.corpus.extraction`, version 2; docs/study-format.md describes it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.adapter.labels import CONTRASTS, PROBES, REGRESSIONS, keep_labels
from analysis.corpus.extraction import (
    MANIFEST,
    OF_ANY_NETWORK,
    TABLE,
    Extraction,
    header,
    open_extraction,
    versions,
)
from analysis.corpus.kept_layouts import layout_in
from analysis.corpus.layout import LayoutRecipe
from analysis.corpus.schema import Layers
from film import Cancel, InputError, Progress, only_writer, write_atomically

LAYOUTS = "layouts"
FILES = ("gamma.npy", "beta.npy", "state.npy", TABLE, PROBES, CONTRASTS, REGRESSIONS)
FEWEST = 10  # rows
LONGEST = 60  # characters of a name
# What the pages call something else.
TAKEN = ("text", "word", "phrase", "gamma", "beta", "both", "maps", "state", "count", "x", "y", "selected")
ByLayer = Mapping[str, Any] | Sequence[Any] | np.ndarray


def write_study(
    folder: str | Path,
    table: pd.DataFrame,
    gamma: ByLayer,
    beta: ByLayer,
    *,
    state: np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    text: str | None = None,
    groups: str | None = None,
    noun: str = "episode",
    name: str = "",
    source: str = "given arrays",
    seed: int = 0,
    maps: Sequence[LayoutRecipe] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Extraction:
    """Write a study of any FiLM network, with projections of its rows and its labels beside its layers.

    Two minutes for 2,000 rows of three layers on two cores, nearly all of it projections and probes.
    A study that lies there is replaced.

    Args:
        table: a row for every condition.
        gamma, beta: by layer, name -> (rows, maps), as `collect` gives them; or a sequence of such arrays; or
            one array, (rows, layers, maps) or (rows, maps) of a single layer. Gammas as they are applied.
        state: (rows, units), what gammas and betas are made of, where there is such a thing.
        labels: columns of the table that pages colour, filter and compare by; all but `text` and `groups` by
            default.
            Numbers are kept as numbers; text, categories and booleans as categories, in which "" and None are
            unknown. A number that is only a name, such as a class, belongs there as text.
        text: a column with a sentence for each row, whose words count too; the labels are put together to one
            where there is none.
        groups: a column that says which rows depend on each other, such as the subject of an episode; None
            where each row stands for itself. Folds, shuffles and intervals are then of whole groups.
        noun: what a row is, in the singular: "episode", "image", "speaker".
        name: of the network.
        source: where the rows come from, in words.
        seed: of projections and of what is resampled.
        maps: what to lay out; t-SNE and PCA of all layers, and t-SNE of the first and last, by default.
        progress: called with hundredths of all parts.

    Raises:
        InputError: something is not a number, or does not fit the rows; the folder cannot be written.
        Cancelled: `cancel` said so; the study is there, without some of its projections.
    """
    folder = Path(folder)
    layers, gammas = _by_layer("gamma", gamma, len(table))
    same, betas = _by_layer("beta", beta, len(table))
    if layers != same:
        raise InputError(
            f"Gammas are of {layers.shape} and betas of {same.shape}; give both of the same layers, by the "
            "same names."
        )
    if len(table) < FEWEST:
        raise InputError(f"{len(table)} rows are too few for a study; give {FEWEST} or more.")
    arrays = {"gamma": gammas, "beta": betas} | (
        {} if state is None else {"state": _state(state, len(table))}
    )
    kept, categories, numbers = _table(table, labels, text, groups)
    named = (*layers.names, *categories, *numbers, noun, *([groups] if groups else []))
    for each in named:
        if not isinstance(each, str) or not each.strip() or len(each) > LONGEST:
            raise InputError(
                f"{each!r} is no name for a label, layer or noun; give 1 to {LONGEST} characters."
            )
    recipe = {
        "network": name, "weights": hash_of_arrays(arrays), "questions": hash_of_table(kept),
        "source": source, "seed": seed, "count": len(kept), "hidden": 0 if state is None else state.shape[1],
        "layers": [list(pair) for pair in zip(layers.names, layers.maps, strict=True)],
        "noun": noun, "categories": categories, "numbers": numbers, "words": text is not None,
        "groups": groups or "",
    }  # fmt: skip
    with only_writer(folder):
        _write(folder, arrays, kept, recipe)
        made = open_extraction(folder)
        _measure(folder, made, recipes(made) if maps is None else maps, progress, cancel)
    return made


def recipes(study: Extraction) -> list[LayoutRecipe]:
    """The projections that come with a study."""
    seed, layers = study.recipe["seed"], len(study.schema.layers)
    spaces = ["both", *(f"both:{layer}" for layer in dict.fromkeys((1, layers)) if layers > 1)]
    spaces += [] if study.state is None else ["state"]
    return [*(LayoutRecipe(space, "tsne", seed) for space in spaces), LayoutRecipe("both", "pca", seed)]


def hash_of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of gamma, beta and state: it stands for the weights, which a study has not."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def hash_of_table(table: pd.DataFrame) -> str:
    """SHA-256 of a table's columns and values."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def _measure(
    folder: Path,
    study: Extraction,
    maps: Sequence[LayoutRecipe],
    progress: Progress | None,
    cancel: Cancel | None,
) -> None:
    of = 100 * (1 + len(maps))

    def report(part: int) -> Progress:
        return lambda done, all: progress(100 * part + 100 * done // max(1, all), of) if progress else None

    for number, recipe in enumerate(maps):
        layout_in(
            folder / LAYOUTS, study, recipe, progress=report(number), cancel=cancel
        )  # fmt: skip
    keep_labels(folder, study, seed=study.recipe["seed"], progress=report(len(maps)), cancel=cancel)


def _write(
    folder: Path, arrays: Mapping[str, np.ndarray], table: pd.DataFrame, recipe: Mapping[str, Any]
) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if {path.name for path in folder.iterdir()} - {MANIFEST, LAYOUTS, *FILES}:
            raise InputError(f"{folder} holds something else; give an empty folder or one with a study.")
        (folder / MANIFEST).unlink(missing_ok=True)  # what follows is no whole study until it is there again
        shutil.rmtree(folder / LAYOUTS, ignore_errors=True)
        for old in FILES:
            (folder / old).unlink(missing_ok=True)
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        table.to_parquet(folder / TABLE, compression="zstd", index=False)
        told = {**header(folder, list(arrays), OF_ANY_NETWORK), "versions": versions(), "recipe": recipe}
        write_atomically(folder / MANIFEST, lambda path: path.write_text(json.dumps(told, indent=1)))
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); give another folder.") from None


# --- What was given -------------------------------------------------------------------------------


def _by_layer(kind: str, given: ByLayer, rows: int) -> tuple[Layers, np.ndarray]:
    """Layers, and their values joined: float32 (rows, all maps)."""
    if isinstance(given, Mapping):
        named = {str(name): np.asarray(values) for name, values in given.items()}
    else:
        parts = list(np.moveaxis(given, 1, 0)) if isinstance(given, np.ndarray) and given.ndim == 3 else given
        parts = [parts] if isinstance(parts, np.ndarray) and parts.ndim == 2 else list(parts)
        named = {f"layer {number}": np.asarray(values) for number, values in enumerate(parts, 1)}
    if not named:
        raise InputError(f"No layer's {kind} was given; give arrays of shape (rows, maps) by layer.")
    for name, values in named.items():
        if values.ndim != 2 or len(values) != rows or not values.shape[1]:
            raise InputError(
                f"{kind} of {name} has the shape {values.shape}; give ({rows}, maps), a row for each row of "
                "the table."
            )
        _all_numbers(f"{kind} of {name}", values)
    layers = Layers(tuple(named), tuple(values.shape[1] for values in named.values()))
    return layers, np.concatenate([values.astype(np.float32) for values in named.values()], axis=1)


def _all_numbers(what: str, values: np.ndarray) -> None:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{what} holds {values.dtype}; give real numbers.")
    with np.errstate(over="ignore"):
        wrong = ~np.isfinite(values.astype(np.float32)).reshape(len(values), -1).all(axis=1)
    if wrong.any():
        raise InputError(
            f"{what} is no number (NaN or infinite) in {wrong.sum():,} of {len(values):,} rows, first in row "
            f"{wrong.argmax():,}; leave these rows out."
        )


def _state(state: np.ndarray, rows: int) -> np.ndarray:
    state = np.asarray(state)
    if state.ndim != 2 or len(state) != rows or not state.shape[1]:
        raise InputError(f"The states have the shape {state.shape}; give ({rows}, units).")
    _all_numbers("state", state)
    return state.astype(np.float32)


def _table(
    table: pd.DataFrame, labels: Sequence[str] | None, text: str | None, groups: str | None
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The columns that are kept, `text` first, and which of them are categories and which numbers."""
    named = [name for name in table.columns if name not in (text, groups)] if labels is None else list(labels)
    missing = [name for name in (*named, text, groups) if name is not None and name not in table]
    if missing:
        raise InputError(f"The table has no column {missing[0]!r}; it has {', '.join(map(str, table))}.")
    if taken := [name for name in (*named, groups) if name in TAKEN]:
        raise InputError(f"A label cannot be called {taken[0]!r}, which means something else; rename it.")
    kept, categories, numbers = {}, [], []
    for name in dict.fromkeys(named):
        column = table[name].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(np.float64, na_value=np.nan)
            _all_numbers(f"The label {name}", values)
            kept[name] = column.astype(np.float64)
            numbers.append(name)
        else:
            kept[name] = column.astype("string").fillna("").astype(object)
            categories.append(name)
    if text is None:
        sentences = [
            ", ".join(f"{name} {_told(value)}" for name, value in zip(kept, row, strict=True) if value != "")
            for row in zip(*kept.values(), strict=True)
        ] or [""] * len(table)  # fmt: skip
    else:
        sentences = table[text].astype("string").fillna("").tolist()
    if groups is not None and groups not in kept:
        kept[groups] = table[groups].reset_index(drop=True).astype("string").fillna("").astype(object)
    if groups is not None and (kept[groups] == "").any():
        raise InputError(f"Some rows have no {groups!r}; say of each row which group it is of.")
    return pd.DataFrame({"text": sentences, **kept}), categories, numbers


def _told(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
