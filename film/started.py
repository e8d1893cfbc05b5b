"""How this copy's commands are typed here: advice names a command in the form in which the user started."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

STARTER = "FILM_LENS_STARTER"  # environment variable: what was typed before the command, by `start.py`
_SCRIPTS = {"film": "film", "analysis": "film-analysis", "ui": "film-lens"}  # as installed by pyproject.toml


def command(package: str, *arguments: str) -> str:
    """What to type for a command of the project, such as `film-analysis study clevr`.

    Args:
        package: "film", "analysis" or "ui".
        arguments: what follows, quoted for a shell where it needs to be.

    Returns:
        `python3 start.py analysis study clevr` under `start.py`; else `film-analysis study clevr` where an
        installed command runs or an installed copy is used, and `python -m analysis study clevr` otherwise.
    """
    program = Path(sys.argv[0]).stem if sys.argv else ""
    installed = not (Path(__file__).parents[1] / "start.py").is_file()
    if starter := os.environ.get(STARTER):
        typed = f"{starter} {package}".removesuffix(" ui")
    elif program in _SCRIPTS.values() or (installed and program != "__main__"):
        typed = _SCRIPTS[package]
    else:
        typed = f"python -m {package}"
    return " ".join([typed, *map(shlex.quote, arguments)])
