"""How every number is measured: the sections of docs/methods.md, which pages show under their numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from film import InputError

_NAME = "methods.md"


def _file() -> Path:
    """The page lies in `docs` in a clone and beside this module where it was installed."""
    installed = Path(__file__).with_name(_NAME)
    return installed if installed.is_file() else Path(__file__).parents[1] / "docs" / _NAME


@cache
def methods() -> dict[str, str]:
    """Heading -> Markdown of its section, in the page's order; of the first chapter alone."""
    chapter, *_ = _file().read_text("utf-8").removeprefix("# ").split("\n# ")
    _, *sections = chapter.split("\n## ")
    parts = (section.partition("\n") for section in sections)
    return {heading.strip(): text.strip() for heading, _, text in parts}


def method(heading: str) -> str:
    """One section, as Markdown.

    Raises:
        InputError: there is none of that heading.
    """
    if heading not in methods():
        raise InputError(f"No method is called {heading!r}; there are {', '.join(methods())}.")
    return methods()[heading]
