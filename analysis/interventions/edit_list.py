"""The bench's list of edits: interventions that can each be switched off, kept as one text.

The text stands in the link. It is that of `film.interventions`, with "!" before an edit that is switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import film
from film import Intervention


@dataclass(frozen=True)
class BenchEdit:
    """One edit of the list, and whether it is applied."""

    edit: Intervention
    on: bool = True


def read_edits(text: str) -> list[BenchEdit]:
    """The list that a text holds. Raises InputError naming the part that cannot be read."""
    found = []
    for part in text.split("|"):
        found += [
            BenchEdit(edit, not part.startswith("!")) for edit in film.from_text(part.removeprefix("!"))
        ]
    return found


def applied_edits(entries: Sequence[BenchEdit]) -> list[Intervention]:
    """The edits that are switched on, in order."""
    return [entry.edit for entry in entries if entry.on]


def described_edit(edit: Intervention) -> str:
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
            done = "mean-ablated"
        case film.Noise():
            done = f"plus noise of standard deviation {edit.deviation:g}, seed {edit.seed}"
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
