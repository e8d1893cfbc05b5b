"""A running app and a real browser. Without Playwright or Chromium these tests skip and say so."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tiny import ANSWERS, tiny_card, tiny_network

from analysis.corpus.layout import LayoutRecipe
from analysis.study import make_study
from film import WORDS, Session, Vocabulary, save

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
WAIT = 60_000  # milliseconds: a machine that runs other tests beside is slow, and slow is not wrong
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser of Debian's. Pages of different contexts share nothing."""
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    program = os.environ.get("FILM_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium, or name one in FILM_CHROMIUM")
    with api.sync_playwright() as playwright:
        # A page whose headers a test has set counts as one from far, which may not ask this machine.
        options = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the app runs, with a tiny network of random weights that knows all of CLEVR's words.

    Beside it lies a study of 400 questions with maps by PCA.
    """
    folder = tmp_path_factory.mktemp("network")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words), answers=len(ANSWERS))
    save(folder, network, tiny_card(network, words=words, name="tiny, with random weights"))
    maps = [LayoutRecipe("both:1", "pca"), LayoutRecipe("both:3", "pca")]
    make_study(Session(folder, "cpu"), folder / "study", questions=400, maps=maps)
    return serve(folder)


@pytest.fixture(scope="session")
def serve(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts the app with the network of a folder and says where; it runs until all tests are done.

    Other names and values go into its environment.
    """
    with ExitStack() as running:
        yield lambda folder, **others: running.enter_context(
            _running(folder, tmp_path_factory.mktemp("log"), others)
        )


@contextmanager
def _running(folder: Path, logs: Path, others: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, asked = logs / "server.log", logs / "asked-outside"
    options = {"headless": "true", "port": port, "address": "127.0.0.1"}
    with open(log, "w") as lines:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py"]
            + [word for name, value in options.items() for word in (f"--server.{name}", str(value))],
            cwd=ROOT,
            env=os.environ
            | {"FILM_CHECKPOINT": str(folder)}
            | others
            | {"PYTHONPATH": str(ROOT / "tests" / "guard"), "FILM_ASKED_OUTSIDE": str(asked)},
            stdout=lines,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_healthy(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(3)
        except subprocess.TimeoutExpired:  # it would finish what it measures in the background
            server.kill()
            server.wait()
    assert "Traceback" not in log.read_text(), log.read_text()
    assert not asked.exists(), asked.read_text()


def _until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
    pytest.fail(f"The app did not start within a minute.\n{log.read_text()}")


class Visitor:
    """A tab of a browser, and what one does with it."""

    def __init__(self, page: Any, address: str):
        self.page, self.address = page, address

    def open(self, path: str = "/") -> Visitor:
        self.page.goto(self.address + path)
        self.page.locator("#network").wait_for(state="attached")
        self.quiet()
        return self

    def quiet(self) -> None:
        """Wait until nothing runs, and hold that nothing has failed."""
        self.page.wait_for_function(
            "() => { const app = document.querySelector('[data-testid=stApp]');"
            "const left = [...document.querySelectorAll('[class*=st-key-figure-]:not(:has([data-drawn]))')];"
            "return app.dataset.testScriptState === 'notRunning'"
            "&& !document.querySelector('.stSkeleton, .below')"
            "&& !left.some(figure => figure.clientWidth) }"  # in a tab that is not open nothing is drawn
        )
        assert self.page.locator("[data-testid=stException]").count() == 0

    def ask(self, question: str) -> None:
        box = self.page.get_by_role("textbox", name="Your question")
        box.fill(question)
        box.press("Enter")

    def answered(self, question: str) -> str:
        """The answer to this question, waited for."""
        answer = self.page.locator(f'#answer[data-question="{question}"]')
        answer.wait_for()
        self.quiet()
        return answer.get_attribute("data-answer")

    def choose(self, box: Any, option: str) -> None:
        """Pick an option of a box; a list opened while the page redrew has closed and is opened again."""
        from playwright.sync_api import TimeoutError as NotThere

        wanted = self.page.get_by_role("option", name=option).first
        for _ in range(10):
            self.quiet()
            box.press("ArrowDown")
            try:
                wanted.click(timeout=5000)
            except NotThere:
                continue
            self.page.get_by_role("listbox").wait_for(state="detached")
            return
        pytest.fail(f"{option} was not offered")

    def says(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()
        self.quiet()

    def glimpse(self, name: str) -> None:
        """A picture of what the window shows among the artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    def shoot(self, name: str) -> Path:
        """A picture of the whole page among the artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        size = self.page.viewport_size
        content = "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
        self.page.set_viewport_size({"width": size["width"], "height": self.page.evaluate(content) + 80})
        self.page.wait_for_timeout(700)  # figures draw themselves anew
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
        self.page.set_viewport_size(size)
        return ARTEFACTS / f"{name}.png"


@pytest.fixture(scope="session")
def profile(chromium: Any) -> Callable[[str], Any]:
    """A browser profile by its theme. Of what a tab keeps another one sees nothing, but the app is loaded."""

    @cache
    def profile(scheme: str) -> Any:
        return new_profile(chromium, scheme)

    return profile


def new_profile(chromium: Any, scheme: str) -> Any:
    made = chromium.new_context(color_scheme=scheme, locale="en-GB")
    made.set_default_timeout(WAIT)
    return made


def make_visitors(chromium: Any, profile: Callable[[str], Any], address: str) -> Iterator[Any]:
    """Makes visitors, each in a tab of their own; `apart`: in a profile that has never been here."""
    with ExitStack() as leave:

        def make(width: int = 1440, scheme: str = "light", apart: bool = False) -> Visitor:
            if apart:
                context = new_profile(chromium, scheme)
                leave.callback(context.close)
            else:
                context = profile(scheme)
            page = context.new_page()
            leave.callback(page.close)
            page.set_viewport_size({"width": width, "height": 900})
            return Visitor(page, address)

        yield make


visitors = pytest.fixture(make_visitors)
visitors_of_the_module = pytest.fixture(scope="module")(make_visitors)


@pytest.fixture
def visitor(visitors: Any) -> Visitor:
    return visitors().open()
