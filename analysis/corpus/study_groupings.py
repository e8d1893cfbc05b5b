"""How the blocks of a network group its study's questions: measured once, and kept in the study.

study/grouping.parquet         every score, with its interval and what shuffled labels give
study/grouping_each.parquet    of every question about an attribute, what `Grouping.attribute_each` tells
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.corpus.extraction import Extraction
from analysis.corpus.grouping import Centres, Grouping, Score, block_groupings, groupings
from analysis.corpus.layout import Layout
from analysis.question.population import Population
from analysis.tables import read_tables, write_tables
from film import Progress, command

QUESTIONS, GROUPING_SEED = 3000, 0  # that are measured in full space, and what draws them
SPACE, MAP = "space", "map"  # gamma and beta joined; the study's layouts with the authors' settings
FILES = "grouping.parquet", "grouping_each.parquet"
_NOTE = b"film-lens grouping"
_COLUMNS = {
    FILES[0]: "where name of by value low high questions chance chance_high p",
    FILES[1]: "where name attribute operation",
}

Groupings = Mapping[str, list[Grouping]]  # by SPACE and MAP


def space_groupings(population: Population, progress: Progress | None = None) -> list[Grouping]:
    """How each block groups questions, in its full space.

    Raises:
        InputError: the questions are too few or of too few types.
    """
    return block_groupings(
        population.texts, population.types, population.gamma, population.beta,
        most=QUESTIONS, seed=GROUPING_SEED, progress=progress,
    )  # fmt: skip


def map_groupings(
    extraction: Extraction | None, layouts: Mapping[str, Layout], progress: Progress | None = None
) -> list[Grouping]:
    """The same in the layouts with the authors' settings, by block; empty where there are none.

    Raises:
        InputError: the questions are of too few types.
    """
    found: dict[int, Layout] = {}
    for layout in layouts.values():
        kind, _, block = layout.recipe.space.partition(":")
        if layout.recipe.method == "tsne-paper" and kind == "both" and block:
            found[int(block)] = layout
    if extraction is None or not found:
        return []
    maps = dict(sorted(found.items()))
    rows = next(iter(maps.values())).rows
    if any(len(layout.rows) != len(rows) or (layout.rows != rows).any() for layout in maps.values()):
        return []  # not of the same questions
    spaces = {f"block {block}": layout.places for block, layout in maps.items()}
    types = extraction.table["type"].to_numpy()[rows]
    return groupings(spaces, types, seed=GROUPING_SEED, progress=progress)


def write_groupings(folder: str | Path, extraction: Extraction, found: Groupings) -> None:
    """Keep them in a folder, usually `study` beside the weights."""
    scores, each = [], []
    for where, spaces in found.items():
        for one in spaces:
            here = {"where": where, "name": one.name}
            scores += [{**here, "of": of, "by": by, **asdict(score)} for of, by, score in _scores(one)]
            told = {"attribute": one.attribute_each, "operation": one.operation_each}
            each.append(pd.DataFrame(told).assign(**here))
    tables = dict(zip(FILES, (pd.DataFrame(scores), pd.concat(each, ignore_index=True)), strict=True))
    write_tables(folder, tables, _recipe(extraction), _NOTE)


def find_groupings(folder: str | Path, extraction: Extraction) -> Groupings | None:
    """What is kept in a study's folder; None where there is nothing, or it is of other questions or weights.

    Raises:
        InputError: a file is damaged.
    """
    folder = Path(folder)
    if not all((folder / name).is_file() for name in FILES):
        return None
    (scores, each), recipes = read_tables(folder, FILES, _NOTE, command("analysis", "reproduce"), _COLUMNS)
    if any(recipe != _recipe(extraction) for recipe in recipes):
        return None
    found: dict[str, list[Grouping]] = {SPACE: [], MAP: []}
    for key, rows in scores.groupby(["where", "name"], sort=False):
        where, name = key
        told = each[(each["where"] == where) & (each["name"] == name)]
        found[str(where)].append(_grouping(str(name), rows, told))
    return found


def _recipe(extraction: Extraction) -> dict[str, object]:
    about = {name: extraction.recipe.get(name) for name in ("weights", "questions")}
    return {**about, "count": QUESTIONS, "seed": GROUPING_SEED}


_CENTRES = "pairs", "among", "by_attribute"
_ALONE = "type", "attribute", "operation"


def _scores(one: Grouping) -> list[tuple[str, str, Score]]:
    return [
        *(("agreement", name, getattr(one, name)) for name in _ALONE),
        *(("centres", name, getattr(one.centres, name)) for name in _CENTRES),
        *(("silhouette", name, score) for name, score in one.silhouettes.items()),
        *(("rand", name, score) for name, score in one.rand.items()),
    ]


def _grouping(name: str, rows: pd.DataFrame, each: pd.DataFrame) -> Grouping:
    scores: dict[str, dict[str, Score]] = {"agreement": {}, "centres": {}, "silhouette": {}, "rand": {}}
    for row in rows.itertuples():
        numbers = (row.value, row.low, row.high, int(row.questions), row.chance, row.chance_high, row.p)
        scores.setdefault(row.of, {})[row.by] = Score(*numbers)
    return Grouping(
        name=name,
        **scores["agreement"],
        centres=Centres(**scores["centres"]),
        silhouettes=scores["silhouette"],
        rand=scores["rand"],
        attribute_each=each["attribute"].to_numpy(np.float64),
        operation_each=each["operation"].to_numpy(np.float64),
    )
