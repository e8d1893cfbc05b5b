"""Right answers about pictures that have a difficulty of their own."""

from __future__ import annotations

import numpy as np

from film import clustered_share

SHARES, CORRELATIONS = (0.5, 0.9, 0.985), (0.05, 0.1, 0.2)
PICTURES, QUESTIONS = 40, (10, 2)
OTHERS = ((300, 10), (40, 25))  # pictures and questions of each: the bundled evidence's, and many of few


def clustered(
    rng: np.random.Generator, share: float, pictures: int, questions: int, correlation: float
) -> np.ndarray:
    """Whether each answer is right, bool (pictures * questions,): beta-binomial by picture."""
    weight = 1 / correlation - 1
    difficulty = rng.beta(share * weight, (1 - share) * weight, pictures)
    return rng.random((pictures, questions)).ravel() < np.repeat(difficulty, questions)


def covered(
    rng: np.random.Generator, share: float, pictures: int, questions: int, correlation: float, runs: int
) -> int:
    """In how many of so many samples the interval holds the true share."""
    owner, held = np.repeat(np.arange(pictures), questions), 0
    for _ in range(runs):
        found = clustered_share(clustered(rng, share, pictures, questions, correlation), owner)
        held += found.low is not None and found.low <= share <= found.high
    return held


def printed(rng: np.random.Generator, runs: int) -> int:
    """How many of so many samples of one to nine pictures get an interval."""
    found = 0
    for _ in range(runs):
        pictures, share = int(rng.integers(1, 10)), rng.choice([0.5, 0.9, 0.985, 1.0])
        right = rng.random(10 * pictures) < share
        found += clustered_share(right, np.repeat(np.arange(pictures), 10)).low is not None
    return found
