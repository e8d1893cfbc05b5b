import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

import analysis.corpus.extraction
from analysis import (
    extract,
    extract_here,
    open_extraction,
    question_set,
    read_questions,
    sample_questions,
    vectors,
    write_small,
)
from analysis.__main__ import main
from film import GROUPS, Cancelled, InputError, Session, question_type, save
from film.prefix_encoder import encode_tokens

ROOT = Path(__file__).parents[1]
TEXTS = [
    "What color is the large metal sphere?",
    "How many red cubes are there?",
    "Are there more red cubes than spheres?",
    "Is the cube the same size as the sphere?",
    "Colorless green ideas sleep furiously",
]


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network()
    card = tiny_card(network, weights="abc", name="tiny")
    return Session((network, card), "cpu")


@pytest.fixture(scope="module")
def asked():
    return sample_questions(300, seed=5)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(analysis.corpus.extraction, "CHUNK", 64)


@pytest.mark.parametrize("changes", [{}, {"cell": "lstm"}, {"gru_layers": 2}, {"bidirectional": True}])
def test_shared_beginnings_change_nothing(changes, asked):
    network = tiny_network(**changes)
    session = Session((network, tiny_card(network)), "cpu")
    tokens, lengths = session.vocabulary.encode_all(list(asked.table["text"]), lenient=True)
    with torch.inference_mode():
        expected = network.question_encoder(torch.from_numpy(tokens), torch.from_numpy(lengths))
    np.testing.assert_allclose(encode_tokens(network, tokens, lengths), expected, atol=2e-6)


def test_sampled_questions_know_themselves(asked):
    table = asked.table
    assert len(table) == len(asked) == 300
    assert set(table["type"]) <= set(GROUPS)
    assert (table["group"] == table["type"].map(GROUPS)).all()
    assert table["family"].between(0, 89).all()
    assert table["depth"].min() >= 2
    assert table["answer"].notna().all()
    sizes = table[table["type"] == "query_size"]
    assert set(sizes["attribute"]) == {"size"}
    assert set(sizes["operation"]) == {"query"}
    numbers = table[table["group"] == "Compare Numbers"]
    assert set(numbers["operation"]) == {"compare"}
    assert set(numbers["attribute"]) == {""}
    assert sample_questions(300, seed=5).hash == asked.hash
    assert sample_questions(300, seed=6).hash != asked.hash


def test_texts_are_understood_where_they_can_be():
    table = question_set(TEXTS).table
    kinds = ["query_color", "count", "greater_than", "equal_size", ""]
    assert list(table["type"]) == kinds
    assert list(table["operation"]) == ["query", "count", "compare", "equal", ""]
    assert list(table["attribute"]) == ["color", "", "", "size", ""]
    assert table["family"].iloc[-1] == -1
    assert table["depth"].iloc[-1] == 0
    assert list(table["length"]) == [7, 6, 7, 9, 5]


def test_rows_are_the_networks_own(session, asked, tmp_path):
    made = extract(session, asked, tmp_path / "out")
    assert isinstance(made.gamma, np.memmap)
    assert made.gamma.dtype == made.state.dtype == np.float16
    assert made.gamma.shape == (300, 3, 8)
    exact = session.modulate(list(asked.table["text"]), lenient=True)
    np.testing.assert_allclose(made.gamma, exact.gamma, atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(made.beta, exact.beta, atol=2e-3, rtol=1e-3)
    assert list(made.table["text"]) == list(asked.table["text"])
    assert made.recipe["weights"] == "abc"
    assert made.recipe["questions"] == asked.hash
    here = extract_here(session, asked)
    np.testing.assert_array_equal(here.state, made.state)


def test_spaces(session, asked):
    made = extract_here(session, asked)
    both = vectors(made, "both:3")
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both[:, :8], made.gamma[:, 2].astype(np.float32))
    np.testing.assert_array_equal(both[:, 8:], made.beta[:, 2].astype(np.float32))
    assert vectors(made, "both").shape == (300, 48)
    assert vectors(made, "gamma").shape == (300, 24)
    assert vectors(made, "state").shape == (300, 12)
    for space in ("both:4", "both:0", "state:1", "delta", "gamma:x", "both:²"):
        with pytest.raises(InputError, match="There is no"):
            vectors(made, space)


def test_taking_and_words(session):
    made = extract_here(session, question_set(TEXTS))
    assert list(made.has_word("CUBES")) == [False, True, True, False, False]
    assert list(made.has_word("cube")) == [False, False, False, True, False]
    assert not made.has_word("colo").any()
    part = made.take(np.array([3, 1]))
    assert list(part.table.index) == [3, 1]
    np.testing.assert_array_equal(part.gamma[0], made.gamma[3])
    assert len(made.take(made.has_word("cubes"))) == 2


