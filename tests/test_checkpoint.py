import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import ANSWERS, WORDS, tiny_card, tiny_network

from film import checkpoint
from film.checkpoint import CARD, WEIGHTS, Card, check_state, find, load, save, weights_hash
from film.errors import InputError


@pytest.fixture
def saved(tmp_path):
    network = tiny_network()
    return tmp_path / "net", network, save(tmp_path / "net", network, tiny_card(network, name="tiny"))


def outputs(network):
    rng = torch.Generator().manual_seed(0)
    pictures = torch.rand((2, 3, 16, 24), generator=rng)
    tokens = torch.randint(4, len(WORDS), (2, 9), generator=rng)
    with torch.inference_mode():
        return network(pictures, tokens, torch.tensor([9, 9]))


def test_round_trip_in_half_precision(saved):
    folder, network, card = saved
    loaded, read = load(folder)
    assert read == card
    assert read.words == WORDS
    assert read.weights == weights_hash(loaded) != weights_hash(network)
    assert not loaded.training
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.state_dict().values())
    torch.testing.assert_close(outputs(loaded), outputs(network), atol=0.05, rtol=0.01)
    again = save(folder.parent / "again", loaded, read)
    assert again.weights == card.weights  # half precision costs something once
    assert sorted(path.name for path in folder.iterdir()) == [CARD, WEIGHTS]
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in folder.iterdir())  # others may read them


def test_round_trip_in_full_precision(tmp_path):
    network = tiny_network()
    card = save(tmp_path / "net", network, tiny_card(network), half=False)
    loaded, _ = load(tmp_path / "net")
    assert card.weights == weights_hash(network) == weights_hash(loaded)
    assert torch.equal(outputs(loaded), outputs(network))


def test_values_too_large_for_half_precision_stay_exact(tmp_path):
    network = tiny_network()
    with torch.no_grad():
        network.classifier.project.weight[0, 0] = 1e6
    save(tmp_path / "net", network, tiny_card(network))
    assert load(tmp_path / "net")[0].classifier.project.weight[0, 0] == 1e6


def test_loading_leaves_the_random_numbers_alone(saved):
    torch.manual_seed(3)
    load(saved[0])
    drawn = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(2))


def test_opening_one_does_not_load_the_compiler(saved):
    """It would take longer than everything else together."""
    code = "import sys, film; film.Session(sys.argv[1]); print('torch._dynamo' in sys.modules)"
    command = [sys.executable, "-c", code, str(saved[0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr


def test_hash_is_of_the_function_not_the_file(saved):
    network = saved[1]
    same = tiny_network()
    assert weights_hash(network) == weights_hash(same)
    with torch.no_grad():
        same.blocks[0].norm.running_mean[0] += 1e-3
    assert weights_hash(network) != weights_hash(same)
    assert weights_hash(network.to(memory_format=torch.channels_last)) == weights_hash(tiny_network())


def rewritten(folder, change):
    """Change the tensors of a saved checkpoint; the card speaks of the changed ones."""
    state = load_file(folder / WEIGHTS)
    change(state)
    save_file(state, folder / WEIGHTS)
    values = json.loads((folder / CARD).read_text())
    values["weights"] = checkpoint._state_hash(state)
    (folder / CARD).write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.update(renamed=s.pop("question_encoder.to_film.weight")),
            "lacks 'question_encoder.to_film.weight'",
        ),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown 'extra'"),
        (lambda s: s.update({"question_encoder.to_film.bias": torch.zeros(3)}), "of shape"),
        (
            lambda s: s.update({"question_encoder.to_film.bias": torch.zeros(48, dtype=torch.int32)}),
            "of type",
        ),
        (lambda s: s["question_encoder.to_film.bias"].fill_(float("nan")), "no numbers"),
    ],
)
def test_weights_of_something_else(saved, change, message):
    rewritten(saved[0], change)
    with pytest.raises(InputError, match=message):
        load(saved[0])


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil-was-here",)


def test_pickles_are_not_opened(saved, monkeypatch):
    folder = saved[0]
    monkeypatch.chdir(folder)
    for protocol in (0, 2, 4, 5):
        (folder / WEIGHTS).write_bytes(pickle.dumps(Evil(), protocol))
        with pytest.raises(InputError, match="pickle" if protocol > 1 else "damaged"):
            load(folder)
    torch.save({"weights": Evil()}, folder / WEIGHTS)
    with pytest.raises(InputError, match="pickle"):
        load(folder)
    assert not (folder / "evil-was-here").exists()


