"""The README's tables are what `film-analysis reproduce` writes, byte for byte."""

from functools import partial
from pathlib import Path

import pytest
from tiny import tiny_card, tiny_network

import analysis.corpus.evidence as evidence
import analysis.reproduce as reproduce
from analysis import (
    LayoutRecipe,
    find_counterfactuals,
    gallery_questions,
    make_study,
    measure_maps,
    probe,
    probe_transfer,
)
from analysis.reproduce import read_results, tables, written
from analysis.scenes.consistency_table import consistency_table
from analysis.scenes.counterfactual import KINDS
from film import InputError, Session, find, load, save

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


def test_consistency_has_a_row_for_every_network_that_was_measured(tmp_path):
    folder = find("clevr")
    lines = consistency_table([folder, folder]).splitlines()
    rows = [line for line in lines if line.startswith(f"| {folder.name} |")]
    assert len(rows) == 2 * (1 + len(KINDS))
    found = find_counterfactuals(folder, load(folder)[1].weights)
    assert found.pairs >= 500
    whole = found.consistency().set_index(["changed", "true answer"]).loc[("all", "changes")]
    assert f"{100 * whole['consistent']:.1f} [{100 * whole['consistent_low']:.1f}, " in rows[0]
    network = tiny_network()
    save(tmp_path, network, tiny_card(network, name="tiny"))
    assert tmp_path.name not in consistency_table([tmp_path])


def test_one_table_is_written_beside_others():
    page = "<!-- table: a -->\nold\n<!-- end of table -->\n<!-- table: b -->\nkept\n<!-- end of table -->"
    found = written(page, {"a": "new"}, others=True)
    assert found.count("new") == found.count("kept") == 1
    assert "old" not in found
    with pytest.raises(InputError, match="places for"):
        written(page, {"c": "new"}, others=True)


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
