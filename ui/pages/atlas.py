"""Thousands of questions as the network sees them: a map to select on, and why a selection is together."""

import numpy as np
import pandas as pd
import streamlit as st

from analysis import atlas
from analysis.figures import atlas as figures
from film import InputError
from ui import loaders, loaders_atlas, scatter, state, widgets

ROWS = 1000  # of a selection that the table shows
NEAR = 10
PICTURES = 8
ANY = "—"


def main() -> None:
    st.title("Atlas")
    known = loaders_atlas.study()
    if known is None:
        st.info(
            "**There is no study of this network yet.** The atlas shows what the network makes of thousands "
            "of questions; they are read once, some minutes on one core:\n\n    python -m analysis study",
            icon=":material/map:",
        )
        return
    page(*known)


@st.fragment
def page(study, layouts) -> None:
    widgets.notice(
        f"Each point is one of {len(study):,} questions; what lies together is modulated alike. Draw around "
        "points, or filter, and see what the questions share."
    )
    name, layout = _controls(study, layouts)
    selection = _filter(study)
    mask = None if selection is None else selection.rows
    try:
        coloring = _coloring(study, layout.rows)
    except InputError as error:
        widgets.complain(error)
        coloring = figures.column(study.table.iloc[layout.rows], "type")
    try:
        path = loaders_atlas.path(name, state.view().question)
    except InputError as error:
        path = None
        st.caption(f"The question on the Ask page is not on the map: {widgets.plain(str(error))}")
    _maps(study, layouts, name, coloring, mask, path)
    _downloads(study, name, layout, coloring, mask)
    _chosen(study, layout)
    _panel(study, layout, selection)
    _kept(study, layout, selection)
    state.follow(loaders.network().card.weights)


# --- What to look at ------------------------------------------------------------------------------------


def _controls(study, layouts):
    view, names = state.view(), list(layouts)
    if view.layout not in names:
        state.change(layout=names[0])
    if view.beside and view.beside not in names:
        state.change(beside="")
    colors = [
        column for column in figures.COLUMNS if column in study.table and study.table[column].nunique() > 1
    ]
    colors += ["word", "gamma", "beta"]
    if view.color not in colors:
        state.change(color=colors[0])
    first, second, third, fourth = st.columns([3, 3, 2, 3], vertical_alignment="bottom")
    first.selectbox("Map", names, format_func=_title, **state.bound("layout"))
    second.selectbox(
        "Beside it", ["", *names], format_func=lambda name: _title(name) if name else "nothing",
        help="The same selection in a second map: block 1 beside block 4, for instance.",
        **state.bound("beside"),
    )  # fmt: skip
    third.selectbox(
        "Colour by", colors, format_func=lambda color: _COLORS.get(color, color), **state.bound("color")
    )
    with fourth:
        color = state.view().color
        if color == "word":
            st.text_input("Which word", placeholder="left", **state.bound("word"))
        elif color in ("gamma", "beta"):
            blocks, maps = study.gamma.shape[1:]
            view = state.view()
            if view.block >= blocks or view.feature_map >= maps:
                state.change(block=min(view.block, blocks - 1), feature_map=min(view.feature_map, maps - 1))
            left, right = st.columns(2)
            left.selectbox("Block", range(blocks), format_func=lambda b: str(b + 1), **state.bound("block"))
            right.number_input(f"Map (to {maps - 1})", 0, maps - 1, **state.bound("feature_map"))
    name = state.view().layout
    return name, layouts[name]


_COLORS = {"word": "a word", "gamma": "a gamma", "beta": "a beta", "depth": "program depth"}


def _title(name: str) -> str:
    return name


def _coloring(study, rows) -> figures.Coloring:
    view = state.view()
    if view.color == "word":
        word = view.word.strip() or "left"
        return figures.presence(study.has_word(word)[rows], word)
    if view.color in ("gamma", "beta"):
        values = getattr(study, view.color)[:, view.block, view.feature_map][rows]
        return figures.values(values, f"{view.color} of block {view.block + 1}, map {view.feature_map}")
    return loaders_atlas.column(view.layout, view.color)


def _filter(study) -> state.Selection | None:
    """The keyboard's way to a selection. What is lassoed stands until a filter is set."""
    columns = [by for by in atlas.FILTERS if by in ("word", "text") or by in study.table]
    if state.view().filter_by not in columns:
        state.change(filter_by=columns[0], filter_for="")
    left, right = st.columns([2, 9], vertical_alignment="bottom")
    left.selectbox(
        "Select by", columns, format_func=lambda by: _COLORS.get(by, by), **state.bound("filter_by")
    )
    by = state.view().filter_by
    with right:
        if by in ("word", "text"):
            text = {"word": "Questions with this word", "text": "Questions with this in their text"}[by]
            st.text_input(text, placeholder="matte", **state.bound("filter_for", f"view-filter-{by}"))
        else:
            values = sorted(study.table[by].dropna().astype(str).unique())
            if state.view().filter_for not in ("", *values):
                state.change(filter_for="")
            st.selectbox(
                f"Questions whose {by} is", ["", *(value for value in values if value)],
                format_func=lambda value: value or ANY, **state.bound("filter_for", f"view-filter-{by}"),
            )  # fmt: skip
    wanted = state.view().filter_for.strip()
    if wanted:
        rows = atlas.matching(study, by, wanted)
        if not rows.any():
            st.caption(f"No question of the study has {by} “{widgets.plain(wanted)}”.")
            return None
        return state.Selection(rows, f"{by} {wanted}")
    selection = state.selection()
    return selection if selection is not None and len(selection.rows) == len(study) else None


