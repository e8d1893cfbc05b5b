"""Packed corpora: a folder of memory-mapped arrays that training reads with no per-sample Python.

    corpus.json         what it is, its recipe, counts, words, size and SHA-256 of each file; written last
    pictures.npy        uint8 (N, H, W, 3)        absent when made without pictures
    masks.npy           uint8 (N, H, W)           0 ground, else object index + 1; only for generated pictures
    objects.npy         int8 (N, 10, 5)           these and the following as `film.clevr.data.encoding` says
    positions.npy       float32 (N, 10, 6)
    picture.npy         int32 (Q,)                which picture each question asks about, ascending
    tokens.npy ... sets.npy                       the rows of the questions
    questions.parquet   text, answer, family, type, group, length, depth, picture, program as JSON
    pictures.parquet    file name and scene as JSON

A corpus made in shards is a folder with shard-001-of-004/ ... in it, and opens as one.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from film.clevr.data.folder import shard_folders
from film.clevr.data.question_json import GivenQuestion
from film.clevr.language.programs import program_from_json
from film.clevr.scene_json import scene_from_json
from film.clevr.scenes import Scene
from film.errors import InputError
from film.progress import Progress

if TYPE_CHECKING:
    import pandas

MANIFEST = "corpus.json"
FORMAT, VERSION = "film-lens corpus", 1
PICTURE_ARRAYS = ("pictures", "masks", "objects", "positions")
QUESTION_ARRAYS = ("picture", "tokens", "answer", "family", "slots", "sets")
OPTIONAL = ("pictures", "masks")


class Rows:
    """Several arrays with equal rows, indexed as if they were one below the other."""

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = list(parts)
        self._ends = list(itertools.accumulate(len(part) for part in parts))
        self.dtype = parts[0].dtype
        self.shape = (self._ends[-1], *parts[0].shape[1:])

    def __len__(self) -> int:
        result: int = self.shape[0]
        return result

    def __getitem__(self, key: int | slice | np.ndarray | Sequence[int]) -> np.ndarray:
        if isinstance(key, (int, np.integer)):
            row = range(len(self))[key]
            part = bisect.bisect_right(self._ends, row)
            outcome: np.ndarray = self.parts[part][
                row - self._ends[part]
            ]  # counts from the part's end: negative
            return outcome
        rows = np.arange(len(self))[key]  # checks bounds, resolves slices, masks and negative numbers
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        owners = np.searchsorted(self._ends, rows, side="right")
        for part in np.unique(owners):
            mine = owners == part
            result[mine] = self.parts[part][rows[mine] - self._ends[part]]
        return result


class Corpus:
    """A packed corpus, or all shards of one; open it with `Corpus.open`.

    The arrays named at the top of this file are attributes; `pictures` and `masks` are None where
    absent, and memory-mapped. In a corpus of several shards the two are `Rows`, which index like arrays.
    """

    pictures: np.ndarray | Rows | None
    masks: np.ndarray | Rows | None
    objects: np.ndarray
    positions: np.ndarray
    picture: np.ndarray
    tokens: np.ndarray
    answer: np.ndarray
    family: np.ndarray
    slots: np.ndarray
    sets: np.ndarray

    def __init__(self, folders: Sequence[Path], headers: Sequence[dict[str, Any]]) -> None:
        self.folders, self.headers = tuple(folders), tuple(headers)
        self.header = self.headers[0]
        self.name: str = self.header["split"]
        self.words: tuple[str, ...] = tuple(self.header["words"])
        size = self.header["picture_size"]
        self.picture_size: tuple[int, int] | None = tuple(size) if size else None  # (width, height)
        # Single questions and scenes are read with their neighbours, which are the next to be wanted.
        self._row_group = lru_cache(maxsize=8)(_row_group)
        self._row_group_ends = lru_cache(maxsize=None)(_row_group_ends)
        for name in PICTURE_ARRAYS + QUESTION_ARRAYS:
            parts = [_mapped(*pair, name) for pair in zip(folders, headers, strict=True)]
            setattr(self, name, self._joined(name, [part for part in parts if part is not None]))

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = False, progress: Progress | None = None) -> Corpus:
        """Open a corpus; sizes and headers are always checked, every byte with `verify`.

        Raises InputError saying which file is missing, cut off or changed.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"The folder {folder} does not exist; give the folder of a packed corpus.")
        folders = shard_folders(folder) or [folder]
        headers = [_read_header(part) for part in folders]
        for part, header in zip(folders[1:], headers[1:], strict=True):
            if header["recipe"] != headers[0]["recipe"] or header["words"] != headers[0]["words"]:
                raise InputError(
                    f"{part} was made by another recipe than {folders[0].name}; keep shards of one run."
                )
        if verify:
            _verify(folders, headers, progress)
        return cls(folders, headers)

    @classmethod
    def join(cls, *corpora: Corpus) -> Corpus:
        """Several corpora as one, to train on.

        Raises InputError when their words or the sizes of their pictures differ.
        """
        first = corpora[0]
        for other in corpora[1:]:
            if (other.words, other.picture_size) != (first.words, first.picture_size):
                raise InputError(
                    f"{other.folders[0]} has other words or another size of pictures than "
                    f"{first.folders[0]}; make both alike to train on both."
                )
        return cls([f for c in corpora for f in c.folders], [h for c in corpora for h in c.headers])

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self.answer)

    @property
    def picture_count(self) -> int:
        return len(self.objects)

    def question(self, number: int) -> GivenQuestion:
        """One question with its text and program."""
        number = range(len(self))[number]
        part = bisect.bisect_right(self._question_ends, number)
        row = number - (self._question_ends[part - 1] if part else 0)
        record = self._record(self.folders[part] / "questions.parquet", row)
        return GivenQuestion(
            text=record["text"],
            filename=self.filenames[int(self.picture[number])],
            answer=record["answer"],
            program=program_from_json(json.loads(record["program"])) if record["program"] else None,
            family=record["family"],
            index=number,
        )

    def questions(self) -> Iterator[GivenQuestion]:
        """All questions in order."""
        return map(self.question, range(len(self)))

    def scene(self, picture: int) -> Scene | None:
        """The scene of a picture, to run programs on or to render again; None when not known."""
        picture = range(self.picture_count)[picture]
        part = bisect.bisect_right(self._picture_ends, picture)
        row = picture - (self._picture_ends[part - 1] if part else 0)
        text = self._record(self.folders[part] / "pictures.parquet", row)["scene"]
        return scene_from_json(json.loads(text)) if text else None

    def scenes(self) -> Iterator[Scene]:
        """All scenes in order; InputError when the corpus was packed without."""
        for number in range(self.picture_count):
            scene = self.scene(number)
            if scene is None:
                raise InputError(
                    f"{self.folders[0]} was packed from a split without scenes; pack one that has them."
                )
            yield scene

    def picture_of(self, filename: str) -> np.ndarray:
        """A picture by its file name, uint8 (H, W, 3)."""
        if self.pictures is None:
            raise InputError(
                f"{self.folders[0]} was made without pictures; make or pack a corpus that has them."
            )
        if filename not in self._numbers:
            raise InputError(
                f"{self.folders[0]} has no picture {filename}; it has {self.picture_count:,} others."
            )
        return self.pictures[self._numbers[filename]]

    def table(self, *columns: str) -> pandas.DataFrame:
        """questions.parquet as a frame, all shards, `picture` counted through; all columns by default."""
        import pandas
        import pyarrow.parquet

        first, frames = 0, []
        for folder, header in zip(self.folders, self.headers, strict=True):
            path = folder / "questions.parquet"
            with _reading(path):
                frame = pyarrow.parquet.read_table(path, columns=list(columns) or None).to_pandas()
            if "picture" in frame:
                frame["picture"] += first
            first += header["pictures"]
            frames.append(frame)
        return pandas.concat(frames, ignore_index=True)

    @cached_property
    def filenames(self) -> list[str]:
        """File name of each picture in the folder it was packed from, or would have had there."""
        import pyarrow.parquet

        names: list[str] = []
        for path in (folder / "pictures.parquet" for folder in self.folders):
            with _reading(path):
                names += pyarrow.parquet.read_table(path, columns=["filename"])[0].to_pylist()
        return names

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.filenames)}

    @cached_property
    def _question_ends(self) -> list[int]:
        return list(itertools.accumulate(header["questions"] for header in self.headers))

    @cached_property
    def _picture_ends(self) -> list[int]:
        return list(itertools.accumulate(header["pictures"] for header in self.headers))

    def _record(self, path: Path, row: int) -> dict[str, Any]:
        ends = self._row_group_ends(path)
        group = bisect.bisect_right(ends, row)
        return self._row_group(path, group)[row - (ends[group - 1] if group else 0)]

    def _joined(self, name: str, parts: list[np.ndarray]) -> np.ndarray | Rows | None:
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        if name in OPTIONAL:  # too big to be copied together
            return Rows(parts)
        if name == "tokens":
            length = max(part.shape[1] for part in parts)
            parts = [np.pad(part, ((0, 0), (0, length - part.shape[1]))) for part in parts]
        if name == "picture":
            starts = [0, *self._picture_ends]
            parts = [part + np.int32(start) for part, start in zip(parts, starts, strict=False)]
        return np.concatenate(parts)


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        if (folder / ".making").is_dir():
            raise InputError(
                f"The corpus {folder} is not finished; run the command that makes it again to go on."
            )
        raise InputError(
            f"{path} was looked for and is not there; give the folder of a packed corpus, or make one."
        )
    try:
        header = json.loads(path.read_text("utf-8"))
        kind, version = header["format"], header["version"]
        counts = header["pictures"], header["questions"], len(header["words"])
        files = {name: (entry["bytes"], entry["sha256"]) for name, entry in header["files"].items()}
        complete = all(key in header for key in ("recipe", "split", "picture_size")) and all(
            isinstance(n, int) for n in (*counts, *(size for size, _ in files.values()))
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{path} is damaged; copy or make the corpus again.") from None
    if kind != FORMAT or not complete:
        raise InputError(f"{path} is not the header of a packed corpus; give the folder of one.")
    if version != VERSION:
        raise InputError(
            f"{folder} is a packed corpus of version {version}, this program reads {VERSION}; pack it again."
        )
    for name, (size, _) in files.items():
        there = (folder / name).stat().st_size if (folder / name).exists() else None
        if there is None:
            raise InputError(
                f"{folder / name} belongs to the corpus and is missing; copy or make the corpus again."
            )
        if there != size:
            raise InputError(
                f"{folder / name} has {there:,} bytes and should have {size:,}; "
                "copy or make the corpus again."
            )
    result: dict[str, Any] = header
    return result


def _mapped(folder: Path, header: dict[str, Any], name: str) -> np.ndarray | None:
    path = folder / f"{name}.npy"
    if path.name not in header["files"]:
        if name in OPTIONAL:
            return None
        raise InputError(f"{folder / MANIFEST} does not list {path.name}; make the corpus again.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a broken header fails in many ways
        raise InputError(
            f"{path} is damaged ({type(error).__name__}); copy or make the corpus again."
        ) from None
    rows = header["pictures"] if name in PICTURE_ARRAYS else header["questions"]
    if array.ndim < 1 or len(array) != rows:
        raise InputError(f"{path} has {len(array):,} rows and should have {rows:,}; make the corpus again.")
    result: np.ndarray | None = array
    return result


def _verify(folders: Sequence[Path], headers: Sequence[dict[str, Any]], progress: Progress | None) -> None:
    files = [
        (part / name, entry)
        for part, header in zip(folders, headers, strict=True)
        for name, entry in header["files"].items()
    ]
    for done, (path, entry) in enumerate(files):
        if progress:
            progress(done, len(files))
        if sha256(path) != entry["sha256"]:
            raise InputError(
                f"{path} has changed since it was made (SHA-256 differs); copy or make it again."
            )


def sha256(path: Path) -> str:
    """SHA-256 of a file, read piece by piece."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _row_group(path: Path, group: int) -> list[dict[str, Any]]:
    import pyarrow.parquet

    with _reading(path):
        result: list[dict[str, Any]] = pyarrow.parquet.ParquetFile(path).read_row_group(group).to_pylist()
    return result


def _row_group_ends(path: Path) -> list[int]:
    import pyarrow.parquet

    with _reading(path):
        meta = pyarrow.parquet.ParquetFile(path).metadata
        counts = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    return list(itertools.accumulate(counts))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """A damaged table fails in many ways: each becomes a sentence."""
    try:
        yield
    except Exception as error:
        raise InputError(
            f"{path} is damaged ({type(error).__name__}); copy or make the corpus again."
        ) from None
