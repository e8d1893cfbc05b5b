"""Everyday wordings -> CLEVR's own: rules that keep what a question means, one by one, in order.

A rule changes or leaves out words that say nothing about the scene; it never leaves out a word that
does. What is still no CLEVR question after them is not guessed at: see `unsayable` and `mistyped`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from film.clevr.language.families import LETTERS
from film.clevr.language.templates import THING
from film.clevr.language.word_tree import attribute_words
from film.clevr.scenes import ATTRIBUTES

# Words that mean one of CLEVR's, whatever stands around them.
_SYNONYMS = {
    "colour": "color", "colours": "color", "colors": "color", "coloured": "colored", "grey": "gray",
    "box": "cube", "boxes": "cubes", "orb": "sphere", "orbs": "spheres",
    "globe": "sphere", "globes": "spheres", "tube": "cylinder", "tubes": "cylinders",
    "item": "object", "items": "objects", "huge": "large", "giant": "large", "enormous": "large",
    "little": "small", "steel": "metal", "glossy": "shiny", "reflective": "shiny", "polished": "shiny",
    "matt": "matte", "dull": "matte", "rubbery": "rubber",
    "whats": "what is", "what's": "what is", "there's": "there is", "theres": "there is",
    "that's": "that is", "thats": "that is", "which's": "which is",
    "something": "any thing", "somethings": "any thing",
}  # fmt: skip

_SIZE, _COLOR, _MATERIAL = (
    "|".join(word for word, _ in attribute_words(attribute)) for attribute in ("size", "color", "material")
)
_SHAPE = "|".join(word for word, _ in attribute_words("shape"))
_MACROS = {
    "X": "size|color|material|shape",
    "ADJ": f"{_SIZE}|{_COLOR}|{_MATERIAL}",
    "ONE": f"{_SHAPE}|{'|'.join(THING)}",
    "SIZE": _SIZE,
    "COLOR": _COLOR,
    "MATERIAL": _MATERIAL,
    "SHAPE": _SHAPE,
    "REL": r"left of|right of|in front of|behind|to the (?:left|right) of|on the (?:left|right) side of",
    "PICTURE": "picture|image|scene|photo|photograph|pic|drawing|view|shot",
}
_MACROS["NP"] = rf"(?:(?:{_MACROS['ADJ']}) )*(?:{_MACROS['ONE']})"
_MACROS["NPS"] = rf"(?:(?:{_MACROS['ADJ']}) )*(?:{_MACROS['ONE']})s"
_MACROS["HERE"] = (
    rf"(?:in|on|within) (?:the|this|that) (?:{_MACROS['PICTURE']})"
    "|here|in total|altogether|all together|overall"
)

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def rules(*given: tuple[str, str | Callable[[re.Match[str]], str]]) -> tuple[Rule, ...]:
    """Patterns in which {NP} and the like stand for `_MACROS`, anchored at whole words."""
    made = []
    for pattern, into in given:
        for name, words in _MACROS.items():
            pattern = pattern.replace("{" + name + "}", f"(?:{words})")
        made.append((re.compile(rf"(?<!\S)(?:{pattern})(?:(?<=\s)|(?!\S))"), into))
    return tuple(made)


# --- What says nothing about the scene ---

_ASIDES = rules(
    (r"^(?:(?:please|hey|hi|hello|ok|okay|so|well) (?:, )?)+", ""),
    (r"(?:, )?(?:please|thanks|thank you)$", ""),
    (r"^(?:can|could|would|will) you (?:please )?(tell|count|name|say|give)", r"\1"),
    (
        r"^(?:do you know|i wonder|i want to know|i would like to know|i'd like to know|let me know)",
        "tell me",
    ),
    (r"^(?:tell me|say) (?:if|whether) there (is|are)", r"\1 there"),
    (r"^(?:tell me|say) (?=how|what|which)", ""),
    (r"^(?:in|on) (?:the|this) {PICTURE} , ", ""),
    # Left out after a bare verb, these would leave what a question begins with and not what it asks.
    (r"^(how many .*(?<!that) (?:are|is))(?: {HERE})+$", r"\1 there"),
    (r"(?:in|on|within) (?:the|this|that) {PICTURE}", ""),
    (r"(?:that are|that is) (?:visible|shown|present)$", ""),
    (r"(?:{HERE})(?: {HERE})*$", ""),
    (r"(?:(how many|number of)) total", r"\1"),
    (r"total number of", "number of"),
)

# --- One word or phrase for another ---

_PHRASES = rules(
    (r"it's (?={X})", "its "),
    (r"it's", "it is"),
    (r"at least (?:one|1)", "any"),
    (r"in back of", "behind"),
    (r"behind of", "behind"),
    (r"(?:amount|count) of", "number of"),
    (r"^what number of", "how many"),
    (r"same (?:stuff|substance)", "same material"),
    (r"than there are (?={NP})", "than "),
    (r"(?:on|at|to) (?:the )?(left|right)(?: hand)?(?: side)? of", r"to the \1 of"),
    (r"(?:the )?(left|right)(?: hand)? side of", r"\1 of"),
    (r"in the front of", "in front of"),
    (r"(left|right) to the (?={NP})", r"\1 of the "),
    (r"which (?:(is|are|has|have))", r"that \1"),
    (r"^that (?=is|are|has|have)", "which "),
    (r"^which", "what"),
    (r"what (?:kind|sort|type) of ({X})", r"what \1"),
    (r"(of|from) which material", r"of what material"),
    (r"made (?:up |out )?(?:of|from)", "made of"),
    (r"made of (?:the )?what", "made of what"),
    (r"the only (?={NP})", "the "),
    (r"({COLOR}) (?:colored|in color)", r"\1"),
    (r"({SIZE}) (?:sized|in size)", r"\1"),
    (r"({SHAPE}) shaped (?:{ONE})(s?)", r"\1\2"),
    (r"(the|{ADJ}|any|other|another) one(s?)", r"\1 thing\2"),
    (r"({ADJ}) (?:, )?(?:and )?one(s?)", r"\1 thing\2"),
    (r"(?:exactly )?(?:equal to|identical to|the same as)(?= (?:the|that))", "the same as"),
    (r"(?:exactly )?identical", "the same"),
    (r"exactly the same", "the same"),
    (r"same exact", "same"),
)


def _in_order(found: re.Match[str]) -> str:
    """Adjectives of a noun phrase in CLEVR's order; as they were where two are of one attribute."""
    *adjectives, noun = re.sub(r"(?<!\S)(?:,|and)(?!\S)", " ", found[0]).split()
    letters = _letters()
    if len({letters[word] for word in adjectives}) < len(adjectives):
        return found[0]
    return " ".join([*sorted(adjectives, key=lambda word: [*LETTERS].index(letters[word])), noun])


