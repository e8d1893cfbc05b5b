"""What the browser does for every page: a button that copies the link, a visit kept over a reload, a page
that is drawn again when its theme changes, one step of the history for each page gone to, and the place at
which a page was left, for who comes back to it.

The visit is kept in the tab's own storage, which ends with the tab and goes into no link. Nothing is fetched:
`view.js` and `view.css` are all there is of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from ui import state

HERE = Path(__file__).parent
KEY = "tab"

_view = st.components.v2.component(
    "film_tab",
    css=(HERE / "view.css").read_text("utf-8"),
    js=(HERE / "view.js").read_text("utf-8"),
    isolate_styles=False,
)


def tab(visit: str, on_restore: Callable[[str], None]) -> None:
    """Show "Copy link", and keep a visit in the tab.

    Args:
        visit: what has come of it so far; empty where there is nothing to keep.
        on_restore: called once after a reload with what the tab had kept, before the page runs again.
    """

    def kept() -> None:
        text = state.told(KEY, "kept")
        if isinstance(text, str) and state.restores():
            on_restore(text)

    _view(
        key=KEY,
        data={
            "visit": visit, "session": state.session_name(), "restored": state.is_restored(),
            "leaves": " and ".join(state.left_out(state.view())),
        },
        on_kept_change=kept,
        on_theme_change=_drawn_again,
    )  # fmt: skip


def _drawn_again() -> None:
    """That the page runs is all that a change of theme wants."""
