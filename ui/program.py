"""A question's program and what its steps give, as a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis import Truth
from ui import widgets


def show(truth: Truth, name: str, sample: str | None = None) -> None:
    """The steps as a table, with a button for its file.

    Args:
        name: of the file.
        sample: written into it: the question and what it was run on; of the page if left out.
    """
    st.html(_steps(truth))
    rows = [(step.number, " ".join(map(str, step.inputs)), step.does, step.gives) for step in truth.steps]
    table = pd.DataFrame(rows, columns=["step", "of", "does", "gives"])
    widgets.data(table, name, "The question's program, step by step", sample=sample, of="CLEVR's program")


def _steps(truth: Truth) -> str:
    """The steps as HTML; what they give is left out where no scene is known."""
    rows = []
    unknown = "…" if any(step.gives for step in truth.steps) else ""
    for step in truth.steps:
        of = (
            " and ".join(str(i) for i in step.inputs)
            if step.inputs and step.inputs != (step.number - 1,)
            else ""
        )
        rows.append(
            f"<tr><td>{step.number}</td><td>{f'of {of}' if of else ''}</td>"
            f"<td>{widgets.escape(step.does)}</td><td>{widgets.escape(step.gives) or unknown}</td></tr>"
        )
    head = f"<tr><th></th><th></th><th>step</th><th>{'gives' if unknown else ''}</th></tr>"
    return f'<table class="steps">{head}{"".join(rows)}</table>'
