"""Between questions: straight lines in the space of gamma and beta (Distill's question interpolation).

A line from one question's gammas and betas to another's shows where the answer turns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.interventions.sweep import sweep_logits
from film import EVERYWHERE, Blend, InputError, Picture, Session, Where, probabilities

STEPS = 101


def interpolate(
    session: Session,
    picture: Picture,
    source: str,
    target: str,
    where: Where = EVERYWHERE,
    *,
    steps: int = STEPS,
) -> pd.DataFrame:
    """The answers on the way from one question's gammas and betas to another's.

    Args:
        where: what moves; gamma and beta of all blocks if left out. The rest stays the source's.
        steps: points on the line, both ends included.

    Returns:
        A row a step: share (0: the source, 1: the target), answer, and a column with the probability of each
        answer.

    Raises:
        InputError: a word is unknown, or there are fewer than two steps.
    """
    if steps < 2:
        raise InputError(f"{steps} steps were asked for; a line has 2 or more.")
    shares = np.linspace(0, 1, steps)
    edits = [Blend(where, float(share), target) for share in shares]
    found = sweep_logits(session, session.encode_picture(picture), session.modulate([source]), edits)
    chances = probabilities(found.changed[:, 0])  # (steps, answers)
    answers = [session.answers[best] for best in chances.argmax(axis=1)]
    return pd.DataFrame(
        {"share": shares, "answer": answers} | dict(zip(session.answers, chances.T, strict=True))
    )
