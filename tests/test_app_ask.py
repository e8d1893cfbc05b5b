"""The Ask page without a browser, answered by a tiny network with random weights."""

import io
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from charts import charts
from hostile import made_markup
from PIL import Image
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from film import InputError, Session, family_pattern, save, weights_hash
from film.clevr.gallery import gallery
from ui import builder, state
from ui.cache import networks, pictures
from ui.state import ViewState

APP = str(Path(__file__).parents[1] / "app.py")
FIRST = gallery()[0]


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path, network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path))
    yield tmp_path
    st.cache_resource.clear()


@pytest.fixture
def app(checkpoint):
    return opened()


def opened(**link: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        app.query_params[name] = value
    return app.run()


def ask(app: AppTest, question: str) -> AppTest:
    return app.text_input(key="view-question").set_value(question).run()


def html(app: AppTest) -> str:
    assert not app.exception, app.exception
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app: AppTest) -> str:
    kinds = (app.warning, app.error, app.info, app.caption)
    return " ".join(element.value for elements in kinds for element in elements)


def link(app: AppTest, name: str) -> str:
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def png(width: int = 60, height: int = 40) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def test_opens_with_an_answer(app):
    assert 'id="answer"' in html(app)
    assert len(charts(app)) == 1
    pictures = len(app.get("image"))
    for fold in ("all-answers", "as-seen"):  # drawn when they are opened
        app.session_state[fold] = True
    app.run()
    assert len(charts(app)) == 2
    assert len(app.get("image")) == pictures + 1


def test_the_answer_and_the_truth_are_those_of_the_model_and_the_scene(app, checkpoint):
    question = "How many cubes are there?"
    page = html(ask(app, question))
    answer = Session(checkpoint).ask(FIRST.picture_path, question)
    truth = str(sum(thing.shape == "cube" for thing in FIRST.scene.objects))
    assert f'data-answer="{answer.answer}"' in page
    assert f"{answer.margin:.3f}" in page
    assert f"{answer.entropy:.2f}" in page
    assert ("✓ true" if answer.answer == truth else f"✗ true answer: {truth}") in page
    assert "keep the cubes" in page


def test_an_unknown_word_is_named_with_its_neighbours(app):
    ask(app, "How many cubess are there?")
    assert "**cubess**" in said(app)
    assert "**cubes**" in said(app)
    app.button(key="nearest").click().run()
    assert link(app, "q") == "How many cubes are there?"
    assert 'data-question="How many cubes are there?"' in html(app)


def test_a_question_in_another_language_gets_one_box_with_an_example(app):
    ask(app, "Wie viele rote Kugeln gibt es hier?")
    assert len(app.warning) == 1
    assert "in CLEVR's English, such as “How many red cubes are there?”." in said(app).replace("\\", "")


def test_what_the_grammar_does_not_follow_is_answered_all_the_same(app):
    page = html(ask(app, "Is there many cube?"))
    assert "truth unknown" in page
    assert 'data-question="Is there many cube?"' in page
    assert "CLEVR's grammar follows up to" in said(app).replace("\\", "")
    assert "nearest" not in [button.key for button in app.button]  # "many" is not one of a, any, more


def test_another_wording_is_answered_and_the_truth_says_how_it_is_read(app):
    page = html(ask(app, "How many red and large things are there?"))
    assert "truth unknown" not in page
    assert "How many large red things are there?" in said(app)
    app.button(key="nearest").click().run()
    assert link(app, "q") == "How many large red things are there?"


@pytest.mark.parametrize("typed", ["How many things are not red?", "What is the weather like?", "hello"])
def test_nothing_is_offered_for_what_is_no_question_of_clevrs(app, typed):
    ask(app, typed)
    assert "nearest" not in [button.key for button in app.button]
    assert "CLEVR's questions" in said(app).replace("\\", "")


def test_an_ill_posed_question_says_why(app, files):
    page = html(ask(app, "What color is the thing?"))
    assert "No unique answer" in said(app)
    assert "no true answer" in page
    assert "truth unknown" not in page
    app.session_state["all-asked"] = True
    app.run()
    assert next(one.value for one in app.dataframe if "truth" in one.value)["truth"][0] == "none"
    history = pd.read_csv(io.BytesIO(files["history.csv"]()), keep_default_na=False)
    assert history[["question", "truth"]].iloc[0].tolist() == ["What color is the thing?", "none"]


