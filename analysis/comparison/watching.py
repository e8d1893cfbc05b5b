"""A network watched while it answers: what a comparison needs of each of the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from film import Cancel, InputError, Progress, Questions, Session, probabilities, stop_if

PLACES = (2, 3)  # rows and columns that activations are averaged over, so that any two grids compare
PICTURES_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Watched:
    """What one network makes of questions. Row i is one question everywhere.

    state: (questions, units); gamma, beta: (questions, blocks, maps).
    predictions, chances: (questions,), answers and their probabilities; pooled: (questions, 1 + blocks,
    maps), the stem and each block's output, pooled over places as the classifier pools; places: (questions,
    blocks, cells, maps), each block's output averaged in a grid of PLACES. All four are None where the
    network cannot look at these pictures, and `blind` says why.
    """

    state: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    predictions: np.ndarray | None = None
    chances: np.ndarray | None = None
    pooled: np.ndarray | None = None
    places: np.ndarray | None = None
    blind: str = ""


def watch(
    session: Session, asked: Questions, *, progress: Progress | None = None, cancel: Cancel | None = None
) -> Watched:
    """Put every question to the network and keep what it answers and what is inside.

    Raises:
        Cancelled: `cancel` said so.
    """
    questions, pictures = asked.questions, asked.by_picture()
    state = session.encode([question.text for question in questions], lenient=True)
    modulation = session.modulation_of(state)
    words = Watched(state, modulation.gamma.numpy(), modulation.beta.numpy())
    try:
        session.encode_picture(asked.picture(next(iter(pictures))))
    except InputError as error:
        return Watched(words.state, words.gamma, words.beta, blind=str(error))
    import torch

    config, count = session.config, len(questions)
    names = ("stem", *(f"block{block}.out" for block in range(1, config.blocks + 1)))
    pool = np.mean if config.pooling == "mean" else np.max
    average = cells(*session.recordable["stem"][1:])
    said, chances = np.empty(count, object), np.empty(count)
    pooled = np.empty((count, len(names), config.maps), np.float32)
    places = np.empty((count, config.blocks, average.shape[1], config.maps), np.float32)
    waiting, done = iter(pictures.items()), 0
    while batch := list(islice(waiting, PICTURES_AT_ONCE)):
        stop_if(cancel)
        rows = [row for _, own in batch for row in own]
        owner = [place for place, (_, own) in enumerate(batch) for _ in own]
        maps = torch.cat([session.encode_picture(asked.picture(name)) for name, _ in batch])
        logits, activations = session.classify(maps, modulation[rows], owner, record=names)
        found = probabilities(logits)
        said[rows] = np.array(session.answers, object)[found.argmax(axis=1)]
        chances[rows] = found.max(axis=1)
        for place, name in enumerate(names):
            flat = activations[name].reshape(len(rows), config.maps, -1)
            pooled[rows, place] = pool(flat, axis=2)
            if place:
                places[rows, place - 1] = (flat @ average).transpose(0, 2, 1)
        done += len(rows)
        if progress:
            progress(done, count)
    return Watched(words.state, words.gamma, words.beta, said, chances, pooled, places)


def cells(rows: int, columns: int, grid: tuple[int, int] = PLACES) -> np.ndarray:
    """Weights that average a grid of maps over `grid` cells: (rows x columns, cells), float32.

    A grid with fewer rows or columns than cells has as many cells as that.
    """

    def parts(length: int, count: int) -> np.ndarray:
        owner = np.arange(length) * min(count, length) // length
        flags = (owner[:, None] == np.arange(min(count, length))).astype(np.float32)
        return np.asarray(flags / flags.sum(axis=0))

    return np.kron(parts(rows, grid[0]), parts(columns, grid[1]))


def known_to_all(sessions: Sequence[Session], asked: Questions) -> tuple[Questions, list[int]]:
    """The questions all of whose words every network knows, and how many each network does not.

    Raises:
        InputError: under ten are left.
    """
    unknown = [
        np.array([session.vocabulary.unknown([question.text])[0] > 0 for question in asked.questions])
        for session in sessions
    ]
    kept = ~np.logical_or.reduce(unknown)
    if kept.sum() < 10:
        raise InputError(
            f"Only {int(kept.sum())} of {len(kept):,} questions are in words that both networks know; "
            "compare networks that share a vocabulary, or give questions in the words of both."
        )
    some = [question for question, keep in zip(asked.questions, kept, strict=True) if keep]
    return Questions(some, asked.picture), [int(each.sum()) for each in unknown]