@cache
def _letters() -> dict[str, str]:
    return {word: meaning[0] for a in ATTRIBUTES for word, meaning in attribute_words(a) if meaning}


# --- The same noun phrase, said otherwise ---

_NOUN_PHRASES = rules(
    # Two kinds compared share their noun: "the same number of large and small things".
    (r"((?:equal|same) number of) ((?:{ADJ} )*{ADJ}) and ((?:{ADJ} )*{ADJ}) ({ONE}s)", r"\1 \2 \4 and \3 \4"),
    (r"as many ((?:{ADJ} )*{ADJ}) as ((?:{ADJ} )*{ADJ}) ({ONE}s)", r"as many \1 \3 as \2 \3"),
    (r"(more|fewer|less|as many) ((?:{ADJ} )*{ADJ}) ({ONE}s) (than|as) ((?:{ADJ} )*{ADJ})"
     r"(?! {ONE}| {ADJ}| ,)", r"\1 \2 \3 \4 \5 \3"),
    (r"(?:{ADJ}(?: ,)?(?: and)? )+{ONE}s?", _in_order),
    (r"({NP}s?) (?:that (?:is|are) )?made of ({MATERIAL})(?! {ONE}| {ADJ})", r"\2 \1"),
    (r"({ONE}s?) that (?:is|are) ((?:{ADJ}(?: ,)?(?: and)? )*{ADJ})(?! {ONE}| {ADJ}| and| or| ,)", r"\2 \1"),
    (r"(?:{ADJ}(?: ,)?(?: and)? )+{ONE}s?", _in_order),
    (r"(any|some) ?thing ({ADJ})(?! {ONE}| {ADJ}| and| or| ,)", r"\1 \2 thing"),
)  # fmt: skip

