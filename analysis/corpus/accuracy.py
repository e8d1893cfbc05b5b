"""What a network answers on questions whose truth is known, and how often it is right.

Accuracy by type, length and depth as in the paper's Table 1 and section 4.3, each with an interval over
whole pictures: questions about one picture stand and fall together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.question_set import SCENE, drawn_picture
from film import (
    GROUP_NAMES,
    GROUPS,
    PAPER,
    Cancel,
    GivenQuestion,
    InputError,
    PictureFolder,
    Progress,
    Question,
    Questions,
    QuestionSampler,
    Scene,
    Session,
    Split,
    clustered_shares,
    gallery,
    open_data,
    open_folder,
    open_questions,
    picture_hash,
    program_depth,
    read_picture,
    sample_scene,
    scene_to_text,
    split_words,
    stop_if,
)

MOST = 3000  # questions
GALLERY, DRAWN = "the gallery's pictures", "scenes drawn as CLEVR draws them"
WHY_LEFT_OUT = {
    "untyped": "whose type is not known, since neither a program nor a family is given with them",
    "foreign": "that are not CLEVR's, so that they cannot be put in other words",
}
ABOUT_EACH, FEWEST_SCENES = 10, 10  # questions about each drawn scene; scenes
_ACCURACY = ("right", "asked", "pictures", "accuracy", "low", "high", "interval")


@dataclass(frozen=True, eq=False)
class Observed:
    """A network watched while it answers. Row i is one question everywhere.

    `table`: text, type, group, family, length (words), depth (longest chain of program steps), attribute
    (asked or compared), operation, answer (the true one), picture ("gallery-7", or a file's name),
    prediction, probability (of the prediction), probability_of_truth, right.
    `state`: (questions, units) of the encoder; `gamma`, `beta`: (questions, blocks, maps) as applied;
    `pooled`: the stem's maps and each block's output, each map's greatest value over places (or its mean, as
    the network's classifier pools), (questions, 1 + blocks, maps). `recipe`: where all of it comes from.
    """

    table: pd.DataFrame
    state: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    pooled: np.ndarray
    recipe: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.table)


def gallery_questions(most: int = MOST, seed: int = 0) -> Questions:
    """Questions as CLEVR asks them, equally many about every gallery picture, none twice about one.

    One sampler asks about all of them: CLEVR balances the answers of a family over many scenes.
    """
    exhibits = gallery()
    paths = {f"gallery-{exhibit.number}": exhibit.picture_path for exhibit in exhibits}
    each, sampler = max(1, most // len(exhibits)), QuestionSampler(seed)
    asked = [
        question
        for exhibit in exhibits
        for question in _about(exhibit.scene, f"gallery-{exhibit.number}", each, sampler)
    ]
    return Questions(asked, lambda name: read_picture(paths[name]))


def drawn_questions(most: int = MOST, seed: int = 0) -> Questions:
    """Questions as CLEVR asks them, ten about each of as many sampled scenes as that takes, none twice.

    The scenes are the first of `sample_questions` with the same seed, which no corpus has; they are drawn
    when their pictures are asked for.
    """
    rng, sampler = np.random.default_rng(seed), QuestionSampler(seed)
    scenes = max(FEWEST_SCENES, most // ABOUT_EACH)
    each = max(1, most // scenes)
    asked: list[GivenQuestion] = []
    for _ in range(scenes):
        scene = sample_scene(rng)
        asked += _about(scene, SCENE + scene_to_text(scene), each, sampler)
    return Questions(asked, drawn_picture)


@dataclass(frozen=True)
class FolderQuestions(Questions):
    """Questions about a folder of pictures.

    `made`: are they made here about its scenes, as it brings none that can be used? `trouble`: why those
    that it brings cannot be; "" where it brings none, or usable ones.
    """

    made: bool = False
    trouble: str = ""


def folder_questions(
    pictures: PictureFolder, data: str | Path, most: int = MOST, seed: int = 0
) -> FolderQuestions:
    """The questions that a folder of pictures brings, or questions as CLEVR asks them about its scenes.

    Its own are taken whether or not they say of which type they are, as CLEVR-Humans' do not. Pictures are
    called "folder-" and their number. Of several splits val is taken, or else the first.

    Args:
        data: where the folder lies.

    Raises:
        InputError: it has neither questions with answers nor scenes.
    """
    splits = pictures.ranges()
    split = "val" if "val" in splits else next(iter(splits))
    numbers = splits[split]
    asking = _asking(data, split)
    try:
        given = open_questions(data, asking or split, most)
        key = {pictures.name(number): f"folder-{number}" for number in numbers}
        asked = [replace(one, filename=key.get(one.filename, one.filename)) for one in given.questions]
        names = {new.filename: old.filename for new, old in zip(asked, given.questions, strict=True)}
        return FolderQuestions(asked, lambda name: given.picture(names[name]))
    except InputError as error:
        reason = str(error)
    sampler, asked = QuestionSampler(seed), []
    for number in numbers[: max(1, most // ABOUT_EACH)]:
        scene = pictures.scene(number)
        if scene is not None:
            asked += _about(scene, f"folder-{number}", ABOUT_EACH, sampler)
    if not asked:
        raise InputError(
            f"Nothing is known to be true of these pictures, so nothing can be counted: {reason}"
        )
    return FolderQuestions(
        asked,
        lambda name: pictures.picture(int(name.removeprefix("folder-"))),
        made=True,
        trouble=reason if asking else "",
    )


def _asking(data: str | Path, split: str) -> str | None:
    """The split that brings questions about a split's pictures: itself, or CLEVR-Humans'; None for none."""
    try:
        part = open_data(data, split)
    except InputError:
        return None  # just pictures
    if not isinstance(part, Split):
        return split
    others = [part, *open_folder(data).splits.values()]
    asking = (
        other.name
        for other in others
        if other.question_files and other.picture_folders == part.picture_folders
    )
    return next(asking, None)


def _about(scene: Scene, name: str, count: int, sampler: QuestionSampler) -> list[GivenQuestion]:
    """So many different questions about a scene, or as many as it gives."""
    found: dict[str, Question] = {}
    while len(found) < count:
        before = len(found)
        found |= {one.text: one for one in sampler.sample(scene, count) if one.text not in found}
        if len(found) == before:
            break
    return [
        GivenQuestion(one.text, name, one.answer, one.program, one.family)
        for one in list(found.values())[:count]
    ]


@dataclass(frozen=True)
class TypedQuestions(Questions):
    """Questions of known type. `untyped`: how many were left out, with neither program nor family."""

    untyped: int = 0


def some_questions(data: str | Path, split: str | None = None, most: int = MOST) -> TypedQuestions:
    """The first questions of a CLEVR folder's split or a packed corpus, less those of no known type.

    Raises:
        InputError: there are none, or they come without answers.
    """
    given = open_questions(data, split, most)
    known = [question for question in given.questions if question.type is not None]
    if not known:
        raise InputError(
            f"No question of {data} says of which type it is; give a folder whose questions have programs."
        )
    return TypedQuestions(known, given.picture, len(given.questions) - len(known))


def left_out(asked: Questions, **more: int) -> dict[str, dict[str, int]]:
    """For a recipe: how many questions of the data were not asked, by why; empty where all were.

    Args:
        more: further counts by a name in WHY_LEFT_OUT.
    """
    counts = {"untyped": asked.untyped if isinstance(asked, TypedQuestions) else 0, **more}
    why = {WHY_LEFT_OUT[name]: count for name, count in counts.items() if count}
    return {"left_out": why} if why else {}


def told_left_out(recipe: Mapping[str, Any]) -> str:
    """A recipe's questions that were not asked, in a sentence; "" where all were."""
    counts = recipe.get("left_out", {}).items()
    return f"Left out: {'; '.join(f'{count:,} questions {why}' for why, count in counts)}." if counts else ""


def first_picture(asked: Questions) -> dict[str, dict[str, str]]:
    """For a recipe: name and hash of the first picture, by which its folder is known again.

    Empty where pictures' names say what they show: those of the gallery and of drawn scenes.
    """
    name = asked.questions[0].filename
    if name.startswith(("gallery-", SCENE)):
        return {}
    return {"first_picture": {"name": name, "hash": picture_hash(asked.picture(name))}}


def observe(
    session: Session,
    asked: Questions,
    source: str,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Observed:
    """Put every question to the network and keep what it answers and what is inside; some 12 ms a question.

    Args:
        source: in words, where the questions and pictures come from; kept in the recipe.
        seed: that the questions were drawn with; kept in the recipe.

    Raises:
        Cancelled: `cancel` said so.
    """
    config = session.config
    pooling = "mean" if config.pooling == "mean" else "max"
    pool = np.mean if pooling == "mean" else np.max
    names = ("stem", *(f"block{block}.out" for block in range(1, config.blocks + 1)))
    questions = asked.questions
    count = len(questions)
    state = np.zeros((count, config.state), np.float32)
    gamma = np.zeros((count, config.blocks, config.maps), np.float32)
    beta = np.zeros_like(gamma)
    pooled = np.zeros((count, len(names), config.maps), np.float32)
    said, chance, of_truth = [""] * count, np.zeros(count), np.zeros(count)
    done = 0
    for picture, rows in asked.by_picture().items():
        stop_if(cancel)
        here = session.encode([questions[row].text for row in rows], lenient=True)
        modulation = session.modulation_of(here)
        state[rows], gamma[rows], beta[rows] = here, modulation.gamma.numpy(), modulation.beta.numpy()
        for row, answer in zip(rows, session.answer(asked.picture(picture), modulation, names), strict=True):
            said[row], chance[row] = answer.answer, answer.probabilities[answer.answer]
            of_truth[row] = answer.probabilities.get(str(questions[row].answer), 0.0)
            pooled[row] = [pool(answer.activations[name], axis=(1, 2)) for name in names]
        done += len(rows)
        if progress:
            progress(done, count)
    table = describe(questions)
    table["prediction"], table["probability"], table["probability_of_truth"] = said, chance, of_truth
    table["right"] = table["prediction"] == table["answer"]
    recipe = {
        "weights": session.card.weights,
        "source": source,
        "seed": seed,
        "pooling": pooling,
        "questions": count,
        "pictures": int(table["picture"].nunique()),
        **left_out(asked),
        **first_picture(asked),
        "versions": versions(),
    }
    return Observed(table, state, gamma, beta, pooled, recipe)


def versions(*packages: str) -> dict[str, str]:
    """Versions of what computes."""
    return {name: version(name) for name in ("numpy", "pandas", "torch", "scikit-learn", *packages)}


def describe(questions: Sequence[GivenQuestion]) -> pd.DataFrame:
    """What is known of questions without a network: the first columns of `Observed.table`."""
    rows = []
    for question in questions:
        kind = question.type or ""
        operation, _, attribute = kind.partition("_")
        asks = operation in ("query", "equal") and attribute != "integer"
        rows.append(
            {
                "text": question.text,
                "type": kind,
                "group": GROUPS.get(kind, ""),
                "family": -1 if question.family is None else question.family,
                "length": len(split_words(question.text)),
                "depth": program_depth(question.program) if question.program else 0,
                "attribute": attribute if asks else "",
                "operation": operation if asks or kind in ("", "count", "exist") else "compare",
                "answer": str(question.answer),
                "picture": question.filename,
            }
        )
    return pd.DataFrame(rows)


# --- How often it is right ------------------------------------------------------------------------


def accuracy_by(answers: pd.DataFrame, column: str, *, least: int = 1) -> pd.DataFrame:
    """Share of right answers for every value of a column, with 95 % intervals clustered by picture.

    Questions that do not say which value they have, as free ones without a program, are left out.

    Args:
        answers: an `Observed.table`.
        column: type, group, length or depth; "" for all questions together.
        least: values with fewer questions are left out.

    Returns:
        Columns value, right, asked, pictures, accuracy, low, high (nan under ten pictures) and interval (in
        words, per cent, or why there is none), in the order of the values.
    """
    values = pd.Series("all", answers.index) if not column else answers[column]
    unknown = 0 if column == "depth" else ""
    members = {
        value: (values == value).to_numpy()
        for value in sorted(values.unique())
        if value != unknown and (values == value).sum() >= least
    }
    if not members:
        return pd.DataFrame(columns=["value", *_ACCURACY])
    owner = pd.factorize(answers["picture"])[0]
    shares = clustered_shares(
        answers["right"].to_numpy(bool), owner, {str(name): mask for name, mask in members.items()}
    )
    return pd.DataFrame(
        [
            {
                "value": value, "right": share.right, "asked": share.asked, "pictures": share.clusters,
                "accuracy": share.accuracy, "low": share.low, "high": share.high,
                "interval": share.interval(),
            }
            for value, share in zip(members, shares.values(), strict=True)
        ]
    ).astype({"low": float, "high": float})  # fmt: skip


def confusion(answers: pd.DataFrame) -> pd.DataFrame:
    """How often each true answer (row) was answered as what (column); answers of a kind stand together."""
    found = pd.crosstab(answers["answer"], answers["prediction"])
    names = sorted(set(found.index) | set(found.columns), key=_kind)
    return found.reindex(index=names, columns=names, fill_value=0)


def _kind(answer: str) -> tuple[int, int, str]:
    """Yes and no, then numbers in their order, then the values of each attribute."""
    from film import ATTRIBUTES

    if answer in ("yes", "no"):
        return 0, answer == "no", answer
    if answer.isdigit():
        return 1, int(answer), answer
    for place, values in enumerate(ATTRIBUTES.values()):
        if answer in values:
            return 2 + place, 0, answer
    return 9, 0, answer


def wrong_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """The wrong answers, sorted by confidence."""
    return answers[~answers["right"]].sort_values("probability", ascending=False, kind="stable")


def is_clevrs(answers: pd.DataFrame) -> bool:
    """Is each question of one of CLEVR's 90 families? The paper's numbers are about such questions alone.

    Args:
        answers: an `Observed.table`.
    """
    return bool((answers["family"] >= 0).all())


def beside_paper(answers: pd.DataFrame, accuracy: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy in per cent, overall and by group: here, on the network's card, and in the paper's Table 1.

    Args:
        accuracy: of the network's `Card`: data's name -> what was measured on it.

    Returns:
        Columns what, questions, Overall, its low and high, and the five groups; nan where nothing is known.
        A set with fewer than ten pictures has no low and high.
    """
    groups = accuracy_by(answers, "group").set_index("value")["accuracy"]
    whole = accuracy_by(answers, "").iloc[0]
    rows: list[dict[str, Any]] = [
        {
            "what": "this network, here", "questions": int(whole["asked"]),
            "Overall": 100 * whole["accuracy"], "low": 100 * whole["low"], "high": 100 * whole["high"],
            **(100 * groups).to_dict(),
        }
    ]  # fmt: skip
    for name, measured in accuracy.items():
        overall = measured.get("overall") if isinstance(measured, Mapping) else measured
        known: Mapping[str, Any] = overall if isinstance(overall, Mapping) else {"accuracy": overall}
        if not isinstance(known.get("accuracy"), float | int):
            continue  # a note, not a measurement
        parts: Mapping[str, Any] = measured.get("groups", {}) if isinstance(measured, Mapping) else {}
        rows.append(
            {
                "what": f"this network, {name}", "questions": known.get("asked"),
                "Overall": 100 * known["accuracy"],
                **{end: 100 * known[end] for end in ("low", "high") if known.get(end) is not None},
                **{group: 100 * parts[group] for group in GROUP_NAMES if group in parts},
            }
        )  # fmt: skip
    rows += [
        {"what": f"{name} (paper)", **dict(zip(("Overall", *GROUP_NAMES), row, strict=True))}
        for name, row in PAPER.items()
    ]
    return pd.DataFrame(rows).reindex(columns=["what", "questions", "Overall", "low", "high", *GROUP_NAMES])
