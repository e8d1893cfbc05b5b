"""The tests of generalisation: measured on a tiny network, kept, and shown."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

import analysis.corpus.generalisation as generalisation
from analysis import (
    by_kind,
    find_generalisation,
    generalisation_rows,
    learned_on_lines,
    measure_generalisation,
    overview,
    training_lines,
    wrong_answers,
)
from analysis.corpus.generalisation import file_of, find_test
from analysis.readme import trained_tables
from analysis.tables import write_tables
from film import (
    CLOSURE_NAMES,
    COGENT,
    WORDS,
    InputError,
    Session,
    bundled,
    parse,
    run,
    save,
    scene_from_text,
    word_table,
)  # fmt: skip
from ui.cache import networks


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A network with all tests beside it."""
    folder = tmp_path_factory.mktemp("network")
    words = word_table(WORDS)
    network = tiny_network(31, blocks=2, modulated=(True, True), words=len(words))
    save(folder, network, tiny_card(network, words=words))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generalisation, "CLOSURE_EACH", 12)
        measure_generalisation(Session(folder, "cpu"), folder, questions=110, seed=2)
    return folder


def kept_by(folder: Path) -> dict[str, pd.DataFrame]:
    return find_generalisation(folder, Session(folder, "cpu").card.weights)


def kept_run(folder: Path) -> None:
    """Results of a run of `film train-cogent` and of the analogy on it, with numbers made up."""
    share = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "asked": 100}
    trained = {"run": "taught-a", "from_b": 0, "paper": {"A": 98.3, "B": 75.6}, "A": share, "B": share}
    cogent = {
        "samples": 9,
        "scenes": 8,
        "tested": 10,
        "seed": 4,
        "taught": "answers alone",
        "rows": [trained],
    }
    row = {"own": 0.5, "sum": 0.6, "random": 0.4, "gain": 0.1, "gain_low": 0.02, "gain_high": 0.12}
    rows = [
        {"run": "taught-a", "from_b": 0, "weights": "w", "test": test, "among": among, "asked": 30, **row,
         "paper": {"all": [75.6, 78.8], "rewritten": [71.5, 80.7]}.get(among) if test == "B" else None}
        for test in "AB" for among in ("all", "rewritten", "rewritten, one phrase")
    ]  # fmt: skip
    asked = {"asked": 100, "named": 40, "rewritten": 30}
    tried = {"seed": 4, "questions": {"A": asked, "B": asked}, "rows": rows}
    folder.mkdir()
    for name, said in (("cogent.json", cogent), ("cogent-zero-shot.json", tried)):
        (folder / name).write_text(json.dumps(said))


def test_all_tests_are_measured_and_kept(measured):
    found = kept_by(measured)
    assert list(found) == ["CLEVR", "CLOSURE", "CoGenT A", "CoGenT B"]
    assert found["CoGenT A"]["picture"].nunique() == 11
    assert set(found["CLOSURE"]["kind"]) == set(CLOSURE_NAMES)
    for table in found.values():
        assert (table["right"] == (table["prediction"] == table["answer"])).all()
    assert find_generalisation(measured, "other weights") == {}


def test_pictures_of_a_condition_are_of_the_networks_size(measured):
    for condition in "AB":
        asked, kinds, families = generalisation._cogent(condition)(Session(measured, "cpu"), 20, 0)
        assert len(kinds) == len(families) == len(asked.questions) == 20
        keys = list(asked.by_picture())
        assert len(keys) == 2
        assert asked.picture(keys[1]).shape == (16, 24, 3)
        for question in asked.questions:  # the key holds the whole scene
            scene = scene_from_text(question.filename.removeprefix("scene-"))
            assert run(question.program, scene).answer == question.answer
            colors = {thing.color for thing in scene.objects if thing.shape == "cube"}
            assert colors <= set(COGENT[condition]["cube"])


def test_what_is_kept_is_not_measured_again(measured, monkeypatch):
    monkeypatch.setattr(generalisation, "answer_all", None)  # would fail if it were asked
    monkeypatch.setattr(generalisation, "CLOSURE_EACH", 12)
    again = measure_generalisation(Session(measured, "cpu"), measured, questions=110, seed=2)
    assert list(again) == list(kept_by(measured))


