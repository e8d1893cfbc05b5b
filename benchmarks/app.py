"""How long a visitor waits: `python -m benchmarks.app [--questions 20] [--rounds 3]`, with Chromium there.

Starts the app, opens it in a browser, asks questions, turns pictures and goes from page to page, and prints
what a visitor would see on a clock: from the key to the answer on the page, from the address or the menu to a
page on which nothing is missing but what lies further down than the window is high; and of a first visit
also to the whole page, which follows when the window has been drawn for 0.3 s (`ui.below`). Pages are
measured once every page has been opened and the server is idle, so that what it loads or prepares once is
there (how long that took is printed); a first visit is that of a browser that has never been there, and
from the menu come pages that the session has seen whole. In the same run a page of Streamlit's with nothing
but a heading is visited, which tells how much of a first visit is the app's own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import time

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.serving import TIMED, WHOLE, chromium, go_to, quiet, served, wait_until_idle
from ui.pages import GROUPS

KINDS = ("cubes", "spheres", "cylinders", "things")
PATIENCE = 180_000  # milliseconds: a loaded machine is measured, too
WINDOW: ViewportSize = {"width": 1440, "height": 900}
PAGES = {name: title for entries in GROUPS.values() for name, title in entries}
# A page of another heading is there, nothing is still to come but what lies further down than the window is
# high, and nothing is of the page before.
SETTLED = """former => {
    const heading = document.querySelector('h1'), app = document.querySelector('[data-testid=stApp]');
    return heading && heading.innerText !== former && document.querySelector('#network')
        && app.dataset.testScriptState === 'notRunning'
        && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')
        && [...document.querySelectorAll('.below, [class*=st-key-figure-]:not(:has([data-drawn]))')]
            .every(one => {
                const {top, bottom} = one.getBoundingClientRect()
                return bottom <= 0 || top >= innerHeight }) }"""
COLORS = ("red", "blue", "green", "gray", "cyan", "brown", "purple", "yellow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3, help="times that every page is opened")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        began = time.perf_counter()
        with served() as (address, server):
            first = _opened(page, address)
            print(f"start of the server -> first answer on the page: {first - began:.2f} s")
            texts = [f"How many {color} {kind} are there?" for color in COLORS for kind in KINDS]
            _print("question -> new answer", [_asked(page, text) for text in texts[: options.questions]])
            _print("next picture -> new answer", [_next(page) for _ in range(options.questions // 2)])
            plain = _plain_visit(browser, options.rounds)
            print(f"first visit to a page with nothing but a heading: median {1000 * plain:.0f} ms")
            _print_pages(browser, address, server, options.rounds)
        browser.close()


def _opened(page: Page, address: str) -> float:
    go_to(page, address)
    page.locator("#answer").wait_for(timeout=PATIENCE)
    answered = time.perf_counter()
    quiet(page)
    return answered


def _asked(page: Page, question: str) -> float:
    box = page.get_by_role("textbox", name="Your question")
    box.fill(question)
    began = time.perf_counter()
    box.press("Enter")
    page.evaluate(TIMED, [f'#answer[data-question="{question}"]'])
    taken = time.perf_counter() - began
    quiet(page)
    return taken


def _next(page: Page) -> float:
    before = page.locator("#answer").get_attribute("data-picture")
    began = time.perf_counter()
    page.get_by_role("button", name="Next", exact=True).click()
    page.evaluate(TIMED, [f'#answer:not([data-picture="{before}"])'])
    taken = time.perf_counter() - began
    quiet(page)
    return taken


def _print_pages(browser: Browser, address: str, server: subprocess.Popen[bytes], rounds: int) -> None:
    """What every page takes at the first visit, and when it is chosen in the menu; a row a page."""
    for name in PAGES:
        _first_visit(browser, address, name)
    print(f"every page opened once -> the server is idle: {wait_until_idle(server):.0f} s")
    visits = {name: [_first_visit(browser, address, name) for _ in range(rounds)] for name in PAGES}
    switched: dict[str, list[float]] = {name: [] for name in PAGES}
    page = browser.new_page(viewport=WINDOW)
    page.goto(address)
    page.wait_for_function(SETTLED, arg="", timeout=PATIENCE)
    page.wait_for_function(WHOLE, timeout=PATIENCE)
    for turn in range(1 + rounds):  # the first is for what a session loads once
        for name, title in (*list(PAGES.items())[1:], *list(PAGES.items())[:1]):
            taken = _switched(page, title)
            page.wait_for_function(WHOLE, timeout=PATIENCE)
            if turn:
                switched[name].append(taken)
    page.close()
    head = f"median of {rounds}, in ms{'':7}first visit    all of it  from the menu"
    print(f"{head}   (load {os.getloadavg()[0]:.1f})")
    for name, title in PAGES.items():
        first, whole = zip(*visits[name], strict=True)
        times = (1000 * statistics.median(of) for of in (first, whole, switched[name]))
        print(f"{title:24}" + "".join(f"{taken:>13.0f}" for taken in times))


def _plain_visit(browser: Browser, rounds: int) -> float:
    """Seconds, the median, from the address to Streamlit's plainest page."""
    times = []
    with served("benchmarks/plain_page.py") as (address, _):
        waits = browser.new_page()
        go_to(waits, address)
        waits.close()
        for _ in range(rounds + 1):  # the first is for what a server loads once
            page = browser.new_context(viewport=WINDOW).new_page()
            began = time.perf_counter()
            page.goto(address)
            page.get_by_text("A sentence.").wait_for(timeout=PATIENCE)
            times.append(time.perf_counter() - began)
            page.context.close()
    return statistics.median(times[1:])


def _first_visit(browser: Browser, address: str, name: str) -> tuple[float, float]:
    """Seconds from the address to what the window shows and to all, in a browser that has nothing of it."""
    page = browser.new_context(viewport=WINDOW).new_page()
    began = time.perf_counter()
    page.goto(f"{address}/{'' if name == next(iter(PAGES)) else name}")
    page.wait_for_function(SETTLED, arg="", timeout=PATIENCE)
    first = time.perf_counter() - began
    page.wait_for_function(WHOLE, timeout=PATIENCE)
    whole = time.perf_counter() - began
    page.context.close()
    return first, whole


def _switched(page: Page, title: str) -> float:
    former = page.locator("h1").first.inner_text()
    link = page.locator(".st-key-menu").get_by_role("link", name=title, exact=True)
    began = time.perf_counter()
    link.click()
    page.wait_for_function(SETTLED, arg=former, timeout=PATIENCE)
    return time.perf_counter() - began


def _print(what: str, seconds: list[float]) -> None:
    print(f"{what}: median {statistics.median(seconds) * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
