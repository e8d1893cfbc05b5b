"""What a page shows as lines of Python: from the public API, with the same numbers.

The lines name networks and pictures as this machine has them. Blocks are counted from 0 in them. Those of the
bench are in `ui.bench_as_python`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import analysis
from analysis import Kind, LayoutRecipe, PictureKey, Selection, Study
from ui.cache import comparison, evidence, folder
from ui.cache.pictures import ShownPicture

GAMMA_AND_BETA = '{kind: getattr(%s, kind) for kind in ("gamma", "beta")}'


def script(*lines: str, film: Sequence[str] = (), analysis: Sequence[str] = (), numpy: bool = False) -> str:
    """The lines after what they import of each package."""
    given = {"analysis": analysis, "film": film}
    named = [f"from {package} import {', '.join(sorted(set(of)))}" for package, of in given.items() if of]
    return "\n".join([*(["import numpy as np", ""] if numpy else []), *named, "", *lines])


@dataclass(frozen=True)
class PictureLines:
    """A picture as it is written: what is imported of `film` for it, its pixels, and its scene if known."""

    film: tuple[str, ...]
    pixels: str
    scene: str | None

    @staticmethod
    def of(shown: ShownPicture) -> PictureLines:
        key = PictureKey.parse(shown.key)
        if key is not None and key.kind == "gallery":
            exhibit = f"gallery()[{key.number}]"
            return PictureLines(("gallery",), f"{exhibit}.picture_path", f"{exhibit}.scene")
        if key is not None and key.kind == "folder":
            pictures = f"open_picture_folder({os.environ.get(folder.PICTURES, '')!r})"
            pixels, names = f"{pictures}.picture({key.number})", ["open_picture_folder"]
            height, width = shown.pixels.shape[:2]
            if max(height, width) == folder.KEPT:
                names.append("to_size")
                pixels = f'to_size({pixels}, {width}, {height}, "stretch")'
            scene = None if shown.scene is None else f"{pictures}.scene({key.number})"
            return PictureLines(tuple(names), pixels, scene)
        if key is not None and key.kind == "scene":
            scene = f"scene_from_text({key.scene!r})"
            return PictureLines(
                ("scene_from_text", "scene_picture"), f"scene_picture({scene}{_quality(shown)})", scene
            )
        return PictureLines((), '"picture.png"  # your own picture: where it lies', None)


def _quality(shown: ShownPicture) -> str:
    """What `scene_picture` is given after a scene: the page's answer may be about the preview."""
    return ', "preview"' if shown.preview else ""


def session_line(study: Study, name: str = "session") -> str:
    """The line that opens a study's network."""
    return f"{name} = Session({study.session.checkpoint!r})"


def study_lines(study: Study) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines that open a study, and what they import of `film`."""
    if study.alone:
        return (f"study = Study(None, {str(study.folder)!r})",), ()
    opened = f"study = Study(session, find({study.session.checkpoint!r}))"
    return (session_line(study), opened), ("Session", "find")


# --- One question ---------------------------------------------------------------------------------


def ask(study: Study, shown: ShownPicture, question: str, counted: bool) -> str:
    """The answer with its distribution, the true one, and the argmax locations where they are `counted`."""
    picture = PictureLines.of(shown)
    record = ', record=["classifier.maps"]' if counted else ""
    lines = [
        session_line(study),
        f"picture = {picture.pixels}",
        f"question = {question!r}",
        f"answer = session.ask(picture, question{record})",
        "print(answer.answer, answer.margin, answer.entropy)",
        "print(answer.probabilities)",
    ]
    used = []
    if picture.scene is not None:
        used.append("find_truth")
        lines.append(f"print(find_truth(question, {picture.scene}).answer)")
    if counted:
        used.append("argmax_locations")
        lines += [
            'found = argmax_locations(answer.activations["classifier.maps"], session.config.window)',
            "print(found.counts)  # (rows, columns)",
        ]
    return script(*lines, film=("Session", *picture.film), analysis=used)


def modulation(study: Study, shown: ShownPicture, question: str, block: int, number: int) -> str:
    """Gamma and beta of a question, and where those of one map stand among other questions'."""
    picture, (opened, names) = PictureLines.of(shown), study_lines(study)
    return script(
        *opened,
        f"picture = {picture.pixels}",
        f"answer = session.ask(picture, {question!r})",
        f"block, number = {block}, {number}",
        'for kind in ("gamma", "beta"):',
        "    values = getattr(answer, kind)  # (blocks, maps)",
        "    found = standing(study.population, kind, values)",
        "    print(kind, values[block, number], found.z[block, number], found.percentile[block, number])",
        film=(*names, *picture.film), analysis=("Study", "standing"),
    )  # fmt: skip


