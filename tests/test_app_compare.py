"""The Compare page, run without a browser on tiny networks."""

import shutil
import time
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from charts import charts
from test_comparison import network, permuted
from tiny import tiny_card

import film
from analysis import (
    DRAWN,
    Evidence,
    Study,
    compare,
    comparison_folder,
    find_comparison,
    gallery_questions,
    rows_to_text,
    write_comparison,
    write_evidence,
)
from film import Session, Vocabulary, gallery, save
from film.clevr.language.word_tree import WORDS
from ui import as_python
from ui.cache import comparison as cache, evidence as evidence_cache, networks
from ui.pages import compare as compare_page

NAMES = Vocabulary.of(WORDS).tokens
# The columns of a network's evidence.
ANSWERS = (
    "text type group family length depth attribute operation answer picture prediction probability "
    "probability_of_truth right"
)
PROBES = "target space block axes tested accuracy low high control selectivity majority bag held_out"
SECTIONS = ["Answers", "Layouts", "Feature maps", "Blocks", "Gamma and beta", "Grouping", "Probes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Networks beside each other: one with its comparison with two, a permuted copy, and a blind one."""
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {
        "one": network(1),
        "two": network(2),
        "twin": permuted(network(1), 3)[0],
        "blind": network(4, picture="features", channels=18, width=15, height=10, stem=((8, 3, 1),)),
    }
    for name, each in made.items():
        save(folder / name, each, tiny_card(each, words=NAMES, name=name), half=False)
    one, two = (Session(folder / name, "cpu") for name in ("one", "two"))
    found = compare(one, two, gallery_questions(400), "the gallery's pictures", layout="pca")
    write_comparison(comparison_folder(folder / "one", two.card.weights), found)
    return folder


@pytest.fixture
def open_page(visit, folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINTS, str(folder))

    def opened(**link):
        return visit(folder / "one", "compare", **link)

    return opened


def text(app):
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info, *app.warning))


@pytest.mark.parametrize("part", SECTIONS)
def test_every_part_is_shown(open_page, part):
    app = open_page(versus="two", part=part)
    assert not app.exception
    assert "400 questions about 40 pictures" in text(app)
    assert "**A: one.**" in text(app)
    assert "**B: two.**" in text(app)
    assert "two" in app.query_params["versus"]
    figures = {"Answers": 1, "Feature maps": 1, "Blocks": 3, "Gamma and beta": 1, "Grouping": 1}
    assert len(charts(app)) == figures.get(part, 0)
    if part == "Probes":
        assert "--probes" in text(app)


def test_a_differing_question_is_opened_side_by_side_and_then_on_the_ask_page(open_page):
    app = open_page(versus="two", part="Answers")
    listed = app.dataframe[0].value
    assert (listed["prediction_one"] != listed["prediction_other"]).all()
    box = next(box for box in app.selectbox if box.key.startswith("compare-rows-all"))
    box.set_value(0).run()
    assert not app.exception
    row = listed.iloc[0]
    assert row["text"] in text(app).replace("\\", "")
    assert len(charts(app)) == 2
    app.button(key="compare-open-all-B").click().run()
    assert not app.exception
    assert app.text_input(key="view-question").value == row["text"]
    (said,) = [h.proto.body for h in app.get("html") if 'id="answer"' in h.proto.body]
    assert f'data-answer="{row["prediction_other"]}"' in said


def test_a_question_about_the_folder_that_is_open_is_asked_again(
    open_page, folder, tmp_path, monkeypatch, open_folder
):
    """Compared with `--data CLEVR`, pictures have their files' names."""
    one, two = (networks.named(name) for name in ("one", "two"))
    kept = find_comparison(one.folder, one.weights, two.weights)
    names = {f"gallery-{number}": f"CLEVR_val_{number:06d}.png" for number in range(len(gallery()))}
    assert kept is not None
    questions = kept.questions.assign(picture=kept.questions["picture"].map(names))
    first = gallery()[3]
    known = {"name": names["gallery-3"], "hash": film.picture_hash(film.open_picture(first.picture_path))}
    recipe = {**kept.recipe, "source": "CLEVR", "first_picture": known}
    found = replace(kept, questions=questions, recipe=recipe)
    monkeypatch.setattr(cache, "find_comparison", lambda *_: found)

    def asked():
        app = open_page(versus="two", part="Answers")
        next(box for box in app.selectbox if box.key.startswith("compare-rows-all")).set_value(0).run()
        assert not app.exception
        return app

    assert "FILM_PICTURES" in text(asked())
    known_folder, found = found, replace(found, recipe={**kept.recipe, "source": "CLEVR"})
    assert "on CLEVR again" in text(asked())  # of an earlier version
    found = known_folder
    row = asked().dataframe[0].value.iloc[0]
    (tmp_path / "CLEVR/images/val").mkdir(parents=True)
    shutil.copy(gallery()[0].picture_path, tmp_path / "CLEVR/images/val" / "CLEVR_val_999999.png")
    shutil.copy(
        gallery()[list(names.values()).index(row["picture"])].picture_path,
        tmp_path / "CLEVR/images/val" / row["picture"],
    )
    shutil.copy(first.picture_path, tmp_path / "CLEVR/images/val" / known["name"])
    open_folder(tmp_path / "CLEVR")
    app = asked()
    app.button(key="compare-open-all-B").click().run()
    numbered = sorted({known["name"], row["picture"]}).index(row["picture"])
    assert app.query_params["picture"] == f"folder-{numbered}"
    (said,) = [h.proto.body for h in app.get("html") if 'id="answer"' in h.proto.body]
    assert f'data-answer="{row["prediction_other"]}"' in said


