"""The scene studio in a report: the picture of a view, and an edited scene before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from analysis.figures import question as single
from analysis.question.truth import find_truth
from analysis.report_page import Item, Section, html, picture, table
from analysis.scenes.counterfactual import ScenePair, shared_questions
from analysis.scenes.moved import moved_maps, recorded_stages
from analysis.scenes.question_set import ask_both
from analysis.view import PictureKey, ViewState
from film import (
    InputError,
    Scene,
    Session,
    gallery,
    read_picture,
    rounded_scene,
    scene_from_text,
    scene_picture,
    scene_to_text,
)

EACH = 8  # questions whose true answer changes, and as many whose answer stays
MAPS = 12  # that move most, listed
SEED = 0


@dataclass(frozen=True, eq=False)
class ReportedPicture:
    """The picture of a view. `scene`: what is in it. `pixels`: uint8 (height, width, 3)."""

    title: str
    why: str
    pixels: np.ndarray
    scene: Scene


def reported_picture(view: ViewState) -> tuple[ViewState, ReportedPicture]:
    """The view and its picture, drawn where it is of an edited scene.

    The gallery's first stands in where the view has one of its maker's own; a view without a question gets
    the shortest of the picture's.
    """
    key = PictureKey.parse(view.picture)
    if key is not None and key.kind == "scene":
        scene = scene_from_text(key.scene)
        asked = view if view.question else replace(view, question="How many things are there?")
        why = f"{len(scene.objects)} objects, drawn from the scene."
        return asked, ReportedPicture("An edited scene", why, _drawn(key.scene), scene)
    number = key.number if key is not None and key.kind == "gallery" else None
    exhibit = gallery()[number or 0]
    if not view.question:
        first = min((question.text for question in exhibit.questions), key=len, default="")
        view = replace(view, question=first)
    pixels = read_picture(exhibit.picture_path)
    return view, ReportedPicture(exhibit.title, exhibit.why, pixels, exhibit.scene)


def studio_section(session: Session, view: ViewState) -> Iterator[Section]:
    """The scene before its edits and after: pictures, answers, true answers, many questions, maps that move.

    Nothing where the view has no edited scene.
    """
    key = PictureKey.parse(view.picture)
    before = _scene(view.before)
    if key is None or key.kind != "scene" or before is None:
        return
    title, scenes = "The scene before and after", (before, scene_from_text(key.scene))
    texts = [scene_to_text(scene) for scene in scenes]
    pictures = _drawn(texts[0]), _drawn(texts[1])
    images = [
        html(
            '<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>', picture(pixels), name, name
        )
        for name, pixels in zip(("Before", "After"), pictures, strict=True)
    ]
    body: list[Item] = list(images)
    try:
        stages = recorded_stages(session.config)
        drawn = *pictures, scene_picture(before, seed=SEED + 1)
        one, other, again = (session.ask(pixels, view.question, record=stages) for pixels in drawn)
    except InputError as error:
        yield Section(title, str(error), tuple(body))
        return
    truths = [find_truth(view.question, scene).answer or "none" for scene in scenes]
    body.append(
        (
            single.answers_side_by_side(one.probabilities, other.probabilities, names=("before", "after")),
            "Probabilities of all answers, before and after.",
        )
    )
    body += _many_questions(session, pictures, scenes)
    moved = moved_maps(one, other, again, session.config).head(MAPS)
    body += [
        html(
            "<h3>Feature maps that move most</h3><p>Mean absolute change after the block's ReLU; grain: the "
            "same between two drawings of the scene before.</p>"
        ),
        table(moved.assign(block=moved["block"] + 1), "{:.4f}"),
    ]
    said = (
        f"{one.answer} ({one.probabilities[one.answer]:.1%}) before, {other.answer} "
        f"({other.probabilities[other.answer]:.1%}) after; true: {truths[0]} before, {truths[1]} after."
    )
    yield Section(title, said, tuple(body))


def _many_questions(
    session: Session, pictures: tuple[np.ndarray, np.ndarray], scenes: tuple[Scene, Scene]
) -> list[Item]:
    drawn = shared_questions(ScenePair(0, *scenes, "", 0, ""), SEED, EACH)
    try:
        asked = ask_both(session, pictures, scenes, [question.text for question, _, _ in drawn])
    except InputError as error:  # a network of fewer words
        return [html("<p>{}</p>", error)]
    if asked.empty:
        return []
    about = html("<h3>Many questions</h3><p>Drawn as CLEVR draws them, seed {}.</p>", SEED)
    return [about, table(asked, "{:.3f}")]


def _scene(key: str) -> Scene | None:
    """The scene that an edited one is compared with; None where there is none."""
    parsed = PictureKey.parse(key)
    if parsed is None:
        return None
    if parsed.kind == "gallery":
        return rounded_scene(gallery()[parsed.number or 0].scene)
    try:
        return scene_from_text(parsed.scene) if parsed.kind == "scene" else None
    except InputError:
        return None


@lru_cache(maxsize=4)
def _drawn(text: str) -> np.ndarray:
    return scene_picture(scene_from_text(text))
