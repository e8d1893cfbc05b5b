"""The question that the one on the page is compared with: typed, or taken from those one word apart."""

from __future__ import annotations

import streamlit as st

import analysis
from analysis import MinimalPair
from film import InputError, Scene, Session
from ui import question_header as header, state, widgets
from ui.cache import bench as shelf, pictures

OFFERED = 4  # questions one word apart


def second_question(case: header.Case) -> str | None:
    """The second question; None, with a line that says so, where it is none."""
    with st.container(gap=None, key="other-question"):
        st.text_input(
            "The other question", max_chars=state.LINK_LONGEST, help="Press Enter.", **state.bound("other")
        )
        if state.view().other.strip():
            header.in_full(state.view().other, "other")
    scene = case.shown.scene
    if scene is not None:
        offered = shelf.kept(
            ("one word away", case.shown.key, case.question),
            lambda: _one_word_away(case.shown.key, case.question, scene),
        )
        apart = [pair for pair in offered if not pair.same_answer][:OFFERED]
        if apart:
            st.caption("Or one that differs in one word, with another true answer:")
        with st.container(gap=None):
            for place, pair in enumerate(apart):
                st.button(
                    f"{widgets.plain(pair.target)} ({pair.target_answer})", key=f"bench-pair-{place}",
                    type="tertiary", on_click=state.change, kwargs={"other": pair.target},
                )  # fmt: skip
    other = state.view().other.strip()
    if not other:
        st.caption("Type a second question about this picture, or take one that differs in one word.")
        return None
    return other if is_known(case.session, other) else None


def is_known(session: Session, question: str) -> bool:
    """Can the network read this question? What is wrong with it is said; nothing where nothing was typed."""
    if not question:
        return False
    try:
        session.vocabulary.words(question)
    except InputError as error:
        widgets.show_error(error)
        return False
    truth = pictures.truth(question, None)
    if truth.parse is None:
        st.caption(f":material/help: {widgets.plain(truth.reason or '')}")
    return True


def _one_word_away(picture: str, question: str, scene: Scene) -> list[MinimalPair]:
    """None where the question is none of CLEVR's, or has no answer here."""
    try:
        return list(analysis.one_word_changes(picture, question, scene))
    except InputError:
        return []
