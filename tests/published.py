"""The published checkpoint layout, built by key names and shapes, and a plain forward pass of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from film.clevr.language.tokens import SPECIAL

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
    """What the published code computes for one picture (1, c, h, w) and one question of at most 46 tokens."""
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

    length = len(tokens)
    if options["bidirectional"]:  # the array's padding is read as well
        tokens = [*tokens, *[0] * (46 - length)]
    sequence = list(gen["encoder_embed.weight"][tokens])
    for number in range(options["rnn_num_layers"]):
        forward = gru(sequence, number, "")
        if options["bidirectional"]:
            backward = gru(sequence[::-1], number, "_reverse")[::-1]
            forward = [torch.cat(pair) for pair in zip(forward, backward, strict=True)]
        sequence = forward
    raw = gen["decoder_linear.weight"] @ sequence[length - 1] + gen["decoder_linear.bias"]
    blocks, maps = how["num_modules"], how["module_dim"]
    raw = raw.view(blocks, -1)[:, : 2 * maps]
    functions = {"linear": lambda v: v, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp}
    gammas = functions[options["gamma_option"]](raw[:, :maps]) + options["gamma_baseline"]
    betas = raw[:, maps:]
    if how["condition_method"] != "concat":  # which looks at neither
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
