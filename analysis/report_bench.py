"""The bench in a report: the edits of a view, and the answers before and after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from analysis.figures import question as single
from analysis.interventions.edit_list import applied_edits, described_edit, read_edits
from analysis.report_page import Section, html, table
from film import InputError, Session


def answers_table(before: Mapping[str, float], after: Mapping[str, float]) -> pd.DataFrame:
    """Every answer's probability before and after the edits: columns answer, before, after."""
    return pd.DataFrame(
        {"answer": list(before), "before": list(before.values()), "after": list(after.values())}
    )


def bench_section(session: Session, pixels: np.ndarray, question: str, edits: str) -> Iterator[Section]:
    """What the edits of a view do to the answer; nothing where there are none.

    Args:
        edits: as in a link (`read_edits`).
    """
    if not edits:
        return
    title = "Gamma and beta changed"
    try:
        entries = read_edits(edits)
        before = session.ask(pixels, question)
        after = session.ask(pixels, question, applied_edits(entries))
    except InputError as error:
        yield Section(title, str(error), ())
        return
    listed = html("").join(
        html("<li>{}{}</li>", described_edit(entry.edit), "" if entry.on else " (switched off)")
        for entry in entries
    )
    yield Section(
        title,
        f"{before.answer} ({before.probabilities[before.answer]:.1%}) before, "
        f"{after.answer} ({after.probabilities[after.answer]:.1%}) after.",
        (
            html("<ol>{}</ol>", listed),
            (
                single.answers_side_by_side(
                    before.probabilities, after.probabilities, names=("before", "after")
                ),
                "Probabilities of all answers, before and after.",
            ),
            table(answers_table(before.probabilities, after.probabilities), "{:.4f}"),
        ),
    )
