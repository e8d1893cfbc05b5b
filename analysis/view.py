"""What a link carries, as one frozen value: the page's address, read and written without a page.

The app keeps it in step with the URL (`ui.state`); `python -m analysis report --view` makes a report of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from film import InputError, scene_from_text

LINK_LONGEST = 2000  # characters of a question that a link may carry
LINK_SELECTIONS = 6000  # characters of all selections in a link: with the rest of it, servers take so much
LINK_HASH = 12  # characters of a weights' hash in a link


@dataclass(frozen=True)
class PictureKey:
    """What a picture is called in views and links: "gallery-7", "folder-17", "upload-" and a hash, or
    "scene-" and the text of an edited scene (`film.scene_to_text`).

    `number`: of a numbered kind; None for an upload, which has a `hash` instead, and for a scene, which has
    its `scene`.
    """

    kind: str
    number: int | None = None
    hash: str = ""
    scene: str = ""

    @staticmethod
    def parse(text: str) -> PictureKey | None:
        """The key that a text is; None where it is none."""
        kind, dash, rest = text.partition("-")
        if kind in ("gallery", "folder"):
            plain = rest.isascii() and rest.isdecimal() and len(rest) < 9
            return PictureKey(kind, int(rest)) if plain else None
        if kind == "scene" and dash:
            return PictureKey(kind, scene=rest)
        return PictureKey(kind, hash=rest) if kind == "upload" and dash else None

    def __str__(self) -> str:
        return f"{self.kind}-{(self.hash or self.scene) if self.number is None else self.number}"


@dataclass(frozen=True)
class ViewState:
    """What is on the page. All of it is in the link.

    `picture`: "gallery-7", "folder-17" in the folder of pictures that is open, "scene-" and the whole text of
    an edited scene, or "upload-" and the hash of a picture that only its own session has.
    `block`, `feature_map`: counted from 0, the one that the study pages look into.
    `layout`, `beside`: names of the Atlas's projections; `color`, `word`: what its points are coloured by.
    `written`: what stands on them: "" is the names of the colours.
    `filter_by`, `filter_for`: which of its questions are selected.
    `selection`, `kept`: questions that are selected, and selections by name (`analysis.selection_to_text`).
    `marked`: questions of a comparison that are selected (`analysis.rows_to_text`).
    `chosen`: the question of the study that is looked at, from 1; 0 for none.
    `options`: toggles, sorting and the like of all pages by their names, as JSON.
    `probe`: what the Evidence page's probes are to tell. Empty where nothing was chosen.
    `plane`: what gamma against beta is coloured by on the Parameters page: "" is the map.
    `edits`: the Bench's interventions as text (`film.to_text`), "!" before one that is switched off.
    `other`: the Bench's second question.
    `before`: the picture that an edited scene is compared with; empty where it is the same.
    `thing`: the object that is edited, from 0. `series`: what is varied of it.
    `versus`: name of the checkpoint that it is compared with; `part`: what of the comparison is shown.
    `network`: name of the chosen checkpoint; empty where it is the one that opens first.
    """

    picture: str = "gallery-0"
    question: str = ""
    block: int = 0
    feature_map: int = 0
    layout: str = ""
    beside: str = ""
    color: str = ""
    word: str = ""
    written: str = ""
    filter_by: str = ""
    filter_for: str = ""
    probe: str = ""
    plane: str = ""
    edits: str = ""
    other: str = ""
    before: str = ""
    thing: int = 0
    series: str = ""
    versus: str = ""
    part: str = ""
    network: str = ""
    selection: str = ""
    kept: str = ""
    marked: str = ""
    chosen: int = 0
    options: str = ""


# Numbers by their name in the URL: the field, and the least; blocks count from 1 as they do on the page.
_NUMBERS = {"block": ("block", 1), "map": ("feature_map", 0), "object": ("thing", 1), "row": ("chosen", 0)}
_TEXTS = {  # plain text, which the page checks where it is used
    "layout": "layout", "beside": "beside", "color": "color", "word": "word",
    "written": "written",
    "by": "filter_by", "for": "filter_for", "probe": "probe", "plane": "plane",
    "edits": "edits", "other": "other", "before": "before", "series": "series",
    "versus": "versus", "part": "part", "network": "network", "options": "options",
    "selection": "selection", "kept": "kept", "marked": "marked",
}  # fmt: skip
# Selections in the order of what goes first where not all of them fit, and what they are called.
_SELECTIONS = {
    "selection": "the selection",
    "marked": "the selection of the comparison",
    "kept": "the selections that are kept under names",
}
_TEXT = 120  # characters of one of them in a link
_LONG = {  # and of those that may be longer
    "edits": 6000, "other": LINK_LONGEST, "before": LINK_LONGEST, "options": LINK_LONGEST,
    **dict.fromkeys(_SELECTIONS, LINK_SELECTIONS),
}  # fmt: skip
_CALLED = {
    "edits": "the Bench's edits",
    "other": "the second question",
    "before": "the scene before its edits",
}
_WEIGHTS = "weights"


def to_link(view: ViewState, weights: str) -> dict[str, str]:
    """The URL parameters that reopen this view; what is as it always is, and `left_out`, stays out."""
    link = {"picture": view.picture, "q": view.question}
    for name, (field, least) in _NUMBERS.items():
        if value := getattr(view, field):
            link[name] = str(value + least)
    return link | _carried(view) | {_WEIGHTS: weights[:LINK_HASH]}


def left_out(view: ViewState) -> tuple[str, ...]:
    """What a link to this view cannot carry, each in some words: an upload, what is too long."""
    key, carried = PictureKey.parse(view.picture), _carried(view)
    found = ["the uploaded picture"] if key is not None and key.kind == "upload" else []
    called = _SELECTIONS | _CALLED
    return (*found, *(called.get(name, name) for name in _texts(view) if name not in carried))


def _texts(view: ViewState) -> dict[str, str]:
    """The texts of a view by their name in the URL."""
    return {name: text for name, field in _TEXTS.items() if (text := getattr(view, field))}


def _carried(view: ViewState) -> dict[str, str]:
    """Those that a link has room for."""
    texts, room = _texts(view), LINK_SELECTIONS
    for name in _SELECTIONS:
        if name in texts and (takes := len(quote(texts[name]))) <= room:
            room -= takes
        else:
            texts.pop(name, None)
    return {name: text for name, text in texts.items() if len(text) <= _LONG.get(name, _TEXT)}


def _no_folder() -> int:
    raise InputError("No folder of pictures is open here.")


def _picture(text: str, pictures: int, in_folder: Callable[[], int]) -> tuple[PictureKey | None, str | None]:
    """The picture that a link names, or what to say where it cannot be had."""
    key = PictureKey.parse(text)
    if key is None or (key.kind == "gallery" and key.number is not None and key.number >= pictures):
        return None, "This link names a picture that the gallery does not have; another stands in."
    if key.kind == "scene":
        try:
            scene_from_text(key.scene)
        except InputError as error:
            return None, f"This link holds a scene that cannot be drawn; another picture stands in. {error}"
        return key, None
    if key.number is None:
        return None, (
            "This link was made with an uploaded picture, which a link cannot carry: upload the same "
            "file to see what its maker saw. Until then a picture of the gallery stands in."
        )
    if key.kind == "folder":
        try:
            count = in_folder()
        except InputError as error:
            return None, f"This link names a picture of a folder, and one of the gallery stands in. {error}"
        if key.number >= count:
            return None, (
                f"This link names picture {key.number} of a folder; the one here has {count:,}, 0 "
                f"to {count - 1}, so a picture of the gallery stands in."
            )
    return key, None


def from_link(
    link: Mapping[str, str],
    weights: str,
    pictures: int,
    plain: ViewState,
    in_folder: Callable[[], int] = _no_folder,
) -> tuple[ViewState, tuple[str, ...]]:
    """The view that a link asks for, and a sentence for everything in it that cannot be had.

    Args:
        weights: hash of the network that will answer.
        pictures: how many the gallery has.
        plain: the view where the link says nothing.
        in_folder: tells how many pictures the open folder has, or raises InputError saying why there is none;
            called only for a link to one of them, for counting takes a while.
    """
    view, remarks = plain, []
    if (picture := link.get("picture")) is not None:
        key, remark = _picture(picture, pictures, in_folder)
        if key is not None:
            view = replace(view, picture=str(key))
        if remark:
            remarks.append(remark)
    if "q" in link:
        view = replace(view, question=link["q"][:LINK_LONGEST])
    texts: dict[str, Any] = {
        field: link[name][: _LONG.get(name, _TEXT)] for name, field in _TEXTS.items() if name in link
    }
    view = replace(view, **texts)
    for name, (field, least) in _NUMBERS.items():
        if name in link:
            text = link[name]
            if text.isdecimal() and len(text) < 8 and int(text) >= least:
                change: dict[str, Any] = {field: int(text) - least}
                view = replace(view, **change)
            else:
                remarks.append(
                    f"This link has a {name} that is no number from {least} on; the first is shown."
                )
    if _WEIGHTS in link and link[_WEIGHTS] != weights[:LINK_HASH]:
        made = link[_WEIGHTS][:LINK_HASH]
        made = made if made.isalnum() else "another one"
        remarks.append(
            f"This link was made with another network ({made}); the one here is {weights[:LINK_HASH]}, so "
            "answers and numbers can differ from what its maker saw."
        )
    return view, tuple(remarks)
