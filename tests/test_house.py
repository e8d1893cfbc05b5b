"""Who may import whom, held by reading the imports."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import analysis
import film

ROOT = Path(__file__).parents[1]
TORCH_FREE = {f"film.{name}" for name in ("errors", "files", "progress", "started")}  # all may use them


@cache  # most tests here read every file
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and content of every Python file below these folders of the project."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            yield name, parsed(path)


def imports(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """(module, name) of every import anywhere in a file; name is None for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports name their module in full"
            yield from ((str(node.module), alias.name) for alias in node.names)


def imported(tree: ast.AST) -> set[str]:
    """The modules a file may load, `from package import module` included."""
    found = {module for module, _ in imports(tree)}
    return found | {f"{module}.{name}" for module, name in imports(tree) if name}


def packages(tree: ast.AST) -> set[str]:
    return {module.split(".")[0] for module in imported(tree)}


def test_the_model_knows_no_analysis_and_no_screen():
    for name, tree in modules("film"):
        foreign = {"analysis", "ui", "streamlit", "plotly", "sklearn", "umap", "matplotlib"}
        assert not packages(tree) & foreign, name
        if not name.startswith("film.clevr"):
            assert not packages(tree) & {"pandas", "pyarrow"}, name


def test_the_world_knows_no_network():
    for name, tree in modules("film/clevr"):
        assert not packages(tree) & {"torch", "torchvision", "safetensors"}, name
        ours = {module for module, _ in imports(tree) if module.split(".")[0] == "film"}
        assert all(module in TORCH_FREE or module.startswith("film.clevr") for module in ours), name


def test_analysis_uses_what_film_hands_out():
    for name, tree in modules("analysis"):
        assert not packages(tree) & {"ui", "streamlit"}, name
        for module, what in imports(tree):
            if module.split(".")[0] == "film":
                assert module == "film", f"{name} imports {module}; take it from film itself"
                assert what is None or what in film.__all__, (
                    f"{name} imports {what}, which film does not list"
                )
        if "plotly" in packages(tree):
            assert name.startswith("analysis.figures.") or name == "analysis.report_page", name


def test_pages_do_not_know_each_other():
    for name, tree in modules("ui"):
        pages = {module for module in imported(tree) if module.startswith("ui.pages.")}
        assert not pages - {name} or not name.startswith("ui.pages."), name
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if not name.startswith("ui.cache"):
            assert not used & {"cache_data", "cache_resource"}, f"{name}: caches live in ui.cache"
        given = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        assert "ttl" not in given, f"{name}: Streamlit can fail on what is kept for a time; give the moment"
        if name != "ui.state":
            assert not used & {"session_state", "query_params"}, f"{name}: session and URL live in ui.state"


def test_app_imports_ui_only():
    path = ROOT / "app.py"
    if path.exists():
        tree = ast.parse(path.read_text("utf-8"))
        assert not packages(tree) & {"film", "analysis"}
        assert len(path.read_text("utf-8").splitlines()) < 60


def test_the_world_is_built_in_layers():
    """Data is made of language and of scenes; language and rendering know scenes, and not each other."""
    below = {
        "film.clevr.language": ("film.clevr.language", "film.clevr.scenes", "film.clevr.json_values"),
        "film.clevr.rendering": ("film.clevr.rendering", "film.clevr.scenes"),
    }
    for name, tree in modules("film/clevr"):
        ours = {module for module in imported(tree) if module.startswith("film.clevr.")}
        for room, allowed in below.items():
            if name.startswith(room):
                assert all(module.startswith(allowed) for module in ours), f"{name} imports {ours}"
        if name.startswith("film.clevr.data"):
            assert not any(module.startswith("film.clevr.gallery") for module in ours), name


def test_whoever_opens_the_app_is_in_its_tier():
    for name, tree in modules("tests"):
        if "AppTest.from_file(" not in ast.unparse(tree) or name == "tests.conftest":
            continue
        assert name.startswith("tests.test_app_") or "pytest.mark.app" in ast.unparse(tree), (
            f"{name} opens the app: call it test_app_*.py, or mark its tests with pytest.mark.app"
        )


