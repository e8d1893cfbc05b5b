"""Thousands of questions as the network sees them: a map to select on, and why a selection is together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Extraction, Layout, Selection
from film import InputError, command
from ui import (
    as_python,
    atlas_controls,
    atlas_errors,
    atlas_projections,
    atlas_selection,
    scatter,
    selections,
    state,
    widgets,
)
from ui.atlas_view import AtlasView, wait
from ui.cache import atlas as atlas_cache, networks

Labels = tuple[tuple[float, float, str], ...]  # (x, y, text) in a layout's units


def main() -> None:
    st.title("Atlas")
    known = atlas_cache.studied(networks.study())
    if known is None and networks.study().alone:
        st.info("This study came without projections; compute one.", icon=":material/map:")
        atlas_projections.more(networks.study())
        atlas_projections.progress(networks.study())
        return
    if known is None:
        st.info(
            "**There is no study of this network yet.** The atlas shows what the network makes of thousands "
            "of questions; they are read once, some minutes on one core:\n\n"
            f"    {command('analysis', 'study', networks.network().checkpoint)}",
            icon=":material/map:",
        )
        return
    page(*known)


@st.fragment
def page(study: Extraction, layouts: dict[str, Layout]) -> None:
    widgets.notice(
        f"Each point is one of {len(study):,} {study.schema.nouns}; what lies together is modulated alike. "
        f"Draw around points, or filter, and see what the {study.schema.nouns} share."
    )
    atlas_projections.progress(networks.study())
    name = atlas_controls.controls(study, layouts)
    shown = AtlasView(study, layouts, name, atlas_controls.selection(study))
    beside = state.view().beside
    with st.container(key="atlas-split"):
        left, right = st.columns([1, 1] if beside else [3, 2], gap="medium")
    with left:
        _map(shown, name, "atlas", 460 if beside else 600)
    with right:
        if beside:
            _map(shown, beside, "beside", 460)
        else:
            why = st.container()
    atlas_selection.chosen(shown)
    if beside:
        why, right = st.columns(2, gap="medium")
        with right:
            atlas_selection.questions(shown)
    else:
        atlas_selection.questions(shown)
    with why:  # last, because it takes longest
        atlas_selection.why(shown)
        atlas_errors.errors(shown)
    widgets.copy_as_python("atlas", lambda: _as_python(shown))
    state.follow(networks.study().weights)


def _coloring(shown: AtlasView, name: str) -> analysis.Coloring:
    view = state.view()
    if view.color == "word":
        return atlas_cache.word(networks.study(), name, view.word.strip() or "left")
    if view.color in ("gamma", "beta"):
        layers = shown.study.schema.layers
        numbers = layers.of(getattr(shown.study, view.color), view.block)[:, view.feature_map]
        title = f"{view.color} of {layers.names[view.block]}, map {view.feature_map}"
        return analysis.color_by_value(numbers[shown.layouts[name].rows], title)
    return atlas_cache.column(networks.study(), name, view.color)


# --- The projections ------------------------------------------------------------------------------------


def _map(shown: AtlasView, name: str, key: str, height: int) -> None:
    """A projection, over what is said of it and the buttons for its files."""
    study, layout = shown.study, shown.layouts[name]
    coloring, selected = _coloring(shown, name), shown.on(name)
    drawn, path = st.container(), _path(name)  # what is said of the question stands under the map

    def select(found: np.ndarray, how: str) -> None:
        rows = np.zeros(len(study), bool)
        rows[layout.rows[found]] = True
        selections.select(study, Selection(rows, how, name) if rows.any() else None)

    def named(code: int) -> None:
        color = state.view().color
        filters = study.schema.categories if networks.study().alone else analysis.FILTERS[:-2]
        if color in filters and (study.table[color] == coloring.names[code]).any():
            state.change(filter_by=color, filter_for=coloring.names[code])
        else:
            select(coloring.codes == code, f"{atlas_controls.title(color)}: {coloring.names[code]}")

    steps: tuple[tuple[float, float, str], ...] = ()
    rings, labels = _rings(shown, name), _labels(shown, name, coloring, key, select)
    if path is not None:
        words = (*path.words[:-1], "this question")
        steps = tuple((x, y, word) for (x, y), word in zip(path.places.tolist(), words, strict=True))
    noun, nouns = study.schema.noun, study.schema.nouns
    caption = analysis.layout_caption(layout, len(study), nouns)
    inside = f"{name}, coloured by {coloring.title} · {widgets.source('')} · {caption}"  # of the PNG
    label = (
        f"Projection of {len(layout.places):,} {nouns}: {name}. Arrow keys step from {noun} to {noun}, "
        "Enter looks at one, S selects the 50 around it, Escape drops the selection."
    )
    with drawn:
        scatter.scatter(
            key, layout.places, coloring,
            points=atlas_cache.points(networks.study(), name),
            texts=atlas_cache.texts(networks.study(), name),
            contours=atlas_cache.contours(networks.study(), name) if atlas_controls.contours() else None,
            selected=selected,
            marks=scatter.PointMarks(steps, rings, labels), label=label, caption=inside,
            on_lasso=lambda found: select(found, f"drawn on the projection {name}"), on_legend=named,
            on_pick=lambda point: state.change(chosen=int(layout.rows[point]) + 1),
            dark=widgets.dark(), height=height,
        )  # fmt: skip
        about = analysis.describe_contours(nouns) if atlas_controls.contours() else ""
        st.caption(f"**{widgets.plain(name)}** · {widgets.plain(caption)}. {about}")
    if key == "atlas":
        widgets.how_measured("Projections")
    if path is not None and key == "atlas":
        asked = widgets.plain(state.view().question)
        st.caption(f"○ “{asked}”, the Ask page's question, word by word: {path.describe()}.")
    _downloads(shown, name, key, coloring, labels)


def _labels(
    shown: AtlasView,
    name: str,
    coloring: analysis.Coloring,
    key: str,
    select: Callable[[np.ndarray, str], None],
) -> Labels:
    """What is written on a projection; how words of dense regions were found is said under it.

    There is also where `select` is given the points of a region, and how it was found.
    """
    written = state.view().written
    if written == "words":
        found = atlas_cache.labels(networks.study(), name)
        if found is None:
            study = networks.study()
            wait("Naming dense regions by their words", lambda: atlas_cache.labels(study, name) is not None)
            return ()
        st.caption(widgets.plain(analysis.describe_labels(found, shown.study.schema.nouns)))
        if key == "atlas":
            widgets.how_measured("Words of dense regions")
        if found:
            told = [
                f"{one.text}: {one.share:.0%} of {one.size:,}, {one.elsewhere:.0%} of all" for one in found
            ]
            st.selectbox(
                "Select a dense region by its word", range(len(found)), index=None, width=360,
                format_func=told.__getitem__, placeholder="Densest first",
                **state.taken(
                    f"{key}-dense",
                    lambda at: select(
                        np.array(found[at].points), f"the dense region “{found[at].text}” of {name}"
                    ),
                ),
            )  # fmt: skip
        return tuple((one.x, one.y, one.text) for one in found)
    if written or state.view().color == "word":
        return ()
    return tuple(analysis.name_places(shown.layouts[name].places, coloring))


def _path(name: str) -> analysis.PrefixPath | None:
    """The question of the Ask page on a projection, or None with the reason said."""
    if networks.study().alone or not state.view().question.strip():
        return None
    if not atlas_cache.places(networks.study(), name):
        wait("Finding where your question lies", lambda: atlas_cache.places(networks.study(), name))
        return None
    try:
        return atlas_cache.path(networks.study(), name, state.view().question)
    except InputError as error:
        st.caption(f"The Ask page's question is not on this projection: {widgets.plain(str(error))}")
        return None


def _rings(shown: AtlasView, name: str) -> tuple[tuple[float, float, str], ...]:
    """Rings about the chosen question and its true neighbours, where they lie on a projection."""
    row = state.view().chosen - 1
    if not 0 <= row < len(shown.study):
        return ()
    near, _ = atlas_cache.nearest(networks.study(), shown.layout.recipe.space, row)
    at, places = atlas_cache.place_of(networks.study(), name), shown.layouts[name].places
    marked = [(other, "near") for other in near] + [(row, "chosen")]
    return tuple((*places[at[other]].tolist(), kind) for other, kind in marked if at[other] >= 0)


def _downloads(shown: AtlasView, name: str, key: str, coloring: analysis.Coloring, labels: Labels) -> None:
    # Files are made on a click, outside of the session: all of it is taken here.
    layout = shown.layouts[name]
    caption = analysis.layout_caption(layout, len(shown.study), shown.study.schema.nouns)
    drawn: dict[str, Any] = {
        "caption": [f"{name}, coloured by {coloring.title}", *caption.split(" · "), widgets.source("")],
        "selected": shown.on(name), "labels": labels,
        "contours": atlas_controls.contours(), "dark": widgets.dark(),
    }  # fmt: skip

    def svg() -> str:
        return analysis.layout_svg(layout.places, coloring, **drawn)

    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if key == "atlas":
            atlas_controls.contours_toggle()
        widgets.download("SVG", svg, f"atlas-{name}.svg", "image/svg+xml", key=f"{key}-svg")
        title = f"Projection {layout.recipe.describe()}"
        sample = analysis.layout_sample(layout, shown.study)
        widgets.data(_table(shown, name), f"atlas-{name}", title, sample=sample, label="Coordinates ({})")


def _as_python(shown: AtlasView) -> str:
    view, kept, name = state.view(), selections.kept(shown.study), shown.tested_on
    return as_python.atlas(
        networks.study(), name, shown.layouts[name].recipe, shown.selection,
        (view.filter_by, view.filter_for.strip()) if view.filter_for.strip() else None,
        kept.get(str(state.options().get("atlas-compare", ""))),
    )  # fmt: skip


def _table(shown: AtlasView, name: str) -> pd.DataFrame:
    """Where every point of a projection lies, whether it is selected, and what is known of it."""
    layout, selected = shown.layouts[name], shown.on(name)
    places = pd.DataFrame(layout.places, columns=["x", "y"])
    places["selected"] = False if selected is None else selected
    return pd.concat([places, shown.table(layout.rows)], axis=1)


main()
