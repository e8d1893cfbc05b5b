"""Files that are whole or not there: written beside their place, then put there at once; folders that one
process at a time writes to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

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
        part.chmod(0o644)  # some writers put a file of their own there, which nobody else may read
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


_held: set[Path] = set()  # folders that this process alone writes to


@contextmanager
def only_writer(folder: str | Path) -> Iterator[None]:
    """Keep other processes out of a folder that is written to; a kill lets go of it.

    The folder is made if it is new, and is gone again if nothing was written. Within the process it may be
    taken again. Where a file system knows no locks, and on Windows, nobody is kept out.

    Raises:
        InputError: another process writes to it, or nothing can be written there.
    """
    folder = Path(folder).resolve()
    check_output(folder, folder=True)
    if fcntl is None or folder in _held:
        yield
        return
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(folder)
    _held.add(folder)
    try:
        yield
    finally:
        _held.discard(folder)
        if lock is not None:
            os.close(lock)
        with suppress(OSError):  # something was written
            for place in new:
                place.rmdir()


def _locked(folder: Path) -> int | None:
    """The open lock of a folder: the folder itself, or where that cannot be, a file beside it."""
    beside = folder.with_name(f".{folder.name}.lock")
    for place, how in ((folder, os.O_RDONLY), (beside, os.O_RDWR | os.O_CREAT)):
        with suppress(OSError):
            lock = os.open(place, how)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                os.close(lock)
                raise InputError(
                    f"Another process is writing to {folder}; wait until it is done, or give another folder."
                ) from None
            except OSError:
                os.close(lock)
    return None
