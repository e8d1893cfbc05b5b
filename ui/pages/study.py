"""Study: what a study without its network holds, where to go, and its report."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from film import command
from ui import pages, state, widgets
from ui.cache import evidence as evidence_cache, networks


def page() -> None:
    study = networks.study()
    known, schema = study.extraction, study.schema
    assert known is not None
    st.title(widgets.plain(study.name))
    st.caption(
        f"A study of a FiLM network: the gammas and betas of {len(known):,} {widgets.plain(schema.nouns)} "
        f"({widgets.plain(str(known.recipe['source']))}), and their labels. The network itself is not here, "
        "so the pages that need pictures or questions are not shown."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.header("Layers")
        layers = pd.DataFrame({"layer": schema.layers.names, "feature maps": schema.layers.maps})
        st.dataframe(layers, hide_index=True)
        said = "None were given." if known.state is None else f"{known.state.shape[1]} units."
        st.caption(f"States that gammas and betas are made of: {said}")
    with right:
        st.header("Labels")
        rows = [
            {"label": name, "kind": "category" if name in schema.categories else "number",
             "values": known.table[name].nunique()}
            for name in schema.labels
        ]  # fmt: skip
        st.dataframe(pd.DataFrame(rows, columns=["label", "kind", "values"]), hide_index=True)
        nouns, groups = widgets.plain(schema.nouns), widgets.plain(schema.groups)
        st.caption(
            f"{nouns.capitalize()} of one {groups} depend on each other; statistics are of whole groups."
            if groups
            else f"{nouns.capitalize()} are taken to be independent."
        )
        widgets.how_measured("Labels of any network")
    st.header("Where to look")
    for name, title, told in (
        (
            "atlas",
            "Atlas",
            f"what lies together is modulated alike; select {schema.nouns} and read what they share",
        ),
        ("parameters", "Parameters", "the distributions of gamma and beta, layer by layer and map by map"),
        (
            "labels",
            "Labels",
            "which maps differ between the values of a label, and what a linear probe reads",
        ),
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(pages.path(name), label=title, width="content")
            st.markdown(widgets.plain(told), width="content")
    st.header("Export")
    typed = command("analysis", "report", str(study.folder), "--out", "report.html")
    st.caption(
        "One page that needs nothing from outside, with figures, numbers, and a manifest of hashes, seeds "
        f"and versions. The command `{typed}` makes the same."
    )
    with st.container(horizontal=True):
        for label, of, name in (
            ("Report of the study", None, "study"),
            ("Report of this view", state.view(), "view"),
        ):
            st.download_button(
                label, partial(evidence_cache.report_of, study, of), f"film-lens-{name}.html", "text/html",
                key=f"report-{name}", icon=":material/description:", on_click="ignore",
            )  # fmt: skip


if __name__ == "__main__":
    page()
