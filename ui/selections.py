"""The atlas's selections, all in the link: the one that is shown, and those kept under names."""

from __future__ import annotations

import streamlit as st

import analysis
from analysis import Extraction, Selection
from film import InputError
from ui import state, widgets

MOST_KEPT = 20


def drawn(study: Extraction) -> Selection | None:
    """The questions that are selected on a projection; None where none are, or none of this study."""
    text = state.view().selection
    try:
        return analysis.selection_from_text(text, len(study), questions_of(study)) if text else None
    except InputError:  # the link's (`ui.link` says so), or of a study that was written anew
        return None


def select(study: Extraction, selection: Selection | None) -> None:
    """These questions from now on; no filter stands beside a lasso."""
    text = "" if selection is None else analysis.selection_to_text(selection, questions_of(study))
    state.change(selection=text, filter_for="")


def kept(study: Extraction) -> dict[str, Selection]:
    """The kept selections by name, oldest first."""
    try:
        return analysis.selections_from_text(state.view().kept, len(study), questions_of(study))
    except InputError:  # as above
        return {}


def questions_of(study: Extraction) -> str:
    """The hash of a study's questions, which a selection in a link is of."""
    return str(study.recipe["questions"])


def _keep(study: Extraction, found: dict[str, Selection]) -> None:
    state.change(kept=analysis.selections_to_text(found, questions_of(study)))


def keep_field(study: Extraction, selection: Selection) -> None:
    """Keeps a selection under the name that is typed, in place of one that had it."""

    def keep(name: str) -> None:
        if not name.strip():
            return
        found = kept(study) | {name.strip(): selection}
        if len(found) > MOST_KEPT:
            state.refuse(f"{MOST_KEPT} selections are kept at most; drop one first.")
        else:
            _keep(study, found)

    st.text_input(
        "Keep this selection as", placeholder="a name, then Enter", max_chars=40, width=180,
        **state.taken("atlas-keep", keep),
    )  # fmt: skip


def compared_with(study: Extraction) -> str:
    """The name of the kept selection that this one is compared with, empty for all the others."""
    names = ["", *kept(study)]
    if len(names) < 2:
        return ""
    name: str = st.selectbox(
        "Compare it with", names, width=180,
        format_func=lambda name: name or "all the others",
        help="This selection and the kept one, without the rest.",
        **state.option("atlas-compare", names, ""),
    )  # fmt: skip
    return name


def kept_list(study: Extraction) -> None:
    """The selections that the visitor has kept under names, and what of all selections a link leaves out."""
    found = kept(study)

    def drop(name: str) -> None:
        _keep(study, {other: one for other, one in found.items() if other != name})

    for number, (name, one) in enumerate(found.items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{widgets.plain(name)}** · {int(one.rows.sum()):,} {study.schema.nouns}, "
                f"{widgets.plain(one.how)}",
                width="content",
            )
            st.button("Show", key=f"atlas-show-{number}", type="tertiary", on_click=select, args=(study, one))
            st.button("Drop", key=f"atlas-drop-{number}", type="tertiary", on_click=drop, args=(name,))
    if message := state.refused():
        widgets.show_error(message)
    if missing := state.left_out(state.view()):
        st.caption(f":material/link_off: The link of this page leaves out {' and '.join(missing)}.")