def test_goes_on_after_a_stop(session, asked, tmp_path, monkeypatch):
    whole = extract(session, asked, tmp_path / "whole")
    calls = iter([False, False, True])
    with pytest.raises(Cancelled, match="go on"):
        extract(session, asked, tmp_path / "out", cancel=lambda: next(calls))
    with pytest.raises(InputError, match="not finished"):
        open_extraction(tmp_path / "out")
    read = []
    original = analysis.corpus.extraction._read
    monkeypatch.setattr(
        analysis.corpus.extraction, "_read", lambda s, t: read.append(len(t)) or original(s, t)
    )
    seen = []
    made = extract(session, asked, tmp_path / "out", progress=lambda done, of: seen.append((done, of)))
    assert read == [64, 64, 44]  # the first two chunks were there
    assert seen[-1] == (300, 300)
    assert seen == sorted(seen)
    np.testing.assert_array_equal(made.gamma, whole.gamma)
    np.testing.assert_array_equal(made.state, whole.state)
    read.clear()
    extract(session, asked, tmp_path / "out")
    assert not read  # finished: only opened


def test_foreign_data_is_refused(session, asked, tmp_path):
    extract(session, asked, tmp_path / "out")
    with pytest.raises(InputError, match="other settings"):
        extract(session, sample_questions(300, seed=6), tmp_path / "out")
    network = tiny_network(seed=1)
    other = Session((network, tiny_card(network, weights="def")), "cpu")
    with pytest.raises(InputError, match="other settings"):
        extract(other, asked, tmp_path / "out")
    with pytest.raises(InputError, match="another network"):
        open_extraction(tmp_path / "out", other)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="already holds"):
        extract(session, asked, tmp_path / "full")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


def _with(path, **values):
    """The first row has these values."""
    table = pd.read_parquet(path)
    for name, value in values.items():
        table[name] = table[name].astype(float)
        table.loc[0, name] = value
    table.to_parquet(path)


