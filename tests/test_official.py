"""The published checkpoint layout, built here by key names and shapes, and a plain forward pass of it."""

import argparse
import io
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from film import checkpoint
from film.__main__ import main
from film.clevr.language.tokens import SPECIAL
from film.errors import InputError
from film.official import import_official

WORDS = [*SPECIAL, "", ";", "Are", "How", "What", "are", "cube", "how", "many", "red", "the", "there"]
ANSWERS = [*SPECIAL, "0", "1", "cube", "no", "red", "yes"]

GENERATOR = {
    "encoder_vocab_size": len(WORDS),
    "decoder_vocab_size": 44,
    "wordvec_dim": 6,
    "hidden_dim": 12,
    "rnn_num_layers": 1,
    "rnn_dropout": 0,
    "parameter_efficient": True,
    "output_batchnorm": False,
    "bidirectional": False,
    "encoder_type": "gru",
    "decoder_type": "linear",
    "gamma_option": "linear",
    "gamma_baseline": 1.0,
    "num_modules": 3,
    "module_num_layers": 1,
    "module_dim": 8,
    "debug_every": float("inf"),
}
NETWORK = {
    "feature_dim": (20, 6, 6),
    "stem_batchnorm": True,
    "stem_num_layers": 1,
    "module_dim": 8,
    "module_residual": True,
    "module_batchnorm": True,
    "classifier_proj_dim": 10,
    "classifier_downsample": "maxpoolfull",
    "classifier_fc_layers": (14,),
    "classifier_batchnorm": True,
    "classifier_dropout": 0,
    "num_modules": 3,
    "stem_kernel_size": 3,
    "stem_stride": 1,
    "stem_padding": None,
    "module_num_layers": 1,
    "module_batchnorm_affine": False,
    "module_dropout": 0,
    "module_input_proj": 1,
    "module_kernel_size": 3,
    "use_gamma": True,
    "use_beta": True,
    "use_coords": 1,
    "debug_every": float("inf"),
    "condition_method": "bn-film",
    "condition_pattern": (1, 1, 1),
}
PIXELS = {
    "feature_dim": (3, 32, 32),
    "stem_num_layers": 2,
    "stem_kernel_size": 4,
    "stem_stride": 2,
    "stem_padding": 1,
}


