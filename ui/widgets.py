"""What pages share: the look, help lines, figures with exports, the pickers of picture and question."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import analysis
import film
from analysis import Study
from film import InputError, command
from ui import state
from ui.cache import folder, networks, pictures, scenes
from ui.figures import (
    asked as asked,
    dark as dark,
    data as data,
    download as download,
    figure as figure,
    picture_files as picture_files,
    source as source,
)
from ui.text import escape as escape, plain as plain
from ui.visited import Upload

# The icon itself: a named one would be fetched from afar, and a file is read and looked at in every run.
ICON = "data:image/png;base64," + b64encode(Path(__file__).with_name("icon.png").read_bytes()).decode()
A_PAGE = 12  # pictures of a folder that are offered at once


def redraw_when_clean(*keys: str) -> None:
    """While the picture of an edited scene is a preview: run the page again when the clean one is there."""
    if not all(map(scenes.is_drawn, keys)):
        _wait_for_clean(keys)


@st.fragment(run_every=1)
def _wait_for_clean(keys: tuple[str, ...]) -> None:
    if all(map(scenes.is_drawn, keys)):
        state.run_again()


def colophon(study: Study) -> None:
    """Which network all of this was said by."""
    if study.alone:
        schema = study.schema
        rows = 0 if study.extraction is None else len(study.extraction)
        st.html(
            f"{_foot(study.weights)}Study <b>{escape(study.name)}</b> without its network, "
            f"{escape(study.weights[: state.LINK_HASH])} · "
            f"{rows:,} {escape(schema.nouns)} · {schema.layers.shape}</div>"
        )
        return
    session = study.session
    card, config = session.card, session.config
    size = f"{config.blocks} blocks of {config.maps} maps, {config.hidden_size} GRU units"
    told = [(entry["overall"], name) for name, entry in card.accuracy.items() if _is_measured(entry)]
    known = ""
    if told:
        most, name = max(told, key=lambda pair: pair[0]["asked"])
        known = f" · {most['accuracy']:.1%} of {most['asked']:,} questions right ({escape(name)})"
    said = (card.taught, card.data.get("padding"), session.notice)
    notice = "".join(f" {escape(sentence)}" for sentence in said if isinstance(sentence, str) and sentence)
    st.html(
        f"{_foot(card.weights)}Network <b>{escape(card.name or 'without a name')}</b>, "
        f"weights {escape(card.weights[: state.LINK_HASH])} · {size}{known} ·{notice}</div>"
    )


def _foot(weights: str) -> str:
    """The foot's opening tag: where it stands, all of the page has been drawn, for this network and theme."""
    theme = "dark" if dark() else "light"
    return f'<div class="colophon" id="network" data-theme="{theme}" data-weights="{escape(weights)}">'


def _is_measured(entry: object) -> bool:
    """Does this part of a card say how many of how many were right? Cards of others' making may not."""
    overall = entry.get("overall") if isinstance(entry, dict) else None
    return isinstance(overall, dict) and all(
        isinstance(overall.get(key), int | float) for key in ("accuracy", "asked")
    )


def notice(text: str) -> None:
    """The line under a heading that says what to look for."""
    st.caption(f":material/visibility: {text}")


def how_measured(*headings: str) -> None:
    """A fold with the sections of the Methods page on what stands above it."""
    with st.expander("How is this measured?", icon=":material/science:"):
        for heading in headings:
            if len(headings) > 1:
                st.markdown(f"**{heading}**")
            st.markdown(analysis.method(heading))


@st.fragment  # opened, it alone is drawn again
def copy_as_python(name: str, write: Callable[[], str]) -> None:
    """A popover with the lines of Python that give what a page or a result shows, written once it is opened.

    Args:
        name: of the page, or of the result on it.
    """
    popover = st.popover("Copy as Python", icon=":material/code:", key=f"python-{name}", on_change="rerun")
    if popover.open:
        popover.code(write(), "python")


def show_error(error: InputError | str) -> None:
    """Say what is wrong with something given, in place of a result."""
    st.warning(plain(str(error)), icon=":material/info:")


