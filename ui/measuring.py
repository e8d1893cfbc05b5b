"""Work that is done on request: a button, then progress and a way to stop, then what it gave, kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from film import InputError
from ui import state, widgets
from ui.cache import bench as shelf, folder
from ui.cache.evidence import KEPT, OWN


def choose_sample(name: str, usual: str) -> str | None:
    """Whose pictures something is measured on: KEPT, or OWN where a folder is open; None if it is broken.

    Args:
        name: of the option in the link.
        usual: what KEPT is called.
    """
    if not folder.is_set():
        return KEPT
    names = {KEPT: usual, OWN: "your folder"}
    of: str = st.radio(
        "Measured on", list(names), horizontal=True, format_func=names.__getitem__,
        **state.option(name, list(names), KEPT),
    )  # fmt: skip
    if of == OWN and (trouble := folder.trouble()) is not None:
        widgets.show_error(trouble)
        return None
    return of


def measured(
    key: tuple[Any, ...], label: str, make: Callable[[Callable[..., None]], Any], room: str = "bench"
) -> Any | None:
    """What `make` gives: at once where it is known, on request where not, with progress and a way to stop.

    Args:
        key: all that it depends on; its first entry names the work on the page.
        make: called with a function that is told how many parts are done, and of how many.
    """
    if not shelf.known(key):
        place = st.empty()
        if not place.button(label, icon=":material/play_arrow:", key=f"{room}-run-{key[0]}"):
            return None
        with place.container():
            bar = st.progress(0.0, "Measuring …")
            st.button("Stop", icon=":material/stop:", key=f"{room}-stop-{key[0]}")

        def told(done: int, of: int) -> None:
            bar.progress(min(1.0, done / max(1, of)), f"Measuring: {done} of {of} …")

        try:
            found = shelf.kept(key, lambda: make(told))
        except InputError as error:
            place.empty()
            widgets.show_error(error)
            return None
        place.empty()
        return found
    return shelf.kept(key, lambda: make(lambda *_: None))
