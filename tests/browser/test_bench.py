"""The bench with the network that comes with the project: sliders, links, and a patch."""

import pytest

import film

QUESTION = "How many red cubes are there?"
ASKED = f"q={QUESTION.replace(' ', '+').replace('?', '%3F')}"


@pytest.fixture(scope="module")
def address(serve) -> str:
    return serve(film.find())


def outcome(page) -> dict[str, str]:
    marks = page.locator("#bench-answer")
    return {name: marks.get_attribute(f"data-{name}") for name in ("before", "after", "edits")}


def test_a_slider_changes_the_answer_and_a_link_reopens_it(visitors):
    visitor = visitors().open(f"/bench?block=1&map=22&{ASKED}")
    page = visitor.page
    page.locator("#bench-answer").wait_for(state="attached")
    visitor.quiet()
    assert outcome(page)["edits"] == "0"
    slider = page.locator(".stSlider input[type=range]").first
    slider.focus()
    slider.press("PageDown")
    page.wait_for_function("document.querySelector('#bench-answer').dataset.edits === '1'")
    visitor.quiet()
    page.get_by_role("button", name="Silence").click()
    page.wait_for_function("document.querySelector('#bench-answer').dataset.edits === '2'")
    visitor.quiet()
    page.wait_for_function("location.search.includes('edits=')")
    here, link = outcome(page), page.evaluate("location.search")
    visitor.shoot("bench")

    other = visitors(apart=True).open(f"/bench{link}")  # in a browser of its own
    other.page.locator("#bench-answer").wait_for(state="attached")
    other.quiet()
    assert outcome(other.page) == here


def test_patching_ends_in_a_chart(visitors):
    other = "How+many+red+spheres+are+there%3F"
    visitor = visitors().open(f"/bench?{ASKED}&other={other}")
    page = visitor.page
    page.get_by_role("tab", name="Patch from another question").click()
    page.get_by_role("button", name="Patch every map and block").click()
    page.locator(".st-key-figure-bench-patching .js-plotly-plot .main-svg").first.wait_for()
    visitor.quiet()
    visitor.says("comes back")
    visitor.shoot("bench-patching")
