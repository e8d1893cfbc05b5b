"""Text -> program: all sentences are followed at once through the tree of their words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from film.clevr.language.families import Family
from film.clevr.language.mistyped import repaired
from film.clevr.language.programs import Program
from film.clevr.language.rewording import reword
from film.clevr.language.templates import differ
from film.clevr.language.unsayable import cannot_say
from film.clevr.language.word_tree import (
    LONGEST,
    PHRASES,
    SentenceEnd,
    State,
    TreeNode,
    closure_tree,
    sentence_tree,
    spelled,
    typed_words,
)
from film.errors import InputError


@dataclass(frozen=True)
class Parse:
    """What a text asks.

    `family`: its question family, CLEVR's or, where that has none, CLOSURE's (see `is_clevrs`), and
    `slots` the family's slots, None where nothing is said.
    `official`: CLEVR itself could ask so. Otherwise the wording names an attribute that the family
    leaves out ("What color is the red cube?") or an "other" that CLEVR would drop or keep; the
    program is what it means all the same.
    `read_as`: the question in CLEVR's words where the text has others of the same meaning ("the
    cube's color"), else None.
    """

    family: Family
    slots: Mapping[str, str | None]
    program: Program
    official: bool = True
    read_as: str | None = None


class NotUnderstood(InputError):
    """A text that is no CLEVR question.

    `understood`: its beginning that could be one, in CLEVR's spelling. `rest`: the word after it,
    empty where the text only ends too early. `reason`: what it says that CLEVR's questions cannot,
    in a sentence, where that is known. `nearest`: the question that is meant if `mistyped` words
    (typed, meant) are; None where nothing can be offered without changing what is asked.
    """

    def __init__(
        self,
        understood: str,
        rest: str,
        reason: str | None = None,
        nearest: str | None = None,
        mistyped: tuple[tuple[str, str], ...] = (),
    ):
        self.understood, self.rest, self.reason = understood, rest, reason
        self.nearest, self.mistyped = nearest, mistyped
        if not rest:
            what = f"The question ends too early after “{understood}”"
        elif understood:
            what = f"The question is understood up to “{understood}”, but not “{rest}” there"
        else:
            what = f"No CLEVR question begins with “{rest}”"
        meant = ", ".join(f"“{word}” for “{typed}”" for typed, word in mistyped)
        offer = f" With {meant} it is “{nearest}”." if nearest else ""
        super().__init__(f"{what}. {reason or ''}".strip() + offer)


class _Thread(NamedTuple):
    """One way to have understood the words so far: a place in the tree, or a phrase on the way to it."""

    place: TreeNode
    phrase: State | None
    gaps: tuple[tuple[tuple[str, str], ...], ...]  # what each gap so far says; the last may be unfinished

    def following(self, word: str) -> Iterator[_Thread]:
        if self.phrase is not None:
            yield from self._within(self.phrase, self.place, self.gaps, word)
            return
        if word in self.place.words:
            yield _Thread(self.place.words[word], None, self.gaps)
        for kind, place in self.place.gaps.items():
            yield from self._within(PHRASES[kind], place, (*self.gaps, ()), word)

    @staticmethod
    def _within(phrase: State, place: TreeNode, gaps: tuple[Any, ...], word: str) -> Iterator[_Thread]:
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
            yield from PHRASES[kind]


def parse(text: str) -> Parse:
    """What a question asks. Case, punctuation at the end, extra spaces and invisible marks do not matter.

    Everyday wordings are read by rules that keep their meaning; `read_as` says how. Mistyped words
    are not guessed at.

    >>> parse("how many red cubes are there").slots["C1"]
    'red'
    >>> parse("What is the cube's colour?").read_as
    'What is the color of the cube?'

    Raises:
        NotUnderstood: the text is no CLEVR question.
        InputError: it is no text, or an empty one.
    """
    words = typed_words(text)
    understood, count = _understand(words)
    if understood:
        return understood
    plainest = ""
    for way in reword(words):
        plainest = plainest or way
        if found := _read_as(way):
            return found
    rest = words[count] if count < len(words) else ""
    reason = cannot_say(plainest)
    nearest, mistyped = _mended(plainest)
    raise NotUnderstood(spelled(words[:count]), rest, reason, nearest, mistyped)


def _read_as(wording: str) -> Parse | None:
    found, _ = _understand(wording.split())
    return found and replace(found, official=False, read_as=in_clevrs_spelling(wording))


def _mended(wording: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """The one question that is meant if its words are mistyped, and which are; else (None, ())."""
    found = {}
    for mended, mistyped in repaired(wording):
        for way in reword(mended.split()):
            if read := _read_as(way):
                found[read.program] = (read.read_as, mistyped)
                break
    return next(iter(found.values())) if len(found) == 1 else (None, ())


def in_clevrs_spelling(wording: str) -> str:
    """Words as a question is written, "an" before a vowel."""
    return spelled(re.sub(r"\ba (?=(?:object|equal)\b)", "an ", wording).split(), "?")


def _understand(words: Sequence[str]) -> tuple[Parse | None, int]:
    """A question in CLEVR's own words, and how many of the words could begin one."""
    furthest = 0
    for tree in (sentence_tree(), closure_tree()):
        threads, count = _follow(words, tree)
        ends = [(thread, end) for thread in threads if not thread.phrase for end in thread.place.ends]
        if count == len(words) and ends:
            return _best([_read(thread, end) for thread, end in ends]), count
        furthest = max(furthest, count)
    return None, furthest


