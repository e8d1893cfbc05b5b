"""The README's tables are what `film-analysis reproduce` writes, byte for byte."""

from functools import partial
from pathlib import Path

import pytest
from tiny import tiny_card, tiny_network

import analysis.corpus.evidence as evidence
import analysis.reproduce as reproduce
from analysis import LayoutRecipe, gallery_questions, make_study, measure_maps, probe, probe_transfer
from analysis.reproduce import read_results, tables, written
from film import InputError, Session, find, save

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    folder = find("clevr")
    session = Session(folder, "cpu")
    results = read_results(folder)
    assert results["weights"] == session.card.weights
    return tables(session.card, results)


def test_the_readme_has_these_tables_byte_for_byte(made):
    assert written(README, made) == README, "run `python -m analysis reproduce`"


def test_another_figure_would_be_seen(made):
    first = next(iter(made))
    digit = next(character for character in made[first] if character.isdigit())
    other = made | {first: made[first].replace(digit, "7" if digit != "7" else "8", 1)}
    assert written(README, other) != README


def test_a_page_without_the_places_is_refused(made):
    with pytest.raises(InputError, match="places for"):
        written("No table here.", made)


def test_missing_results_name_the_command(tmp_path):
    with pytest.raises(InputError, match="reproduce"):
        read_results(tmp_path)


@pytest.mark.slow
def test_a_study_is_made_measured_and_gone_on_with(tmp_path, monkeypatch):
    network = tiny_network(41, blocks=2, modulated=(True, True))
    save(tmp_path, network, tiny_card(network, name="tiny"))
    session = Session(tmp_path, "cpu")
    layouts = [LayoutRecipe("both", "pca")]
    monkeypatch.setattr(
        reproduce, "make_study", partial(make_study, questions=900, maps=layouts, predict=False)
    )
    monkeypatch.setattr(reproduce, "drawn_questions", partial(gallery_questions, 120))
    monkeypatch.setattr(evidence, "probe", partial(probe, words={}, only=["state"]))
    monkeypatch.setattr(evidence, "probe_transfer", lambda observed, **_: probe_transfer(observed, chosen={}))
    monkeypatch.setattr(reproduce, "measure_maps", partial(measure_maps, scenes=10))
    named = []

    def bars(name):
        named.append(name)
        return lambda *_: None

    found = reproduce.measure_results(session, tmp_path, bars=bars)
    assert named == [
        "study, in hundredths",
        "questions",
        "probes",
        "probes across blocks",
        "feature maps",
        "claim",
    ]
    assert found == read_results(tmp_path)
    assert found["evidence"]["rows"][0]["asked"] == 120
    assert found["maps"]["maps"] == network.config.blocks * network.config.maps
    assert set(found["claim"]["spaces"]) == {"first block", "last block", "untrained encoder", "bag of words"}
    made = tables(session.card, found)
    page = "\n".join(f"<!-- table: {name} -->\n\n<!-- end of table -->" for name in made)
    once = written(page, made)
    assert written(once, made) == once
    assert all(table in once for table in made.values())
    monkeypatch.setattr(evidence, "observe", lambda *a, **k: pytest.fail("observed again"))
    monkeypatch.setattr(reproduce, "measure_maps", lambda *a, **k: pytest.fail("measured again"))
    assert reproduce.measure_results(session, tmp_path, bars=bars) == found