# --- Whole questions ---

_SENTENCES = rules(
    # whose color
    (r"the ({NP})'s ({X})", r"the \2 of the \1"),
    (r"the ({NP})s ({X})(?! of)", r"the \2 of the \1"),
    (r"the same as the ({NP})'s(?: {X})?$", r"the same as the \1"),
    (r"is the ({X}) of (the .+) the same as (?:that of|the \1 of) the", r"is the \1 of \2 the same as the"),
    (r"^(?:tell me|name|give me|say) the ({X}|number) of", r"what is the \1 of"),
    # counting
    (r"^(?:count|what is the (?:number|count) of|how much|number of)(?: all)?(?: of)?(?: the)? (?={NP})",
     "how many "),
    (r"^how many of the ({NP})(s?) are ((?:{ADJ} )*{ADJ})$", r"how many \3 \1s are there"),
    (r"^(how many|what number of) ({NP})(?:'s)?(?= |$)", r"\1 \2s"),
    (r"^how many ({NPS}) are ((?:{ADJ} and )*{ADJ})$", r"how many \2 \1 are there"),
    (r"^how many ({NPS}) there are", r"how many \1 are there"),
    (r"^how many ({NPS})(?: do (?:you|we|i) see| can (?:you|we|i) see| can be seen| exist"
     r"| (?:are|is)(?= ))?(?: there(?: is)?)?(?: visible| present| shown)?$", r"how many \1 are there"),
    (r"^how many ({NPS}) (?:are|is) there (?:that are )?(?={REL})", r"how many \1 are "),
    (r"^how many ({NPS}) (?:that are |is )?(?={REL})", r"how many \1 are "),
    (r"^how many ({NPS}) are (?:located|placed|standing|sitting) (?={REL})", r"how many \1 are "),
    (r"^how many of the (?={NPS} are)", "how many "),
    (r"^how many ((?:other )?{NPS}) (?:are there )?(?:with|that have|that share|share|having) the same",
     r"how many \1 have the same"),
    (r"^how many ((?:other )?{NPS}) share the ({X}) of", r"how many \1 have the same \2 as"),
    (r"^(how many {NPS} are) ({REL}) (the {NP}) and (the {NP})$", r"\1 \2 \3 and \2 \4"),
    (r"^how many ({NPS}) are ({REL} the {NP}) or ({REL} the {NP})$", r"how many things are \1 \2 or \1 \3"),
    (r"^how many (things|objects) are ({REL} the {NP}) or (?:are )?({NPS})$",
     r"how many things are \1 \2 or \3"),
    (r"^how many ({NPS}) are (?:either )?({ADJ}) or ({ADJ})$", r"how many things are \2 \1 or \3 \1"),
    (r"^how many ({ADJ}) or ({ADJ}) ({ONE}s) are there$", r"how many things are \1 \3 or \2 \3"),
    (r"^how many ({NPS}) or ({NPS}) are there$", r"how many things are \1 or \2"),
    # whether there are any
    (r"^(?:do|can|could) (?:you|we|i) see(?= )", "are there"),
    (r"^(?:do|does) (?:any|some) ({NP})s? exist$", r"are there any \1s"),
    (r"^are any ({NPS}) (?={REL})", r"are there any \1 "),
    (r"^does (?:a|an|any) ({NP}) exist$", r"is there a \1"),
    (r"^(?:is|are) any ?thing(?! else)", "are there any things"),
    (r"^(?:is|are) any ({NP})$", r"are there any \1s"),
    (r"^is there (?:any|some) ?thing(?! else)", "are there any things"),
    (r"^(?:is|are) there (?:any|some) ((?:{ADJ} )*)({ONE})s?(?= |$)", r"are there any \1\2s"),
    (r"^(?:are there) (?:an?) (?={NP}(?: |$))", "is there a "),
    (r"^are there (?:some )?(?={NPS})", "are there any "),
    (r"^are there any ({ADJ})$", r"are there any \1 things"),
    (r"^((?:is|are) there .*?)(?: present| visible| to be seen| shown)$", r"\1"),
    (r"^are any ({NPS}) (?:present|shown|to be seen|there)$", r"are there any \1"),
    # comparing numbers
    (r"^(?:is|are) there (?:exactly |just )?(?:as many|the same (?:count|amount) of) (.+?) as (.+)$",
     r"are there the same number of \1 and \2"),
    (r"^(?:is|are) there (?:an )?(?:equal|identical) (?:count|amount|numbers?) of",
     "are there an equal number of"),
    (r"^(?:is|are) there (?:a|the) same (?:count|amount|numbers?) of", "are there the same number of"),
    (r"^are there equally many ({NPS}) and ({NPS})$", r"are there an equal number of \1 and \2"),
    (r"^(?:is|are) there less (?=.+ than)", "are there fewer "),
    (r"^is there (more|fewer) (?=.+ than)", r"are there \1 "),
    (r"^do the ({NPS}) outnumber the ({NPS})$", r"are there more \1 than \2"),
    (r"(number of .+?) (?:larger|bigger|higher|more) than the number", r"\1 greater than the number"),
    (r"(number of .+?) (?:smaller|lower|fewer) than the number", r"\1 less than the number"),
    (r"(number of .+?) equal to the number", r"\1 the same as the number"),
    (r"(more|fewer|number of) the (?={NPS})", r"\1 "),
    (r"than the (?={NPS})", "than "),
    (r"(more|fewer) ({NPS}) ({REL} the {NP}) than (?={REL})", r"\1 \2 \3 than \2 "),
    # comparing attributes
    (r"^((?:do|are) the {NP} and) (?={NP} )", r"\1 the "),
    (r"(?:^(do|does) (.+?)) share the same ({X})", r"\1 \2 have the same \3"),
    (r"^do (the .+) share (?:a|the) ({X})$", r"do \1 have the same \2"),
    (r"^(?:do|does|is|are) (the .+) and (the .+?) (?:have |of |made of )*(?:the )?same ({X})$",
     r"do \1 and \2 have the same \3"),
    (r"^(?:does|is) (the .+?) (?:share|match) the ({X}) (?:of|with) (?=the)",
     r"does \1 have the same \2 as "),
    (r"^does (the .+?) match (the .+) in ({X})$", r"does \1 have the same \3 as \2"),
    (r"^is (the .+?)(?<! made) of the same ({X}) as", r"does \1 have the same \2 as"),
    (r"same ({X}) (?:like|with) the", r"same \1 as the"),
    # asking for an attribute
    (r"^how (?:large|small) (?=is|are)", "how big "),
    (r"^what (?:substance|stuff) is", "what material is"),
    (r"^what ({X}) (the .+) is$", r"what \1 is \2"),
    (r"^what the ({X}) of (the .+) is$", r"what is the \1 of \2"),
    (r"^what ({X}) does (the .+) have$", r"what \1 is \2"),
    (r"^what (?:do|does) (the .+) consist of$", r"what is \1 made of"),
    (r"^(?:of|from) what material is (the .+) made$", r"what is \1 made of"),
    (r"^what ({X}) is it that is the ({NP})$", r"what \1 is the \2"),
    (r"^there is an? (.+?) (?:,|;|, and|and) (?=what|how|is|are|does|do)", r"there is a \1 ; "),
    (r"^there is an? (.+?) ; (?:what|and what) ({X}) does it have$", r"there is a \1 ; what \2 is it"),
    (r"({REL}|same {X} as) (?={NP}(?: |$))", r"\1 the "),
    (r"(?<!^)(?<!there is a), (?=that)", ""),
)  # fmt: skip