def two_questions(study: Study, shown: ShownPicture, question: str, other: str) -> str:
    """How far another question's gammas and betas are from a question's, map by map."""
    picture, (opened, names) = PictureLines.of(shown), study_lines(study)
    return script(
        *opened,
        f"picture = {picture.pixels}",
        f"questions = [{question!r}, {other!r}]",
        "answers = [session.ask(picture, question) for question in questions]",
        "print([answer.answer for answer in answers])",
        f"both = [{GAMMA_AND_BETA % 'answer'} for answer in answers]",
        "found = compare_questions(study.population, *both)",
        "print(found.ranked())",
        film=(*names, *picture.film), analysis=("Study", "compare_questions"),
    )  # fmt: skip


def contributions(
    study: Study, shown: ShownPicture, question: str, kind: Kind, block: int, number: int
) -> str:
    """Gamma, beta and the answer after each word."""
    picture = PictureLines.of(shown)
    return script(
        session_line(study),
        f"picture = {picture.pixels}",
        f"found = word_contributions(session, {question!r})",
        "answers = session.answer(picture, found.stopped)  # after each of its tokens",
        "print([(token, answer.answer) for token, answer in zip(found.tokens, answers)])",
        f"print(found.moves({kind!r}))  # RMS change, (tokens, blocks)",
        f"for line in found.lines({kind!r}, {block}, {number}):",
        "    print(line.name, line.amount, line.total)",
        film=("Session", *picture.film), analysis=("word_contributions",),
    )  # fmt: skip


def studio(study: Study, question: str, before: ShownPicture, after: ShownPicture) -> str:
    """The answer and the true one about two drawn scenes; both are previews, or neither is."""
    first, second = (PictureLines.of(shown).scene for shown in (before, after))
    return script(
        session_line(study),
        f"question = {question!r}",
        f"before = {first}",
        f"after = {second}",
        "for scene in (before, after):",
        f"    answer = session.ask(scene_picture(scene{_quality(after)}), question)",
        "    print(answer.answer, answer.probabilities[answer.answer], find_truth(question, scene).answer)",
        film=("Session", "scene_from_text", "scene_picture"), analysis=("find_truth",),
    )  # fmt: skip


# --- Many questions -------------------------------------------------------------------------------


def atlas(
    study: Study,
    name: str,
    recipe: LayoutRecipe,
    selection: Selection | None,
    filtered: tuple[str, str] | None,
    other: Selection | None,
) -> str:
    """A projection, and what sets a selection on it apart.

    Args:
        name: of the projection; with a selection, the one that the selection is tested on.
        filtered: the column and value that `selection` is of, where it is a filter's.
        other: the selection that it is compared with; None for all other questions.
    """
    opened, names = study_lines(study)
    used = {"Study", "LayoutRecipe"}
    lines = [
        *opened,
        "questions = study.extraction",
        f"name = {name!r}",
        "if name not in study.layouts:  # minutes, once",
        f"    name = study.project({recipe!r})",
        "layout = study.layouts[name]",
        "print(layout.places, layout.quality)  # (points, 2); their rows of the table: layout.rows",
    ]
    if selection is not None:
        used.add("why_together")
        lines.append(f"rows = {_rows(study, selection, filtered, used)}")
        lines.append('print(questions.table[rows]["text"])')
        if other is None:
            session = "" if study.alone else ", session=session"
            drawn = f"drawn={bool(selection.layout)}"
            lines.append(f"why = why_together(questions, rows, layout=layout, {drawn}{session})")
        else:
            lines += [
                f"others = {_rows(study, other, None, used)}",
                "either = np.flatnonzero(rows ^ others)  # what is in both is left out",
                "why = why_together(questions.take(either), rows[either])",
            ]
        lines.append("print(why.table)")
    return script(*lines, film=names, analysis=sorted(used), numpy=other is not None)


