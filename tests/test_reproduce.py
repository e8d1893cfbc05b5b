"""The README's tables are what `film-analysis reproduce` writes, byte for byte."""

from functools import partial
from pathlib import Path

import pytest
from tiny import tiny_card, tiny_network

import analysis.corpus.evidence as evidence
import analysis.corpus.generalisation as generalisation
import analysis.reproduce as reproduce
from analysis import (
    LayoutRecipe,
    Study,
    gallery_questions,
    make_study,
    measure_maps,
    probe,
    probe_transfer,
)
from analysis.interventions.kept import KEPT
from analysis.readme import tables, trained_tables, written
from analysis.reproduce import read_results
from analysis.scenes.counterfactual import sampled_counterfactuals
from film import InputError, Session, bundled, save

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def measured() -> dict:
    """Network -> card and results, of all that come with the project."""
    found = {}
    for folder in bundled():
        card, results = Session(folder, "cpu").card, read_results(folder)
        assert results["weights"] == card.weights
        found[card.name] = card, results
    return found


@pytest.fixture(scope="module")
def made(measured) -> dict[str, str]:
    return tables(measured) | trained_tables()


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


def test_networks_stand_beside_each_other(measured, made):
    """A second network adds a column or its own rows, and a sample that differs is said for each."""
    card, results = measured["clevr"]
    other = results | {"evidence": results["evidence"] | {"seed": 7}}
    both = tables({"clevr": (card, results), "other": (card, other)})
    assert list(both | trained_tables()) == list(made)
    for name in ("maps", "ablations", "generalisation"):
        head = both[name].splitlines()[0]
        assert "| clevr | other |" in head
    for name in ("accuracy", "claim", "evidence", "consistency"):
        rows = [line.split(" | ", 1) for line in both[name].splitlines() if line.startswith("| ")]
        of = {who: [rest for name, rest in rows if name == f"| {who}"] for who in ("clevr", "other")}
        assert of["clevr"] == of["other"] != []
    assert "`clevr`: 3,000" in both["evidence"]
    assert "seed 7" in both["evidence"].split("`other`")[1]


def cannot(*_, **__):
    raise InputError("too few pairs")


@pytest.mark.slow
def test_a_study_is_made_measured_and_gone_on_with(tmp_path, monkeypatch):
    network = tiny_network(41, blocks=2, modulated=(True, True))
    save(tmp_path, network, tiny_card(network, name="tiny"))
    session = Session(tmp_path, "cpu")
    layouts = [LayoutRecipe("both", "pca")]
    monkeypatch.setattr(
        reproduce, "make_study", partial(make_study, questions=900, maps=layouts, predict=False)
    )
    few = gallery_questions(40)
    for name in ("gallery_questions", "drawn_questions"):
        monkeypatch.setattr(reproduce, name, lambda *a, **k: few)
    monkeypatch.setattr(evidence, "probe", partial(probe, words={}, only=["state"]))
    monkeypatch.setattr(evidence, "probe_transfer", lambda observed, **_: probe_transfer(observed, chosen={}))
    monkeypatch.setattr(reproduce, "measure_maps", partial(measure_maps, scenes=10))
    small = partial(sampled_counterfactuals, scenes=12, pairs=30, quality="preview")
    monkeypatch.setattr(reproduce, "sampled_counterfactuals", lambda *a, workers, **k: small(*a, **k))
    tests = partial(generalisation.measure_generalisation, questions=10)
    monkeypatch.setattr(reproduce, "measure_generalisation", tests)
    monkeypatch.setattr(generalisation, "CLOSURE_EACH", 10)
    monkeypatch.setattr(reproduce, "gallery_word_reading", cannot)
    assert set(reproduce.KEPT_PARTS) == set(KEPT)
    monkeypatch.setattr(reproduce, "KEPT_PARTS", {"ablate": reproduce.KEPT_PARTS["ablate"]})
    named = []

    def bars(name):
        named.append(name)
        return lambda *_: None

    found = reproduce.measure_results(session, tmp_path, bars=bars)
    parts = [
        "blocks grouped",
        "maps grouped",
        "questions",
        "probes",
        "probes across blocks",
        "feature maps",
        "pairs patched",
        *(f"questions of {test}" for test in generalisation.TESTS),
    ]
    assert named == ["study, in hundredths", *parts, "pictures drawn", *reproduce.KEPT_PARTS, "claim"]
    assert found == read_results(tmp_path)
    assert [one.name for one in Study(session, tmp_path).groupings["space"]] == ["block 1", "block 2"]
    assert found["evidence"]["rows"][0]["asked"] == 40
    assert found["maps"]["maps"] == network.config.blocks * network.config.maps
    assert set(found["claim"]["spaces"]) == {"first block", "last block", "untrained encoder", "bag of words"}
    made = tables({"tiny": (session.card, found)})
    page = "\n".join(f"<!-- table: {name} -->\n\n<!-- end of table -->" for name in made)
    once = written(page, made)
    assert written(once, made) == once
    assert all(table in once for table in made.values())
    monkeypatch.setattr(evidence, "observe", lambda *a, **k: pytest.fail("observed again"))

    def again(*_, **__):
        pytest.fail("measured again")

    for name in ("measure_maps", "sampled_counterfactuals"):
        monkeypatch.setattr(reproduce, name, again)
    monkeypatch.setattr(reproduce, "KEPT_PARTS", {"ablate": again})
    assert reproduce.measure_results(session, tmp_path, bars=bars) == found
