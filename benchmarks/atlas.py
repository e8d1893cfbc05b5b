"""How fast the atlas is: `python -m benchmarks.atlas [--questions 20000 150000] [--folder FOLDER]`.

Makes a study of as many questions beside a copy of the bundled network (kept in FOLDER, minutes for
150,000), opens the Atlas page in headless Chromium, and prints on the page's own clock: from its first
paint to the drawn map, and from the end of a lasso to the table of the selected questions and to the
sentence on why they are together. `--plotly` draws the same maps with plotly's scattergl in a bare page.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from analysis.corpus.layout import LayoutRecipe
from analysis.study import make_study
from benchmarks.serving import chromium, go_to, served
from film import Session, find

# The page's own clock: when a mark shows another selection than before.
_MARKED = """([id, before]) => new Promise(done => {
    const look = () => { const mark = document.getElementById(id);
        mark && mark.dataset.selection !== before ? done(performance.now()) : requestAnimationFrame(look) };
    look() })"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, nargs="+", default=[20_000, 150_000])
    parser.add_argument("--folder", type=Path, help="where the studies are kept; a temporary one by default")
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--lassos", type=int, default=10)
    parser.add_argument("--plotly", action="store_true", help="plotly's scattergl beside it")
    options = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for questions in options.questions:
            folder = (options.folder or Path(temporary)) / str(questions)
            _study(folder, questions)
            print(f"{questions:,} questions; load {os.getloadavg()[0]:.1f} on {_cores()} cores")
            os.environ["FILM_CHECKPOINT"] = str(folder)
            with served() as (address, _):
                _visit(browser, f"{address}/atlas", options.visits, options.lassos)
            if options.plotly:
                _plotly(browser, folder, options.visits, options.lassos)
        browser.close()


def _study(folder: Path, questions: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("card.json", "weights.safetensors"):
        shutil.copy(find(None) / name, folder)
    make_study(Session(folder), folder / "study", questions=questions, maps=[LayoutRecipe("both:1", "pca")])


def _visit(browser: Browser, address: str, visits: int, lassos: int) -> None:
    drawn = []
    for visit in range(visits + 1):
        page = _opened(browser, address)
        page.locator(".fs[data-drawn]").wait_for(timeout=300_000)
        waited = page.evaluate(f"+document.querySelector('.fs').dataset.drawnAt - {_PAINTED}") / 1000
        if visit:
            drawn.append(waited)
            if visit < visits:
                page.close()
        else:
            print(f"  first visit to a new server: drawn {waited:.2f} s after the first paint")
            _lasso(page, ".fs-stage", 0.2)
            page.locator("#explained").wait_for(state="attached", timeout=600_000)  # counted once
            page.close()
    _print("first paint -> map drawn", drawn)
    panel, why = [], []
    for number in range(lassos):
        before = [page.evaluate(f"document.querySelector('#{m}')?.dataset.selection") for m in _MARKS]
        page.wait_for_timeout(1500)
        ended = _lasso(page, ".fs-stage", 0.1 + 0.03 * number)
        times = [page.evaluate(_MARKED, [m, b]) for m, b in zip(_MARKS, before, strict=True)]
        panel.append((times[0] - ended) / 1000)
        why.append((times[1] - ended) / 1000)
    count = page.locator("#selected").get_attribute("data-count")
    _print(f"lasso -> table of the selected (up to {int(count or 0):,})", panel)
    _print("lasso -> why they are together", why)
    page.close()


_MARKS = ("selected", "explained")


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    go_to(page, address)
    return page


def _lasso(page: Page, place: str, reach: float) -> float:
    """Draw a circle; the page's time when the pointer was released, in milliseconds."""
    page.evaluate("addEventListener('mouseup', () => { window.ended = performance.now() }, {capture: true})")
    box = page.locator(place).first.bounding_box()
    assert box
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, reach * box["height"]
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 33):
        page.mouse.move(x + radius * math.cos(step / 32 * 6.2), y + radius * math.sin(step / 32 * 6.2))
    page.mouse.up()
    return float(page.evaluate("window.ended"))


# The least a page can do with plotly: the points, their types as colours, and how many are selected.
_BARE = """
import zlib
import plotly.graph_objects as go, streamlit as st
from analysis.study import open_study
from analysis.corpus.kept_layouts import (layouts_in)
from film import Session

@st.cache_resource
def figure(folder):
    study = open_study(folder + "/study", Session(folder))
    layout = next(iter(layouts_in(folder + "/study/layouts", study).values()))
    x, y = layout.places.T
    codes = study.table["type"].astype("category").cat.codes
    return go.Figure(go.Scattergl(x=x, y=y, mode="markers", marker={{"color": codes, "size": 3}}))

@st.fragment
def page():
    event = st.plotly_chart(
        figure({folder!r}), on_select="rerun", selection_mode="lasso", key="map", height=600
    )
    rows = event["selection"]["point_indices"]
    st.html(f'<div id="selected" data-count="{{len(rows)}}" '
            f'data-selection="{{zlib.crc32(str(rows).encode())}}"></div>')
page()
"""


def _plotly(browser: Browser, folder: Path, visits: int, lassos: int) -> None:
    script = folder / "bare.py"
    script.write_text(_BARE.format(folder=str(folder)))
    port = "8799"
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
        + ["--server.address", "127.0.0.1", "--server.port", port],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        drawn, panel = [], []
        for visit in range(visits + 1):
            page = _opened(browser, f"http://127.0.0.1:{port}")
            page.locator(".js-plotly-plot .nsewdrag").wait_for(timeout=120_000)
            waited = page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => "
                f"done(performance.now() - {_PAINTED}))))"
            )
            if visit:
                drawn.append(waited / 1000)
                if visit < visits:
                    page.close()
        for number in range(lassos):
            before = page.evaluate("document.querySelector('#selected')?.dataset.selection")
            page.wait_for_timeout(1500)
            ended = _lasso(page, ".nsewdrag", 0.1 + 0.03 * number)
            panel.append((page.evaluate(_MARKED, ["selected", before]) - ended) / 1000)
        _print("plotly: first paint -> map drawn", drawn)
        _print("plotly: lasso -> count of the selected", panel)
        page.close()
    finally:
        server.terminate()
        server.wait(20)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(what: str, seconds: list[float]) -> None:
    print(f"  {what}: median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s", flush=True)


if __name__ == "__main__":
    main()