@pytest.mark.parametrize(
    "text", ["", "   ", "?", "<script>alert(1)</script>", "[a](http://b)", "x" * 1999, "é\u202e😀"]
)
def test_no_text_breaks_the_page(app, text):
    page = html(ask(app, text))
    assert "<script>alert" not in page
    assert not made_markup(app)


def test_examples_and_builder_and_words_make_questions_the_network_knows(app, checkpoint):
    known = Session(checkpoint).vocabulary
    app.segmented_control(key="way").set_value("build").run()
    app.selectbox(key="gap-84-C1").set_value("red").run()
    assert json.loads(link(app, "options")) == {"way": "build", "gap-84-C1": "red"}
    app.button(key="build-ask").click().run()
    question = app.text_input(key="view-question").value
    assert "red" in question
    known.words(question)

    app.segmented_control(key="way").set_value("examples").run()
    app.selectbox(key="example-type").set_value("exist").run()
    offers = [b.label for b in app.button if (b.key or "").startswith("offer-")]
    for offer in offers:
        known.words(offer)

    app.segmented_control(key="way").set_value("words").run()
    for word in ("How", "many", "cubes", "are", "there", "?"):
        (following,) = [box for box in app.selectbox if box.label == "Next word"]
        following.set_value(word).run()
    assert 'data-question="How many cubes are there?"' in html(app)


def test_a_good_upload_is_shown_and_a_bad_one_refused(app):
    app.file_uploader[0].upload("mine.png", png()).run()
    assert "truth unknown" in html(app)
    assert "mine\\.png" in " ".join(m.value for m in app.markdown)
    assert link(app, "picture").startswith("upload-")
    for name, content in (("cut.png", png()[:60]), ("text.png", b"no picture"), ("none.png", b"")):
        app.file_uploader[0].upload(name, content).run()
        assert not app.exception
        assert len(app.warning) == 1, name
        assert link(app, "picture").startswith("upload-"), "the picture before stays"


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    picture.save(file := io.BytesIO(), kind, **options)
    return file.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[274] = 6  # lies on its side
    return encoded(Image.new("RGB", (60, 40), "red"), "JPEG", exif=exif)


def bomb() -> bytes:
    """A small file that says it holds 20,000 x 20,000 pixels."""
    whole = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    whole[16:24] = (20_000).to_bytes(4) * 2
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4)
    return bytes(whole)


FILES = {
    "cmyk.jpg": (encoded(Image.new("CMYK", (60, 40), (0, 255, 255, 0)), "JPEG"), True),
    "deep.png": (encoded(Image.fromarray(np.full((40, 60), 40_000, dtype=np.uint16)), "PNG"), True),
    "turned.jpg": (turned(), True),
    "moving.gif": (
        encoded(
            Image.new("P", (60, 40)), "GIF", save_all=True, append_images=[Image.new("P", (60, 40), 9)] * 3
        ),
        True,
    ),
    "dot.png": (encoded(Image.new("RGB", (1, 1)), "PNG"), True),
    "wide.png": (encoded(Image.new("RGB", (20_000, 4)), "PNG"), True),
    "bomb.png": (bomb(), False),
    "words.png": (b"<svg onload=alert(1)>" * 50, False),
    "cut.jpg": (turned()[:300], False),
    "[x](http:).png": (b"", False),
}


@pytest.mark.parametrize("name", FILES)
def test_any_file_gives_a_picture_or_a_sentence(app, name):
    content, good = FILES[name]
    app.file_uploader[0].upload(name, content).run()
    assert not app.exception
    assert link(app, "picture").startswith("upload-") == good
    assert len(app.warning) == (not good)
    assert "[x](" not in said(app)


def test_previous_and_next_go_round(app):
    app.button(key="previous").click().run()
    assert link(app, "picture") == f"gallery-{len(pictures.exhibits()) - 1}"
    app.button(key="next").click().run()
    assert link(app, "picture") == "gallery-0"


