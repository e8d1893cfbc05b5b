"""The gallery: some forty scenes with pictures and questions that come with the project.

This folder is also a CLEVR v1.0 folder with the one split "gallery", so every reader of such folders
opens it. `python -m film gallery OUT` makes it anew; `film.clevr.gallery.make` says which scenes
are in it and why.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from film.clevr.data.folder import open_folder
from film.clevr.data.question_json import GivenQuestion
from film.clevr.scenes import Scene
from film.errors import InputError
from film.started import command

FOLDER = Path(__file__).parent
SPLIT, LABELS = "gallery", "gallery.json"


@dataclass(frozen=True)
class Exhibit:
    """One scene of the gallery.

    `title`, `why`: what to look at in it. `pair`: number of the exhibit it differs from in one
    respect, None if there is none. `scene` holds its view, so `render` gives the same picture.
    """

    number: int
    title: str
    why: str
    pair: int | None
    scene: Scene
    picture_path: Path
    questions: tuple[GivenQuestion, ...]


def gallery(folder: Path = FOLDER) -> tuple[Exhibit, ...]:
    """All exhibits, in the order in which they are to be shown.

    Raises:
        InputError: the folder is incomplete or damaged.
    """
    split = open_folder(folder).split(SPLIT)
    try:
        labels = json.loads((folder / LABELS).read_text("utf-8"))["exhibits"]
        labels = {label["image_filename"]: (label["title"], label["why"], label["pair"]) for label in labels}
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(
            f"{folder / LABELS} is missing or damaged; make the gallery again with "
            f"`{command('film', 'gallery', str(folder))}`."
        ) from None
    questions: dict[str, list[GivenQuestion]] = {}
    for question in split.questions():
        questions.setdefault(question.filename, []).append(question)
    exhibits = []
    for number, scene in enumerate(split.scenes()):
        if scene.filename not in labels:
            raise InputError(f"{folder / LABELS} says nothing of {scene.filename}; make the gallery again.")
        path, asked = split.picture_path(scene.filename), tuple(questions.get(scene.filename, ()))
        title, why, pair = labels[scene.filename]
        exhibits.append(Exhibit(number, title, why, pair, scene, path, asked))
    return tuple(exhibits)
