"""The bench's list of edits changed: an edit set, switched off, moved, removed, and written as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import film
from analysis import (
    BenchEdit as BenchEdit,
    applied_edits as applied,
    described_edit as described,
    read_edits as read,
)
from film import SetValue, Where

__all__ = [
    "BenchEdit",
    "applied",
    "described",
    "moved",
    "read",
    "removed",
    "switched",
    "with_value",
    "write",
]


def write(entries: Sequence[BenchEdit]) -> str:
    """The list as it stands in a link."""
    return "|".join(("" if entry.on else "!") + film.to_text([entry.edit]) for entry in entries)


def with_value(entries: Sequence[BenchEdit], where: Where, value: float) -> list[BenchEdit]:
    """The list after a slider was moved: its value is set last, in place of an earlier one for the map."""
    others = [
        entry for entry in entries if not (isinstance(entry.edit, SetValue) and entry.edit.where == where)
    ]
    return [*others, BenchEdit(SetValue(where, value))]


def switched(entries: Sequence[BenchEdit], number: int) -> list[BenchEdit]:
    return [replace(e, on=not e.on) if place == number else e for place, e in enumerate(entries)]


def moved(entries: Sequence[BenchEdit], number: int, by: int) -> list[BenchEdit]:
    """The list with one edit earlier (-1) or later (1); as it is at the ends."""
    other = number + by
    if not 0 <= other < len(entries):
        return list(entries)
    changed = list(entries)
    changed[number], changed[other] = changed[other], changed[number]
    return changed


def removed(entries: Sequence[BenchEdit], number: int) -> list[BenchEdit]:
    return [entry for place, entry in enumerate(entries) if place != number]
