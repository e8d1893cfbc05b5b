"""Scenes as CLEVR v1.0 writes them: JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from film.clevr.json_stream import stream_items
from film.clevr.json_values import finite, numbered_name, picture_name, shown, whole
from film.clevr.scenes import ATTRIBUTES, DIRECTIONS, RELATIONS, Relationships, Scene, SceneObject, View
from film.errors import InputError


def scene_to_json(scene: Scene) -> dict[str, Any]:
    """A scene as in CLEVR's files, and under `view` the camera and lamps, which CLEVR leaves out."""
    return {
        "split": scene.split,
        "image_index": scene.index,
        "image_filename": scene.filename,
        "objects": [_object_to_json(thing) for thing in scene.objects],
        "directions": {name: list(vector) for name, vector in DIRECTIONS.items()},
        "relationships": {
            name: [list(related) for related in lists] for name, lists in scene.relationships.items()
        },
        "view": {name: list(position) for name, position in asdict(scene.view).items()},
    }


def _object_to_json(thing: SceneObject) -> dict[str, Any]:
    item: dict[str, Any] = {name: getattr(thing, name) for name in ("shape", "size", "material", "color")}
    item["3d_coords"] = [thing.x, thing.y, thing.radius]
    item["rotation"] = thing.rotation
    if thing.pixel is not None:
        item["pixel_coords"] = list(thing.pixel)
    return item


def scene_from_json(item: Any) -> Scene:
    """A scene of a CLEVR file.

    The file's own relationships are kept where it gives them. Estimated scenes
    (`position_right_front_z`, `relationships_estimated`) are read as well. Raises InputError saying
    where in the scene something is wrong.
    """
    if not isinstance(item, dict):
        raise InputError(f"A scene is {shown(item)}; expected a JSON object with a list 'objects'.")
    listed = item.get("objects")
    if not isinstance(listed, list):
        raise InputError(f"A scene's 'objects' is {shown(listed)}; expected a list of objects.")
    objects = []
    for number, thing in enumerate(listed):
        try:
            objects.append(_object_from_json(thing))
        except InputError as error:
            raise InputError(f"object {number}: {error}") from None
    split = _text(item, "split") or "new"
    given = item.get("image_index")
    index = 0 if given is None else whole(given)
    if index is None or index < 0:
        raise InputError(f"A scene's 'image_index' is {shown(given)}; expected a whole number from 0 on.")
    return Scene(
        objects=tuple(objects),
        view=View() if item.get("view") is None else _view_from_json(item["view"]),
        index=index,
        split=split,
        filename=picture_name(_text(item, "image_filename")) or numbered_name(split, index),
        given_relationships=_relationships_from_json(
            item.get("relationships") or item.get("relationships_estimated"), len(objects)
        ),
    )


def each_scene(files: Iterable[Path], split: str = "new") -> Iterator[tuple[str, str, Any]]:
    """Of each scene of some files: words for where it stands, its picture's file name, the scene as given.

    A scene that says neither name nor number has the number of its place. `split` is that of pictures of
    which a file gives only numbers.

    Raises:
        InputError: a file cannot be read, or two scenes are of one picture.
    """
    seen: dict[str, str] = {}
    for file in files:
        for number, item in enumerate(stream_items(file, "scenes")):
            where = f"Scene {number} of {file}"
            name = _scene_name(item, split, number) if isinstance(item, dict) else f"{where}"
            if name in seen:
                raise InputError(
                    f"{where} is of {name}, as {seen[name][:1].lower()}{seen[name][1:]} is; "
                    "keep the scenes of one run, one for each picture."
                )
            seen[name] = where
            yield where, name, item


def _scene_name(item: dict[str, Any], split: str, number: int) -> str:
    said, index = item.get("split"), whole(item.get("image_index"))
    split = said if isinstance(said, str) and said else split
    return (
        picture_name(item.get("image_filename"))
        or picture_name(item.get("image"))
        or numbered_name(split, number if index is None else index)
    )


def read_scenes(path: str | Path) -> list[Scene]:
    """The scenes of a CLEVR scenes file, in file order. Raises InputError naming file and scene."""
    scenes = []
    for where, name, item in each_scene([Path(path)]):
        try:
            scenes.append(scene_from_json(item).replaced(filename=name))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return scenes


