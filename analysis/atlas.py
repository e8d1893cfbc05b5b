"""What the atlas asks of a study: which questions match, which are truly near, and where a new one lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.trajectory import word_ledger
from film import InputError, Session

if TYPE_CHECKING:
    from analysis.extraction import Extraction
    from analysis.layout import Layout

_CHUNK = 8192  # questions whose vectors are in memory at once
FILTERS = ("type", "group", "operation", "attribute", "answer", "word", "text")


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
        return extraction.table["text"].str.contains(re.escape(value.strip()), case=False).to_numpy(bool)
    if by not in extraction.table:
        raise InputError(f"Questions cannot be filtered by {by!r}; choose one of {', '.join(FILTERS)}.")
    return (extraction.table[by].astype("string").fillna("") == value).to_numpy(bool)


def nearest(extraction: Extraction, space: str, row: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """The questions nearest to one of them in all dimensions of a space, itself left out.

    Returns:
        Rows (count,), nearest first, and their Euclidean distances, float32.
    """
    from analysis.extraction import vectors

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
class Path:
    """A question as it is read, on a map.

    words: after each of which the question is ended; the last is the whole question.
    places: (words, 2). near: rows whose places made up the last one. method: one line.
    """

    words: tuple[str, ...]
    places: np.ndarray
    near: np.ndarray
    method: str


def path(session: Session, extraction: Extraction, layout: Layout, question: str) -> Path:
    """Place a question, and every beginning of it, on an existing map.

    Each beginning is read as a question that ends there, because the map is one of questions that end.

    Raises:
        InputError: the question has words that the network does not know, or the map is one of a space
            that a beginning has no vector in.
    """
    from analysis.layout import place

    ledger = word_ledger(session, question)
    vectors = _vectors(ledger.stopped.gamma.numpy(), ledger.stopped.beta.numpy(), layout.recipe.space)
    places, near = place(layout, extraction, vectors[1:])  # <START> alone is no question
    return Path(
        ledger.tokens[1:-1] + (ledger.tokens[-1],), places, near[-1],
        "placed at the median of its nearest neighbours' places; each beginning is read as a whole question",
    )  # fmt: skip


def _vectors(gamma: np.ndarray, beta: np.ndarray, space: str) -> np.ndarray:
    """(n, d) of gamma and beta (n, blocks, maps), laid out as `extraction.vectors` does."""
    kind, _, block = space.partition(":")
    if kind not in ("gamma", "beta", "both"):
        raise InputError(f"Questions that are just being read have no place in a map of {kind!r}.")
    part = slice(None) if not block else slice(int(block) - 1, int(block))
    found = [values[:, part].reshape(len(values), -1) for values in (gamma, beta)]
    found = {"gamma": found[:1], "beta": found[1:], "both": found}[kind]
    return np.concatenate(found, axis=1).astype(np.float32)
