"""One file a page; Streamlit runs the chosen one after `app.py`."""

from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
_PAGES = (
    ("ask", "Ask", ":material/question_answer:"),
    ("modulation", "Modulation", ":material/tune:"),
    ("bench", "Bench", ":material/build:"),
    ("ledger", "Word ledger", ":material/receipt_long:"),
    ("atlas", "Atlas", ":material/map:"),
    ("maps", "Map cards", ":material/style:"),
    ("parameters", "Parameters", ":material/bar_chart:"),
    ("evidence", "Evidence", ":material/fact_check:"),
)


def path(name: str) -> str:
    """What `st.switch_page` and `st.page_link` take for a page, wherever the app was started from."""
    return str(HERE / f"{name}.py")


def all_pages() -> list[Any]:
    """The pages there are, in the order of the menu; the first opens."""
    there = [page for page in _PAGES if (HERE / f"{page[0]}.py").is_file()]
    return [
        st.Page(
            path(name),
            title=title,
            icon=icon,
            default=name == "ask",
            url_path=None if name == "ask" else name,
        )
        for name, title, icon in there
    ]
