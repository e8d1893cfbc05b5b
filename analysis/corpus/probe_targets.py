"""What probes are to tell: labels of each question, by the target's name; "" where a question is left out.

Words give most labels away: their bag of words is right throughout. Harder are what is named first or last,
which the bag does not say, and the answers of one kind of question, which lie in the picture and in no word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from film import COLORS, split_words

# Does the question have one of these words? CLEVR has several for some things; an encoder may forget which.
WORDS: Mapping[str, tuple[str, ...]] = {
    "“red”": ("red",),
    "“left”": ("left",),
    "“same”": ("same",),
    "“metal”": ("metal",),
    "metal in any words": ("metal", "metallic", "shiny"),
    "“cube”": ("cube", "cubes"),
    "a cube in any words": ("cube", "cubes", "block", "blocks"),
}
# Which is named first, or last, of two or more? The bag of words has them all, but not their order.
_CUBES, _BALLS = ("cube", "cubes", "block", "blocks"), ("sphere", "spheres", "ball", "balls")
_NAMED_COLORS = {color: color for color in COLORS}
_NAMED_SHAPES = (
    dict.fromkeys(_CUBES, "cube")
    | dict.fromkeys(_BALLS, "sphere")
    | dict.fromkeys(("cylinder", "cylinders"), "cylinder")
)
ORDERS: Mapping[str, tuple[Mapping[str, str], int]] = {
    "colour named first": (_NAMED_COLORS, 0),
    "colour named last": (_NAMED_COLORS, -1),
    "shape named first": (_NAMED_SHAPES, 0),
    "shape named last": (_NAMED_SHAPES, -1),
}
# The answer among questions of one kind alone: the words do not have it, the picture has.
ANSWERS_OF: Mapping[str, tuple[str, ...]] = {
    "answer: a colour": ("query_color",),
    "answer: a shape": ("query_shape",),
    "answer: a number": ("count",),
    "answer: exists": ("exist",),
    "answer: more, fewer, equal": ("equal_integer", "greater_than", "less_than"),
}
LABELS = {"type": "type", "attribute asked": "attribute", "answer": "answer", "program depth": "depth"}
# What else a visitor may choose: columns of the table by the target's name.
MORE = {"operation": "operation", "group": "group", "number of words": "length", "family": "family"}
FEWEST = 60  # questions with a word, and without it, for a probe of it


def targets(table: pd.DataFrame, words: Mapping[str, tuple[str, ...]] = WORDS) -> dict[str, pd.Series]:
    """What probes are to say: the labels by name, "" where a question is left out."""
    found = {name: _column(table, column) for name, column in LABELS.items() if column in table}
    found |= {
        name: table["answer"].where(table["type"].isin(kinds), "") for name, kinds in ANSWERS_OF.items()
    }
    found |= {name: _named(table["text"], *order) for name, order in ORDERS.items()}
    return found | {name: has_word(table["text"], which) for name, which in words.items()}


def more_targets(table: pd.DataFrame) -> dict[str, str]:
    """What else can be probed for: name -> what `target_of` takes, labels first, then words commonest first.

    Words that fewer than `FEWEST` questions have, or lack, are left out.
    """
    counts = pd.Series(
        [word for text in table["text"] for word in set(split_words(text.lower()))], dtype=object
    ).value_counts()
    fit = counts[(counts >= FEWEST) & (counts <= len(table) - FEWEST)]
    words = {f"“{word}”": f"word:{word}" for word in fit.index if word.isalpha()}
    known = {name: f"label:{column}" for name, column in MORE.items() if column in table}
    return {name: what for name, what in (known | words).items() if name not in WORDS}


def target_of(table: pd.DataFrame, what: str) -> pd.Series:
    """The labels of one target of `more_targets`: "word:left", or "label:" and a column."""
    kind, _, name = what.partition(":")
    return has_word(table["text"], (name,)) if kind == "word" else _column(table, name)


def has_word(texts: pd.Series, which: tuple[str, ...]) -> pd.Series:
    """Whether one of these words stands in each text: "there" or "absent"."""
    there = texts.str.contains(rf"\b(?:{'|'.join(map(re.escape, which))})\b", case=False)
    return there.map({True: "there", False: "absent"})


def _column(table: pd.DataFrame, column: str) -> pd.Series:
    """A column as labels; a number that is not known (a family of -1, any other of 0) leaves it out."""
    values = table[column].astype(str)
    unknown = "-1" if column == "family" else "0"
    return values.mask(values == unknown, "") if table[column].dtype.kind == "i" else values


def _named(texts: pd.Series, which: Mapping[str, str], place: int) -> pd.Series:
    """Which of these things is named first (0) or last (-1), in texts that name two or more; else ""."""

    def told(text: str) -> str:
        named = [which[word] for word in split_words(text.lower()) if word in which]
        return named[place] if len(set(named)) > 1 else ""

    return texts.map(told)