def test_the_gallery_is_a_choice_by_button(app):
    app.button(key="gallery").click().run()
    app.button(key="take-7").click().run()
    assert link(app, "picture") == "gallery-7"
    assert 'id="answer"' in html(app)


def test_two_questions_are_compared(app):
    ask(app, "How many cubes are there?")
    ask(app, "Are there more cubes than spheres?")
    app.toggle(key="compare").set_value(True).run()
    files = [button.key for button in app.get("download_button")]
    # Those of figures, of the program, of what the classifier read and of the differences.
    assert len([name for name in files if name.startswith("data-")]) == len(charts(app)) + 3 == 5
    wanted = {"data-argmax-locations", "data-differences", "file-picture.svg", "file-two-pictures.png"}
    assert wanted <= set(files)
    (table,) = [frame.value for frame in app.dataframe if "gamma" in frame.value]
    assert (table.gamma > 0).all()
    app.button(key="compare-maps").click().run()  # and all their maps, on another page
    assert not app.exception
    assert app.title[0].value == "Modulation"
    asked = {app.text_input(key=key).value for key in ("view-question", "view-other")}
    assert asked == {"How many cubes are there?", "Are there more cubes than spheres?"}


def test_the_weights_are_as_before(app, checkpoint):
    before = weights_hash(networks.network().network)
    for question in ("How many cubes are there?", "Is there a dog?", "What color is the thing?"):
        ask(app, question)
    assert weights_hash(networks.network().network) == before


def test_a_link_reopens_and_says_what_is_not_the_same(checkpoint):
    weights = Session(checkpoint).card.weights
    compared = "Are there more cubes than spheres?"
    app = opened(picture="gallery-5", q=compared, block="2", map="3", weights=weights[:12])
    assert 'data-question="Are there more cubes than spheres?"' in html(app)
    assert link(app, "picture") == "gallery-5"
    assert not app.info
    app = opened(picture="upload-abc", q="Are there more cubes than spheres?", weights="feedfacefeed")
    told = " ".join(info.value for info in app.info)
    assert "another network" in told
    assert "uploaded picture" in told


def test_links_carry_the_whole_view():
    view = ViewState("gallery-4", "Is there a <b>&cube?", 2, 17)
    assert state.from_link(state.to_link(view, "ab" * 32), "ab" * 32, 40, ViewState()) == (view, ())


@pytest.mark.parametrize(
    "link",
    [
        {"picture": "gallery-40"},
        {"picture": "../../etc"},
        {"block": "0"},
        {"map": "-1"},
        {"map": "9" * 9},
    ],
)
def test_a_bad_link_gives_a_sentence(link):
    view, remarks = state.from_link(link, "ab", 40, ViewState())
    assert view == ViewState()
    assert len(remarks) == 1


def test_without_a_network_the_page_says_how_to_come_by_one(monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINT, "nowhere")
    app = opened()
    assert not app.exception
    assert "no network to ask" in app.error[0].value
    st.cache_resource.clear()


def test_every_family_can_be_built():
    vocabulary = _all_words()
    for kind in builder.TYPES:
        for family in builder.families(kind):
            gaps = [gap for line in builder.lines(family) for gap in line.gaps]
            assert {gap.slot for gap in gaps} == set(family.slots)
            text = builder.say(family, {gap.slot: gap.values[0] for gap in gaps}, vocabulary)
            assert text.endswith("?") or text.endswith(";") or text
            assert re.search(r"\bthings? A\b", family_pattern(family))


def test_the_builder_keeps_to_the_vocabulary():
    with pytest.raises(InputError, match="no words"):
        builder.say(builder.families("query_material")[0], {}, tiny_card(tiny_network()).vocabulary)


def _all_words():
    from film import WORDS, Vocabulary

    return Vocabulary.of(WORDS)


def test_stages_are_shown_when_asked_for(app):
    assert "**stem**" not in [line.value for line in app.markdown]
    app.toggle(key="stages").set_value(True).run()
    assert not app.exception
    shown = [line.value for line in app.markdown]
    assert [line for line in shown if line in ("**stem**", "**block 1**", "**block 2**")] == [
        "**stem**", "**block 1**", "**block 2**",
    ]  # fmt: skip
