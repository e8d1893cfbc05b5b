"""What the atlas asks of a study: which questions match, which are truly near, and where a new one lies."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.corpus.extraction import Extraction, vectors
from analysis.corpus.layout import Layout, place
from analysis.corpus.schema import label_values
from film import InputError, Session

_CHUNK = 8192  # questions whose vectors are in memory at once
FILTERS = ("type", "group", "operation", "attribute", "answer", "outcome", "word", "text")


def matching(extraction: Extraction, by: str, value: str) -> np.ndarray:
    """Which questions have this value: bool (questions,).

    Args:
        by: a column of the table, "word" (a whole word, or several in a row) or "text" (any part of it);
            case does not count.

    Raises:
        InputError: there is no such column.
    """
    if by == "word":
        return extraction.has_word(value.strip())
    if by == "text":
        holds = extraction.table["text"].str.contains(re.escape(value.strip()), case=False)
        return np.asarray(holds, bool)
    if by not in extraction.table:
        raise InputError(f"Questions cannot be filtered by {by!r}; choose one of {', '.join(FILTERS)}.")
    if by in extraction.recipe.get("numbers", ()):  # by its thirds
        told = label_values(extraction.table, extraction.schema, by)
    else:
        told = extraction.table[by].astype("string").fillna("")
    result: np.ndarray = (told == value).to_numpy(bool)
    return result


def nearest(extraction: Extraction, space: str, row: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """The questions nearest to one of them in all dimensions of a space, itself left out.

    Returns:
        Rows (count,), nearest first, and their Euclidean distances, float32.
    """
    target = vectors(extraction.take(np.array([row])), space)[0]
    far = np.empty(len(extraction), np.float32)
    for start in range(0, len(extraction), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(extraction)))
        apart = vectors(extraction.take(rows), space) - target
        far[rows] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    far[row] = np.inf
    found = np.argsort(far, kind="stable")[:count]
    return found, far[found]


@dataclass(frozen=True, eq=False)
class PrefixPath:
    """A question as it is read, on a projection.

    words: after each of which the question is ended; the last is the whole question.
    places: (words, 2). near: rows of the questions whose places made up the last one, nearest first.
    """

    words: tuple[str, ...]
    places: np.ndarray
    near: np.ndarray

    def describe(self) -> str:
        """How its places were found, for a caption."""
        return (
            f"each at the median of the places of its {len(self.near)} nearest questions in the full space; "
            "each beginning is read as a question that ends there"
        )


def path(session: Session, extraction: Extraction, layout: Layout, question: str) -> PrefixPath:
    """Place a question, and every beginning of it, on an existing projection.

    Each beginning is read as a question that ends there, because the projection is one of questions that end.

    Raises:
        InputError: the question is empty or has words that the network does not know.
    """
    found = session.prefixes(question)
    states = found.ended[1:-1]  # of <START> alone and of <END> there is nothing to place
    modulation = session.modulation_of(states)
    read = Extraction(
        pd.DataFrame(index=range(len(states))), modulation.gamma.numpy(), modulation.beta.numpy(), states, {}
    )
    places, near = place(layout, extraction, vectors(read, layout.recipe.space))
    return PrefixPath(found.tokens[1:-1], places, near[-1])
