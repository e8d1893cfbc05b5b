"""Links that others made: no page fails on one, and nothing that stands in one becomes markup."""

import json
import random
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
import streamlit as st
from hostile import TEXTS, link, made_markup
from streamlit.testing.v1 import AppTest
from tiny import ANSWERS, tiny_card, tiny_network

from analysis.corpus.layout import LayoutRecipe
from analysis.study import make_study
from film import WORDS, Session, Vocabulary, save
from ui import state, tab, widgets
from ui.cache import networks

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.stem for path in (ROOT / "ui" / "pages").glob("*.py") if path.stem != "__init__")
QUESTION = "Is there a large metal cube?"
LINKS, SHARE = 400, 40  # all of them with --full-battery


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network that knows CLEVR's words and some of a stranger's, with a study."""
    folder = tmp_path_factory.mktemp("network")
    words = (*Vocabulary.of(WORDS).tokens, "www.evil.example", "<b>bold</b>", ":smile:")
    network = tiny_network(words=len(words), answers=len(ANSWERS))
    save(folder, network, tiny_card(network, words=words, name="**tiny** www.evil.example"))
    maps = [LayoutRecipe("both:1", "pca"), LayoutRecipe("both:3", "pca")]
    make_study(Session(folder, "cpu"), folder / "study", questions=60, maps=maps)
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def follow(folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINT, str(folder))
    monkeypatch.chdir(ROOT)

    def followed(page: str, link: dict[str, str]) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in link.items():
            app.query_params[name] = value
        if page != "ask":  # which is where it opens
            app.switch_page(f"ui/pages/{page}.py")
        return app.run()

    return followed


def test_no_link_fails_or_becomes_markup(follow, request):
    rng = random.Random(0)
    for _ in range(LINKS if request.config.getoption("--full-battery", default=False) else SHARE):
        page, given = link(rng, PAGES)
        app = follow(page, given)
        assert not app.exception, (page, given, [error.value for error in app.exception])
        assert not made_markup(app), (page, given, made_markup(app))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_others_is_shown_as_text(follow, text):
    app = follow("atlas", {"by": "text", "for": text, "q": text})
    assert not app.exception
    assert not made_markup(app)


def test_the_check_finds_markup(follow, monkeypatch):
    monkeypatch.setattr(widgets, "plain", str)
    assert made_markup(follow("atlas", {"by": "text", "for": "www.evil.example"}))


@pytest.fixture
def reload(follow, monkeypatch):
    """Opens the Ask page as after a reload, with what the tab had kept."""

    def reloaded(kept: str) -> AppTest:
        monkeypatch.setattr(tab, "tab", lambda text, on_restore: _restore(on_restore, kept))
        return follow("ask", {"weights": "x", "q": QUESTION})

    def _restore(on_restore, kept):
        if state.restores():
            on_restore(kept)
            st.rerun()

    return reloaded


def test_a_reload_goes_on_with_what_the_tab_kept(reload):
    other = "How many red things are there?"
    asked = [["gallery-3", other], ["upload-abc", "Is it red?"], ["gallery-0", QUESTION]]
    guide = {"open": True, "step": 1, "asks": ["gallery-3", other], "said": "3", "pair": None, "block": 1}
    app = reload(json.dumps({"asked": asked, "guide": guide}))
    app.session_state["all-asked"] = True
    app.run()
    assert not app.exception
    table = next(one.value for one in app.dataframe if "confidence" in one.value)
    assert list(table["question"]) == [QUESTION, other]
    assert [info.value for info in app.info if "1 of 3 questions asked before the reload" in info.value]
    assert "Change one word" in [one.value for one in app.sidebar.subheader]


def test_a_map_counts_as_chosen_after_a_reload_where_it_was_chosen_and_nowhere_else(reload):
    pair = [["gallery-0", "How many green cubes are there?"], ["gallery-0", QUESTION]]
    guide = {"open": True, "step": 2, "pair": pair}
    app = reload(json.dumps({"asked": pair, "guide": guide}))
    assert not app.exception
    offered = [button.key for button in app.sidebar.button if button.key.startswith("guide-map-")]
    block, number = map(int, offered[0].split("-")[-2:])
    app.session_state["view"] = replace(app.session_state["view"], block=block, feature_map=number)
    assert app.run().sidebar.button(key="guide-next").disabled  # it is on the page, and nobody chose it
    app = reload(json.dumps({"asked": pair, "guide": guide | {"chosen": [block, number]}}))
    assert not app.sidebar.button(key="guide-next").disabled


KEPT = (
    "", "x", "[]", "null", "9" * 5000, "[" * 50_000, '{"asked": 3, "guide": 4}',
    '{"asked": [1, [2, 3], ["a"], ["gallery-1", null], ["folder-3", "x"]]}',
    '{"asked": [["scene-x", "y"], ["gallery-99", ""]]}',
    '{"guide": {"open": 1, "step": 99, "asks": [1], "said": {}, "word": [], "block": 1e9}}',
    '{"guide": {"pair": [["a", ""]], "chosen": [99, 0]}}',
    '{"guide": {"open": true, "step": 3, "chosen": [[0], true]}}',
    '{"guide": {"open": true, "step": 4, "block": 99, "said": "<b>", "word": "www.evil.example"}}',
    '{"guide": {"open": true, "step": 4, "pair": [["gallery-0", "x"], ["gallery-0", "y"]]}}',
)  # fmt: skip


@pytest.mark.parametrize("kept", KEPT)
def test_nothing_that_a_tab_kept_fails_the_page(reload, kept):
    app = reload(kept)
    assert not app.exception
    assert not made_markup(app)


def test_a_link_holds_two_questions_that_are_compared(follow):
    named = {
        "compare": True,
        "compare-A": "gallery-2 Is there a cube?",
        "compare-B": "gallery-4 Is there a cube?",
    }
    app = follow("ask", {"options": json.dumps(named), "q": QUESTION})
    assert not app.exception
    assert [app.selectbox(key=key).value for key in ("compare-A", "compare-B")] == list(named.values())[1:]
    for strange in ("upload-abc Is it red?", "gallery-999 x", "www.evil.example", ""):
        app = follow("ask", {"options": json.dumps(named | {"compare-A": strange})})
        assert not app.exception
        assert [info for info in app.info if "compares questions that cannot be asked" in info.value]


IN_VAIN = {
    "network": ("nowhere", "network nowhere"),
    "weights": ("0123456789ab", "another network"),
    "picture": ("gallery-999", "picture"),
    "block": ("99", "block 99"),
    "map": ("999", "map 999"),
    "layout": ("Projection of yore", "Projection of yore"),
    "beside": ("Another of yore", "Another of yore"),
    "color": ("smell", "smell"),
    "by": ("taste", "taste"),
    "probe": ("mood", "mood"),
    "versus": ("rival", "rival"),
    "selection": ('["AAAA","drawn",""]', "selection"),
    "row": ("99999", "question 99,999"),
}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_of_a_link_it_cannot_follow(follow, page):
    if page in ("study", "labels"):
        pytest.skip("of a study without its network")
    app = follow(page, {name: value for name, (value, _) in IN_VAIN.items()})
    said = " ".join(info.value.replace("\\", "") for info in app.info)
    assert not app.exception
    assert [name for name, (_, told) in IN_VAIN.items() if told not in said] == []


def test_a_link_that_can_be_followed_says_nothing(follow):
    assert "link" not in " ".join(info.value for info in follow("atlas", {"block": "2", "by": "type"}).info)


@pytest.mark.parametrize("options", ['{"stages": "\\ud800"}', '{"bench-search": "\\ud800"}'])
@pytest.mark.parametrize("page", ["modulation", "bench"])
def test_half_a_character_in_a_link_is_left_out(follow, page, options):
    assert not follow(page, {"options": options, "kept": '{"\\ud800": ["AAAA", "drawn", ""]}'}).exception


def test_an_option_that_is_not_offered_is_said(follow):
    app = follow("modulation", {"options": '{"wall-order": "smell", "wall-stage": true, "other": [1]}'})
    assert not app.exception
    said = " ".join(info.value.replace("\\", "") for info in app.info)
    assert "“smell” (wall order)" in said
    assert "(wall stage)" in said
    assert app.selectbox(key="wall-order").value == "change"  # as for whom asked for nothing
    for strange in ("x", "[]", "{", "9" * 5000, '{"wall-stage": 1e400}', '{"stages": null}', "[" * 2000):
        assert not follow("modulation", {"options": strange}).exception


class Address(dict):
    """The address as a run sees it, which began with what the browser knew."""

    def to_dict(self):
        return dict(self)

    def from_dict(self, link):
        self.clear()
        self.update(link)


@pytest.mark.parametrize("asked_before", [True, False], ids=["before an edit", "after it"])
def test_a_part_that_runs_by_a_clock_undoes_nothing(monkeypatch, asked_before):
    """Its run may begin with an address older than the view; the page then runs with that of the view."""
    older, newer = {"weights": "w", "picture": "gallery-1"}, {"weights": "w", "picture": "gallery-2"}
    shown = object()
    monkeypatch.setattr(st, "session_state", {"view": shown, "followed": (shown, newer)})
    monkeypatch.setattr(st, "query_params", Address(older if asked_before else newer))
    runs = []
    monkeypatch.setattr(st, "rerun", lambda: runs.append(st.query_params.to_dict()))
    assert state._gone_back(st.query_params.to_dict()) is asked_before
    state.run_again()
    assert runs == [newer]
    assert not state._gone_back(runs[0])


def test_a_value_that_the_page_has_just_replaced_is_not_taken(monkeypatch):
    """The browser may send it once more before it knows of the new one; later it is a choice."""
    taken, clock = [], [0.0]
    monkeypatch.setattr(st, "session_state", {"view": state.ViewState()})
    monkeypatch.setattr(st, "query_params", Address())
    monkeypatch.setattr("ui.state.time.monotonic", lambda: clock[0])
    state.shows("color", "blue", taken.append)
    take = state.shows("color", "green", taken.append)["on_change"]  # an edit, or Undo

    def sent(value):
        st.session_state["color"] = value
        take()

    sent("blue")  # the run goes on
    clock[0] = 9
    state.follow("w")
    sent("blue")  # the run has just ended
    assert taken == []
    sent("red")
    sent("blue")  # red was chosen: what is chosen now is meant
    assert taken == ["red", "blue"]
    state.shows("color", "green", taken.append)
    state.follow("w")
    clock[0] += state.ECHO
    sent("blue")
    assert taken == ["red", "blue", "blue"]


def test_a_choice_of_a_list_that_has_changed_since_is_not_taken(monkeypatch):
    """Such a choice comes as its name, where a number is expected."""
    monkeypatch.setattr(st, "session_state", {})
    taken = []
    take = state.shows("thing", 0, taken.append)["on_change"]
    for chosen in ("1: small blue rubber cylinder", 2):
        st.session_state["thing"] = chosen
        take()
    assert taken == [2]


def test_an_old_value_that_comes_with_a_change_of_page_fails_nothing(follow, request):
    """What was typed or chosen just before a link of the menu was pressed arrives with the next page."""
    steps = [("ask", "bench"), ("atlas", "ask"), ("modulation", "studio"), ("parameters", "modulation")]
    if request.config.getoption("--full-battery"):
        steps = [step for step in permutations(PAGES, 2) if not {"study", "labels"} & set(step)]
    for page, then in steps:
        app = follow(page, {"options": '{"compare": true}'})
        for box in app.selectbox:
            if box.options:
                box.set_value(box.options[-1])
        for field in app.text_input:
            field.set_value("late")
        for number in app.number_input:
            number.set_value(number.value + (number.step or 1))
        for toggle in app.toggle:
            toggle.set_value(not toggle.value)
        app.switch_page(f"ui/pages/{then}.py").run()
        assert not app.exception, (page, then, [error.value for error in app.exception])
