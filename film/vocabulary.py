"""Words <-> ids for one network, and what to tell a user whose word the network never saw."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from film.clevr.language.tokens import END, NULL, SPECIAL, START, UNKNOWN, plain_text, split_words, word_table
from film.errors import InputError

MOST_NAMED = 12  # unknown words that are named in one sentence
EXAMPLE = "How many red cubes are there?"  # of a question, for who has asked none that is understood
LONGEST_QUESTION = 200  # words in a question; CLEVR's longest has about 40


class UnknownWords(InputError):
    """A question holds words that the network was never trained on.

    `words`: each unknown word with the known words nearest to it, best first.
    """

    def __init__(self, words: Sequence[tuple[str, tuple[str, ...]]], asked: int = 0):
        """`asked`: how many words the question has; where most are unknown, an example says what is known."""
        self.words = tuple(words)
        parts = []
        for word, nearest in self.words[:MOST_NAMED]:
            hint = f" (nearest: {', '.join(nearest)})" if nearest else ""
            parts.append(f"{word if len(word) <= 40 else word[:39] + '…'!r}{hint}")
        if (more := len(self.words) - MOST_NAMED) > 0:
            parts.append(f"and {more} more")
        these, them = ("this word", "it") if len(parts) == 1 else ("these words", "them")
        advice = f"replace {them} and ask again"
        if 2 * len(self.words) > asked > 0:
            advice = f"ask in CLEVR's English, such as “{EXAMPLE}”"
        super().__init__(f"The network does not know {these}: {'; '.join(parts)}; {advice}.")


@dataclass(frozen=True)
class Vocabulary:
    """Every token a network knows, in the order of their ids; the four special ones come first.

    `keep_empty`: a double space makes an empty word, as in the published preprocessing; set for
    imported networks, whose vocabulary has an id for it.
    """

    tokens: tuple[str, ...]
    keep_empty: bool = False

    def __post_init__(self) -> None:
        if self.tokens[: len(SPECIAL)] != SPECIAL:
            raise InputError(
                f"A vocabulary begins with {', '.join(SPECIAL)}, not {self.tokens[: len(SPECIAL)]}."
            )
        if len(set(self.tokens)) != len(self.tokens):
            raise InputError("A vocabulary lists each word once; this one repeats some.")

    @staticmethod
    def of(words: Iterable[str]) -> Vocabulary:
        """The vocabulary of these words, sorted as the published preprocessing sorts them."""
        return Vocabulary(word_table(words))

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Token -> its number in the network's embedding."""
        return {token: index for index, token in enumerate(self.tokens)}

    @cached_property
    def _spellings(self) -> dict[str, list[str]]:
        """Known words by their lower-case form: {"what": ["What", "what"], ...}."""
        spellings: dict[str, list[str]] = {}
        for word in self.tokens[len(SPECIAL) :]:
            spellings.setdefault(word.lower(), []).append(word)
        return spellings

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(self.tokens[len(SPECIAL) :])

    def words(self, text: str, *, lenient: bool = False) -> tuple[str, ...]:
        """The words of a question as the network knows them, without <START> and <END>.

        Case matters to the network and rarely to the one who types: every CLEVR question begins
        with a capital and goes on in small letters, so the first word takes its capital where that
        is known, and a later word that is unknown as typed takes whatever spelling is known.

        `lenient` takes unknown words for <UNK>, as training on CLEVR-Humans does.

        Raises:
            UnknownWords: naming every word without an id, with the nearest known ones.
            InputError: nothing was asked, or far too much.
        """
        if not isinstance(text, str):
            raise InputError(f"A question is a text, not {type(text).__name__}.")
        text = plain_text(text)
        if not text.strip(" ?.,;\t\r\n"):
            raise InputError(f"The question is empty; ask something like “{EXAMPLE}”.")
        typed = split_words(text.strip(), keep_empty=self.keep_empty and "" in self.ids)
        if len(typed) > LONGEST_QUESTION:
            raise InputError(f"The question has {len(typed)} words; ask one of at most {LONGEST_QUESTION}.")
        known = [
            word if place and word in self._plain else self._known(word, first=place == 0)
            for place, word in enumerate(typed)
        ]
        missing = dict.fromkeys(word for word, found in zip(typed, known, strict=True) if found is None)
        if missing and not lenient:
            raise UnknownWords([(word, self.nearest(word)) for word in missing], len(typed))
        return tuple(SPECIAL[UNKNOWN] if word is None else word for word in known)

    def unknown(self, texts: Iterable[str]) -> tuple[int, Counter[str]]:
        """How many of some questions hold words that have no id, and how often each such word is said."""
        said: Counter[str] = Counter()
        count = 0
        for text in texts:
            typed = split_words(plain_text(text).strip())
            missing = [
                word for place, word in enumerate(typed) if self._known(word, first=place == 0) is None
            ]
            count += bool(missing)
            said.update(missing)
        return count, said

    def _known(self, word: str, first: bool) -> str | None:
        spellings = self._spellings.get(word.lower(), [])
        if first and word[:1].islower() and word.capitalize() in spellings:
            return word.capitalize()
        if word in spellings:
            return word
        wanted = word.capitalize() if first else word.lower()
        return wanted if wanted in spellings else next(iter(spellings), None)

    def nearest(self, word: str, count: int = 3) -> tuple[str, ...]:
        """Known words that look most like this one."""
        found = difflib.get_close_matches(
            word.lower(), [s for s in self._spellings if s], n=count, cutoff=0.6
        )
        return tuple(self._spellings[spelling][-1] for spelling in found)

    def encode(self, text: str, *, lenient: bool = False) -> list[int]:
        """Ids of a question, <START> first and <END> last. Raises as `words` does."""
        return [START, *(self.ids[word] for word in self.words(text, lenient=lenient)), END]

    def encode_all(self, texts: Sequence[str], *, lenient: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Ids of many questions, int64 (Q, T) padded with <NULL>, and their lengths, int64 (Q,)."""
        rows = [self.encode(text, lenient=lenient) for text in texts]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)  # (Q,)
        ids = np.full((len(rows), lengths.max(initial=0)), NULL, dtype=np.int64)  # (Q, T)
        for line, row in zip(ids, rows, strict=True):
            line[: len(row)] = row
        return ids, lengths

    def decode(self, ids: Iterable[int]) -> str:
        """The words of these ids, special tokens left out."""
        return " ".join(self.tokens[i] for i in ids if i >= len(SPECIAL))
