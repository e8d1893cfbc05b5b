"""How the 90 question families are worded: one table, read both ways by `grammar`.

A form is a sentence with gaps, in this notation:

    N1 N1s       noun phrase 1 (slots Z1 C1 M1 S1), one or several of them
    R1           the words of relation R1
    Z3 S3s       one slot alone, one or several
    [that is]    said or left out
    (a|b)        two forms, one with a, one with b
    <other>      "other" unless the two noun phrases already exclude each other; <another> likewise, else "a"

All forms of a family are equally likely, and so are all ways to say a gap; a form that stands
twice is twice as likely. "{thing}" and the like stand for descriptions that sentences share.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from film.clevr.language.closure import closure_sentences
from film.clevr.language.families import LETTERS, Family, Slots
from film.clevr.scenes import COLORS

# Every value and the words for it; an object without a shape is a thing.
THING = ("thing", "object")
SAID: dict[str, tuple[str, ...]] = {
    "large": ("large", "big"),
    "small": ("small", "tiny"),
    **{color: (color,) for color in COLORS},
    "metal": ("metallic", "metal", "shiny"),
    "rubber": ("rubber", "matte"),
    "cube": ("cube", "block"),
    "sphere": ("sphere", "ball"),
    "cylinder": ("cylinder",),
    "left": ("left of", "to the left of", "on the left side of"),
    "right": ("right of", "to the right of", "on the right side of"),
    "front": ("in front of",),
    "behind": ("behind",),
}


@dataclass(frozen=True)
class Noun:
    """A noun phrase without its article: "small red metal cube"."""

    number: str
    plural: bool

    def ways(self, slots: Slots) -> tuple[str, ...]:
        n = self.number
        return noun_ways(
            slots.get("Z" + n), slots.get("C" + n), slots.get("M" + n), slots.get("S" + n), self.plural
        )


@lru_cache(4096)
def noun_ways(
    size: str | None, color: str | None, material: str | None, shape: str | None, plural: bool
) -> tuple[str, ...]:
    said = [SAID[value] for value in (size, color, material) if value is not None]
    shapes = [word + "s" * plural for word in (SAID[shape] if shape else THING)]
    return tuple(" ".join(words) for words in itertools.product(*said, shapes))


@dataclass(frozen=True)
class Single:
    """One slot alone: a relation, or an attribute that is filtered by itself."""

    slot: str
    plural: bool = False

    def ways(self, slots: Slots) -> tuple[str, ...]:
        return tuple(word + "s" * self.plural for word in SAID[slots[self.slot] or ""])


@dataclass(frozen=True)
class Maybe:
    """Words that are said or left out."""

    words: str

    def ways(self, slots: Slots) -> tuple[str, ...]:
        return ("", self.words)


@dataclass(frozen=True)
class Other:
    """ "other" or "another", which CLEVR drops where the first two noun phrases differ in a word."""

    words: str

    @property
    def without(self) -> str:
        return "a" if self.words == "another" else ""

    def ways(self, slots: Slots) -> tuple[str, ...]:
        return (self.without if differ(slots) else self.words,)


def differ(slots: Slots) -> bool:
    """Do noun phrases 1 and 2 name different sizes, colors, materials or shapes?

    A missing shape counts as the word "thing", which differs from every shape.
    """
    if (slots.get("S1") or "thing") != (slots.get("S2") or "thing"):
        return True
    pairs = ((slots.get(letter + "1"), slots.get(letter + "2")) for letter in "ZCM")
    return any(one and two and one != two for one, two in pairs)


Part = str | Noun | Single | Maybe | Other


@dataclass(frozen=True)
class Template:
    """A sentence with gaps: fixed words and parts that depend on the slots, then its end."""

    parts: tuple[Part, ...]
    end: str


# What a question is about, by file; {same} is "the same size as N1" of the family's attribute.
_THINGS = {
    "zero_hop": "N1",
    "one_hop": "N2 [that is] R1 the N1",
    "two_hop": "N3 [that is] R2 the N2 [that is] R1 the N1",
    "three_hop": "N4 [that is] R3 the N3 [that is] R2 the N2 [that is] R1 the N1",
    "single_and": "N3 that is [both] R2 the N2 and R1 the N1",
    "same_relate": "N2 that is {alike}",
}

# How an attribute is asked for.
_QUERIES = {
    "what": "What {x} is the {thing}?",
    "of": "What is the {x} of the {thing}?",
    "is": "The {thing} is what {x}?",
    "has": "The {thing} has what {x}?",
    "it": "There is a {thing}; what {x} is it?",
    "its": "There is a {thing}; what is its {x}?",
    "big": "How big is the {thing}?",
    "it-big": "There is a {thing}; how big is it?",
    "made": "What is the {thing} made of?",
    "what-made": "What [material] is the {thing} made of?",
    "is-made": "The {thing} is made of what material?",
    "it-made": "There is a {thing}; what is it made of?",
    "it-what-made": "There is a {thing}; what [material] is it made of?",
}
_ASKED = {
    "zero_hop": {
        "size": "what of is has big",
        "color": "what of is has",
        "material": "what of made",
        "shape": "what what of is has it",
    },
    "one_hop": {
        "size": "what of big it its it-big",
        "color": "what of is it its",
        "material": "what of made it its it-made",
        "shape": "what of has it its",
    },
    "two_hop": {
        "size": "what of big it its it-big",
        "color": "what of is it its",
        "material": "what of what-made is-made its it-made",
        "shape": "what of is it its",
    },
    "single_and": {
        "size": "what of big it its it-big",
        "color": "what of is it its",
        "material": "what of made is-made it its it-what-made",
        "shape": "what of has it its",
    },
    "same_relate": {
        "size": "what of is it its",
        "color": "what of is it its",
        "material": "what of it its it-made",
        "shape": "what of is it its",
    },
}
_ASKED["three_hop"] = _ASKED["two_hop"]

# How many there are, and whether there are any. {last} is the noun phrase that is counted, {where}
# its relation to the {known} one.
_COUNTS = {
    "zero_hop": ("(How many|What number of) N1s are there?",),
    "hop": (
        "(How many|What number of) {last}s are {where} the {known}?",
        "There is a {known}; (how many|what number of) {last}s are {where} it?",
    ),
    "single_and": ("(How many|What number of) N3s are [both] R2 the N2 and R1 the N1?",),
}
_EXISTS = {
    "zero_hop": ("Are there any N1s?", "Is there a N1?", "Are any N1s visible?"),
    "one_hop": ("Are there any N2s R1 the N1?", "There is a N1; are there any N2s R1 it?"),
    "hop": (
        "Are there any {last}s [that are] {where} the {known}?",
        "Is there a {last} [that is] {where} the {known}?",
        "There is a {known}; are there any {last}s [that are] {where} it?",
        "There is a {known}; is there a {last} [that is] {where} it?",
    ),
}

# What shares an attribute with N1, counted or asked for; {of} is "of the same ..." and {alike} what
# follows "is": "the same size as the N1", "[made of] the same material as the N1".
_SAME = {
    "any else": (
        "Are there any other things that (have {same}|are {alike})?",
        "Is there any other thing that (has {same}|is {alike})?",
        "Is there anything else that (has {same}|is {alike})?",
    ),
    "any else, of": (
        "Are there any other things {of}?",
        "Is there any other thing {of}?",
        "Is there anything else {of}?",
    ),
    "many else": ("(How many|What number of) other (things|objects) are ({alike}|there of {same})?",),
    "any": (
        "Are there any <other> N2s (that have {same}|{of})?",
        "Is there <another> N2 (that has {same}|{of})?",
    ),
    "many": ("(How many|What number of) <other> N2s (have {same}|are {alike})?",),
}

# Two things compared, by an attribute or in number.
_COMPARED = {
    "do": "Do the {one} and the {two} have the same {x}?",
    "does": "Does the {one} have the same {x} as the {two}?",
    "is": "Is the {one} the same {x} as the {two}?",
    "of": "Is the {x} of the {one} the same as the {two}?",
    "it-does": "There is a {one}; does it have the same {x} as the {two}?",
    "it-is": "There is a {one}; is it the same {x} as the {two}?",
    "its": "There is a {one}; is its {x} the same as the {two}?",
    "are-made": "Are the {one} and the {two} made of the same material?",
    "is-made": "Is the {one} made of the same material as the {two}?",
}
_NUMBERS = {
    "equal_integer": (
        "Are there an equal number of {one} and {two}?",
        "Are there the same number of {one} and {two}?",
        "Is the number of {one} the same as the number of {two}?",
    ),
    "less_than": (
        "Are there fewer {one} than {two}?",
        "Is the number of {one} less than the number of {two}?",
    ),
    "greater_than": (
        "Are there more {one} than {two}?",
        "Is the number of {one} greater than the number of {two}?",
    ),
}


def _sentences(family: Family) -> Iterator[str]:
    """The family's sentences, descriptions filled in, alternatives still to be told apart."""
    file, kind = family.file, family.type
    verb, _, x = kind.partition("_")
    if not family.is_clevrs:
        yield from closure_sentences(family)
    elif kind in _NUMBERS:
        one, two = _two(family, plural=True)
        yield from (sentence.format(one=one, two=two) for sentence in _NUMBERS[kind])
    elif verb == "equal":
        one, two = _two(family, plural=False)
        hops = "R1" in family.slots
        if x == "material":
            names = "are-made do does is-made of"
        elif hops:
            names = "do does of it-does it-is its"
        else:
            names = "do do does is of" if x == "size" else "do does is of"
        yield from (_COMPARED[name].format(x=x, one=one, two=two) for name in names.split())
    elif file == "single_or":
        one, two = _two(family, plural=True)
        alone = next((slot for slot in family.required if slot[0] != "R"), "")
        many = "S3s" if alone == "S3" else f"{alone} (things|objects)"
        yield f"(How many|What number of) {many} are [either] {one} or {two}?"
    elif file == "same_relate":
        yield from _same_sentences(family)
    elif verb == "query":
        yield from (_QUERIES[name].format(x=x, thing=_THINGS[file]) for name in _ASKED[file][x].split())
    else:
        table = _COUNTS if kind == "count" else _EXISTS
        yield from (s.format(**_hop(file)) for s in table.get(file, table["hop"]))