# Forms that mean the same, of which a family has some only: each is tried where nothing else parses.
_WAYS = rules(
    (r"that (?:has|have|shares?|is|are|is of|are of) the same ({X}) as", r"that is the same \1 as"),
    (r"(?:with|of|having|sharing) the same ({X}) as", r"that is the same \1 as"),
    (r"(?:that (?:is|are|has) )?the same ({X}) as", r"that has the same \1 as"),
    (r"(?:that (?:is|are|has|have) )?the same ({X}) as", r"that have the same \1 as"),
    (r"(?:that (?:is|are|has|have) )?the same ({X}) as", r"that are the same \1 as"),
    (r"^there is a (.+) ; what ({X}) is it$", r"what \2 is the \1"),
    (r"^there is a (.+) ; what is its ({X})$", r"what is the \2 of the \1"),
    (r"^there is a (.+) ; how big is it$", r"what size is the \1"),
    (r"^there is a (.+) ; what is it made of$", r"what is the \1 made of"),
    (r"^what (?:material )?is (the .+) made of$", r"what material is \1"),
    (r"^(.+) is made of what material$", r"what is \1 made of"),
    (r"^(the .+) (?:is|has) what ({X})$", r"what \2 is \1"),
    (r"^how big is (the .+)$", r"what size is \1"),
    (r"^is (the .+?) made of the same material as (.+)$", r"does \1 have the same material as \2"),
    (r"^is (the .+?) the same ({X}) as (.+)$", r"does \1 have the same \2 as \3"),
    (r"^is the ({X}) of (the .+) the same as (the .+)$", r"does \2 have the same \1 as \3"),
    (r"^are there any (.+?)s (?:that are )?({REL}) (the .+)$", r"is there a \1 \2 \3"),
    (r"^is there an? ({NP}) ({REL} the .+)$", r"are there any \1s \2"),
    # as CLOSURE's generator says it, without the article
    (r"^(is there a {NP} {REL} the {NP} that is the same {X} as) the ({NP})$", r"\1 \2"),
    (r"^are there any ({NPS}) visible$", r"are there any \1"),
    (r"^how many (other {NPS}) have the same", r"how many \1 are the same"),
)
MOST_WAYS = 40


def reword(words: Sequence[str]) -> Iterator[str]:
    """The same question in words nearer to CLEVR's, and again in each form that means the same.

    Args:
        words: as `typed_words` gives them. The first text is in what cannot be said too.
    """
    text = " ".join(_SYNONYMS.get(word, word) for word in _apart(words))
    for group in (_ASIDES, _PHRASES, _NOUN_PHRASES, _SENTENCES, _NOUN_PHRASES):
        text = _applied(group, text)
    ways = [text]
    for way in ways:  # grows while it is gone through
        yield way
        for pattern, into in _WAYS:
            if len(ways) < MOST_WAYS and (other := _tidy(pattern.sub(into, way))) not in ways:
                ways.append(other)


def _apart(words: Sequence[str]) -> list[str]:
    """Words with dashes and full stops inside taken apart."""
    text = " ".join(words)
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"\. (?=\S)", " ; ", text)
    return text.split()


def _applied(group: Sequence[Rule], text: str) -> str:
    for pattern, into in group:
        text = _tidy(pattern.sub(into, text))
    return text


def _tidy(text: str) -> str:
    return " ".join(text.split())
