"""Thousands of questions as the network sees them: a map to select on, and why a selection is together."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Extraction, Layout, Selection, Why
from film import InputError, command
from ui import atlas_errors, pages, scatter, selections, state, widgets
from ui.cache import atlas as atlas_cache, networks, pictures

ROWS = 1000  # of a selection that the table shows
MOST = 100  # findings that its table shows
PICTURES = 12
WRITTEN = {"": "names of the colours", "words": "words of dense regions", "nothing": "nothing"}
TITLES = {
    "word": "a word",
    "gamma": "a gamma",
    "beta": "a beta",
    "depth": "program depth",
    "outcome": "outcome (right, wrong)",
}


@dataclass(frozen=True, eq=False)
class AtlasView:
    """What a run of the page shows. `selection`: None where nothing is selected."""

    study: Extraction
    layouts: dict[str, Layout]
    name: str
    selection: Selection | None

    @property
    def layout(self) -> Layout:
        return self.layouts[self.name]

    def on(self, name: str) -> np.ndarray | None:
        """The selection among the points of a map, bool (points,)."""
        return None if self.selection is None else self.selection.rows[self.layouts[name].rows]


def main() -> None:
    st.title("Atlas")
    known = atlas_cache.studied(networks.study())
    if known is None and networks.study().alone:
        st.info("This study came without projections; write it again with `maps`.", icon=":material/map:")
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
    name = _controls(study, layouts)
    shown = AtlasView(study, layouts, name, _selection(study))
    beside = state.view().beside
    with st.container(key="atlas-split"):
        left, right = st.columns([1, 1] if beside else [3, 2], gap="medium")
    with left:
        _map(shown, name, "atlas", 460 if beside else 600)
        _downloads(shown)
    with right:
        if beside:
            _map(shown, beside, "beside", 460)
        else:
            why = st.container()
    _chosen(shown)
    if beside:
        why, right = st.columns(2, gap="medium")
        with right:
            _questions(shown)
    else:
        _questions(shown)
    with why:  # last, because it takes longest
        _why(shown)
        atlas_errors.errors(shown.study, shown.selection, shown.name, _wait)
    state.follow(networks.study().weights)


# --- What to look at ------------------------------------------------------------------------------------


def _controls(study: Extraction, layouts: dict[str, Layout]) -> str:
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
        first, second, third, fourth, fifth = st.columns([3, 3, 2, 3, 3], vertical_alignment="bottom")
    first.selectbox("Projection", names, **state.bound("layout"))
    second.selectbox(
        "Compare with", ["", *(other for other in names if other != view.layout)],
        format_func=lambda name: name or "nothing",
        help="The same selection in a second projection, such as that of block 1 beside that of block 4.",
        **state.bound("beside"),
    )  # fmt: skip
    third.selectbox("Colour by", colors, format_func=_title, **state.bound("color"))
    fourth.selectbox(
        "Written on it", list(WRITTEN), format_func=WRITTEN.__getitem__, **state.bound("written")
    )
    with fifth:
        if view.color == "word":
            st.text_input("Which word", placeholder="left", **state.bound("word"))
        elif view.color in ("gamma", "beta"):
            layers = study.schema.layers
            block = min(view.block, len(layers) - 1)
            maps = layers.maps[block]
            if block != view.block or view.feature_map >= maps:  # a link of a larger network's
                state.change(block=block, feature_map=min(view.feature_map, maps - 1))
            left, right = st.columns(2)
            left.selectbox(
                "Layer", range(len(layers)), format_func=layers.names.__getitem__, **state.bound("block")
            )
            right.number_input(f"Map (0 to {maps - 1})", 0, maps - 1, **state.bound("feature_map"))
    return state.view().layout


def _title(name: str) -> str:
    return TITLES.get(name, name)


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


def _selection(study: Extraction) -> Selection | None:
    """What is selected, by the filter (the keyboard's way) or on a projection."""
    schema = study.schema
    known = atlas_cache.filters(networks.study())
    nouns = schema.nouns.capitalize()
    if state.view().filter_by not in known:
        state.change(filter_by=known[0], filter_for="")
    left, right = st.columns([2, 9], vertical_alignment="bottom")
    left.selectbox("Select by", known, format_func=_title, **state.bound("filter_by"))
    by = state.view().filter_by
    bound = state.bound("filter_for", f"view-filter-{by}")
    if by in ("word", "text"):
        what = f"{nouns} with this word" if by == "word" else f"{nouns} with this anywhere in their text"
        right.text_input(what, placeholder="matte", **bound)
    else:
        values = atlas_cache.values(networks.study(), by)
        if state.view().filter_for not in ("", *values):
            state.change(filter_for="")
            bound = state.bound("filter_for", f"view-filter-{by}")
        right.selectbox(f"{nouns} whose {by} is", ["", *values], format_func=lambda v: v or "—", **bound)
    if wanted := state.view().filter_for.strip():
        rows = atlas_cache.matching(networks.study(), by, wanted)
        if rows.any():
            return Selection(rows, f"{by} {wanted}")
        st.caption(f"No {schema.noun} of the study has the {by} “{widgets.plain(wanted)}”.")
        return None
    return selections.drawn(study)


# --- The projections ------------------------------------------------------------------------------------


def _map(shown: AtlasView, name: str, key: str, height: int) -> None:
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
            select(coloring.codes == code, f"{_title(color)}: {coloring.names[code]}")

    steps: tuple[tuple[float, float, str], ...] = ()
    rings, labels = _rings(shown, name), _labels(shown, name, coloring)
    if path is not None:
        words = (*path.words[:-1], "this question")
        steps = tuple((x, y, word) for (x, y), word in zip(path.places.tolist(), words, strict=True))
    noun, nouns = study.schema.noun, study.schema.nouns
    caption = analysis.layout_caption(layout, len(study), nouns)
    label = (
        f"Projection of {len(layout.places):,} {nouns}: {name}. Arrow keys step from {noun} to {noun}, "
        "Enter looks at one, S selects the 50 around it, Escape drops the selection."
    )
    with drawn:
        scatter.scatter(
            key, layout.places, coloring,
            points=atlas_cache.points(networks.study(), name),
            texts=atlas_cache.texts(networks.study(), name), selected=selected,
            marks=scatter.PointMarks(steps, rings, labels), label=label, caption=f"{name} · {caption}",
            on_lasso=lambda found: select(found, f"drawn on the projection {name}"), on_legend=named,
            on_pick=lambda point: state.change(chosen=int(layout.rows[point]) + 1),
            dark=widgets.dark(), height=height,
        )  # fmt: skip
        st.caption(f"**{widgets.plain(name)}** · {widgets.plain(caption)}")
    if key == "atlas":
        widgets.how_measured("Projections")
    if path is not None and key == "atlas":
        asked = widgets.plain(state.view().question)
        st.caption(f"○ “{asked}”, the Ask page's question, word by word: {path.describe()}.")


def _labels(shown: AtlasView, name: str, coloring: analysis.Coloring) -> tuple[tuple[float, float, str], ...]:
    """What is written on a projection; how words of dense regions were found is said under it."""
    written = state.view().written
    if written == "words":
        found = atlas_cache.labels(networks.study(), name)
        if found is None:
            study = networks.study()
            _wait("Naming dense regions by their words", lambda: atlas_cache.labels(study, name) is not None)
            return ()
        st.caption(widgets.plain(analysis.describe_labels(found, shown.study.schema.nouns)))
        return tuple((one.x, one.y, one.text) for one in found)
    if written or state.view().color == "word":
        return ()
    return tuple(analysis.name_places(shown.layouts[name].places, coloring))


def _path(name: str) -> analysis.PrefixPath | None:
    """The question of the Ask page on a projection, or None with the reason said."""
    if networks.study().alone or not state.view().question.strip():
        return None
    if not atlas_cache.places(networks.study(), name):
        _wait("Finding where your question lies", lambda: atlas_cache.places(networks.study(), name))
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


def _downloads(shown: AtlasView) -> None:
    # Files are made on a click, outside of the session: all of it is taken here.
    name, layout, dark = shown.name, shown.layout, widgets.dark()
    coloring, selected = _coloring(shown, name), shown.on(name)
    caption = analysis.layout_caption(layout, len(shown.study), shown.study.schema.nouns)
    lines = [name, *caption.split(" · ")]

    def svg() -> str:
        return analysis.layout_svg(layout.places, coloring, selected=selected, dark=dark, caption=lines)

    with st.container(horizontal=True):
        for label, make, end, kind in (
            ("Coordinates (CSV)", lambda: _csv(shown), "csv", "text/csv"),
            ("Figure (SVG)", svg, "svg", "image/svg+xml"),
        ):
            st.download_button(
                label, make, f"atlas-{name}.{end}", kind, key=f"atlas-{end}",
                icon=":material/download:", type="tertiary", on_click="ignore",
            )  # fmt: skip


def _csv(shown: AtlasView) -> bytes:
    rows, selected = shown.layout.rows, shown.on(shown.name)
    table = shown.study.table.iloc[rows].rename_axis("id").reset_index()
    places = pd.DataFrame(shown.layout.places, columns=["x", "y"])
    places["selected"] = False if selected is None else selected
    result: bytes = pd.concat([places, table], axis=1).to_csv(index=False).encode()
    return result


# --- The selection --------------------------------------------------------------------------------------


def _why(shown: AtlasView) -> None:
    selection = shown.selection
    if selection is None:
        st.markdown("## Nothing is selected")
        st.caption(
            "Draw around points, or click a name in the legend. By keyboard: filter above, or step through "
            "the projection with the arrow keys and press S. Here it will say what the selected "
            f"{shown.study.schema.nouns} share."
        )
        selections.kept_list(shown.study)
        return
    count = int(selection.rows.sum())
    st.markdown(f"## Why are these {count:,} together?")
    st.caption(f"Selected: {widgets.plain(selection.how)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        selections.keep_field(shown.study, selection)
        other = selections.compared_with(shown.study)
    selections.kept_list(shown.study)
    name = shown.name
    if not atlas_cache.explains(networks.study(), name):
        _wait("Counting words and finding neighbours", lambda: atlas_cache.explains(networks.study(), name))
        return
    _findings(shown, selection, other)
    widgets.how_measured("What a selection has in common")
    _mark("explained", selection)


@st.fragment(run_every=2)
def _wait(what: str, done: Callable[[], bool]) -> None:
    if done():
        state.run_again()
    st.caption(f":material/hourglass_top: {what} in the background, once …")


_number = st.column_config.NumberColumn
_FINDINGS: dict[str, Any] = {
    "kind": "kind",
    "feature": "feature",
    "selection": _number("here", format="%.2f", help="Share of the selection that has it, or its mean."),
    "rest": _number("rest", format="%.2f", help="The same of all others."),
    "effect": _number("effect", format="%+.2f", help="Cliff's delta, from -1 to 1."),
    "q": _number("q", format="%.1e", help="False-discovery rate (Benjamini and Hochberg)."),
    "p_family": _number("null", format="%.3f", help="Share of scattered selections with one as strong."),
}


def _findings(shown: AtlasView, selection: Selection, other: str) -> None:
    """What sets a selection apart from all the others, or from the kept one of a name."""
    study = networks.study()
    if not other:
        name = selection.layout if selection.layout in shown.layouts else shown.name
        _compared(lambda: atlas_cache.why(study, selection.rows, name, drawn=bool(selection.layout)))
        return
    kept = selections.kept(shown.study)[other]
    both = int((selection.rows & kept.rows).sum())
    left_out = f"; {both:,} {shown.study.schema.nouns} are in both and left out" if both else ""
    widgets.notice(f"“The rest” is {widgets.plain(other)} alone here{left_out}.")
    _compared(lambda: atlas_cache.why_between(study, selection.rows, kept.rows))


def _compared(compare: Callable[[], Why]) -> None:
    """The findings of a comparison: in a sentence, and ranked."""
    try:
        with st.spinner("Comparing …"):
            why = compare()
    except InputError as error:
        widgets.show_error(error)
        return
    for asked, said in why.statements():
        st.markdown(f"**{asked}** {widgets.plain(said)}")
    if len(why.table):
        # Words and labels are evidence; gammas and betas say where on a map of them a selection lies.
        evidence = ~why.table["kind"].isin(("gamma", "beta"))
        ordered = pd.concat([why.table[evidence], why.table[~evidence]])
        st.dataframe(
            ordered[list(_FINDINGS)].head(MOST),
            hide_index=True,
            height=min(300, 36 * len(ordered) + 40),
            key="atlas-why",
            column_config=_FINDINGS,
        )
    st.caption(widgets.plain(why.describe()))


def _mark(what: str, selection: Selection) -> None:
    """A sign on the page that tests and benchmarks wait for."""
    number = zlib.crc32(selection.rows.tobytes())
    st.html(f'<div id="{what}" data-count="{selection.rows.sum()}" data-selection="{number}"></div>')


def _questions(shown: AtlasView) -> None:
    """The selected questions; choosing one looks at it."""
    if shown.selection is None:
        return
    table, rows = shown.study.table, np.flatnonzero(shown.selection.rows)
    first = rows[:ROWS]
    columns = [
        column
        for column in (
            "text",
            *_columns(shown, "type", "answer", "prediction", "confidence", "length", "depth"),
        )
        if column in table and table[column].iloc[first].notna().any()
    ]
    key = f"atlas-table-{len(rows)}-{rows[0]}-{rows.sum()}"

    def take() -> None:
        taken = (state.told(key, "selection") or {}).get("rows", [])
        state.change(chosen=int(first[taken[0]]) + 1 if taken else 0)

    noun, alone = shown.study.schema.noun, networks.study().alone
    st.markdown(f"## The {shown.study.schema.nouns}")
    st.caption(f"Choose a row to see the {noun}'s true neighbours" + ("." if alone else ", or to ask it."))
    st.dataframe(
        table.iloc[first][columns], hide_index=True, height=330, key=key,
        on_select=take, selection_mode="single-row",
    )  # fmt: skip
    _mark("selected", shown.selection)
    if len(rows) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(rows):,}; all are in the CSV.")
    named = (
        []
        if alone or "picture" not in table or "outcome" in table
        else table["picture"].iloc[rows].dropna().unique()[:PICTURES]
    )
    if len(named):
        st.caption(f"Asked about the pictures {', '.join(widgets.plain(str(one)) for one in named)}")


def _columns(shown: AtlasView, *questions: str) -> tuple[str, ...]:
    """The labels that tables show: these of questions, all of another network's conditions."""
    return shown.study.schema.labels if networks.study().alone else questions


def _chosen(shown: AtlasView) -> None:
    """One question with its neighbours in all dimensions."""
    row, space = state.view().chosen - 1, shown.layout.recipe.space
    if not 0 <= row < len(shown.study):
        return
    table = shown.study.table
    entry = table.iloc[row]
    with st.container(border=True):
        st.markdown(f"## {widgets.plain(entry['text'])}")
        near, far = atlas_cache.nearest(networks.study(), space, row)
        st.caption(f"Its {len(near)} nearest in the full space ({space}), not on the projection:")
        columns = [column for column in ("text", *_columns(shown, "type", "answer")) if column in table]
        st.dataframe(
            table.iloc[near][columns].assign(distance=far), hide_index=True, height=212, key="atlas-near"
        )
        with st.container(horizontal=True):
            if not networks.study().alone and st.button(
                "Open on the Ask page", key="atlas-open", icon=":material/question_answer:"
            ):
                key = str(entry.get("picture", ""))
                state.change(question=entry["text"], **({"picture": key} if pictures.is_here(key) else {}))
                st.switch_page(pages.path("ask"))
            st.button(
                "Close", key="atlas-close", type="tertiary", on_click=state.change, kwargs={"chosen": 0}
            )


main()
