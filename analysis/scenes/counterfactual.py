"""Minimal pairs of scenes: one attribute of one object differs, and the same questions are asked of both.

The true answers are computed from the scenes, so it is known for every question whether its answer is to
change. Both pictures are drawn with the same seed: nothing but the edit tells them apart. A control asks
about the unedited scene drawn with another seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.tables import read_tables, write_tables
from film import (
    ATTRIBUTES,
    ChangeAttribute,
    CheckedEdit,
    InputError,
    MoveObject,
    Progress,
    Question,
    QuestionSampler,
    Scene,
    Session,
    check_edit,
    clustered_share,
    command,
    probabilities,
    question_type,
    rounded_scene,
    run,
    sample_scene,
    scene_from_text,
    scene_picture,
    scene_to_text,
)

FOLDER, TABLE, _NOTE = "study", "counterfactual.parquet", b"counterfactual"
_COLUMNS = (
    "pair scene kind thing change before after question type truth_before truth_after answer_before "
    "answer_after confidence_before confidence_after truth_changes consistent right"
)
KINDS = (*ATTRIBUTES, "place")  # what differs in a pair
EACH = 2  # questions of a pair whose true answer changes, and as many whose answer stays
SAMPLED = 120  # scenes, where none are given
_CANDIDATES = 90  # questions drawn about each of a pair's scenes, to choose from
_TRIES = 12  # edits tried for one pair
_MOVED = 0.5  # units that an object is moved at least
_FEW = 30  # pairs below which a table says little


@dataclass(frozen=True)
class ScenePair:
    """Two scenes that differ in one thing of one object.

    `number`: of the scene among those the pairs are made of. `kind`: one of KINDS. `thing`: the object, from
    0. `change`: in words, "red to blue".
    """

    number: int
    before: Scene
    after: Scene
    kind: str
    thing: int
    change: str


@dataclass(frozen=True, eq=False)
class CounterfactualSet:
    """`table`: a row for each question about a pair, see `ask_pairs`. `recipe`: how it was made."""

    table: pd.DataFrame
    recipe: dict[str, Any]

    @property
    def pairs(self) -> int:
        """How many pairs of scenes there are."""
        return int(self.table["pair"].nunique())

    def consistency(self) -> pd.DataFrame:
        """How often the network is consistent, by what was changed and whether the truth changes with it.

        Estimand: over all questions of this kind about all such pairs of scenes drawn as these were,
        `consistent`: the share in which the network's answer changes exactly when the truth does; `right`: in
        which it is right about both scenes. `consistent_low` and so on: 95 % intervals clustered by scene
        (`clustered_share`), NaN where there are too few scenes. "nothing": the same scene drawn with another
        seed, where the answer is to stay.
        """
        rows = []
        for kind in ("all", *KINDS, "nothing"):
            own = self.table["kind"] == kind if kind != "all" else self.table["kind"] != "nothing"
            for truth in ("changes", "stays"):
                some = self.table[own & (self.table["truth_changes"] == (truth == "changes"))]
                if some.empty:
                    continue
                row: dict[str, Any] = {
                    "changed": kind, "true answer": truth, "pairs": some["pair"].nunique(),
                    "scenes": some["scene"].nunique(), "questions": len(some),
                }  # fmt: skip
                for name in ("consistent", "right"):
                    share = clustered_share(some[name].to_numpy(), some["scene"].to_numpy())
                    low, high = (np.nan if end is None else end for end in (share.low, share.high))
                    row |= {name: share.accuracy, f"{name}_low": low, f"{name}_high": high}
                rows.append(row)
        return pd.DataFrame(rows)

    def steady(self) -> tuple[int, int]:
        """Questions whose answer stays where a scene is drawn with another seed alone, and of how many."""
        own = self.table[self.table["kind"] == "nothing"]
        return int((own["answer_before"] == own["answer_after"]).sum()), len(own)

    def inconsistent(self) -> pd.DataFrame:
        """The questions about which the network is not consistent, those it was most confident of first."""
        wrong = self.table[~self.table["consistent"] & (self.table["kind"] != "nothing")]
        order = np.minimum(wrong["confidence_before"], wrong["confidence_after"])
        return wrong.loc[order.sort_values(ascending=False, kind="stable").index]


def sample_scene_pairs(scenes: Sequence[Scene], pairs: int, seed: int = 0) -> list[ScenePair]:
    """Pairs of scenes that keep CLEVR's rules, the kinds of change in turn, from all scenes evenly.

    Raises:
        InputError: the scenes allow fewer pairs.
    """
    rng = np.random.default_rng(seed)
    found: list[ScenePair] = []
    rounds = -(-pairs // len(KINDS)) if scenes else 0
    for turn in range(4 * rounds):
        scene = turn % len(scenes)
        for kind in KINDS:
            if len(found) == pairs:
                return found
            pair = _some_pair(rng, scene, rounded_scene(scenes[scene]), kind)
            known = pair is not None and any(
                other.number == scene and other.after == pair.after for other in found[-200:]
            )
            if pair is not None and not known:
                found.append(pair)
    if len(found) < pairs:
        raise InputError(
            f"{len(scenes)} scenes allow {len(found)} of the {pairs} pairs asked for; give more scenes."
        )
    return found


def _some_pair(rng: np.random.Generator, number: int, scene: Scene, kind: str) -> ScenePair | None:
    for _ in range(_TRIES):
        index = int(rng.integers(len(scene.objects)))
        thing = scene.objects[index]
        if kind == "place":
            x, y = np.round(rng.uniform(-3, 3, 2), 2).tolist()
            checked = check_edit(scene, MoveObject(index, x, y))
            if checked.place is not None and checked.nearest is not None:
                (x, y), checked = checked.place, CheckedEdit(checked.nearest)
            if math.hypot(x - thing.x, y - thing.y) < _MOVED:
                continue
            change = f"({thing.x:.2f}, {thing.y:.2f}) to ({x:.2f}, {y:.2f})"
        else:
            others = [value for value in ATTRIBUTES[kind] if value != getattr(thing, kind)]
            value = others[int(rng.integers(len(others)))]
            checked = check_edit(scene, ChangeAttribute(index, kind, value))
            change = f"{getattr(thing, kind)} to {value}"
        if not checked.problems:
            return ScenePair(number, scene, checked.scene, kind, index, change)
    return None


def shared_questions(pair: ScenePair, seed: int, each: int = EACH) -> list[tuple[Question, str, str]]:
    """Questions that have a true answer in both scenes of a pair, and both answers.

    Drawn as CLEVR draws them, half about either scene; at most `each` whose answer changes and `each` whose
    answer stays.
    """
    drawn: dict[str, Question] = {}
    for side, scene in enumerate((pair.before, pair.after)):
        for question in QuestionSampler(2 * seed + side).sample(scene, _CANDIDATES):
            drawn.setdefault(question.text, question)
    chosen: dict[bool, list[tuple[Question, str, str]]] = {True: [], False: []}
    order = np.random.default_rng(seed).permutation(len(drawn))
    questions = list(drawn.values())
    for place in order:
        question = questions[place]
        before, after = (run(question.program, scene).answer for scene in (pair.before, pair.after))
        if before is None or after is None:
            continue
        some = chosen[before != after]
        if len(some) < each:
            some.append((question, before, after))
    return [*chosen[True], *chosen[False]]


def ask_pairs(
    session: Session,
    pairs: Sequence[ScenePair],
    *,
    seed: int = 0,
    each: int = EACH,
    quality: str = "clean",
    workers: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Draw both scenes of every pair and ask the same questions of both.

    Args:
        quality: of the pictures, as in `scene_picture`.
        workers: processes that draw.
        progress: called with the pictures drawn and of all.

    Returns:
        A row for each question: pair, scene, kind, thing, change, before and after (the scenes' texts),
        question, type, truth_before, truth_after, answer_before, answer_after, confidence_before,
        confidence_after, truth_changes, consistent, right. Rows of the kind "nothing" are of a scene drawn
        again with another seed.
    """
    asked = [shared_questions(pair, seed + number, each) for number, pair in enumerate(pairs)]
    first = {pair.number: number for number, pair in reversed(list(enumerate(pairs)))}
    wanted: dict[tuple[str, int], None] = {}
    for pair in pairs:
        wanted |= dict.fromkeys([(scene_to_text(pair.before), seed), (scene_to_text(pair.after), seed)])
    for number in first.values():
        wanted[scene_to_text(pairs[number].before), seed + 1] = None
    maps = {}
    for done, (key, picture) in enumerate(_drawn(list(wanted), quality, workers), start=1):
        maps[key] = session.encode_picture(picture)
        if progress:
            progress(done, len(wanted))

    rows: list[dict[str, Any]] = []
    for number, (pair, questions) in enumerate(zip(pairs, asked, strict=True)):
        if not questions:
            continue
        before, after = scene_to_text(pair.before), scene_to_text(pair.after)
        modulation = session.modulate([question.text for question, _, _ in questions], lenient=True)

        def ask(text: str, drawn: int, modulation: Any = modulation) -> np.ndarray:
            return probabilities(session.classify(maps[text, drawn], modulation)[0])

        told = {"pair": number, "scene": pair.number, "thing": pair.thing}
        here, there = ask(before, seed), ask(after, seed)
        rows += _rows(
            session, questions, here, there,
            told | {"kind": pair.kind, "change": pair.change, "before": before, "after": after},
        )  # fmt: skip
        if first[pair.number] == number:
            same = [(question, truth, truth) for question, truth, _ in questions]
            rows += _rows(
                session, same, here, ask(before, seed + 1),
                told | {"kind": "nothing", "change": "another seed", "before": before, "after": before},
            )  # fmt: skip
    return pd.DataFrame(rows)


