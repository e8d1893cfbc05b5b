"""How long the bench keeps a visitor waiting: `python -m benchmarks.bench [--moves 20]`, in a browser.

Prints, on the page's own clock, medians from the key that moves a slider of gamma to the answer under it, and
from the button that patches one pair of questions, every map and block both ways, to the drawn chart. Beside
each: one question asked in this process after it, so that other work on the machine weighs on both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Page, sync_playwright

import film
from benchmarks.serving import TIMED, chromium, go_to, quiet, served

MARK, QUESTION = "#bench-answer", "How many red cubes are there?"
OTHERS = ("How many red spheres are there?", "How many cylinders are there?", "How many things are there?")
CHART = ".st-key-figure-bench-patching .js-plotly-plot .main-svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--moves", type=int, default=20)
    options = parser.parse_args()
    session, picture = film.Session(device="cpu"), film.read_picture(film.gallery()[0].picture_path)
    with sync_playwright() as playwright, served() as (address, _):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        _open(page, address, {"block": "1", "map": "22"})
        moves, asked = [], []
        for number in range(options.moves + 2):
            moves.append(_moved(page, "PageDown" if number % 4 < 2 else "PageUp"))
            asked.append(_asked(session, picture))
        _print("slider -> new answer", moves[2:], asked[2:])  # the first warm up
        patches, asked = [], []
        for other in OTHERS:
            _open(page, address, {"other": other})
            patches.append(_patched(page))
            asked.append(_asked(session, picture))
        _print("button -> chart of a patched pair", patches, asked)
        browser.close()


def _open(page: Page, address: str, link: dict[str, str]) -> None:
    go_to(page, f"{address}/bench?{urlencode({'q': QUESTION} | link)}")
    page.locator(MARK).wait_for(state="attached", timeout=120_000)
    quiet(page)


def _moved(page: Page, key: str) -> float:
    before = page.locator(MARK).get_attribute("data-list")
    slider = page.locator(".stSlider input[type=range]").first
    slider.focus()
    began = time.perf_counter()
    page.keyboard.press(key)
    page.evaluate(TIMED, [f'{MARK}:not([data-list="{before}"])'])
    taken = time.perf_counter() - began
    quiet(page)
    return taken


def _patched(page: Page) -> float:
    page.get_by_role("tab", name="Patch from another question").click()
    button = page.get_by_role("button", name="Patch every map and block")
    button.wait_for()
    began = time.perf_counter()
    button.click()
    page.evaluate(TIMED, [CHART])
    taken = time.perf_counter() - began
    quiet(page)
    return taken


def _asked(session: film.Session, picture: np.ndarray) -> float:
    """Seconds of one question in this process, the median of five."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        session.ask(picture, QUESTION)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _print(what: str, seconds: list[float], asked: list[float]) -> None:
    print(
        f"{what}: median {statistics.median(seconds) * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms; "
        f"one question without the app {statistics.median(asked) * 1000:.0f} ms", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
