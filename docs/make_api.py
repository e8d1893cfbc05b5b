"""Write docs/api.md from the docstrings of the two catalogues: `python docs/make_api.py`.

Nothing of the project is imported: signatures and docstrings are read from the sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"


def page() -> str:
    """The whole page, as Markdown."""
    parts = [
        "# Every public name",
        "Made from the docstrings by `python docs/make_api.py`.",
    ]
    for package in ("film", "analysis"):
        loaded = griffe.load(package, search_paths=[ROOT])
        parts += [f"## {package}", _text(loaded)]
        for module, names in sorted(_homes(loaded).items()):
            members = loaded[module.removeprefix(f"{package}.")].members
            plain = [name for name in names if name not in members or members[name].is_attribute]
            parts += [
                f"### {module}",
                "Values and types: " + ", ".join(f"`{n}`" for n in plain) if plain else "",
            ]
            parts += [part for name in names if name not in plain for part in _entry(name, members[name])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _homes(package: Any) -> dict[str, list[str]]:
    """Module -> the names that the package's catalogue takes from it."""
    homes: dict[str, list[str]] = {}
    for name, member in package.members.items():
        if member.is_alias and member.target_path.startswith(f"{package.name}."):
            homes.setdefault(member.target_path.rpartition(".")[0], []).append(name)
    return homes


def _entry(name: str, found: Any) -> list[str]:
    if found.is_function:
        return [f"#### {name}", _code(found.signature()), _text(found)]
    parts = [f"#### {name}", _code(_construction(found)), _text(found)]
    for method in found.functions.values():
        if not method.name.startswith("_") and method.has_docstring:
            signature = f"property {method.name}" if "property" in method.labels else method.signature()
            parts += [_code(signature), _text(method)]
    return parts


def _construction(found: Any) -> str:
    made = found.members.get("__init__")
    if made is None or not made.is_function:
        return f"class {found.name}"
    return made.signature(name=found.name).removesuffix(" -> None")


def _code(signature: str) -> str:
    return f"```python\n{signature}\n```"


def _text(found: Any) -> str:
    """A docstring as it is read in a terminal: its own line breaks and indents kept."""
    return f"```text\n{found.docstring.value}\n```" if found.docstring else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
