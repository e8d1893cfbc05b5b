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

from analysis.interventions.sweep import Baseline, each_map, replaced
from analysis.ranking import shrunken_means, split_half_correlation
from analysis.statistics import sign_flip_test
from film import Cancel, InputError, Picture, Progress, Session, stop_if, write_atomically

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
    own, other = (session.modulate(list(texts), lenient=True) for texts in (questions, donors))
    baseline = Baseline(session, session.encode_picture(picture), own, np.zeros(len(own), int))
    best, second = np.argsort(-baseline.logits, axis=1, kind="stable")[:, :2].T
    maps = own.gamma[0].numel()
    changed = replaced(own, other, each_map(*own.gamma.shape[1:]))
    logits = baseline.under(changed, np.repeat(np.arange(len(own)), maps)).reshape(len(own), maps, -1)
    rows = np.arange(len(own))
    before = baseline.logits[rows, best] - baseline.logits[rows, second]
    drops = before[:, None] - (logits[rows, :, best] - logits[rows, :, second])
    return np.asarray(drops.reshape(own.gamma.shape), np.float32)