def _rows(
    session: Session,
    questions: Sequence[tuple[Question, str, str]],
    before: np.ndarray,
    after: np.ndarray,
    told: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    for (question, true_before, true_after), here, there in zip(questions, before, after, strict=True):
        said_before, said_after = (session.answers[int(chances.argmax())] for chances in (here, there))
        yield told | {
            "question": question.text,
            "type": question_type(question.program),
            "truth_before": true_before,
            "truth_after": true_after,
            "answer_before": said_before,
            "answer_after": said_after,
            "confidence_before": float(here.max()),
            "confidence_after": float(there.max()),
            "truth_changes": true_before != true_after,
            "consistent": (said_before != said_after) == (true_before != true_after),
            "right": said_before == true_before and said_after == true_after,
        }


def _drawn(
    wanted: Sequence[tuple[str, int]], quality: str, workers: int
) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """Every picture, in order, each by a process of its own where there are several."""
    draw = partial(_draw, quality=quality)
    if workers <= 1:
        yield from zip(wanted, map(draw, wanted), strict=True)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from zip(wanted, pool.imap(draw, wanted, chunksize=4), strict=True)


def _draw(key: tuple[str, int], quality: str) -> np.ndarray:
    text, seed = key
    return scene_picture(scene_from_text(text), quality, seed=seed, threads=1)


def measure_counterfactuals(
    session: Session,
    scenes: Sequence[Scene],
    source: str,
    *,
    pairs: int = 600,
    seed: int = 0,
    quality: str = "clean",
    workers: int = 1,
    progress: Progress | None = None,
) -> CounterfactualSet:
    """The consistency of a network on minimal pairs of scenes.

    Args:
        source: where the scenes are from, for the recipe.
        pairs: how many. seed: of pairs, questions and pictures.
        quality, workers, progress: as of `ask_pairs`.

    Raises:
        InputError: the pairs are too few to say anything, or more than the scenes allow.
    """
    if pairs < _FEW:
        raise InputError(f"{pairs} pairs say nothing of a network; take {_FEW} or more.")
    made = sample_scene_pairs(scenes, pairs, seed)
    table = ask_pairs(session, made, seed=seed, quality=quality, workers=workers, progress=progress)
    recipe = {
        "weights": session.card.weights, "scenes": len(scenes), "source": source, "pairs": pairs,
        "seed": seed, "quality": quality, "questions": len(table),
    }  # fmt: skip
    return CounterfactualSet(table, recipe)


def sampled_counterfactuals(
    session: Session, *, scenes: int = SAMPLED, seed: int = 0, **options: Any
) -> CounterfactualSet:
    """`measure_counterfactuals` of so many scenes sampled by CLEVR's rules; `options`: its own."""
    rng = np.random.default_rng(seed)
    sampled = [sample_scene(rng) for _ in range(scenes)]
    return measure_counterfactuals(session, sampled, "sampled by CLEVR's rules", seed=seed, **options)


def write_counterfactuals(folder: str | Path, found: CounterfactualSet) -> None:
    """Keep it in a folder, usually `study` beside the weights."""
    table = found.table.astype({"confidence_before": np.float32, "confidence_after": np.float32})
    write_tables(folder, {TABLE: table}, found.recipe, _NOTE)


def find_counterfactuals(folder: str | Path, weights: str) -> CounterfactualSet | None:
    """What is kept beside a checkpoint; None where there is nothing, or it is of other weights.

    Raises:
        InputError: the file is damaged.
    """
    study = Path(folder) / FOLDER
    if not (study / TABLE).is_file():
        return None
    (table,), (recipe,) = read_tables(
        study, (TABLE,), _NOTE, command("analysis", "counterfactual"), {TABLE: _COLUMNS},
        "pair scene thing confidence_before confidence_after",
    )  # fmt: skip
    return CounterfactualSet(table, recipe) if recipe.get("weights") == weights else None
