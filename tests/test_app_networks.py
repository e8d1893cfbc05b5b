"""Several networks in one app: two visitors, two checkpoints, and links that name one."""

import time
from itertools import count
from pathlib import Path

import pytest
import streamlit as st
from published import published, write
from streamlit.runtime.caching import cache_utils
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from film import Session, Vocabulary, gallery, import_official, save
from film.clevr.language.word_tree import WORDS
from ui import state
from ui.cache import networks

ROOT = Path(__file__).parents[1]
QUESTION = "How many red cubes are there?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three checkpoints, the last one damaged."""
    folder = tmp_path_factory.mktemp("checkpoints")
    words = Vocabulary.of(WORDS).tokens
    for seed, name in enumerate(("one", "two", "broken")):
        network = tiny_network(seed=seed, words=len(words))
        save(folder / name, network, tiny_card(network, words=words, name=name))
    (folder / "broken" / "weights.safetensors").write_bytes(b"nothing")
    return folder


@pytest.fixture
def start(folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINT, str(folder / "one"))
    monkeypatch.setenv(networks.CHECKPOINTS, str(folder))
    monkeypatch.chdir(ROOT)

    def started(**link: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in ({"q": QUESTION} | link).items():
            app.query_params[name] = value
        return app.run()

    return started


def weights(app) -> str:
    (foot,) = [h.proto.body for h in app.get("html") if 'id="network"' in h.proto.body]
    return foot.split('data-weights="')[1].split('"')[0]


def said(app) -> str:
    (answer,) = [h.proto.body for h in app.get("html") if 'id="answer"' in h.proto.body]
    return answer.split('data-answer="')[1].split('"')[0]


def test_two_visitors_ask_two_networks(start, folder):
    first, second = start(), start(network="two")
    sessions = {name: Session(folder / name, "cpu") for name in ("one", "two")}
    for app, name in ((first, "one"), (second, "two"), (first, "one")):
        app.run()
        assert not app.exception
        assert weights(app) == sessions[name].card.weights
        picture = gallery()[0].picture_path
        assert said(app) == sessions[name].ask(picture, QUESTION).answer
    assert weights(first) != weights(second)
    for page in ("modulation", "parameters", "bench"):
        for app, name in ((first, "one"), (second, "two")):
            app.switch_page(f"ui/pages/{page}.py").run()
            assert not app.exception
            assert weights(app) == sessions[name].card.weights


def test_another_network_is_chosen_and_the_question_stays(start, folder):
    app = start(picture="gallery-3")
    assert app.selectbox(key="network").options[:2] == ["one", "clevr"]
    app.selectbox(key="network").set_value("two").run()
    assert not app.exception
    assert weights(app) == Session(folder / "two", "cpu").card.weights
    assert app.query_params["network"] == "two"
    assert app.query_params["picture"] == "gallery-3"
    assert app.query_params["q"] == QUESTION
    assert not app.info


def test_the_box_shows_the_network_that_is_here_however_it_was_chosen(start, monkeypatch):
    monkeypatch.setattr(state, "ECHO", 0.0)
    app = start()
    app.selectbox(key="network").set_value("two").run()
    app.query_params["network"] = "one"  # as Back does
    app.run()
    assert app.selectbox(key="network").value == "one"
    app.selectbox(key="network").set_value("two").run()
    assert app.query_params["network"] == "two"
    assert app.selectbox(key="network").value == "two"


def test_the_history_is_asked_again_of_another_network(start, folder):
    app = start()
    other = "How many blue cubes are there?"
    app.text_input(key="view-question").set_value(other).run()
    app.selectbox(key="network").set_value("two").run()
    assert not app.exception
    entries = app.session_state["asked"]
    assert [entry.question for entry in entries] == [QUESTION, other]
    session = Session(folder / "two", "cpu")
    for entry in entries:
        asked = session.ask(gallery()[0].picture_path, entry.question)
        assert (entry.answer.gamma == asked.gamma).all()


def test_edits_of_another_network_are_remarked_upon(start):
    app = start(edits="scale:1.3.gamma:0")
    assert not app.info
    app.selectbox(key="network").set_value("two").run()
    assert not app.exception
    assert app.query_params["edits"] == "scale:1.3.gamma:0"
    assert any("made in another network" in info.value for info in app.info)
    app.selectbox(key="network").set_value("one").run()
    assert "network" not in app.query_params


def test_what_cannot_be_opened_is_said(start, folder):
    app = start(network="broken")
    assert not app.exception
    assert weights(app) == Session(folder / "one", "cpu").card.weights
    assert any("broken cannot be opened" in info.value for info in app.info)


@pytest.mark.parametrize("page", ["ask", "modulation", "bench", "evidence"])
def test_a_network_that_is_not_here_is_named_on_every_page(start, page):
    app = start(network="lost")
    if page != "ask":
        app.switch_page(f"ui/pages/{page}.py").run()
    assert not app.exception
    assert any("the network lost, which is not here" in info.value for info in app.info)


def test_a_checkpoint_that_comes_while_the_app_runs_is_offered_soon(monkeypatch, tmp_path):
    monkeypatch.setenv(networks.CHECKPOINTS, str(tmp_path))
    clock = iter(range(0, 100, networks.LOOKED))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert "late" not in networks.offered()
    (tmp_path / "late").mkdir()
    assert "late" in networks.offered()


def test_the_list_of_networks_is_read_while_its_time_runs_out(monkeypatch, folder):
    """Streamlit asks its clock twice in reading what it keeps for a time: here it moves in between."""
    monkeypatch.setenv(networks.CHECKPOINTS, str(folder))
    clock = count(step=0.7 * networks.LOOKED)
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", lambda: next(clock))
    st.cache_resource.clear()  # made anew, with this clock
    try:
        for _ in range(4):
            assert {"one", "two", "broken"} <= set(networks.offered())
    finally:
        st.cache_resource.clear()


def test_a_folder_that_is_none_is_said(start, monkeypatch, tmp_path):
    monkeypatch.setenv(networks.CHECKPOINTS, str(tmp_path / "nowhere"))
    app = start()
    assert any("which is no folder" in info.value.replace("\\", "") for info in app.info)


def test_what_a_two_way_reader_of_the_published_code_reads_is_said_on_every_page(visit, tmp_path):
    network, card = import_official(write(tmp_path / "film.pt", published({}, {"bidirectional": True})))
    save(tmp_path / "two-way", network, card)
    for page in ("ask", "evidence"):
        app = visit(tmp_path / "two-way", page)
        assert not app.exception
        assert card.data["padding"] in " ".join(part.proto.body for part in app.get("html"))
