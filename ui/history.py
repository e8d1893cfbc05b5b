"""What can be undone and done again, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_UNDONE = 100  # steps that can be undone


@dataclass(frozen=True)
class History:
    """What was there before each step, and what undone steps went back from; the latest last."""

    past: tuple[Any, ...] = ()
    future: tuple[Any, ...] = ()

    def did(self, before: Any, now: Any) -> History:
        """The history after a step; as it is where nothing changed."""
        return self if before == now else History((*self.past, before)[-MOST_UNDONE:])

    def undone(self, now: Any) -> tuple[History, Any]:
        """The history after undoing a step, and what is there then; nothing changes at the beginning."""
        if not self.past:
            return self, now
        return History(self.past[:-1], (*self.future, now)), self.past[-1]

    def redone(self, now: Any) -> tuple[History, Any]:
        """The history after a step is done again, and what is there then."""
        if not self.future:
            return self, now
        return History((*self.past, now), self.future[:-1]), self.future[-1]
