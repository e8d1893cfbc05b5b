"""The atlas's selection: why its questions are together, the questions themselves, and one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Selection, Why
from film import InputError, percent
from ui import pages, selections, state, widgets
from ui.atlas_view import AtlasView, mark, wait
from ui.cache import atlas as atlas_cache, networks, pictures

ROWS = 1000  # of a selection that the table shows
MOST = 100  # findings that its table shows
PICTURES = 12


def why(shown: AtlasView) -> None:
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
    name = shown.tested_on
    if not atlas_cache.explains(networks.study(), name):
        wait("Counting words and finding neighbours", lambda: atlas_cache.explains(networks.study(), name))
        return
    _findings(shown, selection, other)
    widgets.how_measured("What a selection has in common")
    mark("explained", selection)


_number = st.column_config.NumberColumn
_FINDINGS: dict[str, Any] = {
    "kind": "kind",
    "feature": "feature",
    "selection": _number("here", format="%.2f", help="Share of the selection that has it, or its mean."),
    "rest": _number("rest", format="%.2f", help="The same of all others."),
    "effect": _number("effect", format="%+.2f", help="Cliff's delta, from -1 to 1."),
    "q": st.column_config.TextColumn("q", help="False-discovery rate (Benjamini and Hochberg)."),
    "p_family": widgets.p_column("null", help="Share of scattered selections with one as strong."),
}


def _findings(shown: AtlasView, selection: Selection, other: str) -> None:
    """What sets a selection apart from all the others, or from the kept one of a name."""
    study = networks.study()
    if not other:
        drawn = bool(selection.layout)
        _compared(
            lambda: atlas_cache.why(study, selection.rows, shown.tested_on, drawn),
            f"{selection.how} · {shown.sample}",
        )
        return
    kept = selections.kept(shown.study)[other]
    both = int((selection.rows & kept.rows).sum())
    left_out = f"; {both:,} {shown.study.schema.nouns} are in both and left out" if both else ""
    widgets.notice(f"“The rest” is {widgets.plain(other)} alone here{left_out}.")
    _compared(
        lambda: atlas_cache.why_between(study, selection.rows, kept.rows),
        f"{selection.how}, beside {other} · {shown.sample}",
    )


def _compared(compare: Callable[[], Why], sample: str) -> None:
    """The findings of a comparison: in a sentence, and ranked. All of them are in the file."""
    try:
        with st.spinner("Comparing …"):
            why = compare()
    except InputError as error:
        widgets.show_error(error)
        return
    for asked, said in why.statements():
        st.markdown(f"**{asked}** {widgets.plain(said)}")
    if len(why.table):
        # Words and labels are evidence; gammas and betas say where on a projection of them a selection lies.
        evidence = ~why.table["kind"].isin(("gamma", "beta"))
        ordered = pd.concat([why.table[evidence], why.table[~evidence]])
        listed = ordered[list(_FINDINGS)].head(MOST)
        st.dataframe(
            listed.assign(q=listed["q"].map(analysis.small)),
            hide_index=True,
            height=min(300, 36 * len(ordered) + 40),
            key="atlas-why",
            column_config=_FINDINGS,
        )
        widgets.data(ordered, "atlas-why", "What a selection has in common", sample=sample)
    st.caption(widgets.plain(why.describe()))


def questions(shown: AtlasView) -> None:
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
    listed = table.iloc[first][columns]
    if "confidence" in listed and not alone:
        listed = listed.assign(confidence=listed["confidence"].map(percent, na_action="ignore"))
    st.dataframe(
        listed, hide_index=True, height=330, key=key,
        on_select=take, selection_mode="single-row",
    )  # fmt: skip
    mark("selected", shown.selection)
    if len(rows) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(rows):,}; all are in the file.")
    widgets.data(
        shown.table(rows), "atlas-selected", f"Selected {shown.study.schema.nouns}",
        sample=f"{shown.selection.how} · {shown.sample}",
    )  # fmt: skip
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


def chosen(shown: AtlasView) -> None:
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
        neighbours = table.iloc[near][columns].assign(distance=far)
        st.dataframe(neighbours, hide_index=True, height=212, key="atlas-near")
        with st.container(horizontal=True, vertical_alignment="center"):
            widgets.data(
                neighbours, "atlas-near", f"Nearest to “{entry['text']}” in the full space, {space}",
                sample=shown.sample,
            )  # fmt: skip
            if not networks.study().alone and st.button(
                "Open on the Ask page", key="atlas-open", icon=":material/question_answer:"
            ):
                key = str(entry.get("picture", ""))
                state.change(question=entry["text"], **({"picture": key} if pictures.is_here(key) else {}))
                st.switch_page(pages.path("ask"))
            st.button(
                "Close", key="atlas-close", type="tertiary", on_click=state.change, kwargs={"chosen": 0}
            )
