"""The atlas's selections under names of the visitor's own: kept, listed, and chosen to compare with."""

from __future__ import annotations

import streamlit as st

from analysis import Extraction
from ui import state, widgets


def keep_field(selection: state.Selection) -> None:
    """Keeps a selection under the name that is typed."""

    def keep(name: str) -> None:
        if name.strip():
            state.keep_selection(name.strip(), selection)

    st.text_input(
        "Keep this selection as", placeholder="a name, then Enter", max_chars=40, width=180,
        **state.taken("atlas-keep", keep),
    )  # fmt: skip


def compared_with(study: Extraction) -> str:
    """The name of the kept selection that this one is compared with, empty for all the others."""
    kept = list(of_study(study))
    name: str = st.selectbox(
        "Compare it with", ["", *kept], key=f"atlas-compare-{len(kept)}", width=180,
        format_func=lambda name: name or "all the others", disabled=not kept,
        help="Keep a selection first; then another can be compared with it, without the rest.",
    )  # fmt: skip
    return name


def of_study(study: Extraction) -> dict[str, state.Selection]:
    """The kept selections that are of this study, by name."""
    return {name: one for name, one in state.kept_selections().items() if len(one.rows) == len(study)}


def kept_list(study: Extraction) -> None:
    """The selections that the visitor has kept under names."""
    for name, one in of_study(study).items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{widgets.plain(name)}** · {int(one.rows.sum()):,} {study.schema.nouns}, "
                f"{widgets.plain(one.how)}",
                width="content",
            )
            st.button("Show", key=f"atlas-show-{name}", type="tertiary", on_click=state.select, args=(one,))
            st.button(
                "Drop", key=f"atlas-drop-{name}", type="tertiary", on_click=state.drop_selection, args=(name,)
            )
