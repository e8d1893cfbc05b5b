"""The questions of CLEVR in words, both ways: family and slots -> text, text -> program.

`film.clevr.forms` holds every sentence once. Saying one fills its gaps; understanding follows all
sentences at once through a tree of their words, in which a noun phrase or a relation is one edge.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from film.clevr.families import FAMILIES, LETTERS, Family, Slots
from film.clevr.forms import SAID, THING, Form, Maybe, Noun, Other, Single, differ, forms
from film.clevr.programs import GROUPS, Program
from film.clevr.scenes import ATTRIBUTES, RELATIONS
from film.errors import InputError

# --- Saying -------------------------------------------------------------------------------------


def realise(family: Family, slots: Slots, rng: np.random.Generator) -> str:
    """One of the official texts of a question, each as likely as in CLEVR.

    Raises:
        InputError: a slot has a value that has no word, or one the family needs has none.
    """
    some = forms(family)
    draws = iter(rng.random(24).tolist())  # more than any form has gaps
    form = some[int(next(draws) * len(some))]
    said = []
    for part in form.parts:
        if isinstance(part, str):
            said.append(part)
            continue
        ways = _ways(part, slots)
        way = ways[int(next(draws) * len(ways))] if len(ways) > 1 else ways[0]
        if way:
            said.append(way)
    return " ".join(said).replace(" ;", ";") + form.end


def wordings(family: Family, slots: Slots) -> Iterator[str]:
    """Every text that `realise` can give, each once, one after the other.

    Raises as `realise` does.
    """
    for form in dict.fromkeys(forms(family)):
        ways = [(part,) if isinstance(part, str) else _ways(part, slots) for part in form.parts]
        for said in itertools.product(*ways):
            yield " ".join(filter(None, said)).replace(" ;", ";") + form.end


def could_say(text: str, family: Family, slots: Slots) -> bool:
    """Is this text one of `wordings`, found without going through them?

    White space does not count, nor does the question mark at the end: the one that CLEVR lost in
    one form is lost or restored depending on where a copy of its files comes from.
    """
    words = _spaced(text).removesuffix("?")
    return any(_says(form, words, slots) for form in forms(family))


def _says(form: Form, text: str, slots: Slots) -> bool:
    text += " "
    reached = {0}
    for part in form.parts:
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


# --- The tree of all sentences ------------------------------------------------------------------

# An edge of the tree is a word in small letters or a gap of one of these kinds. Walking a gap takes
# a few words: a phrase's state maps each word that may come next to the state after it (None: the
# phrase is complete) and to the slot letter and value that the word stands for, if any.
Meaning = tuple[str, str] | None
State = dict[str, tuple["State | None", Meaning]]  # type: ignore[misc]

_LETTER_OF = {attribute: letter for letter, attribute in LETTERS.items()}


def _attribute_words(attribute: str, plural: bool = False) -> Iterator[tuple[str, Meaning]]:
    for value in ATTRIBUTES[attribute]:
        for word in SAID[value]:
            yield word + "s" * plural, (_LETTER_OF[attribute], value)


def _noun_states(plural: bool) -> State:
    """A noun phrase: size, color and material if any, in this order, then a shape or a thing."""
    state: State = {word: (None, meaning) for word, meaning in _attribute_words("shape", plural)}
    state |= {word + "s" * plural: (None, None) for word in THING}
    for attribute in ("material", "color", "size"):
        state = state | {word: (state, meaning) for word, meaning in _attribute_words(attribute)}
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


_PHRASES: dict[str, State] = {
    "N": _noun_states(plural=False),
    "Ns": _noun_states(plural=True),
    "R": _relation_states(),
    **{
        letter + "s" * plural: {w: (None, meaning) for w, meaning in _attribute_words(attribute, plural)}
        for letter, attribute in LETTERS.items()
        for plural in (False, True)
    },
}


class _End(NamedTuple):
    """A complete sentence: whose it is, the numbers of its gaps, and whether it says "other"."""

    family: int
    numbers: tuple[str, ...]
    other: bool | None


@dataclass(eq=False)
class _Place:
    """A node of the tree: what may follow here, and the sentences that may end here."""

    words: dict[str, _Place] = field(default_factory=dict)
    gaps: dict[str, _Place] = field(default_factory=dict)
    ends: list[_End] = field(default_factory=list)

    def after(self, edge: str) -> _Place:
        edges = self.gaps if edge in _PHRASES else self.words
        return edges.setdefault(edge, _Place())


def _variants(form: Form) -> Iterator[tuple[list[str], tuple[str, ...], bool | None]]:
    """A form with what is optional said and left out: edges, numbers of the gaps, "other" or not."""
    ways: list[Sequence[str]] = []
    numbers: list[str] = []
    for part in form.parts:
        match part:
            case str():
                ways.append((_small(part),))
            case Maybe():
                ways.append(("", part.words))
            case Other():
                ways.append((_small(part.words), part.without))
            case Noun():
                ways.append(("N" + "s" * part.plural,))
                numbers.append(part.number)
            case Single():
                ways.append((part.slot[0] + "s" * part.plural,))
                numbers.append(part.slot[1])
    other = next((i for i, part in enumerate(form.parts) if isinstance(part, Other)), None)
    for said in itertools.product(*ways):
        edges = [edge for way in said for edge in way.split()]
        yield edges, tuple(numbers), None if other is None else said[other] in ("other", "another")


def _small(words: str) -> str:
    """Words as the tree spells them; "a" and "an" are one."""
    return re.sub(r"\ban\b", "a", words.lower())


@cache
def _tree() -> _Place:
    """All sentences of all families; shorter ones first, so that they win where two are as near."""
    sentences = [
        (edges, _End(family.index, numbers, other))
        for family in FAMILIES
        for form in dict.fromkeys(forms(family))
        for edges, numbers, other in _variants(form)
    ]
    root = _Place()
    for edges, end in sorted(sentences, key=lambda sentence: len(sentence[0])):
        place = root
        for edge in edges:
            place = place.after(edge)
        place.ends.append(end)
    return root


def _words() -> tuple[str, ...]:
    found: set[str] = set()
    for part in (part for family in FAMILIES for form in forms(family) for part in form.parts):
        match part:
            case str():
                found.update(part.split())
            case Maybe():
                found.update(part.words.split())
            case Other():
                found.update((part.words, *part.without.split()))
            case Noun():
                found.update(_phrase_words(_PHRASES["N" + "s" * part.plural]))
            case Single():
                found.update(_phrase_words(_PHRASES[part.slot[0] + "s" * part.plural]))
    return tuple(sorted(found))


def _phrase_words(state: State) -> Iterator[str]:
    for word, (following, _) in state.items():
        yield word
        if following:
            yield from _phrase_words(following)


# The 88 words of CLEVR's questions as networks see them: with capitals, ";" a word, no "?".
WORDS = _words()

# --- Understanding ------------------------------------------------------------------------------

LONGEST = 60  # words; the longest sentence has 45


@dataclass(frozen=True)
class Parse:
    """What a text asks.

    `family`: its question family, and `slots` the family's slots, None where nothing is said.
    `official`: CLEVR itself could ask so. Otherwise the wording names an attribute that the family
    leaves out ("What color is the red cube?") or an "other" that CLEVR would drop or keep; the
    program is what it means all the same.
    """

    family: Family
    slots: Mapping[str, str | None]
    program: Program
    official: bool = True


class NotUnderstood(InputError):
    """A text that is no CLEVR question.

    `understood`: its beginning that could be one, in CLEVR's spelling. `rest`: the word after it,
    empty where the text only ends too early. `nearest`: the nearest CLEVR question.
    """

    def __init__(self, understood: str, rest: str, nearest: str):
        self.understood, self.rest, self.nearest = understood, rest, nearest
        if not rest:
            what = f"The question ends too early after “{understood}”"
        elif understood:
            what = f"The question is understood up to “{understood}”, but not “{rest}” there"
        else:
            what = f"No CLEVR question begins with “{rest}”"
        super().__init__(f"{what}; the nearest one is “{nearest}”.")


class _Thread(NamedTuple):
    """One way to have understood the words so far: a place in the tree, or a phrase on the way to it."""

    place: _Place
    phrase: State | None
    gaps: tuple[tuple[tuple[str, str], ...], ...]  # what each gap so far says; the last may be unfinished

    def following(self, word: str) -> Iterator[_Thread]:
        if self.phrase is not None:
            yield from self._within(self.phrase, self.place, self.gaps, word)
            return
        if word in self.place.words:
            yield _Thread(self.place.words[word], None, self.gaps)
        for kind, place in self.place.gaps.items():
            yield from self._within(_PHRASES[kind], place, (*self.gaps, ()), word)

    @staticmethod
    def _within(phrase: State, place: _Place, gaps: tuple[Any, ...], word: str) -> Iterator[_Thread]:
        if word in phrase:
            following, meaning = phrase[word]
            yield _Thread(place, following, (*gaps[:-1], (*gaps[-1], meaning)) if meaning else gaps)

    def expected(self) -> Iterator[str]:
        """The words that may come next."""
        if self.phrase is not None:
            yield from self.phrase
            return
        yield from self.place.words
        for kind in self.place.gaps:
            yield from _PHRASES[kind]


def parse(text: str) -> Parse:
    """What a question asks. Case, punctuation at the end and extra spaces do not matter.

    >>> parse("how many red cubes are there").slots["C1"]
    'red'

    Raises:
        NotUnderstood: the text is no CLEVR question.
        InputError: it is no text, or an empty one.
    """
    words = _typed(text)
    threads, count = _follow(words)
    readings = [_read(thread, end) for thread in threads if not thread.phrase for end in thread.place.ends]
    if count < len(words) or not readings:
        rest = words[count] if count < len(words) else ""
        raise NotUnderstood(_spell(words[:count]), rest, _nearest(words, keep_all=not rest))
    # Where families share a text, their programs are the same; take one that may ask so.
    family, slots, official = min(readings, key=lambda reading: (not reading[2], reading[0].index))
    meant = family if official else replace(family, never=frozenset())
    return Parse(family, slots, meant.program(slots), official)


def _typed(text: str) -> list[str]:
    if not isinstance(text, str):
        raise InputError(f"A question is a text, not {type(text).__name__}.")
    words = (
        text.lower().strip(" \t\r\n?.!…\"'“”‘’").replace(";", " ; ").replace(",", " , ").split(None, LONGEST)
    )
    if not words:
        raise InputError("The question is empty; ask something like “How many red cubes are there?”.")
    return [word[:40] for word in words[:LONGEST]]


def _follow(words: Iterable[str]) -> tuple[list[_Thread], int]:
    """All ways to understand the words, and how many words they reach."""
    threads, count = [_Thread(_tree(), None, ())], 0
    for word in words:
        word = "a" if word == "an" else word
        following = [after for thread in threads for after in thread.following(word)]
        if not following:
            break
        threads, count = following, count + 1
    return threads, count


def _read(thread: _Thread, end: _End) -> tuple[Family, dict[str, str | None], bool]:
    family = FAMILIES[end.family]
    slots: dict[str, str | None] = dict.fromkeys(family.slots)
    for number, said in zip(end.numbers, thread.gaps, strict=True):
        slots.update((letter + number, value) for letter, value in said)
    allowed = not any(slots.get(slot) for slot in family.never)
    return family, slots, allowed and (end.other is None or end.other != differ(slots))


def _spell(words: Iterable[str], end: str = "") -> str:
    text = " ".join(words).replace(" ;", ";")
    return text[:1].upper() + text[1:] + end


# --- The nearest question -----------------------------------------------------------------------

# What people type for CLEVR's own words.
_MEANT = {
    ",": ";",
    "grey": "gray",
    "colour": "color",
    "box": "cube",
    "boxes": "cubes",
    "tube": "cylinder",
    "tubes": "cylinders",
    "item": "object",
    "items": "objects",
    "shapes": "objects",
    "huge": "large",
    "bigger": "large",
    "little": "small",
    "plastic": "rubber",
    "dull": "matte",
    "golden": "yellow",
    "identical": "same",
    "which": "what",
    "what's": "what is",
    "it's": "its",
    "count": "how many",
}


class _Item(NamedTuple):
    """A word of the text, or a phrase of it: the kind of the edge it fits, and how it was typed."""

    kind: str
    words: tuple[str, ...]


@cache
def _known() -> frozenset[str]:
    return frozenset(_small(word) for word in WORDS)


@lru_cache(4096)
def _mended(word: str) -> tuple[str, ...]:
    """The known words that are meant by one, or the word itself."""
    word = re.sub(r"<[^>]*>|[^\w;,']", "", word)
    word = _small(_MEANT.get(word, word))
    known = _known()
    if word in known or " " in word:
        return tuple(word.split())
    alike = [k for k in known if abs(len(k) - len(word)) < 3 and len({*k} & {*word}) * 2 > len({*word})]
    close = difflib.get_close_matches(word, sorted(alike), n=1, cutoff=0.75)
    return (close[0],) if close else (word,) * bool(word)


@cache
def _relation_phrases() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """What may stand for a relation, longest first, and its words: "left" for "left of"."""
    phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
    for relation in RELATIONS:
        for way in sorted(map(str.split, SAID[relation]), key=len):
            for begin, end in itertools.combinations(range(len(way) + 1), 2):
                if relation in way[begin:end]:
                    phrases.setdefault(tuple(way[begin:end]), tuple(way))
    return tuple(sorted(phrases.items(), key=lambda phrase: -len(phrase[0])))


def _items(words: Sequence[str]) -> list[_Item]:
    """The words with noun phrases and relations gathered, adjectives put in order."""
    letters = {w: m[0] for a in ATTRIBUTES for w, m in _attribute_words(a) if m}
    shapes = {w + s for w in (*THING, *(w for w, m in _attribute_words("shape"))) for s in ("", "s")}
    items: list[_Item] = []
    at = 0
    while at < len(words):
        relation = next((p for p in _relation_phrases() if tuple(words[at : at + len(p[0])]) == p[0]), None)
        if relation:
            items.append(_Item("R", relation[1]))
            at += len(relation[0])
            continue
        said: dict[str, str] = {}
        begin = at
        asked = at > 0 and words[at - 1] == "how"  # "how big" names no size
        while at < len(words) and words[at] in letters and words[at] not in shapes and not asked:
            said[letters[words[at]]] = words[at]
            at += 1
        if at < len(words) and words[at] in shapes:
            said["S"] = words[at]
            at += 1
        elif said:
            said["S"] = "thing"
        if said:
            ordered = tuple(said[letter] for letter in LETTERS if letter in said)
            items.append(_Item("Ns" if ordered[-1].endswith("s") else "N", ordered))
            continue
        items.append(_Item("", (words[begin],)))
        at = begin + 1
    return items


class _Junction(NamedTuple):
    """A place of the tree merged with all that go on alike; edges lead to earlier junctions."""

    edges: tuple[tuple[str, int], ...]
    final: bool


@cache
def _graph() -> tuple[_Junction, ...]:
    """The tree as a small graph of sentences, ends first, the beginning last."""
    junctions: dict[_Junction, int] = {}

    def merge(place: _Place) -> int:
        edges = tuple((edge, merge(p)) for edge, p in (*place.words.items(), *place.gaps.items()))
        return junctions.setdefault(_Junction(edges, bool(place.ends)), len(junctions))

    merge(_tree())
    return tuple(junctions)


# What changes cost: leaving out something typed, and saying something that was not. A word that
# carries what is asked weighs more than one that only holds the sentence together.
_WEIGHTY = {*ATTRIBUTES, *["big", "made", "many", "number", "any", "and", "or", "other", "same", "equal"]}
_WEIGHTY |= {"less", "fewer", "greater", "more"}
_PUT_IN = {"N": 1.5, "Ns": 1.5, "R": 2.0}
_DEFAULT = {
    "N": "thing",
    "Ns": "things",
    "R": "left of",
    "Z": "large",
    "C": "red",
    "M": "metal",
    "Ss": "cubes",
}


def _leave_out(item: _Item) -> float:
    if item.kind:
        return 3.0 if item.kind == "R" else 1.0 + len(item.words)
    return 2.0 if item.words[0] in _WEIGHTY else 1.0 if item.words[0] in _known() else 0.5


def _put_in(edge: str) -> float:
    return _PUT_IN.get(edge, 1.5 if edge in _WEIGHTY or edge in _PHRASES else 1.0)


def _fit(edge: str, item: _Item) -> float | None:
    """What it costs to use something typed for an edge; None where it cannot be used."""
    if item.kind == "R" or edge == "R" or not item.kind:
        return 0.0 if edge == item.kind or item.words == (edge,) else None
    if edge in ("N", "Ns"):
        return 0.0 if edge == item.kind else 0.4
    if edge in _PHRASES:  # one slot alone, which needs a noun phrase of one or two words
        return 0.1 if len(item.words) < 3 and not _PHRASES[edge].keys().isdisjoint(item.words) else None
    return 0.0 if item.words == (edge,) else None  # "things" that are no gap


# Cost, edge taken from here (None: something typed is left out), and whether it uses something typed.
_Choice = tuple[float, tuple[str, int] | None, bool]


def nearest(text: str) -> str:
    """The CLEVR question that takes the fewest changes to a text; a question itself where it is one.

    Raises:
        InputError: there is no text to begin with.
    """
    try:
        parse(text)
    except NotUnderstood as error:
        return error.nearest
    return _spell(_typed(text), "?")


def _nearest(words: Sequence[str], keep_all: bool = False) -> str:
    """The question that takes the fewest changes to the words typed; `keep_all`: only additions.

    An edit distance between what was typed and all sentences at once, exact: sentences that go on
    alike share their rest, so there are a few hundred places to compare with, not thousands.
    """
    items = _items([known for word in words for known in _mended(word)])
    leave = [1000.0 if keep_all else _leave_out(item) for item in items]
    graph, size = _graph(), len(items)
    # best[j][i]: the cheapest way from junction j to an end with items i, i + 1, ... still unused.
    best: list[list[_Choice]] = []
    fits: dict[str, list[float | None]] = {}
    for junction in graph:
        edges = []
        for edge, target in junction.edges:
            if edge not in fits:
                fits[edge] = [_fit(edge, item) for item in items] + [None]
            edges.append(((edge, target), _put_in(edge), fits[edge], best[target]))
        row: list[_Choice] = [(0.0 if junction.final else math.inf, None, False)] * (size + 1)
        for i in range(size, -1, -1):
            choice = (row[i + 1][0] + leave[i], None, False) if i < size else row[i]
            for taken, cost, fit, there in edges:
                if there[i][0] + cost < choice[0]:
                    choice = (there[i][0] + cost, taken, False)
                used = fit[i]
                if used is not None and there[i + 1][0] + used <= choice[0]:
                    choice = (there[i + 1][0] + used, taken, True)
            row[i] = choice
        best.append(row)
    said: list[str] = []
    at, i = len(graph) - 1, 0
    while True:
        _, step, use = best[at][i]
        if step is None and i == size:
            return _spell(said, "?").replace(" a equal", " an equal")
        if step is not None:
            said += _in_place(step[0], items[i] if use else None)
            at = step[1]
        i += use or step is None


def _in_place(edge: str, item: _Item | None) -> Sequence[str]:
    """The words of an edge, taken from what was typed if that is used for it."""
    if edge not in _PHRASES:
        return (edge,)
    if item is None:
        return _DEFAULT[edge].split()
    if edge in ("N", "Ns"):
        *adjectives, shape = item.words
        return (*adjectives, shape.removesuffix("s") + "s" * (edge == "Ns"))
    return item.words if edge == "R" else [next(w for w in item.words if w in _PHRASES[edge])]


# --- For those who type -------------------------------------------------------------------------


def completions(prefix: str) -> tuple[str, ...]:
    """The words that can follow, or end, what was typed so far; "?" where a question may end.

    A last word without a space after it is taken as begun: "How many re" -> ("red",).
    """
    words = prefix.lower().replace(";", " ; ").split()
    begun = words.pop() if words and not prefix[-1].isspace() and words[-1] != ";" else ""
    if len(words) > LONGEST:
        return ()
    threads, count = _follow(words)
    if count < len(words):
        return ()
    found = {word for thread in threads for word in thread.expected() if word.startswith(begun)}
    ended = any(thread.place.ends for thread in threads if thread.phrase is None) and not begun
    return (*sorted(found if words else map(str.capitalize, found)), *("?" * ended))


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
