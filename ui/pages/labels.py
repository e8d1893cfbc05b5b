"""Labels: which maps differ between a label's values, and what a linear probe reads off a layer."""

from __future__ import annotations

from typing import Any

import pandas as pd
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
    alike = "that are modulated alike count once"
    if schema.groups:
        alike = f"of one {schema.groups} depend on each other: folds, nulls and intervals are of whole groups"
    st.caption(
        widgets.plain(f"{found.sample(schema)}, seed {recipe['seed']}. {schema.nouns.capitalize()} {alike}.")
    )
    if state.view().probe not in schema.labels:
        state.change(probe=schema.labels[0])
    st.pills("Label", list(schema.labels), required=True, **state.bound("probe"))
    label = state.view().probe
    if reason := found.left_out(label):
        st.caption(f":material/info: {widgets.plain(reason)}")
    with st.container(key="labels-split"):
        left, right = st.columns(2, gap="large")
    with left:
        _maps(found, schema, label)
    with right:
        _probes(found, schema, label)
    widgets.how_measured("Labels of any network")


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
        + (" A number's values are told as thirds." if label in schema.numbers else "")
    )
    number = st.column_config.NumberColumn
    columns: dict[str, Any] = {
        "layer": "layer", "map": number("map"), "kind": "of", "value": f"for {label}",
        "effect": number("effect", format="%+.2f", help="Cliff's delta, from -1 to 1."),
        "p_family": widgets.p_column(help="Corrected for all maps, values and labels."),
    }  # fmt: skip
    key = f"labels-maps-{schema.labels.index(label)}"
    shown = best.head(MOST)
    st.dataframe(
        shown[list(columns)], hide_index=True, height=420, key=key, column_config=columns,
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    rows = (state.told(key, "selection") or {}).get("rows", [])
    if rows and rows[0] < len(shown):
        row = shown.iloc[rows[0]]
        state.change(
            color=row["kind"], block=schema.layers.names.index(row["layer"]), feature_map=int(row["map"])
        )
        st.switch_page(pages.path("atlas"))
    widgets.data(
        best, "maps-by-label", f"Which maps differ between the values of {label}",
        sample=f"{found.sample(schema)}, seed {found.recipe['seed']}",
    )  # fmt: skip


def _of(table: pd.DataFrame, label: str) -> pd.DataFrame:
    return table if table.empty else table[table["target"] == label]


def _where(row: pd.Series, schema: Schema) -> str:
    """The space of a probe's row, in words."""
    space = str(row["space"])
    if row["block"]:
        return f"{space} of {schema.layers.names[row['block'] - 1]}"
    return space if space == "state" or len(schema.layers) == 1 else f"{space} of all layers"


def _probes(found: LabelEvidence, schema: Schema, label: str) -> None:
    st.header("What a linear probe reads")
    if len(numbers := _of(found.regressions, label)):
        _regressions(numbers, found, schema, label)
        return
    own = _of(found.probes, label)
    if own.empty:
        st.caption("Nothing could be probed.")
        return
    counts = int(((own["low"] > own["majority"]) & (own["low"] > own["control_high"])).sum())
    widgets.notice(
        "A logistic regression is tested on conditions that it was not trained on. **A mark counts where its "
        "interval lies above the dotted line** (always the commonest value) **and above that of its "
        f"control** (hollow: shuffled labels): {counts} of {len(own)} do. What is readable need not be used."
    )
    best = own.loc[own["accuracy"].idxmax()]
    where = _where(best, schema)
    widgets.figure(
        analysis.probe_chart(found.probes, label, layers=schema.layers.names, dark=widgets.dark()),
        f"probes-of-{schema.labels.index(label)}",
        f"Probes for “{label}”; the best reads {where} and is right for {best['accuracy']:.0%}.",
        own,
        sample=_sample(best, found, schema),
    )
    st.caption(
        f"Best: **{widgets.plain(where)}** with {best['accuracy']:.1%} ({best['low']:.1%} to "
        f"{best['high']:.1%}); "
        f"majority {best['majority']:.1%}, shuffled labels {best['control']:.1%}. {int(best['tested']):,} "
        f"{widgets.plain(schema.nouns)}, {_folds(int(best['pictures']), schema)}, standardised, L2 penalty."
    )


def _sample(best: pd.Series, found: LabelEvidence, schema: Schema) -> str:
    tested = f"tested on {int(best['tested']):,} {schema.nouns}"
    return f"{found.sample(schema)}, {tested}, seed {found.recipe['seed']}"


def _folds(clusters: int, schema: Schema) -> str:
    if schema.groups:
        return f"five folds of whole groups of {widgets.plain(schema.groups)} ({clusters:,})"
    return f"five folds by condition ({clusters:,})"


def _regressions(own: pd.DataFrame, found: LabelEvidence, schema: Schema, label: str) -> None:
    widgets.notice(
        f"A ridge regression estimates “{widgets.plain(label)}” for conditions that it was not trained on: "
        "R² is 1 where it is exact and 0 where the mean would do as well. **A mark counts where its interval "
        "lies above 0 and it lies above its control** (hollow), under which 95 % of regressions on shuffled "
        "numbers are. What is readable need not be used."
    )
    best = own.loc[own["r2"].idxmax()]
    where = _where(best, schema)
    widgets.figure(
        analysis.regression_chart(found.regressions, label, layers=schema.layers.names, dark=widgets.dark()),
        f"regressions-of-{schema.labels.index(label)}",
        f"Regressions for “{label}”; the best reads {where} with an R² of {best['r2']:.2f}.",
        own,
        sample=_sample(best, found, schema),
    )
    st.caption(
        f"Best: **{widgets.plain(where)}** with R² {best['r2']:.2f} ({best['low']:.2f} to "
        f"{best['high']:.2f}); 95th percentile of permutations {best['null_high']:.2f}, "
        f"{analysis.small(best['p_family'], 'p')} for all layers and numbers. {int(best['tested']):,} "
        f"{widgets.plain(schema.nouns)}, {_folds(int(best['clusters']), schema)}, standardised, L2 penalty."
    )


if __name__ == "__main__":
    page()
