"""Map cards: what every feature map differs between, what moves it, and what it is good for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import MapCards
from film import InputError, command
from ui import as_python, below, map_card, question_header as header, state, widgets
from ui.cache import evidence, networks

SELECTIVE, EFFECT = "greatest selectivity", "greatest effect on answers"
ORDERS = {SELECTIVE: "selectivity", EFFECT: "effect on answers", "by number": "number"}
# What is searched: the name of its option in a link, its label, and an example.
SEARCHED = {
    "pictures": ("maps-filter", "Selective for, in pictures", "red, cube, left …"),
    "language": ("maps-language", "Gamma selective for, in language", "left, equal_color, count …"),
}
SEEN = 14  # rows of the list that its place has room for
COLUMNS = {
    "block": st.column_config.NumberColumn("block", width=50),
    "map": st.column_config.NumberColumn("map", width=50),
    "pictures_delta": st.column_config.NumberColumn(
        "visual delta",
        format="%+.2f",
        width=90,
        help="Cliff's delta of what is searched in pictures, or the greatest that makes a label.",
    ),
    "pictures": st.column_config.TextColumn("visual selectivity", help="+ higher, − lower there."),
    "language_delta": st.column_config.NumberColumn(
        "language delta", format="%+.2f", width=110, help="The same of gamma, for words and question types."
    ),
    "language": st.column_config.TextColumn("language selectivity (gamma)"),
    "effect_shrunken": st.column_config.NumberColumn(
        "drop in logits",
        format="%+.3f",
        help="Of the answer minus its runner-up, when the map's gamma and beta are another question's. "
        "Shrunk towards the mean of all maps by as much as is noise.",
    ),
    "effect_rank": st.column_config.NumberColumn("rank of drop", width="small"),
    "sure": st.column_config.CheckboxColumn(
        "p ≤ 0.05", width="small", help="Of that drop, family-wise over all maps."
    ),
    "flags": st.column_config.TextColumn("remarks"),
}


def page() -> None:
    session, dark = networks.network(), widgets.dark()
    st.title("Map cards")
    st.caption("A feature map has no name. Here each gets one, where the evidence is strong enough.")
    try:
        found = evidence.cards(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    if found is None:
        st.info(
            "The maps of this network have not been measured. "
            f"`{command('analysis', 'study', session.checkpoint)}` and then "
            f"`{command('analysis', 'maps', session.checkpoint)}` do it, some minutes each; this page shows "
            "them then.",
            icon=":material/info:",
        )
        return
    with st.container(key="maps-search"):
        wanted, order = _search()
    table = _matching(found, wanted, order)
    _grid(found, table, wanted, dark)
    with st.container(key="maps-split"):  # where the window is narrow, the card below the list
        left, right = st.columns([2, 3], gap="large")
        with left:
            _list(found, table)
        with right:
            map_card.card(session, found, dark)
    _measured_how(found)
    if not below.is_first("maps"):
        view = state.view()
        widgets.copy_as_python("maps", lambda: as_python.maps(networks.study(), view.block, view.feature_map))


def _search() -> tuple[dict[str, str], str]:
    """What maps are to be selective for, in pictures and in language, and what comes first."""
    columns = st.columns([2, 2, 3], vertical_alignment="bottom")
    wanted = {
        about: column.text_input(
            label, placeholder=example, max_chars=60, **state.option(option, None, "")
        ).strip()
        for column, (about, (option, label, example)) in zip(columns, SEARCHED.items(), strict=False)
    }
    order = columns[-1].segmented_control(
        "Sort by", list(ORDERS), required=True, format_func=ORDERS.__getitem__,
        **state.option("maps-order", list(ORDERS), SELECTIVE),
    )  # fmt: skip
    return wanted, order or SELECTIVE


def _matching(found: MapCards, wanted: dict[str, str], order: str) -> pd.DataFrame:
    """The cards of the maps that are searched for, in order; their index is that of all cards."""
    table = found.cards.assign(
        flags=map_card.flags(found.cards), sure=found.cards.index.isin(found.telling.index)
    )
    for about, text in wanted.items():
        effects = found.selective(about, text)[["block", "map", "delta", "value"]]
        named = effects.rename(columns={"delta": f"{about}_delta"})
        table = table.merge(named, on=["block", "map"], how="left").set_index(table.index)
        if text:
            table = table[table[f"{about}_delta"].notna()]
            table = table.assign(**{about: _with_searched(table, about)})
        table = table.drop(columns="value")
    if order == EFFECT:
        return table.sort_values("effect_rank", kind="stable")
    if order == SELECTIVE:
        deltas = [table[f"{about}_delta"].abs() for about in _ranked_by(wanted)]
        weaker = pd.concat(deltas, axis=1).min(axis=1)  # selective for both is what the weaker one says
        return table.reindex(weaker.sort_values(ascending=False, kind="stable", na_position="last").index)
    return table


def _with_searched(table: pd.DataFrame, about: str) -> list[str]:
    """The labels, and after them what was searched where they name something stronger of its kind."""
    found = [
        f"{'+' if delta > 0 else '−'}{value}"
        for delta, value in zip(table[f"{about}_delta"], table["value"], strict=True)
    ]
    return [
        label if one in label.split(", ") else f"{label}, {one}"
        for label, one in zip(table[about], found, strict=True)
    ]


def _ranked_by(wanted: dict[str, str]) -> list[str]:
    return [about for about, text in wanted.items() if text] or ["pictures"]


def _grid(found: MapCards, table: pd.DataFrame, wanted: dict[str, str], dark: bool) -> None:
    """Every map as a cell; those that match stand out."""
    searched = " and ".join(
        f"for “{widgets.plain(text)}” in {about}" for about, text in wanted.items() if text
    )
    lit = np.asarray(found.cards.index.isin(table.index)) if searched else None
    if searched:
        widgets.notice(
            f"**{len(table)} of {len(found.cards)} maps are selective {searched}**: they have a dot, the "
            "others are faint. A cell is a map, coloured by the kind of thing that moves it most."
        )
    else:
        named = (found.cards["pictures"] != "unlabelled").mean()
        widgets.notice(
            f"{named:.0%} of the maps differ between objects. **Which blocks look at colour, which at "
            "place?** A cell is a map, coloured by the kind of thing that moves it most; pale is unlabelled."
        )
    view, config = state.view(), networks.network().config
    chosen = (min(view.block, config.blocks - 1), min(view.feature_map, config.maps - 1))
    widgets.figure(
        analysis.label_grid(found.cards, found.effects, chosen=chosen, lit=lit, dark=dark),
        "labels", "Every map, coloured by what it differs between in pictures.",
        map_card.from_1(found.cards), header.open_map, sample=map_card.sample(found),
    )  # fmt: skip


def _list(found: MapCards, table: pd.DataFrame) -> None:
    st.header("All maps" if len(table) == len(found.cards) else f"{len(table)} maps")
    if table.empty:
        st.caption("No map is selective for that: the labels name values such as red, cube, left, count.")
        return
    shown = map_card.from_1(table)[list(COLUMNS)]
    widgets.notice("Click a row for its card, or name its block and map above the card.")

    def open_card(selection: dict[str, list[int]]) -> None:
        if selection["rows"]:
            row = shown.iloc[selection["rows"][0]]
            state.change(block=int(row["block"]) - 1, feature_map=int(row["map"]))

    if below.is_first("maps"):
        widgets.plain_table(shown.head(SEEN), COLUMNS, "The first maps of the list")
        return
    st.dataframe(
        shown, hide_index=True, height=520, column_config=COLUMNS, selection_mode="single-row",
        **state.picked(f"maps-list-{hash(tuple(table.index)):x}", open_card),
    )  # fmt: skip
    widgets.data(shown, "maps", "Feature maps and what they differ between", sample=map_card.sample(found))


def _measured_how(found: MapCards) -> None:
    recipe = found.recipe
    st.header("How maps get their labels")
    st.caption(
        f"Read in {recipe['objects']:,} objects of {recipe['scenes']} drawn scenes and the gammas of "
        f"{recipe['questions']:,} questions, seed {recipe['seed']}. Objects are compared within their scene, "
        "with what they cover of the picture taken off, words within their question family. A label needs "
        "Cliff's delta of 0.33 or more and a family-wise p of at most 0.05 over all maps and values "
        f"({recipe['trials']} permutations within scenes and families). {found.survival()}"
    )
    st.caption(f"{found.trust()} Measured on {found.recipe['asked']:,} questions.")
    widgets.how_measured("Selectivity of feature maps", "Effects of feature maps on answers")


if __name__ == "__main__":  # as Streamlit runs a page
    page()
