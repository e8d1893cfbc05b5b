"""Many interventions on many questions: what the network answers under each, as one table.

    sweep(session, questions, {"block 1 at its mean": [ReplaceByMean(Where([0]))]})

Pictures are encoded once, batches are full, and what comes before the first changed block is computed once
a question. Patching, ablation, noise curves and interpolation are thin uses of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import torch

from analysis.question.feature_maps import stage_names
from film import (
    Edit,
    GivenQuestion,
    Modulation,
    Picture,
    Progress,
    Questions,
    Remembered,
    Session,
    intervened,
    probabilities,
    read_picture,
)

PICTURES_AT_ONCE = 16
ROWS_AT_ONCE = 4096  # changed gammas and betas that are in memory together


@dataclass(frozen=True, eq=False)
class Swept:
    """Logits under interventions: `base` (Q, answers) without any, `changed` (V, Q, answers) under each.

    `metrics` compares them. The answer and its runner-up are those without intervention: they are fixed
    beforehand, so that a difference means the same for every intervention.
    """

    answers: tuple[str, ...]
    base: np.ndarray
    changed: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The answer without intervention and its runner-up, indices (Q, 2)."""
        return np.argsort(-self.base, axis=1, kind="stable")[:, :2]

    def logit_difference(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logit of answers `first` (Q,) minus `second` (Q,): without intervention (Q,), under each (V, Q)."""
        rows = np.arange(len(self.base))
        return (
            self.base[rows, first] - self.base[rows, second],
            self.changed[:, rows, first] - self.changed[:, rows, second],
        )

    def divergence(self) -> np.ndarray:
        """Kullback-Leibler divergence from the distribution without intervention, in nats: (V, Q)."""
        return divergences(self.base, self.changed)


def divergences(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of the answers' distribution from what it was before, in nats.

    Args:
        before, after: logits, (..., answers) each, of shapes that go together.
    """
    was, now = probabilities(before), probabilities(after)
    tiny = np.finfo(float).tiny
    return np.asarray((was * (np.log(was + tiny) - np.log(now + tiny))).sum(axis=-1))


def replaced(own: Modulation, source: Modulation, sets: torch.Tensor) -> Modulation:
    """Row q * sets + s: question q with the maps of set s as row q of the source has them.

    Args:
        own, source: (questions, blocks, maps); where one of the two has one row, it does for all.
        sets: which maps are replaced, bool (sets, blocks, maps).
    """
    return Modulation(
        *(
            torch.where(sets[None], other[:, None], mine[:, None]).flatten(0, 1)
            for mine, other in ((own.gamma, source.gamma), (own.beta, source.beta))
        )
    )


def each_map(blocks: int, maps: int) -> torch.Tensor:
    """For `replaced`: set b * maps + c is map c of block b alone."""
    return torch.eye(blocks * maps, dtype=torch.bool).view(-1, blocks, maps)


def sets_of(places: Sequence[Sequence[tuple[int, int]]], blocks: int, maps: int) -> torch.Tensor:
    """For `replaced`: the sets of these (block, map), from 0."""
    found = torch.zeros(len(places), blocks, maps, dtype=torch.bool)
    for row, some in enumerate(places):
        for block, number in some:
            found[row, block, number] = True
    return found


class Baseline:
    """Questions answered as they are, and what it takes to answer them again under other gammas and betas.

    `logits`: (Q, answers). What comes before the first changed block is kept and not computed again; nor is
    anything where all that changes is maps that the ReLU after FiLM makes 0 of before and after.
    """

    def __init__(
        self,
        session: Session,
        maps: torch.Tensor,
        modulation: Modulation,
        picture_of: Sequence[int] | np.ndarray | None = None,
    ):
        """maps: stem maps (P, maps, rows, columns); modulation: (Q, blocks, maps); picture_of: (Q,)."""
        self.session, self.modulation = session, modulation
        config = session.config
        outs = [f"block{block}.out" for block in range(1, config.blocks)]
        given = [stage_names(config, block).names[0] for block in range(config.blocks)]
        silences = config.film_at == "norm" and all(config.modulated)  # a ReLU follows every FiLM at once
        self.logits, kept = session.classify(
            maps, modulation, picture_of, record=[*outs, *given] if silences else outs
        )
        # The least and greatest value of each map as its FiLM is given it, (Q, blocks, maps) each.
        self._range = tuple(
            torch.from_numpy(np.stack([end(kept[name], axis=(2, 3)) for name in given], axis=1))
            for end in (np.min, np.max)
            if silences
        )
        self._entering = [maps, *(torch.from_numpy(kept[name]).to(maps.device) for name in outs)]
        pictures = np.zeros(len(modulation), int) if picture_of is None else np.asarray(picture_of)
        # From the second block on every question has maps of its own.
        self._owner = [pictures, *[np.arange(len(modulation))] * len(outs)]

    def under(self, changed: Modulation, question_of: np.ndarray) -> np.ndarray:
        """Logits (N, answers) of questions `question_of` (N,) under other gammas and betas (N, blocks, maps).

        A row in which nothing has changed has the very bits of its question's `logits`.
        """
        own = self.modulation[torch.from_numpy(question_of)]
        differs = (changed.gamma != own.gamma) | (changed.beta != own.beta)  # (N, B, C)
        if self._range:
            differs &= ~(self._silent(own, question_of) & self._silent(changed, question_of))
        moved = differs.any(dim=2).numpy()  # (N, B)
        first = np.where(moved.any(axis=1), moved.argmax(axis=1), -1)
        logits = self.logits[question_of]
        for block in np.unique(first[first >= 0]):
            rows = np.nonzero(first == block)[0]
            logits[rows], _ = self.session.classify(
                self._entering[block],
                changed[torch.from_numpy(rows)],
                self._owner[block][question_of[rows]],
                first_block=int(block),
            )
        result: np.ndarray = logits
        return result

    def _silent(self, modulation: Modulation, question_of: np.ndarray) -> torch.Tensor:
        """Which maps a FiLM leaves nowhere above 0, if no block before has changed: bool (N, blocks, maps).

        The ReLU behind makes 0 of all of it, so another gamma and beta that silence the map as well change
        nothing.
        """
        low, high = (end[torch.from_numpy(question_of)] for end in self._range)
        greatest = torch.maximum(modulation.gamma * low, modulation.gamma * high) + modulation.beta
        return greatest <= 0


def sweep_logits(
    session: Session,
    maps: torch.Tensor,
    modulation: Modulation,
    interventions: Sequence[Sequence[Edit] | Edit],
    picture_of: Sequence[int] | np.ndarray | None = None,
    *,
    source: Remembered | None = None,
    rows: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Swept:
    """Answer questions without and under each intervention.

    Args:
        maps: stem maps of the pictures, as `Session.encode_picture` gives them, (P, maps, rows, columns).
        modulation: what the questions give, (Q, blocks, maps).
        interventions: each one or a list that is applied in order.
        picture_of: for each question the index of its picture; the first if left out.
        source: remembers the gammas and betas of other questions between calls.
        rows: a number for each question, by which noise is drawn.
        progress: called with the changed questions answered and of all.
    """
    source = source or Remembered(session)
    baseline = Baseline(session, maps, modulation, picture_of)
    count = len(modulation)
    changed = np.empty((len(interventions), *baseline.logits.shape), np.float32)
    at_once = max(1, ROWS_AT_ONCE // max(1, count))
    for start in range(0, len(interventions), at_once):
        part = interventions[start : start + at_once]
        new = Modulation.stack([intervened(modulation, edits, source, rows) for edits in part])
        logits = baseline.under(new, np.tile(np.arange(count), len(part)))
        changed[start : start + at_once] = logits.reshape(len(part), *baseline.logits.shape)
        if progress:
            progress((start + len(part)) * count, len(interventions) * count)
    return Swept(session.answers, baseline.logits, changed)


def sweep(
    session: Session,
    asked: Questions,
    interventions: Mapping[str, Sequence[Edit] | Edit],
    *,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Ask every question without and under each intervention.

    Args:
        asked: questions with their pictures; `about` makes them of one picture and some texts.
        interventions: name -> one or a list that is applied in order.
        progress: called with the changed questions answered and of all; raise in it to stop.

    Returns:
        One row for each question and intervention: question (its number), picture, text, truth (None where
        it is not known), intervention, before and prediction (the answers), right_before and right,
        probability_before and probability (of the answer before), difference_before and difference (logit of
        that answer minus its runner-up's), divergence (Kullback-Leibler, nats).
    """
    source = Remembered(session)
    names, edits = list(interventions), list(interventions.values())
    tables = []
    groups = iter(asked.by_picture().items())
    done, of = 0, len(asked.questions) * len(names)
    while batch := list(islice(groups, PICTURES_AT_ONCE)):
        maps = torch.cat([session.encode_picture(asked.picture(name)) for name, _ in batch])
        rows = [number for _, own in batch for number in own]
        owner = [place for place, (_, own) in enumerate(batch) for _ in own]
        questions = [asked.questions[row] for row in rows]
        modulation = session.modulate([question.text for question in questions], lenient=True)
        before = done

        def told(here: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + here, of)

        found = sweep_logits(session, maps, modulation, edits, owner, source=source, rows=rows, progress=told)
        tables.append(_table(found, rows, questions, names))
        done += len(rows) * len(names)
    return pd.concat(tables, ignore_index=True)


def about(picture: Picture, questions: Sequence[str]) -> Questions:
    """Some questions about one picture, for `sweep`."""
    pixels = read_picture(picture)
    return Questions([GivenQuestion(text, "picture") for text in questions], lambda _: pixels)


def _table(
    found: Swept, rows: Sequence[int], questions: Sequence[GivenQuestion], names: Sequence[str]
) -> pd.DataFrame:
    first, second = found.best[:, 0], found.best[:, 1]
    difference_before, difference = found.logit_difference(first, second)
    here = np.arange(len(rows))
    answers = np.array(found.answers, dtype=object)
    said, now = answers[first], answers[found.changed.argmax(axis=2)]  # (Q,), (V, Q)
    truth = np.array([question.answer for question in questions], dtype=object)
    known = np.array([answer is not None for answer in truth])

    def right(given: np.ndarray) -> np.ndarray:
        return np.array(np.where(known, given == truth.astype(str), None))

    each = len(names)
    return pd.DataFrame(
        {
            "question": np.tile(rows, each),
            "picture": np.tile(np.array([question.filename for question in questions], dtype=object), each),
            "text": np.tile(np.array([question.text for question in questions], dtype=object), each),
            "truth": np.tile(truth, each),
            "intervention": np.repeat(np.array(names, dtype=object), len(rows)),
            "before": np.tile(said, each),
            "prediction": now.ravel(),
            "right_before": np.tile(right(said), each),
            "right": right(now).ravel(),
            "probability_before": np.tile(probabilities(found.base)[here, first], each),
            "probability": probabilities(found.changed)[:, here, first].ravel(),
            "difference_before": np.tile(difference_before, each),
            "difference": difference.ravel(),
            "divergence": found.divergence().ravel(),
        }
    )
