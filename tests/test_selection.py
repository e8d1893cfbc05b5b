"""Selections as texts in links."""

import base64
import json
import random
import zlib

import numpy as np
import pytest

from analysis import (
    Selection,
    ViewState,
    from_link,
    left_out,
    rows_from_text,
    rows_to_text,
    selection_from_text,
    selection_to_text,
    selections_from_text,
    selections_to_text,
    to_link,
)
from film import InputError

OF = "a hash of questions"


def kinds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    numbers = np.arange(20_000)
    return {
        "none": numbers < 0,
        "all": numbers >= 0,
        "one": numbers == 12_345,
        "a range": (numbers > 500) & (numbers < 900),
        "the first and the last": (numbers == 0) | (numbers == 19_999),
        "every third": numbers % 3 == 0,
        "halves of thousands": numbers % 1000 < 500,
        "one in fifty": rng.random(20_000) < 0.02,
        "one in ten": rng.random(20_000) < 0.1,
        "half": rng.random(20_000) < 0.5,
        "of an odd count": rng.random(1237) < 0.3,
        "of nothing": np.zeros(0, bool),
        "of one": np.ones(1, bool),
    }


@pytest.mark.parametrize("name", kinds())
def test_rows_come_back(name):
    rows = kinds()[name]
    text = rows_to_text(rows, OF)
    assert (rows_from_text(text, len(rows), OF) == rows).all()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_every_way_of_writing_is_taken_and_none_is_long():
    length = {name: len(rows_to_text(rows, OF)) for name, rows in kinds().items()}
    assert max(length.values()) <= 3340
    assert length["a range"] < 20
    assert length["every third"] < 60
    assert length["one in fifty"] < 800
    assert length["one in ten"] < 2000
    ways = {base64.urlsafe_b64decode(rows_to_text(rows, OF) + "===")[0] for rows in kinds().values()}
    assert ways == {0, 1, 2, 3}


def test_a_damaged_text_is_refused():
    rng = random.Random(0)
    for rows in kinds().values():
        text = rows_to_text(rows, OF)
        for _ in range(60):
            at = rng.randrange(len(text))
            spoilt = rng.choice([
                text[:at], text[:at] + rng.choice("AZaz09-_") + text[at + 1 :], text + "A", text[at:],
                text[:at] + rng.choice(["%", " ", "é", "\0", "="]) + text[at:],
            ])  # fmt: skip
            try:
                found = rows_from_text(spoilt, len(rows), OF)
            except InputError:
                continue
            assert (found == rows).all(), spoilt  # the last letter has bits to spare


def test_a_text_of_other_questions_is_refused():
    text = rows_to_text(np.arange(100) < 7, OF)
    with pytest.raises(InputError, match="not of the 100 questions here"):
        rows_from_text(text, 100, "other questions")
    for count in (3, 99, 108, 20_000):
        with pytest.raises(InputError):
            rows_from_text(rows_to_text(np.arange(100) % 2 == 0, OF), count, OF)


def test_a_small_text_never_becomes_large():
    bomb = bytes([3]) + b"0000" + zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(InputError):
        rows_from_text(base64.urlsafe_b64encode(bomb).decode().rstrip("="), 1000, OF)
    endless = bytes([1]) + b"0000" + b"\xff" * 5000
    with pytest.raises(InputError):
        rows_from_text(base64.urlsafe_b64encode(endless).decode().rstrip("="), 1000, OF)
    with pytest.raises(InputError, match="characters"):
        rows_from_text("A" * 100_000, 1000, OF)


def test_names_and_what_chose_come_back_as_they_were():
    one = Selection(np.arange(50) % 5 == 0, "drawn on the projection “Block 1, PCA”", "Block 1, PCA")
    again = selection_from_text(selection_to_text(one, OF), 50, OF)
    assert (again.how, again.layout) == (one.how, one.layout)
    assert (again.rows == one.rows).all()
    named = {"a": one, '"[x](www.evil.example)': Selection(~one.rows)}
    found = selections_from_text(selections_to_text(named, OF), 50, OF)
    assert list(found) == list(named)
    assert (found["a"].rows == one.rows).all()
    assert selections_from_text("", 50, OF) == {}
    assert selections_to_text({}, OF) == ""


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{",
        "[]",
        "[1,2,3]",
        '["","",""]',
        '["A","","",""]',
        "null",
        "9" * 5000,
        "[" * 50_000,
        '{"a":[]}',
        "é",
    ],
)
def test_what_is_no_selection_is_refused(text):
    with pytest.raises(InputError):
        selection_from_text(text, 50, OF)
    with pytest.raises(InputError):
        selections_from_text(json.dumps({"name": text}), 50, OF)


def test_a_link_carries_as_many_selections_as_it_has_room_for():
    text = rows_to_text(kinds()["half"], OF)
    view = ViewState(selection=f'["{text}","",""]', kept=f'{{"a":["{text}","",""]}}', chosen=17)
    link = to_link(view, "ab")
    assert (link["selection"], link["row"]) == (view.selection, "17")
    assert "kept" not in link
    assert left_out(view) == ("the selections that are kept under names",)
    assert from_link(link, "ab", 40, ViewState())[0] == ViewState(selection=view.selection, chosen=17)
    assert left_out(ViewState(picture="upload-abc", edits="x" * 7000)) == (
        "the uploaded picture", "the Bench's edits",
    )  # fmt: skip
    assert left_out(ViewState(kept=view.kept)) == ()
