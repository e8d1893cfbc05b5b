"""No command accepts an option that it does not heed: each is read, or refused where it would do nothing."""

import argparse
import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator

import pytest
from tiny import tiny_card, tiny_network

from analysis.__main__ import main as analysis_main
from film import command_line, save
from film.__main__ import COMMANDS, main as film_main

EVERYWHERE = {"help"}


def commands() -> Iterator[tuple[str, argparse.ArgumentParser, list[Callable]]]:
    """Every command's name and parser, and the functions that get its options."""
    for name, (_, add, run) in COMMANDS.items():
        parser = argparse.ArgumentParser(name)
        add(parser)
        yield f"film {name}", parser, [run]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", _found)
        with pytest.raises(_Found) as found:
            analysis_main([])
    (chosen,) = found.value.parser._subparsers._group_actions
    for name, parser in dict(chosen.choices or {}).items():
        run, writes = parser.get_default("run"), parser.get_default("writes")
        yield f"analysis {name}", parser, [run, *([writes] if writes else [])]


class _Found(Exception):
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def _found(parser: argparse.ArgumentParser, *_) -> None:
    raise _Found(parser)


def read_in(functions: list[Callable]) -> set[str]:
    """The names of options that these functions read, and the functions that they hand the options to."""
    names, seen = set(), set()
    while functions:
        function = functions.pop()
        if function in seen or function is command_line.refuse:  # what is refused is not heeded
            continue
        seen.add(function)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)).removesuffix(",\n"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "options":
                names.add(node.attr)
            if isinstance(node, ast.Call) and "options" in {ast.unparse(one) for one in node.args}:
                called = function.__globals__.get(ast.unparse(node.func))
                if ast.unparse(node.func) == "getattr":
                    names.add(ast.literal_eval(node.args[1]))
                elif callable(called):
                    functions.append(called)
    return names


@pytest.mark.parametrize(
    ("name", "parser", "functions"), [pytest.param(*one, id=one[0]) for one in commands()]
)
def test_every_option_is_read(name, parser, functions):
    accepted = {action.dest for action in parser._actions} - EVERYWHERE
    assert accepted
    assert accepted - read_in(functions) == set()


def _heedless(options: argparse.Namespace) -> None:
    _passed_on(options)


def _passed_on(options: argparse.Namespace) -> None:
    print(options.seed)


def test_an_option_that_nobody_reads_would_be_seen():
    assert read_in([_heedless]) == {"seed"}


@pytest.mark.parametrize("option", ["--time-limit", "--save-every"])
@pytest.mark.parametrize("minutes", ["-1", "nan"])
def test_minutes_below_zero_are_refused_before_the_work(option, minutes, tmp_path, capsys):
    command = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "new"), option, minutes]
    assert film_main(command) == 2
    assert f"{option} {minutes} was given; give minutes" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


CLOSURE = ["generate", "OUT/new", "--questions-of", "closure", "--scenes", "SCENES"]
PAIRS = ["patch", "NET", "--pairs", "100", "--out", "OUT/new"]


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        *((film_main, [*CLOSURE, *more]) for more in (
            ["--pictures", "3"], ["--size", "48x32"], ["--for", "small"], ["--no-pictures"],
            ["--format", "clevr"], ["--split", "val"], ["--condition", "A"], ["--most-objects", "5"],
            ["--again", "1"], ["--quality", "clean"], ["--shard", "1/2"], ["--workers", "2"],
        )),
        (film_main, ["generate", "OUT/new", "--pictures", "1", "--scenes", "SCENES"]),
        *((film_main, ["generate", "OUT/new", "--no-pictures", *more]) for more in (
            ["--size", "48x32"], ["--for", "small"], ["--quality", "clean"],
        )),
        (film_main, ["pack", "OUT", "OUT/new", "--split", "val", "--no-pictures", "--size", "48x32"]),
        (film_main, ["pack", "OUT", "OUT/new", "--split", "val", "--new-words", "5", "--words-of", "OUT"]),
        (film_main, ["draw", "OUT/new", "--scene", "", "--object", "2"]),
        (analysis_main, ["extract", "--out", "OUT/new", "--split", "val"]),
        (analysis_main, ["extract", "--out", "OUT/new", "--data", "SCENES", "--seed", "3"]),
        (analysis_main, ["evidence", "NET", "--out", "OUT/new", "--split", "val"]),
        (analysis_main, ["compare", "NET", "NET", "--out", "OUT/new", "--split", "val"]),
        (analysis_main, ["ablate", "NET", "--split", "val"]),
        (analysis_main, ["robustness", "NET", "--split", "val"]),
        (analysis_main, ["report", "NET", "--out", "OUT/x.html", "--picture", "SCENES"]),
        (analysis_main, ["report", "NET", "--out", "OUT/x.html", "--pictures", "OUT"]),
        *((analysis_main, [*PAIRS, *more]) for more in (
            ["--picture", "SCENES"], ["--source", "x"], ["--target", "x"], ["--answers", "1", "2"],
        )),
        (analysis_main, ["patch", "NET", "--picture", "SCENES", "--source", "x", "--target", "x",
                         "--out", "OUT/new"]),
        (analysis_main, ["patch", "NET", "--picture", "SCENES", "--source", "x", "--target", "x",
                         "--controls"]),
    ],
)  # fmt: skip
def test_what_would_do_nothing_is_refused_before_the_work(main, arguments, network, tmp_path, capsys):
    (tmp_path / "scenes.json").write_text('{"scenes": []}')
    names = {"NET": str(network), "OUT": str(tmp_path), "SCENES": str(tmp_path / "scenes.json")}
    given = list(arguments)
    for name, path in names.items():
        given = [part.replace(name, path) for part in given]
    assert main(given) == 2
    option = next(part for part in reversed(arguments) if part.startswith("--"))
    told = capsys.readouterr().err
    named = {"--words-of": "--new-words"}.get(option, option)
    assert f": {named} was given, " in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.json"]  # nothing was begun


def test_the_scene_of_a_gallery_picture_is_its_own(network, tmp_path, capsys):
    arguments = ["objects", str(network), "--picture", "gallery-2", "--question", "Are there any cubes?"]
    assert analysis_main([*arguments, "--scenes", str(tmp_path / "none.json")]) == 2
    assert "leave the scenes file out" in capsys.readouterr().err


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    made = tiny_network(answers=28)
    save(folder, made, tiny_card(made))
    return folder
