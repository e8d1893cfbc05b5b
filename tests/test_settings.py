"""Settings out of range and places that cannot be written: a sentence and status 2, before any work."""

import json
import os
import time

import numpy as np
import pytest
from tiny import tiny_card, tiny_network

from analysis import LayoutRecipe, extract, lay_out, sample_questions
from analysis.__main__ import main as analysis_main
from film import InputError, Session, save
from film.__main__ import main as film_main
from film.config import TrainingConfig


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    made = tiny_network(answers=28)
    save(folder, made, tiny_card(made))
    return folder


@pytest.fixture(scope="module")
def extraction(network, tmp_path_factory):
    asked = sample_questions(60, 0)
    return extract(Session(network, "cpu"), asked, tmp_path_factory.mktemp("extraction") / "out")


@pytest.mark.parametrize(
    ("method", "setting", "value"),
    [
        ("tsne", "perplexity", 0), ("tsne", "components", 0), ("tsne", "components", float("inf")),
        ("tsne", "exaggeration", 0), ("tsne", "iterations", 2.5), ("tsne", "perplexity", float("nan")),
        ("pacmap", "n_neighbors", 0), ("umap", "n_neighbors", 0), ("umap", "n_neighbors", 1),
        ("umap", "n_neighbors", 15.5), ("umap", "min_dist", 2), ("umap", "min_dist", True),
        ("tsne-paper", "max_iter", 100), ("tsne-paper", "learning_rate", 0), ("tsne-paper", "angle", 3),
        ("pacmap", "n_neighbors", 201), ("umap", "n_neighbors", 201), ("tsne", "perplexity", "many"),
        ("tsne", "metric", "hamming"), ("umap", "metric", 2), ("tsne-paper", "init", "elsewhere"),
        ("tsne-paper", "perplexity", 1e300),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_told_with_the_range(method, setting, value):
    with pytest.raises(
        InputError, match=f"{setting} cannot be .*( from .* to |it is (random|euclidean) or )"
    ):
        LayoutRecipe(method=method, settings={setting: value})


@pytest.mark.parametrize("seed", [-1, 5_000_000_000, 2**70, 1.5, True])
def test_a_seed_that_a_library_does_not_take_is_told(seed):
    with pytest.raises(InputError, match=r"seed cannot be .* from 0 to 4,294,967"):
        LayoutRecipe(seed=seed)


def test_what_is_cut_down_stands_in_the_recipe(extraction):
    recipe = LayoutRecipe("both", "tsne", settings={"perplexity": 500, "early": 10, "iterations": 10})
    made = lay_out(extraction, recipe, measure=False)
    assert made.recipe.settings["perplexity"] == pytest.approx(59 / 3)
    assert made.recipe.settings["components"] == min(50, extraction.gamma[0].size * 2)
    assert "perplexity 19.6" in made.recipe.describe()
    pacmap = LayoutRecipe("both", "pacmap", settings={"n_neighbors": 100, "iterations": 10})
    assert pacmap.for_points(60, 48).settings["n_neighbors"] == 59


def test_few_points_do_not_wait_for_threads(extraction, monkeypatch):
    """Beside a process that keeps a core busy, threads that wait for one another took minutes."""
    from analysis.corpus import layout

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert layout._cores(len(extraction)) == 1
    assert layout._cores(100_000) == 64
    began = time.monotonic()
    recipe = LayoutRecipe("both", "tsne", settings={"early": 100, "iterations": 100})
    lay_out(extraction, recipe, measure=False)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--data", "DATA", "--seed", "-1"],
        ["evaluate", "--data", "DATA", "--most", "-3"],
        ["evaluate", "--data", "DATA", "--most", "0"],
        ["evaluate", "--data", "DATA", "--json", "OUT/missing/x.json"],
        ["evaluate", "--data", "DATA", "--json", "OUT"],
        ["evaluate", "--data", "DATA", "--json", "/dev/full"],
        ["generate", "OUT/new", "--seed", "-1"],
        ["generate", "OUT/new", "--pictures", "0"],
        ["generate", "OUT/file/below"],
        ["generate", "OUT/new", "--workers", "0"],
        ["truth", "--scenes", "OUT", "--questions", "OUT"],
    ],
)
def test_film_leaves_with_status_2(arguments, network, clevr_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("film.evaluation.answer_all", lambda *a, **k: pytest.fail("the work began"))
    (tmp_path / "file").touch()
    given = [part.replace("DATA", str(clevr_folder)).replace("OUT", str(tmp_path)) for part in arguments]
    given += ["--checkpoint", str(network)] if arguments[0] == "evaluate" else []
    assert film_main(given) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"film {arguments[0]}: ")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # nothing was begun


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract", "--out", "OUT/new", "--seed", "-1"],
        ["extract", "--out", "OUT/new", "--questions", "-5"],
        ["extract", "--out", "OUT/file"],
        ["evidence", "NET", "--out", "OUT/file/below"],
        ["evidence", "NET", "--out", "OUT/file"],
        ["study", "NET", "--out", "OUT/file"],
        ["maps", "NET", "--out", "OUT/file"],
        ["report", "NET", "--out", "OUT"],
        ["report", "NET", "--out", "OUT/missing/report.html"],
        ["patch", "NET", "--pairs", "100", "--out", "OUT/file"],
        ["ablate", "NET", "--json", "OUT"],
        ["layout", "STUDY", "--set", "perplexity=0"],
        ["layout", "STUDY", "--set", "components=inf"],
        ["layout", "STUDY", "--method", "umap", "--set", "n_neighbors=201"],
        ["layout", "STUDY", "--set", "metric=hamming"],
        ["layout", "STUDY", "--method", "tsne-paper", "--seed", "5000000000"],
    ],
)
def test_analysis_leaves_with_status_2(arguments, network, extraction, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("film.session.Session.answer", lambda *a, **k: pytest.fail("the work began"))
    (tmp_path / "file").touch()
    names = {"NET": network, "OUT": tmp_path, "STUDY": network.parent / "none"}
    given = list(arguments)
    for name, path in names.items():
        given = [part.replace(name, str(path)) for part in given]
    given = [str(_study(network, tmp_path)) if part == str(names["STUDY"]) else part for part in given]
    assert analysis_main(given) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"film-analysis {arguments[0]}: ")
    assert told.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "study"}  # nothing was begun
    assert sorted(path.name for path in tmp_path.iterdir()) in (["file"], ["file", "study"])


