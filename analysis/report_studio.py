"""The scene studio in a report: an edited scene before and after."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.figures import question as single
from analysis.question.truth import find_truth
from analysis.report_bench import answers_table
from analysis.report_page import Item, Section, html, picture, table
from analysis.report_view import drawn_scene
from analysis.scenes.counterfactual import ScenePair, shared_questions
from analysis.scenes.moved import moved_maps, recorded_stages
from analysis.scenes.question_set import ask_both
from analysis.view import PictureKey, ViewState
from film import (
    InputError,
    Scene,
    Session,
    gallery,
    percent,
    rounded_scene,
    scene_from_text,
    scene_picture,
    scene_to_text,
)

EACH = 8  # questions whose true answer changes, and as many whose answer stays
MAPS = 12  # that move most, listed
SEED = 0


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
    pictures = drawn_scene(texts[0]), drawn_scene(texts[1])
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
            answers_table(one.probabilities, other.probabilities),
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
        f"{one.answer} ({percent(one.probabilities[one.answer])}) before, {other.answer} "
        f"({percent(other.probabilities[other.answer])}) after; true: {truths[0]} before, {truths[1]} after."
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
