"""“Copy as Python”: the lines, run by themselves, give the numbers that the page shows."""

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_card, tiny_network

import analysis
from analysis import LayoutRecipe, Selection, Study
from analysis.study import make_study
from film import Session, Vocabulary, gallery, percent, save, scene_to_text
from film.clevr.language.word_tree import WORDS
from ui import as_python, widgets
from ui.cache import atlas, folder, pictures
from ui.cache.pictures import ShownPicture
from ui.pages import ALONE, GROUPS

ROOT = Path(__file__).parents[1]
QUESTION, OTHER = "How many red cubes are there?", "Is there a large sphere?"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    maps = [LayoutRecipe("both", "pca")]
    make_study(Session(folder, "cpu"), folder / "study", questions=300, maps=maps, predict=False)
    return folder


@pytest.fixture(scope="module")
def study(checkpoint) -> Study:
    return Study(Session(checkpoint), checkpoint)


@pytest.fixture
def shown() -> ShownPicture:
    return pictures.GALLERY.shown(3)


def ran(lines: str) -> dict:
    """The names after the lines were run, in a namespace of their own."""
    names: dict = {}
    exec(compile(lines, "copied", "exec"), names)
    return names


@pytest.fixture
def copied(visit, checkpoint, monkeypatch):
    """Opens a page: the page, and the names after the lines that it offers were run."""
    offered = []

    def opened(page: str, **link: str):
        monkeypatch.setattr(widgets, "copy_as_python", lambda name, write: offered.append((name, write())))
        app = visit(checkpoint, page, q=QUESTION, picture="gallery-3", **link)
        for _ in range(100):  # what is counted in the background first
            if offered:
                break
            time.sleep(0.1)
            app.run()
        assert not app.exception
        ((name, lines),) = offered
        assert name == page
        return app, ran(lines)

    return opened


def test_ask(copied):
    app, names = copied("ask")
    answer, found = names["answer"], names["found"]
    (headline,) = [h.proto.body for h in app.get("html") if 'id="answer"' in h.proto.body]
    assert f'data-answer="{answer.answer}"' in headline
    assert f"<i>{percent(answer.probabilities[answer.answer])}</i> confidence" in headline
    assert f"<i>{answer.margin:.3f}</i> margin" in headline
    assert any(f"holds {found.share:.0%} of the argmax" in caption.value for caption in app.caption)


def test_modulation(copied):
    app, names = copied("modulation", block="2", map="3")
    assert (names["block"], names["number"]) == (1, 3)
    for kind in ("gamma", "beta"):
        values = getattr(names["answer"], kind)
        found = names["standing"](names["study"].population, kind, values)
        z, percentile = found.z[1, 3], found.percentile[1, 3]
        told = f"**{kind} {values[1, 3]:+.3f}** · z {z:+.2f} · percentile {percentile:.1f}"
        assert told in [markdown.value for markdown in app.markdown]


def test_parameters(copied):
    app, names = copied("parameters")
    text = "\n".join(markdown.value for markdown in app.markdown)
    for kind, own in names["parameters"].statistics.items():
        found = re.search(rf"\| {kind} \| \*\*this network's\*\* \| (.*)", text)[1]
        assert f"{own.low:.1f} to {own.high:.1f} | {own.negative:.1%} ± {own.negative_margin:.2%}" in found
    block = names["parameters"].block_statistics("gamma", names["block"])
    assert any(f"mean {block.mean:.2f}" in caption.value for caption in app.caption)


def test_two_questions_and_words(study, shown):
    names = ran(as_python.two_questions(study, shown, QUESTION, OTHER))
    session, pixels = study.session, shown.pixels
    assert [answer.answer for answer in names["answers"]] == [
        session.ask(pixels, text).answer for text in (QUESTION, OTHER)
    ]
    gammas = [answer.gamma for answer in names["answers"]]
    np.testing.assert_array_equal(names["found"].first["gamma"], gammas[0])
    np.testing.assert_array_equal(names["found"].second["gamma"], gammas[1])
    names = ran(as_python.contributions(study, shown, QUESTION, "beta", 1, 3))
    assert names["answers"][-1].answer == session.ask(pixels, QUESTION).answer
    assert names["line"].total == pytest.approx(session.modulate([QUESTION]).beta[0, 1, 3].item(), abs=1e-5)


