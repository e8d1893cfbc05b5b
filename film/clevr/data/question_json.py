"""A question as a file gives it: CLEVR's released form, its generator's, CLOSURE's and CLEVR-Humans'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from film.clevr.json_values import numbered_name, picture_name, plain, shown, whole
from film.clevr.language.families import FAMILIES, match, type_of
from film.clevr.language.programs import ANSWERS, Program, program_from_json
from film.clevr.language.templates import SAID
from film.clevr.scenes import ATTRIBUTES
from film.errors import InputError


@dataclass(frozen=True)
class GivenQuestion:
    """A question as a file gives it; what the file leaves out is None.

    `filename`: the picture it asks about. `answer`: as released, "yes", "3", "cube".
    `family`: index 0..89 in the order of the released files; what the program says where the file's own
    number says otherwise.
    """

    text: str
    filename: str
    answer: str | None = None
    program: Program | None = None
    family: int | None = None
    index: int | None = None
    split: str | None = None

    @property
    def type(self) -> str | None:
        """One of the 13 types; None for a free question without a program."""
        return type_of(self.program, self.family)


def question_from_json(item: Any, where: str = "A question", split: str = "new") -> GivenQuestion:
    """A question of a released file or of the public generator's own output.

    Raises:
        InputError: it has no text, no picture, or an answer, program or family that cannot be.
    """
    filename = asked_picture(item, where, split)
    text = item.get("question")
    if not isinstance(text, str):
        raise InputError(f"{where} has no text under 'question'; expected CLEVR's question JSON.")
    try:
        program = program_from_json(item["program"]) if item.get("program") else None
        return GivenQuestion(
            text=plain(text),
            filename=filename,
            answer=answer_text(item.get("answer")),
            program=program,
            family=_family(item, program),
            index=whole(item.get("question_index")),
            split=said if isinstance(said := item.get("split"), str) and said else None,
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def asked_picture(item: Any, where: str, split: str = "new") -> str:
    """The picture that a question or scene of a file is of.

    `split`: taken for the file's where it gives a picture's number and no split.
    """
    if isinstance(item, dict):
        for key in ("image_filename", "image"):
            if name := picture_name(item.get(key)):
                return name
        number = whole(item.get("image_index"))
        if number is not None:
            said = item.get("split")
            return numbered_name(said if isinstance(said, str) and said else split, number)
    raise InputError(
        f"{where} says neither 'image_filename' nor 'image_index'; expected CLEVR's question JSON."
    )


# Words for an answer that CLEVR writes otherwise: True, Yes, big, ball.
_WORDS = {
    **{word: value for value in sum(ATTRIBUTES.values(), ()) for word in SAID[value]},
    "true": "yes",
    "false": "no",
    "grey": "gray",
}


def answer_text(answer: Any) -> str | None:
    """An answer as the released files write it; None where there is none.

    The public generator writes booleans and whole numbers, tables write 2.0, test splits write "".
    """
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        return None
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, str) and re.fullmatch(r"\s*\d{1,9}\.0*\s*", answer):
        answer = float(answer)
    if (number := whole(answer)) is not None:
        return str(number)
    if not isinstance(answer, str):
        raise InputError(
            f"the answer {shown(answer)} is no word, number or yes/no; "
            f"give one of CLEVR's {len(ANSWERS)} answers."
        )
    said = plain(answer).strip()
    return _WORDS.get(said.lower(), said.lower() if said.lower() in ANSWERS else said)


def each_once(questions: Iterable[tuple[str, GivenQuestion]]) -> Iterator[GivenQuestion]:
    """Questions with the words for where each stands, as long as none comes twice.

    Raises:
        InputError: two have the same number and picture, as when files of several runs are joined: half of
            them are about other pictures of the same names.
    """
    seen: set[int] = set()
    for where, question in questions:
        if question.index is not None:
            key = hash((question.filename, question.index))
            if key in seen:
                raise InputError(
                    f"{where} has the number {question.index} and the picture {question.filename}, which a "
                    "question before it has too, as when files of several runs are put together; keep the "
                    "questions of one run, with its own pictures and scenes."
                )
            seen.add(key)
        yield question


# --- families -------------------------------------------------------------------------------------

_BY_TEMPLATE = {(family.file, family.file_index): family.index for family in FAMILIES}
_TEMPLATE_FILES = {family.file for family in FAMILIES}


def _family(item: dict[str, Any], program: Program | None) -> int | None:
    """The family that a question's program has, as numbered in the file where that fits."""
    given = item.get("question_family_index")
    family = _numbered_family(whole(given), item.get("template_filename"))
    if program is None:
        if given not in (None, "") and family is None and not _is_anothers(item.get("template_filename")):
            raise InputError(
                f"the question family {shown(given)} is unknown; CLEVR has 0..{len(FAMILIES) - 1}."
            )
        return family
    if family is not None and FAMILIES[family].match(program) is not None:
        return family
    found = match(program)
    return found[0].index if found else None


def _numbered_family(number: int | None, template: Any) -> int | None:
    """By its number; generators count inside each template file, wherever that lay."""
    if number is None:
        return None
    if isinstance(template, str):
        return _BY_TEMPLATE.get((_file(template), number))
    return number if 0 <= number < len(FAMILIES) else None


def _is_anothers(template: Any) -> bool:
    """A template file that CLEVR has not, as CLOSURE's?"""
    return isinstance(template, str) and _file(template) not in _TEMPLATE_FILES


def _file(template: str) -> str:
    return template.replace("\\", "/").rpartition("/")[2].removesuffix(".json")
