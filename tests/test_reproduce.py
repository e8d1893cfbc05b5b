"""The README's tables are what `film-analysis reproduce` writes, byte for byte."""

from pathlib import Path

import pytest

from analysis.reproduce import read_results, tables, written
from film import InputError, Session, find

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
