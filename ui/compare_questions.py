"""The questions that two networks answer differently: a list, and one of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

import analysis
from analysis import Comparison, Study
from film import InputError, percent
from ui import compare_networks, pages, state, widgets
from ui.cache import comparison as cache, folder, pictures

ROWS = 500  # of the list of differing questions
ANY = "all"


def differing(found: Comparison, shown: pd.DataFrame, one: Study, other: Study, key: str) -> None:
    """The questions answered differently; a chosen one is opened side by side."""
    st.header("Questions answered differently")
    if shown.empty:
        st.success("There is none.")
        return
    who = cache.who_is_right(shown)
    kinds = {ANY: len(shown)} | who.value_counts().to_dict()
    kind = st.segmented_control(
        "Who is right", list(kinds), required=True,
        format_func=lambda name: f"{name} ({kinds[name]:,})",
        **state.option(f"compare-who-{key}", list(kinds), ANY),
    )  # fmt: skip
    rows = shown if kind == ANY else shown[who == kind]
    columns = ["text", "answer", "prediction_one", "probability_one", "prediction_other", "probability_other",
               "type", "picture"]  # fmt: skip
    listed = rows[columns].head(ROWS)
    said = {name: listed[name].map(percent) for name in ("probability_one", "probability_other")}
    st.dataframe(
        listed.assign(**said), hide_index=True, height=240, key=f"compare-rows-{key}-{kind}",
        on_select="rerun", selection_mode="single-row",
        column_config={
            "text": st.column_config.TextColumn("question", width="large"), "answer": "true",
            "prediction_one": "A predicted", "probability_one": "confidence A",
            "prediction_other": "B predicted", "probability_other": "confidence B",
        },
    )  # fmt: skip
    widgets.data(
        rows.drop(columns=["x_one", "y_one", "x_other", "y_other"]), f"compare-differing-{key}",
        "Questions answered differently", **compare_networks.origin(found),
    )  # fmt: skip
    named = zip(rows["text"].head(ROWS), rows["picture"].head(ROWS), strict=True)
    names = [f"{text} ({picture})" for text, picture in named]
    chosen = widgets.chosen_row(f"compare-rows-{key}-{kind}", names, "Type words of the question")
    if chosen is not None:
        _side_by_side(rows.iloc[chosen], one, other, key, found.recipe)


def _side_by_side(row: pd.Series, one: Study, other: Study, key: str, recipe: Mapping[str, Any]) -> None:
    """One question, its picture, of the gallery or the open folder, and what each network makes of it."""
    text = str(row["text"])
    st.markdown(f"**{widgets.plain(text)}** True answer **{widgets.plain(str(row['answer']))}**")
    picture = folder.keys_of([row["picture"]], recipe)[row["picture"]]
    if not pictures.is_here(picture):
        source = widgets.plain(str(recipe["source"]))
        st.caption(
            "Its picture is not here, so it cannot be asked again. "
            + (
                f"Start the app with {folder.PICTURES}=FOLDER to have those of {source}."
                if "first_picture" in recipe
                else f"Compare the networks on {source} again: an earlier version did not keep which folder "
                "of this name it was."
            )
        )
        return
    try:
        shown = pictures.shown(picture, None)
        answers = [study.session.ask(shown.pixels, text) for study in (one, other)]
    except InputError as error:
        widgets.show_error(error)
        return
    left, right = st.columns([2, 3], gap="large")
    of, sample = compare_networks.both(one.weights, other.weights), f"“{text}” about picture {row['picture']}"
    with left:
        st.image(shown.pixels, width="stretch", alt=shown.title)
        said = f"A {answers[0].answer}, B {answers[1].answer}, true {row['answer']}"
        widgets.picture_files(
            [analysis.Panel(shown.pixels, said)], f"compare-picture-{key}", shown.title, sample=sample, of=of
        )
    with right:
        chances = [answer.probabilities for answer in answers]
        names = (f"A, {one.name or one.folder.name}", f"B, {other.name or other.folder.name}")
        widgets.figure(
            analysis.answers_side_by_side(chances[0], chances[1], names=names, dark=widgets.dark()),
            f"compare-answers-{key}", f"A says {answers[0].answer}, B says {answers[1].answer}.",
            pd.DataFrame({"answer": list(chances[0]), "A": list(chances[0].values())}).merge(
                pd.DataFrame({"answer": list(chances[1]), "B": list(chances[1].values())}), how="outer"
            ),
            of=of, sample=sample,
        )  # fmt: skip
        widgets.how_measured("Answer to one question")
        with st.container(horizontal=True):
            for label, network in (
                ("A", compare_networks.name_of(one)),
                ("B", compare_networks.name_of(other)),
            ):
                if st.button(f"Open on the Ask page with {label}", key=f"compare-open-{key}-{label}"):
                    state.change(picture=picture, question=text, network=network)
                    st.switch_page(pages.path("ask"))
