"""What a session gives: an answer with what it went through, and a question word by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def percent(probability: float) -> str:
    """A probability in per cent, never 0 or 100: 97.3 %, > 99.9 %, < 0.1 %.

    A softmax is neither, but kept in 32 bits it may be.
    """
    if probability < 0.001:
        return "< 0.1 %"
    if probability > 0.999:
        return "> 99.9 %"
    return f"{probability:.1%}".replace("%", " %")


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network said, and what it went through.

    `probabilities`: of all answers, in the order of the network's outputs, special tokens left out;
    they sum to 1. `margin`: the best answer's probability minus the second's. `entropy`: of the
    distribution, in bits. `gamma`, `beta`: (blocks, maps) as applied, after any interventions.
    `activations`: what was asked to be recorded, (maps, rows, columns) each. `seconds`: the time
    this answer took, or its share of the time of those asked together.
    """

    answer: str
    probabilities: Mapping[str, float]
    margin: float
    entropy: float
    gamma: np.ndarray
    beta: np.ndarray
    activations: Mapping[str, np.ndarray] = field(default_factory=dict)
    question: str | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "answer": self.answer,
            "probabilities": {name: round(value, 6) for name, value in self.probabilities.items()},
            "margin": round(self.margin, 6),
            "entropy": round(self.entropy, 6),
            "gamma": _rounded(self.gamma),
            "beta": _rounded(self.beta),
            "activations": {name: _rounded(value) for name, value in self.activations.items()},
            "seconds": round(self.seconds, 6),
        }


def _rounded(values: np.ndarray) -> list[Any]:
    result: list[Any] = np.round(values.astype(float), 5).tolist()
    return result


@dataclass(frozen=True, eq=False)
class Prefixes:
    """What the question encoder holds while a question is read; row t belongs to token t.

    `tokens`: <START> and <END> included. `running`: its state after each token, float32 (T, state); None
    where it also reads backwards. `ended`: the state of the question cut after that token and ended there;
    the last row is the whole question's.
    """

    tokens: tuple[str, ...]
    running: np.ndarray | None
    ended: np.ndarray
