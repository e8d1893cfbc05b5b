"""Where the app keeps what it has computed for everybody, such as projections; nothing of a visitor."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = "FILM_CACHE"  # environment variable: a folder; empty: nothing is written


def cache_folder() -> Path | None:
    """A folder of this user's that can be written; None where there is none, or none is wanted."""
    named = os.environ.get(CACHE)
    if named == "":
        return None
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(os.path.expanduser(named or f"{usual}/film-lens"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
