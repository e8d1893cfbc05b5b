"""Many questions at once about the scene before an edit and after it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
import film
from analysis import ScenePair
from film import InputError
from ui import state, widgets
from ui.cache import bench as shelf, networks
from ui.studio_answers import Side

EACH = 8  # drawn questions whose true answer changes, and as many whose answer stays
MOST = 60  # questions asked at once
OWN, DRAWN = "Your own", "Drawn as CLEVR draws them"
LONGEST = state.LINK_LONGEST // 2  # characters of own questions
KEY = "studio-questions"


def questions(before: Side, after: Side) -> None:
    """A table of questions with both answers, both true ones, and whether either changes."""
    kinds = (DRAWN, OWN)
    kind = st.segmented_control("Questions", kinds, required=True,
                                **state.option("studio-questions-of", kinds, DRAWN))  # fmt: skip
    if kind == OWN:
        written = st.text_area(
            "One a line", max_chars=LONGEST, **state.option(KEY, None, state.view().question, LONGEST)
        )
        texts = [line.strip() for line in written.splitlines() if line.strip()][:MOST]
    else:
        texts = _drawn(before, after)
    if not texts:
        st.caption("No question yet: write one, or edit the scene.")
        return
    try:
        table = _asked(before, after, tuple(texts))
    except InputError as error:
        widgets.show_error(error)
        return
    _summary(table)
    shown = pd.DataFrame(
        {
            "question": table["question"],
            "answer": _turned(table["answer_before"], table["answer_after"]),
            "true answer": _turned(table["truth_before"].fillna("none"), table["truth_after"].fillna("none")),
            "answer changes": table["answer_changes"].map({True: "yes", False: "no"}),
            "truth changes": table["truth_changes"].map({True: "yes", False: "no"}).fillna("unknown"),
            "consistent": table["consistent"].map({True: "yes", False: "no"}).fillna("unknown"),
        }
    )
    st.dataframe(
        shown, hide_index=True, selection_mode="single-row",
        **state.picked("studio-questions-table", lambda told: _open(table, told)),
    )  # fmt: skip
    st.caption("A row that is chosen is asked on the page.")
    widgets.data(
        table, "studio-questions", "Answers about the scene before and after the edits",
        sample="the edited scene, questions as listed",
    )  # fmt: skip
    widgets.how_measured("Consistency on pairs of scenes")


def _open(table: pd.DataFrame, told: dict[str, list[int]]) -> None:
    """Ask the chosen question on the page."""
    if told["rows"]:
        state.change(question=str(table["question"].iloc[told["rows"][0]]))


def _drawn(before: Side, after: Side) -> list[str]:
    pair = ScenePair(0, before.scene, after.scene, "", 0, "")
    key = ("drawn questions", film.scene_to_text(before.scene), film.scene_to_text(after.scene))
    found: list[str] = shelf.kept(
        key, lambda: [question.text for question, _, _ in analysis.shared_questions(pair, 0, EACH)]
    )
    st.caption(
        f"At most {EACH} whose true answer changes and {EACH} whose answer stays, of those drawn about both "
        "scenes with seed 0."
    )
    return found


def _asked(before: Side, after: Side, texts: tuple[str, ...]) -> pd.DataFrame:
    session = networks.network()
    key = ("asked of both", session.card.weights, before.shown.key, after.shown.key, texts,
           before.shown.preview)  # fmt: skip
    found: pd.DataFrame = shelf.kept(
        key,
        lambda: analysis.ask_both(
            session, (before.shown.pixels, after.shown.pixels), (before.scene, after.scene), texts
        ),
    )
    return found


def _summary(table: pd.DataFrame) -> None:
    known = table[table["consistent"].notna()]
    if known.empty:
        st.markdown("None of the questions has a true answer in both scenes.")
        return
    consistent = int(known["consistent"].astype(bool).sum())
    changes = known["truth_changes"].astype(bool)
    followed = int((changes & known["answer_changes"]).sum())
    st.markdown(
        f"The truth changes for {int(changes.sum())} of {len(known)} questions; the answer follows in "
        f"{followed} of them. Consistent about {consistent} of {len(known)}."
    )


def _turned(one: pd.Series, other: pd.Series) -> list[str]:
    return [was if was == now else f"{was} → {now}" for was, now in zip(one, other, strict=True)]
