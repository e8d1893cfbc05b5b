"""The Methods page: every number that a page shows has a section of it in a fold, and every section says all
that it has to, with the code that measures."""

import ast
import re

import pages_read
import pytest

import analysis
import film
from analysis import method, methods
from film import InputError
from ui import pages

PARTS = tuple(
    f"**{part}.**"
    for part in ("Estimand", "Null or interval", "Sample and seed", "What it does not say", "Where")
)
GUIDE = "Guide"  # it stands beside every page
TITLES = {
    name: title for groups in (pages.GROUPS, pages.ALONE) for told in groups.values() for name, title in told
}
APP = pages_read.read()
SHOWING = [place for place in APP.bodies if APP.shows(place)]


def where(heading: str) -> str:
    """The last part of a section."""
    return method(heading).partition(PARTS[-1])[2]


def named(heading: str) -> set[str]:
    """The code that a section names."""
    return set(re.findall(r"`([\w.]+)`", where(heading)))


def about(names: set[str]) -> set[str]:
    """The sections that name one of these."""
    return {heading for heading in methods() if named(heading) & names}


NAMED = {name for heading in methods() for name in named(heading)}
MEASURING = [place for place in APP.bodies if APP.asked(place) & NAMED and ".cache." not in place[0]]


@pytest.mark.parametrize("heading", methods())
def test_a_section_has_its_parts_once_and_in_order(heading):
    places = [method(heading).index(part) for part in PARTS]
    assert places == sorted(places)
    assert all(method(heading).count(part) == 1 for part in PARTS)


@pytest.mark.parametrize("heading", methods())
def test_a_section_names_code_that_is_there(heading):
    for name in named(heading):
        first, *rest = name.split(".")
        found = getattr(analysis if first in analysis.__all__ else film, first)
        for part in rest:
            found = getattr(found, part)
    assert named(heading) & {*analysis.__all__, *film.__all__}


@pytest.mark.parametrize("heading", methods())
def test_a_section_is_shown_on_the_pages_that_it_names_and_on_no_other(heading):
    shown = {
        title
        for name, title in TITLES.items()
        if any(heading in APP.folds(place) for place in APP.reached(f"ui.pages.{name}"))
    }
    if any(heading in APP.folds(place) for place in APP.reached("ui.guide")):
        shown.add(GUIDE)
    assert set(re.findall(r"\*([A-Z][\w ]+)\*", where(heading))) == shown


def test_folds_show_sections_that_there_are():
    assert {heading for place in APP.bodies for heading in APP.folds(place)} <= set(methods())


@pytest.mark.parametrize("place", SHOWING, ids=".".join)
def test_numbers_have_a_fold_with_their_section_near(place):
    for name in APP.drawn(place):
        assert APP.near(place, about({name})), f"{name}: none of {about({name}) or 'no section'} stands near"
    assert APP.near(place, about(APP.asked(place)) or set(methods())), "no section stands near"


@pytest.mark.parametrize("place", MEASURING, ids=".".join)
def test_what_is_measured_has_a_fold_with_its_section_near(place):
    for name in APP.asked(place) & NAMED:
        wanted = about({name})
        assert APP.near(place, wanted) or APP.beside(place, wanted), f"{name}: none of {wanted} stands near"


def test_a_fold_is_near_only_what_it_stands_beside():
    source = """
import analysis
from ui import widgets

def page():
    _first()
    _second()
    _third()

def _first():
    widgets.figure(analysis.answer_bars())

def _second():
    widgets.how_measured("Answer to one question")

def _third():
    PARTS["a"]()

def _a():
    widgets.figure(analysis.reach())

def _b():
    widgets.how_measured("What question and picture change")

PARTS = {"a": _a, "b": _b}
"""
    app = pages_read.App({"ui.pages.made": ast.parse(source)})
    first, other = ("ui.pages.made", "_first"), ("ui.pages.made", "_a")
    assert app.drawn(first) == {"answer_bars"}
    assert app.near(first, {"Answer to one question"})
    assert not app.near(first, {"What question and picture change"})
    assert app.shows(other)
    assert not app.near(other, {"What question and picture change"})


def test_a_section_that_is_not_there_is_said():
    with pytest.raises(InputError, match="Accuracy"):
        method("Luck")
