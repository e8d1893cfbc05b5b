"""What a session keeps of a visit, as values: an uploaded picture, questions asked, and the guide's step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import Truth
from film import Answer


@dataclass(frozen=True, eq=False)
class Upload:
    """A visitor's own picture. `pixels`: uint8 (height, width, 3)."""

    key: str
    name: str
    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class HistoryEntry:
    """One question of this session with what came of it."""

    number: int
    picture: str
    title: str
    question: str
    answer: Answer
    truth: Truth


@dataclass(frozen=True, eq=False)
class Guide:
    """How far a visitor has come in the guided first five minutes.

    `step`: from 0. `asks`: the picture and question whose answer is predicted, `said`: the prediction.
    `pair`: two questions one word apart. `chosen`: a map that the word moved, by block and number from 0.
    `word`, `block`: what the visitor took to be behind it.
    """

    open: bool = True
    step: int = 0
    asks: tuple[str, str] | None = None
    said: str | None = None
    pair: tuple[HistoryEntry, HistoryEntry] | None = None
    chosen: tuple[int, int] | None = None
    word: str | None = None
    block: int | None = None
