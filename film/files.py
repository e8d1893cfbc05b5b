"""Files that are whole or not there: written beside their place, then put there at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from film.errors import InputError


def write_atomically(path: Path, write: Callable[[Path], object], part: Path | None = None) -> None:
    """Let `write` fill a file beside `path`, then put it in its place at once, safely on disk.

    Args:
        part: the file to fill; a new one if left out, so that several may write the same `path`. Where a run
            that was killed is to go on, a name of its own leaves nothing behind.
    """
    part = part or _new_file(path)
    try:
        write(part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name too must survive a power cut
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _new_file(path: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    Path(name).chmod(0o644)
    return Path(name)


def check_output(path: str | Path, *, folder: bool = False) -> None:
    """See before a long piece of work whether its result can be kept.

    Args:
        path: the file to write, or the folder, which may be new.

    Raises:
        InputError: something else is there, or nothing can be written there.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() if folder else not path.is_file()):
        what = "is no folder; name a folder" if folder else "is no file; name a file"
        raise InputError(f"{path} {what} to write.")
    place = path.parent
    if folder:
        place = next(there for there in (path, *path.absolute().parents) if there.exists())
    if not place.is_dir():
        raise InputError(f"{path} cannot be written: {place} is no folder; name one that is there.")
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise InputError(
            f"Nothing can be written to {place} ({error.strerror or error}); make room there, or name "
            "another place."
        ) from None
