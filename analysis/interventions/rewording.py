"""A question in other words: every official wording, a word left out, all words shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from film import InputError, Parse, Program, parse, realise, split_words, wordings

PARAPHRASE, LEFT_OUT, SHUFFLED = "paraphrase", "a word left out", "words shuffled"


def paraphrases(question: str, most: int, rng: np.random.Generator) -> list[str]:
    """The other official wordings of a question's program: all of them, or `most` at random where more are.

    Raises:
        InputError: the question is none of CLEVR's, so there is no program to say in other words.
    """
    asked = _understood(question)
    found = list(islice(wordings(asked.family, asked.slots), most + 2))
    if len(found) > most + 1:
        drawn = (realise(asked.family, asked.slots, rng) for _ in range(8 * most))
        found = list(dict.fromkeys(drawn))
    return [text for text in found if text != question][:most]


def with_a_word_left_out(question: str) -> Iterator[tuple[str, str]]:
    """(word, text without it), for every word without which no other CLEVR question is left.

    Where one is left ("How many cubes?" of "How many red cubes?") it may have another answer, and no network
    could know that the word was meant.
    """
    words = split_words(question)
    program: Program | None
    try:
        program = parse(question).program
    except InputError:
        program = None
    for place, word in enumerate(words):
        text = " ".join(words[:place] + words[place + 1 :])
        try:
            same = parse(text).program == program
        except InputError:
            same = True
        if same:
            yield word, text


def shuffled(question: str, times: int, rng: np.random.Generator) -> list[str]:
    """The question's words in orders drawn at random, none twice; the question's own order is none."""
    words = split_words(question)
    drawn = (" ".join(words[place] for place in rng.permutation(len(words))) for _ in range(times))
    return [text for text in dict.fromkeys(drawn) if text != " ".join(words)]


def _understood(question: str) -> Parse:
    asked = parse(question)
    if not asked.family.is_clevrs or not asked.official:
        raise InputError(f"“{question}” is not in CLEVR's own words; paraphrases are made of those that are.")
    return asked
