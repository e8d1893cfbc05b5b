"""Map cards: what every feature map differs between, what moves it, and what it is good for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import MapCards
from film import InputError, Session, UnknownWords, command, to_size
from ui import question_header as header, state, widgets
from ui.cache import evidence, networks, pictures

ENLARGED = 300  # pixels across
EXTREMES = 4  # questions shown at either end of a map's gammas
ORDERS = ("by number", "greatest effect on answers")
COLUMNS = {
    "block": st.column_config.NumberColumn("block", width="small"),
    "map": st.column_config.NumberColumn("map", width="small"),
    "pictures": st.column_config.TextColumn("visual selectivity", help="+ higher, − lower there."),
    "language": st.column_config.TextColumn("language selectivity (gamma)"),
    "effect_shrunken": st.column_config.NumberColumn(
        "drop in logits",
        format="%+.3f",
        help="Of the answer minus its runner-up, when the map's gamma and beta are another question's. "
        "Drawn towards the mean of all maps by as much as is noise.",
    ),
    "effect_rank": st.column_config.NumberColumn("rank", width="small", help="By that drop."),
    "sure": st.column_config.CheckboxColumn(
        "sure", width="small", help="Family-wise over all maps, p ≤ 0.05."
    ),
    "flags": st.column_config.TextColumn("also"),
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
    recipe = found.recipe
    named = (found.cards["pictures"] != "unlabelled").mean()
    widgets.notice(
        f"{named:.0%} of the maps differ between objects. **Which blocks look at colour, which at "
        "place?** A cell is a map, coloured by the kind of thing that moves it most; pale is unlabelled."
    )
    view = state.view()
    chosen = (min(view.block, session.config.blocks - 1), min(view.feature_map, session.config.maps - 1))
    widgets.figure(
        analysis.label_grid(found.cards, found.effects, chosen=chosen, dark=dark),
        "labels", "Every map, coloured by what it differs between in pictures.", _from_1(found.cards),
        header.open_map,
        sample=_sample(found),
    )  # fmt: skip
    st.caption(
        f"Read in {recipe['objects']:,} objects of {recipe['scenes']} drawn scenes and the gammas of "
        f"{recipe['questions']:,} questions, seed {recipe['seed']}. Objects are compared within their scene, "
        "with what they cover of the picture taken off, words within their question family. A label needs "
        "Cliff's delta of 0.33 or more and a family-wise p of at most 0.05 over all maps and values "
        f"({recipe['trials']} permutations within scenes and families). {found.survival()}"
    )
    widgets.how_measured("Selectivity of feature maps")
    _table(found)
    block, number = header.pick_map(networks.study())
    _card(session, found, block, number, dark)


def _sample(found: MapCards) -> str:
    """What the cards were measured on."""
    recipe = found.recipe
    return f"{recipe['objects']:,} objects, {recipe['questions']:,} questions, seed {recipe['seed']}"


def _table(found: MapCards) -> None:
    st.header("All maps")
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    wanted = left.text_input(
        "Labelled with",
        placeholder="red, left, count …",
        max_chars=60,
        **state.option("maps-filter", None, ""),
    ).strip()
    order = right.segmented_control(
        "First", ORDERS, required=True, **state.option("maps-order", ORDERS, ORDERS[0])
    )
    sure = found.cards.index.isin(found.telling.index)
    table = _from_1(found.cards).assign(flags=_flags(found.cards), sure=sure)[list(COLUMNS)]
    if wanted:
        both = table["pictures"] + ", " + table["language"]
        table = table[both.str.contains(wanted, case=False, regex=False)]
    if order != ORDERS[0]:
        table = table.sort_values("effect_rank", kind="stable")
    widgets.notice("Click a row for its card, or name its block and map below.")
    st.caption(f"{found.trust()} Measured on {found.recipe['asked']:,} questions.")
    widgets.how_measured("Effects of feature maps on answers")

    def open_card(selection: dict[str, list[int]]) -> None:
        if selection["rows"]:
            row = table.iloc[selection["rows"][0]]
            state.change(block=int(row["block"]) - 1, feature_map=int(row["map"]))

    st.dataframe(
        table, hide_index=True, height=260, column_config=COLUMNS, selection_mode="single-row",
        **state.picked(f"maps-{wanted}-{order}", open_card),
    )  # fmt: skip


def _from_1(table: pd.DataFrame) -> pd.DataFrame:
    """Blocks counted as on screen."""
    return table.assign(block=table["block"] + 1)


def _flags(cards: pd.DataFrame) -> list[str]:
    return [
        ", ".join(["dead"] * bool(dead) + ([f"does the same as map {twin}"] if twin >= 0 else []))
        for dead, twin in zip(cards["dead"], cards["twin"], strict=True)
    ]


def _card(session: Session, found: MapCards, block: int, number: int, dark: bool) -> None:
    cards = found.cards
    card = cards[(cards["block"] == block) & (cards["map"] == number)].iloc[0]
    st.header(f"Block {block + 1}, map {number}")
    flags = _flags(cards.loc[[card.name]])[0]
    st.markdown(
        f"Visual selectivity: **{card['pictures']}** · language selectivity of its gamma: "
        f"**{card['language']}**" + (f" · {flags}" if flags else "")
    )
    sure = "sure among all maps" if card.name in found.telling.index else "could be chance among so many maps"
    st.markdown(
        "With another question's gamma and beta in this map the answer loses "
        f"**{card['effect_shrunken']:+.3f} logits** to its runner-up, on average "
        f"({card['effect_low']:+.3f} to {card['effect_high']:+.3f}; rank {card['effect_rank']} of "
        f"{len(cards)}, {sure}; {found.recipe['asked']:,} questions about {found.recipe['scenes']} drawn "
        "pictures)."
    )
    left, right = st.columns(2, gap="large")
    for column, about, told in (
        (
            left,
            "pictures",
            "Objects read before FiLM: **higher where this is so (right) or lower (left)?**",
        ),
        (right, "language", "Its gamma in questions with this word, of this type: **higher or lower?**"),
    ):
        effects = found.effects_of(block, number, about)
        with column:
            widgets.notice(f"{told} Pale bars could be chance.")
            alt = f"Cliff's delta of what moves the map in {about}."
            widgets.figure(
                analysis.effect_bars(effects, dark=dark),
                f"map-{about}",
                alt,
                _from_1(effects),
                sample=_sample(found),
            )
    _pictures(session, card, block, number)
    _questions(block, number)


def _pictures(session: Session, card: pd.Series, block: int, number: int) -> None:
    question = state.view().question
    try:
        modulation = session.modulate([question])
    except (UnknownWords, InputError):
        return
    name = analysis.stage_names(session.config, block).names[0]
    numbers = [int(text) for text in card["best"].split()]
    shown = [pictures.picture(at) for at in numbers]
    maps = [session.answer(picture, modulation, [name])[0].activations[name][number] for picture in shown]
    scale = max(float(np.abs(values).max()) for values in maps) or 1.0
    widgets.notice(
        "The gallery's pictures it is strongest in, before FiLM, under the question of the Ask page. "
        "**What do the orange places share?**"
    )
    height = ENLARGED * session.config.height // session.config.width
    for column, at, picture, values in zip(st.columns(len(numbers)), numbers, shown, maps, strict=True):
        seen = to_size(picture, ENLARGED, height, session.card.fit)
        title = pictures.exhibits()[at].title
        column.image(
            analysis.png(analysis.over_picture(values, seen, scale)), caption=title, width="stretch",
            alt=f"The map over the picture {title}",
        )  # fmt: skip


def _questions(block: int, number: int) -> None:
    known = networks.study().extraction
    if known is None:
        return
    gamma = np.asarray(known.gamma[:, block, number], np.float32)
    order = np.argsort(gamma, kind="stable")
    widgets.notice("Questions with its highest and lowest gamma. **A click asks one.**")
    for column, label, rows in zip(
        st.columns(2, gap="large"), ("highest", "lowest"), (order[::-1], order), strict=True
    ):
        column.markdown(f"**{label.capitalize()} gamma**")
        texts: dict[str, float] = {}
        for row in rows:
            texts.setdefault(known.table["text"].iloc[row], float(gamma[row]))
            if len(texts) == EXTREMES:
                break
        for place, (text, value) in enumerate(texts.items()):
            column.button(
                f"{value:+.2f} {text}", key=f"{label}-{block}-{number}-{place}", type="tertiary", wrap=True,
                on_click=state.change, kwargs={"question": text},
            )  # fmt: skip


if __name__ == "__main__":  # as Streamlit runs a page
    page()
