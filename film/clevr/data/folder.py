"""CLEVR folders as downloaded: CLEVR v1.0, CLEVR-CoGenT, CLEVR-Humans, and our own of that form.

    CLEVR_v1.0/
      images/<split>/CLEVR_<split>_000000.png ...
      scenes/CLEVR_<split>_scenes.json            none for test
      questions/CLEVR_<split>_questions.json      without answers and programs for test
    CLEVR-Humans/
      CLEVR-Humans-<split>.json                   free texts about CLEVR's pictures, no programs

A folder made in shards (`shard-001-of-004` ...) reads as one. Question files are streamed: the
released training file holds 700,000 questions, which as Python objects would fill many gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.json_stream import stream_items
from film.clevr.language.families import FAMILIES, type_of
from film.clevr.language.programs import Program, program_from_json
from film.clevr.pictures import open_picture
from film.clevr.scene_json import scene_from_json
from film.clevr.scenes import Scene
from film.errors import InputError

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class GivenQuestion:
    """A question as a file gives it; what the file leaves out is None.

    `filename`: the picture it asks about. `answer`: as released, "yes", "3", "cube".
    `family`: index 0..89 in the order of the released files.
    """

    text: str
    filename: str
    answer: str | None = None
    program: Program | None = None
    family: int | None = None
    index: int | None = None

    @property
    def type(self) -> str | None:
        """One of the 13 types; None for a free question without a program."""
        return type_of(self.program, self.family)


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
            path.name: path
            for folder in self.picture_folders
            for path in folder.iterdir()
            if path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")
        }
        return dict(sorted(found.items()))

    def picture_path(self, filename: str) -> Path:
        """Where a picture lies; InputError when it does not."""
        if filename in self.pictures:
            return self.pictures[filename]
        if not self.picture_folders:
            raise InputError(
                f"The picture {filename} was looked for in {self.folder / 'images' / self.name}, which is "
                "not there; unpack the images too, or say which CLEVR folder to take the pictures from."
            )
        raise InputError(
            f"The picture {filename} was looked for in {' or '.join(map(str, self.picture_folders))}, which "
            f"holds {len(self.pictures):,} pictures but not this one; unpack the images again."
        )

    def picture_of(self, filename: str) -> np.ndarray:
        """A picture as uint8 RGB (height, width, 3)."""
        return open_picture(self.picture_path(filename))

    def questions(self) -> Iterator[GivenQuestion]:
        """The questions in file order; a test split's lack answers and programs."""
        expected = f"questions/CLEVR_{self.name}_questions.json"
        for file in self._needed(self.question_files, expected, ""):
            for number, item in enumerate(stream_items(file, "questions")):
                yield question_from_json(item, f"Question {number} of {file}", self.name)

    def filenames(self, kind: str) -> Iterator[str]:
        """The picture of each item of kind "questions" or "scenes", in file order; quicker than the items."""
        for file in self.question_files if kind == "questions" else self.scene_files:
            for number, item in enumerate(stream_items(file, kind)):
                yield _picture_name(item, f"Item {number} of {file}", self.name)

    def scenes(self) -> Iterator[Scene]:
        """The scenes in file order."""
        hint = " (CLEVR publishes no scenes for its test pictures)" if self.name.startswith("test") else ""
        for file in self._needed(self.scene_files, f"scenes/CLEVR_{self.name}_scenes.json", hint):
            for number, item in enumerate(stream_items(file, "scenes")):
                try:
                    yield scene_from_json(item)
                except InputError as error:
                    raise InputError(f"Scene {number} of {file}: {error}") from None

    def scene_items(self) -> Iterator[tuple[str, Any]]:
        """(file name of the picture, scene as in the file), in file order; nothing where there are none."""
        for file in self.scene_files:
            for number, item in enumerate(stream_items(file, "scenes")):
                yield _picture_name(item, f"Scene {number} of {file}", self.name), item

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


def question_from_json(item: Any, where: str = "A question", split: str = "new") -> GivenQuestion:
    """A question of a released file or of the public generator's own output."""
    filename = _picture_name(item, where, split)
    if not isinstance(item.get("question"), str):
        raise InputError(f"{where} has no text under 'question'; expected CLEVR's question JSON.")
    program, answer = item.get("program"), item.get("answer")
    try:
        return GivenQuestion(
            text=item["question"],
            filename=filename,
            answer=None if answer is None else answer_text(answer),
            program=program_from_json(program) if program else None,
            family=_family_index(item),
            index=item.get("question_index"),
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _picture_name(item: Any, where: str, split: str) -> str:
    if isinstance(item, dict):
        name, number = item.get("image_filename"), item.get("image_index")
        if isinstance(name, str):
            return name
        if isinstance(number, int):
            return f"CLEVR_{item.get('split', split)}_{number:06d}.png"
    raise InputError(
        f"{where} says neither 'image_filename' nor 'image_index'; expected CLEVR's question JSON."
    )


def answer_text(answer: Any) -> str:
    """An answer as the released files write it; the public generator writes booleans and integers."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, (int, str)):
        return str(answer)
    raise InputError(f"the answer {answer!r} is no word, number or yes/no; give one of CLEVR's 28 answers.")


# --- finding things -------------------------------------------------------------------------------


def _gather(roots: Iterable[Path]) -> dict[str, dict[str, tuple[Path, ...]]]:
    """split name -> which files and folders of it are there."""
    parts: dict[str, dict[str, tuple[Path, ...]]] = {}

    def add(name: str, kind: str, path: Path) -> None:
        files = parts.setdefault(name, {"question_files": (), "scene_files": (), "picture_folders": ()})
        files[kind] += (path,)

    for root in roots:
        for kind, folder in (("question_files", "questions"), ("scene_files", "scenes")):
            for file in sorted((root / folder).glob(f"*_{folder}.json")):
                if match := re.fullmatch(rf"(?:.*_)?([^_]+)_{folder}\.json", file.name):
                    add(match[1], kind, file)
        for folder_ in sorted(p for p in (root / "images").glob("*") if p.is_dir()):
            add(folder_.name, "picture_folders", folder_)
    return parts


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


_BY_TEMPLATE = {(family.file, family.file_index): family.index for family in FAMILIES}
_TEMPLATE_FILES = {family.file for family in FAMILIES}


def _family_index(item: dict[str, Any]) -> int | None:
    index = item.get("question_family_index")
    if index is None:
        return None
    template = item.get("template_filename")
    if isinstance(template, str):  # generators count inside each template file, wherever that lay
        file = template.replace("\\", "/").rpartition("/")[2].removesuffix(".json")
        if file not in _TEMPLATE_FILES:
            return None  # another's families, as CLOSURE's; their program says which
        family = _BY_TEMPLATE.get((file, index))
    else:
        family = index if isinstance(index, int) and 0 <= index < len(FAMILIES) else None
    if family is None:
        raise InputError(f"the question family {index!r} is unknown; CLEVR has 0..{len(FAMILIES) - 1}.")
    return family
