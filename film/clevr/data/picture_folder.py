"""A folder of pictures to leaf through, whatever its form: a CLEVR folder, a packed corpus, or just pictures.

Made for folders of 100,000 pictures: names are listed once, a picture is decoded when it is asked for, and a
scenes file of hundreds of megabytes is read only as far as the scene that is asked for.
"""

from __future__ import annotations

import bisect
import itertools
import pickle
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from film.clevr.data.corpus import MANIFEST, Corpus
from film.clevr.data.folder import Split, open_folder, shard_folders
from film.clevr.scene_json import scene_from_json
from film.clevr.scenes import Scene
from film.errors import InputError


class PictureSplit(Protocol):
    """The pictures of one split, in the order of their names."""

    name: str
    names: Sequence[str]
    has_scenes: bool

    def picture(self, row: int) -> np.ndarray: ...
    def scene(self, row: int) -> Scene | None: ...


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """Pictures by number, from 0: part after part, those with known scenes first, each sorted by name."""

    path: Path
    parts: tuple[PictureSplit, ...]

    @cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(len(part.names) for part in self.parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def ranges(self) -> dict[str, range]:
        """Which numbers each split has."""
        starts = (0, *self._ends)
        return {
            part.name: range(start, end)
            for part, start, end in zip(self.parts, starts, self._ends, strict=False)
        }

    def name(self, number: int) -> str:
        """File name of a picture."""
        part, row = self._at(number)
        return part.names[row]

    def picture(self, number: int) -> np.ndarray:
        """A picture, uint8 RGB (height, width, 3). Raises InputError naming a file that cannot be read."""
        part, row = self._at(number)
        return part.picture(row)

    def scene(self, number: int) -> Scene | None:
        """What is in a picture; None where nobody has said. Raises InputError where the file is damaged."""
        part, row = self._at(number)
        return part.scene(row)

    def _at(self, number: int) -> tuple[PictureSplit, int]:
        if not 0 <= number < len(self):
            raise InputError(
                f"{self.path} has {len(self):,} pictures, 0 to {len(self) - 1}, and no number {number}; "
                "choose one of these."
            )
        at = bisect.bisect_right(self._ends, number)
        return self.parts[at], number - (self._ends[at - 1] if at else 0)


def open_picture_folder(path: str | Path) -> PictureFolder:
    """The pictures of a folder. Lists them all; reads neither pictures nor scenes.

    `path`: a CLEVR folder (images/<split>/, with scenes/ where there are any), one of its images/<split>,
    a packed corpus made with pictures, or a folder of PNG, JPEG or WebP files.

    Raises:
        InputError: it is missing, cannot be read, or holds no pictures.
    """
    path = Path(path).expanduser().absolute()
    try:
        if not path.is_dir():
            what = "is no folder" if path.exists() else "does not exist"
            raise InputError(f"The folder of pictures {path} {what}; name a CLEVR folder or one of pictures.")
        parts = [part for part in _parts(path) if part.names]
    except OSError as error:
        raise InputError(
            f"The folder of pictures {path} cannot be read ({error.strerror}); check who may read it."
        ) from None
    if not parts:
        raise InputError(
            f"The folder {path} holds no pictures, neither PNG, JPEG or WebP files nor images/<split>/ as "
            "CLEVR has it; name another one."
        )
    return PictureFolder(path, tuple(sorted(parts, key=lambda part: not part.has_scenes)))


def _parts(path: Path) -> Iterator[PictureSplit]:
    if (path / MANIFEST).exists() or any(path.glob(f"shard-*/{MANIFEST}")):
        yield _PackedPictures(Corpus.open(path))
    elif (path / "images").is_dir() or shard_folders(path):
        seen = set()
        for split in open_folder(path).splits.values():
            if split.picture_folders not in seen:  # CLEVR-Humans lists CLEVR's pictures again
                seen.add(split.picture_folders)
                yield _PictureFiles(split)
    elif path.parent.name == "images" and list(path.parents[1].glob("scenes/*_scenes.json")):
        yield _PictureFiles(open_folder(path.parents[1]).split(path.name))
    else:
        yield _PictureFiles(Split(path.name, path, picture_folders=(path,)))


class _PackedPictures:
    """The pictures of a packed corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self.name = corpus.name
        self.names: Sequence[str] = corpus.filenames if corpus.pictures is not None else ()
        self.has_scenes = True
        self._corpus = corpus

    def picture(self, row: int) -> np.ndarray:
        assert self._corpus.pictures is not None  # or there would be no names
        return np.array(self._corpus.pictures[row])  # (height, width, 3), no longer memory-mapped

    def scene(self, row: int) -> Scene | None:
        return self._corpus.scene(row)


class _PictureFiles:
    """Picture files of a split."""

    def __init__(self, split: Split) -> None:
        self.name = split.name
        self.names: Sequence[str] = tuple(split.pictures)
        self.has_scenes = bool(split.scene_files)
        self._split, self._lock = split, Lock()
        self._coming = split.scene_items()
        self._read: dict[str, bytes] = {}  # by file name; packed small, a training split has 70,000
        self._damage: InputError | None = None

    def picture(self, row: int) -> np.ndarray:
        return self._split.picture_of(self.names[row])

    def scene(self, row: int) -> Scene | None:
        item = self._scene_item(self.names[row])
        try:
            return None if item is None else scene_from_json(item)
        except InputError as error:
            raise InputError(f"The scene of {self.names[row]} is damaged: {error}") from None

    def _scene_item(self, name: str) -> Any:
        """A scene as the file has it, which is read up to there: as a rule it goes by the pictures' names."""
        if name not in self._read:
            self._read_on(name)
        return pickle.loads(zlib.decompress(self._read[name])) if name in self._read else None

    def _read_on(self, name: str) -> None:
        """Read the scenes file on to this picture's or, where it has none, to the end."""
        with self._lock:
            while name not in self._read:
                if self._damage is not None:
                    raise InputError(str(self._damage))
                try:
                    filename, item = next(self._coming)
                    self._read[filename] = zlib.compress(pickle.dumps(item), 1)
                except StopIteration:
                    if not self._read or not self._read.keys().isdisjoint(self.names):
                        return
                    self._damage = InputError(
                        f"The scenes of {self._split.folder} are of other pictures than these; "
                        f"put the scenes of split {self._split.name} there."
                    )
                except InputError as error:
                    self._damage = error
                except RecursionError:
                    self._damage = InputError(
                        f"The scenes of {self._split.folder} are damaged: one is nested too deep; "
                        "fetch them again."
                    )