def _all_nan(old):
    return old[:128] + np.full((len(old) - 128) // 2, np.nan, np.float16).tobytes()


def _without(path, column):
    pd.read_parquet(path).drop(columns=column).to_parquet(path)


@pytest.mark.parametrize(
    ("harm", "match"),
    [
        (lambda folder: _cut(folder / "gamma.npy"), "should have"),
        (lambda folder: (folder / "beta.npy").unlink(), "is missing"),
        (lambda folder: _cut(folder / "table.parquet"), "should have"),
        (lambda folder: _cut(folder / "extraction.json"), "damaged"),
        (lambda folder: (folder / "extraction.json").write_text("[1]"), "damaged"),
        (lambda folder: (folder / "extraction.json").write_text('{"format": 3}'), "damaged"),
        (lambda folder: (folder / "extraction.json").unlink(), "no extraction"),
        (lambda folder: (folder / "extraction.json").write_text("[" * 100_000), "damaged"),
        (
            lambda folder: _rewrite(folder / "gamma.npy", lambda old: old[:8] + b"(((" + old[11:]),
            "damaged",
        ),
        (lambda folder: _rewrite(folder / "gamma.npy", lambda old: bytes(len(old))), "damaged"),
        (lambda folder: _rewrite(folder / "state.npy", _all_nan), "no numbers"),
        (lambda folder: _without(folder / "table.parquet", "answer"), "does not belong"),
        (lambda folder: _with(folder / "table.parquet", length=np.nan), "length is no number in 1 of"),
        (lambda folder: _with(folder / "table.parquet", family=np.inf), "family is no number in 1 of"),
    ],
)
def test_damage_is_said(harm, match, session, tmp_path):
    extract(session, TEXTS, tmp_path / "out")
    harm(tmp_path / "out")
    seal = tmp_path / "out" / "extraction.json"
    if "no number" in match or "belong" in match:  # not seen by its size
        header = json.loads(seal.read_text())
        header["files"]["table.parquet"] = (tmp_path / "out" / "table.parquet").stat().st_size
        seal.write_text(json.dumps(header))
    with pytest.raises(InputError, match=match):
        open_extraction(tmp_path / "out")


def test_arrays_of_another_extraction_are_said(session, asked, tmp_path):
    extract(session, TEXTS, tmp_path / "out")
    np.save(tmp_path / "out" / "gamma.npy", np.zeros((5, 3, 9), np.float16))
    seal = tmp_path / "out" / "extraction.json"
    header = json.loads(seal.read_text())
    header["files"]["gamma.npy"] = (tmp_path / "out" / "gamma.npy").stat().st_size
    seal.write_text(json.dumps(header))
    with pytest.raises(InputError, match="shape"):
        open_extraction(tmp_path / "out")


def test_states_alone_are_enough(session, asked, tmp_path):
    made = extract_here(session, asked)
    write_small(made, tmp_path / "small")
    assert {path.name for path in (tmp_path / "small").iterdir()} == {
        "state.npy", "table.parquet", "extraction.json",
    }  # fmt: skip
    again = open_extraction(tmp_path / "small", session)
    np.testing.assert_allclose(again.gamma, made.gamma.astype(np.float32), atol=5e-3)
    np.testing.assert_allclose(again.beta, made.beta.astype(np.float32), atol=5e-3)
    assert again.recipe["versions"] == made.recipe["versions"]
    with pytest.raises(InputError, match="open it with the network"):
        open_extraction(tmp_path / "small")


def test_too_large_for_half_precision_is_said(asked):
    network = tiny_network()
    with torch.no_grad():
        network.question_encoder.to_film.weight.mul_(1e6)
    with pytest.raises(InputError, match="65504"):
        extract_here(Session((network, tiny_card(network)), "cpu"), asked)


def test_text_files(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("\n".join([*TEXTS, "", "  "]), "utf-8")
    assert list(read_questions(path).table["text"]) == TEXTS
    assert len(read_questions(path, 2)) == 2
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(InputError, match="no questions"):
        read_questions(tmp_path / "empty.txt")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_questions(tmp_path / "picture.png")
    with pytest.raises(InputError, match="0 questions"):
        read_questions(path, 0)


@pytest.mark.slow
def test_processes_take_their_shares(tmp_path):
    """As torchrun starts them: several processes with a rank, one folder."""
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    program = (
        "import os, sys, analysis.corpus.extraction as e\n"
        "from analysis import extract, sample_questions\n"
        "from film import Session\n"
        "e.CHUNK = 32\n"
        "extract(Session(sys.argv[1], 'cpu'), sample_questions(100, 1), sys.argv[2])\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "net", tmp_path / "out"],
            cwd=ROOT, env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"},
        )
        for rank in range(2)
    ]  # fmt: skip
    assert [process.wait(100) for process in started] == [0, 0]
    session = Session(tmp_path / "net", "cpu")
    here = extract_here(session, sample_questions(100, 1))
    np.testing.assert_array_equal(open_extraction(tmp_path / "out").gamma, here.gamma)


def test_a_corpus_is_answered(tmp_path, capsys):
    """Questions of a packed corpus keep what is known of them, and --predict answers them."""
    from film.__main__ import main as film_main

    corpus, size = str(tmp_path / "corpus"), ["--pictures", "3", "--questions", "4", "--size", "24x16"]
    assert film_main(["generate", corpus, *size, "--workers", "1"]) in (0, None)
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    command = ["extract", "--checkpoint", str(tmp_path / "net"), "--device", "cpu", "--predict"]
    capsys.readouterr()
    assert main([*command, "--data", str(tmp_path / "corpus"), "--out", str(tmp_path / "out")]) == 0
    assert "12 questions" in capsys.readouterr().out
    made = open_extraction(tmp_path / "out")
    table = made.table
    given = read_questions(tmp_path / "corpus")
    session = Session(tmp_path / "net", "cpu")
    for row in (0, 7):
        picture = given.picture_of(given.table["picture"][row])
        words = session.logits([picture], [table["text"][row]], [0])
        assert table["prediction"][row] == session.answers[int(words.argmax())]
        modulation = session.modulate([table["text"][row]], lenient=True)
        answer = session.answer(picture, modulation, ["block1.out", "block3.out"])[0]
        for block in (1, 3):
            greatest = answer.activations[f"block{block}.out"].max(axis=(1, 2))
            np.testing.assert_allclose(made.pooled[row, block - 1], greatest, rtol=2e-3, atol=1e-3)
    assert vectors(made, "maps").shape == (12, made.gamma[0].size)
    np.testing.assert_array_equal(vectors(made, "maps:3"), made.pooled[:, 2].astype(np.float32))
    with pytest.raises(InputError, match="--predict"):
        vectors(extract_here(session, given), "maps")
    assert made.take([3, 1]).pooled.shape[0] == 2
    assert main(["layout", str(tmp_path / "out"), "--space", "maps:3", "--method", "pca"]) == 0
    assert all(
        kind == question_type(question.program)
        for kind, question in zip(table["type"], _questions(tmp_path / "corpus"), strict=True)
    )
    assert main([*command[:-1], "--questions", "1", "--out", str(tmp_path / "one")]) == 2
    lines = tmp_path / "lines.txt"
    lines.write_text("Is there a cube?\n")
    assert main([*command, "--data", str(lines), "--out", str(tmp_path / "none")]) == 2
    assert "No pictures" in capsys.readouterr().err
    assert main([*command, "--questions", "20", "--out", str(tmp_path / "drawn")]) == 0  # scenes are drawn
    assert open_extraction(tmp_path / "drawn").table["prediction"].notna().all()


def test_extract_says_which_words_the_network_lacks(tmp_path, capsys):
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    asked = tmp_path / "asked.txt"
    asked.write_text("How many red cubes are there?\nHow many dogs are there?\nAre dogs behind the zebra?\n")
    command = ["extract", "--checkpoint", str(tmp_path / "net"), "--device", "cpu", "--data", str(asked)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 of 3 questions hold words that the network does not know" in said
    assert "2 in all: dogs (2), zebra (1)" in said
    asked.write_text("How many red cubes are there?\n")
    assert main([*command, "--out", str(tmp_path / "known")]) == 0
    assert "does not know" not in capsys.readouterr().out


def _questions(folder: Path):
    from film import open_data

    return open_data(folder).questions()
