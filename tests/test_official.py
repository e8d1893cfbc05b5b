"""Published checkpoints read as ours, beside a plain forward pass of them."""

import argparse
import io
import pickle
import struct
import zipfile
from collections import defaultdict, deque
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from published import ANSWERS, PIXELS, WORDS, published, reference, write

from film import checkpoint
from film.__main__ import main
from film.errors import InputError
from film.official import import_official


def agree(path: Path, file) -> None:
    """Logits of the imported file equal those of the reference, question by question and together."""
    network, card = import_official(path)
    texts = ["How many red  cube are there?", "What;  the red cube", "Are there"]
    tokens = [card.vocabulary.encode(text) for text in texts]
    assert WORDS.index("") in tokens[0]
    picture = torch.rand((1, *file["execution_engine_kwargs"]["feature_dim"]))
    expected = torch.stack([reference(file, picture, row) for row in tokens])
    assert expected.abs().max() < 1e4  # else 1e-4 would ask for more digits than a float has
    ids, lengths = (torch.from_numpy(v) for v in card.vocabulary.encode_all(texts))
    with torch.inference_mode():
        together = network(picture, ids, lengths, len(texts))
        alone = torch.cat([network(picture, torch.tensor([row]), torch.tensor([len(row)])) for row in tokens])
    torch.testing.assert_close(together, expected, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(alone, expected, atol=1e-4, rtol=1e-5)


METHODS = ["bn-film", "conv-film", "relu-film", "block-input-film", "block-output-film", "concat"]
OLD = ["cbn", "conv-fac", "relu-fac", "block-input-fac", "block-output-fac"]


@pytest.mark.parametrize("method", METHODS + OLD)
@pytest.mark.parametrize("pattern", [(1, 1, 1), (1, 0, 0), ()])
def test_every_condition_method(tmp_path, method, pattern):
    file = published({"condition_method": method, "condition_pattern": pattern})
    agree(write(tmp_path / "film.pt", file), file)


@pytest.mark.parametrize(
    ("network", "generator"),
    [
        (PIXELS, {}),
        (PIXELS | {"stem_batchnorm": False}, {}),
        ({"use_coords": 0}, {}),
        ({"use_coords": 2}, {}),
        ({"use_gamma": False}, {}),
        ({"use_beta": False}, {}),
        ({}, {"gamma_option": "sigmoid", "gamma_baseline": 0}),
        ({}, {"gamma_option": "tanh", "gamma_baseline": 0}),
        ({}, {"gamma_option": "exp", "gamma_baseline": 0.5}),
        ({}, {"parameter_efficient": False}),
        ({}, {"output_batchnorm": True}),
        ({}, {"bidirectional": True}),
        ({}, {"rnn_num_layers": 2}),
        ({}, {"rnn_num_layers": 2, "bidirectional": True}),
        ({"module_residual": False}, {}),
        ({"module_batchnorm": False}, {}),
        ({"module_batchnorm": False, "stem_batchnorm": False, "classifier_batchnorm": False}, {}),
        ({"stem_batchnorm": False, "stem_num_layers": 2}, {}),
        ({"classifier_batchnorm": False, "condition_pattern": (0, 1, 0)}, {}),
        ({"module_batchnorm_affine": True}, {}),
        ({"module_input_proj": True}, {}),
        ({"module_input_proj": 3, "module_kernel_size": 1}, {}),
        ({"module_dropout": 0.05, "classifier_dropout": 0.5, "classifier_fc_layers": (14, 9)}, {}),
        ({"classifier_fc_layers": ()}, {}),
        ({"classifier_downsample": "maxpool2"}, {}),
        ({"classifier_downsample": "maxpool4"}, {}),
        ({"classifier_downsample": "avgpool4"}, {}),
        ({"classifier_downsample": "avgpoolfull"}, {}),
        ({"classifier_downsample": "none"}, {}),
        ({"classifier_downsample": "aggressive"}, {}),
        ({"condition_method": "concat", "use_coords": 2, "module_batchnorm": False}, {}),
        ({"stem_kernel_size": 5, "stem_padding": 0}, {}),
        ({"condition_method": "concat", "use_gamma": False}, {}),
        ({"condition_method": "concat", "use_beta": False, "condition_pattern": (0, 1, 0)}, {}),
        ({}, {"encoder_type": "lstm"}),
        ({}, {"encoder_type": "lstm", "bidirectional": True, "rnn_num_layers": 2}),
    ],
    ids=str,
)
def test_every_option(tmp_path, network, generator):
    file = published(network, generator)
    agree(write(tmp_path / "film.pt", file), file)


def test_options_that_cannot_be_imported_are_named(tmp_path):
    for network, generator, named in (
        ({"condition_method": "attention"}, {}, "attention"),
        ({"classifier_downsample": "median3"}, {}, "median3"),
        ({"classifier_proj_dim": 0}, {}, "classifier_maps"),
        ({}, {"encoder_type": "bow"}, "bow"),
        ({}, {"decoder_type": "gru"}, "decoder_type"),
        ({"module_dim": "many"}, {"module_dim": "many"}, "many"),
        ({"feature_dim": 3}, {}, "options"),
    ):
        file = published()
        file["execution_engine_kwargs"] |= network
        file["program_generator_kwargs"] |= generator
        with pytest.raises(InputError, match=named):
            import_official(write(tmp_path / "film.pt", file))


class Legacy(pickle.Pickler):
    """Writes what torch 0.1.x on a GPU wrote: numbers behind the pickle, tensors as `_rebuild_tensor`."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages: dict[str, torch.Tensor] = {}

    class Storage:
        def __init__(self, key, size):
            self.key, self.size = key, size

    def reducer_override(self, value):
        if not isinstance(value, torch.Tensor):
            return NotImplemented
        key = str(id(value))
        self.storages[key] = value.contiguous()
        shape = tuple(value.shape)
        stride = value.contiguous().stride()
        return torch._utils._rebuild_tensor, (self.Storage(key, value.numel()), 0, shape, stride)

    def persistent_id(self, value):
        if isinstance(value, self.Storage):
            return ("storage", torch.cuda.FloatStorage, value.key, "cuda:0", value.size, None)
        return None

    @staticmethod
    def dumps(content) -> bytes:
        out = io.BytesIO()
        system = {
            "protocol_version": 1001,
            "little_endian": True,
            "type_sizes": {"short": 2, "int": 4, "long": 4},
        }
        for head in (0x1950A86A20F9469CFC6C, 1001, system):
            pickle.dump(head, out, protocol=2)
        pickler = Legacy(out)
        pickler.dump(content)
        keys = sorted(pickler.storages)
        pickle.dump(keys, out, protocol=2)
        for key in keys:
            tensor = pickler.storages[key]
            out.write(struct.pack("<q", tensor.numel()) + tensor.numpy().tobytes())
        return out.getvalue()


def test_files_of_2017_from_a_gpu(tmp_path):
    file = published()
    path = tmp_path / "film.pt"
    path.write_bytes(Legacy.dumps(file))
    agree(path, file)


def test_newer_files_without_zip(tmp_path):
    file = published()
    torch.save(file, tmp_path / "film.pt", _use_new_zipfile_serialization=False)
    agree(tmp_path / "film.pt", file)


def test_options_as_a_namespace(tmp_path):
    file = published()
    file["args"] = argparse.Namespace(**file["args"])
    _, card = import_official(write(tmp_path / "film.pt", file))
    assert card.recipe == {"learning_rate": 3e-4, "weight_decay": 1e-5, "iterations_of_best": 11000}
    assert card.accuracy == {"val": 0.9}


def test_two_halves_from_two_files(tmp_path):
    first, second = published(seed=1), published(seed=2)
    mixed = first | {key: second[key] for key in ("execution_engine_state", "execution_engine_kwargs")}
    one, two = write(tmp_path / "one.pt", first), write(tmp_path / "two.pt", second)
    ours = import_official(one, two)[0].state_dict()
    expected = import_official(write(tmp_path / "mixed.pt", mixed))[0].state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch evil-was-here",)


@pytest.mark.parametrize("legacy", [True, False])
def test_code_in_a_file_is_not_run(tmp_path, monkeypatch, legacy):
    monkeypatch.chdir(tmp_path)
    file = published() | {"args": Evil()}
    torch.save(file, tmp_path / "film.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(InputError, match=r"posix\.system"):
        import_official(tmp_path / "film.pt")
    assert not (tmp_path / "evil-was-here").exists()


def test_broken_files_are_refused_with_a_sentence(tmp_path):
    whole = Legacy.dumps(published())
    path = tmp_path / "film.pt"
    zipped = write(tmp_path / "zip.pt", published()).read_bytes()
    for content in (
        b"",
        b"hello",
        whole[:40],
        whole[: len(whole) // 2],
        whole[:-4],
        zipped[:-100],
        zipped[:2000],
    ):
        path.write_bytes(content)
        with pytest.raises(InputError):
            import_official(path)
    path.write_text("{}")
    with pytest.raises(InputError, match="JSON"):
        import_official(path)
    with pytest.raises(InputError, match="no file"):
        import_official(tmp_path / "none.pt")
    with pytest.raises(InputError, match="not a checkpoint of the published"):
        import_official(write(path, {"state": torch.zeros(2)}))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f["execution_engine_state"].pop("1.conv1.bias"),
        lambda f: f["execution_engine_state"].update({"classifier.5.weight": torch.zeros(3, 3)}),
        lambda f: f["program_generator_state"].pop("encoder_embed.weight"),
        lambda f: f["program_generator_state"]["decoder_linear.bias"].fill_(float("nan")),
        lambda f: f["vocab"]["answer_token_to_idx"].update({"yes": 77}),
        lambda f: f["vocab"]["question_token_to_idx"].update({"green": len(WORDS)}),
        lambda f: f.update(vocab=None),
        lambda f: f.update(program_generator_state=None),
        lambda f: f["program_generator_kwargs"].update(num_modules=4),
        lambda f: f["program_generator_kwargs"].update(hidden_dim=16),
    ],
)
def test_files_that_contradict_themselves(tmp_path, change):
    file = published()
    change(file)
    with pytest.raises(InputError):
        import_official(write(tmp_path / "film.pt", file))


def test_command(tmp_path, capsys):
    path = write(tmp_path / "film.pt", published())
    assert main(["import-official", str(path), str(tmp_path / "out")]) == 0
    network, card = checkpoint.load(tmp_path / "out")
    assert card.fit == "stretch"
    assert card.keep_empty
    assert [card.answers[i] for i in card.answer_indices] == ANSWERS[4:]
    expected = import_official(path)[0].state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    path.write_bytes(b"hello")
    assert main(["import-official", str(path), str(tmp_path / "out")]) == 2
    assert "hello" not in capsys.readouterr().err


# --- files of others ------------------------------------------------------------------------------


def test_files_of_several_gpus(tmp_path):
    file = published()
    expected = import_official(write(tmp_path / "one.pt", file))[0].state_dict()
    for part in ("program_generator_state", "execution_engine_state"):
        file[part] = {f"module.{name}": value for name, value in file[part].items()}
    ours = import_official(write(tmp_path / "several.pt", file))[0].state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_options_as_texts(tmp_path):
    file = published({"condition_pattern": (1, 0, 1)})
    network, generator = file["execution_engine_kwargs"], file["program_generator_kwargs"]
    network |= {"feature_dim": "20,6,6", "condition_pattern": "1,0,1", "classifier_fc_layers": "14"}
    network |= {"module_dim": "8", "num_modules": 3.0, "use_beta": "True", "module_residual": "1"}
    generator |= {"bidirectional": "False", "gamma_baseline": "1.0", "hidden_dim": "12"}
    ours, _ = import_official(write(tmp_path / "film.pt", file))
    expected, _ = import_official(write(tmp_path / "same.pt", published({"condition_pattern": (1, 0, 1)})))
    assert ours.config == expected.config
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in expected.state_dict().items())


def test_what_is_harmless_is_read_over_or_named_as_what_it_is(tmp_path):
    file = published()
    file["args"] |= {
        "run_dir": Path("/home/anna/run"),
        "sizes": np.arange(3),
        "seen": {1, 2},
        "at": datetime(2018, 2, 2),
    }
    _, card = import_official(write(tmp_path / "film.pt", file))
    assert card.recipe["learning_rate"] == 3e-4
    for losses, named in ((deque([1.0]), "deque"), (defaultdict(int, {"a": 1}), "defaultdict")):
        with pytest.raises(InputError, match=f"holds a collections.{named}, which is no number"):
            import_official(write(tmp_path / "film.pt", published() | {"train_losses": losses}))
    for name, value, said in (
        ("condition_pattern", np.ones(3, int), "ndarray|_reconstruct"),
        ("feature_dim", torch.tensor([20, 6, 6]), "a tensor of shape"),
        ("stem_num_layers", Path("/x"), "pathlib"),
        ("module_dim", 10**400, "1000"),
        ("classifier_proj_dim", "wide", "'wide'.* a number"),
        ("use_gamma", 2, "true or false"),
        ("feature_dim", (20, 6), "3 whole numbers"),
        ("condition_method", 3, "a text"),
    ):
        file = published()
        file["execution_engine_kwargs"][name] = value
        with pytest.raises(InputError, match=f"{name} .*({said})") as told:
            import_official(write(tmp_path / "film.pt", file))
        assert "trust" not in str(told.value)


class Whole:
    """As where somebody saved the network itself."""


def test_only_what_can_run_is_accused(tmp_path):
    with pytest.raises(InputError, match="Whole, which is no number") as told:
        import_official(write(tmp_path / "film.pt", published() | {"args": Whole()}))
    assert "trust" not in str(told.value)
    with pytest.raises(InputError, match="Do not trust"):
        import_official(write(tmp_path / "film.pt", published() | {"args": Evil()}))


def test_absurd_sizes_take_no_memory(tmp_path):
    path = tmp_path / "film.pt"
    for name in ("num_modules", "module_dim", "stem_num_layers", "rnn_num_layers", "module_kernel_size"):
        file = published()
        file["execution_engine_kwargs"][name] = file["program_generator_kwargs"][name] = 1 << 19
        with pytest.raises(InputError):
            import_official(write(path, file))
    file = published()
    file["program_generator_state"]["decoder_linear.weight"] = torch.zeros(1).expand(1 << 20, 1 << 20)
    with pytest.raises(InputError, match="more than the file holds"):
        import_official(write(path, file))
    file = published()
    file["program_generator_state"]["decoder_linear.weight"] = torch.zeros(48, 12).to_sparse()
    with pytest.raises(InputError, match="no plain tensor"):
        import_official(write(path, file))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film/data/0", bytes(1 << 28))
    with pytest.raises(InputError, match="unpacks to 268 MB"):
        import_official(path)


def test_numbers_of_eight_bits_are_read(tmp_path):
    file = published()
    weight = file["execution_engine_state"]["0.conv1.weight"]
    file["execution_engine_state"]["0.conv1.weight"] = weight.to(torch.float8_e4m3fn)
    ours, _ = import_official(write(tmp_path / "film.pt", file))
    assert torch.equal(ours.state_dict()["blocks.0.conv2.weight"], weight.to(torch.float8_e4m3fn).float())


def test_a_two_way_encoders_card_says_how_it_reads(tmp_path):
    _, card = import_official(write(tmp_path / "film.pt", published({}, {"bidirectional": True})))
    assert card.config.padded_to == 46
    assert "46 tokens" in card.data["padding"]
    _, card = import_official(write(tmp_path / "film.pt", published()))
    assert (card.config.padded_to, dict(card.data)) == (None, {})
