import json

import numpy as np
import pytest

from film.clevr.language.tokens import END, SPECIAL, START
from film.errors import InputError
from film.vocabulary import UnknownWords, Vocabulary

KNOWN = Vocabulary.of(
    [
        "How",
        "how",
        "What",
        "many",
        "red",
        "green",
        "cubes",
        "cube",
        "are",
        "there",
        "The",
        "the",
        ";",
        "Is",
        "is",
    ]
)


def test_ids_are_special_then_sorted():
    assert KNOWN.tokens[:5] == (*SPECIAL, ";")
    assert list(KNOWN.tokens[4:]) == sorted(KNOWN.tokens[4:])
    ids = KNOWN.encode("How many red cubes are there?")
    assert ids[0] == START
    assert ids[-1] == END
    assert KNOWN.decode(ids) == "How many red cubes are there"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("how many cubes", "How many cubes"),
        ("HOW MANY CUBES", "How many cubes"),
        ("  What   cube\tis red ?", "What cube is red"),
        ("red cubes; how many are there?", "red cubes ; how many are there"),
        ("Red Cubes", "red cubes"),
        ("is The cube red", "Is The cube red"),  # known as typed, so it stays
        ("many What", "many What"),
        ("many WHAT", "many What"),  # only the capital form is known
    ],
)
def test_case_and_space_are_forgiven(typed, read):
    assert " ".join(KNOWN.words(typed)) == read


def test_unknown_words_come_with_the_nearest():
    with pytest.raises(UnknownWords) as caught:
        KNOWN.encode("How many gren cubbes are zzz gren?")
    assert [word for word, _ in caught.value.words] == ["gren", "cubbes", "zzz"]
    nearest = dict(caught.value.words)
    assert nearest["gren"][0] == "green"
    assert nearest["cubbes"][0] == "cubes"
    assert nearest["zzz"] == ()
    assert "'gren' (nearest: green" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KNOWN.words("How many gren", lenient=True) == ("How", "many", "<UNK>")


def test_another_language_is_answered_with_an_example_and_a_slip_is_not():
    with pytest.raises(UnknownWords, match="ask in CLEVR's English, such as “How many red cubes"):
        KNOWN.encode("Wie viele rote Kugeln gibt es?")
    with pytest.raises(UnknownWords, match=r"'cubbes' .*; replace it and ask again"):
        KNOWN.encode("How many cubbes are there?")


@pytest.mark.parametrize("text", ["", "   ", "?", " .;, ?", 7, None, "red " * 300])
def test_no_question(text):
    with pytest.raises(InputError):
        KNOWN.encode(text)


def test_special_tokens_cannot_be_typed():
    with pytest.raises(UnknownWords):
        KNOWN.encode("How many <END> cubes")


def test_batches_are_padded():
    ids, lengths = KNOWN.encode_all(["many red cubes", "cubes"])
    assert ids.shape == (2, 5)
    assert lengths.tolist() == [5, 3]
    assert ids[1].tolist()[3:] == [0, 0]
    assert ids.dtype == lengths.dtype == np.int64
    assert KNOWN.encode_all([])[0].shape == (0, 0)


def test_vocabularies_that_are_none():
    for tokens in (("a", "b"), (*SPECIAL, "a", "a")):
        with pytest.raises(InputError):
            Vocabulary(tokens)


def test_real_questions_cut_as_published(shared_data):
    """Ids of real questions under the published table, double spaces and capitals included."""
    tables = json.loads((shared_data / "real-clevr" / "clevr_vocab_93_44_32.json").read_text())
    ids = tables["question_token_to_idx"]
    vocabulary = Vocabulary(tuple(sorted(ids, key=ids.get)), keep_empty=True)
    items = json.loads((shared_data / "real-clevr" / "questions_first3000.json").read_text())["questions"]
    texts = [item["question"] for item in items]
    doubled = 0
    for text in texts:
        words = text.replace(";", " ;").replace(",", " ,").replace("?", "").replace(".", "").split(" ")
        assert vocabulary.encode(text) == [START, *(ids[word] for word in words), END]
        doubled += 4 in vocabulary.encode(text)
    assert doubled == 4
