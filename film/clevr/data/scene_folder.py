"""Some scenes as a folder in the layout of CLEVR v1.0: pictures, scenes and the questions asked of them.

What the scene studio hands out, and `film draw` writes; `film evaluate --data` reads it back.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from film.clevr.data.generate import question_to_json
from film.clevr.data.resumable import write_file, writing
from film.clevr.language.parser import NotUnderstood, parse
from film.clevr.language.programs import run
from film.clevr.language.sampler import Question
from film.clevr.rendering.render import scene_picture
from film.clevr.scene_json import scene_to_json
from film.clevr.scenes import Scene
from film.errors import InputError
from film.progress import Progress


def scene_folder_files(
    scenes: Sequence[Scene],
    questions: Sequence[str],
    pictures: Sequence[np.ndarray] | None = None,
    *,
    split: str = "new",
    progress: Progress | None = None,
) -> dict[str, bytes]:
    """The files of such a folder by their names in it.

    Args:
        questions: asked of every scene in which they have a true answer; left out of the others.
        pictures: uint8 (height, width, 3), one a scene; the clean ones are drawn if left out.
        split: letters and digits, in the names of all files.

    Raises:
        InputError: there is no scene, not one picture a scene, or a split that is no name.
    """
    if not scenes or (pictures is not None and len(pictures) != len(scenes)):
        some = "no picture" if pictures is None else f"{len(pictures)} pictures"
        raise InputError(
            f"{len(scenes)} scenes and {some} were given; give a scene, and one picture of each."
        )
    if not split.isalnum():
        raise InputError(f"The split {split!r} was given; use letters and digits only, such as new.")
    files: dict[str, bytes] = {}
    placed = []
    for index, scene in enumerate(scenes):
        picture = scene_picture(scene) if pictures is None else pictures[index]
        name = f"CLEVR_{split}_{index:06d}.png"
        Image.fromarray(picture).save(buffer := io.BytesIO(), "PNG")
        files[f"images/{split}/{name}"] = buffer.getvalue()
        height, width = picture.shape[:2]
        placed.append(scene.located(width, height).replaced(index=index, split=split, filename=name))
        if progress:
            progress(index + 1, len(scenes))
    files[f"scenes/CLEVR_{split}_scenes.json"] = _listed("scenes", split, map(scene_to_json, placed))
    asked = _asked(placed, questions)
    files[f"questions/CLEVR_{split}_questions.json"] = _listed("questions", split, asked)
    return files


def write_scene_folder(
    out: str | Path,
    scenes: Sequence[Scene],
    questions: Sequence[str],
    pictures: Sequence[np.ndarray] | None = None,
    *,
    split: str = "new",
    progress: Progress | None = None,
) -> Path:
    """Write such a folder; arguments as of `scene_folder_files`.

    Args:
        out: the folder, new or empty.
        pictures: uint8 (height, width, 3), one a scene; the clean ones are drawn if left out.

    Raises:
        InputError: as there, or the folder holds something already or cannot be written.
    """
    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} holds something already; give a folder that is new or empty.")
    files = scene_folder_files(scenes, questions, pictures, split=split, progress=progress)
    with writing(folder):
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(folder / name, content)
    return folder


def unanswered(scenes: Sequence[Scene], questions: Sequence[str]) -> Iterator[str]:
    """A sentence for each question that has no true answer in some of the scenes, before they are drawn.

    Raises:
        InputError: a text is no question of CLEVR's.
    """
    for text in questions:
        try:
            program = parse(text).program
        except InputError as error:
            raise InputError(
                f"{error} Ask in CLEVR's words, such as “How many red things are there?”."
            ) from None
        without = sum(run(program, scene).answer is None for scene in scenes)
        if without:
            yield f"“{text}” has no true answer in {without} of {len(scenes)} scenes and is left out there."


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as one zip archive, the same bytes whenever it is made."""
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # of 1980: no clock in it
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _listed(kind: str, split: str, items: Any) -> bytes:
    return json.dumps({"info": {"split": split, "version": "1.0"}, kind: list(items)}).encode()


def _asked(scenes: Sequence[Scene], questions: Sequence[str]) -> list[dict[str, Any]]:
    """Every question of every scene in which it has a true answer, as the released files have them."""
    items: list[dict[str, Any]] = []
    for text in questions:
        try:
            parsed = parse(text)
        except (NotUnderstood, InputError):
            continue
        for scene in scenes:
            found = run(parsed.program, scene)
            if found.answer is not None:
                question = Question(
                    text, parsed.family.index, parsed.slots, parsed.program, found.answer, found.outputs
                )
                items.append(question_to_json(question, scene, len(items)))
    return items
