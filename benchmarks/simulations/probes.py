"""Vectors of questions that hold a type, a family or nothing, for probes to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis import Observed
from analysis.corpus.probes import probe_tasks, run_probes

TYPES = ("count", "exist", "query_color")
EACH = 4  # families of each type


def planted_type(rng: np.random.Generator, questions: int = 600, pictures: int = 30) -> Observed:
    """Gamma's first block holds the type, the second nothing; the pooled maps hold nothing at all."""
    kind = rng.integers(0, 3, questions)
    family = EACH * kind + rng.integers(0, EACH, questions)
    state = rng.normal(size=(questions, 6)).astype(np.float32)
    state[:, :3] += 4 * np.eye(3)[kind]
    gamma = np.zeros((questions, 2, 4), np.float32)
    gamma[:, 0] = state[:, :4]
    gamma[:, 1] = state[:, 3:5].repeat(2, axis=1)
    table = pd.DataFrame(
        {
            "text": [f"question {i}" for i in range(questions)],
            "type": np.array(TYPES)[kind],
            "family": family,
            "attribute": np.where(kind == 2, "color", ""),
            "answer": rng.choice(["yes", "no"], questions),
            "picture": [f"gallery-{i % pictures}" for i in range(questions)],
        }
    )
    pooled = rng.normal(size=(questions, 3, 4)).astype(np.float32)
    return Observed(table, state, gamma, np.zeros_like(gamma), pooled, {})


def with_families(found: Observed, rng: np.random.Generator) -> Observed:
    """The same, with a state that tells families, each in a place of its own."""
    places = 3 * rng.normal(size=(EACH * len(TYPES), 20))[found.table["family"].to_numpy()]
    return replace(found, state=(places + rng.normal(size=places.shape)).astype(np.float32))


def with_noise(found: Observed, axes: int, rng: np.random.Generator) -> Observed:
    """The same, with a state of so many axes that tells nothing."""
    return replace(found, state=rng.normal(size=(len(found), axes)).astype(np.float32))


def read_type(found: Observed, seed: int) -> pd.Series:
    """How well the type is read off the state, in the columns of `analysis.probe`; no bag of words."""
    kinds = {"type": found.table["type"]}
    folds, _, tasks = probe_tasks(found.table, seed=seed, words={}, chosen=kinds)
    return run_probes([("state", 0, found.state)], tasks, folds, threads=1).iloc[0]