@pytest.fixture
def former(tmp_path, measured) -> Path:
    """The same network with a table as an earlier version kept it: pictures by number, without scenes."""
    folder = tmp_path / "network"
    shutil.copytree(measured, folder)
    card = Session(folder, "cpu").card
    table, recipe = find_test(folder, "CoGenT B", card.weights)
    numbered = table.assign(picture=[f"B-{number}" for number in pd.factorize(table["picture"])[0]])
    write_tables(folder / "study", {file_of("CoGenT B"): numbered}, recipe, generalisation._NOTE)
    return folder


def test_a_former_table_opens_and_gets_its_scenes_without_being_measured_again(former, measured, monkeypatch):
    assert set(kept_by(former)["CoGenT B"]["picture"]) == {f"B-{number}" for number in range(11)}
    monkeypatch.setattr(generalisation, "answer_all", None)  # would fail if it were asked
    monkeypatch.setattr(generalisation, "CLOSURE_EACH", 12)
    again = measure_generalisation(Session(former, "cpu"), former, questions=110, seed=2)
    for found in (again, kept_by(former)):
        pd.testing.assert_frame_equal(found["CoGenT B"], kept_by(measured)["CoGenT B"])


def test_the_bundled_networks_conditions_have_their_scenes():
    for folder in bundled():
        found = kept_by(folder)
        for condition in "AB":
            table = found[f"CoGenT {condition}"]
            scenes = {key: scene_from_text(key.removeprefix("scene-")) for key in table["picture"].unique()}
            assert len(scenes) == 100
            for row in table[::50].itertuples():
                assert run(parse(row.text).program, scenes[row.picture]).answer == row.answer


def test_the_constant_guess_is_what_each_family_answers_most():
    table = pd.DataFrame(
        {
            "kind": ["or_mat"] * 4 + ["embed_mat_spa"] * 4,
            "family": ["or_mat 0"] * 4 + ["embed_mat_spa 1"] * 4,
            "answer": ["1", "1", "1", "2", "yes", "yes", "no", "no"],
            "right": [True, False] * 4,
            "picture": [f"gallery-{n}" for n in range(8)],
        }
    )
    rows = by_kind("CLOSURE", table).set_index("value")
    assert list(rows.index) == ["all", "or_mat", "embed_mat_spa"]
    assert rows["guess"].tolist() == [5 / 8, 3 / 4, 1 / 2]
    assert rows["accuracy"].tolist() == [0.5] * 3
    assert rows["paper"].isna().all()
    assert rows["low"].isna().all()  # under ten pictures
    drawn = generalisation_rows(rows.reset_index())
    assert [trace.name for trace in drawn.data] == ["this network", "constant guess"]


def test_the_papers_figures_stand_beside_their_own_tests(measured):
    found = kept_by(measured)
    clevr = by_kind("CLEVR", found["CLEVR"]).set_index("value")["paper"]
    assert (clevr["all"], clevr["Count"]) == (97.6, 94.3)
    assert by_kind("CoGenT B", found["CoGenT B"])["paper"].iloc[0] == 75.6
    assert len(overview({"tiny": measured})) == 4


def test_a_damaged_table_names_the_command(tmp_path, measured):
    card = Session(measured, "cpu").card
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "generalisation_clevr.parquet").write_bytes(b"no")
    with pytest.raises(InputError, match="generalisation"):
        find_generalisation(tmp_path, card.weights)


def test_a_table_that_was_trained_anew_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path / "clevr"])
    assert generalisation.trained_anew(2) is None
    (tmp_path / "ablations").mkdir()
    curves = {"best, seed 0": [[5, 0.4], [9, 0.9]], "gamma-one, seed 0": [[9, 0.8]]}
    said = {"samples": 9, "rows": [{"row": "best", "accuracy": 0.9}], "curves": curves}
    (tmp_path / "ablations" / "table-2.json").write_text(json.dumps(said))
    table, made = generalisation.trained_anew(2)
    assert table["accuracy"].tolist() == [0.9]
    assert made["samples"] == 9
    assert made["curves"].to_numpy().tolist() == [
        ["best, seed 0", 5e-6, 0.4], ["best, seed 0", 9e-6, 0.9], ["gamma-one, seed 0", 9e-6, 0.8]
    ]  # fmt: skip
    lines = training_lines(made["curves"]).data
    assert [(line.name, *line.y) for line in lines] == [("best, seed 0", 40, 90), ("gamma-one, seed 0", 80)]


