"""The card of one feature map: its labels, the pictures it is strongest and weakest in, its effects."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import MapCards
from film import InputError, Session, UnknownWords, to_size
from ui import below, pages, question_header as header, state, widgets
from ui.cache import evidence, networks, pictures

ENLARGED = 300  # pixels across
ACROSS = 4  # pictures in a row
EXTREMES = 4  # questions shown at either end of a map's gammas
OPENS = {"bench": "Open on the Bench", "modulation": "Open on Modulation"}


def card(session: Session, found: MapCards, dark: bool) -> None:
    """The map of the view, and the field in which another is chosen."""
    block, number = header.pick_map(networks.study())
    cards = found.cards
    one = cards[(cards["block"] == block) & (cards["map"] == number)].iloc[0]
    more = flags(one.to_frame().T)[0]
    with st.container(key="card-head", gap=None):  # stays in view while the card scrolls
        st.header(f"Block {block + 1}, map {number}")
        st.markdown(
            f"Visual selectivity: **{one['pictures']}** · language selectivity of its gamma: "
            f"**{one['language']}**" + (f" · {more}" if more else "")
        )
    _lead_on(block, number)
    over = _over_gallery(session)
    if below.waits("maps"):
        return
    if over is not None:
        _pictures(session, over[:, block, number].astype(np.float32), block, number)
    _effect_on_answers(found, one)
    _effects(found, block, number, dark)
    _questions(block, number)


def flags(cards: pd.DataFrame) -> list[str]:
    """What else is known of maps: that one is never above 0, that two do the same."""
    return [
        ", ".join(["dead"] * bool(dead) + ([f"does the same as map {twin}"] if twin >= 0 else []))
        for dead, twin in zip(cards["dead"], cards["twin"], strict=True)
    ]


def sample(found: MapCards) -> str:
    """What the cards were measured on."""
    recipe = found.recipe
    return f"{recipe['objects']:,} objects, {recipe['questions']:,} questions, seed {recipe['seed']}"


def from_1(table: pd.DataFrame) -> pd.DataFrame:
    """Blocks counted as on screen."""
    return table.assign(block=table["block"] + 1)


def _effect_on_answers(found: MapCards, one: pd.Series) -> None:
    sure = (
        "p ≤ 0.05 among all maps" if one.name in found.telling.index else "could be chance among so many maps"
    )
    st.markdown(
        "With another question's gamma and beta in this map the answer loses "
        f"**{one['effect_shrunken']:+.3f} logits** to its runner-up, on average "
        f"({one['effect_low']:+.3f} to {one['effect_high']:+.3f}; rank {one['effect_rank']} of "
        f"{len(found.cards)}, {sure}; {found.recipe['asked']:,} questions about {found.recipe['scenes']} "
        "drawn pictures)."
    )


def _lead_on(block: int, number: int) -> None:
    """The same map on other pages, and a link to its card."""
    with st.container(horizontal=True, gap="small"):
        for name, label in OPENS.items():
            if st.button(label, key=f"card-{name}", icon=":material/open_in_new:"):
                st.switch_page(pages.path(name))
        with st.popover("Link to this map", icon=":material/link:"):
            st.code(_link(block, number), None, wrap_lines=True)


def _link(block: int, number: int) -> str:
    """The address of this card alone, whatever else is looked at."""
    network, weights = state.view().network, networks.study().weights[: state.LINK_HASH]
    named = {"network": network} if network else {}
    said = {"block": block + 1, "map": number, **named, "weights": weights}
    return f"{state.page_address()}?{urlencode(said)}"


# --- Pictures -------------------------------------------------------------------------------------


def _over_gallery(session: Session) -> np.ndarray | None:
    """This question's maps in every picture of the gallery, (pictures, blocks, maps, rows, columns)."""
    study, question = networks.study(), state.view().question
    try:
        session.vocabulary.words(question)
    except (UnknownWords, InputError):
        return None
    found = header.waiting(
        lambda: evidence.gallery_maps(study, question), "Reading this question's maps in the gallery"
    )
    if found is not None:
        widgets.notice(
            "**What do the orange places share?** The map before FiLM, under the question of the Ask page. "
            "Whole outlines: at least half of the strongest colour; broken and blue: below zero as far."
        )
    return found


