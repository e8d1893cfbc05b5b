"""What a network's parts had been taught before its last training stands on its card."""

from dataclasses import replace

import pytest
import torch
from tiny import WORDS, tiny_card, tiny_network

from analysis.readme import _accuracy as accuracy_table
from film import GROUP_NAMES
from film.checkpoint import load, save
from film.errors import InputError
from film.training.initial import PARTS, take_over

SEEING = {"answer": 0.0, "maps": 1.0, "slots": 0.0, "sets": 0.0}
SHARE = {"right": 5, "asked": 10, "low": 0.2, "high": 0.8, "clusters": 10, "accuracy": 0.5}
ANSWERING = {"answer": 1.0, "maps": 0.0, "slots": 0, "sets": 0}


def made(folder, seed, loss, *, initial=(), frozen=(), **changes):
    network = tiny_network(seed, **changes)
    recipe = {"loss": loss, "frozen": list(frozen), "samples_seen": 100 * seed, "initial": list(initial)}
    save(folder / str(seed), network, tiny_card(network, recipe=recipe))
    return folder / str(seed)


def taught(network, former):
    return tiny_card(network, recipe={"loss": ANSWERING, "initial": former})


def test_a_stem_that_was_taught_to_see_stays_on_the_card(tmp_path):
    others = [part for part in PARTS if part != "stem"]
    network = tiny_network()
    seeing = made(tmp_path, 1, SEEING, frozen=others)
    former = take_over(network, WORDS, [seeing], lambda _: None)
    assert [(entry["parts"], entry["loss"], entry["samples"]) for entry in former] == [
        (["stem"], SEEING, 100)
    ]
    card = taught(network, former)
    assert card.answers_alone
    assert card.first_seeing
    assert card.taught == (
        "It was taught answers alone; its stem had first been taught "
        "which attributes stand where in the picture."
    )
    # A run that begins from that network says the same of its stem.
    second = made(tmp_path, 2, ANSWERING, initial=former)
    again = take_over(network, WORDS, [second], lambda _: None)
    assert [entry["parts"] for entry in again] == [["stem"], list(PARTS)]
    assert taught(network, again).taught == card.taught


def test_what_is_replaced_whole_is_forgotten(tmp_path):
    network = tiny_network()
    first, second = made(tmp_path, 1, SEEING), made(tmp_path, 2, ANSWERING)
    former = take_over(network, WORDS, [first, second], lambda _: None)
    assert [(entry["parts"], entry["loss"]) for entry in former] == [(list(PARTS), ANSWERING)]
    assert taught(network, former).taught == "It was taught answers alone."
    assert not taught(network, former).more_before
    assert not taught(network, former).first_seeing


def test_parts_that_do_not_fit_are_not_said_to_be_taken(tmp_path):
    network = tiny_network()
    other = made(tmp_path, 1, SEEING, hidden_size=network.config.hidden_size + 4)
    former = take_over(network, WORDS, [other], lambda _: None)
    card = taught(network, former)
    assert "stem" in former[0]["parts"]
    assert "blocks and classifier had first been taught" in card.taught
    assert card.more_before
    assert not card.first_seeing
    # A table does not call that "answers alone".
    told = replace(card, accuracy={"own": {"overall": SHARE, "groups": dict.fromkeys(GROUP_NAMES, 0.5)}})
    assert "| answers alone at last, more before |" in accuracy_table({"own": (told, {})})


def test_what_is_no_list_of_parts_says_nothing():
    network = tiny_network()
    for initial in (3, [3], [{"parts": 3}], [{"parts": ["stem"], "loss": 3}], None):
        assert taught(network, initial).taught == "It was taught answers alone."


def test_some_modules_alone_can_be_taken_over(tmp_path):
    network, untouched = tiny_network(3), tiny_network(3)
    other = made(tmp_path, 1, SEEING)
    told = []
    former = take_over(network, WORDS, [f"{other}=blocks.1,classifier"], told.append)
    source = load(other)[0].state_dict()
    for name, value in network.state_dict().items():
        taken = name.startswith(("blocks.1.", "classifier."))
        torch.testing.assert_close(value, (source if taken else untouched.state_dict())[name], msg=name)
    assert [entry["parts"] for entry in former] == [["blocks", "classifier"]]
    assert "words are new" not in told[0]
    with pytest.raises(InputError, match="no weights named block"):
        take_over(network, WORDS, [f"{other}=block"], told.append)


def test_a_folder_may_have_an_equals_sign(tmp_path):
    folder = tmp_path / "rate=3"
    folder.mkdir()
    other = made(folder, 1, SEEING)
    former = take_over(tiny_network(3), WORDS, [other], lambda _: None)
    assert [entry["parts"] for entry in former] == [list(PARTS)]
