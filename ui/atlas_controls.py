"""The atlas's choices: which projection, its colours, what is written on it, which questions are selected."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analysis import Extraction, Layout, Selection
from ui import atlas_projections, selections, state, widgets
from ui.cache import atlas as atlas_cache, networks

WRITTEN = {"": "colour names", "words": "words of dense regions", "nothing": "nothing"}
TITLES = {
    "word": "a word",
    "gamma": "a gamma",
    "beta": "a beta",
    "depth": "program depth",
    "outcome": "outcome (right, wrong)",
}


def controls(study: Extraction, layouts: dict[str, Layout]) -> str:
    """Which projection, which beside it, and its colours; the projection's name."""
    view, names = state.view(), list(layouts)
    if view.layout not in names:
        state.change(layout=names[0])
    if view.beside not in ("", *names) or view.beside == state.view().layout:
        state.change(beside="")
    colors = atlas_cache.colors(networks.study())
    if view.color not in colors:
        state.change(color=colors[0])
    view = state.view()
    if view.written not in WRITTEN:
        state.change(written="")
    with st.container(key="atlas-controls"):
        more = [3] if view.color in ("word", "gamma", "beta") else []  # a word, or layer and map
        first, second, third, fourth, *fifth = st.columns([3, 3, 2, 3, *more], vertical_alignment="bottom")
    first.selectbox("Projection", names, **state.bound("layout"))
    second.selectbox(
        "Compare with", ["", *(other for other in names if other != view.layout)],
        format_func=lambda name: name or "nothing",
        help="The same selection in a second projection, such as that of block 1 beside that of block 4.",
        **state.bound("beside"),
    )  # fmt: skip
    third.selectbox("Colour by", colors, format_func=title, **state.bound("color"))
    fourth.selectbox(
        "Written on it", list(WRITTEN), format_func=WRITTEN.__getitem__, **state.bound("written")
    )
    for place in fifth:
        with place:
            _colored_by(study)
    return state.view().layout


def _colored_by(study: Extraction) -> None:
    """Which word, or which map's gamma or beta, points are coloured by."""
    view = state.view()
    if view.color == "word":
        st.text_input("Which word", placeholder="left", **state.bound("word"))
        return
    layers = study.schema.layers
    block = min(view.block, len(layers) - 1)
    maps = layers.maps[block]
    if block != view.block or view.feature_map >= maps:  # a link of a larger network's
        state.change(block=block, feature_map=min(view.feature_map, maps - 1))
    left, right = st.columns(2)
    left.selectbox("Layer", range(len(layers)), format_func=layers.names.__getitem__, **state.bound("block"))
    right.number_input(f"Map (0 to {maps - 1})", 0, maps - 1, **state.bound("feature_map"))


def title(name: str) -> str:
    return TITLES.get(name, name)


def selection(study: Extraction) -> Selection | None:
    """What is selected: by a search or a filter (the keyboard's way), or on a projection."""
    schema, known = study.schema, atlas_cache.filters(networks.study())
    nouns = schema.nouns.capitalize()
    if state.view().filter_by not in known:
        state.change(filter_by=known[0], filter_for="")
    by, wanted = state.view().filter_by, state.view().filter_for.strip()
    with st.container(key="atlas-filters"):
        first, second, third, last = st.columns([4, 2, 3, 2], vertical_alignment="bottom")
    first.text_input(
        f"Search the {schema.nouns}",
        placeholder="part of a text" if networks.study().alone else "left of the red",
        icon=":material/search:",
        help="Those with this anywhere in their text are selected and stand out.",
        **state.shows("atlas-search", wanted if by == "text" else "", _filter("text")),
    )  # fmt: skip
    others = [name for name in known if name != "text"]
    shown = by if by in others else (others or [""])[0]
    if others:
        second.selectbox(
            "Or select by", others, format_func=title,
            **state.shows("view-filter_by", shown, lambda name: state.change(filter_by=name, filter_for="")),
        )  # fmt: skip
    with third:
        if shown == "word":
            st.text_input(
                f"{nouns} with this word", placeholder="matte",
                **state.shows("view-filter-word", wanted if by == "word" else "", _filter("word")),
            )  # fmt: skip
        elif shown:
            _values(shown, wanted if by == shown else "", nouns)
    with last:
        atlas_projections.more(networks.study())
    if wanted := state.view().filter_for.strip():
        rows = atlas_cache.matching(networks.study(), by, wanted)
        if rows.any():
            return Selection(rows, f"{by} {wanted}")
        st.caption(f"No {schema.noun} of the study has the {by} “{widgets.plain(wanted)}”.")
        return None
    return selections.drawn(study)


def _filter(by: str) -> Callable[[str], None]:
    return lambda value: state.change(filter_by=by, filter_for=value)


def _values(by: str, wanted: str, nouns: str) -> None:
    """The values that questions can be selected by."""
    values = atlas_cache.values(networks.study(), by)
    if wanted not in ("", *values):
        state.change(filter_for="")
        wanted = ""
    st.selectbox(
        f"{nouns} whose {by} is", ["", *values], format_func=lambda v: v or "—",
        **state.shows(f"view-filter-{by}", wanted, _filter(by)),
    )  # fmt: skip


def contours() -> bool:
    """Are contours of the density drawn?"""
    return state.options().get("contours", True) is not False


def contours_toggle() -> None:
    """Contours of the density, or none."""
    st.toggle("Contours", help="Of the density of points.", **state.option("contours", (False, True), True))
