"""What the bench reads of the feature maps at each object of the picture, before FiLM and after it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import STAGES, Population
from film import Scene, Session
from ui import question_header as header, state, widgets
from ui.measuring import measured


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
    found: pd.DataFrame | None = measured(
        ("objects", case.session.card.weights, case.shown.key, case.question),
        "Read every map",
        lambda told: analysis.object_readings(case.session, case.shown.pixels, case.question, scene),
    )
    if found is None:
        return
    labels = stage_labels(case.session, block)
    stage = choose_stage(labels, "bench-stage")
    here = found[found["block"] == block]
    heatmap(here, scene, stage, labels[stage], chosen, "bench-objects")
    own = here[here["map"] == number].rename(columns=labels)
    st.markdown(f"**Block {block + 1}, map {number}**, gamma {case.answer.gamma[block, number]:+.2f}, "
                f"beta {case.answer.beta[block, number]:+.2f}")  # fmt: skip
    st.dataframe(own[["object", "name", *labels.values()]].round(3), hide_index=True)
    hidden = int(own[labels[STAGES[0]]].isna().sum())
    unseen = f" {hidden} of the objects do not show and have no reading." if hidden else ""
    st.caption(
        "A reading is the mean of the map over the squares of its grid that the object lies in, weighted by "
        "how much of each it fills. A square looks at more of the picture than it covers, so what stands "
        f"near is read with it. One question about one picture.{unseen}"
    )
    widgets.how_measured("Feature maps at each object")
