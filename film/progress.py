"""How long work says how far it is, and how it is stopped: the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from film.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

Progress = Callable[[int, int], object]  # called with how many are done, and of how many (0: not known)
Stages = Callable[[str], Progress]  # work of several stages asks for the progress of each by its name
Cancel = Callable[[], bool]  # asked between parts of the work: is it to stop?


class Cancelled(InputError):
    """The work was stopped because `cancel` said so."""


def stop_if(cancel: Cancel | None) -> None:
    """Raise Cancelled when `cancel` says so."""
    if cancel is not None and cancel():
        raise Cancelled("It was cancelled; run the same again to go on from what is kept, if anything is.")


def stage(progress: Stages | None, name: str) -> Progress:
    """The progress of one stage; silent where nobody listens."""
    return progress(name) if progress else lambda done, of: None


@contextmanager
def progress_bars() -> Iterator[Stages]:
    """A bar with the time left for each stage of the work, below one another; nothing if no terminal."""
    from tqdm import tqdm

    bars: list[tqdm] = []

    def begin(name: str) -> Progress:
        def show(done: int, of: int) -> None:
            if not bars or bars[-1].desc != f"{name}: ":
                if bars:
                    bars.pop().close()
                # What an earlier run has done is not counted into the speed.
                bars.append(tqdm(total=of or None, initial=done, desc=name, smoothing=0.05, disable=None))
                bars[-1].desc = f"{name}: "
            bars[-1].update(done - bars[-1].n)
            if of and done >= of:
                bars[-1].close()  # what is printed next is below it

        return show

    try:
        yield begin
    finally:
        if bars:
            bars[-1].close()