def _rows(study: Study, selection: Selection, filtered: tuple[str, str] | None, used: set[str]) -> str:
    """Which questions are selected, as an expression; `used` is told what it imports of `analysis`."""
    if filtered is not None:
        used.add("matching")
        return f"matching(questions, {filtered[0]!r}, {filtered[1]!r})"
    assert study.extraction is not None
    used.add("rows_from_text")
    text = analysis.rows_to_text(selection.rows, str(study.extraction.recipe["questions"]))
    return f'rows_from_text({text!r}, len(questions), questions.recipe["questions"])'


def maps(study: Study, block: int, number: int) -> str:
    """The card of one feature map."""
    opened, names = study_lines(study)
    return script(
        *opened,
        "cards = study.cards",
        f"block, number = {block}, {number}",
        'card = cards.cards.query("block == @block and map == @number").iloc[0]',
        "print(card)",
        'for about in ("pictures", "language"):',
        "    print(cards.effects_of(block, number, about))",
        film=names, analysis=("Study",),
    )  # fmt: skip


def parameters(study: Study, kind: Kind) -> str:
    """The distributions of gamma and beta, of all blocks and of each."""
    opened, names = study_lines(study)
    return script(
        *opened,
        "parameters = study.parameters",
        "print(parameters.source)",
        "print(parameters.statistics)",
        "for block in parameters.modulated:",
        f"    print(block, parameters.block_statistics({kind!r}, block))",
        "print(histogram_table(parameters))",
        "print(moment_table(parameters))",
        film=names, analysis=("Study", "histogram_table", "moment_table"),
    )  # fmt: skip


def folder_lines(most: int) -> tuple[list[str], str]:
    """The lines that open up to so many questions about the visitor's folder, and what it is called."""
    where = os.environ.get(folder.PICTURES, "")
    return [
        f"folder = {where!r}",
        f"asked = folder_questions(open_picture_folder(folder), folder, {most})",
    ], Path(where).name


def evidences(study: Study, of: str) -> str:
    """Accuracy, calibration and the confusion matrix; `of`: whose pictures, as in `ui.cache.evidence`."""
    opened, names = study_lines(study)
    used = {"Study", "accuracy_by", "calibration", "confusion"}
    lines = ["answers = study.evidence.answers"]
    if of == evidence.OWN:
        used |= {"folder_questions", "measure_answers"}
        names = (*names, "open_picture_folder")
        asked, source = folder_lines(evidence.MOST)
        lines = [*asked, f"answers = measure_answers(session, asked, {source!r})"]
    return script(
        *opened,
        *lines,
        'print(accuracy_by(answers, ""))',
        'print(accuracy_by(answers, "type"))',
        "print(calibration(answers).describe())",
        "print(confusion(answers))",
        film=names, analysis=sorted(used),
    )  # fmt: skip


def compared(one: Study, other: Study, shown: str) -> str:
    """Two networks compared; `shown`: what of the comparison, an expression of `found`."""
    drawn, seed = comparison.QUESTIONS, comparison.SEED
    return script(
        session_line(one, "one"),
        session_line(other, "other"),
        f"found = find_comparison(find({one.session.checkpoint!r}), one.card.weights, other.card.weights)",
        "if found is None:  # a minute or two",
        f"    found = compare(one, other, gallery_questions({drawn}, {seed}), GALLERY, seed={seed})",
        f"print({shown})",
        film=("Session", "find"), analysis=("GALLERY", "compare", "find_comparison", "gallery_questions"),
    )  # fmt: skip


def probes_of_both(one: Study, other: Study) -> str:
    """The probes of two networks' evidence, about the same questions."""
    return script(
        session_line(one, "one"),
        session_line(other, "other"),
        "for network in (one, other):",
        "    print(Study(network, find(network.checkpoint)).evidence.probes)",
        film=("Session", "find"), analysis=("Study",),
    )  # fmt: skip
