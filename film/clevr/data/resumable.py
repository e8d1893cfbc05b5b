"""A data set in the making: what is done survives a kill, a full disk and a power cut.

Unfinished work lies in OUT/.making. It is made in *chunks*, each a handful of small files that
appear together or not at all, and in rows of big arrays, which are marked as done only after they
are on the disk. A run that finds such a folder with the same recipe goes on where the last one stopped.
The *seal*, a JSON file with the recipe, is written last: a folder that has it is whole.
"""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from film.errors import InputError
from film.files import only_writer, write_atomically

Task = TypeVar("Task", bound=tuple[object, ...])
Made = TypeVar("Made")

GO_ON = "What is finished is kept: run the same command again to go on."


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turns what a disk may do to us into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise InputError(
                f"No more can be written to {place}: the disk is full, or a quota or limit on file sizes is "
                f"reached ({error.strerror}). Make room. {GO_ON}"
            ) from None
        raise InputError(
            f"Writing to {place} failed ({error.strerror or error}); check that the folder may be written. "
            f"{GO_ON}"
        ) from None


def write_file(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file, whole or piece by piece, so that it is there complete or not at all."""

    def write(part: Path) -> None:
        with open(part, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)

    write_part(path, write)


def write_part(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill NAME.part, which becomes `path`; what a kill leaves of it is written over."""
    write_atomically(path, write, path.with_name(path.name + ".part"))


class ResumableFolder:
    """The unfinished state of the data set in `out`.

    `recipe`: everything the content depends on, as JSON. `seal`: the file that will say it is whole.
    `shared`: several processes make it together, and this is not their first.

    Raises:
        InputError: something else is there, it cannot be written, or another run is writing it.
    """

    def __init__(self, out: Path, recipe: dict[str, Any], manifest: str, *, shared: bool = False) -> None:
        self.out, self.manifest, self.folder = out, out / manifest, out / ".making"
        self.recipe = json.loads(json.dumps(recipe))
        self.finished = self.manifest.exists()
        self._alone = ExitStack()  # until it is whole, or nobody has this any more
        if self.finished:
            self._must_match(self.manifest, "is finished and was made")
            shutil.rmtree(self.folder, ignore_errors=True)  # a kill may have come right after the seal
            return
        recipe_file = self.folder / "recipe.json"
        if recipe_file.exists():
            self._must_match(recipe_file, "holds an unfinished data set made")
            if not shared:
                self._alone.enter_context(only_writer(out))
            return
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is a file; give a new folder to write to.")
        if out.exists() and (others := [p.name for p in out.iterdir() if p != self.folder]):
            raise InputError(
                f"{out} already holds {', '.join(sorted(others)[:5])}; give a new or empty folder."
            )
        with writing(out):
            if not shared:
                self._alone.enter_context(only_writer(out))
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(recipe_file, json.dumps({"recipe": self.recipe}, indent=1).encode())

    def chunk(self, number: int) -> Path:
        """The folder of a chunk, which is there once the chunk is whole."""
        return self.folder / f"chunk-{number:06d}"

    def put_chunk(self, number: int, files: dict[str, bytes]) -> None:
        """Keep the files of one chunk: together, or not at all."""
        unfinished = self.folder / f"{self.chunk(number).name}.part"
        with writing(self.out):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name, content in files.items():
                write_file(unfinished / name, content)
            os.replace(unfinished, self.chunk(number))

    def close(self, header: dict[str, Any]) -> None:
        """Write the seal and clear the workshop away."""
        with writing(self.out):
            write_file(self.manifest, json.dumps({**header, "recipe": self.recipe}, indent=1).encode())
            shutil.rmtree(self.folder)
            self._alone.close()

    def _must_match(self, file: Path, state: str) -> None:
        try:
            there = json.loads(file.read_text("utf-8"))["recipe"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise InputError(f"{file} is damaged; remove {self.out} and make it again.") from None
        for key in {**there, **self.recipe}:
            if there.get(key) != self.recipe.get(key):
                raise InputError(
                    f"{self.out} {state} with other settings ({key} {there.get(key)!r}, now "
                    f"{self.recipe.get(key)!r}); give another folder, or remove this one."
                )


class DoneMarks:
    """One byte for each of `count` things: done or not. Set only after the things are on the disk."""

    def __init__(self, path: Path, count: int) -> None:
        with writing(path):
            if not path.exists() or path.stat().st_size != count:
                write_file(path, bytes(count))
            self.done = np.fromfile(path, np.uint8).astype(bool)  # (count,)
        self._path = path

    def set(self, rows: Sequence[int] | np.ndarray) -> None:
        with open(self._path, "r+b") as file:
            for row in rows:
                file.seek(row)
                file.write(b"\1")
            _to_disk(file)
        self.done[list(rows)] = True


class BigArray:
    """A .npy file of known shape whose rows are filled in any order.

    It is written with plain file calls: a full disk then is an error, where a memory map would
    kill the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any = np.uint8) -> None:
        header = npy_header(shape, dtype)
        self.path = path
        self._start = len(header)
        self._row = int(np.prod(shape[1:], dtype=np.int64)) * np.dtype(dtype).itemsize
        size = self._start + shape[0] * self._row
        with writing(path):
            self.fresh = not path.exists() or path.stat().st_size != size
            if self.fresh:
                free = shutil.disk_usage(path.parent).free
                if size > free:
                    raise InputError(
                        f"{path.name} will take {size / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB free; "
                        "make room, or ask for fewer or smaller pictures."
                    )
                with open(path, "wb") as file:
                    file.write(header)
                    file.truncate(size)

    def put(self, rows: Sequence[int] | np.ndarray, values: np.ndarray) -> None:
        """Write some rows, which are on the disk when it returns.

        Args:
            rows: numbers of rows. values: (rows, ...), of the array's type and shape.
        """
        if isinstance(rows, range) and rows.step == 1 and len(rows) == len(values):
            rows, values = rows[:1], values[None]  # neighbours are written at once
        with open(self.path, "r+b") as file:
            for row, value in zip(rows, values, strict=True):
                file.seek(self._start + row * self._row)
                file.write(np.ascontiguousarray(value).tobytes())
            _to_disk(file)


def npy_header(shape: tuple[int, ...], dtype: Any) -> bytes:
    """The bytes in front of the values of a .npy file."""
    description = np.lib.format.dtype_to_descr(np.dtype(dtype))
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": description, "fortran_order": False, "shape": tuple(shape)}
    )
    return buffer.getvalue()


def npy_bytes(array: np.ndarray) -> bytes:
    """A whole .npy file."""
    return npy_header(array.shape, array.dtype) + np.ascontiguousarray(array).tobytes()


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


# --- several processes ----------------------------------------------------------------------------


def in_parallel(
    function: Callable[..., Made], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Made]]:
    """function(*task) for each task, in the order they finish, by `workers` processes.

    Processes are spawned, not forked: threads that already run (numba's, torch's) do not survive a fork.
    """
    if workers < 1:
        raise InputError(f"--workers {workers} was given; it takes at least 1.")
    if workers == 1:
        for task in tasks:
            yield task, function(*task)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_be_a_worker
    )
    waiting: dict[Future[Made], Task] = {}
    try:
        for task in tasks:
            waiting[pool.submit(function, *task)] = task
            if len(waiting) >= 2 * workers:
                yield from _finished(waiting)
        while waiting:
            yield from _finished(waiting)
    except BrokenProcessPool:
        raise InputError(
            f"A worker process was killed, most often for lack of memory; use fewer --workers. {GO_ON}"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(waiting: dict[Future[Made], Task]) -> Iterator[tuple[Task, Made]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


def _be_a_worker() -> None:
    """Leave Ctrl-C to the parent; do not outlive a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