def test_a_network_taught_a_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path / "clevr"])
    assert generalisation.taught_a() is None
    (tmp_path / "ablations").mkdir()
    share = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "asked": 100}
    rows = [
        {"run": "taught-a", "from_b": 0, "paper": {"A": 98.3, "B": 75.6}, "A": share, "B": share},
        {"run": "from-100-of-b", "from_b": 100, "paper": None, "A": share, "B": share},
    ]
    (tmp_path / "ablations" / "cogent.json").write_text(json.dumps({"samples": 9, "rows": rows}))
    table, made = generalisation.taught_a()
    assert table["value"].tolist() == [
        "A, taught A alone", "A after 100 of B", "B, taught A alone", "B after 100 of B",
    ]  # fmt: skip
    assert table["paper"].fillna(0).tolist() == [98.3, 0, 75.6, 0]
    assert made["samples"] == 9


@pytest.mark.parametrize("dark", [False, True])
def test_learning_on_is_drawn_as_two_curves_with_none_of_b_apart(dark):
    table, _ = generalisation.taught_a()  # of the run that comes with the project
    drawn = learned_on_lines(table, dark=dark)
    named = {trace.name: trace for trace in drawn.data if trace.name}
    assert list(named) == [
        "on A, trained anew", "on A, the paper's", "on B, trained anew", "on B, the paper's",
    ]  # fmt: skip
    for test in "AB":
        own = table[table["test"] == test]
        marks, paper = named[f"on {test}, trained anew"], named[f"on {test}, the paper's"]
        np.testing.assert_allclose(marks.y, 100 * own["accuracy"], atol=0.01)
        np.testing.assert_allclose(np.add(marks.y, marks.error_y.array), 100 * own["high"], atol=0.02)
        np.testing.assert_allclose(
            np.subtract(marks.y, marks.error_y.arrayminus), 100 * own["low"], atol=0.02
        )
        np.testing.assert_array_equal(paper.y, own["paper"])
        assert 0 < marks.x[0] < marks.x[1] == 100
        assert list(marks.x[1:]) == own["from_b"].tolist()[1:]
    assert drawn.layout.xaxis.type == "log"
    assert drawn.layout.xaxis.ticktext[0] == "none"
    lines = [trace for trace in drawn.data if trace.mode == "lines"]
    assert all(list(line.x) == [100, 300, 1000, 3000, 10_000, 30_000] for line in lines)
    low, high = drawn.layout.yaxis.range
    assert low < 100 * table["low"].min()
    assert high > table["paper"].max()


def test_a_run_is_kept_beside_the_bundled_networks_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path / "clevr"])
    monkeypatch.setattr(generalisation, "find", lambda: tmp_path / "clevr")
    assert generalisation.zero_shot() is None
    kept_run(tmp_path / "run")
    assert generalisation.keep_run(tmp_path / "run") == tmp_path / "ablations"
    table, made = generalisation.zero_shot()
    paper = table.set_index(["test", "among"])[["paper_own", "paper_sum"]]
    assert paper.loc["B", "rewritten"].tolist() == [71.5, 80.7]
    assert paper.loc["B", "all"].tolist() == [75.6, 78.8]
    assert paper.loc["A", "all"].isna().all()
    assert (table["gain_high"] == 0.12).all()
    assert made["questions"]["B"]["rewritten"] == 30


def test_the_readme_tells_what_was_trained_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path / "clevr"])
    assert trained_tables() == {}
    kept_run(tmp_path / "ablations")
    rows = [
        {"about": "the whole network", "paper": 97.4, "accuracy": 0.9, "low": 0.8, "high": 0.95,
         "difference": None, "difference_low": None, "difference_high": None, "seeds": 1},
        {"about": "beta only", "paper": 95.9, "accuracy": 0.85, "low": 0.75, "high": 0.9,
         "difference": -0.05, "difference_low": -0.07, "difference_high": -0.03,
         "seeds": 1},
    ]  # fmt: skip
    said = {"samples": 9, "changes": ["network.maps=64"], "questions": 40, "pictures": 4, "taught": "alone"}
    said |= {"guess": 0.5, "remark": "Begun otherwise."}
    (tmp_path / "ablations" / "table-2.json").write_text(json.dumps(said | {"rows": rows}))
    made = trained_tables()
    assert list(made) == ["cogent", "table-2"]
    share = "50.0 [40.0 to 60.0]"
    assert f"| condition A alone | {share} | 98.3 | {share} | 75.6 |" in made["cogent"]
    assert (
        "| gained on all 100 of B's | the paper's | gained on the 30 rewritten | the paper's |"
        in made["cogent"]
    )
    assert (
        "| condition A alone | +10.0 [+2.0 to +12.0] | +3.2 | +10.0 [+2.0 to +12.0] | +9.2 |"
        in made["cogent"]
    )
    assert "| beta only | 1 | 85.0 [75.0 to 90.0] | -5.0 [-7.0 to -3.0] | 95.9 | -1.5 |" in made["table-2"]
    assert "with `network.maps=64`; 40 questions about 4 other scenes" in made["table-2"]
    assert made["table-2"].endswith("Begun otherwise.")


