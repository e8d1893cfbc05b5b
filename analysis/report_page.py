"""A report as one self-contained page of HTML: sections of text, tables and figures, and a manifest."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.offline
from markupsafe import Markup
from PIL import Image
from plotly.io.json import to_json_plotly

from analysis.figures.palette import ground
from analysis.figures.source import figure_title, with_source
from analysis.study import Study
from analysis.table_files import csv_file, table_source
from analysis.tables import small
from analysis.view import LINK_HASH, ViewState, to_link
from film import command as typed, percent

PACKAGES = ("numpy", "pandas", "torch", "scikit-learn", "plotly", "pyarrow", "openTSNE", "umap-learn")


LETTERS = 120  # in a line at the foot of a figure
# The names of columns that no number of decimals suits.
_P = re.compile(r"[pq]|p_family|p \(family-wise\)|.+(_|, )p")
_PROBABILITY = re.compile("confidence|probability")

Drawn = tuple[go.Figure, str, pd.DataFrame]  # with its caption and its numbers
Item = Markup | Drawn


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, what to look for, and what is under it: `html` and figures, in order.

    sample: what its figures were measured of, with the seed; written in their files.
    """

    title: str
    look_for: str
    body: tuple[Item, ...]
    sample: str = ""


def page(
    title: str, parts: list[Section], remarks: tuple[str, ...], made: Mapping[str, Any], sample: str = ""
) -> str:
    """All of it as HTML.

    Args:
        made: its `manifest`.
        sample: of figures whose section names none.
    """

    network = named_network(made["weights"])

    def spec(item: Drawn, part: Section) -> Markup:
        """A figure as JSON, its title and its source at its foot."""
        drawn, caption, _ = item
        whence = " · ".join(filter(None, (network, part.sample or sample)))
        named = [part.title, figure_title(caption), whence]
        return _in_script(
            to_json_plotly(with_source(drawn, named, letters=LETTERS, paper_bgcolor=ground(False)))
        )

    def numbers(item: Drawn, part: Section) -> str:
        """The address of a figure's numbers, which say what it says at its foot."""
        _, caption, table = item
        title = f"{part.title}: {figure_title(caption)}"
        return as_csv(table, table_source(title, network, part.sample or sample))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis", ""), autoescape=True, trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["in_script"] = _in_script
    return environment.get_template("report.html.jinja").render(
        title=title,
        parts=parts,
        remarks=remarks,
        made=made,
        weights=made["weights"][:LINK_HASH],
        spec=spec,
        numbers=numbers,
        note=json.dumps(made, indent=1, ensure_ascii=False),
        plotly=Markup(plotly.offline.get_plotlyjs().replace("</script", "<\\/script")),
    )


def _in_script(text: str) -> Markup:
    """JSON that can stand inside a script element whatever its strings say."""
    return Markup(text.replace("<", "\\u003c"))


def html(text: str, *values: object) -> Markup:
    """Our own HTML with values put into its {}, which are escaped unless they are HTML of this function."""
    return Markup(text).format(*values)


def table(table: pd.DataFrame, form: str = "{:.1f}") -> Markup:
    """Numbers in this form; p and q, probabilities and confidences, by their columns' names, in theirs."""

    def told(name: str, value: Any) -> str:
        if isinstance(value, float | np.floating):
            if np.isnan(value):
                return ""
            if _P.fullmatch(name):
                return small(float(value))
            return percent(float(value)) if _PROBABILITY.match(name) else form.format(value)
        return "" if value is None else str(value)

    def row(name: str, cells: Iterable[str]) -> Markup:
        return html("<tr>{}</tr>", Markup().join(html(f"<{name}>{{}}</{name}>", cell) for cell in cells))

    head = row("th", map(str, table.columns))
    rows = (
        row("td", map(told, map(str, table.columns), values))
        for values in table.itertuples(index=False, name=None)
    )
    return html('<div class="scroll"><table>{}{}</table></div>', head, Markup().join(rows))


def named_network(weights: str) -> str:
    """Which network a figure is of, as its file says."""
    return f"network {weights[:LINK_HASH]}"


def as_csv(table: pd.DataFrame, source: Mapping[str, str]) -> str:
    """The address of a file that the page carries; what `table_source` says is in it."""
    return f"data:text/csv;base64,{base64.b64encode(csv_file(table, source)).decode()}"


def picture(pixels: np.ndarray) -> str:
    Image.fromarray(pixels).save(file := BytesIO(), "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def missing(study: Study, title: str, command: str) -> Iterator[Section]:
    """What was not measured, and the command that would."""
    # By its name, not its folder: a report is sent around and tells nothing of the machine.
    measure = typed("analysis", command, study.session.card.name or "CHECKPOINT")
    yield Section(title, "", (html("<p>Not measured: <code>{}</code></p>", measure),))


def manifest(
    study: Study,
    *,
    view: ViewState | None = None,
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """What a report was made of and with: hashes of weights and files, seeds, versions, time, command."""
    files = sorted(study.where.rglob("*"))
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    evidence = study.evidence
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "network": study.name,
        "weights": study.weights,
        "view": to_link(view, study.weights) if view else "the whole study",
        "seed": seed,
        "answers and probes": dict(evidence.recipe) if evidence else None,
        "files": {
            path.relative_to(study.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file()
        },
        "versions": versions,
        "platform": f"{platform.system()} {platform.machine()}",
    }
