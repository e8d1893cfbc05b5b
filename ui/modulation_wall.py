"""All feature maps of a block under the question on the page, in an order of choice, each to be chosen."""

from __future__ import annotations

import numpy as np
import streamlit as st

import analysis
from analysis import Panel
from film import Answer, InputError, Session
from ui import question_header as header, state, widgets
from ui.cache import evidence, networks
from ui.map_wall import map_wall


@st.fragment  # sorting leaves the rest of the page alone
def wall(session: Session, answer: Answer, block: int, feature_map: int, dark: bool) -> None:
    """The block's maps; another one that is chosen here is the whole page's."""
    view = state.view()
    if (view.block, view.feature_map) != (block, feature_map):
        st.rerun()
    config = session.config
    st.header(f"All maps of block {block + 1}")
    stages = analysis.stages_of(answer.activations, config, block)
    labels = analysis.stage_names(config, block).labels
    orders = analysis.ORDERS | analysis.RANKED_BY
    left, right = st.columns([3, 2])
    with left:
        stage = st.segmented_control(
            "Show", range(3), format_func=labels.__getitem__, required=True,
            **state.option("wall-stage", range(3), 1),
        )  # fmt: skip
    with right:
        by = st.selectbox(
            "Sort by", list(orders), format_func=lambda o: f"{o}: {orders[o]}",
            **state.option("wall-order", list(orders), list(orders)[1]),
        )  # fmt: skip
    seen = "**Before FiLM block 1 is the same for every question**: switch between the stages to see what " \
        "the question changed." if block == 0 else \
        "**Switch between the stages**: what was blue after FiLM is gone after the ReLU."  # fmt: skip
    widgets.notice(
        "Each picture is one map as the network has it, orange above zero, blue below; its number and what "
        f"it is selective for in pictures stand below. Click one, or walk by arrow keys. {seen}"
    )
    if by in analysis.RANKED_BY:
        numbers = _ranked(by, block, config.maps)
    else:
        numbers = analysis.order(by, stages, answer.gamma[block], answer.beta[block])
    scale = max(analysis.strongest(stages[0]), analysis.strongest(stages[1]))
    shown = stages[stage or 0]
    visual, told = _labels(answer, block)
    title = f"All maps of block {block + 1} {labels[stage or 0]}, sorted by {by}"
    map_wall(
        "map-wall", shown, numbers, scale=scale, chosen=feature_map, labels=visual, told=told,
        label=f"{title}.", on_choose=lambda number: state.change(feature_map=number), dark=dark,
    )  # fmt: skip
    st.caption("The colours are the same for all three stages.")
    made = analysis.map_grid(shown, numbers, scale=scale, chosen=feature_map, dark=dark)
    values = analysis.grid_table({f"map {number}": values for number, values in enumerate(shown)})
    widgets.picture_files([Panel(made.picture)], "map-wall", title, values)
    widgets.how_measured("Order of feature maps")


def _labels(answer: Answer, block: int) -> tuple[list[str], list[str]]:
    """Of every map of the block: its visual label, and all that is said of it."""
    maps = answer.gamma.shape[1]
    told = [
        f"Map {number}: gamma {gamma:+.2f}, beta {beta:+.2f}"
        for number, (gamma, beta) in enumerate(zip(answer.gamma[block], answer.beta[block], strict=True))
    ]
    try:
        found = evidence.cards(networks.study())
    except InputError:
        found = None  # the page of map cards says what is wrong
    if found is None:
        return [""] * maps, told
    own = found.cards[found.cards["block"] == block].sort_values("map")
    visual = [label if label != "unlabelled" else "–" for label in own["pictures"]]
    said = [
        f"{one}; selective in pictures: {pictures}; gamma in language: {language}"
        for one, pictures, language in zip(told, own["pictures"], own["language"], strict=True)
    ]
    return visual, said


def _ranked(by: str, block: int, maps: int) -> np.ndarray:
    """The block's maps by what was measured over many questions, with the figures and their null below."""
    try:
        found = header.waiting(lambda: evidence.ranking(networks.study()), "Ranking the maps")
    except InputError as error:
        widgets.show_error(error)
        found = None
    if found is None:
        return np.arange(maps)
    if by not in found.columns():
        st.caption("This order needs the map cards, which were not measured for this network.")
        return np.arange(maps)
    values = found.values(by, block)
    null = f" By chance the greatest of all maps is below {found.null[by]:.3f} in 95 of 100 permutations." \
        if by in found.null else ""  # fmt: skip
    numbers = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    best = ", ".join(f"map {number}: {values[number]:.3f}" for number in numbers[:5])
    sample = f"{found.questions:,} questions, seed {found.seed}"
    st.caption(f"{by}: {best} …{null} {sample}.")
    widgets.data(found.table, "map-ranking", "Every map by all that maps are ranked by", sample=sample)
    return np.asarray(numbers)