def published(network=None, generator=None, seed=0):
    """A checkpoint of the published code with random numbers in place of learned ones."""
    generator, network = GENERATOR | (generator or {}), NETWORK | (network or {})
    rng = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(shape, generator=rng) * 0.4

    gen, net = {}, {}

    def layer(state, name, *shape):
        state[f"{name}.weight"], state[f"{name}.bias"] = random(*shape), random(shape[0])

    def norm(state, name, maps, affine=True):
        state[f"{name}.running_mean"], state[f"{name}.running_var"] = random(maps), random(maps).abs() + 0.5
        if affine:
            state[f"{name}.weight"], state[f"{name}.bias"] = random(maps) + 0.2, random(maps)

    gen["encoder_embed.weight"] = random(len(WORDS), generator["wordvec_dim"])
    directions = 1 + generator["bidirectional"]
    hidden, inputs = generator["hidden_dim"] // directions, generator["wordvec_dim"]
    for number in range(generator["rnn_num_layers"]):
        for ending in ("", "_reverse")[:directions]:
            for part, width in (("ih", inputs), ("hh", hidden)):
                rows = hidden * (3 if generator["encoder_type"] == "gru" else 4)
                gen[f"encoder_rnn.weight_{part}_l{number}{ending}"] = random(rows, width)
                gen[f"encoder_rnn.bias_{part}_l{number}{ending}"] = random(rows)
        inputs = hidden * directions
    maps, blocks = network["module_dim"], network["num_modules"]
    per_block = 2 * maps if generator["parameter_efficient"] else 4 * maps + 2 * blocks
    layer(gen, "decoder_linear", blocks * per_block, inputs)
    if generator["output_batchnorm"]:  # made by the published code, and not used with a linear decoder
        norm(gen, "output_bn", per_block)

    channels, side, _ = network["feature_dim"]
    coords = 2 * (network["use_coords"] > 0)
    channels += coords * (network["stem_stride"] == 1)
    at, kernel = 0, network["stem_kernel_size"]
    padding = kernel // 2 if network["stem_padding"] is None else network["stem_padding"]
    for _ in range(network["stem_num_layers"]):
        layer(net, f"stem.{at}", maps, channels, kernel, kernel)
        if network["stem_batchnorm"]:
            norm(net, f"stem.{at + 1}", maps)
        at, channels = at + 2 + network["stem_batchnorm"], maps
        side = (side + 2 * padding - kernel) // network["stem_stride"] + 1
    for block in range(blocks):
        everywhere = not network["condition_pattern"] and network["condition_method"] != "concat"
        conditioned = everywhere or (network["condition_pattern"] or (0,) * blocks)[block] > 0
        first, second = int(network["module_input_proj"]), network["module_kernel_size"]
        layer(net, f"{block}.input_proj", maps, maps + coords, first, first)
        extra = 2 if network["use_coords"] == 2 else 0
        extra += 2 * maps * (network["condition_method"] == "concat")
        layer(net, f"{block}.conv1", maps, maps + extra, second, second)
        if network["module_batchnorm"]:
            norm(net, f"{block}.bn1", maps, not conditioned or network["module_batchnorm_affine"])
    with_norm, width = network["classifier_batchnorm"], network["classifier_proj_dim"]
    layer(net, "classifier.0", width, maps + coords, 1, 1)
    if with_norm:
        norm(net, "classifier.1", width)
    down = network["classifier_downsample"]
    at = 2 + with_norm + {"none": 0, "aggressive": 2}.get(down, 1) + 1
    units_listed = () if down == "aggressive" else network["classifier_fc_layers"]
    if down == "none":
        width *= side * side
    elif down[-1].isdigit():
        width *= (-(-side // int(down[-1]))) ** 2
    for units in units_listed:
        layer(net, f"classifier.{at}", units, width)
        if with_norm:
            norm(net, f"classifier.{at + 1}", units)
        at, width = at + 2 + with_norm + (network["classifier_dropout"] > 0), units
    layer(net, f"classifier.{at}", len(ANSWERS), width)

    tables: dict[str, Sequence[str]] = {
        "question": WORDS, "program": [*SPECIAL, "count"], "answer": ANSWERS,
    }  # fmt: skip
    vocab: dict[str, dict[Any, Any]] = {
        f"{kind}_token_to_idx": {w: i for i, w in enumerate(words)} for kind, words in tables.items()
    }
    vocab |= {f"{kind}_idx_to_token": dict(enumerate(words)) for kind, words in tables.items()}
    return {
        "args": {"learning_rate": 3e-4, "weight_decay": 1e-5, "model_type": "FiLM"},
        "program_generator_kwargs": generator,
        "program_generator_state": gen,
        "execution_engine_kwargs": {**network, "vocab": vocab, "an_option_of_tomorrow": 1},
        "execution_engine_state": net,
        "baseline_kwargs": None,
        "baseline_state": None,
        "baseline_type": None,
        "vocab": vocab,
        "train_losses": [np.float32(2.5), np.float64(1.0)],
        "train_rewards": [],
        "val_accs": [0.5],
        "best_val_acc": 0.9,
        "model_t": 11000,
    }


def reference(file, picture, tokens):
    """What the published code computes for one picture (1, c, h, w) and one unpadded question."""
    gen, options = file["program_generator_state"], file["program_generator_kwargs"]
    net, how = file["execution_engine_state"], file["execution_engine_kwargs"]

    def gru(sequence, number, ending):
        w_i, w_h, b_i, b_h = (
            gen[f"encoder_rnn.{kind}_{part}_l{number}{ending}"]
            for kind, part in (("weight", "ih"), ("weight", "hh"), ("bias", "ih"), ("bias", "hh"))
        )
        state, states = torch.zeros(w_h.shape[1]), []
        if options["encoder_type"] == "lstm":
            cell = torch.zeros_like(state)
            for x in sequence:
                enter, forget, new, leave = (w_i @ x + b_i + w_h @ state + b_h).chunk(4)
                cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
                state = torch.sigmoid(leave) * torch.tanh(cell)
                states.append(state)
            return states
        for x in sequence:
            ri, zi, ni = (w_i @ x + b_i).chunk(3)
            rh, zh, nh = (w_h @ state + b_h).chunk(3)
            reset, update = torch.sigmoid(ri + rh), torch.sigmoid(zi + zh)
            state = (1 - update) * torch.tanh(ni + reset * nh) + update * state
            states.append(state)
        return states

    sequence = list(gen["encoder_embed.weight"][tokens])
    for number in range(options["rnn_num_layers"]):
        forward = gru(sequence, number, "")
        if options["bidirectional"]:
            backward = gru(sequence[::-1], number, "_reverse")[::-1]
            forward = [torch.cat(pair) for pair in zip(forward, backward, strict=True)]
        sequence = forward
    raw = gen["decoder_linear.weight"] @ sequence[-1] + gen["decoder_linear.bias"]
    blocks, maps = how["num_modules"], how["module_dim"]
    raw = raw.view(blocks, -1)[:, : 2 * maps]
    functions = {"linear": lambda v: v, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp}
    gammas = functions[options["gamma_option"]](raw[:, :maps]) + options["gamma_baseline"]
    betas = raw[:, maps:]
    gammas = gammas if how["use_gamma"] else torch.ones_like(gammas)
    betas = betas if how["use_beta"] else torch.zeros_like(betas)

    def coords(x):
        rows, columns = x.shape[2:]
        across = torch.linspace(-1, 1, columns).repeat(rows, 1)
        down = torch.linspace(-1, 1, rows)[:, None].repeat(1, columns)
        return torch.cat([x, across[None, None], down[None, None]], 1)

    def norm(x, name):
        view = (1, -1) + (1,) * (x.ndim - 2)
        out = (x - net[f"{name}.running_mean"].view(view)) / (
            net[f"{name}.running_var"].view(view) + 1e-5
        ).sqrt()
        if f"{name}.weight" in net:
            out = out * net[f"{name}.weight"].view(view) + net[f"{name}.bias"].view(view)
        return out

    x = picture
    if how["use_coords"] and how["stem_stride"] == 1:
        x = coords(x)
    at = 0
    for _ in range(how["stem_num_layers"]):
        padding = how["stem_kernel_size"] // 2 if how["stem_padding"] is None else how["stem_padding"]
        x = F.conv2d(x, net[f"stem.{at}.weight"], net[f"stem.{at}.bias"], how["stem_stride"], padding)
        if how["stem_batchnorm"]:
            x, at = norm(x, f"stem.{at + 1}"), at + 1
        x, at = x.relu(), at + 2
    method = {"cbn": "bn-film", "conv-fac": "conv-film", "relu-fac": "relu-film"}.get(
        how["condition_method"], how["condition_method"].replace("-fac", "-film")
    )
    for block in range(blocks):
        on = not how["condition_pattern"] or how["condition_pattern"][block] > 0

        def film(x, here, on=on, block=block):
            if not on or here != method:
                return x
            return gammas[block].view(1, -1, 1, 1) * x + betas[block].view(1, -1, 1, 1)

        x = film(x, "block-input-film")
        x = coords(x) if how["use_coords"] >= 1 else x
        weight = net[f"{block}.input_proj.weight"]
        x = F.conv2d(x, weight, net[f"{block}.input_proj.bias"], padding=weight.shape[-1] // 2).relu()
        out = x
        if method == "concat":
            told = torch.cat([gammas[block], betas[block]]).view(1, -1, 1, 1)
            out = torch.cat([out, told.expand(-1, -1, *out.shape[2:])], 1)
        out = coords(out) if how["use_coords"] >= 2 else out
        weight = net[f"{block}.conv1.weight"]
        out = film(
            F.conv2d(out, weight, net[f"{block}.conv1.bias"], padding=weight.shape[-1] // 2), "conv-film"
        )
        out = norm(out, f"{block}.bn1") if how["module_batchnorm"] else out
        out = film(film(out, "bn-film").relu(), "relu-film")
        out = x + out if how["module_residual"] else out
        x = film(out, "block-output-film")
    x = coords(x) if how["use_coords"] else x
    x = F.conv2d(x, net["classifier.0.weight"], net["classifier.0.bias"])
    x = (norm(x, "classifier.1") if how["classifier_batchnorm"] else x).relu()
    down = how["classifier_downsample"]
    if down == "aggressive":
        side = x.shape[2] // 2
        x = F.avg_pool2d(F.max_pool2d(x, 2, 2), side, side)
    elif down != "none":
        side = x.shape[2] if down.endswith("full") else int(down[-1])
        pool = F.max_pool2d if down.startswith("max") else F.avg_pool2d
        x = pool(x, side, side, 0 if x.shape[2] % side == 0 and x.shape[3] % side == 0 else 1)
    x = x.flatten(1)
    at = 2 + how["classifier_batchnorm"] + {"none": 0, "aggressive": 2}.get(down, 1) + 1
    for _ in () if down == "aggressive" else how["classifier_fc_layers"]:
        x = F.linear(x, net[f"classifier.{at}.weight"], net[f"classifier.{at}.bias"])
        x = (norm(x, f"classifier.{at + 1}") if how["classifier_batchnorm"] else x).relu()
        at += 2 + how["classifier_batchnorm"] + (how["classifier_dropout"] > 0)
    return F.linear(x, net[f"classifier.{at}.weight"], net[f"classifier.{at}.bias"])[0]


def write(path: Path, file) -> Path:
    torch.save(file, path)
    return path


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
