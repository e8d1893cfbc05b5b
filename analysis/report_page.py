"""A report as one self-contained page of HTML: sections of text, tables and figures, and a manifest."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.offline
from PIL import Image

from analysis.corpus.probes import find_evidence
from analysis.study import FOLDER
from analysis.view import LINK_HASH, ViewState, to_link
from film import Session

PACKAGES = ("numpy", "pandas", "torch", "scikit-learn", "plotly", "pyarrow", "openTSNE", "umap-learn")


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, what to look for, and what is under it: HTML and figures with captions, in order."""

    title: str
    look_for: str
    body: tuple[str | tuple[go.Figure, str], ...]


_STYLE = """
body {font: 15px/1.5 "Source Sans 3", "Source Sans Pro", "Liberation Sans", system-ui, sans-serif;
      color: #25292f; background: #f7f7f5; max-width: 1000px; margin: 2rem auto; padding: 0 1rem}
h1 {margin-bottom: 0} h2 {margin: 2.2rem 0 .2rem; border-bottom: 1px solid #cfd2d6}
h3 {margin: 1.2rem 0 .2rem}
.look {color: #555b64; margin: .2rem 0 .8rem} figure {margin: .8rem 0 1.2rem}
figcaption {color: #555b64; font-size: .9rem} img {max-width: 480px; border-radius: 6px}
.scroll {overflow-x: auto} .map svg {max-width: 100%; height: auto}
table {border-collapse: collapse; font-size: .88rem}
td, th {padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #dcdee2; text-align: left; vertical-align: top}
code, pre {font-size: .85rem; overflow-wrap: anywhere; white-space: pre-wrap}
.remark {background: #eef4fb; padding: .5rem .8rem; border-radius: 6px}
"""


def page(title: str, parts: list[Section], remarks: tuple[str, ...], made: Mapping[str, Any]) -> str:
    drawn: list[str] = []
    figures = 0
    for number, part in enumerate(parts, start=1):
        drawn.append(f'<section id="part-{number}"><h2>{safe(part.title)}</h2>')
        if part.look_for:
            drawn.append(f'<p class="look">{safe(part.look_for)}</p>')
        for item in part.body:
            if isinstance(item, str):
                drawn.append(item)
                continue
            figures += 1
            chart, caption = item
            drawn.append(
                f'<figure><div id="figure-{figures}"></div><figcaption>{safe(caption)}</figcaption></figure>'
                f"<script>draw({figures}, {_in_script(chart.to_json())})</script>"
            )
        drawn.append("</section>")
    contents = " · ".join(f'<a href="#part-{n}">{safe(p.title)}</a>' for n, p in enumerate(parts, start=1))
    told = "".join(f'<p class="remark">{safe(remark)}</p>' for remark in remarks)
    note = json.dumps(made, indent=1, ensure_ascii=False)
    library = plotly.offline.get_plotlyjs().replace("</script", "<\\/script")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{safe(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{_STYLE}</style>
<script>{library}</script>
<script>function draw(number, made) {{
  Plotly.newPlot("figure-" + number, made.data, made.layout, {{responsive: true, displaylogo: false,
    toImageButtonOptions: {{format: "svg", filename: "figure-" + number}}}});
}}</script></head><body>
<h1>{safe(title)}</h1>
<p class="look">FiLM Lens · weights {safe(str(made["weights"])[:LINK_HASH])} · {safe(str(made["made"]))}</p>
{told}<p>{contents} · <a href="#manifest">Manifest</a></p>
{"".join(drawn)}
<section id="manifest"><h2>Manifest</h2><p class="look">What this page was made of and with.</p>
<pre>{safe(note)}</pre></section>
<script type="application/json" id="manifest-data">{_in_script(note)}</script>
</body></html>
"""


def _in_script(text: str) -> str:
    """JSON that can stand inside a script element whatever its strings say."""
    return text.replace("<", "\\u003c")


def table(table: pd.DataFrame, form: str = "{:.1f}") -> str:
    def told(value: Any) -> str:
        if isinstance(value, float | np.floating):
            return "" if np.isnan(value) else form.format(value)
        return safe("" if value is None else str(value))

    head = "".join(f"<th>{safe(str(name))}</th>" for name in table.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{told(value)}</td>' for value in row)}</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def picture(pixels: np.ndarray) -> str:
    Image.fromarray(pixels).save(file := BytesIO(), "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def safe(text: str) -> str:
    return html.escape(text)


def manifest(
    session: Session,
    folder: str | Path,
    *,
    view: ViewState | None = None,
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """What a report was made of and with: hashes of weights and files, seeds, versions, time, command."""
    folder = Path(folder)
    files = sorted((folder / FOLDER).rglob("*"))
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    evidence = find_evidence(folder, session.card.weights)
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "network": session.card.name,
        "weights": session.card.weights,
        "view": to_link(view, session.card.weights) if view else "the whole study",
        "seed": seed,
        "answers and probes": dict(evidence.recipe) if evidence else None,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file()
        },
        "versions": versions,
        "platform": f"{platform.system()} {platform.machine()}",
    }
