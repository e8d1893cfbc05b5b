"""Hold a file of questions against the scenes it asks about: is every answer the true one?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from film.clevr.data.folder import question_from_json
from film.clevr.json_stream import stream_items
from film.clevr.language.parser import NotUnderstood, parse
from film.clevr.language.programs import run
from film.clevr.scene_json import read_scenes
from film.errors import InputError


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
    by_name = {scene.filename: scene for scene in found}
    by_index = {scene.index: scene for scene in found}
    count = agree = ill_posed = 0
    not_understood = []
    for number, item in enumerate(stream_items(Path(questions), "questions")):
        where = f"Question {number} of {questions}"
        question = question_from_json(item, where)
        index = item.get("image_index")
        scene = by_name.get(question.filename) or (by_index.get(index) if isinstance(index, int) else None)
        if scene is None:
            raise InputError(
                f"{where} asks about {question.filename}, which is not among the scenes of {scenes}; "
                "give the scenes file of the same split."
            )
        if question.answer is None:
            raise InputError(f"{where} has no answer to compare with; give a split that has answers.")
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
    return Verification(count, agree, ill_posed, tuple(not_understood))
