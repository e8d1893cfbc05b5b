"""Links that others made: no page fails on one, and nothing that stands in one becomes markup."""

import random
from pathlib import Path

import pytest
import streamlit as st
from hostile import TEXTS, link, made_markup
from streamlit.testing.v1 import AppTest
from tiny import ANSWERS, tiny_card, tiny_network

from analysis.corpus.layout import LayoutRecipe
from analysis.study import make_study
from film import WORDS, Session, Vocabulary, save
from ui import widgets
from ui.cache import networks

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.stem for path in (ROOT / "ui" / "pages").glob("*.py") if path.stem != "__init__")
LINKS, SHARE = 400, 40  # all of them with --full-battery


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network that knows CLEVR's words and some of a stranger's, with a study."""
    folder = tmp_path_factory.mktemp("network")
    words = (*Vocabulary.of(WORDS).tokens, "www.evil.example", "<b>bold</b>", ":smile:")
    network = tiny_network(words=len(words), answers=len(ANSWERS))
    save(folder, network, tiny_card(network, words=words, name="**tiny** www.evil.example"))
    maps = [LayoutRecipe("both:1", "pca"), LayoutRecipe("both:3", "pca")]
    make_study(Session(folder, "cpu"), folder / "study", questions=60, maps=maps)
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def follow(folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINT, str(folder))
    monkeypatch.chdir(ROOT)

    def followed(page: str, link: dict[str, str]) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in link.items():
            app.query_params[name] = value
        return app.switch_page(f"ui/pages/{page}.py").run()

    return followed


def test_no_link_fails_or_becomes_markup(follow, request):
    rng = random.Random(0)
    for _ in range(LINKS if request.config.getoption("--full-battery", default=False) else SHARE):
        page, given = link(rng, PAGES)
        app = follow(page, given)
        assert not app.exception, (page, given, [error.value for error in app.exception])
        assert not made_markup(app), (page, given, made_markup(app))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_others_is_shown_as_text(follow, text):
    app = follow("atlas", {"by": "text", "for": text, "q": text})
    assert not app.exception
    assert not made_markup(app)


def test_the_check_finds_markup(follow, monkeypatch):
    monkeypatch.setattr(widgets, "plain", str)
    assert made_markup(follow("atlas", {"by": "text", "for": "www.evil.example"}))
