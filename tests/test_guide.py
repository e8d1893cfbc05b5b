"""The guided first five minutes, walked through on a bundled network; and the exchange it ends in."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import most_changed, patch_blocks, some_others, word_changed
from analysis.question.population import measure_population
from film import Session, Vocabulary, find, gallery, load, save
from film.clevr.language.word_tree import WORDS
from ui import builder, pages
from ui.cache import networks

ROOT = Path(__file__).parents[1]
FIRST, SECOND = "How many red things are there?", "How many blue things are there?"


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(find(None), "cpu")


@pytest.fixture(scope="module")
def picture() -> str:
    return str(gallery()[0].picture_path)


def test_words_apart():
    assert word_changed(FIRST, SECOND) == ("red", "blue")
    assert word_changed(FIRST, FIRST) is None
    assert word_changed(FIRST, "How many red cubes are left of it?") is None


def test_an_exchange_of_nothing_moves_nothing(session, picture):
    for swap in patch_blocks(session, picture, FIRST, FIRST, [SECOND]):
        assert swap.moved == pytest.approx(0, abs=1e-4)
        assert swap.others == 1


def test_an_exchange_is_what_an_edit_makes_of_it(session, picture):
    swaps = patch_blocks(session, picture, FIRST, SECOND)
    own = session.ask(picture, SECOND)
    taken = session.modulate([FIRST])
    for swap in swaps:
        block = swap.block

        def edit(modulation, block=block):
            gamma, beta = taken.gamma[:, block], taken.beta[:, block]
            return modulation.with_value(block, slice(None), gamma=gamma, beta=beta)

        there = session.ask(picture, SECOND, interventions=edit)
        apart = sum(abs(there.probabilities[name] - p) for name, p in own.probabilities.items()) / 2
        assert swap.moved == pytest.approx(apart, abs=1e-4)
        assert swap.answer == there.answer
        assert swap.others == swap.as_far == 0
        assert np.isnan(swap.p)


def test_maps_that_a_word_moved(session, picture):
    first, second = session.ask(picture, FIRST), session.ask(picture, SECOND)
    population = measure_population(session, 60)
    changed = most_changed(first, second, population)
    sizes = [abs(change) for _, _, change in changed]
    assert sizes == sorted(sizes, reverse=True)
    block, number, change = changed[0]
    deviation = population.gamma[:, block, number].astype(np.float32).std()
    assert change == pytest.approx((second.gamma - first.gamma)[block, number] / deviation, rel=1e-3)
    others = some_others(population, [FIRST, SECOND], 5)
    assert len(others) == 5
    assert others == some_others(population, [FIRST, SECOND], 5)


def test_questions_one_word_away(session):
    found = builder.with_one_word_changed("How many big red cubes are there?", session.vocabulary)
    assert "How many big red spheres are there?" in found
    assert "How many big blue cubes are there?" in found
    assert all(word_changed("How many big red cubes are there?", text) for text in found)
    assert not builder.with_one_word_changed("Hello there", session.vocabulary)
    assert builder.answers("query_shape") == ("cube", "sphere", "cylinder")
    assert builder.answers("equal_color") == ("yes", "no")


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.sidebar.markdown).replace("\\", "")


def guess(app: AppTest, key: str, place: int) -> None:
    pills = app.pills(key=key)
    pills.set_value(place if key == "guide-block" else pills.options[place]).run()


def press(app: AppTest, key: str) -> AppTest:
    return app.sidebar.button(key=key).click().run()


@pytest.mark.app
def test_the_walk_ends_in_a_finding(monkeypatch, files):
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert "Predict" in app.sidebar.subheader[0].value
    assert app.sidebar.button(key="guide-next").disabled

    guess(app, "guide-said-0", 0)
    assert "Your prediction" in said(app)
    assert load(find())[1].taught in said(app)
    press(app, "guide-next")

    assert "Change one word" in app.sidebar.subheader[0].value
    assert app.sidebar.button(key="guide-next").disabled
    press(app, "guide-variant-0")
    assert "Not one pixel changed" in said(app)
    press(app, "guide-next")

    chosen = next(b.key for b in app.sidebar.button if b.key.startswith("guide-map-"))
    assert app.sidebar.button(key="guide-next").disabled
    press(app, chosen)
    assert "gamma went from" in said(app)
    press(app, "guide-next")
    assert app.sidebar.button(key="guide-next").disabled
    # Another map on a page is not another choice here.
    app.session_state["view"] = replace(app.session_state["view"], block=0, feature_map=0)
    app.run()
    where = "block {}, map {}".format(int(chosen.split("-")[-2]) + 1, chosen.split("-")[-1])
    assert f"gamma of {where} most" in said(app)

    guess(app, "guide-word", -1)
    assert "changed it most" in said(app)
    press(app, "guide-next")

    guess(app, "guide-block", 1)
    exchange = pd.read_csv(BytesIO(files["guide-exchange.csv"]()))
    assert exchange["block"].tolist() == [1, 2, 3, 4]
    assert exchange["source"].str.contains("with one block from").all()
    finding = app.sidebar.code[0].value
    assert "With gamma and beta of block" in finding
    assert f"gamma of {where} goes" in finding
    assert "weights=" in finding
    link = finding.splitlines()[-1]
    assert "/bench?" in link
    assert "edits=patch" in link  # it opens both questions and the exchange
    assert "&other=" in link
    press(app, "guide-bench")
    assert app.sidebar.code[0].value == finding
    assert "It is on the Bench" in said(app)
    assert not app.exception

    press(app, "guide-close")
    assert not app.sidebar.subheader
    app.button(key="guide-open").click().run()
    assert app.sidebar.code[0].value == finding  # nothing is lost by closing


@pytest.mark.app
@pytest.mark.parametrize(
    ("recipe", "taught"),
    [({}, "not said on its card"), ({"loss": {"answer": 1.0}}, "It was taught answers alone."),
     ({"loss": {"answer": 1.0, "slots": 0.1}}, "more than answers: also which words fill which slots")],
)  # fmt: skip
def test_the_guide_says_of_the_training_what_the_card_says(recipe, taught, tmp_path, monkeypatch):
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(tmp_path / "own", network, tiny_card(network, words=words, recipe=recipe))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path / "own"))
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    guess(app, "guide-said-0", 0)
    assert taught in said(app)
    assert "rules" not in said(app)


@pytest.mark.parametrize(
    "here", ["http://lens", "http://lens/", "http://lens/modulation", "http://lens/bench/"]
)
@pytest.mark.parametrize("below", ["", "/below"])
def test_a_page_is_found_from_any_other(here, below):
    assert pages.address(here.replace("lens", f"lens{below}"), "bench") == f"http://lens{below}/bench"


@pytest.mark.app
def test_who_follows_a_link_is_not_led(monkeypatch):
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["q"] = FIRST
    app.run()
    assert not app.sidebar.subheader
