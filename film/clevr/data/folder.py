"""CLEVR folders as downloaded: CLEVR v1.0, CLEVR-CoGenT, CLEVR-Humans, and our own of that form.

    CLEVR_v1.0/
      images/<split>/CLEVR_<split>_000000.png ...
      scenes/CLEVR_<split>_scenes.json            none for test
      questions/CLEVR_<split>_questions.json      without answers and programs for test
    CLEVR-Humans/
      CLEVR-Humans-<split>.json                   free texts about CLEVR's pictures, no programs
    output/                                       of the official generator, read as one split
      images/CLEVR_new_000000.png ...
      CLEVR_scenes.json                           or scenes/CLEVR_new_000000.json ..., one scene each
      CLEVR_questions.json

A folder made in shards (`shard-001-of-004` ...) reads as one. Question files are streamed: the
released training file holds 700,000 questions, which as Python objects would fill many gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.data.question_json import GivenQuestion, asked_picture, each_once, question_from_json
from film.clevr.json_stream import stream_items
from film.clevr.json_values import plain
from film.clevr.pictures import open_picture
from film.clevr.scene_json import each_scene, scene_from_json
from film.clevr.scenes import Scene
from film.errors import InputError

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif")


@dataclass(frozen=True)
class Split:
    """One split of a folder; each part is found when it is asked for, so any may be absent."""

    name: str
    folder: Path
    question_files: tuple[Path, ...] = ()
    scene_files: tuple[Path, ...] = ()
    picture_folders: tuple[Path, ...] = ()

    @cached_property
    def pictures(self) -> dict[str, Path]:
        """Every picture of the split: file name -> path, in the order of the names."""
        found = {
            plain(path.name): path
            for folder in self.picture_folders
            for path in folder.iterdir()
            if path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")
        }
        return dict(sorted(found.items()))

    def picture_path(self, filename: str) -> Path:
        """Where a picture lies; InputError when it does not."""
        if found := self.pictures.get(self.named(filename)):
            return found
        if not self.picture_folders:
            raise InputError(
                f"The picture {filename} was looked for in {self.folder / 'images' / self.name}, which is "
                "not there; unpack the images too, or say which CLEVR folder to take the pictures from."
            )
        such = f" such as {next(iter(self.pictures))}" if self.pictures else ""
        raise InputError(
            f"The picture {filename} was looked for in {' or '.join(map(str, self.picture_folders))}, which "
            f"holds {len(self.pictures):,} pictures{such} but not this one; "
            "take the pictures that the questions are about."
        )

    def named(self, filename: str) -> str:
        """The file name of a picture here: itself, or that of the same picture with another ending.

        Raises:
            InputError: there are several.
        """
        if filename in self.pictures:
            return filename
        found = self._by_stem.get(Path(filename).stem, [])
        if len(found) > 1:
            raise InputError(
                f"The picture {filename} is not in {self.folder}, but {' and '.join(found)} are; "
                "keep one of them."
            )
        return found[0] if found else filename

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.pictures:
            found.setdefault(Path(name).stem, []).append(name)
        return found

    def picture_of(self, filename: str) -> np.ndarray:
        """A picture as uint8 RGB (height, width, 3)."""
        return open_picture(self.picture_path(filename))

    def questions(self) -> Iterator[GivenQuestion]:
        """The questions in file order; a test split's lack answers and programs."""
        expected = f"questions/CLEVR_{self.name}_questions.json"
        for file in self._needed(self.question_files, expected, ""):
            for question in questions_of(file, self.name):
                name = self.named(question.filename)
                yield question if name == question.filename else replace(question, filename=name)

    def filenames(self, kind: str) -> Iterator[str]:
        """The picture of each item of kind "questions" or "scenes", in file order; quicker than the items."""
        if kind == "scenes":
            yield from (name for name, _ in self.scene_items())
            return
        for file in self.question_files:
            for number, item in enumerate(stream_items(file, kind)):
                yield self.named(asked_picture(item, f"Item {number} of {file}", self.name))

    def scenes(self) -> Iterator[Scene]:
        """The scenes in file order."""
        hint = " (CLEVR publishes no scenes for its test pictures)" if self.name.startswith("test") else ""
        self._needed(self.scene_files, f"scenes/CLEVR_{self.name}_scenes.json", hint)
        for where, name, item in each_scene(self.scene_files, self.name):
            try:
                scene = scene_from_json(item)
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            yield scene.replaced(filename=self.named(name))

    def scene_items(self) -> Iterator[tuple[str, Any]]:
        """(file name of the picture, scene as in the file), in file order; nothing where there are none."""
        for _, name, item in each_scene(self.scene_files, self.name):
            yield self.named(name), item

    def _needed(self, files: tuple[Path, ...], expected: str, hint: str) -> tuple[Path, ...]:
        if files:
            return files
        looked_for = self.folder / expected
        raise InputError(
            f"The file {looked_for} was looked for and is not there{hint}; that place holds "
            f"{_names(looked_for.parent)}: add the file, or choose another split."
        )


