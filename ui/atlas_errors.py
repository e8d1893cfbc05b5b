"""The atlas's side panel about errors: where they lie, and the pictures that a selection was asked about."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
import film
from analysis import Extraction, Panel, Selection
from film import command, percent
from ui import pages, selections, state, widgets
from ui.atlas_view import AtlasView, wait
from ui.cache import errors as error_cache, networks

SHOWN = 6  # pictures drawn at a time
_number = st.column_config.NumberColumn
_SHARES: dict[str, Any] = {
    "value": "question type",
    "asked": _number("questions", format="localized"),
    "share": _number("wrong, %", format="%.1f"),
    "interval": "95 % interval",
    "expected": _number(
        "expected, %", format="%.1f", help="With errors shuffled among each picture's questions."
    ),
    "p_family": widgets.p_column(help="Corrected for all types (max-T)."),
}


def errors(shown: AtlasView) -> None:
    """Where the errors lie; of a selection, how many it has and its pictures."""
    if not _answered():
        return
    if shown.selection is None:
        _everywhere(shown)
    else:
        _selected(shown.study, shown.selection)
    widgets.how_measured("Errors by type and region")


def _everywhere(shown: AtlasView) -> None:
    """By type of question, and in which regions of a projection."""
    network, study, name = networks.study(), shown.study, shown.name
    st.markdown("## Where do the errors lie?")
    types, regions = error_cache.by_type(network), error_cache.by_region(network, name)
    if not (types.done() and regions.done()):
        wait("Permuting errors", lambda: types.done() and regions.done())
        return
    wrong, asked = (study.table["outcome"] == "wrong").sum(), len(study)
    st.caption(
        f"{wrong:,} of {asked:,} answers about {study.table['picture'].nunique():,} drawn pictures are wrong "
        f"({wrong / asked:.1%}). Colour by *outcome* or *confidence* to see them."
    )
    _types(types.result(), shown.sample)
    _regions(study, name, *regions.result())


def _types(found: pd.DataFrame, sample: str) -> None:
    table = found.sort_values("share", ascending=False)[list(_SHARES)]
    table = table.assign(share=100 * table["share"], expected=100 * table["expected"])
    widgets.plain_table(table, _SHARES, "Errors by type of question", height=250)
    st.caption(
        "Expected: with errors shuffled among each picture's questions. p: corrected for all types (max-T)."
    )
    widgets.data(table, "errors-by-type", "Errors by type of question, per cent", sample=sample)


def _regions(study: Extraction, name: str, found: pd.DataFrame, rows: np.ndarray) -> None:
    """The regions with most errors; choosing one selects its questions."""
    labels = [
        f"{row.share:.1%} of {row.asked:,} wrong ({row.interval}), {row.expected:.1%} expected of its types, "
        f"{analysis.small(row.p_family, 'p')}"
        for row in found.head(SHOWN).itertuples()
    ]

    chosen = st.selectbox(
        "Select a region with many errors", range(len(labels)), index=None, format_func=labels.__getitem__,
        key="atlas-error-region", placeholder="Regions of this projection, most errors first",
    )  # fmt: skip
    if chosen is not None:
        which = np.zeros(len(study), bool)
        which[rows[chosen]] = True
        selections.select(
            study, Selection(which, f"a region with many errors on the projection {name}", name)
        )
        st.rerun()
    st.caption(
        f"Regions of {rows.shape[1]:,} questions near each other there, 300 drawn with seed 0; p: "
        "errors shuffled among questions of the same type 500 times, corrected for all regions (max-T); "
        "under 0.05 a region has more, or fewer, errors than its types explain."
    )


def _selected(study: Extraction, selection: Selection) -> None:
    """How often the selected questions were answered wrongly, and their pictures."""
    st.markdown("## Errors and pictures")
    within, of_types, elsewhere = error_cache.of_selection(networks.study(), selection.rows)
    st.markdown(
        f"**{within.wrong:,} of {within.asked:,} answers are wrong: {within.share:.1%}** (95 %, per cent: "
        f"{within.interval}); elsewhere {elsewhere:.1%}."
    )
    st.caption(
        f"By chance {within.expected:.1%}, with errors shuffled among each picture's questions "
        f"({analysis.small(within.p_family, 'p')}), and {of_types.expected:.1%}, among each type's "
        f"({analysis.small(of_types.p_family, 'p')}). {error_cache.TRIALS:,} permutations, seed 0."
    )
    _pictures(study, selection)


def _pictures(study: Extraction, selection: Selection) -> None:
    """The pictures of the selected questions, some at a time, errors first and the most confident of them."""
    table = study.table[selection.rows]
    table = table.assign(wrong=table["outcome"] == "wrong")
    table = table.sort_values(["wrong", "confidence"], ascending=False, kind="stable")
    last = max(1, -(-len(table) // SHOWN))
    number = zlib.crc32(selection.rows.tobytes())
    page = st.number_input(f"Pictures, errors first: page (of {last:,})", 1, last, key=f"pictures-{number}")
    shown = table.iloc[(page - 1) * SHOWN : page * SHOWN]
    drawn = {key: error_cache.picture(key) for key in dict.fromkeys(shown["picture"])}
    if not all(found.done() for found in drawn.values()):
        wait("Drawing pictures", lambda: all(found.done() for found in drawn.values()))
        return
    columns = st.columns(2, gap="small")
    for place, (row, entry) in enumerate(shown.iterrows()):
        with columns[place % 2]:
            _picture(int(study.table.index.get_loc(row)), entry, drawn[entry["picture"]].result())
    panels = [
        Panel(film.read_picture(pixels), f"{entry['text']} {entry['prediction']}, true {entry['answer']}")
        for _, entry in shown.iterrows()
        if (pixels := drawn[entry["picture"]].result()) is not None
    ]
    if panels:
        said = f"pictures of {selection.rows.sum():,} selected {study.schema.nouns}, {selection.how}"
        widgets.picture_files(
            panels, "atlas-pictures", "Errors first", table.drop(columns="wrong"), sample=said
        )


def _picture(row: int, entry: pd.Series, pixels: bytes | None) -> None:
    """One picture with its question, the answer and the truth; it can be opened."""
    said, sure = widgets.plain(entry["prediction"]), percent(entry["confidence"])
    if pixels is not None:
        st.image(pixels, width=240, alt=f"The picture of “{entry['text']}”")
    st.markdown(
        f"{widgets.plain(entry['text'])}  \n**{said}** ({sure}), {entry['outcome']}; true: "
        f"{widgets.plain(str(entry['answer']))}"
    )
    if st.button("Ask", key=f"atlas-picture-{row}", icon=":material/question_answer:", type="tertiary"):
        state.change(question=entry["text"], picture=entry["picture"])
        st.switch_page(pages.path("ask"))


def _answered() -> bool:
    """Whether there are answers about pictures; says how to have them where there are none."""
    network = networks.study()
    if network.alone or error_cache.answered(network):
        return not network.alone
    st.caption(
        "This study has no answers about pictures, so errors and pictures cannot be shown. "
        f"Add them with `{command('analysis', 'study', networks.network().checkpoint)}`."
    )
    return False