def _pictures(session: Session, maps: np.ndarray, block: int, number: int) -> None:
    """The gallery's pictures by how strong the map is in them, the map over each.

    Args:
        maps: of each picture, (pictures, rows, columns).
    """
    question = state.view().question
    strength = maps.max(axis=(1, 2))
    rows = _rows(np.argsort(-strength, kind="stable"))
    scale = float(np.abs(maps).max()) or 1.0
    height = ENLARGED * session.config.height // session.config.width
    panels = []
    for heading, some in rows.items():
        st.markdown(f"**{heading}**")
        for column, (place, at) in zip(st.columns(ACROSS), some, strict=True):
            title = pictures.exhibits()[at].title
            seen = to_size(pictures.picture(at), ENLARGED, height, session.card.fit)
            lit = analysis.over_picture(maps[at], seen, scale)
            panels.append(analysis.Panel(lit, f"{heading}, {place} {strength[at]:+.2f}: {title}"))
            column.image(
                analysis.png(lit), width="stretch",
                caption=f"{place} {strength[at]:+.2f}: {widgets.plain(title)}",
                alt=f"The map over the picture {title}",
            )  # fmt: skip
    widgets.picture_files(
        panels, "map-in-gallery", f"Map {number} of block {block + 1} over pictures of the gallery",
        pd.DataFrame({"picture": range(len(maps)), "greatest": strength}), across=ACROSS,
        sample=f"“{question}” about {len(maps)} pictures of the gallery",
    )  # fmt: skip
    st.caption(
        f"The {len(maps)} pictures of the gallery in the order of the map's greatest value in each, which "
        f"stands below. Strongest colour at ±{scale:.2f}."
    )


def _rows(order: np.ndarray) -> dict[str, list[tuple[str, int]]]:
    """What pictures are shown, by heading: the name of their place in the order, and their number."""
    last = len(order) - 1
    places = {"upper quartile": last // 4, "median": last // 2, "lower quartile": last - last // 4,
              "weakest": last}  # fmt: skip
    return {
        "Strongest": [(f"{place}.", int(at)) for place, at in enumerate(order[:ACROSS], 1)],
        "From the upper quartile to the weakest": [
            (f"{name},", int(order[place])) for name, place in places.items()
        ],
    }


# --- Effects and questions ------------------------------------------------------------------------


def _effects(found: MapCards, block: int, number: int, dark: bool) -> None:
    told = {
        "pictures": "Objects read before FiLM: **higher where this is so (right) or lower (left)?**",
        "language": "Its gamma in questions with this word, of this type: **higher or lower?**",
    }
    for column, (about, what) in zip(st.columns(2, gap="medium"), told.items(), strict=True):
        effects = found.effects_of(block, number, about)
        with column:
            widgets.notice(f"{what} Pale bars could be chance.")
            widgets.figure(
                analysis.effect_bars(effects, dark=dark), f"map-{about}",
                f"Cliff's delta of what moves the map in {about}.", from_1(effects), sample=sample(found),
            )  # fmt: skip


def _questions(block: int, number: int) -> None:
    known = networks.study().extraction
    if known is None:
        return
    gamma = np.asarray(known.gamma[:, block, number], np.float32)
    order = np.argsort(gamma, kind="stable")
    widgets.notice("Questions with its highest and lowest gamma. **A click asks one.**")
    with st.container(key="map-questions"):
        columns = st.columns(2, gap="large")
    for column, label, rows in zip(columns, ("highest", "lowest"), (order[::-1], order), strict=True):
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