def _hop(file: str) -> dict[str, str]:
    """A description taken apart: the noun phrase asked for, its relation, and what it relates to."""
    found = re.fullmatch(r"(N\d) \[that is\] (R\d) the (.*)", _THINGS[file])
    return dict(zip(("last", "where", "known"), found.groups(), strict=True)) if found else {}


def _two(family: Family, plural: bool) -> tuple[str, str]:
    """The two sides of a comparison or of an "or", in words, by the relations on each side."""
    s, that = ("s", "that are") if plural else ("", "that is")
    sides, noun, relation = [], 0, 0
    for hop in re.findall(r"\* f\d( ! r\d f\d)?", family.skeleton):
        noun += 1
        if hop:
            relation += 1
            sides.append(f"N{noun + 1}{s} [{that}] R{relation} the N{noun}")
            noun += 1
        else:
            sides.append(f"N{noun}{s}")
    return sides[0], sides[1]


def _same_sentences(family: Family) -> Iterator[str]:
    verb, _, x = family.type.partition("_")
    shared = next(step.slot for step in family.steps if step.kind == "same")
    same = f"the same {shared} as the N1"
    words = {
        "same": same,
        "alike": f"[made of] {same}" if shared == "material" else same,
        "of": f"made of {same}" if shared == "material" else f"of {same}",
    }
    if verb == "query":
        thing = _THINGS["same_relate"].format(**words)
        for name in _ASKED["same_relate"][x].split():
            sentence = _QUERIES[name].replace("he {thing}", "he <other> {thing}")
            yield sentence.replace("a {thing}", "<another> {thing}").format(x=x, thing=thing)
        return
    kind = ("any" if verb == "exist" else "many") + ("" if 2 in family.noun_phrases else " else")
    for sentence in _SAME[kind] + (_SAME["any else, of"] if kind == "any else" and shared == "color" else ()):
        yield sentence.format(**words)


