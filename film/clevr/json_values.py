"""Values of JSON files as other tools write them: whole numbers as 2.0, nothing as "", names with folders."""

from __future__ import annotations

import json
import math
import re
from typing import Any

LONGEST_NAME = 255  # characters: no file has a longer one
LARGEST = 1 << 53  # whole numbers beyond it are no counts, and a float does not hold them exactly


def whole(value: Any) -> int | None:
    """A whole number that a file gives as 2 or 2.0; None where it gives none."""
    if not finite(value):
        return None
    return int(value) if abs(value) <= LARGEST and value == int(value) else None


def finite(value: Any) -> bool:
    """A number that a float can hold?"""
    try:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def plain(text: str) -> str:
    """A text without halves of characters, which JSON can spell and no file can hold."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def picture_name(given: Any) -> str | None:
    """The name of a picture's file: without the folders before it, with CLEVR's ending where it has none."""
    if not isinstance(given, str) or not given.strip():
        return None
    name = plain(given).replace("\\", "/").rstrip("/").rpartition("/")[2].strip()[:LONGEST_NAME]
    if not name:
        return None
    return name if re.search(r"\.[A-Za-z]{3,4}$", name) else f"{name}.png"


def numbered_name(split: str, index: int) -> str:
    """What CLEVR calls a picture of which a file gives the number alone."""
    return f"CLEVR_{split}_{index:06d}.png"


def brief(value: Any) -> str:
    """A value as Python writes it, short enough for a message."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return "a value nested too deep, or too long a number"
    return text if len(text) <= 80 else text[:77] + "..."


def shown(value: Any) -> str:
    """A value from a file, short enough for a message."""
    if value is None:
        return "missing"
    try:
        text = json.dumps(value)
    except (RecursionError, ValueError):
        return "nested too deep, or too long a number"
    return text if len(text) <= 60 else text[:57] + "..."
