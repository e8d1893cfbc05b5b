"""The Ask page as a visitor meets it."""

import io

import numpy as np
import pytest
from PIL import Image

FIRST = "Are there any small cylinders?"


def picture() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (800, "light"), (800, "dark")]
)
def test_opens_with_an_answer(visitors, width, scheme):
    visitor = visitors(width, scheme).open()
    assert visitor.answered(FIRST)
    visitor.page.get_by_text("All 28 answers").click()
    for figure, count in (("first-answers", 5), ("answers", 28)):
        bars = visitor.page.locator(f".st-key-figure-{figure} .bars .point")
        bars.nth(count - 1).wait_for(state="attached")
        assert bars.count() == count
    # Nothing is wider than the window.
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visitor.shoot(f"ask-{width}-{scheme}")


def test_a_question_is_answered_and_remembered(visitor):
    question = "How many metal things are there?"
    visitor.ask(question)
    assert visitor.answered(question)
    visitor.page.get_by_text("Compare two of them").click()
    visitor.says("How far A and B are apart")
    visitor.shoot("ask-compared")


def test_an_unknown_word_is_named_and_mended_by_one_click(visitor):
    visitor.ask("How many red cubess are there?")
    visitor.says("cubess")
    visitor.shoot("ask-unknown-word")
    visitor.page.get_by_role("button", name="If mistyped, ask").click()
    assert visitor.answered("How many red cubes are there?")


def test_markup_in_a_question_stays_text(visitor):
    one, other = "<img src=x onerror=document.title='hurt'>", "![a](http://127.0.0.1:1/b.png)"
    asked = {f"Are there {one} {other} cubes?": "The network does not know these words",
             f"Are there {other} cubes?": "The network never learned the word"}  # fmt: skip
    for question, said in asked.items():
        visitor.ask(question)
        visitor.says(said)
        assert visitor.page.title() == "FiLM Lens"
        assert visitor.page.locator("img[src*='b.png'], img[src=x]").count() == 0


def test_own_pictures_good_and_broken(visitor):
    visitor.page.get_by_role("button", name="Upload", exact=True).click()
    chooser = visitor.page.locator("input[type=file]")
    chooser.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": picture()})
    visitor.says("truth unknown")
    assert visitor.answered(FIRST)
    visitor.shoot("ask-upload")
    if not visitor.page.locator("input[type=file]").count():
        visitor.page.get_by_role("button", name="Upload", exact=True).click()
    chooser = visitor.page.locator("input[type=file]")
    chooser.set_input_files({"name": "cut.png", "mimeType": "image/png", "buffer": picture()[:100]})
    visitor.says("The picture that was given cannot be read")
    visitor.shoot("ask-broken-upload")


def test_the_gallery_gives_a_picture_by_a_click_on_it(visitor):
    visitor.page.get_by_role("button", name="Gallery").click()
    visitor.page.locator(".st-key-thumb-39 img").wait_for()
    visitor.page.wait_for_timeout(500)
    visitor.glimpse("ask-gallery")
    box = visitor.page.locator(".st-key-thumb-6 img").bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visitor.page.get_by_role("dialog").wait_for(state="detached")
    visitor.page.wait_for_url("**picture=gallery-6**")
    visitor.says("Crowded (1)")


def test_a_question_is_built(visitor):
    visitor.page.get_by_role("radio", name="Build one").click()
    visitor.says("Ask this")
    visitor.shoot("ask-build")
    visitor.page.get_by_role("button", name="Ask this").click()
    assert visitor.answered("How many things are there?")


def test_examples_are_offered(visitor):
    visitor.page.get_by_role("radio", name="Examples").click()
    offer = visitor.page.locator(".st-key-offer-1 button")
    offer.wait_for()
    visitor.quiet()
    visitor.shoot("ask-examples")
    question = offer.inner_text()
    offer.click()
    assert visitor.answered(question)


def test_a_question_is_put_together_word_by_word_on_the_keyboard(visitor):
    visitor.page.get_by_role("radio", name="Word by word").click()
    for words in ("How", "How many", "How many blocks", "How many blocks are", "How many blocks are there"):
        visitor.quiet()
        box = visitor.page.get_by_role("combobox", name="Next word")
        box.press_sequentially(words.split()[-1])
        box.press("Enter")
        visitor.page.locator("h2", has_text=words).wait_for()
    visitor.quiet()
    visitor.shoot("ask-words")
    box = visitor.page.get_by_role("combobox", name="Next word")
    box.press_sequentially("?")
    box.press("Enter")
    assert visitor.answered("How many blocks are there?")


def test_a_question_that_is_cut_off_is_answered_and_can_go_on(visitor):
    visitor.ask("How many blue things are")
    visitor.says("ends too early")
    visitor.says("Possible next words")
    visitor.shoot("ask-cut-off")


def test_a_link_reopens_what_its_maker_saw(visitors):
    maker = visitors().open()
    maker.page.get_by_role("button", name="Next", exact=True).click()
    maker.says("An ordinary scene (2)")
    maker.ask("How many big things are there?")
    answer = maker.answered("How many big things are there?")
    link = maker.page.url.removeprefix(maker.address)
    assert "picture=gallery-1" in link
    follower = visitors(apart=True).open(link)
    assert follower.answered("How many big things are there?") == answer
    follower.says("An ordinary scene (2)")


def test_a_link_of_another_network_says_so(visitors):
    visitor = visitors().open("/?picture=gallery-2&q=How+many+big+things+are+there%3F&weights=feedfacefeed")
    visitor.says("another network")
    assert visitor.answered("How many big things are there?")


def test_two_visitors_do_not_see_each_other(visitors):
    one, other = visitors().open(), visitors(apart=True).open()
    one.ask("How many red things are there?")
    other.ask("How many blue things are there?")
    one.answered("How many red things are there?")
    other.answered("How many blue things are there?")
    other.page.get_by_role("button", name="Next", exact=True).click()
    other.says("An ordinary scene (2)")
    one.ask("How many green things are there?")
    one.answered("How many green things are there?")
    assert one.page.get_by_text("An ordinary scene (1)").count()
    assert "blue things" not in one.page.content()
    assert "red things" not in other.page.content()
