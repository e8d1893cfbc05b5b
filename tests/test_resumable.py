"""Data sets in the making: kills, full disks, wrong settings."""

# ruff: noqa: RUF043 - file names in expected messages read better with plain dots

import errno
import os
import resource
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import TINY, tree

from film.clevr.data import resumable as resumable
from film.clevr.data.corpus import Corpus
from film.clevr.data.folder import open_folder
from film.clevr.data.generate import generate
from film.errors import InputError


def command(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "film", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1], timeout=300, **options,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["packed", "clevr"])
def test_a_killed_run_goes_on(layout, tmp_path):
    """kill -9 again and again, at any moment; the end result is that of an undisturbed run."""
    recipe = replace(TINY, layout=layout, pictures=20, chunk=5, questions=2)
    out = tmp_path / "killed"
    code = (
        "import sys; from pathlib import Path; from film.clevr.data.generate import *;"
        f"generate(Path(sys.argv[1]), {recipe!r})"
    )
    rng = np.random.default_rng(zlib.crc32(layout.encode()))
    kills = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", code, str(out)], cwd=Path(__file__).parents[1])
        while process.poll() is None and not (out / ".making").exists():
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills
    if (out / ".making").exists() and layout == "packed":
        with pytest.raises(InputError, match="not finished"):
            Corpus.open(out)
    if (out / ".making").exists() and layout == "clevr":
        with pytest.raises(InputError, match="not finished"):
            open_folder(out)
    generate(out, recipe)
    assert tree(out) == tree(generate(tmp_path / "whole", recipe))


@pytest.mark.slow
def test_processes_change_nothing(corpus_folder, tmp_path):
    result = generate(tmp_path / "two", TINY, workers=2)
    assert tree(result) == tree(corpus_folder)


@pytest.mark.slow
def test_every_kill_point_is_safe(tmp_path, monkeypatch, corpus_folder):
    """Stop at each single write to the disk in turn, and go on."""

    class Killed(BaseException):
        pass

    left, replaced = [0], os.replace

    def counting(source, target):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        replaced(source, target)

    monkeypatch.setattr("os.replace", counting)
    for writes in (1, 2, 11, 13, 14, 38, 40, 45, 47, 48, 49, 50, 51):
        out = tmp_path / str(writes)
        left[0] = writes
        with pytest.raises(Killed):
            generate(out, TINY)
        left[0] = -1
        assert tree(generate(out, TINY)) == tree(corpus_folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_is_a_sentence_and_loses_nothing(code, tmp_path, monkeypatch, corpus_folder):
    original = os.fsync
    calls = [0]

    def failing(handle):
        calls[0] += 1
        if calls[0] > 60:  # twice a file: for what it holds, and for its name
            raise OSError(code, os.strerror(code))
        original(handle)

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(InputError, match=r"(disk is full|failed).*run the same command again to go on"):
        generate(tmp_path / "c", TINY)
    monkeypatch.undo()
    assert list((tmp_path / "c/.making").glob("chunk-*"))
    assert tree(generate(tmp_path / "c", TINY)) == tree(corpus_folder)


def test_a_file_size_limit_ends_the_command_with_status_2(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = command(
        "generate", tmp_path / "c", "--pictures", 4, "--size", "480x320", "--questions", 1, preexec_fn=limit
    )
    assert done.returncode == 2, done.stderr
    assert "run the same command again to go on" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_settings_do_not_mix(corpus_folder, tmp_path):
    with pytest.raises(InputError, match="finished and was made with other settings .seed 5, now 6"):
        generate(corpus_folder, replace(TINY, seed=6))
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").touch()
    with pytest.raises(InputError, match=r"already holds chapter.tex"):
        generate(other, TINY)
    with pytest.raises(InputError, match="is a file"):
        generate(other / "chapter.tex", TINY)
    assert (other / "chapter.tex").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--pictures", "0"), ("--pictures", "-3"), ("--size", "480"), ("--size", "0x0"), ("--size", "axb"),
        ("--size", "99999x99999"), ("--format", "zip"), ("--condition", "C"), ("--seed", "-1"),
        ("--quality", "great"), ("--shard", "3/2"), ("--shard", "half"), ("--workers", "0"),
        ("--questions", "-1"), ("--questions", "1000"), ("--split", "../x"), ("--split", ""),
    ],
)  # fmt: skip
def test_bad_options_end_in_one_sentence(arguments, tmp_path, capsys):
    from film.__main__ import main

    assert main(["generate", str(tmp_path / "c"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("film generate: ")
    assert error.count("\n") == 1


def test_two_runs_do_not_write_one_folder(tmp_path, corpus_folder):
    """The second is told; when the first is killed, the next goes on."""
    code = (
        "import sys, time; from pathlib import Path; from film.clevr.data.resumable import ResumableFolder;"
        "folder = ResumableFolder(Path(sys.argv[1]), {}, 'seal.json'); print('here', flush=True);"
        "time.sleep(60)"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert first.stdout.readline() == "here\n"
        with pytest.raises(InputError, match="Another process is writing to .*out; wait"):
            resumable.ResumableFolder(tmp_path / "out", {}, "seal.json")
    finally:
        first.kill()
        first.communicate()
    folder = resumable.ResumableFolder(tmp_path / "out", {}, "seal.json")
    folder.close({})
    assert list(tree(tmp_path / "out")) == ["seal.json"]
