"""The guided question builder's own logic: a sentence of CLEVR's with gaps, and what may fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice

from film import (
    ANSWERS,
    ATTRIBUTES,
    FAMILIES,
    RELATIONS,
    Family,
    InputError,
    Noun,
    Single,
    Vocabulary,
    family_pattern,
    noun_letters,
    parse,
    templates,
    wordings,
)

# Question types in the order in which they are offered, as a visitor would say them.
TYPES = {
    "count": "How many?",
    "exist": "Is there any?",
    "query_color": "What color?",
    "query_shape": "What shape?",
    "query_size": "What size?",
    "query_material": "What material?",
    "equal_color": "Same color?",
    "equal_shape": "Same shape?",
    "equal_size": "Same size?",
    "equal_material": "Same material?",
    "equal_integer": "As many as?",
    "greater_than": "More than?",
    "less_than": "Fewer than?",
}
_LETTERS = {"Z": "size", "C": "color", "M": "material", "S": "shape"}
_TRIED = 64  # wordings looked through for one that the network knows


@dataclass(frozen=True)
class Gap:
    """One choice. `slot`: "C1", "R2" ...; `values`: what may be said, None first where it may be left out."""

    slot: str
    label: str
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class SentencePattern:
    """The choices about one thing, or one relation, in the order of the sentence."""

    title: str
    gaps: tuple[Gap, ...]


@cache
def families(question_type: str) -> tuple[Family, ...]:
    """The families of a type, from the shortest sentence to the longest."""
    return tuple(
        sorted((f for f in FAMILIES if f.type == question_type), key=lambda f: len(family_pattern(f)))
    )


def lines(family: Family) -> tuple[SentencePattern, ...]:
    """Every choice a family leaves open."""
    found: list[SentencePattern] = []
    names = noun_letters(family)
    seen: set[str] = set()
    for part in templates(family)[0].parts:
        match part:
            case Noun() if part.number not in seen:
                seen.add(part.number)
                slots = [f"{letter}{part.number}" for letter in _LETTERS]
                gaps = [
                    Gap(slot, _LETTERS[slot[0]], (None, *ATTRIBUTES[_LETTERS[slot[0]]]))
                    for slot in slots
                    if slot in family.slots
                ]
                found.append(SentencePattern(f"Thing {names[part.number]}", tuple(gaps)))
            case Single() if part.slot[0] == "R":
                found.append(SentencePattern("which is", (Gap(part.slot, "where", RELATIONS),)))
            case Single():
                name = _LETTERS[part.slot[0]]
                found.append(SentencePattern("Counted are", (Gap(part.slot, name, ATTRIBUTES[name]),)))
    return tuple(line for line in found if line.gaps)


def say(family: Family, slots: Mapping[str, str | None], vocabulary: Vocabulary) -> str:
    """The question in words that the network knows.

    Raises:
        InputError: it knows no wording of this question.
    """
    for text in islice(wordings(family, slots), _TRIED):
        try:
            vocabulary.words(text)
            return text
        except InputError:
            continue
    raise InputError("This network has no words for such a question; choose another.")


_YES_NO = ("yes", "no")
_NUMBERS = tuple(name for name in ANSWERS if name.isdecimal())
_ANYTHING = ("thing", "object")  # what a shape may stand for


@cache
def answers(question_type: str) -> tuple[str, ...]:
    """What a question of this type may be answered with."""
    kind, _, attribute = question_type.partition("_")
    if kind == "query":
        return tuple(ATTRIBUTES[attribute])
    return _NUMBERS if kind == "count" else _YES_NO


def with_one_word_changed(question: str, vocabulary: Vocabulary) -> list[str]:
    """The question with another color, shape, size or material in one place, in the order of its words.

    Only questions that CLEVR's grammar understands and the network has words for.
    """
    words, found = question.rstrip(" ?").split(), []
    nouns = (*ATTRIBUTES["shape"], *_ANYTHING)
    for place, word in enumerate(words):
        bare = word.strip(",;")
        singular = bare.removesuffix("s")
        stem = singular if singular in nouns else bare
        for name, values in ATTRIBUTES.items():
            if stem not in (nouns if name == "shape" else values):
                continue
            for value in values:
                if value != stem:
                    new = word.replace(stem, value, 1)
                    text = " ".join((*words[:place], new, *words[place + 1 :])) + "?"
                    try:
                        parse(text)
                        vocabulary.words(text)
                    except InputError:
                        continue
                    found.append(text)
    return found
