"""Hold a file of questions against the scenes it asks about: is every answer the true one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from film.clevr.data.folder import questions_of
from film.clevr.data.question_json import GivenQuestion
from film.clevr.json_values import brief, numbered_name
from film.clevr.language.parser import NotUnderstood, parse
from film.clevr.language.programs import ANSWERS, run
from film.clevr.scene_json import read_scenes
from film.clevr.scenes import Scene
from film.errors import InputError

# Questions are made so that each has an answer in its own scene. In another's scene, three in four of
# CLEVR's have none: more than this share without one, and the files do not belong together.
STRANGERS = 0.25


@dataclass(frozen=True)
class Verification:
    """How a file's answers compare with the true ones.

    `questions`: how many there are. `agree`: how many have the true answer. `ill_posed`: how many
    have none. `not_understood`: why texts could not be read, one sentence each, in file order.
    """

    questions: int = 0
    agree: int = 0
    ill_posed: int = 0
    not_understood: tuple[str, ...] = ()


def truth(scenes: str | Path, questions: str | Path, *, parse_texts: bool = False) -> Verification:
    """Compare the answers in a questions file with what the programs give on the scenes.

    `parse_texts`: read each program from the question's text instead of taking the file's.
    Answers may be typed (true, 3) or words ("yes", "3").

    Raises:
        InputError: a file cannot be used; the sentence says which, and at which question.
    """
    found = read_scenes(scenes)
    by_name = {Path(numbered_name(scene.split, scene.index)).stem: scene for scene in found}
    by_name |= {Path(scene.filename).stem: scene for scene in found}
    count = agree = ill_posed = 0
    not_understood = []
    for number, question in enumerate(questions_of(Path(questions), _split(found))):
        where = f"Question {number} of {questions}"
        scene = _scene_of(question, by_name, found, where, scenes)
        if question.answer is None:
            raise InputError(f"{where} has no answer to compare with; give a split that has answers.")
        if question.answer not in ANSWERS:
            raise InputError(
                f"{where} has the answer {brief(question.answer)}, which is none of CLEVR's {len(ANSWERS)}; "
                "correct the file."
            )
        count += 1
        program = question.program
        if parse_texts:
            try:
                program = parse(question.text).program
            except NotUnderstood as error:
                not_understood.append(f"{where}: {error}")
                continue
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
        elif program is None:
            raise InputError(f"{where} has no program; add --parse to read the program from its text.")
        result = run(program, scene)
        ill_posed += result.answer is None
        agree += result.answer == question.answer
    if ill_posed > STRANGERS * count:
        raise InputError(
            f"{ill_posed:,} of the {count:,} questions of {questions} have no answer in the scenes of "
            f"{scenes}, as where pictures of two runs have the same names; give the questions' own scenes."
        )
    return Verification(count, agree, ill_posed, tuple(not_understood))


def _split(scenes: Sequence[Scene]) -> str:
    return scenes[0].split if scenes else "new"


def _scene_of(
    question: GivenQuestion,
    by_name: Mapping[str, Scene],
    scenes: Sequence[Scene],
    where: str,
    path: str | Path,
) -> Scene:
    if scene := by_name.get(Path(question.filename).stem):
        return scene
    held = f"{len(scenes):,} scenes" + (
        f" of split {brief(_split(scenes))}, such as that of {scenes[0].filename}" if scenes else ""
    )
    asked = f" of split {brief(question.split)}" if question.split else ""
    raise InputError(
        f"{where} asks about {question.filename}{asked}, which is not among the {held} in {path}; "
        "give the scenes file of the same split."
    )
