"""What the pages for readers show works: commands, snippets, links, and the API page."""

import argparse
import ast
import importlib
import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import film

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")])
STARTS = ("python3 start.py", "python -m", "film ", "film-analysis ", "film-lens", "pytest ", "torchrun ")
MAINS = {"film": "film.__main__", "analysis": "analysis.__main__", "film-analysis": "analysis.__main__"}


def shown(page: Path) -> Iterator[str]:
    """Every piece of code on a page: in backquotes, or lines set in by four spaces or fenced as sh."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    without = re.sub(r"```(?!sh).*?```", "", text, flags=re.S)
    yield from re.findall(r"`([^`\n]+)`", without)
    yield from (line.strip() for line in without.splitlines() if line.startswith("    "))


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        if page.name == "api.md":
            continue
        for code in shown(page):
            code = re.split(r"\s+#\s", re.sub(r"^([A-Z_]+=\S+ )+", "", code))[0]
            code = code.replace("[", "").replace("]", "")  # what may be left out is given here
            if code.startswith(STARTS) and "..." not in code:
                yield page.name, code


class Parsed(Exception):
    """Raised in place of running a command whose arguments are understood."""


@pytest.fixture
def parse_only(monkeypatch):
    parse = argparse.ArgumentParser.parse_known_args

    def parse_args(self, args=None, namespace=None):
        _, rest = parse(self, args, namespace)
        assert not rest, f"{self.prog} does not know {rest}"
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_a_command_that_is_shown_is_understood(page, command, parse_only, monkeypatch):
    words = _filled(shlex.split(command))
    if words[:2] == ["python3", "start.py"]:
        words = words[2:]
        if not words or words[0] in ("test", "help"):
            words = ["pytest", *words[1:]]
        else:
            assert words[0] in ("film", "analysis"), command
    if words[0] == "torchrun":
        words = words[words.index("-m") + 1 :]
    if words[:2] == ["python", "-m"]:
        words = words[2:]
    if words[0] == "pytest":
        assert all((ROOT / word).exists() for word in words[1:] if "/" in word), command
        return
    if words[0] in ("film-lens", "ui"):
        assert importlib.util.find_spec("ui.__main__")
        return
    module = importlib.import_module(MAINS.get(words[0], words[0]))
    named = words[0] in MAINS and len(words) <= 2  # only named in a sentence: it must be there
    monkeypatch.setattr(sys, "argv", [*words, "--help"] if named else words)
    with pytest.raises((Parsed, SystemExit)) as ended:
        module.main()
    helped = isinstance(ended.value, SystemExit) and ended.value.code == 0
    assert ended.type is Parsed or (named and helped)


def _filled(words: list[str]) -> list[str]:
    """Placeholders as what they stand for: MINUTES and the like are numbers."""
    return ["1" if word in ("MINUTES", "N") else word for word in words]


def test_commands_are_found():
    found = {command for _, command in commands()}
    assert len(found) > 25
    assert any(c.startswith("python3 start.py analysis study") for c in found)


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_snippets_compile_and_import_what_exists(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.S):
        if page.name == "api.md":  # signatures
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                assert all(importlib.util.find_spec(alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


SNIPPETS = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if page.name != "api.md"
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.S), 1)
]


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs(code, tmp_path, monkeypatch, capsys):
    shutil.copy(film.gallery()[0].picture_path, tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "snippet", "exec"), {"__name__": "__main__"})
    assert "Error" not in capsys.readouterr().err


def test_snippets_are_found():
    assert len(SNIPPETS) >= 6


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_links_and_paths_are_there(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for path in re.findall(
        r"`((?:film|analysis|ui|tests|docs|benchmarks|checkpoints|notebooks)/[\w./-]+)`", text
    ):
        # In a wheel two things lie elsewhere, and the page says so.
        assert (ROOT / path).exists() or path in ("film/checkpoints", "ui/start"), path


def test_the_api_page_is_up_to_date():
    pytest.importorskip("griffe", reason="no griffe: pip install -r requirements-dev.txt")
    spec = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "make_api.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.PAGE.read_text("utf-8") == maker.page(), "run `python docs/make_api.py`"