# --- The maps -------------------------------------------------------------------------------------------


def _maps(study, layouts, name, coloring, mask, path) -> None:
    beside = state.view().beside
    if beside and beside != name:
        left, right = st.columns(2)
        with left:
            _map(study, "atlas", name, layouts[name], coloring, mask, path, height=460)
        with right:
            st.markdown(f"**{_title(beside)}**")
            other = layouts[beside]
            _map(study, "beside", beside, other, _coloring_of(study, other), mask, None, height=460)
    else:
        _map(study, "atlas", name, layouts[name], coloring, mask, path, height=600)


def _coloring_of(study, layout) -> figures.Coloring:
    try:
        return _coloring(study, layout.rows)
    except InputError:
        return figures.column(study.table.iloc[layout.rows], "type")


def _map(study, key, name, layout, coloring, mask, path, height) -> None:
    caption = figures.caption(layout, len(study))

    def lassoed(found: np.ndarray) -> None:
        rows = np.zeros(len(study), bool)
        rows[layout.rows[found]] = True
        state.select(state.Selection(rows, f"drawn on {_title(name)}") if rows.any() else None)

    def picked(index: int) -> None:
        state.choose(int(layout.rows[index]))

    chosen, rings = state.chosen(), []
    if chosen is not None and chosen < len(study):
        near, _ = loaders_atlas.nearest(layout.recipe.space, chosen)
        place_of = loaders_atlas.place_of(name)
        rings = [(*layout.places[at], "near") for row in near if (at := place_of[row]) >= 0]
        if (at := place_of[chosen]) >= 0:
            rings.append((*layout.places[at], "chosen"))
    steps: tuple = ()
    if path is not None:
        steps = tuple((x, y, word) for (x, y), word in zip(path.places, path.words, strict=True))
    scatter.scatter(
        key, layout.places, coloring,
        points=loaders_atlas.points(name), texts=loaders_atlas.texts(name),
        selected=None if mask is None else mask[layout.rows],
        label=(
            f"Map of {len(layout.places):,} questions, {_title(name)}. Arrow keys step from question to "
            "question, Enter looks at one, S selects the 50 around it, Escape drops the selection."
        ),
        caption=caption, on_lasso=lassoed, on_pick=picked,
        marks=scatter.Marks(steps, tuple(rings)), dark=widgets.dark(), height=height,
    )  # fmt: skip
    st.caption(caption)
    if path is not None:
        st.caption(
            f"○ “{widgets.plain(state.view().question)}”, word by word: {path.method}. "
            "It is the question of the Ask page."
        )


def _downloads(study, name, layout, coloring, mask) -> None:
    selected = None if mask is None else mask[layout.rows]
    with st.container(horizontal=True):
        st.download_button(
            "Places as CSV", lambda: _csv(study, layout, selected), f"{name}.csv", "text/csv",
            key="atlas-csv", icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Figure as SVG",
            lambda: figures.svg(
                layout.places, coloring, caption=[_title(name), figures.caption(layout, len(study))],
                selected=selected, dark=widgets.dark(),
            ),
            f"{name}.svg", "image/svg+xml", key="atlas-svg", icon=":material/download:", type="tertiary",
            on_click="ignore",
        )  # fmt: skip


def _csv(study, layout, selected) -> bytes:
    places = pd.DataFrame(
        {"id": study.table.index[layout.rows], "x": layout.places[:, 0], "y": layout.places[:, 1]}
    )
    places["selected"] = False if selected is None else selected
    return places.join(study.table, on="id").to_csv(index=False).encode()


# --- One question ---------------------------------------------------------------------------------------


def _chosen(study, layout) -> None:
    row = state.chosen()
    if row is None or row >= len(study):
        return
    with st.container(border=True):
        _question(study, row, "chosen")
        near, far = loaders_atlas.nearest(layout.recipe.space, row)
        st.caption(f"Its {len(near)} nearest in the full space ({layout.recipe.space}), not on the map:")
        table = study.table.iloc[near][[c for c in ("text", "type", "answer") if c in study.table]]
        st.dataframe(table.assign(distance=far), hide_index=True, height=212, key="atlas-near")
        st.button("Close", key="atlas-close", on_click=state.choose, args=(None,))


