"""What every feature map reads at every object, before an edit and after it, before FiLM and after it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import STAGES
from film import InputError
from ui import bench_objects, question_header as header, state, widgets
from ui.cache import bench as shelf, networks
from ui.studio_answers import Side

SCENES = ("After the edit", "Before the edit", "Change")


def objects(before: Side, after: Side) -> None:
    """Maps x objects of a block of one's choice, and the chosen map's readings at each object."""
    if not after.scene.objects:
        st.caption("The floor is empty, so there are no objects to read maps at.")
        return
    block, number = header.pick_map(networks.study())
    session = networks.network()
    labels = bench_objects.stage_labels(session, block)
    with st.container(horizontal=True, gap="medium"):
        shown = st.segmented_control(
            "Scene", SCENES, required=True, **state.option("studio-objects-scene", SCENES, SCENES[0])
        )
        stage = bench_objects.choose_stage(labels, "studio-objects-stage")
    try:
        read = {name: _block(side, block) for name, side in (("before", before), ("after", after))}
    except InputError as error:
        widgets.show_error(error)
        return
    alike = len(before.scene.objects) == len(after.scene.objects)
    if shown == SCENES[2] and not alike:
        st.caption("Objects were added or removed, so there is no change of each: this is after the edit.")
    if shown == SCENES[1] and before.scene.objects:
        table, scene = read["before"], before.scene
    else:
        table, scene = read["after"], after.scene
        if shown == SCENES[2] and alike:
            table = table.assign(**{name: table[name] - read["before"][name] for name in STAGES})
    bench_objects.heatmap(table, scene, stage, labels[stage], (block, number), "studio-objects")
    st.markdown(f"**Block {block + 1}, map {number}** at each object")
    own = {name: found[found["map"] == number].rename(columns=labels) for name, found in read.items()}
    whole = pd.concat(
        [
            found.assign(scene=name, object=found["object"] + 1)[
                ["scene", "object", "name", *labels.values()]
            ]
            for name, found in own.items()
        ]
    )
    st.dataframe(whole.round(3), hide_index=True)
    widgets.how_measured("Feature maps at each object")


def _block(side: Side, block: int) -> pd.DataFrame:
    """Readings of one block at the objects of a side.

    Raises:
        InputError: as `analysis.object_readings`.
    """
    session, question = networks.network(), state.view().question
    if not side.scene.objects:
        return pd.DataFrame(columns=["object", "name", "block", "map", *STAGES])
    key = ("objects", session.card.weights, side.shown.key, question, side.shown.preview)
    found: pd.DataFrame = shelf.kept(
        key, lambda: analysis.object_readings(session, side.shown.pixels, question, side.scene)
    )
    return found[found["block"] == block].reset_index(drop=True)