_NOTATION = re.compile(r"\[(.+?)\]|<(\w+)>|\b(?:N(\d)(s?)|([ZCMSR]\d)(s?))\b|([\w;]+)")


def _template(sentence: str) -> Template:
    """Read a sentence without alternatives. Fixed words that follow each other make one part."""
    end = "?" if sentence.endswith("?") else ""
    parts: list[Part] = []
    for maybe, other, noun, nouns, slot, slots, word in _NOTATION.findall(sentence.replace(";", " ;")):
        if word and parts and isinstance(parts[-1], str):
            parts[-1] += " " + word
        elif word:
            parts.append(word)
        elif noun:
            parts.append(Noun(noun, bool(nouns)))
        else:
            parts.append(Maybe(maybe) if maybe else Other(other) if other else Single(slot, bool(slots)))
    return Template(tuple(parts), end)


def _alternatives(sentence: str) -> list[str]:
    """ "(a|b) c" means "a c" and "b c"."""
    pieces = [piece.strip("()").split("|") for piece in re.split(r"(\([^)]*\))", sentence)]
    return ["".join(chosen) for chosen in itertools.product(*pieces)]


@cache
def templates(family: Family) -> tuple[Template, ...]:
    """All forms of a family; how many there are is in CLEVR's own count."""
    sentences = [one for sentence in _sentences(family) for one in _alternatives(sentence)]
    # One official form has lost its question mark.
    lost = "What number of other things are there of the same material as the N1?"
    return tuple(_template(s.removesuffix("?") if s == lost else s) for s in sentences)


def noun_letters(family: Family) -> dict[str, str]:
    """A letter for every noun phrase, "A" to "D", in the order of the family's first form."""
    numbers = dict.fromkeys(part.number for part in templates(family)[0].parts if isinstance(part, Noun))
    return dict(zip(numbers, "ABCD", strict=False))


@cache
def family_pattern(family: Family) -> str:
    """A family as its first form with the things lettered: "How many things A are [where] the thing B?" """
    said = []
    names = noun_letters(family)
    for part in templates(family)[0].parts:
        match part:
            case str():
                said.append(part)
            case Noun():
                said.append(f"thing{'s' * part.plural} {names[part.number]}")
            case Single() if part.slot[0] != "R":
                said.append(f"[{LETTERS[part.slot[0]]}]" + "s" * part.plural)
            case Single():
                said.append("[where]")
            case Maybe():
                said.append(part.words if part.words.startswith("that") else "")
            case Other():
                said.append(part.words)
    return " ".join(filter(None, said)).replace(" ;", ";") + "?"
