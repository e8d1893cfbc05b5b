"""Question texts as words and ids, the way CLEVR models have always cut them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

SPECIAL = ("<NULL>", "<START>", "<END>", "<UNK>")
NULL, START, END, UNKNOWN = range(len(SPECIAL))


def plain_text(text: str) -> str:
    """A typed text without what nobody sees: marks in their plain form, nothing invisible.

    Full-width letters and marks become ASCII's, typographic apostrophes and dashes too; byte-order
    marks, joiners and the like vanish. ASCII stays as it is.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHIC)
    return "".join(c for c in text if unicodedata.category(c) != "Cf" and c not in _VARIATIONS)


_TYPOGRAPHIC = str.maketrans("\u2018\u2019\u02bc\u2010\u2011\u3001\u3002", "'''--,.")
_VARIATIONS = {chr(code) for code in range(0xFE00, 0xFE10)}


def split_words(text: str, *, keep_empty: bool = False) -> list[str]:
    """The words of a question: "; ," are words of their own, "? ." vanish, case is kept.

    `keep_empty` cuts at every single space, as the published preprocessing does: a double space
    then yields an empty word, which published vocabularies hold as id 4. Our own models collapse
    white space instead.
    """
    for mark in ";,":
        text = text.replace(mark, " " + mark)
    for mark in "?.":
        text = text.replace(mark, "")
    return text.split(" ") if keep_empty else text.split()


def word_table(words: Iterable[str]) -> tuple[str, ...]:
    """All tokens in the order of their ids: the special ones, then the words, sorted."""
    return SPECIAL + tuple(sorted(set(words) - set(SPECIAL)))


def encode(text: str, ids: Mapping[str, int], *, keep_empty: bool = False) -> list[int]:
    """Ids of a question between <START> and <END>; a word without an id becomes <UNK>."""
    words = split_words(text, keep_empty=keep_empty)
    return [START, *(ids.get(word, UNKNOWN) for word in words), END]
