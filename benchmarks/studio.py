"""How long an edit in the scene studio takes: `python -m benchmarks.studio [--edits 20]`, in a browser.

Prints, on the page's own clock, medians from the key that edits an object on the plan to the new preview with
its answers, and to the clean picture; and a series of 8 colors from its button to the last answer. Each in
seconds and as a ratio of one full render of the clean picture, timed here after every edit; then what
drawing alone takes, preview and clean picture pass by pass, as the same ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Page, sync_playwright

import film
from benchmarks.render import full_render, progressive
from benchmarks.serving import TIMED, chromium, go_to, served

QUESTION = "How many red things are there?"
MARK = "#studio-answer"
THREADS, SERIES = 2, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=20)
    options = parser.parse_args()
    with sync_playwright() as playwright, served() as (address, _):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        scene = film.rounded_scene(film.gallery()[0].scene)
        link = {"q": QUESTION, "picture": f"scene-{film.scene_to_text(scene)}"}
        _open(page, f"{address}/studio?{urlencode(link)}")
        full_render(scene, THREADS)  # compiles, or loads what is compiled
        edits, whole = [], []
        for number in range(options.edits + 2):
            edits.append(_edited(page, number % len(scene.objects)))
            whole.append(full_render(scene, THREADS))
        edits, whole = edits[2:], whole[2:]  # the first warm up
        print(f"full render: median {statistics.median(whole):.2f} s, most {max(whole):.2f} s", flush=True)
        _print("edit -> preview and answers", [shown for shown, _ in edits], whole)
        _print("edit -> clean picture and answers", [clean for _, clean in edits], whole)
        series, whole = [], []
        for _ in range(SERIES):
            series.append(_series(page))
            whole.append(full_render(scene, THREADS))
        _print("series of 8 colors -> its answers", series, whole)
        browser.close()
    rng = np.random.default_rng(0)
    progressive([film.sample_scene(rng) for _ in range(7)], threads=THREADS)


def _open(page: Page, address: str) -> None:
    go_to(page, address)
    page.locator(f"{MARK}[data-preview=false]").wait_for(state="attached", timeout=120_000)
    page.locator(".plan-thing").first.wait_for()


def _edited(page: Page, index: int) -> tuple[float, float]:
    """Seconds from the key to the preview, and to the clean picture, of an object's next color."""
    before = page.locator(MARK).get_attribute("data-picture")
    page.locator(f".plan-thing[data-index='{index}']").focus()
    began = time.perf_counter()
    page.keyboard.press("c")
    page.evaluate(TIMED, [f'{MARK}:not([data-picture="{before}"])'])
    shown = time.perf_counter() - began
    page.evaluate(TIMED, [f'{MARK}[data-preview=false]:not([data-picture="{before}"])'])
    clean = time.perf_counter() - began
    page.wait_for_timeout(600)
    return shown, clean


def _series(page: Page) -> float:
    """Seconds from the button to the last answer, of a scene whose colors nobody has drawn yet."""
    page.locator("label, button").get_by_text("Series", exact=True).first.click()
    page.locator(".plan-thing[data-index='0']").focus()
    before = page.locator(MARK).get_attribute("data-picture")
    page.keyboard.press("[")
    page.evaluate(TIMED, [f'{MARK}[data-preview=false]:not([data-picture="{before}"])'])
    page.wait_for_timeout(600)
    run = page.get_by_role("button", name="Draw and ask")
    began = time.perf_counter()
    run.click()
    page.get_by_role("button", name="Take").nth(7).wait_for()
    taken = time.perf_counter() - began
    page.wait_for_timeout(600)
    return taken


def _print(what: str, seconds: list[float], whole: list[float]) -> None:
    """Seconds, and their ratio to the full render that was timed after each."""
    ratio = statistics.median(one / full for one, full in zip(seconds, whole, strict=True))
    print(
        f"{what}: median {statistics.median(seconds):.2f} s ({ratio:.2f} of a full render), "
        f"most {max(seconds):.2f} s", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