def test_no_cycles():
    trees = dict(modules("film", "analysis", "ui"))
    graph = {}
    for name, tree in trees.items():
        graph[name] = {module for module in imported(tree) if module in trees and module != name}
        # A package's catalogue is loaded before its modules but loads none of them.
        graph[name] -= {"film", "analysis", "ui"}
    list(TopologicalSorter(graph).static_order())


def test_every_listed_name_is_there():
    for catalogue in (film, analysis):
        for name in catalogue.__all__:
            assert getattr(catalogue, name) is not None
        assert set(catalogue.__all__) <= set(dir(catalogue))


def test_the_world_is_usable_without_torch():
    """Neither `import film` nor anything in film.clevr loads torch."""
    names = [name for name, _ in modules("film/clevr")]
    program = "import sys, importlib, film\n" + "".join(f"importlib.import_module({n!r})\n" for n in names)
    program += "assert 'torch' not in sys.modules, 'torch was loaded'\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_two_classes_share_a_name():
    homes: dict[str, str] = {}
    for name, tree in modules("film", "analysis", "ui"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                assert node.name not in homes, f"{node.name} is in {homes[node.name]} and in {name}"
                homes[node.name] = name


def test_nobody_outside_film_reaches_into_a_session():
    for name, tree in modules("analysis", "ui"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "network":
                owner = ast.unparse(node.value)
                assert "session" not in owner, f"{name}: {owner}.network; ask the session instead"


def test_every_picture_says_what_it_shows():
    for name, tree in modules("ui"):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "image"
            ):
                said = {given.arg for given in node.keywords}
                assert "alt" in said, f"{name}, line {node.lineno}: an image without alt"


# Words that a reader of the field would not search for, or that are of something else.
ODD = re.compile(
    r"\bforet[eo]l|hollow (control|twin)|\bledger\b|shufflings|hold the laws|\bsure among\b|\bsurest\b"
    r"|turn upside|never seen rules|[Aa] map of (an|the|\d+|\{len\(rows\)\}) |whole map\b"
    r"|questions and maps of them",
)


def _texts() -> Iterator[tuple[str, str]]:
    """What is read on pages, by commands and in the documents; no docstring."""
    for name, tree in modules("ui", "analysis", "film"):
        told = {ast.get_docstring(node, clean=False) for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield name, ast.unparse(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in told:
                yield name, node.value
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        if path.name != "api.md":
            yield path.name, path.read_text("utf-8")


def test_words_are_the_field_s():
    for name, text in _texts():
        if (found := ODD.search(text)) and text not in {"ledger"}:  # the address of an earlier page
            raise AssertionError(f"{name}: “{found[0]}” in {text[max(0, found.start() - 40) :][:120]!r}")


P = re.compile(r"\.(p|p_family|effect_p)$|\['(p|p_family|effect_p)'\]$")
P_ON_HOVERING = re.compile(r"\bp\b[a-z, ]* %\{customdata[^}]*:\.[0-3]f\}")


def test_no_p_is_rounded_by_hand():
    """`small` writes it in a text, `p_column` in a table; a hover has four decimals."""
    for name, tree in modules("analysis", "ui"):
        for node in ast.walk(tree):
            where = f"{name}, line {getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                assert not P.search(ast.unparse(node.value)), where
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not P_ON_HOVERING.search(node.value), where
            if name.startswith("ui") and isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "p_family":
                        assert "p_column(" in ast.unparse(value), where


def test_no_file_is_long():
    """A file is read from top to bottom; the path tracer says at its top why it is one file."""
    for path in sorted(ROOT.rglob("*.py")):
        if not {".venv", "artefacts", "node_modules"} & set(path.relative_to(ROOT).parts):
            lines = len(path.read_text("utf-8").splitlines())
            assert lines <= 500 or path.name == "path_tracer.py", f"{path.relative_to(ROOT)}: {lines} lines"
    assert "one file" in (ROOT / "film/clevr/rendering/path_tracer.py").read_text("utf-8")[:2000]
