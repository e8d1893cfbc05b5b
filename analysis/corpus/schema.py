"""What the rows of a study are called, which labels they have, and which layers were modulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from film import FAMILIES, family_pattern

LABELS = ("type", "group", "operation", "attribute", "family", "answer", "prediction")  # of questions
COUNTS = ("length", "depth")
FEW = 5  # values of a number that stand for themselves


@dataclass(frozen=True)
class Layers:
    """The layers that are modulated, in order: their names and how many feature maps each has.

    Gammas, and betas, of many rows are kept as (rows, layers, maps) where all layers are equally wide, or
    one layer after another as (rows, all maps); `of` reads both.
    """

    names: tuple[str, ...]
    maps: tuple[int, ...]

    @staticmethod
    def equal(blocks: int, maps: int) -> Layers:
        """So many blocks of so many maps each, called "block 1" and on."""
        return Layers(tuple(f"block {block + 1}" for block in range(blocks)), (maps,) * blocks)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def shape(self) -> str:
        """In words: "4 layers of 128 maps"."""
        widths = list(dict.fromkeys(self.maps)) if len(set(self.maps)) == 1 else list(self.maps)
        return f"{len(self)} layer{'s' * (len(self) > 1)} of {', '.join(map(str, widths))} maps"

    def of(self, values: np.ndarray, layer: int) -> np.ndarray:
        """One layer's gammas or betas: (rows, maps)."""
        start = sum(self.maps[:layer])
        result: np.ndarray = values.reshape(len(values), -1)[:, start : start + self.maps[layer]]
        return result

    @cached_property
    def map_names(self) -> tuple[str, ...]:
        """Every map's name, in the order in which maps are kept: "block 2, map 7"."""
        return tuple(
            f"{name}, map {number}"
            for name, maps in zip(self.names, self.maps, strict=True)
            for number in range(maps)
        )


@dataclass(frozen=True)
class Schema:
    """What is known of a study's rows.

    noun: what a row is, in the singular. categories, numbers: columns of the table that are labels.
    words: whether the column `text` says something that the labels do not.
    groups: the column that names what rows depend on each other by, such as a subject; "" where each row
        stands for itself.
    """

    layers: Layers
    noun: str = "question"
    categories: tuple[str, ...] = LABELS
    numbers: tuple[str, ...] = COUNTS
    words: bool = True
    groups: str = ""

    @staticmethod
    def of(recipe: Mapping[str, Any], shape: tuple[int, ...]) -> Schema:
        """Of an extraction's recipe and its gammas' shape."""
        if "layers" not in recipe:
            return Schema(Layers.equal(shape[1], shape[2]))
        names, maps = zip(*recipe["layers"], strict=True)
        return Schema(
            Layers(tuple(names), tuple(maps)),
            recipe["noun"], tuple(recipe["categories"]), tuple(recipe["numbers"]), recipe["words"],
            recipe.get("groups", ""),
        )  # fmt: skip

    @property
    def nouns(self) -> str:
        """The noun in the plural."""
        if self.noun.endswith("y") and self.noun[-2:-1] not in "aeiou":
            return f"{self.noun[:-1]}ies"
        return self.noun + ("es" if self.noun.endswith(("s", "x", "z", "ch", "sh")) else "s")

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all labels, categories before numbers."""
        return (*self.categories, *self.numbers)


def value_name(schema: Schema, label: str, value: object) -> str:
    """What a value of a label is called: a family of questions by its sentence, others as they are."""
    if label == "family" and schema.categories == LABELS and isinstance(value, int | np.integer):
        return family_pattern(FAMILIES[int(value)]) if 0 <= value < len(FAMILIES) else str(value)
    return str(value)


def label_values(table: pd.DataFrame, schema: Schema, name: str) -> pd.Series:
    """A label of each row as text, "" where it is not known; numbers of more than 5 values as thirds."""
    column = table[name]
    if name not in schema.numbers:
        return column.astype("string").fillna("").astype(object)
    if column.nunique() <= FEW:
        return column.map(lambda value: f"{value:g}")
    ends = np.quantile(column.to_numpy(np.float64), (1 / 3, 2 / 3))
    third = np.searchsorted(ends, column.to_numpy(np.float64), side="left")
    names = (f"low, to {ends[0]:.3g}", f"middle, to {ends[1]:.3g}", f"high, over {ends[1]:.3g}")
    return pd.Series(np.array(names, object)[third], table.index)
