"""What lies below the window of a first visit: it comes in a second run, once what is in it has been drawn.

A page that is long takes browser and server twice as long as what is seen of it. So at its first run in a
session a page ends where its first window does; `view.js` says when that is drawn, or that somebody
scrolls, and the page runs again, whole. From then on it is whole at every run.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from ui import state

HERE = Path(__file__).parent

_view = st.components.v2.component(
    "film_below",
    css=(HERE / "view.css").read_text("utf-8"),
    js=(HERE / "view.js").read_text("utf-8"),
    isolate_styles=False,
)


def is_first(page: str) -> bool:
    """Is this the run of a page, by its name in the address, that ends where its window does?"""
    return bool(state.page_address()) and not state.is_whole(page)  # no browser, none to say what is drawn


def waits(page: str) -> bool:
    """Is what lies below the window still to come? A page of which this is so ends here."""
    if not is_first(page):
        return False
    _view(key=f"below-{page}", on_drawn_change=partial(state.make_whole, page))
    return True