def test_layouts_and_matched_maps_are_handed_out(open_page, files):
    open_page(versus="two", part="Layouts")
    one, two = (networks.named(name).weights[:12] for name in ("one", "two"))
    for label, weights in (("A", one), ("B", two)):
        assert f"network {weights}" in files[f"compare-layout-{label}.svg"]()
    places = pd.read_csv(BytesIO(files["compare-layouts.csv"]()))
    assert f" · A is network {one}, B {two} · 400 questions · seed " in places["source"].iloc[0]
    app = open_page(versus="two", part="Feature maps")
    matching = pd.read_csv(BytesIO(files["compare-matching.csv"]())).drop(columns="source")
    assert matching["block"].tolist() == app.dataframe[0].value["block"].tolist()


def test_a_comparison_found_from_the_other_side_opens_the_networks_it_names(visit, folder, monkeypatch):
    monkeypatch.setenv(networks.CHECKPOINTS, str(folder))
    app = visit(folder / "two", "compare", versus="one", part="Answers")
    assert "**A: one.**" in text(app)
    box = next(box for box in app.selectbox if box.key.startswith("compare-rows-all"))
    row = app.dataframe[0].value.iloc[0]
    box.set_value(0).run()
    app.button(key="compare-open-all-A").click().run()
    assert not app.exception
    (said,) = [h.proto.body for h in app.get("html") if 'id="answer"' in h.proto.body]
    assert f'data-answer="{row["prediction_one"]}"' in said


@pytest.mark.parametrize(("label", "column"), [("A", "map"), ("B", "partner")])
def test_a_matched_map_opens_its_card_in_its_own_network(open_page, label, column):
    app = open_page(versus="two", part="Feature maps")
    pairs = next(table.value for table in app.dataframe if "partner" in table.value)
    app.selectbox(key="compare-pairs-1-typed").set_value(2).run()
    app.button(key=f"compare-card-{label}").click().run()
    assert not app.exception
    assert app.title[0].value == "Map cards"
    number = int(pairs.iloc[2][column])
    assert app.query_params.get("map", ["0"])[0] == str(number)
    if label == "B":
        assert "two" in app.query_params["network"]


def test_a_link_holds_a_selection_of_the_layouts_which_is_counted_for_both(open_page):
    found = cache.kept(*_studies())
    rows = np.arange(len(cache.laid_out(found))) < 50
    marked = rows_to_text(rows, cache.questions_of(found))
    app = open_page(versus="two", part="Layouts", marked=marked)
    assert not app.exception
    assert "50 questions selected" in text(app)
    assert app.query_params["marked"] == marked
    app = open_page(versus="two", part="Layouts", marked=marked[:-4])
    assert "damaged" in text(app)
    assert "questions selected" not in text(app)


def _studies():
    import os

    from analysis import Study

    folder = os.environ[networks.CHECKPOINTS]
    return [Study(Session(f"{folder}/{name}", "cpu"), f"{folder}/{name}") for name in ("one", "two")]


def test_what_is_not_measured_is_measured_in_the_background(open_page, monkeypatch):
    monkeypatch.setattr(cache, "QUESTIONS", 120)
    app = open_page(versus="twin")
    assert "have not been compared yet" in text(app)
    next(b for b in app.button if b.label == "Compare now").click().run()
    assert not app.exception
    job = list(cache._jobs().by_pair.values())[-1]
    job.found.result(timeout=120)
    app.run()
    assert not app.exception
    assert "There is none." in [box.value for box in app.success]  # it is the same function
    assert "+0.0 points" in text(app)


def test_it_stops(open_page, monkeypatch):
    monkeypatch.setattr(cache, "QUESTIONS", 3000)
    app = open_page(versus="blind")
    next(b for b in app.button if b.label == "Compare now").click().run()
    assert not app.exception
    job = list(cache._jobs().by_pair.values())[-1]
    next(b for b in app.button if b.label == "Stop").click().run()
    assert job.stop.is_set()
    ended = time.monotonic() + 60
    while not job.found.done() and time.monotonic() < ended:
        time.sleep(0.1)
    assert job.found.done()
    app.run()
    assert not app.exception
    assert "have not been compared yet" in text(app)


