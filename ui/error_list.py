"""A list of wrong answers, the most confident first, of which one can be opened on the Ask page."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from film import percent
from ui import pages, state, widgets
from ui.cache import pictures


def error_list(shown: pd.DataFrame, about: str, key: str, *, opens: bool = True) -> None:
    """The list as a table; by a click or by keyboard a row goes to the Ask page.

    Args:
        shown: rows of `analysis.wrong_answers`. about: the column that says what kind of question each is.
        key: of the table; the field for the keyboard is `key`-typed. opens: are its pictures here?
    """
    choice: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-row"} if opens else {}
    st.dataframe(
        shown[["text", "answer", "prediction", "probability", about, "picture"]].assign(
            probability=shown["probability"].map(percent),
            picture=shown["picture"].map(pictures.name),
        ),
        hide_index=True,
        height=280,
        key=key,
        **choice,
        column_config={
            "text": st.column_config.TextColumn("question", width="large"),
            "answer": "true",
            "prediction": "predicted",
            "probability": "confidence",
        },
    )
    if not opens:
        return
    named = zip(shown["text"], shown["picture"].map(pictures.name), strict=True)
    names = [f"{text} ({picture})" for text, picture in named]
    chosen = widgets.chosen_row(key, names, "Type words of the question")
    if chosen is not None:
        row = shown.iloc[chosen]
        state.change(picture=str(row["picture"]), question=str(row["text"]))
        st.switch_page(pages.path("ask"))