def network_or_advice(load: Callable[[], Study]) -> Study:
    """The network; where there is none the page ends here and says how to come by one."""
    try:
        return load()
    except InputError as error:
        st.title("FiLM Lens")
        st.error(f"**There is no network to ask.** {plain(str(error))}", icon=":material/error:")
        st.markdown(
            "Put one into `checkpoints/`, or name its folder and start again:\n\n"
            f"    FILM_CHECKPOINT=FOLDER {command('ui')}\n\n"
            "To make one, in some hours on four cores:\n\n"
            f"    {command('film')} generate CORPUS --pictures 20000 --questions 20 --for small\n"
            f"    {command('film')} train --recipe small --data CORPUS --out checkpoints/mine"
        )
        st.stop()


def remarks(others: Iterable[str]) -> None:
    """What there is to say of the link that a visitor came by, on every page."""
    for remark in (*state.remarks(), *others):
        st.info(plain(remark), icon=":material/link:")


def choose_network() -> None:
    """The networks that are here, where there are several; picture and question stay."""
    there = networks.offered()
    if len(there) < 2:
        return
    names = list(there)
    now = state.view().network if state.view().network in there else names[0]

    def take(chosen: str) -> None:
        state.change(network="" if chosen == names[0] else chosen)

    with st.popover("Another network", icon=":material/hub:"):
        st.selectbox(
            "Network", names, **state.shows("network", now, take),
            help="Those of the project, and those that FILM_CHECKPOINT and FILM_CHECKPOINTS name.",
        )  # fmt: skip


def p_column(label: str = "p", help: str | None = None) -> Any:
    """A column of p from permutations, in as many places as 2,000 of them need: never 0."""
    return st.column_config.NumberColumn(label, format="%.4f", help=help)


