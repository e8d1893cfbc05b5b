"""Everyday wordings are read with their meaning, or what CLEVR cannot say in them is named."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from film.clevr.language.families import FAMILIES
from film.clevr.language.parser import NotUnderstood, parse
from film.clevr.language.realise import realise, some_slots

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
