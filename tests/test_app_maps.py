"""The map cards' page without a browser: a tiny network with cards measured on a few scenes."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import extract_here, measure_maps, sample_questions, write_maps
from analysis.figures.map_cards import effect_bars, label_grid
from film import Session, save
from ui.cache import networks

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
    assert len(page.get("plotly_chart")) == len(page.get("download_button")) == 3
    page.number_input[0].set_value(2).run()
    assert not page.exception
    assert "Block 1, map 2" in [line.value for line in page.header]


def test_the_table_is_filtered_and_sorted(page):
    page.segmented_control(key="maps-order").set_value("greatest effect on answers").run()
    (table,) = [frame.value for frame in page.dataframe]
    assert table["effect_rank"].is_monotonic_increasing
    assert table["effect_shrunken"].is_monotonic_decreasing
    page.text_input(key="maps-filter").set_value("no such label").run()
    (table,) = [frame.value for frame in page.dataframe]
    assert table.empty


def test_without_cards_the_page_names_the_command(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path, network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path))
    page = AppTest.from_file(APP, default_timeout=60).switch_page("ui/pages/maps.py").run()
    assert not page.exception
    assert f"python -m analysis maps {tmp_path}" in page.info[0].value
    st.cache_resource.clear()


def test_figures_carry_effects_and_labels(folder):
    from analysis import find_maps

    found = find_maps(folder, Session(folder, "cpu").card.weights)
    effects = found.effects_of(0, 1, "pictures")
    bars = effect_bars(effects).data[0]
    assert list(bars.x) == effects["delta"].head(20).tolist()
    map_grid = label_grid(found.cards, found.effects, chosen=(1, 0), dark=True)
    assert map_grid.data[0].z.shape == (found.cards["block"].max() + 1, found.cards["map"].max() + 1)
    assert len(map_grid.layout.shapes) == 1
