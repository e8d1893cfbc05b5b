"""One file a page; Streamlit runs the chosen one after `app.py`. The menu groups them by subject."""

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import state

HERE = Path(__file__).parent
GROUPS: dict[str, tuple[tuple[str, str], ...]] = {
    "Question": (
        ("ask", "Ask"),
        ("modulation", "Modulation"),
        ("contributions", "Word contributions"),
    ),
    "Intervene": (("bench", "Bench"), ("studio", "Scene studio")),
    "Population": (
        ("atlas", "Atlas"),
        ("maps", "Map cards"),
        ("parameters", "Parameters"),
    ),
    "Evidence": (
        ("evidence", "Evidence"),
        ("generalisation", "Generalisation"),
        ("compare", "Compare"),
    ),
}
# What a study without its network has: no pictures and no words to ask about.
ALONE: dict[str, tuple[tuple[str, str], ...]] = {
    "Study": (
        ("study", "Overview"),
        ("atlas", "Atlas"),
        ("parameters", "Parameters"),
        ("labels", "Labels"),
    ),
}
FORMER = {"ledger": "contributions"}  # addresses that links of earlier versions have


def path(name: str) -> str:
    """What `st.switch_page` and `st.page_link` take for a page, wherever the app was started from."""
    return str(HERE / f"{name}.py")


def address(here: str, name: str) -> str:
    """Where a page is, from the address of another of this app, which may be served below a folder."""
    root, _, last = here.rstrip("/").rpartition("/")
    return f"{root if last in _names(GROUPS) else here.rstrip('/')}/{name}"


def all_pages(alone: bool = False) -> dict[str, list[Any]]:
    """The pages there are, by group and in the order of the menu; the first opens.

    Args:
        alone: of a study without its network.
    """
    first = "study" if alone else "ask"
    return {
        group: [
            st.Page(
                path(name),
                title=title,
                default=name == first,
                url_path="" if name == first else name,
            )
            for name, title in entries
        ]
        for group, entries in (ALONE if alone else GROUPS).items()
    }


def other_addresses(alone: bool = False) -> list[Any]:
    """Addresses that have no page here: each leads on to where its page is now, or to the first one.

    Such are those of former versions, the first page's own name, and the pages of the other kind of study.
    """
    here, others = (_names(ALONE), _names(GROUPS)) if alone else (_names(GROUPS), _names(ALONE))
    leads = {name: here[0] for name in (here[0], *others) if name not in here[1:]}
    leads |= {former: now if now in here else here[0] for former, now in FORMER.items()}
    return [st.Page(partial(_lead, name, now), title=now, url_path=name) for name, now in leads.items()]


def _names(groups: dict[str, tuple[tuple[str, str], ...]]) -> list[str]:
    return [name for entries in groups.values() for name, _ in entries]


def _lead(name: str, now: str) -> None:
    if now not in (name, FORMER.get(name)):
        state.say(f"There is no page “{name}” here: it belongs to another kind of study.")
    st.switch_page(path(now))


def menu(groups: dict[str, list[Any]]) -> DeltaGenerator:
    """Links to all pages, in their groups; they wrap where the window is narrow, and are never hidden.

    Returns the place at their end for what every page has.
    """
    with st.container(key="menu", horizontal=True, gap="small", vertical_alignment="center"):
        for group, entries in groups.items():
            with st.container(key=f"menu-{group}", horizontal=True, gap=None, width="content"):
                st.caption(group, width="content")
                for page in entries:
                    st.page_link(page, width="content")
        return st.container(key="menu-end", width="content")
