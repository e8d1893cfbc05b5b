"""Family and slots -> text: every sentence of `film.clevr.language.templates`, its gaps filled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from film.clevr.language.families import FAMILIES, LETTERS, Family, Slots
from film.clevr.language.programs import GROUPS
from film.clevr.language.templates import Maybe, Noun, Other, Single, Template, templates
from film.clevr.scenes import ATTRIBUTES, RELATIONS
from film.errors import InputError


def realise(family: Family, slots: Slots, rng: np.random.Generator) -> str:
    """One of the official texts of a question, each as likely as in CLEVR.

    Raises:
        InputError: a slot has a value that has no word, or one the family needs has none.
    """
    some = templates(family)
    draws = iter(rng.random(24).tolist())  # more than any form has gaps
    template = some[int(next(draws) * len(some))]
    said = []
    for part in template.parts:
        if isinstance(part, str):
            said.append(part)
            continue
        ways = _ways(part, slots)
        way = ways[int(next(draws) * len(ways))] if len(ways) > 1 else ways[0]
        if way:
            said.append(way)
    return " ".join(said).replace(" ;", ";") + template.end


def wordings(family: Family, slots: Slots) -> Iterator[str]:
    """Every text that `realise` can give, each once, one after the other.

    Raises as `realise` does.
    """
    for template in dict.fromkeys(templates(family)):
        ways = [(part,) if isinstance(part, str) else _ways(part, slots) for part in template.parts]
        for said in itertools.product(*ways):
            yield " ".join(filter(None, said)).replace(" ;", ";") + template.end


def could_say(text: str, family: Family, slots: Slots) -> bool:
    """Is this text one of `wordings`, found without going through them?

    White space does not count, nor does the question mark at the end: the one that CLEVR lost in
    one form is lost or restored depending on where a copy of its files comes from.
    """
    words = _spaced(text).removesuffix("?")
    return any(_says(template, words, slots) for template in templates(family))


def _says(template: Template, text: str, slots: Slots) -> bool:
    text += " "
    reached = {0}
    for part in template.parts:
        ways = (part,) if isinstance(part, str) else _ways(part, slots)
        steps = [way + " " if way else "" for way in ways]
        reached = {at + len(step) for at in reached for step in steps if text.startswith(step, at)}
        if not reached:
            return False
    return len(text) in reached


def _ways(part: Noun | Single | Maybe | Other, slots: Slots) -> tuple[str, ...]:
    try:
        return part.ways(slots)
    except KeyError as error:
        raise InputError(
            f"There is no word for the value {str(error)[1:-1]!r} in {dict(slots)}; "
            "fill the family's slots with CLEVR's own values."
        ) from None


def _spaced(text: str) -> str:
    return " ".join(text.replace(";", " ; ").split())


def examples(question_type: str, seed: int = 0) -> tuple[str, ...]:
    """A question of every family that has this type ("count", "query_color", ...), as CLEVR may ask it.

    Raises:
        InputError: there is no such type.
    """
    if question_type not in GROUPS:
        raise InputError(f"There is no question type {question_type!r}; use one of {', '.join(GROUPS)}.")
    rng = np.random.default_rng(seed)
    return tuple(
        realise(family, some_slots(family, rng), rng) for family in FAMILIES if family.type == question_type
    )


def some_slots(family: Family, rng: np.random.Generator) -> dict[str, str | None]:
    """Values for a family's slots at random, about half of those it can do without left empty."""
    values = {letter: ATTRIBUTES[attribute] for letter, attribute in LETTERS.items()} | {"R": RELATIONS}
    return {
        slot: str(rng.choice(values[slot[0]])) if slot in family.required or rng.random() < 0.5 else None
        for slot in family.slots
    }
