"""Series of the studio: one object through all values or along a way, the question asked at every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

import analysis
import film
from analysis import AskedSeries
from film import SERIES, InputError, Scene
from ui import state, studio, widgets
from ui.cache import networks, scenes
from ui.measuring import measured
from ui.studio_answers import Side

WIDTH = 134  # pixels of a step's picture
MOST_FOLLOWED = 6  # feature maps


def series(before: Side, after: Side) -> None:
    """A choice of what changes; then answers, truth and pictures step by step."""
    view, session = state.view(), networks.network()
    number = min(view.thing, len(after.scene.objects) - 1)
    if number < 0:
        st.caption("The floor is empty: add an object first.")
        return
    way = st.selectbox(
        f"The {after.scene.objects[number]}", list(SERIES), format_func=lambda way: SERIES[way][0],
        **state.shows("studio-way", view.series if view.series in SERIES else "color", _choose),
    )  # fmt: skip
    try:
        read = _maps(f"{view.block + 1}:{view.feature_map}")
    except InputError as error:
        widgets.show_error(error)
        read = ((view.block, view.feature_map),)
    text = film.scene_to_text(after.scene)

    def make(told: Callable[..., None]) -> tuple[AskedSeries, list[np.ndarray]]:
        steps, drawn = film.some_series(after.scene, number, way), []
        for done, step in enumerate(steps.scenes, start=1):
            drawn.append(scenes.preview(film.scene_to_text(step)))
            told(done, len(steps))
        return analysis.ask_series(session, steps, drawn, view.question, read), drawn

    key = ("series", session.card.weights, text, number, way, view.question, read)
    found = measured(key, "Draw and ask", make, "studio")
    if found is not None:
        asked, drawn = found
        _shown(asked, drawn, read)


def _choose(way: str) -> None:
    state.change(series=way)


def _maps(plain: str) -> tuple[tuple[int, int], ...]:
    """The feature maps to follow, (block, map) from 0, as the visitor names them.

    Raises:
        InputError: a part of the text names no map of this network.
    """
    config = networks.network().config
    text = st.text_input(
        "Feature maps to follow", help="block:map, blocks from 1 and maps from 0, such as 1:5 3:7",
        max_chars=80, **state.option("studio-follow", None, plain, 80),
    )  # fmt: skip
    found = []
    for part in text.replace(",", " ").split()[:MOST_FOLLOWED]:
        block, _, number = part.partition(":")
        plain_numbers = all(one.isascii() and one.isdecimal() and len(one) < 6 for one in (block, number))
        if not plain_numbers or not (1 <= int(block) <= config.blocks and int(number) < config.maps):
            raise InputError(
                f"“{part}” is no feature map of this network; write block:map with blocks 1 to "
                f"{config.blocks} and maps 0 to {config.maps - 1}, such as 1:5."
            )
        found.append((int(block) - 1, int(number)))
    return tuple(dict.fromkeys(found))


def _shown(asked: AskedSeries, drawn: list[np.ndarray], read: tuple[tuple[int, int], ...]) -> None:
    table, flips = asked.table, asked.flips()
    st.markdown(_summary(flips))
    what = widgets.plain(asked.series.what)
    st.caption(f"{what}, from preview pictures; circles mark the true answer's probability.")
    widgets.figure(
        analysis.series_lines(table, dark=widgets.dark()), "studio-series",
        f"Probabilities of the answers: {asked.series.what}.", table, sample=_sample(asked),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for (_, row), picture, scene in zip(table.iterrows(), drawn, asked.series.scenes, strict=True):
            with st.container(width=WIDTH):
                _step(row, picture, scene)
    panels = [
        analysis.Panel(picture, _said(row)) for (_, row), picture in zip(table.iterrows(), drawn, strict=True)
    ]
    widgets.picture_files(
        panels, "studio-strip", f"Step by step: {asked.series.what}", table, sample=_sample(asked)
    )
    if not flips.empty:
        st.dataframe(flips, hide_index=True)
    names = [f"block {block + 1}, map {number}" for block, number in read]
    if names:
        widgets.figure(
            analysis.activation_lines(table, names, dark=widgets.dark()), "studio-activations",
            f"Mean of {'; '.join(names)} after the ReLU: {asked.series.what}.",
            table[["step", "label", *names]], sample=_sample(asked),
        )  # fmt: skip
    widgets.how_measured("Series of scenes")


def _sample(asked: AskedSeries) -> str:
    return f"“{state.view().question}” about {len(asked.table)} drawn scenes: {asked.series.what}"


def _said(row: pd.Series) -> str:
    return f"{row['label']}: {row['answer']}, true {row['truth'] or 'unknown'}"


def _step(row: pd.Series, picture: np.ndarray, scene: Scene) -> None:
    said = _said(row)
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
