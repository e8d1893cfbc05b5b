"""A question asked of scene after scene, in which one thing changes: answers, truth and activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.question.feature_maps import stage_names
from analysis.question.truth import find_truth
from film import InputError, SceneSeries, Session


@dataclass(frozen=True, eq=False)
class AskedSeries:
    """A question along a series of scenes.

    `table`: a row a step: step (from 0), label, answer, truth (None where the question has none there),
    confidence, true_probability, keeps_rules, the mean of every map asked for after its block's ReLU in a
    column "block 2, map 7", and the probability of every answer in a column "p(…)".
    """

    series: SceneSeries
    question: str
    table: pd.DataFrame

    def flips(self) -> pd.DataFrame:
        """The steps at which the network's answer or the truth changes: after, before, now, truth."""
        rows = []
        for here, there in zip(self.table.index[:-1], self.table.index[1:], strict=True):
            one, other = self.table.loc[here], self.table.loc[there]
            answer, truth = one["answer"] != other["answer"], one["truth"] != other["truth"]
            known = one["truth"] is not None and other["truth"] is not None
            if answer or (truth and known):
                rows.append(
                    {
                        "from": one["label"],
                        "to": other["label"],
                        "answer": f"{one['answer']} → {other['answer']}" if answer else "stays",
                        "truth": "unknown"
                        if not known
                        else (f"{one['truth']} → {other['truth']}" if truth else "stays"),
                        "together": bool(known and answer == truth),
                    }
                )
        return pd.DataFrame(rows, columns=["from", "to", "answer", "truth", "together"])


def ask_series(
    session: Session,
    series: SceneSeries,
    pictures: Sequence[np.ndarray],
    question: str,
    feature_maps: Sequence[tuple[int, int]] = (),
) -> AskedSeries:
    """Ask one question of every scene of a series.

    Args:
        pictures: of the scenes, uint8 (height, width, 3) each.
        feature_maps: (block, map) from 0, whose mean after the block's ReLU is read at every step.

    Raises:
        InputError: the question cannot be read, or there is not one picture a scene.
    """
    if len(pictures) != len(series):
        raise InputError(f"{len(pictures)} pictures were given of {len(series)} scenes; give one of each.")
    modulation = session.modulate([question])
    stages = {block: stage_names(session.config, block).names[2] for block, _ in feature_maps}
    rows = []
    for step, (label, scene, broken, picture) in enumerate(
        zip(series.labels, series.scenes, series.problems, pictures, strict=True)
    ):
        (answer,) = session.answer(picture, modulation, record=sorted(set(stages.values())))
        truth = find_truth(question, scene).answer
        rows.append(
            {
                "step": step,
                "label": label,
                "answer": answer.answer,
                "truth": truth,
                "confidence": answer.probabilities[answer.answer],
                "true_probability": answer.probabilities.get(truth, np.nan) if truth else np.nan,
                "keeps_rules": not broken,
            }
            | {
                f"block {block + 1}, map {number}": float(answer.activations[stages[block]][number].mean())
                for block, number in feature_maps
            }
            | {f"p({said})": chance for said, chance in answer.probabilities.items()}
        )
    return AskedSeries(series, question, pd.DataFrame(rows))