# --- The page -------------------------------------------------------------------------------------


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_the_page_shows_every_test(visit, measured, tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path / "clevr"])
    (tmp_path / "many" / "notes").mkdir(parents=True)  # beside networks may lie what is none
    monkeypatch.setenv(networks.CHECKPOINTS, str(tmp_path / "many"))
    kept_run(tmp_path / "ablations")
    app = visit(measured, "generalisation")
    assert not app.exception
    headings = [heading.value for heading in app.main.header]
    assert headings[:4] == ["CLEVR", "CLOSURE", "CoGenT A", "CoGenT B"]
    assert headings[4:] == [
        "Errors, sorted by confidence",
        "All networks",
        "Taught condition A, learning on from B",
        "Zero-shot: gamma and beta by analogy",
        "The paper's Table 2, trained anew",
    ]
    assert "constant guess" in text(app)
    assert "30 of B's 100 questions can be rewritten" in text(app)
    assert "50.0% of B's rewritten questions" in text(app)
    assert "60.0% by analogy (+10.0 points [+2.0, +12.0]" in text(app)
    assert "the paper's 75.6 and 78.8 % (+3.2)" in text(app)
    drawn = charts(app)
    (learned,) = [chart for chart in drawn if "on B, trained anew" in json.dumps(chart)]
    assert "this network" not in json.dumps(learned)


def test_a_chosen_error_opens_on_the_ask_page(visit, measured):
    app = visit(measured, "generalisation")
    wrong = next(table.value for table in app.dataframe if "prediction" in table.value)
    assert wrong["probability"].is_monotonic_decreasing
    app.selectbox(key="generalisation-errors-CLOSURE-any-typed").set_value(1).run()
    assert not app.exception
    assert app.title[0].value == "Ask the network about a picture"
    assert app.text_input(key="view-question").value == wrong["text"].iloc[1]


@pytest.mark.parametrize("test", ["CoGenT A", "CoGenT B"])
def test_an_error_of_a_condition_opens_with_its_picture_drawn(visit, measured, test):
    app = visit(measured, "generalisation", options=json.dumps({"generalisation-test": test}))
    wrong = wrong_answers(kept_by(measured)[test])
    app.selectbox(key=f"generalisation-errors-{test}-any-typed").set_value(2).run()
    assert not app.exception
    assert app.title[0].value == "Ask the network about a picture"
    assert app.text_input(key="view-question").value == wrong["text"].iloc[2]
    page = "".join(element.proto.body for element in app.get("html"))
    assert f'data-picture="{wrong["picture"].iloc[2]}"' in page
    assert f"true answer: {wrong['answer'].iloc[2]}" in page


def test_errors_of_a_former_table_are_listed_but_not_opened(visit, former):
    app = visit(former, "generalisation", options=json.dumps({"generalisation-test": "CoGenT B"}))
    assert not app.exception
    assert "kept without their scenes" in text(app)
    assert f"generalisation {former} --questions 110 --seed 2" in text(app)  # as they were measured
    assert not [box for box in app.selectbox if box.key.startswith("generalisation-errors")]
    assert any("prediction" in table.value for table in app.dataframe)


def test_a_network_without_results_says_what_to_type(visit, tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "bundled", lambda: [tmp_path])  # nothing was trained anew there
    network = tiny_network(32)
    save(tmp_path, network, tiny_card(network))
    app = visit(tmp_path, "generalisation")
    assert not app.exception
    assert "Not measured yet for this network: CLEVR, CLOSURE, CoGenT A, CoGenT B" in text(app)
    assert "generalisation" in text(app)
    assert "Figure 9, left" in text(app)
    assert "zero-shot OUT --keep" in text(app)