def plain_table(table: pd.DataFrame, columns: Mapping[str, Any], label: str, height: int = 520) -> None:
    """A table that is only read, without what a browser loads to draw `st.dataframe`.

    Args:
        columns: labels, or Streamlit's column configurations, by name.
        label: what a screen reader says of it.
        height: pixels; further rows are scrolled to.
    """
    told: dict[str, dict[str, Any]] = {
        name: {"label": of} if isinstance(of, str) else dict(of) for name, of in columns.items()
    }
    sides = {name: ' class="number"' if pd.api.types.is_numeric_dtype(table[name]) else "" for name in table}

    def title(name: str) -> str:
        label, about = told[name].get("label") or name, told[name].get("help") or ""
        return f'<th{sides[name]} title="{escape(about)}">{escape(label)}</th>'

    def cell(name: str, value: Any) -> str:
        if pd.isna(value):
            return "<td></td>"
        form = (told[name].get("type_config") or {}).get("format")
        text = f"{value:,}" if form == "localized" else form % value if form else str(value)
        return f"<td{sides[name]}>{escape(text)}</td>"

    head = "".join(title(str(name)) for name in table)
    rows = "".join(
        "<tr>" + "".join(cell(str(name), value) for name, value in row.items()) + "</tr>"
        for row in table.to_dict("records")
    )
    st.html(
        f'<div class="rows" style="max-height: {height}px" tabindex="0" role="region" '
        f'aria-label="{escape(label)}"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


# --- Which picture ------------------------------------------------------------------------------


@st.dialog("Choose a picture", width="large", icon=":material/photo_library:")
def choose_picture() -> None:
    """The gallery or the folder; a click on a picture, or its button by keyboard, takes it."""
    source = "gallery"
    if folder.is_set():
        names = {"gallery": "Gallery", "folder": "Your folder"}
        source = st.segmented_control(
            "From", list(names), format_func=names.__getitem__, key="picture-source", required=True,
            default="folder" if pictures.in_folder(state.view().picture) is not None else "gallery",
            label_visibility="collapsed",
        )  # fmt: skip
    if source == "folder":
        _offer_folder()
        return
    st.caption("Forty scenes whose every object is known, so every answer can be checked.")
    exhibits = pictures.exhibits()
    for column, exhibit in zip(_in_rows(len(exhibits)), exhibits, strict=True):
        with column:
            _offer_picture(
                exhibit.number, f"gallery-{exhibit.number}", pictures.thumbnails()[exhibit.number],
                exhibit.title, exhibit.why,
            )  # fmt: skip


def _offer_folder() -> None:
    """Twelve pictures of the folder from any number on."""
    try:
        album = folder.album()
    except InputError as error:
        show_error(error)
        return
    page = (pictures.in_folder(state.view().picture) or 0) // A_PAGE * A_PAGE
    ranges = album.ranges().items()
    where = f"{len(album):,} pictures in {album.path.name}: " + ", ".join(
        f"{name} has {numbers.start} to {numbers.stop - 1}" for name, numbers in ranges
    )
    st.caption(plain(where))
    first = st.number_input(
        f"From number (0 to {len(album) - 1})", 0, len(album) - 1, page, step=A_PAGE, key="folder-from",
        width=240,
    )  # fmt: skip
    numbers = range(len(album))[first : first + A_PAGE]
    for column, at in zip(_in_rows(len(numbers)), numbers, strict=True):
        with column:
            try:
                small = folder.thumbnail(at)
            except InputError as error:
                show_error(error)
            else:
                _offer_picture(f"folder-{at}", f"folder-{at}", small, f"{at}: {album.name(at)}")


def _in_rows(count: int, across: int = 4) -> list[DeltaGenerator]:
    """Places for so many pictures, row by row."""
    rows = [st.columns(across, gap="small") for _ in range(0, count, across)]
    return [column for row in rows for column in row][:count]


def _offer_picture(name: int | str, key: str, small: bytes, title: str, why: str | None = None) -> None:
    with st.container(key=f"thumb-{name}", gap=None):
        st.image(small, width="stretch", alt=title)
        if st.button(
            plain(title), key=f"take-{name}", type="tertiary", width="stretch", help=why,
            on_click=state.change, kwargs={"picture": key},
        ):  # fmt: skip
            st.rerun()


def picture_buttons(shown: pictures.ShownPicture) -> None:
    """Previous, next, the whole gallery and folder, and a file of the visitor's own."""
    key = state.view().picture
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Previous", icon=":material/chevron_left:", key="previous",
            on_click=state.change, kwargs={"picture": pictures.neighbour(key, -1)},
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", key="next",
            on_click=state.change, kwargs={"picture": pictures.neighbour(key, 1)},
        )  # fmt: skip
        whence = "Pictures" if folder.is_set() else "Gallery"
        if st.button(whence, icon=":material/photo_library:", key="gallery"):
            choose_picture()
        with st.popover("Upload", icon=":material/upload:", key=f"own-{state.turn('upload')}"):
            st.file_uploader(
                "PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF",
                max_upload_size=20,
                help="It stays in this session and is gone with it.",
                **state.taken("upload", _take_upload),
            )
    for message in (shown.remark, folder.trouble(), state.refused()):
        if message:
            show_error(message)


def _take_upload(file: object) -> None:
    content = file.getvalue()  # type: ignore[attr-defined]
    try:
        pixels = folder.not_too_large(film.read_picture(content))
    except InputError as error:
        state.refuse(str(error))
        return
    key = f"upload-{hashlib.sha256(content).hexdigest()[:12]}"
    state.keep_upload(Upload(key, getattr(file, "name", "picture")[:80], pixels))


def chosen_row(table: str, names: Sequence[str], placeholder: str) -> int | None:
    """The row that is chosen of a table above, by a click there or by keyboard in a field here.

    Args:
        table: the table's key; the field's is that with "-typed".
        names: what the rows are called in the field, those that the table shows.
    """
    rows = (state.told(table, "selection") or {}).get("rows", [])
    typed = st.selectbox(
        "Or by keyboard", range(len(names)), index=None, placeholder=placeholder,
        format_func=names.__getitem__, key=f"{table}-typed",
    )  # fmt: skip
    chosen = rows[0] if rows else typed
    return chosen if chosen is not None and chosen < len(names) else None