@dataclass(frozen=True)
class Folder:
    """A CLEVR folder: `splits` maps names such as "train", "valB" to `Split`s."""

    path: Path
    splits: dict[str, Split]

    def split(self, name: str) -> Split:
        if name not in self.splits:
            raise InputError(
                f"{self.path} has no split {name!r}; it has {', '.join(self.splits)}: choose one of these."
            )
        return self.splits[name]


def questions_of(file: Path, split: str = "new") -> Iterator[GivenQuestion]:
    """The questions of a file in its order; `split` is that of pictures of which it gives only numbers.

    Raises:
        InputError: the file or a question cannot be used, or one comes twice.
    """
    placed = ((f"Question {n} of {file}", item) for n, item in enumerate(stream_items(file, "questions")))
    yield from each_once((where, question_from_json(item, where, split)) for where, item in placed)


def open_folder(path: str | Path, pictures: str | Path | None = None) -> Folder:
    """Open a CLEVR folder.

    `pictures`: a CLEVR folder (or its images/) to take pictures and scenes from where the folder
    has none of its own. CLEVR-Humans needs it, unless CLEVR lies in the same or a neighbouring folder.
    """
    path = Path(path)
    _must_be_folder(path)
    roots = shard_folders(path) or [path]
    for root in roots:
        if (root / ".making").is_dir() and not (root / "recipe.json").exists():
            raise InputError(f"{root} is not finished; run the command that makes it again to go on.")
    parts = _gather(roots)
    humans = _humans_files(path)
    if not parts and not humans:
        raise InputError(_not_clevr(path))
    lender = _lender(path, Path(pictures) if pictures is not None else None, needed=bool(humans))
    splits = {name: Split(name, path, **files) for name, files in sorted(parts.items())}
    for name, split in splits.items():
        if not split.picture_folders and name in lender:
            splits[name] = Split(
                name, path, split.question_files, split.scene_files, lender[name]["picture_folders"]
            )
    for name, file in humans.items():
        # Humans' splits use the pictures of CLEVR's splits of the same name.
        lent = {key: files for key, files in lender.get(name, {}).items() if key != "question_files"}
        full_name = f"humans-{name}" if parts else name
        splits[full_name] = Split(full_name, path, question_files=(file,), **lent)
    return Folder(path, splits)


# --- finding things -------------------------------------------------------------------------------


def _gather(roots: Iterable[Path]) -> dict[str, dict[str, tuple[Path, ...]]]:
    """split name -> which files and folders of it are there."""
    parts: dict[str, dict[str, tuple[Path, ...]]] = {}

    def add(name: str, kind: str, path: Path) -> None:
        files = parts.setdefault(name, {"question_files": (), "scene_files": (), "picture_folders": ()})
        files[kind] += (path,)

    for root in roots:
        if flat := _flat(root):
            for kind, paths in flat[1].items():
                for path in paths:
                    add(flat[0], kind, path)
            continue
        for kind, folder in (("question_files", "questions"), ("scene_files", "scenes")):
            for file in sorted((root / folder).glob(f"*_{folder}.json*")):
                if match := re.fullmatch(rf"(?:.*_)?([^_]+)_{folder}\.jsonl?", file.name):
                    add(match[1], kind, file)
        for folder_ in sorted(p for p in (root / "images").glob("*") if p.is_dir()):
            add(folder_.name, "picture_folders", folder_)
    return parts


