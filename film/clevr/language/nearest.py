"""The CLEVR question that a text which is none comes nearest to."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from film.clevr.language.families import LETTERS
from film.clevr.language.templates import SAID, THING
from film.clevr.language.word_tree import (
    PHRASES,
    WORDS,
    TreeNode,
    attribute_words,
    lower_case,
    sentence_tree,
    spelled,
)
from film.clevr.scenes import ATTRIBUTES, RELATIONS

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
    return frozenset(lower_case(word) for word in WORDS)


@lru_cache(4096)
def _mended(word: str) -> tuple[str, ...]:
    """The known words that are meant by one, or the word itself."""
    word = re.sub(r"<[^>]*>|[^\w;,']", "", word)
    word = lower_case(_MEANT.get(word, word))
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
    letters = {w: m[0] for a in ATTRIBUTES for w, m in attribute_words(a) if m}
    shapes = {w + s for w in (*THING, *(w for w, m in attribute_words("shape"))) for s in ("", "s")}
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

    def merge(place: TreeNode) -> int:
        edges = tuple((edge, merge(p)) for edge, p in (*place.words.items(), *place.gaps.items()))
        return junctions.setdefault(_Junction(edges, bool(place.ends)), len(junctions))

    merge(sentence_tree())
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
    return _PUT_IN.get(edge, 1.5 if edge in _WEIGHTY or edge in PHRASES else 1.0)


def _fit(edge: str, item: _Item) -> float | None:
    """What it costs to use something typed for an edge; None where it cannot be used."""
    if item.kind == "R" or edge == "R" or not item.kind:
        return 0.0 if edge == item.kind or item.words == (edge,) else None
    if edge in ("N", "Ns"):
        return 0.0 if edge == item.kind else 0.4
    if edge in PHRASES:  # one slot alone, which needs a noun phrase of one or two words
        return 0.1 if len(item.words) < 3 and not PHRASES[edge].keys().isdisjoint(item.words) else None
    return 0.0 if item.words == (edge,) else None  # "things" that are no gap


# Cost, edge taken from here (None: something typed is left out), and whether it uses something typed.
_Choice = tuple[float, tuple[str, int] | None, bool]


def nearest_wording(words: Sequence[str], keep_all: bool = False) -> str:
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
            return spelled(said, "?").replace(" a equal", " an equal")
        if step is not None:
            said += _in_place(step[0], items[i] if use else None)
            at = step[1]
        i += use or step is None


def _in_place(edge: str, item: _Item | None) -> Sequence[str]:
    """The words of an edge, taken from what was typed if that is used for it."""
    if edge not in PHRASES:
        return (edge,)
    if item is None:
        return _DEFAULT[edge].split()
    if edge in ("N", "Ns"):
        *adjectives, shape = item.words
        return (*adjectives, shape.removesuffix("s") + "s" * (edge == "Ns"))
    return item.words if edge == "R" else [next(w for w in item.words if w in PHRASES[edge])]
