"""Questions of a data folder that are not asked, as nothing says of which type they are: never in silence."""

import json
import shutil

import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

import analysis
from analysis import (
    TypedQuestions,
    find_evidence,
    find_measured,
    gallery_questions,
    read_comparison,
    some_questions,
)
from analysis.__main__ import main
from analysis.corpus.evidence import _COLUMNS, PROBES, TRANSFER
from film import Session, Vocabulary, save
from film.clevr.language.word_tree import WORDS

TYPELESS = 3
TOLD = f"{TYPELESS} questions whose type is not known, since neither a program nor a family"


@pytest.fixture(scope="module")
def data(clevr_folder, tmp_path_factory):
    """A CLEVR folder whose first questions come without program and family."""
    folder = shutil.copytree(clevr_folder, tmp_path_factory.mktemp("left-out") / "world")
    (path,) = (folder / "questions").glob("*.json")
    told = json.loads(path.read_text("utf-8"))
    for question in told["questions"][:TYPELESS]:
        del question["program"], question["question_family_index"]
    path.write_text(json.dumps(told), "utf-8")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("left-out-network")
    words = Vocabulary.of(sorted(WORDS)).tokens
    network = tiny_network(words=len(words), blocks=1, modulated=(True,))
    save(folder, network, tiny_card(network, words=words))
    return folder


@pytest.mark.parametrize(("what", "more"), [("ablate", ("--noise", "1")), ("robustness", ())])
def test_commands_say_and_keep_how_many(what, more, data, checkpoint, tmp_path, capsys):
    asked = ["--data", str(data), "--questions", "9", "--device", "cpu", "--keep"]
    assert main([what, str(checkpoint), *asked, *more, "--json", str(tmp_path / "rows.json")]) == 0
    assert f"Left out: {TOLD}" in capsys.readouterr().out
    kept = find_measured(checkpoint, what, Session(checkpoint, "cpu").card.weights)
    assert kept is not None
    ((why, count),) = kept.recipe["left_out"].items()
    assert "type is not known" in why
    assert count == TYPELESS
    assert kept.recipe["questions"] == 9 - TYPELESS
    assert json.loads((tmp_path / "rows.json").read_text())["left_out"] == kept.recipe["left_out"]


def test_evidence_says_and_keeps_how_many(data, checkpoint, monkeypatch, capsys):
    for probing, file in (("probe", PROBES), ("probe_transfer", TRANSFER)):
        table = pd.DataFrame(columns=_COLUMNS[file].split())  # seven pictures are too few to train any
        monkeypatch.setattr(f"analysis.corpus.evidence.{probing}", lambda *_, table=table, **__: table)
    assert main(["evidence", str(checkpoint), "--data", str(data), "--device", "cpu"]) == 0
    assert f"Left out: {TOLD}" in capsys.readouterr().out
    kept = find_evidence(checkpoint, Session(checkpoint, "cpu").card.weights)
    assert kept is not None
    assert list(kept.recipe["left_out"].values()) == [TYPELESS]


def test_a_comparison_says_and_keeps_how_many(data, checkpoint, tmp_path, monkeypatch, capsys):
    asked = gallery_questions(80)  # the folder's are too few to compare anything on
    known = TypedQuestions(asked.questions, asked.picture, some_questions(data).untyped)
    monkeypatch.setattr("analysis.corpus.accuracy.some_questions", lambda *_: known)
    given = ["--data", str(data), "--device", "cpu", "--out", str(tmp_path)]
    assert main(["compare", str(checkpoint), str(checkpoint), *given]) == 0
    assert f"not compared: {TOLD}" in capsys.readouterr().out
    found = read_comparison(tmp_path)
    assert list(found.recipe["left_out"].values()) == [TYPELESS]
    assert any(sentence.startswith(TOLD) for sentence in found.cannot)


def test_where_all_are_asked_nothing_is_said(clevr_folder, checkpoint):
    asked = some_questions(clevr_folder, most=3)
    recipe = analysis.observe(Session(checkpoint, "cpu"), asked, "world").recipe
    assert "left_out" not in recipe
    assert analysis.told_left_out(recipe) == ""
