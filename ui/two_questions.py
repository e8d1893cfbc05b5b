"""Two questions on one picture: all maps by how far gamma and beta differ, and one map under both."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Kind, Population, TwoQuestions
from film import InputError
from ui import as_python, before_after, map_stages, question_header as header, state, widgets
from ui.cache import evidence, networks
from ui.second_question import second_question

SORTED_BY = {"both": "gamma or beta", "gamma": "gamma", "beta": "beta"}
COLUMNS = {
    "block": st.column_config.NumberColumn("block", width=50),
    "map": st.column_config.NumberColumn("map", width=50),
    **{
        f"{kind}_difference": st.column_config.NumberColumn(
            f"{kind}, SD", format="%+.2f", width=80,
            help=f"{kind} of the other question less {kind} of the one on the page, in standard deviations.",
        )
        for kind in KINDS
    },
    **{
        f"{kind}_percentile": st.column_config.NumberColumn(
            f"{kind}, pairs below", format="%.0f %%", help="Random pairs of questions that differ less here."
        )
        for kind in KINDS
    },
    "pictures": st.column_config.TextColumn("visual selectivity"),
    "language": st.column_config.TextColumn("language selectivity (gamma)"),
}  # fmt: skip


def two_questions(case: header.Case, population: Population | None) -> None:
    """The whole comparison of the question on the page with another one."""
    other = second_question(case)
    if other is None or population is None:
        return
    session, config = case.session, case.session.config
    wanted = {name for block in range(config.blocks) for name in analysis.stage_names(config, block).names}
    try:
        answers = {
            "A": session.ask(case.shown.pixels, case.question, record=wanted),
            "B": session.ask(case.shown.pixels, other, record=wanted),
        }
    except InputError as error:
        widgets.show_error(error)
        return
    st.markdown(f"**A** {widgets.plain(case.question)} · **B** {widgets.plain(other)}", width="stretch")
    before_after.headline(answers["A"], answers["B"])
    gammas = [{kind: getattr(answer, kind) for kind in KINDS} for answer in answers.values()]
    found = analysis.compare_questions(population, *gammas)
    block, number = header.pick_map(networks.study())
    with st.container(key="modulation-split"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _heatmaps(found, (block, number))
        with right:
            st.header(f"Block {block + 1}, map {number} under both")
            _values(found, block, number)
            map_stages.stages_over_picture(session, answers, case.shown.pixels, block, number)
    _ranked(found)
    widgets.copy_as_python(
        "two-questions", lambda: as_python.two_questions(networks.study(), case.shown, case.question, other)
    )


def _heatmaps(found: TwoQuestions, chosen: tuple[int, int]) -> None:
    st.header("What B changes")
    widgets.notice(
        "B minus A, in standard deviations over questions. **Orange: higher under B, blue: lower.** Click a "
        "map to see it under both."
    )
    for kind in KINDS:
        drawn = analysis.map_heatmap(
            found.difference[kind], f"{kind}, SD", chosen=chosen, form="+.2f", dark=widgets.dark()
        )
        alt = f"Difference of {kind} between two questions, for every map, in standard deviations."
        columns = ["block", "map", *(f"{kind}_{name}" for name in ("first", "second", "difference"))]
        table = found.ranked(kind)[columns]
        widgets.figure(drawn, f"difference-{kind}", alt, table, header.open_map)


def _values(found: TwoQuestions, block: int, number: int) -> None:
    for kind in KINDS:
        first, second, difference, percentile = (
            float(values[kind][block, number])
            for values in (found.first, found.second, found.difference, found.percentile)
        )
        st.markdown(
            f"**{kind}** A {first:+.2f}, B {second:+.2f}: {difference:+.2f} SD, more than {percentile:.0f} % "
            "of random pairs"
        )


def _ranked(found: TwoQuestions) -> None:
    st.header("All maps, ranked")
    by = st.segmented_control(
        "Sort by the difference of", list(SORTED_BY), required=True, format_func=SORTED_BY.__getitem__,
        **state.option("two-questions-by", list(SORTED_BY), "both"),
    )  # fmt: skip
    kind: Kind | None = "gamma" if by == "gamma" else "beta" if by == "beta" else None
    table = _labelled(found.ranked(kind))
    usual = ", ".join(
        f"{kind} by {median:.1f} SD in half of them and by less than {high:.1f} in 95 of 100"
        for kind, (median, high) in found.greatest.items()
    )
    widgets.notice(
        f"Click a row to see its map. **How unusual is the first?** In the map where they differ most, "
        f"{found.pairs:,} random pairs of questions differ in {usual}."
    )

    def open_map(selection: dict[str, list[int]]) -> None:
        if selection["rows"]:
            row = table.iloc[selection["rows"][0]]
            state.change(block=int(row["block"]) - 1, feature_map=int(row["map"]))

    st.dataframe(
        table[[name for name in COLUMNS if name in table]], hide_index=True, height=360,
        column_config=COLUMNS, selection_mode="single-row", **state.picked(f"two-questions-{by}", open_map),
    )  # fmt: skip
    of = f"{found.questions:,} questions, seed {found.seed}"
    widgets.data(
        table, "two-questions", "Maps by how far gamma and beta of two questions differ",
        sample=f"{widgets.asked()}, A, and “{state.view().other}”, B, in deviations of {of}",
    )  # fmt: skip
    st.caption(f"Deviations and random pairs are those of {of}.")
    widgets.how_measured("Two questions on one picture")


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """With each map's labels, where they were measured."""
    try:
        cards = evidence.cards(networks.study())
    except InputError:
        return table  # the page of map cards says what is wrong
    if cards is None:
        return table
    labels = cards.cards[["block", "map", "pictures", "language"]]
    return table.merge(labels.assign(block=labels["block"] + 1), on=["block", "map"], how="left")
