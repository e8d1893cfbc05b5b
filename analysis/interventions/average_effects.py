"""What every feature map does for answers, over many questions: resample ablation, counted in logits.

The metric is the logit of the answer minus that of its runner-up, both fixed beforehand. A map's gamma and
beta are replaced together by those of another question, drawn anew for each question; the other maps stay.
Where `analysis.interventions.effects` tells of one answer, this tells of the network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from analysis.interventions.sweep import ROWS_AT_ONCE, Baseline, each_map, replaced
from analysis.ranking import shrunken_means, split_half_correlation
from analysis.statistics import sign_flip_test
from film import Cancel, InputError, Picture, Progress, Questions, Session, stop_if, write_atomically

TRIALS, SPLITS = 2000, 100


@dataclass(frozen=True, eq=False)
class AverageEffects:
    """Drops of the logit difference: `drops` float32 (questions, blocks, maps), logits; positive where a map
    speaks for the answer. `pictures`: (questions,), the number of each one's picture.
    """

    drops: np.ndarray
    pictures: np.ndarray

    def table(self, seed: int = 0) -> pd.DataFrame:
        """A row a map, those of the first block first; logits.

        Columns effect (mean drop), effect_shrunken (drawn towards all maps' mean by as much as is noise) with
        effect_low and effect_high (95 %), effect_rank (of the shrunken ones, 1 the greatest), effect_p
        (family-wise over all maps: signs of whole pictures flipped, max-T).

        Raises:
            InputError: there are under ten pictures.
        """
        flat = self.drops.reshape(len(self.drops), -1).astype(np.float64)
        ranked = shrunken_means(flat, self.pictures)
        tested = sign_flip_test(flat, self.pictures, trials=TRIALS, seed=seed)
        return pd.DataFrame(
            {
                "effect": ranked.mean, "effect_shrunken": ranked.shrunken, "effect_low": ranked.low,
                "effect_high": ranked.high, "effect_rank": ranked.rank, "effect_p": tested.p_family,
            }
        )  # fmt: skip

    def reliability(self, seed: int = 0) -> tuple[float, float, float]:
        """How well half of the pictures rank the maps as the other half does: Spearman's mean, and 95 %."""
        return split_half_correlation(
            self.drops.reshape(len(self.drops), -1), self.pictures, trials=SPLITS, seed=seed
        )


def average_effects(
    session: Session,
    pictures: Sequence[tuple[int, Callable[[], Picture], Sequence[str]]],
    donors: Sequence[str],
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> AverageEffects:
    """Replace every map of every question, one map at a time; some ten minutes for 2,400 questions.

    Args:
        pictures: (number, what gives the picture, questions about it).
        donors: questions, of which one is drawn for each question asked.
        seed: of that draw, with each picture's number.
        folder: keeps each picture's drops, so that a run that was stopped goes on. Those of other networks,
            questions or seeds are told apart; the caller removes it.
        progress: called with pictures done and of all.

    Raises:
        InputError: there are no pictures or no donors.
        Cancelled: `cancel` said so; finished pictures are kept.
    """
    if not pictures or not donors:
        raise InputError("Effects of maps need questions about a picture and others to draw from; give some.")
    found, owners = [], []
    for done, (number, picture, questions) in enumerate(pictures):
        stop_if(cancel)
        rng = np.random.default_rng([seed, number])
        drawn = [donors[row] for row in rng.integers(len(donors), size=len(questions))]
        told = json.dumps([session.card.weights, number, *questions, *drawn]).encode()
        kept = folder / f"{hashlib.sha256(told).hexdigest()[:32]}.npy" if folder else None
        if kept and kept.is_file():
            drops = np.load(kept, allow_pickle=False)
        else:
            drops = _drops(session, picture(), questions, drawn)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)

                def write(path: Path, drops: np.ndarray = drops) -> None:
                    with path.open("wb") as file:
                        np.save(file, drops)

                write_atomically(kept, write)
        found.append(drops)
        owners += [number] * len(drops)
        if progress:
            progress(done + 1, len(pictures))
    return AverageEffects(np.concatenate(found), np.array(owners))


def _drops(session: Session, picture: Picture, questions: Sequence[str], donors: Sequence[str]) -> np.ndarray:
    """Float32 (questions, blocks, maps), in logits."""
    shape = (session.config.blocks, session.config.maps)
    before, under = resampled_differences(session, picture, questions, donors, each_map(*shape))
    return np.asarray((before[:, None] - under).reshape(-1, *shape), np.float32)


def resampled_differences(
    session: Session,
    picture: Picture,
    questions: Sequence[str],
    donors: Sequence[str],
    sets: torch.Tensor,
) -> tuple[np.ndarray, np.ndarray]:
    """The logit of the answer minus its runner-up's, both fixed beforehand, with sets of maps resampled.

    Args:
        donors: for each question another one, whose gamma and beta these maps take over.
        sets: bool (sets, blocks, maps).

    Returns:
        As it is, (questions,), and with each set resampled, (questions, sets); float32, logits.
    """
    own, other = (session.modulate(list(texts), lenient=True) for texts in (questions, donors))
    baseline = Baseline(session, session.encode_picture(picture), own, np.zeros(len(own), int))
    best, second = np.argsort(-baseline.logits, axis=1, kind="stable")[:, :2].T
    rows = np.arange(len(own))
    before = baseline.logits[rows, best] - baseline.logits[rows, second]
    under = np.empty((len(own), len(sets)), np.float32)
    at_once = max(1, ROWS_AT_ONCE // len(sets))
    for start in range(0, len(own), at_once):
        here = rows[start : start + at_once]
        chosen = torch.from_numpy(here)
        changed = replaced(own[chosen], other[chosen], sets)
        logits = baseline.under(changed, np.repeat(here, len(sets))).reshape(len(here), len(sets), -1)
        each = np.arange(len(here))
        under[here] = logits[each, :, best[here]] - logits[each, :, second[here]]
    return before, under


def under_sets(
    session: Session,
    asked: Questions,
    donors: Sequence[str],
    sets: torch.Tensor,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`resampled_differences` of questions about many pictures, with a donor drawn for each.

    Args:
        sets: bool (sets, blocks, maps).
        seed: of the donors.
        progress: called with questions done and of all; raise in it to stop.

    Returns:
        As it is, (questions,); with each set resampled, (questions, sets); each one's picture as a number.

    Raises:
        InputError: there are no questions or no donors.
    """
    if not donors or not asked.questions:
        raise InputError("Resampling needs questions, and other questions to draw from; give some.")
    count = len(asked.questions)
    drawn = np.random.default_rng(seed).integers(len(donors), size=count)
    before, under = np.empty(count), np.empty((count, len(sets)))
    owners, done = np.empty(count, int), 0
    for number, (name, rows) in enumerate(asked.by_picture().items()):
        before[rows], under[rows] = resampled_differences(
            session, asked.picture(name), [asked.questions[row].text for row in rows],
            [str(donors[drawn[row]]) for row in rows], sets,
        )  # fmt: skip
        owners[rows] = number
        done += len(rows)
        if progress:
            progress(done, count)
    return before, under, owners
