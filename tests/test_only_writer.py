"""Two processes never write to one folder: the second is told so in a sentence, before any work."""

import os
import re

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

import analysis.__main__
import film.__main__
from analysis import write_study
from film import InputError, only_writer, save
from film.clevr.data.resumable import ResumableFolder
from film.training.loop import start
from film.training.recipes import recipe

fcntl = pytest.importorskip("fcntl")

# What every command that writes a folder is typed with; OUT is the folder.
OUT, CHECKPOINT = "OUT", "CHECKPOINT"
COMMANDS = {
    film.__main__: (
        ("generate", OUT), ("gallery", OUT), ("draw", OUT), ("pack", "x", OUT, "--split", "val"),
        ("generate", OUT, "--questions-of", "closure"),
        ("train", "--data", "x", "--out", OUT),
        ("train-ablations", "--data", "x", "--validation", "x", "--out", OUT),
        ("train-cogent", "--out", OUT), ("import-official", "x", OUT),
    ),
    analysis.__main__: (
        ("extract", "--out", OUT), ("layout", OUT), ("study", "--out", OUT), ("evidence", "--out", OUT),
        ("maps", "--out", OUT), ("generalisation", CHECKPOINT), ("reproduce", CHECKPOINT),
        ("patch", "--pairs", "300", "--out", OUT), ("patch", CHECKPOINT, "--pairs", "300"),
        ("ablate", CHECKPOINT, "--keep"), ("analogies", CHECKPOINT, "--keep"),
        ("robustness", CHECKPOINT, "--keep"), ("counterfactual", "--out", OUT),
        ("counterfactual", CHECKPOINT), ("import-article", "x", "--out", OUT),
        ("compare", CHECKPOINT, "x"), ("compare", "x", "x", "--out", OUT),
        ("patch-words", CHECKPOINT, "--keep"), ("zero-shot", OUT),
        ("study", CHECKPOINT), ("evidence", CHECKPOINT), ("maps", CHECKPOINT),
    ),
}  # fmt: skip
# These write nothing, or a file that is put in its place whole.
OTHERS = {
    film.__main__: {"truth", "ask", "evaluate"},
    analysis.__main__: {"check", "objects", "report", "kept-sets", "map-pairs", "families"},
}


@pytest.fixture
def taken(tmp_path):
    """A checkpoint, whose study another process writes to."""
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    folder = tmp_path / "net" / "study"
    folder.mkdir()
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield folder
    os.close(lock)


@pytest.mark.parametrize(
    ("module", "typed"),
    [(module, typed) for module, commands in COMMANDS.items() for typed in commands],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_leaves_a_folder_to_its_first_writer(module, typed, taken, capsys):
    places = {OUT: str(taken), CHECKPOINT: str(taken.parent)}
    assert module.main([places.get(word, word) for word in typed]) == 2
    error = capsys.readouterr().err
    assert f"Another process is writing to {taken}; wait until it is done" in error
    assert error.count("\n") == 1
    assert list(taken.iterdir()) == []


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.__name__)
def test_every_command_is_there(module, capsys):
    with pytest.raises(SystemExit):
        module.main(["--help"])
    told = capsys.readouterr().out
    named = set(re.findall(r"^    ([a-z][a-z-]+)\b", told, re.MULTILINE))
    assert named == {typed[0] for typed in COMMANDS[module]} | OTHERS[module]


def _study(folder):
    table, values = pd.DataFrame({"speaker": ["a", "b"] * 10}), np.ones((20, 2, 3))
    write_study(folder, table, gamma=values, beta=values, noun="row", name="net")


def _train(folder):
    chosen = recipe("scenes")
    start(folder, chosen.network, chosen.training, folder, None)


@pytest.mark.parametrize("write", [_study, _train, lambda folder: ResumableFolder(folder, {}, "seal.json")])
def test_so_does_python(write, taken):
    with pytest.raises(InputError, match=f"Another process is writing to {re.escape(str(taken))}"):
        write(taken)
    assert list(taken.iterdir()) == []


def test_a_new_folder_is_gone_where_nothing_was_written(tmp_path):
    with only_writer(tmp_path / "a" / "b"), only_writer(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []
    with only_writer(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "kept").touch()
    assert (tmp_path / "a" / "b" / "kept").is_file()
    with only_writer(tmp_path / "a" / "b"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b", "kept"]


def test_where_folders_cannot_be_locked_a_file_beside_them_is(tmp_path, monkeypatch):
    lock = fcntl.flock

    def of_files(handle, how):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(9, "Bad file descriptor")
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", of_files)
    (tmp_path / "out").mkdir()
    with open(tmp_path / ".out.lock", "w") as other:
        lock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="Another process is writing"), only_writer(tmp_path / "out"):
            pass
    with only_writer(tmp_path / "out"):
        pass
