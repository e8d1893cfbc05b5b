"""Series of the studio: one object through all values or along a way, the question asked at every step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

import analysis
import film
from analysis import AskedSeries
from film import ATTRIBUTES, InputError, Scene, SceneSeries
from ui import state, studio, widgets
from ui.cache import networks, scenes
from ui.measuring import measured
from ui.studio_answers import Side

WIDTH = 134  # pixels of a step's picture


def _opposite(scene: Scene, index: int) -> SceneSeries:
    return film.line_series(scene, index, (-scene.objects[index].x, -scene.objects[index].y))


def _nearest(scene: Scene, index: int) -> SceneSeries:
    here = scene.objects[index]
    others = [number for number in range(len(scene.objects)) if number != index]
    if not others:
        raise InputError("There is no other object to move this one to; add one.")

    def distance(other: int) -> float:
        return math.hypot(scene.objects[other].x - here.x, scene.objects[other].y - here.y)

    return film.towards_series(scene, index, min(others, key=distance))


def _through(attribute: str) -> Callable[[Scene, int], SceneSeries]:
    return lambda scene, index: film.attribute_series(scene, index, attribute)


WAYS: dict[str, tuple[str, Callable[[Scene, int], SceneSeries]]] = {
    **{name: (f"through every {name}", _through(name)) for name in ATTRIBUTES},
    "circle": ("once around the middle", film.circle_series),
    "line": ("straight to the opposite place", _opposite),
    "towards": ("towards the nearest object", _nearest),
    "distractors": ("objects added one by one", lambda scene, _: film.distractor_series(scene)),
}


def series(before: Side, after: Side) -> None:
    """A choice of what changes; then answers, truth and pictures step by step."""
    view, session = state.view(), networks.network()
    number = min(view.thing, len(after.scene.objects) - 1)
    if number < 0:
        st.caption("The floor is empty: add an object first.")
        return
    way = st.selectbox(
        f"The {after.scene.objects[number]}", list(WAYS), format_func=lambda way: WAYS[way][0],
        **state.shows("studio-way", view.series if view.series in WAYS else "color", _choose),
    )  # fmt: skip
    place = (view.block, view.feature_map)
    text = film.scene_to_text(after.scene)

    def make(told: Callable[..., None]) -> tuple[AskedSeries, list[np.ndarray]]:
        steps, drawn = WAYS[way][1](after.scene, number), []
        for done, step in enumerate(steps.scenes, start=1):
            drawn.append(scenes.preview(film.scene_to_text(step)))
            told(done, len(steps))
        return analysis.ask_series(session, steps, drawn, view.question, place), drawn

    key = ("series", session.card.weights, text, number, way, view.question, place)
    found = measured(key, "Draw and ask", make, "studio")
    if found is not None:
        asked, drawn = found
        _shown(asked, drawn, place)


def _choose(way: str) -> None:
    state.change(series=way)


def _shown(asked: AskedSeries, drawn: list[np.ndarray], place: tuple[int, int]) -> None:
    table, flips = asked.table, asked.flips()
    st.markdown(_summary(flips))
    what = widgets.plain(asked.series.what)
    st.caption(f"{what}, from preview pictures; circles mark the true answer's probability.")
    widgets.figure(
        analysis.series_lines(table, dark=widgets.dark()), "studio-series",
        f"Probabilities of the answers: {asked.series.what}.", table,
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for (_, row), picture, scene in zip(table.iterrows(), drawn, asked.series.scenes, strict=True):
            with st.container(width=WIDTH):
                _step(row, picture, scene)
    block, number = place
    if not flips.empty:
        st.dataframe(flips, hide_index=True)
    st.caption(
        f"Block {block + 1}, map {number}, mean after the ReLU: "
        + ", ".join(f"{value:.3f}" for value in table["activation"])
    )


def _step(row: pd.Series, picture: np.ndarray, scene: Scene) -> None:
    said = f"{row['label']}: {row['answer']}, true {row['truth'] or 'unknown'}"
    st.image(picture, width="stretch", alt=said)
    rules = "" if row["keeps_rules"] else " · breaks CLEVR's rules"
    st.caption(f"{widgets.plain(said)}{rules}")
    st.button("Take", key=f"studio-step-{row['step']}", help=f"Go on with step {row['step'] + 1}.",
              on_click=studio.accept, args=(scene,))  # fmt: skip


def _summary(flips: pd.DataFrame) -> str:
    if flips.empty:
        return "Neither the answer nor the truth changes along the way."
    answer = int((flips["answer"] != "stays").sum())
    truth = int((~flips["truth"].isin(["stays", "unknown"])).sum())
    together = int((flips["together"] & (flips["answer"] != "stays")).sum())
    return (
        f"The answer changes at {answer} of the steps, the truth at {truth}; at {together} of them "
        "both change."
    )
