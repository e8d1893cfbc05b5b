"""The map cards' page without a browser: a tiny network with cards measured on a few scenes."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import Study, extract_here, find_maps, measure_maps, sample_questions, write_maps
from analysis.figures.map_cards import effect_bars, label_grid
from film import Session, save
from ui import as_python
from ui.cache import evidence, networks

APP = str(Path(__file__).parents[1] / "app.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    network = tiny_network(answers=28)
    save(folder, network, tiny_card(network, name="tiny"))
    session = Session(folder, "cpu")
    study = extract_here(session, sample_questions(300, 0))
    write_maps(folder / "study", measure_maps(session, study, scenes=10))
    return folder


@pytest.fixture
def page(folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINT, str(folder))
    yield AppTest.from_file(APP, default_timeout=60).switch_page("ui/pages/maps.py").run()
    st.cache_resource.clear()


def test_a_card_says_what_was_measured(page):
    assert not page.exception
    told = " ".join(line.value for line in page.markdown)
    assert "Visual selectivity:" in told
    assert told.count("**What it does not say.**") == 2  # of labels and of effects on answers
    assert "logits** to its runner-up" in told
    assert any("rank correlation" in line.value for line in page.caption)
    assert len(charts(page)) == 3
    assert len(page.get("download_button")) == 4  # and the list
    page.number_input[0].set_value(2).run()
    assert not page.exception
    assert "Block 1, map 2" in [line.value for line in page.header]


def list_of(page):
    (table,) = [frame.value for frame in page.dataframe]
    return table


def test_the_list_is_sorted(page):
    deltas = list_of(page)["pictures_delta"]
    assert deltas.dropna().abs().is_monotonic_decreasing
    assert deltas.isna().tolist() == sorted(deltas.isna())  # what has no label comes last
    page.segmented_control(key="maps-order").set_value("greatest effect on answers").run()
    assert list_of(page)["effect_rank"].is_monotonic_increasing
    assert list_of(page)["effect_shrunken"].is_monotonic_decreasing


@pytest.fixture
def labelled(folder, tmp_path, monkeypatch):
    """The page with the same network and labels that are planted: random weights earn none of their own."""
    here = shutil.copytree(folder, tmp_path / "labelled")
    cards = find_maps(here, Session(here, "cpu").card.weights)
    effects = cards.effects.assign(p=1.0)
    planted = {(0, 3, "pictures", "red"): -0.9, (1, 2, "pictures", "red"): 0.6,
               (1, 2, "language", "red"): 0.5, (2, 7, "language", "red"): 0.8,
               (2, 1, "pictures", "cube"): 0.7}  # fmt: skip
    for (block, number, about, value), delta in planted.items():
        row = effects[["block", "map", "about", "value"]].eq([block, number, about, value]).all(axis=1)
        effects.loc[row, ["delta", "p"]] = delta, 0.01
    write_maps(here / "study", replace(cards, effects=effects))
    monkeypatch.setenv(networks.CHECKPOINT, str(here))
    yield AppTest.from_file(APP, default_timeout=60).switch_page("ui/pages/maps.py").run()
    st.cache_resource.clear()


def maps_of(page) -> list[tuple[int, int]]:
    table = list_of(page)
    return list(zip(table["block"], table["map"], strict=True))


def test_pictures_and_language_are_searched_apart(labelled):
    page = labelled
    page.text_input(key="maps-filter").set_value("red").run()
    assert maps_of(page) == [(1, 3), (2, 2)]  # the greatest first, whichever way
    assert any("2 of 24 maps are selective for “red” in pictures" in line.value for line in page.caption)
    assert "red" in page.query_params["options"]  # the link holds it
    page.text_input(key="maps-language").set_value("red").run()
    assert maps_of(page) == [(2, 2)]  # both
    page.text_input(key="maps-filter").set_value("").run()
    assert maps_of(page) == [(3, 7), (2, 2)]
    page.text_input(key="maps-language").set_value("no such label").run()
    assert not page.exception
    assert not page.dataframe
    assert any("No map is selective for that" in line.value for line in page.caption)


def test_a_card_shows_strong_and_weak_pictures_and_leads_on(page):
    evidence.reading_gallery(networks.study(), page.query_params["q"]).result(timeout=60)
    page.run()
    headings = [line.value for line in page.markdown]
    assert "**Strongest**" in headings
    assert "**From the upper quartile to the weakest**" in headings
    assert len(page.get("image")) == 8
    assert any(line.value.startswith("The 40 pictures of the gallery") for line in page.caption)
    (link,) = [code.value for code in page.code if "block=" in code.value]
    assert link.split("?")[1].startswith("block=1&map=0&weights=")
    head = page.main.get_by_key("card-head")  # what stays in view while the card scrolls
    assert [line.value for line in head.header] == ["Block 1, map 0"]
    assert "Visual selectivity" in head.markdown[0].value
    page.number_input(key="view-feature_map").set_value(3).run()
    page.button(key="card-bench").click().run()
    assert not page.exception
    assert page.title[0].value == "Bench"
    assert "Block 1, map 3" in [line.value for line in page.header]


def test_without_cards_the_page_names_the_command(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path, network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path))
    page = AppTest.from_file(APP, default_timeout=60).switch_page("ui/pages/maps.py").run()
    assert not page.exception
    assert f"python -m analysis maps {tmp_path}" in page.info[0].value
    st.cache_resource.clear()


def test_figures_carry_effects_and_labels(folder):
    found = find_maps(folder, Session(folder, "cpu").card.weights)
    effects = found.effects_of(0, 1, "pictures")
    bars = effect_bars(effects).data[0]
    assert list(bars.x) == effects["delta"].head(20).tolist()
    map_grid = label_grid(found.cards, found.effects, chosen=(1, 0), dark=True)
    assert map_grid.data[0].z.shape == (found.cards["block"].max() + 1, found.cards["map"].max() + 1)
    assert len(map_grid.layout.shapes) == 1
    lit = np.zeros(len(found.cards), bool)
    lit[[1, 9]] = True
    faded, bright, dots = label_grid(found.cards, found.effects, lit=lit).data[:3]
    assert list(zip(dots.x, dots.y, strict=True)) == [(1, "block 1"), (1, "block 2")]
    assert (np.isnan(bright.z) == ~lit.reshape(bright.z.shape)).all()
    assert (np.isnan(faded.z) == lit.reshape(bright.z.shape)).all()
    assert faded.opacity < 0.5


def test_the_lines_to_copy_give_the_card(folder):
    study = Study(Session(folder), folder)
    names: dict = {}
    exec(compile(as_python.maps(study, 1, 3), "copied", "exec"), names)
    card = study.cards.cards.query("block == 1 and map == 3").iloc[0]
    assert names["card"].equals(card)
