"""Bench: change gamma and beta, and see what follows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

import analysis
from analysis import KINDS, Kind, Population
from film import Answer, InputError, Intervention, SetValue, Where
from ui import (
    before_after,
    below,
    bench,
    bench_ablations as ablations,
    bench_as_python,
    bench_form,
    bench_many as many,
    bench_measures as measures,
    bench_objects as objects,
    bench_over_questions as over_questions,
    bench_patching as patching,
    question_header as header,
    state,
    widgets,
)
from ui.bench import BenchEdit
from ui.cache import bench as shelf, evidence, networks

MOST_SHOWN = 4  # changed maps drawn over the picture
MOST_FOUND = 12  # maps that a search offers

TABS: dict[str, Callable[[header.Case, Population | None, tuple[int, int]], None]] = {
    "What made this answer": over_questions.made_this,
    "At each object": objects.at_each_object,
    "Patch from another question": patching.patch,
    "Between two questions": measures.between,
    "A + B − C": many.arithmetic,
    "Smallest flip": measures.flip,
    "In other words": many.reworded,
    "Ablations": ablations.ablations,
}


def page() -> None:
    st.title("Bench")
    st.caption("Change gamma and beta, and see what follows: an intervention says what a map does.")
    case = header.case()
    if case is None:
        return
    try:
        entries = bench.read(state.view().edits)
        bench.applied(entries)
        for entry in entries:
            entry.edit.where.mask(case.session.config.blocks, case.session.config.maps)
    except InputError as error:
        widgets.show_error(f"The edits of this link cannot be applied: {error}")
        entries = []
    population = header.population()
    block, number = header.pick_map(networks.study())
    _find_map(case, block, number)
    _edit(case, population, block, number, state.view())
    if below.waits("bench"):
        return
    widgets.how_measured("Answer to one question", "Gamma and beta of one question")
    tabs = st.tabs(list(TABS))
    for tab, show in zip(tabs, TABS.values(), strict=True):
        with tab:
            show(case, population, (block, number))


# --- Which map ------------------------------------------------------------------------------------


def _find_map(case: header.Case, block: int, number: int) -> None:
    """The block x map picture, and a search in the map cards' labels."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        widgets.notice(
            "Gamma of this question, a row a block, a column a map. **Click a map to change it**, or search "
            "for what a map is selective for."
        )
    with right:
        found = _search()
    if found:
        header.offer_maps(found[:MOST_FOUND], f"{len(found)} maps:")
    drawn = analysis.modulation_heatmap(
        case.answer.gamma, "gamma", chosen=(block, number), dark=widgets.dark()
    )
    table = analysis.modulation_table({kind: getattr(case.answer, kind) for kind in KINDS})
    widgets.figure(
        drawn, "bench-gamma", "gamma of every map, a row a block and a column a map.", table, header.open_map
    )


def _search() -> list[tuple[int, int]]:
    """A field in which maps are searched by the labels of their cards; those found, (block, map) from 0."""
    try:
        cards = evidence.cards(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return []
    if cards is None:
        return []
    wanted = st.text_input(
        "Maps selective for", placeholder="red, left, metal …", max_chars=60,
        **state.option("bench-search", None, ""),
    ).strip()  # fmt: skip
    if not wanted:
        return []
    labels = cards.cards["pictures"] + ", " + cards.cards["language"]
    found = cards.cards[labels.str.contains(wanted, case=False, regex=False)]
    if found.empty:
        st.caption("No map has that label.")
    return [(int(row.block), int(row.map)) for row in found.itertuples()]


# --- The edits ------------------------------------------------------------------------------------


@st.fragment  # a slider redraws this part alone
def _edit(
    case: header.Case, population: Population | None, block: int, number: int, told: state.ViewState
) -> None:
    """Sliders, the list of edits and what follows. `told`: the view that the tabs below were made with."""
    entries = _entries()
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="large")
        with left:
            st.header(f"Block {block + 1}, map {number}")
            for kind in KINDS:
                _value(case, population, kind, block, number, entries)
            bench_form.form(case, block, number, _append)
        with right:
            _list(case, entries)
    _outcome(case, entries)
    state.follow(case.session.card.weights)
    view = state.view()
    if view.other != told.other or (view.edits != told.edits and objects.follow_edits(case)):
        st.rerun()  # what is below is of the other question and the edits; the answers are there already


def _entries() -> list[BenchEdit]:
    try:
        return bench.read(state.view().edits)
    except InputError:
        return []