def _question(study, row: int, key: str) -> None:
    entry = study.table.iloc[row]
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(f"#### {widgets.plain(entry['text'])}")
    with right:
        if st.button("Open on the Ask page", key=f"atlas-open-{key}", icon=":material/question_answer:"):
            state.change(question=entry["text"])
            st.switch_page("ui/pages/ask.py")


# --- The selection --------------------------------------------------------------------------------------


def _panel(study, layout, selection) -> None:
    if selection is None:
        st.caption(
            "Nothing is selected. Draw around points with the pointer; by keyboard, filter above, or step "
            "through the map with the arrow keys."
        )
        return
    rows = np.flatnonzero(selection.rows)
    st.subheader(f"{len(rows):,} of {len(study):,} questions, {widgets.plain(selection.how)}")
    st.html(f'<div id="selected" data-count="{len(rows)}" data-key="{hash(selection.rows.tobytes())}"></div>')
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _table(study, rows)
    with right:
        _why(layout.recipe.space, selection.rows)


def _table(study, rows: np.ndarray) -> None:
    shown = rows[:ROWS]
    columns = [c for c in ("text", "type", "answer", "prediction", "length") if c in study.table]
    columns = [c for c in columns if study.table[c].notna().any()]
    key = f"atlas-table-{len(rows)}-{int(rows[0])}-{int(rows.sum())}"

    def taken() -> None:
        found = (state.told(key, "selection") or {}).get("rows", [])
        state.choose(int(shown[found[0]]) if found else None)

    st.dataframe(
        study.table.iloc[shown][columns], hide_index=True, height=420, key=key,
        on_select=taken, selection_mode="single-row",
    )  # fmt: skip
    if len(rows) > ROWS:
        st.caption(f"The first {ROWS:,}; all {len(rows):,} are in the CSV.")
    st.caption("Choose a row to see the question's true neighbours and to open it on the Ask page.")
    _pictures(study, rows)


def _pictures(study, rows: np.ndarray) -> None:
    if "picture" not in study.table:
        return
    known = study.table["picture"].iloc[rows].dropna().unique()[:PICTURES]
    if len(known):
        st.caption(f"Asked about {', '.join(map(str, known))}")


def _why(space: str, mask: np.ndarray) -> None:
    st.markdown("**Why are these together?**")
    try:
        with st.spinner("Comparing with the rest …", show_time=False):
            why = loaders_atlas.why(mask, space)
    except InputError as error:
        widgets.complain(error)
        return
    _findings(why, "why")


_number = st.column_config.NumberColumn
_FINDINGS = {
    "kind": "kind",
    "feature": "feature",
    "selection": _number("here", format="%.2f", help="Share of the selection that has it, or its mean."),
    "rest": _number("rest", format="%.2f", help="The same of all other questions."),
    "effect": _number("effect", format="%+.2f", help="Cliff's delta, from -1 to 1."),
    "q": _number("q", format="%.1e", help="False-discovery rate (Benjamini and Hochberg)."),
    "p_family": _number("null", format="%.3f", help="Share of random selections with a finding as strong."),
}


def _findings(why, key: str, height: int = 320) -> None:
    st.markdown(widgets.plain(why.sentence))
    if why.warning:
        st.warning(widgets.plain(why.warning), icon=":material/warning:")
    if len(why.table):
        table = why.table[list(_FINDINGS)]
        st.dataframe(table, hide_index=True, height=height, key=f"atlas-{key}", column_config=_FINDINGS)
    st.caption(widgets.plain(why.describe()))


# --- Kept selections ------------------------------------------------------------------------------------


def _kept(study, layout, selection) -> None:
    kept = state.kept_selections()
    kept = {name: one for name, one in kept.items() if len(one.rows) == len(study)}
    if selection is not None:

        def keep(name: str) -> None:
            if name.strip():
                state.keep_selection(name.strip(), selection)

        st.text_input(
            "Keep this selection as", placeholder="a name, then Enter", max_chars=40, width=320,
            **state.taken("atlas-keep", keep),
        )  # fmt: skip
    if not kept:
        return
    st.subheader("Kept selections")
    for name, one in kept.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{widgets.plain(name)}** · {int(one.rows.sum()):,} questions, {widgets.plain(one.how)}"
            )
            st.button("Show", key=f"atlas-show-{name}", type="tertiary", on_click=state.select, args=(one,))
            st.button(
                "Drop", key=f"atlas-drop-{name}", type="tertiary", on_click=state.drop_selection, args=(name,)
            )
    if len(kept) < 2:
        return
    names, columns = list(kept), st.columns(2, gap="medium")
    for side, column in enumerate(columns):
        with column:
            name = st.selectbox(
                "Compare" if not side else "with", names, index=side, key=f"atlas-compare-{side}"
            )
            try:
                why = loaders_atlas.why(kept[name].rows, layout.recipe.space)
            except InputError as error:
                widgets.complain(error)
                continue
            _findings(why, f"compared-{side}")


main()