def test_truncated_and_foreign_files(saved):
    folder = saved[0]
    whole = (folder / WEIGHTS).read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 0x40
    for content in (
        b"",
        b"PK",
        whole[:7],
        whole[:200],
        whole[:-1],
        whole + b"x",
        b"\xff" * 100,
        bytes(flipped),
    ):
        (folder / WEIGHTS).write_bytes(content)
        with pytest.raises(InputError):
            load(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"no weights\.safetensors"):
        load(folder)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        "[" * 100_000,
        '{"format": "film-lens checkpoint", "version": 99}',
        '{"format": "film-lens checkpoint", "version": 1}',
        "\0\0\0",
    ],
)
def test_damaged_cards(saved, content):
    (saved[0] / CARD).write_text(content)
    with pytest.raises(InputError, match=r"card\.json"):
        load(saved[0])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("words", []),
        ("words", list(WORDS[:-1])),
        ("words", [1, 2, 3]),
        ("answers", list(ANSWERS[:-1])),
        ("fit", "squash"),
        ("config", {"maps": "many"}),
        ("config", {"future": 1}),
        ("config", []),
        ("weights", "0" * 64),
    ],
)
def test_cards_that_contradict_their_network(saved, key, value):
    values = json.loads((saved[0] / CARD).read_text())
    (saved[0] / CARD).write_text(json.dumps(values | {key: value}))
    if key == "weights":  # a save that was cut off between the files: the weights' own card holds
        assert load(saved[0])[1] == saved[2]
        return
    with pytest.raises(InputError):
        load(saved[0])


def test_a_save_cut_off_between_its_files_does_no_harm(saved, tmp_path):
    folder, _, old = saved
    other = tiny_network(seed=5)
    new = save(tmp_path / "new", other, tiny_card(other, name="new"))
    shutil.copy(tmp_path / "new" / WEIGHTS, folder / WEIGHTS)  # the card is still the old one
    loaded, card = load(folder)
    assert card == new != old
    assert weights_hash(loaded) == new.weights


def test_a_save_that_fails_leaves_the_old_one(saved, monkeypatch):
    folder, network, card = saved

    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="no space"):
        save(folder, network, tiny_card(network, name="newer"))
    assert load(folder)[1] == card
    assert sorted(path.name for path in folder.iterdir()) == [CARD, WEIGHTS]
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in folder.iterdir())  # others may read them


def test_no_checkpoint_there(saved, tmp_path):
    with pytest.raises(InputError, match=r"card\.json is not there"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="import-official"):
        load(saved[0] / WEIGHTS)


def test_bundled_checkpoints_are_found_by_name(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "BUNDLED", saved[0].parent)
    assert checkpoint.bundled() == [saved[0]]
    assert checkpoint.find() == checkpoint.find("net") == saved[0]
    assert checkpoint.find("elsewhere/net").as_posix() == "elsewhere/net"
    monkeypatch.setattr(checkpoint, "FIRST", "other")
    for name in ("other", "a"):
        shutil.copytree(saved[0], saved[0].with_name(name))
    assert [folder.name for folder in checkpoint.bundled()] == ["other", "a", "net"]
    monkeypatch.setattr(checkpoint, "BUNDLED", saved[0] / "none")
    with pytest.raises(InputError, match="--checkpoint"):
        checkpoint.find()


def test_cards_refuse_what_does_not_fit():
    network = tiny_network()
    with pytest.raises(InputError, match="answers"):
        tiny_card(network, answers=("yes",))
    other = tiny_card(tiny_network(maps=12, stem=((12, 4, 2),)))
    with pytest.raises(InputError, match="another network"):
        save("nowhere", network, other)
    with_specials = tiny_card(tiny_network(answers=32))
    assert [with_specials.answers[i] for i in with_specials.answer_indices] == list(ANSWERS)
    assert isinstance(Card.from_json(json.loads(json.dumps(with_specials.to_json()))), Card)
    check_state(network.state_dict(), network.state_dict(), "here")


def test_a_card_says_what_its_network_was_taught():
    network = tiny_network()

    def taught(**recipe: object) -> str:
        return tiny_card(network, recipe=recipe).taught

    assert taught() == "What it was taught is not said on its card."
    assert (
        taught(loss={"answer": 1.0, "sets": 0.0, "slots": 0, "maps": 0.0}) == "It was taught answers alone."
    )
    more = taught(loss={"answer": 1.0, "sets": 0.5, "slots": 0.0, "maps": 0.3})
    assert more.startswith("It was taught more than answers")
    assert "which attributes stand where" in more
    assert "slots" not in more
    assert taught(loss=3) == taught()
    assert "more than answers" in load(find())[1].taught
