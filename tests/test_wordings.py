"""Everyday wordings are read with their meaning, or what CLEVR cannot say in them is named."""

import contextlib
import random
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from film.clevr.language.families import FAMILIES
from film.clevr.language.parser import NotUnderstood, parse
from film.clevr.language.realise import realise, some_slots
from film.clevr.language.unsayable import KIND_OF
from film.clevr.language.word_tree import known_words
from film.errors import InputError

WORDINGS = [
    tuple(part.strip(" ") for part in line.rsplit("|", 1))
    for line in (Path(__file__).parent / "data" / "wordings.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_there_are_at_least_300_wordings_of_every_outcome():
    outcomes = Counter(right[0] if right[0] in "?!-" else "read" for _, right in WORDINGS)
    assert len({typed for typed, _ in WORDINGS}) == len(WORDINGS) >= 300
    assert min(outcomes.values()) >= 10


@pytest.mark.parametrize(("typed", "right"), WORDINGS)
def test_the_meaning_is_kept_or_nothing_is_offered(typed, right):
    outcome, _, question = right.partition(" ")
    if outcome not in ("?", "!", "-"):
        read, meant = parse(typed), parse(right)
        assert meant.read_as is None
        assert read.program == meant.program
        assert read.read_as is None or parse(read.read_as).program == read.program
        return
    with pytest.raises(NotUnderstood) as caught:
        parse(typed)
    if outcome == "?":
        assert caught.value.nearest == question
        assert caught.value.mistyped
        return
    assert caught.value.nearest is None
    if outcome == "!":
        assert f"“{question}”" in caught.value.reason


def test_clevrs_own_wording_is_read_as_it_is():
    rng = np.random.default_rng(6)
    for family in FAMILIES:
        for _ in range(4):
            assert parse(realise(family, some_slots(family, rng), rng)).read_as is None


LEAVES_OPEN = re.compile(
    "an?|and|are|as|behind|do|does|front|ha(s|ve)|i[ns]|left|more|number|o[fnr]|other|right|same|th(an|at|e)|to",
    re.IGNORECASE,
)


def cut_off():
    """Beginnings of questions, each up to a word that leaves open what is asked."""
    rng = np.random.default_rng(8)
    whole = [right for _, right in WORDINGS if right[0] not in "?!-"]
    whole += [realise(family, some_slots(family, rng), rng) for family in FAMILIES]
    for words in map(str.split, whole):
        for end, word in enumerate(words[:-1], 1):
            if LEAVES_OPEN.fullmatch(word):
                yield " ".join(words[:end])


def test_a_question_that_is_cut_off_is_not_taken_for_a_whole_one():
    """ "How many blue things are" may go on with "behind the cube"."""
    beginnings = {"How many blue things are", *cut_off()}
    assert len(beginnings) > 300
    for beginning in beginnings:
        with contextlib.suppress(NotUnderstood):
            assert parse(beginning).read_as is None, beginning


def test_a_word_that_clevr_has_nothing_for_is_never_dropped():
    """Put anywhere into a question: it is refused, and no question without the word is offered.

    But for two that may say no more than the question does: "exactly the same", "the only cube".
    """
    rng = np.random.default_rng(7)
    for word in sorted(KIND_OF.keys() - {"exactly", "only"}):
        for _ in range(6):
            family = FAMILIES[rng.integers(len(FAMILIES))]
            words = realise(family, some_slots(family, rng), rng).rstrip("?").split()
            words.insert(rng.integers(len(words) + 1), word)
            with pytest.raises(NotUnderstood) as caught:
                parse(" ".join(words))
            assert caught.value.nearest is None, words


def hostile(count, seed):
    """Texts of any unicode, of CLEVR's words in any order, and of one piece many times."""
    rng = random.Random(seed)
    words = [
        *sorted(known_words()),
        "not",
        "the same",
        "cube's",
        "sphers",
        "grey",
        ",",
        ";",
        "\u202e",
        "\x00",
    ]
    for number in range(count):
        if number % 3 == 0:
            yield "".join(chr(rng.choice(BLOCKS) + rng.randrange(256)) for _ in range(rng.randint(1, 3000)))
        elif number % 3 == 1:
            yield " ".join(rng.choice(words) for _ in range(rng.randint(1, 70)))
        else:
            yield rng.choice(words) + f" {rng.choice(words)}" * rng.choice([40, 5000, 100_000])


BLOCKS = (0, 0x100, 0x300, 0x600, 0x2000, 0x2100, 0x3000, 0xFE00, 0xFF00, 0x1F600, 0xE0000)


def test_hostile_texts_are_read_or_refused_without_a_hang():
    for text in hostile(300, seed=12):
        began = time.monotonic()
        with contextlib.suppress(InputError):
            parse(text)
        assert time.monotonic() - began < 5, text[:80]