def _flat(root: Path) -> tuple[str, dict[str, tuple[Path, ...]]] | None:
    """The one split of a folder as the official generator leaves it, and its files; None if it is no such."""
    files: dict[str, tuple[Path, ...]] = {}
    for kind, name in (("question_files", "questions"), ("scene_files", "scenes")):
        if any((root / name).glob(f"*_{name}.json*")):
            return None
        found = [path for path in (root / f"CLEVR_{name}.json", root / f"{name}.json") if path.is_file()]
        files[kind] = tuple(found[:1])
    files["scene_files"] = files["scene_files"] or tuple(sorted((root / "scenes").glob("*.json")))
    images = root / "images"
    if not any(files.values()):
        bare = images.is_dir() and not any(p.is_dir() for p in images.iterdir())
        return (root.name, {"picture_folders": (images,)}) if bare and any(images.iterdir()) else None
    files["picture_folders"] = (
        (images, *sorted(p for p in images.glob("*") if p.is_dir())) if images.is_dir() else ()
    )
    return _said_split(next(file for kind in files.values() for file in kind)), files


def _said_split(file: Path) -> str:
    """The split that the first item of a file says it is of; the generator's own word where it says none."""
    try:
        item = next(stream_items(file, "questions" if "questions" in file.name else "scenes"), None)
    except InputError:
        item = None  # told when the file is read
    said = item.get("split") if isinstance(item, dict) else None
    return said if isinstance(said, str) and re.fullmatch(r"\w+", said) else "new"


def _humans_files(path: Path) -> dict[str, Path]:
    found = [*path.glob("CLEVR-Humans-*.json"), *path.glob("questions/CLEVR-Humans-*.json")]
    return {file.stem.removeprefix("CLEVR-Humans-"): file for file in sorted(found)}


def _lender(path: Path, given: Path | None, needed: bool) -> dict[str, dict[str, tuple[Path, ...]]]:
    """The parts of the folder that pictures are borrowed from."""
    if given is not None:
        _must_be_folder(given)
        root = given.parent if given.name == "images" else given
        parts = _gather([root])
        if not any(files["picture_folders"] for files in parts.values()):
            raise InputError(
                f"Pictures were looked for in {root / 'images'}/<split>/ and are not there; "
                f"{given} holds {_names(given)}: give the CLEVR folder that has images/."
            )
        return parts
    if needed:
        for root in (path, path.parent, *sorted(path.parent.glob("CLEVR*"))):
            if (root / "images").is_dir():
                return _gather([root])
    return {}


def _must_be_folder(path: Path) -> None:
    if path.is_dir():
        return
    if not path.exists():
        raise InputError(f"The folder {path} does not exist; give the folder that holds CLEVR's questions/.")
    if path.suffix.lower() in (".zip", ".gz", ".tar", ".tgz"):
        raise InputError(f"{path} is an archive; unpack it and give the folder inside, such as CLEVR_v1.0.")
    raise InputError(f"{path} is a file; give the folder that holds images/, scenes/ and questions/.")


def shard_folders(path: Path) -> list[Path]:
    """The folders shard-001-of-004 ... of a folder made in shards; InputError if some are missing."""
    shards = sorted(p for p in path.glob("shard-*-of-*") if re.fullmatch(r"shard-\d+-of-\d+", p.name))
    counts = sorted({shard.name.rpartition("-")[2] for shard in shards})
    if len(counts) > 1:
        raise InputError(f"{path} mixes shards of {' and '.join(counts)}; keep those of one run.")
    if counts:
        have = {int(shard.name.split("-")[1]) for shard in shards}
        if missing := sorted(set(range(1, int(counts[0]) + 1)) - have):
            raise InputError(
                f"{path} holds {len(have)} of {int(counts[0])} shards; missing: "
                f"{', '.join(map(str, missing))}. Make them with the same command, or copy them here."
            )
    return shards


def _not_clevr(path: Path) -> str:
    looked_for = f"No CLEVR data in {path}: questions/CLEVR_<split>_questions.json was looked for"
    if (path / "corpus.json").exists():
        return f"{path} is a packed corpus, not a CLEVR folder; open it as a corpus."
    for inner in sorted(p for p in path.glob("*") if p.is_dir()):
        if _gather([inner]) or _humans_files(inner):
            return f"{looked_for}, and it is one folder further in: give {inner}."
    if _gather([path.parent]):
        return f"{looked_for}, and it is one folder further out: give {path.parent}."
    return f"{looked_for}, and the folder holds {_names(path)}: give the unpacked folder, such as CLEVR_v1.0."


def _names(folder: Path, most: int = 5) -> str:
    """What a folder holds, in a few words."""
    if not folder.is_dir():
        return "nothing (there is no such folder)"
    names = sorted(p.name for p in folder.iterdir())
    shown = ", ".join(names[:most]) or "nothing"
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
