"""Two networks beside each other as a visitor meets them: one selection in both layouts."""

import pytest
from test_atlas import MAP, lasso
from tiny import ANSWERS, tiny_card, tiny_network

from analysis import compare, comparison_folder, gallery_questions, write_comparison
from film import WORDS, Session, Vocabulary, save


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory) -> str:
    """Two tiny networks, the first with its comparison with the second."""
    folder, words = tmp_path_factory.mktemp("checkpoints"), Vocabulary.of(WORDS).tokens
    for seed, name in enumerate(("one", "two")):
        network = tiny_network(seed, words=len(words), answers=len(ANSWERS))
        save(folder / name, network, tiny_card(network, words=words, name=name))
    one, two = (Session(folder / name, "cpu") for name in ("one", "two"))
    found = compare(one, two, gallery_questions(200), "the gallery's pictures", layout="pca")
    write_comparison(comparison_folder(folder / "one", two.card.weights), found)
    return serve(folder / "one", FILM_CHECKPOINTS=str(folder))


def test_what_is_selected_in_one_layout_is_selected_in_the_other_and_in_the_link(visitors):
    visitor = visitors().open("/compare?versus=two&part=Layouts")
    page = visitor.page
    page.locator(".fs[data-drawn]").nth(1).wait_for()
    lasso(page, number=0)
    visitor.says("questions selected.")
    states = page.locator(".fs-state")
    page.wait_for_function(
        "() => { const said = [...document.querySelectorAll('.fs-state')].map(one => one.textContent);"
        "return said.length === 2 && said[0] && said[0] === said[1]; }"
    )
    said = states.first.inner_text()
    page.wait_for_function("location.search.includes('marked=')")
    again = visitors(apart=True).open("/compare" + page.evaluate("location.search"))
    again.page.locator(".fs[data-drawn]").nth(1).wait_for()
    again.says("questions selected.")
    assert again.page.locator(".fs-state").all_inner_texts() == [said, said]
    page.locator(MAP).nth(1).focus()
    page.keyboard.press("Escape")
    visitor.says("Draw around points")
    visitor.shoot("compare-layouts")


def test_a_question_answered_differently_opens_side_by_side(visitors):
    visitor = visitors().open("/compare?versus=two&part=Answers")
    visitor.says("Questions answered differently")
    visitor.choose(visitor.page.get_by_role("combobox", name="Or by keyboard"), "gallery-")
    visitor.page.get_by_role("button", name="Open on the Ask page with B").click()
    visitor.page.wait_for_function("location.search.includes('network=two')")
    visitor.page.locator("#answer").wait_for()
