"""How long a visitor waits: `python -m benchmarks.app [--questions 20]`, with a network and Chromium there.

Starts the app, opens it in a browser, asks questions and turns pictures, and prints what a visitor
would see on a clock: from the key to the answer on the page.
"""

from __future__ import annotations

import argparse
import statistics
import time

from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import TIMED, chromium, go_to, served

KINDS = ("cubes", "spheres", "cylinders", "things")
COLORS = ("red", "blue", "green", "gray", "cyan", "brown", "purple", "yellow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, default=20)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        began = time.perf_counter()
        with served() as (address, _):
            first = _opened(page, address)
            print(f"start of the server -> first answer on the page: {first - began:.2f} s")
            texts = [f"How many {color} {kind} are there?" for color in COLORS for kind in KINDS]
            _print("question -> new answer", [_asked(page, text) for text in texts[: options.questions]])
            _print("next picture -> new answer", [_next(page) for _ in range(options.questions // 2)])
        browser.close()


def _opened(page: Page, address: str) -> float:
    go_to(page, address)
    page.locator("#answer").wait_for(timeout=60_000)
    answered = time.perf_counter()
    _quiet(page)
    return answered


def _quiet(page: Page) -> None:
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    page.wait_for_timeout(400)


def _asked(page: Page, question: str) -> float:
    box = page.get_by_role("textbox", name="Your question")
    box.fill(question)
    began = time.perf_counter()
    box.press("Enter")
    page.evaluate(TIMED, [f'#answer[data-question="{question}"]'])
    taken = time.perf_counter() - began
    _quiet(page)
    return taken


def _next(page: Page) -> float:
    before = page.locator("#answer").get_attribute("data-picture")
    began = time.perf_counter()
    page.get_by_role("button", name="Next", exact=True).click()
    page.evaluate(TIMED, [f'#answer:not([data-picture="{before}"])'])
    taken = time.perf_counter() - began
    _quiet(page)
    return taken


def _print(what: str, seconds: list[float]) -> None:
    print(f"{what}: median {statistics.median(seconds) * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
