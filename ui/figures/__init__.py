"""Figures and pictures with their files: SVG and PNG that name network, sample and seed, and the numbers.

Figures are drawn by plotly in the browser (`chart.js`), those out of the window when the page is still. One
row of buttons stands under each: a figure is saved by plotly (`save.js`), pictures are put on a sheet in
Python (`analysis.sheet_svg`), and numbers are written as CSV or Parquet, all of it when it is asked for and
naming title, network, sample and seed: every table of the app is handed out by `data`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure
from plotly.io.json import to_json_plotly
from streamlit.components.v1 import declare_component

import analysis
from analysis import Panel
from ui import state
from ui.cache import networks
from ui.text import short_key

HERE = Path(__file__).parent
TOOLS = 30  # pixels above a figure for its tool bar
SOURCE_LETTERS = 62  # in a line of title and source at a figure's foot: what a telephone has room for
CSV_ROWS = 5000  # of a table that is still handed out as CSV

# Nothing that is mounted: so Streamlit serves the library's folder, which a browser asks for once.
_library = declare_component("plotly", path=str(HERE / "plotly"))
_chart = st.components.v2.component(
    "film_chart",
    css=(HERE / "view.css").read_text("utf-8"),
    js=(HERE / "chart.js").read_text("utf-8"),
    isolate_styles=False,
)
_save = st.components.v2.component(
    "film_save", js=(HERE / "save.js").read_text("utf-8"), isolate_styles=False
)
_walk = st.components.v2.component(
    "film_walk", js=(HERE / "walk.js").read_text("utf-8"), isolate_styles=False
)


def dark() -> bool:
    """Does the visitor's browser show the dark theme?"""
    return st.context.theme.type == "dark"


def figure(
    drawn: Figure,
    name: str,
    alt: str,
    table: pd.DataFrame,
    pick: Callable[[list[Any]], None] | None = None,
    *,
    sample: str | None = None,
    of: str | None = None,
    letters: int = SOURCE_LETTERS,
) -> None:
    """A figure over buttons for its SVG, its PNG and its numbers.

    Args:
        name: of its files. alt: what a screen reader says of it; its first part is the title in the files.
        table: the numbers that it shows.
        pick: given the custom data of a point that was chosen, by a click or by keys.
        sample: of what it was measured and with which seed; the question on the page where nothing is said.
        of: which networks, where it is not the page's.
        letters: that fit in a line at its foot.
    """

    key = f"figure-{name}"

    said = [analysis.figure_title(alt), *_in_lines(source(sample, of), letters)]
    spec = analysis.with_source(
        drawn, said, letters=letters, tools=TOOLS,
        paper_bgcolor=st.get_option(f"theme.{'dark' if dark() else 'light'}.backgroundColor"),
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#8a8f98", "activecolor": "#5b6066"},
    )  # fmt: skip
    height = spec["layout"]["height"]
    _chart(
        key=key,
        data={
            "spec": to_json_plotly(spec), "alt": alt, "height": height, "pick": pick is not None,
            "library": f"component/{_library.name}/bundle.js",
        },
        height=height,
        on_chosen_change=_hand_on(key, pick),
    )  # fmt: skip
    with _row():
        _save(key=f"save-{name}", data={"figure": key, "name": name}, width="content")
        data(table, name, said[0], sample=sample, of=of)
        if pick:  # a button from which arrow keys go from point to point, and Enter chooses one
            walk = f"walk-{name}"
            _walk(key=walk, data={"figure": key}, width="content", on_chosen_change=_hand_on(walk, pick))


def _hand_on(key: str, pick: Callable[[list[Any]], None] | None) -> Callable[[], None]:
    """Gives `pick` the custom data of the point that a component has just told."""

    def chose() -> None:
        point = state.told(key, "chosen")
        if pick and isinstance(point, list):
            pick(point)

    return chose


def picture_files(
    panels: Sequence[Panel],
    name: str,
    title: str,
    table: pd.DataFrame | None = None,
    *,
    sample: str | None = None,
    of: str | None = None,
    across: int = 4,
) -> None:
    """Buttons for the files of pictures that stand above, all of them on one sheet.

    Args:
        title, sample, of: written on the sheet, as with `figure`.
        table: the numbers behind the pictures, where there are any.
        across: pictures in a row of the sheet, at most.
    """
    # Files are made on a click, outside of the session: all of it is taken here.
    told: dict[str, Any] = {"title": title, "source": source(sample, of), "across": across, "dark": dark()}
    with _row():
        for make, end, mime in (
            (partial(analysis.sheet_svg, panels, **told), "svg", "image/svg+xml"),
            (partial(analysis.sheet_png, panels, **told), "png", "image/png"),
        ):
            download(end.upper(), make, f"{name}.{end}", mime)
        if table is not None:
            data(table, name, title, sample=sample, of=of)


def data(
    table: pd.DataFrame,
    name: str,
    title: str,
    *,
    sample: str | None = None,
    of: str | None = None,
    label: str = "Data as {}",
) -> None:
    """A table as a file: CSV, or Parquet where that would be long. It is written when it is asked for.

    Args:
        title, sample, of: written into the file, as with `figure`.
        label: of the button, with a place for the kind of file.
    """
    told = analysis.table_source(title, _network(of), asked() if sample is None else sample)
    if len(table) > CSV_ROWS:
        kind, end, mime, write = "Parquet", "parquet", "application/vnd.apache.parquet", analysis.parquet_file
    else:
        kind, end, mime, write = "CSV", "csv", "text/csv", analysis.csv_file
    download(label.format(kind), partial(write, table, told), f"{name}.{end}", mime, key=f"data-{name}")


def download(
    label: str, make: Callable[[], str | bytes], name: str, mime: str, key: str | None = None
) -> None:
    """A button for a file that is made when it is asked for."""
    st.download_button(
        label, make, name, mime, key=key or f"file-{name}", icon=":material/download:", type="tertiary",
        on_click="ignore",
    )  # fmt: skip


def source(sample: str | None = None, of: str | None = None) -> str:
    """Where a figure is from: the network, or networks, and the sample or the question on the page."""
    return " · ".join(filter(None, (_network(of), asked() if sample is None else sample)))


def asked() -> str:
    """The question on the page and its picture; nothing where there is no question."""
    view = state.view()
    return f"“{view.question}” about picture {short_key(view.picture)}" if view.question else ""


def _network(of: str | None) -> str:
    return of or f"network {networks.study().weights[: state.LINK_HASH]}"


def _in_lines(whence: str, letters: int) -> list[str]:
    """The source in one line where it fits, and else the network in a line of its own."""
    return [whence] if len(whence) <= letters else whence.split(" · ", 1)


def _row() -> Any:
    return st.container(horizontal=True, gap="small", vertical_alignment="center")
