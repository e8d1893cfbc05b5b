"""How consistent the network is on pairs of scenes that differ in one thing, and its errors to open."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis import CounterfactualSet
from film import InputError, command
from ui import state, studio, widgets
from ui.cache import evidence, networks
from ui.studio_answers import Side

LISTED = 50  # pairs that can be opened, the most confident first


def consistency(before: Side, after: Side) -> None:
    """The table kept beside the network, whatever scene is on the page."""
    study = networks.study()
    try:
        found = evidence.counterfactuals(study)
    except InputError as error:
        widgets.show_error(error)
        return
    if found is None:
        st.caption("Not measured for this network. This measures it and keeps it beside the weights:")
        st.code(command("analysis", "counterfactual", str(study.folder.name)), language=None)
        return
    recipe = found.recipe
    st.caption(
        f"{found.pairs:,} pairs of scenes that differ in one thing of one object, from {recipe['scenes']} "
        f"scenes ({widgets.plain(str(recipe['source']))}), seed {recipe['seed']}, {recipe['quality']} "
        "pictures. "
        "Consistent: the answer changes exactly when the truth does; right: it is right about both scenes. "
        "“nothing”: the same scene drawn with another seed. 95 % intervals, clustered by scene."
    )
    table = found.consistency()
    st.dataframe(_in_percent(table), hide_index=True)
    widgets.data(
        table, "studio-consistency", "Consistency on pairs of scenes that differ in one thing",
        sample=f"{found.pairs:,} pairs from {recipe['scenes']} scenes, seed {recipe['seed']}",
    )  # fmt: skip
    widgets.how_measured("Consistency on pairs of scenes")
    _errors(found)


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["changed", "true answer", "pairs", "questions"]].copy()
    for name in ("consistent", "right"):
        shown[f"{name}, %"] = [
            f"{100 * share:.1f}" + ("" if pd.isna(low) else f" [{100 * low:.1f}, {100 * high:.1f}]")
            for share, low, high in zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
        ]
    return shown


def _errors(found: CounterfactualSet) -> None:
    """Questions that it is not consistent about; one opens with both scenes."""
    wrong = found.inconsistent().head(LISTED).reset_index(drop=True)
    if wrong.empty:
        st.caption("It is consistent about every question.")
        return
    chosen = st.selectbox(
        "Not consistent, the most confident first", range(len(wrong)),
        format_func=lambda number: _said(wrong.loc[number]),
        **state.option("studio-wrong", range(len(wrong)), 0),
    )  # fmt: skip
    row = wrong.loc[chosen or 0]
    pair = str(row["before"]), str(row["after"]), str(row["question"]), int(row["thing"])
    st.button("Open this pair", key="studio-open-pair", icon=":material/open_in_full:",
              on_click=studio.open_pair, args=pair)  # fmt: skip


def _said(row: pd.Series) -> str:
    return (
        f"{row['question']} ({row['change']}): {row['answer_before']} → {row['answer_after']}, "
        f"true {row['truth_before']} → {row['truth_after']}"
    )
