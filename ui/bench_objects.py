"""What the bench reads of the feature maps at each object of the picture, before FiLM and after it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import STAGES, Population
from film import InputError, Intervention, Scene, Session
from ui import bench_as_python, question_header as header, state, widgets
from ui.cache import bench as shelf, networks
from ui.measuring import measured

PREDICTED, EDITED, CHANGE = "As predicted", "With the edits", "Change by the edits"
WAYS = (PREDICTED, EDITED, CHANGE)


def stage_labels(session: Session, block: int) -> dict[str, str]:
    """What the stages of a block are called, by their names in `STAGES`."""
    return dict(zip(STAGES, analysis.stage_names(session.config, block).labels, strict=True))


def choose_stage(labels: dict[str, str], key: str) -> str:
    stage = st.segmented_control("Read", STAGES, required=True, format_func=labels.__getitem__,
                                 **state.option(key, STAGES, STAGES[0]))  # fmt: skip
    return stage or STAGES[0]


def heatmap(
    here: pd.DataFrame, scene: Scene, stage: str, label: str, chosen: tuple[int, int], name: str
) -> None:
    """Every map of one block at every object as a figure; a click opens a map.

    Args:
        here: `object_readings` of that block.
        label: what the stage is called.
        chosen: (block, map) from 0.
    """
    block, number = chosen
    names = [str(thing) for thing in scene.objects]
    widgets.figure(
        analysis.object_heatmap(
            here[stage].to_numpy().reshape(len(names), -1), names, block, label, chosen=number,
            dark=widgets.dark(),
        ),
        name, f"Block {block + 1}, {label}: every map at every object.",
        here.assign(block=block + 1), header.open_map,
    )  # fmt: skip


def at_each_object(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    scene = case.shown.scene
    if scene is None or not scene.objects:
        known = (
            "It is not known what is in this picture" if scene is None else "There is nothing in this scene"
        )
        st.caption(f"{known}, so there are no objects to read maps at. The gallery's scenes are all known.")
        return
    block, number = chosen
    widgets.notice(
        f"Every map of block {block + 1} at every object, under the question on the page; the chosen map is "
        "framed. **Which maps tell the objects apart, and which of them does FiLM keep?**"
    )
    plain: pd.DataFrame | None = measured(
        _key(case), "Read every map",
        lambda told: analysis.object_readings(case.session, case.shown.pixels, case.question, scene),
    )  # fmt: skip
    if plain is None:
        return
    labels = stage_labels(case.session, block)
    text, way = state.view().edits, PREDICTED
    with st.container(horizontal=True, gap="medium"):
        stage = choose_stage(labels, "bench-stage")
        if edits := _edits(text):
            way = st.segmented_control(
                "Gamma and beta", WAYS, required=True, **state.option("bench-objects-of", WAYS, EDITED)
            ) or EDITED  # fmt: skip
    read = {PREDICTED: plain}
    if edits:
        try:
            read[EDITED] = shelf.kept(
                (*_key(case), text),
                lambda: analysis.object_readings(
                    case.session, case.shown.pixels, case.question, scene, edits
                ),
            )
        except InputError as error:
            widgets.show_error(error)
            return
    here = {name: table[table["block"] == block] for name, table in read.items()}
    shown = here.get(way, here[PREDICTED])
    if way == CHANGE:
        shown = shown.assign(**{name: here[EDITED][name] - shown[name] for name in STAGES})
    heatmap(shown, scene, stage, labels[stage], chosen, "bench-objects")
    predicted = f"gamma {case.answer.gamma[block, number]:+.2f}, beta {case.answer.beta[block, number]:+.2f}"
    st.markdown(f"**Block {block + 1}, map {number}**, {predicted} as predicted")
    own = pd.concat([table.assign(gammas=name) for name, table in here.items()])
    own = own[own["map"] == number].rename(columns=labels | {"gammas": "gamma and beta"})
    told = ["object", "name", *(["gamma and beta"] if edits else []), *labels.values()]
    st.dataframe(own[told].round(3), hide_index=True)
    hidden = int(here[PREDICTED].loc[here[PREDICTED]["map"] == number, STAGES[0]].isna().sum())
    unseen = f" {hidden} of the objects do not show and have no reading." if hidden else ""
    st.caption(
        "A reading is the mean of the map over the squares of its grid that the object lies in, weighted by "
        "how much of each it fills. A square looks at more of the picture than it covers, so what stands "
        f"near is read with it. One question about one picture.{unseen}"
    )
    widgets.copy_as_python("bench-objects", lambda: bench_as_python.objects(networks.study(), case, edits))
    widgets.how_measured("Feature maps at each object")


def _key(case: header.Case) -> tuple[str | bool, ...]:
    return "objects", *case.measured_on


def _edits(text: str) -> list[Intervention]:
    """The bench's edits that are switched on; the page says elsewhere what is wrong with them."""
    try:
        return analysis.applied_edits(analysis.read_edits(text))
    except InputError:
        return []


def follow_edits(case: header.Case) -> bool:
    """Are readings on the page that are to follow when the edits change?"""
    return shelf.known(_key(case))