def _best(readings: list[tuple[Family, dict[str, str | None], bool]]) -> Parse:
    # Where families share a text, their programs are the same; take one that may ask so.
    family, slots, official = min(readings, key=lambda reading: (not reading[2], reading[0].index))
    meant = family if official else replace(family, never=frozenset())
    return Parse(family, slots, meant.program(slots), official and family.is_clevrs)


def _follow(words: Iterable[str], tree: TreeNode) -> tuple[list[_Thread], int]:
    """All ways to understand the words, and how many words they reach."""
    threads, count = [_Thread(tree, None, ())], 0
    for word in words:
        word = "a" if word == "an" else word
        following = [after for thread in threads for after in thread.following(word)]
        if not following:
            break
        threads, count = following, count + 1
    return threads, count


def _read(thread: _Thread, end: SentenceEnd) -> tuple[Family, dict[str, str | None], bool]:
    family = end.family
    slots: dict[str, str | None] = dict.fromkeys(family.slots)
    for number, said in zip(end.numbers, thread.gaps, strict=True):
        slots.update((letter + number, value) for letter, value in said)
    allowed = not any(slots.get(slot) for slot in family.never)
    return family, slots, allowed and (end.other is None or end.other != differ(slots))


def completions(prefix: str) -> tuple[str, ...]:
    """The words that can follow, or end, what was typed so far; "?" where a question may end.

    A last word without a space after it is taken as begun: "How many re" -> ("red",).
    """
    words = prefix.lower().replace(";", " ; ").split()
    begun = words.pop() if words and not prefix[-1].isspace() and words[-1] != ";" else ""
    if len(words) > LONGEST:
        return ()
    threads, count = _follow(words, sentence_tree())
    if count < len(words):
        return ()
    found = {word for thread in threads for word in thread.expected() if word.startswith(begun)}
    ended = any(thread.place.ends for thread in threads if thread.phrase is None) and not begun
    return (*sorted(found if words else map(str.capitalize, found)), *("?" * ended))


def nearest(text: str) -> str | None:
    """A text as a question in CLEVR's own words; None where none has its meaning.

    Raises:
        InputError: there is no text to begin with.
    """
    try:
        return parse(text).read_as or spelled(typed_words(text), "?")
    except NotUnderstood as error:
        return error.nearest