def _study(network, folder):
    if not (folder / "study").exists():
        extract(Session(network, "cpu"), ["How many cubes are there?"] * 12, folder / "study")
    return folder / "study"


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay", "max_grad_norm", "warm_up"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, True])
def test_a_rate_out_of_range_is_told(name, value):
    with pytest.raises(InputError, match=f"{name} is .* a number from 0 to"):
        TrainingConfig(**{name: value})


def test_a_full_disk_at_the_end_is_a_sentence(network, clevr_folder, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "x.json"))

    monkeypatch.setattr("film.files.os.fsync", lambda handle: None)
    monkeypatch.setattr("film.files.write_atomically", full)
    command = ["evaluate", "--data", str(clevr_folder), "--checkpoint", str(network), "--most", "2"]
    assert film_main([*command, "--json", str(tmp_path / "x.json")]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_json_holds_no_numbers_that_are_none(network, clevr_folder, tmp_path):
    command = ["evaluate", "--data", str(clevr_folder), "--checkpoint", str(network), "--most", "4"]
    assert film_main([*command, "--json", str(tmp_path / "x.json")]) == 0

    def refuse(name):
        raise AssertionError(name)

    told = json.loads((tmp_path / "x.json").read_text(), parse_constant=refuse)
    assert np.isfinite(told["overall"]["accuracy"])
