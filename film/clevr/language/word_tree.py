"""All sentences of CLEVR as one tree of their words, in which a noun phrase or a relation is one edge."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from film.clevr.language.closure import CLOSURE_FAMILIES
from film.clevr.language.families import FAMILIES, LETTERS, Family
from film.clevr.language.templates import SAID, THING, Maybe, Noun, Other, Single, Template, templates
from film.clevr.language.tokens import plain_text
from film.clevr.scenes import ATTRIBUTES, RELATIONS
from film.errors import InputError

# An edge of the tree is a word in small letters or a gap of one of these kinds. Walking a gap takes
# a few words: a phrase's state maps each word that may come next to the state after it (None: the
# phrase is complete) and to the slot letter and value that the word stands for, if any.
Meaning = tuple[str, str] | None
State = dict[str, tuple["State | None", Meaning]]

_LETTER_OF = {attribute: letter for letter, attribute in LETTERS.items()}


def attribute_words(attribute: str, plural: bool = False) -> Iterator[tuple[str, Meaning]]:
    for value in ATTRIBUTES[attribute]:
        for word in SAID[value]:
            yield word + "s" * plural, (_LETTER_OF[attribute], value)


def _noun_states(plural: bool) -> State:
    """A noun phrase: size, color and material if any, in this order, then a shape or a thing."""
    state: State = {word: (None, meaning) for word, meaning in attribute_words("shape", plural)}
    state |= {word + "s" * plural: (None, None) for word in THING}
    for attribute in ("material", "color", "size"):
        state = state | {word: (state, meaning) for word, meaning in attribute_words(attribute)}
    return state


def _relation_states() -> State:
    start: State = {}
    for value in RELATIONS:
        for way in SAID[value]:
            *words, last = way.split()
            state = start
            for word in words:
                following = state.setdefault(word, ({}, None))[0]
                assert following is not None  # no relation is the beginning of another
                state = following
            state[last] = (None, ("R", value))
    return start


PHRASES: dict[str, State] = {
    "N": _noun_states(plural=False),
    "Ns": _noun_states(plural=True),
    "R": _relation_states(),
    **{
        letter + "s" * plural: {w: (None, meaning) for w, meaning in attribute_words(attribute, plural)}
        for letter, attribute in LETTERS.items()
        for plural in (False, True)
    },
}


class SentenceEnd(NamedTuple):
    """A complete sentence: whose it is, the numbers of its gaps, and whether it says "other"."""

    family: Family
    numbers: tuple[str, ...]
    other: bool | None


@dataclass(eq=False)
class TreeNode:
    """A node of the tree: what may follow here, and the sentences that may end here."""

    words: dict[str, TreeNode] = field(default_factory=dict)
    gaps: dict[str, TreeNode] = field(default_factory=dict)
    ends: list[SentenceEnd] = field(default_factory=list)

    def after(self, edge: str) -> TreeNode:
        edges = self.gaps if edge in PHRASES else self.words
        return edges.setdefault(edge, TreeNode())


def _variants(template: Template) -> Iterator[tuple[list[str], tuple[str, ...], bool | None]]:
    """A form with what is optional said and left out: edges, numbers of the gaps, "other" or not."""
    ways: list[Sequence[str]] = []
    numbers: list[str] = []
    for part in template.parts:
        match part:
            case str():
                ways.append((lower_case(part),))
            case Maybe():
                ways.append(("", part.words))
            case Other():
                ways.append((lower_case(part.words), part.without))
            case Noun():
                ways.append(("N" + "s" * part.plural,))
                numbers.append(part.number)
            case Single():
                ways.append((part.slot[0] + "s" * part.plural,))
                numbers.append(part.slot[1])
    other = next((i for i, part in enumerate(template.parts) if isinstance(part, Other)), None)
    for said in itertools.product(*ways):
        edges = [edge for way in said for edge in way.split()]
        yield edges, tuple(numbers), None if other is None else said[other] in ("other", "another")


def lower_case(words: str) -> str:
    """Words as the tree spells them; "a" and "an" are one."""
    return re.sub(r"\ban\b", "a", words.lower())


@cache
def sentence_tree() -> TreeNode:
    """All sentences of CLEVR's families."""
    return _tree(FAMILIES)


@cache
def closure_tree() -> TreeNode:
    """All sentences of CLOSURE's families."""
    return _tree(CLOSURE_FAMILIES)


def _tree(families: Iterable[Family]) -> TreeNode:
    root = TreeNode()
    for family in families:
        for template in dict.fromkeys(templates(family)):
            for edges, numbers, other in _variants(template):
                place = root
                for edge in edges:
                    place = place.after(edge)
                place.ends.append(SentenceEnd(family, numbers, other))
    return root


def _words() -> tuple[str, ...]:
    found: set[str] = set()
    for part in (part for family in FAMILIES for template in templates(family) for part in template.parts):
        match part:
            case str():
                found.update(part.split())
            case Maybe():
                found.update(part.words.split())
            case Other():
                found.update((part.words, *part.without.split()))
            case Noun():
                found.update(_phrase_words(PHRASES["N" + "s" * part.plural]))
            case Single():
                found.update(_phrase_words(PHRASES[part.slot[0] + "s" * part.plural]))
    return tuple(sorted(found))


def _phrase_words(state: State) -> Iterator[str]:
    for word, (following, _) in state.items():
        yield word
        if following:
            yield from _phrase_words(following)


# The 88 words of CLEVR's questions as networks see them: with capitals, ";" a word, no "?".
WORDS = _words()


@cache
def known_words() -> frozenset[str]:
    """The words of CLEVR's questions in small letters."""
    return frozenset(lower_case(word) for word in WORDS) | {"an", ";"}


# --- What was typed ---

LONGEST = 60  # words; the longest sentence has 45


def typed_words(text: str) -> list[str]:
    if not isinstance(text, str):
        raise InputError(f"A question is a text, not {type(text).__name__}.")
    plain = plain_text(text).lower().strip(" \t\r\n?.!…\"'“”‘’«»„")
    words = plain.replace(";", " ; ").replace(",", " , ").split(None, LONGEST)
    if not words:
        raise InputError("The question is empty; ask something like “How many red cubes are there?”.")
    return [word[:40] for word in words[:LONGEST]]


def spelled(words: Iterable[str], end: str = "") -> str:
    text = " ".join(words).replace(" ;", ";")
    return text[:1].upper() + text[1:] + end