def test_a_network_that_sees_no_pictures_opens_and_what_cannot_be_compared_is_said(open_page, folder):
    one, blind = (Session(folder / name, "cpu") for name in ("one", "blind"))
    found = compare(one, blind, gallery_questions(120), "the gallery's pictures", layout="pca")
    write_comparison(comparison_folder(folder / "one", blind.card.weights), found)
    app = open_page(versus="blind")
    assert not app.exception
    assert "blind cannot look at these pictures" in text(app).replace("\\", "")
    shown = next(group for group in app.get("button_group") if group.key == "view-part")
    assert shown.proto.options[0].content == "Layouts"
    for page in ("ask", "modulation", "compare"):
        app = open_page(network="blind", versus="one").switch_page(f"ui/pages/{page}.py").run()
        assert not app.exception


def test_alone_it_says_how_to_come_by_a_second_network(visit, folder, monkeypatch):
    monkeypatch.delenv(networks.CHECKPOINTS, raising=False)
    monkeypatch.setattr(film, "bundled", list)
    app = visit(folder / "one", "compare")
    assert not app.exception
    assert "There is no second network here" in text(app)


def test_a_damaged_comparison_is_met_with_a_sentence(open_page, folder):
    two = Session(folder / "two", "cpu")
    place = comparison_folder(folder / "one", two.card.weights)
    kept = (place / "maps.parquet").read_bytes()
    (place / "maps.parquet").write_bytes(b"nothing")
    try:
        app = open_page(versus="two")
    finally:
        (place / "maps.parquet").write_bytes(kept)
    assert not app.exception
    assert "cannot be read" in app.warning[0].value.replace("\\", "")


def test_the_lines_to_copy_give_the_comparison(folder, capsys):
    one, two = (Study(Session(folder / name), folder / name) for name in ("one", "two"))
    kept = find_comparison(folder / "one", one.weights, two.weights)
    for part, (_, _, written) in compare_page.PARTS.items():
        names: dict = {}
        exec(compile(as_python.compared(one, two, written), "copied", "exec"), names)
        shown = eval(written, {"found": kept})
        assert capsys.readouterr().out == f"{shown}\n", part


def test_the_lines_to_copy_give_the_probes_shown_where_the_comparison_has_none(folder, tmp_path, capsys):
    """Then the page shows those of both networks' evidence, where that is about the same questions."""
    weights = [Session(folder / name, "cpu").card.weights for name in ("one", "two")]
    compared = find_comparison(folder / "one", *weights)
    studies: list[Study] = []
    for name, accuracy in (("one", 0.25), ("two", 0.75)):
        place = shutil.copytree(folder / name, tmp_path / name)
        studies.append(study := Study(Session(place), place))
        answers = dict.fromkeys(ANSWERS.split(), 0.0)
        probes = dict.fromkeys(PROBES.split(), 0.0) | {"target": "type", "accuracy": accuracy}
        recipe = {"weights": study.weights, "source": DRAWN, "seed": 0, "questions": 1}
        write_evidence(place / "study", Evidence(pd.DataFrame([answers]), pd.DataFrame([probes]), recipe))
    assert compared is not None
    assert not len(compared.probes)
    one, two = studies
    shown = cache.probes(one, two, compared)
    assert shown["accuracy"].tolist() == [0.25, 0.75]
    printed = ""
    exec(compile(compare_page._as_python("Probes", compared, one, two), "copied", "exec"), {})
    for side in ("one", "other"):
        own = shown[shown["network"] == side].drop(columns="network").reset_index(drop=True)
        printed += f"{own}\n"
    assert capsys.readouterr().out == printed


def test_probes_about_folders_stand_side_by_side_only_where_their_pictures_are_the_same(folder, monkeypatch):
    """Made folders share names: of the folder, its pictures and even its questions."""
    weights = [Session(folder / name, "cpu").card.weights for name in ("one", "two")]
    compared = find_comparison(folder / "one", *weights)
    asked = pd.DataFrame({"text": ["How many things are there?"], "picture": ["CLEVR_val_000000.png"]})
    first = {"name": "CLEVR_val_000000.png", "hash": "a" * 64}
    recipe = {"source": "world", "seed": 0, "questions": 1, "first_picture": first}
    former = {name: value for name, value in recipe.items() if name != "first_picture"}
    other_pictures = recipe | {"first_picture": first | {"hash": "b" * 64}}
    reworded = asked.assign(text="Are there any things?")
    probed = pd.DataFrame({"target": ["type"], "accuracy": [0.5]})

    def shown(recipe, other, answers=asked):
        one, two = networks.named("one"), networks.named("two")
        found = {
            one.weights: Evidence(asked, probed, recipe),
            two.weights: Evidence(answers, probed, other),
        }
        monkeypatch.setattr(evidence_cache, "evidence", lambda study: found[study.weights])
        return len(cache.probes(one, two, compared))

    monkeypatch.setenv(networks.CHECKPOINTS, str(folder))
    assert shown(recipe, dict(recipe)) == 2
    assert shown(recipe, other_pictures) == 0
    assert shown(former, former) == 0  # an earlier version did not keep which pictures they were
    assert shown(recipe, recipe, reworded) == 0