def _value(
    case: header.Case,
    population: Population | None,
    kind: Kind,
    block: int,
    number: int,
    entries: list[BenchEdit],
) -> None:
    """A slider and a number field for one gamma or beta, before the values that other questions have."""
    where = Where((block,), (number,), kind)
    own = float(getattr(case.answer, kind)[block, number])
    set_to = [
        entry.edit.value
        for entry in entries
        if entry.on and isinstance(entry.edit, SetValue) and entry.edit.where == where
    ]
    value = set_to[-1] if set_to else own
    low, high = own - 2.0, own + 2.0
    if population is not None:
        values = np.asarray(population.values(kind)[:, block, number], np.float32)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    low, high = min(low, value), max(high, value)

    def take(key: str) -> Callable[[], None]:
        return lambda: state.edit(bench.write(bench.with_value(_entries(), where, float(state.value(key)))))

    left, right = st.columns([3, 1], vertical_alignment="bottom")
    version = f"{kind}-{block}-{number}-{value:.6g}"  # a new value is a new widget, whoever changed it
    slider, field = f"bench-slider-{version}", f"bench-field-{version}"
    left.slider(kind, low, high, value, key=slider, on_change=take(slider), format="%.2f")
    right.number_input(
        f"{kind}, exactly", value=value, key=field, on_change=take(field), format="%.3f",
        label_visibility="collapsed",
    )  # fmt: skip
    told = f"{kind} of this question {own:+.3f}"
    if population is not None:
        share = float((values < value).mean())
        told += f"; {value:+.3f} lies above {share:.0%} of {len(population):,} questions"
    st.caption(told + ".")


def _append(edits: list[Intervention]) -> None:
    state.edit(bench.write([*_entries(), *(BenchEdit(edit) for edit in edits)]))


def _list(case: header.Case, entries: list[BenchEdit]) -> None:
    st.header("Edits")
    with st.container(horizontal=True, gap="small"):
        for label, icon, back in (("Undo", "undo", True), ("Redo", "redo", False)):
            st.button(
                label, icon=f":material/{icon}:", key=f"bench-{label}", disabled=not state.can_step(back),
                on_click=state.step, args=(back,),
            )  # fmt: skip
        st.button("Clear", icon=":material/delete:", key="bench-clear", disabled=not entries,
                  on_click=state.edit, args=("",))  # fmt: skip
        edits = bench.applied(entries)
        widgets.copy_as_python("bench", lambda: bench_as_python.answer(networks.study(), case, edits))
        st.download_button(
            "Report of this", partial(evidence.report_of, networks.study(), state.view(), state.upload()),
            "film-lens-bench.html", "text/html", key="bench-report", icon=":material/description:",
            on_click="ignore", help="The question, these edits, and the answers before and after, as a page.",
        )  # fmt: skip
    if not entries:
        st.caption("None yet: move a slider, or press one of the buttons beside it.")
    for place, entry in enumerate(entries):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.checkbox(
                widgets.plain(bench.described(entry.edit)), entry.on,
                key=f"bench-on-{place}-{entry.on}-{len(entries)}",
                on_change=_rewrite, args=(bench.switched, place),
            )  # fmt: skip
            for icon, by in (("arrow_upward", -1), ("arrow_downward", 1)):
                st.button(
                    "Earlier" if by < 0 else "Later", icon=f":material/{icon}:", key=f"bench-{icon}-{place}",
                    type="tertiary", disabled=not 0 <= place + by < len(entries),
                    on_click=_rewrite, args=(bench.moved, place, by),
                )  # fmt: skip
            st.button("Remove", icon=":material/close:", key=f"bench-remove-{place}", type="tertiary",
                      on_click=_rewrite, args=(bench.removed, place))  # fmt: skip


def _rewrite(change: Callable[..., list[BenchEdit]], *given: Any) -> None:
    state.edit(bench.write(change(_entries(), *given)))


# --- What follows ---------------------------------------------------------------------------------


def _outcome(case: header.Case, entries: list[BenchEdit]) -> None:
    session, edits = case.session, bench.applied(entries)
    # Those that are drawn over the picture: after the ReLU.
    names = [analysis.stage_names(session.config, block).names[2] for block in range(session.config.blocks)]
    before = shelf.kept(
        ("before", session.card.weights, case.shown.key, case.shown.preview, case.question),
        lambda: session.ask(case.shown.pixels, case.question, record=names),
    )
    try:
        after = session.ask(case.shown.pixels, case.question, edits, record=names) if edits else before
    except InputError as error:
        widgets.show_error(error)
        return
    st.html(
        f'<div id="bench-answer" data-before="{widgets.escape(before.answer)}" '
        f'data-after="{widgets.escape(after.answer)}" data-edits="{len(edits)}" '
        f'data-list="{widgets.escape(bench.write(entries))}"></div>'
    )
    st.header("Before and after")
    before_after.headline(before, after)
    left, right = st.columns(2, gap="large")
    with left:
        before_after.distributions(before, after, "bench-answers")
    with right:
        _changed_maps(case, before, after)


def _changed_maps(case: header.Case, before: Answer, after: Answer) -> None:
    """The maps that the edits changed most, over the picture, before and after."""
    session, config = case.session, case.session.config
    change = np.hypot(after.gamma - before.gamma, after.beta - before.beta)
    places = [divmod(int(place), config.maps) for place in np.argsort(-change, axis=None, kind="stable")]
    shown = [(b, n) for b, n in places[:MOST_SHOWN] if change[b, n] > 0]
    if not shown:
        st.caption("No gamma or beta is changed yet, so every map is as the question has it.")
        return
    count = int((change > 0).sum())
    maps = f"{count} map{'' if count == 1 else 's'} changed"
    st.caption(f"After the ReLU, before (above) and after (below); {maps}.")
    before_after.maps_over_pictures(session, shown, (before, after), (case.shown.pixels, case.shown.pixels))


if __name__ == "__main__":  # as Streamlit runs a page
    page()