def test_the_studio(study, capsys):
    """While clean pictures are still drawn the page's answers are about previews, and so are the lines'."""
    scenes = [exhibit.scene for exhibit in gallery()[:2]]
    shown = [pictures.edited(scene_to_text(scene), quick=True) for scene in scenes]
    ran(as_python.studio(study, QUESTION, *shown))
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    answers = [study.session.ask(each.pixels, QUESTION) for each in shown]
    assert said == [
        [answer.answer, str(answer.probabilities[answer.answer]),
         analysis.find_truth(QUESTION, scene).answer]
        for answer, scene in zip(answers, scenes, strict=True)
    ]  # fmt: skip
    clean = as_python.studio(study, QUESTION, *(replace(each, preview=False) for each in shown))
    assert "scene_picture(scene)" in clean


def test_the_atlas(study):
    questions = study.extraction
    recipe, title = LayoutRecipe("both", "pca"), "All blocks, PCA"
    kinds = questions.table["type"]
    rows = np.asarray(kinds == kinds.iloc[0])
    by = Selection(rows, f"type {kinds.iloc[0]}")
    drawn = Selection(np.arange(len(questions)) < 60, "drawn on the projection", title)
    names = ran(as_python.atlas(study, title, recipe, drawn, None, None))
    np.testing.assert_array_equal(names["layout"].places, study.layouts[title].places)
    np.testing.assert_array_equal(names["rows"], drawn.rows)
    layout, session = study.layouts[title], study.session
    expected = analysis.why_together(questions, drawn.rows, layout=layout, session=session)
    assert names["why"].table.equals(expected.table)
    names = ran(as_python.atlas(study, title, recipe, by, ("type", kinds.iloc[0]), drawn))
    np.testing.assert_array_equal(names["rows"], rows)
    np.testing.assert_array_equal(names["others"], drawn.rows)
    assert names["why"].table.equals(atlas.why_between(study, rows, drawn.rows).table)
    later = LayoutRecipe("gamma", "pca")
    names = ran(as_python.atlas(study, later.title, later, None, None, None))
    assert names["layout"].recipe == later


def test_pictures_of_every_kind(study, shown, tmp_path, monkeypatch, open_folder):
    drawn = pictures.edited(scene_to_text(gallery()[2].scene), quick=True)
    names = ran(as_python.ask(study, drawn, QUESTION, counted=False))
    np.testing.assert_array_equal(names["picture"], drawn.pixels)
    assert "preview" not in as_python.ask(study, replace(drawn, preview=False), QUESTION, counted=False)
    shutil.copy(gallery()[3].picture_path, tmp_path / "a.png")
    open_folder(tmp_path)
    for longest, shape in ((1440, (320, 480, 3)), (240, (160, 240, 3))):
        monkeypatch.setattr(folder, "KEPT", longest)  # a larger picture is made smaller on the page
        folder.picture.clear()
        own = pictures.FOLDER.shown(0)
        assert own.pixels.shape == shape
        names = ran(as_python.ask(study, own, QUESTION, counted=False))
        np.testing.assert_array_equal(names["picture"], own.pixels)
    folder.picture.clear()
    upload = ShownPicture("upload-1a", "mine.png", "", shown.pixels, None)
    lines = as_python.ask(study, upload, QUESTION, counted=False)
    assert 'picture = "picture.png"  # your own picture' in lines
    compile(lines, "copied", "exec")


def test_the_readme_names_the_pages_that_offer_lines():
    titles = {name: title for groups in (GROUPS, ALONE) for group in groups.values() for name, title in group}
    offering = {
        title
        for name, title in titles.items()
        for file in (ROOT / f"ui/pages/{name}.py", *(ROOT / "ui").glob(f"{name}_*.py"))
        if "copy_as_python(" in file.read_text("utf-8")
    }
    said = (ROOT / "README.md").read_text("utf-8").partition("*Copy as Python*")[2].partition("\n\n")[0]
    assert {title for title in titles.values() if title in said} == offering
