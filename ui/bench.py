"""The bench's list of edits: interventions that can be switched off, moved and removed, kept as one text.

The text stands in the link. It is that of `film.interventions`, with "!" before an edit that is switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import film
from analysis import PictureKey
from film import Intervention, SetValue, Where


@dataclass(frozen=True)
class BenchEdit:
    """One edit of the list, and whether it is applied."""

    edit: Intervention
    on: bool = True


def read(text: str) -> list[BenchEdit]:
    """The list that a text holds. Raises InputError naming the part that cannot be read."""
    found = []
    for part in text.split("|"):
        found += [
            BenchEdit(edit, not part.startswith("!")) for edit in film.from_text(part.removeprefix("!"))
        ]
    return found


def write(entries: Sequence[BenchEdit]) -> str:
    return "|".join(("" if entry.on else "!") + film.to_text([entry.edit]) for entry in entries)


def applied(entries: Sequence[BenchEdit]) -> list[Intervention]:
    return [entry.edit for entry in entries if entry.on]


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


def described(edit: Intervention) -> str:
    """An edit in words: "block 2, map 17: gamma set to 0"."""
    where = edit.where
    blocks = "all blocks" if where.blocks is None else _many("block", [block + 1 for block in where.blocks])
    maps = "all maps" if where.maps is None else _many("map", where.maps)
    what = "gamma and beta" if where.parameters == "both" else where.parameters
    match edit:
        case film.SetValue():
            done = f"set to {edit.value:g}"
        case film.Scale():
            done = f"times {edit.factor:g}"
        case film.Shift():
            done = f"{'plus' if edit.amount >= 0 else 'minus'} {abs(edit.amount):g}"
        case film.Clamp():
            done = f"kept between {edit.low:g} and {edit.high:g}"
        case film.ReplaceByMean():
            done = "at the mean"
        case film.Noise():
            done = f"plus noise of deviation {edit.deviation:g}, seed {edit.seed}"
        case film.PatchFrom():
            done = f"from “{edit.question}”"
        case film.Blend():
            done = f"{edit.share:.0%} of the way to “{edit.question}”"
        case film.Arithmetic():
            done = f"plus “{edit.plus}” minus “{edit.minus}”"
        case _:
            done = edit.kind
    return f"{blocks}, {maps}: {what} {done}"


def _many(noun: str, numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    listed = ", ".join(map(str, numbers[:6]))
    return f"{noun}s {listed}" + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")


def as_python(picture: str, question: str, entries: Sequence[BenchEdit], checkpoint: str) -> str:
    """Lines that do the same in a script.

    Args:
        picture: its key, as in a view; one that is not the gallery's is named "picture.png".
    """
    edits = applied(entries)
    key = PictureKey.parse(picture)
    ours = key is not None and key.kind == "gallery"
    path = f"gallery()[{key.number}].picture_path" if key is not None and ours else '"picture.png"'
    names = sorted(
        {type(edit).__name__ for edit in edits}
        | {"Session"}
        | ({"Where"} if edits else set())
        | ({"gallery"} if ours else set())
    )
    lines = [f"from film import {', '.join(names)}", "", f"session = Session({checkpoint!r})"]
    lines += ["edits = ["] + [f"    {edit!r}," for edit in edits] + ["]"] if edits else ["edits = []"]
    lines += [f"answer = session.ask({path}, {question!r}, edits)", "print(answer.answer)"]
    return "\n".join(lines)
