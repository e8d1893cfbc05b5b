"""Many questions at once about a scene before an edit and after it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.question.truth import find_truth
from film import Picture, Scene, Session


def ask_both(
    session: Session,
    pictures: tuple[Picture, Picture],
    scenes: tuple[Scene, Scene],
    questions: Sequence[str],
) -> pd.DataFrame:
    """Ask the same questions of the pictures of two scenes.

    Args:
        pictures: of the scenes, before and after.

    Returns:
        A row for each question: question, answer_before, answer_after, confidence_before, confidence_after,
        truth_before, truth_after (None where the question has no true answer there), answer_changes,
        truth_changes and consistent (both None where a truth is unknown). `consistent`: the answer changes
        exactly when the truth does.

    Raises:
        InputError: a question cannot be read.
    """
    texts = list(questions)
    if not texts:
        return pd.DataFrame()
    modulation = session.modulate(texts)
    before, after = (session.answer(picture, modulation) for picture in pictures)
    rows = []
    for text, one, other in zip(texts, before, after, strict=True):
        was, now = (find_truth(text, scene).answer for scene in scenes)
        known = was is not None and now is not None
        changes = one.answer != other.answer
        rows.append(
            {
                "question": text,
                "answer_before": one.answer, "answer_after": other.answer,
                "confidence_before": one.probabilities[one.answer],
                "confidence_after": other.probabilities[other.answer],
                "truth_before": was, "truth_after": now, "answer_changes": changes,
                "truth_changes": was != now if known else None,
                "consistent": changes == (was != now) if known else None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
