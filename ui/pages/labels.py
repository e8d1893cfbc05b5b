"""Labels: which maps differ between a label's values, and what a linear probe reads off a layer."""

from __future__ import annotations

from typing import Any

import streamlit as st

import analysis
from analysis import LabelEvidence, Schema
from film import InputError
from ui import pages, state, widgets
from ui.cache import evidence as evidence_cache, networks

MOST = 100  # maps that are listed
LEVEL = 0.05


def page() -> None:
    st.title("Labels")
    study = networks.study()
    schema = study.schema
    try:
        found = evidence_cache.labels(study)
    except InputError as error:
        widgets.show_error(error)
        return
    if found is None:
        st.info("Labels were not compared in this study; write it again.", icon=":material/label:")
        return
    if not schema.labels:
        st.info("This study has no labels.", icon=":material/label:")
        return
    recipe = found.recipe
    st.caption(
        f"{recipe['conditions']:,} conditions that are modulated differently, in {recipe['rows']:,} "
        f"{widgets.plain(schema.nouns)}, seed {recipe['seed']}. {widgets.plain(schema.nouns.capitalize())} "
        "that are modulated alike count once. Numbers of more than five values are told as thirds."
    )
    if state.view().probe not in schema.labels:
        state.change(probe=schema.labels[0])
    st.pills("Label", list(schema.labels), required=True, **state.bound("probe"))
    label = state.view().probe
    if reason := found.left_out(label):
        st.caption(f":material/info: {widgets.plain(reason)}")
    _maps(found, schema, label)
    _probes(found, schema, label)


def _maps(found: LabelEvidence, schema: Schema, label: str) -> None:
    st.header("Which maps differ")
    best = found.of_label(label)
    if best.empty:
        st.caption("Nothing could be compared.")
        return
    sure = int((best["p_family"] <= LEVEL).sum())
    widgets.notice(
        f"**{sure:,} of {len(best):,} gammas and betas differ between the values of {widgets.plain(label)}** "
        "by more than in 19 of 20 studies whose labels mean nothing. Strongest first, each with the value "
        "for which it differs most. Choose a row to colour the Atlas by it."
    )
    number = st.column_config.NumberColumn
    columns: dict[str, Any] = {
        "layer": "layer", "map": number("map"), "kind": "of", "value": f"for {label}",
        "effect": number("effect", format="%+.2f", help="Cliff's delta, from -1 to 1."),
        "p_family": number("p", format="%.3f", help="Corrected for all maps, values and labels."),
    }  # fmt: skip
    key = f"labels-maps-{schema.labels.index(label)}"
    shown = best.head(MOST)
    st.dataframe(
        shown[list(columns)], hide_index=True, height=300, key=key, column_config=columns,
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    rows = (state.told(key, "selection") or {}).get("rows", [])
    if rows and rows[0] < len(shown):
        row = shown.iloc[rows[0]]
        state.change(
            color=row["kind"], block=schema.layers.names.index(row["layer"]), feature_map=int(row["map"])
        )
        st.switch_page(pages.path("atlas"))
    widgets.data(best, "maps-by-label")


def _probes(found: LabelEvidence, schema: Schema, label: str) -> None:
    st.header("What a linear probe reads")
    own = found.probes if found.probes.empty else found.probes[found.probes["target"] == label]
    if own.empty:
        st.caption("Nothing could be probed.")
        return
    widgets.notice(
        "A logistic regression is tested on conditions that it was not trained on. **A mark counts where its "
        "interval lies above the dotted line** (always the commonest value) **and above its hollow twin** "
        "(shuffled labels). What is readable need not be used."
    )
    best = own.loc[own["accuracy"].idxmax()]
    where = (
        str(best["space"])
        if best["block"] == 0
        else f"{best['space']} of {schema.layers.names[best['block'] - 1]}"
    )
    widgets.figure(
        analysis.probe_chart(found.probes, label, layers=schema.layers.names, dark=widgets.dark()),
        f"probes-of-{schema.labels.index(label)}",
        f"Probes for {label}; the best reads {where} and is right for {best['accuracy']:.0%}.",
        own,
    )
    st.caption(
        f"Best: **{widgets.plain(where)}** with {best['accuracy']:.1%} ({best['low']:.1%} to "
        f"{best['high']:.1%}); "
        f"majority {best['majority']:.1%}, shuffled labels {best['control']:.1%}. {int(best['tested']):,} "
        f"{widgets.plain(schema.nouns)} of {int(best['pictures']):,} conditions, five folds by condition, "
        "standardised, L2 penalty."
    )


if __name__ == "__main__":
    page()
