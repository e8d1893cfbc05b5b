"""Advice names commands as the user started; folders in the environment are as seen from there."""

import importlib.util
import os
from pathlib import Path

import pytest

from film import bundled, command, name_of
from film.started import STARTER

ROOT = Path(__file__).parents[1]


@pytest.fixture
def start(monkeypatch):
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("program", "starter", "typed"),
    [
        ("/bin/film", None, "film-analysis study 'a b'"),
        ("/bin/film-lens", None, "film-analysis study 'a b'"),
        ("film/__main__.py", None, "python -m analysis study 'a b'"),
        ("/bin/streamlit", None, "python -m analysis study 'a b'"),
        ("analysis/__main__.py", "python3 ../start.py", "python3 ../start.py analysis study 'a b'"),
    ],
)
def test_a_command_is_named_as_it_was_started(program, starter, typed, monkeypatch):
    monkeypatch.setattr("sys.argv", [program])
    monkeypatch.delenv(STARTER, raising=False)
    if starter:
        monkeypatch.setenv(STARTER, starter)
    assert command("analysis", "study", "a b") == typed


def test_the_app_needs_no_word_after_the_starter(monkeypatch):
    monkeypatch.setenv(STARTER, "python3 start.py")
    assert command("ui") == "python3 start.py"


def test_start_names_itself_and_runs_in_the_users_folder(start, monkeypatch, tmp_path):
    seen = {}

    class Done:
        returncode = 0

    monkeypatch.setattr(start.subprocess, "run", lambda words, **how: seen.update(how, words=words) or Done())
    monkeypatch.setattr(start, "prepare", lambda *names: None)
    monkeypatch.chdir(tmp_path)
    assert start.main(["analysis", "study", "clevr"]) == 0
    assert seen["words"][1:] == ["-P", "-m", "analysis", "study", "clevr"]
    assert seen["env"][STARTER].startswith("python3 ")
    assert seen["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)
    assert "cwd" not in seen


def test_folders_become_absolute_and_bundled_names_stay(start, monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILM_CHECKPOINT", "mine")
    monkeypatch.setenv("FILM_PICTURES", "clevr")
    start.make_absolute("FILM_CHECKPOINT", "FILM_PICTURES")
    assert os.environ["FILM_CHECKPOINT"] == str(tmp_path / "mine")
    assert os.environ["FILM_PICTURES"] == "clevr"


def test_checkpoints_are_named_as_commands_take_them(tmp_path):
    assert [name_of(folder) for folder in bundled()] == [folder.name for folder in bundled()]
    assert name_of(tmp_path) == str(tmp_path)
