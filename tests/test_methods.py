"""The Methods page: every fold on a page shows a section of it, and every section says all that it has to."""

import ast
from pathlib import Path

import pytest

from analysis import method, methods
from film import InputError

UI = Path(__file__).parents[1] / "ui"
PARTS = ("**Estimand.**", "**Null or interval.**", "**Sample and seed.**", "**What it does not say.**")


def folds() -> set[str]:
    """The sections that pages name."""
    found = set()
    for path in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("how_measured") and node.args:
                found.add(ast.literal_eval(node.args[0]))
    return found


@pytest.mark.parametrize("heading", methods())
def test_a_section_has_its_four_parts_once_and_in_order(heading):
    places = [method(heading).index(part) for part in PARTS]
    assert places == sorted(places)
    assert all(method(heading).count(part) == 1 for part in PARTS)


def test_every_section_is_shown_somewhere_and_nothing_else_is():
    assert folds() == set(methods())


def test_a_section_that_is_not_there_is_said():
    with pytest.raises(InputError, match="Accuracy"):
        method("Luck")