def write_scenes(path: str | Path, scenes: Iterable[Scene], split: str = "new") -> None:
    """Write a CLEVR v1.0 scenes file, one scene a line; the scenes are numbered as they come.

    Raises:
        InputError: the file cannot be written.
    """
    lines = []
    for index, scene in enumerate(scenes):
        named = scene.replaced(index=index, split=split, filename=f"CLEVR_{split}_{index:06d}.png")
        lines.append(json.dumps(scene_to_json(named)))
    info = json.dumps({"split": split, "version": "1.0"})
    try:
        Path(path).write_text(f'{{"info": {info}, "scenes": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8")
    except OSError as error:
        raise InputError(f"The file {path} cannot be written ({error.strerror}); check the folder.") from None


def _object_from_json(item: Any) -> SceneObject:
    if not isinstance(item, dict):
        raise InputError(f"An object is {shown(item)}; expected a JSON object.")
    for attribute in ATTRIBUTES:
        if attribute not in item:
            raise InputError(f"An object has no {attribute!r}; CLEVR's objects have {', '.join(ATTRIBUTES)}.")
    named = next((name for name in ("3d_coords", "position") if item.get(name) is not None), None)
    if named:
        x, y = _numbers(item[named], named, at_least=2)[:2]
    elif "position_right_front_z" in item:
        to_right, to_front = _numbers(item["position_right_front_z"], "position_right_front_z", at_least=2)[
            :2
        ]
        right, front = DIRECTIONS["right"], DIRECTIONS["front"]
        x, y = (to_right * right[k] + to_front * front[k] for k in (0, 1))
    else:
        raise InputError("An object has no '3d_coords'; expected its position [x, y, z].")
    pixel = None
    if item.get("pixel_coords") is not None:
        u, v, depth = _numbers(item["pixel_coords"], "pixel_coords", at_least=3)[:3]
        pixel = (round(u), round(v), depth)
    return SceneObject(
        **{attribute: item[attribute] for attribute in ATTRIBUTES},
        x=x,
        y=y,
        rotation=0.0 if item.get("rotation") is None else item["rotation"],
        pixel=pixel,
    )


def _relationships_from_json(given: Any, count: int) -> Relationships | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not set(RELATIONS) <= set(given):
        raise InputError(f"A scene's 'relationships' is {shown(given)}; expected {', '.join(RELATIONS)}.")
    relationships: Relationships = {}
    for relation in RELATIONS:
        lists, rows = given[relation], []
        if not isinstance(lists, list) or len(lists) != count:
            raise InputError(
                f"A scene's relationships '{relation}' is {shown(lists)}; expected {count} lists, "
                "one for each object."
            )
        for i, related in enumerate(lists):
            numbers = {whole(j) for j in related} if isinstance(related, list) else {None}
            row = tuple(sorted(j for j in numbers if j is not None and 0 <= j < count and j != i))
            if len(row) < len(numbers):
                raise InputError(
                    f"A scene's relationships '{relation}' of object {i} is {shown(related)}; "
                    f"expected a list of other objects' numbers, 0 to {count - 1}."
                )
            rows.append(row)
        relationships[relation] = tuple(rows)
    return relationships


def _view_from_json(given: Any) -> View:
    names = list(asdict(View()))
    if not isinstance(given, dict) or set(given) != set(names):
        raise InputError(f"A scene's 'view' is {shown(given)}; expected positions of {', '.join(names)}.")
    positions = {name: tuple(_numbers(given[name], name, at_least=3)[:3]) for name in names}
    return View(**positions)  # type: ignore[arg-type]


def _numbers(given: Any, name: str, at_least: int) -> list[float]:
    if not isinstance(given, list) or len(given) < at_least or not all(map(finite, given)):
        raise InputError(f"{name!r} is {shown(given)}; expected a list of {at_least} or more numbers.")
    return [float(n) for n in given]


def _text(item: dict[str, Any], name: str) -> str | None:
    value = item.get(name)
    if not isinstance(value, str | None):
        raise InputError(f"A scene's {name!r} is {shown(value)}; expected text.")
    return value
