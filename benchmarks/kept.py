"""Figures that a benchmark keeps beside itself, to go on where it was stopped, and puts on a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.readme import replaced
from film import write_atomically


def read(path: Path) -> dict[str, Any]:
    """What is kept; nothing where there is no such file."""
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def save(path: Path, kept: Mapping[str, Any]) -> None:
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))


def put_on(page: Path, name: str, table: str) -> None:
    """Put a table between the page's markers of that name."""
    text = replaced(page.read_text("utf-8"), {name: table})
    write_atomically(page, lambda target: target.write_text(text, encoding="utf-8"))
