"""The published code's checkpoints (`film.pt`) as ours: `python -m film import-official`.

`film.official_file` reads the file; here is what its options and tensors mean. Our network computes the
same function. Where the published one lacks a batch norm that ours has, because it chooses them part by
part, ours gets one that changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from film import official_file
from film.checkpoint import Card, check_state
from film.clevr.json_values import plain
from film.config import BetaForm, FilmAt, GammaForm, NetworkConfig
from film.errors import InputError
from film.network import FiLMNetwork

FILM_AT: dict[str, FilmAt] = {
    "block-input-film": "input",
    "conv-film": "conv",
    "bn-film": "norm",
    "relu-film": "relu",
    "block-output-film": "output",
    "concat": "concat",
}
OLD_NAMES = {
    "block-input-fac": "block-input-film",
    "block-output-fac": "block-output-film",
    "cbn": "bn-film",
    "conv-fac": "conv-film",
    "relu-fac": "relu-film",
}
# Tokens in a row of CLEVR v1.0's question array, <START> and <END> too. A two-way encoder of the published
# code reads a question backwards from the end of its row, through the padding.
PADDED_TO = 46
PADDING = (
    f"The question encoder reads backwards through the padding of an array of {PADDED_TO} tokens a question, "
    "as the published code does on CLEVR v1.0; with an array of another length it would answer otherwise."
)
GAMMA: dict[str, GammaForm] = {"linear": "free", "sigmoid": "sigmoid", "tanh": "tanh", "exp": "exp"}

# What an option is when a file does not say, as in the published constructors.
GENERATOR_DEFAULTS: dict[str, Any] = {
    "wordvec_dim": 200,
    "hidden_dim": 512,
    "rnn_num_layers": 1,
    "bidirectional": False,
    "encoder_type": "gru",
    "decoder_type": "linear",
    "gamma_option": "linear",
    "gamma_baseline": 1,
    "num_modules": 4,
    "module_num_layers": 1,
    "module_dim": 128,
    "parameter_efficient": False,
}
NETWORK_DEFAULTS: dict[str, Any] = {
    "feature_dim": (1024, 14, 14),
    "stem_num_layers": 2,
    "stem_batchnorm": False,
    "stem_kernel_size": 3,
    "stem_stride": 1,
    "stem_padding": None,
    "num_modules": 4,
    "module_num_layers": 1,
    "module_dim": 128,
    "module_residual": True,
    "module_batchnorm": False,
    "module_batchnorm_affine": False,
    "module_dropout": 0,
    "module_input_proj": 1,
    "module_kernel_size": 3,
    "classifier_proj_dim": 512,
    "classifier_downsample": "maxpool2",
    "classifier_fc_layers": (1024,),
    "classifier_batchnorm": False,
    "classifier_dropout": 0,
    "condition_method": "bn-film",
    "condition_pattern": (),
    "use_gamma": True,
    "use_beta": True,
    "use_coords": 1,
}


def import_official(path: str | Path, network_path: str | Path | None = None) -> tuple[FiLMNetwork, Card]:
    """The network of a published checkpoint, in eval mode, and a card for it.

    `network_path`: where the FiLM-ed network comes from when it is not the generator's file, as
    after fine-tuning one of the two.

    Raises:
        InputError: the file is damaged, is no FiLM checkpoint, asks to run code, or uses an option
            that our network does not have.
    """
    path = Path(path)
    file = official_file.read(path)
    other = file if network_path is None else official_file.read(Path(network_path))
    other_path = path if network_path is None else Path(network_path)
    generator = official_file.options(file, "program_generator", GENERATOR_DEFAULTS, path)
    network = official_file.options(other, "execution_engine", NETWORK_DEFAULTS, other_path)
    words = official_file.names(file, "question_token_to_idx", path)
    answers = official_file.names(other, "answer_token_to_idx", other_path)
    try:
        config = _config(generator, network, words=len(words), answers=len(answers))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} has options of the wrong kind ({error}); fetch it again.") from None
    readers = official_file.state(file, "program_generator", path)
    networks = official_file.state(other, "execution_engine", other_path)
    with torch.device("meta"):
        ours = FiLMNetwork(config)
    try:
        state = _reader_state(readers, generator) | _network_state(networks, network, config)
    except KeyError as error:
        raise InputError(
            f"{path} lacks the tensor {error}, which its options ask for; fetch it again."
        ) from None
    except RuntimeError:
        raise InputError(
            f"{path} has a generator of other outputs than its options ask for; fetch it again."
        ) from None
    for name, value in ours.state_dict().items():
        if name.endswith("num_batches_tracked"):  # younger than the files; used in training only
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
    check_state(state, ours.state_dict(), str(path))
    ours.load_state_dict(state, assign=True)

    card = Card(
        config=config,
        words=words,
        answers=answers,
        fit="stretch",
        keep_empty="" in words,
        name=plain(path.stem),
        command=plain(f"python -m film import-official {path.name}"),
        data={"padding": PADDING} if config.padded_to else {},
        recipe=official_file.recipe(file),
        accuracy=official_file.best_accuracy(file),
    )
    return ours.eval(), card


# --- what its options mean ------------------------------------------------------------------------


def _config(generator: dict[str, Any], network: dict[str, Any], *, words: int, answers: int) -> NetworkConfig:
    for name in ("num_modules", "module_dim"):
        if generator[name] != network[name]:
            raise InputError(
                f"The generator was made for {name} {generator[name]}, the network for {network[name]}; "
                "give two halves that belong together."
            )
    for options, name, known in (
        (generator, "encoder_type", ("gru", "lstm")),
        (generator, "decoder_type", ("linear",)),
        (generator, "gamma_option", tuple(GAMMA)),
        (generator, "module_num_layers", (1,)),
        (network, "module_num_layers", (1,)),
        (network, "use_coords", (0, 1, 2)),
    ):
        _known(name, options[name], known)
    method = OLD_NAMES.get(network["condition_method"], network["condition_method"])
    _known("condition_method", method, tuple(FILM_AT))
    channels, height, width = network["feature_dim"]
    blocks, maps = network["num_modules"], network["module_dim"]
    coordinates, directions = network["use_coords"], 2 if generator["bidirectional"] else 1
    stem, joined = _stem(network), method == "concat"
    norms = ("stem_batchnorm", "module_batchnorm", "classifier_batchnorm")
    # Where gamma and beta are joined as maps, the published code does not look at use_gamma and use_beta.
    beta: BetaForm = "free" if network["use_beta"] or joined else "zero"
    config = NetworkConfig(
        words=words,
        embedding=generator["wordvec_dim"],
        cell=generator["encoder_type"],
        hidden_size=generator["hidden_dim"] // directions,
        gru_layers=generator["rnn_num_layers"],
        bidirectional=bool(generator["bidirectional"]),
        padded_to=PADDED_TO if generator["bidirectional"] else None,
        picture="pixels" if channels == 3 else "features",
        width=width,
        height=height,
        channels=channels,
        stem=stem,
        stem_coordinates=coordinates > 0 and all(stride == 1 for _, _, stride, _ in stem),
        maps=maps,
        blocks=blocks,
        # Joined maps are joined everywhere; their pattern only says which norms have a scale and shift.
        modulated=tuple(flag > 0 or joined for flag in network["condition_pattern"]) or (True,) * blocks,
        film_at=FILM_AT[method],
        gamma=GAMMA[generator["gamma_option"]] if network["use_gamma"] or joined else "one",
        beta=beta,
        gamma_offset=float(generator["gamma_baseline"]),
        batch_norm=any(network[name] for name in norms),
        norm_affine=joined or bool(network["module_batchnorm_affine"]),
        residual=bool(network["module_residual"]),
        coordinates=coordinates > 0,
        inner_coordinates=coordinates > 1,
        kernel=network["module_kernel_size"],
        entry_kernel=int(network["module_input_proj"]),
        dropout=float(network["module_dropout"]),
        classifier_maps=network["classifier_proj_dim"] or 0,
        classifier_units=tuple(network["classifier_fc_layers"]),
        answers=answers,
    )
    return _with_pooling(config, network["classifier_downsample"])


def _known(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if value not in known:
        raise InputError(
            f"The file uses {name} {value!r}, which cannot be imported; "
            f"what can is {', '.join(map(str, known))}."
        )


def _stem(network: dict[str, Any]) -> tuple[tuple[int, int, int, int], ...]:
    """(maps, kernel, stride, padding) of each stem convolution; options may be a number or one each."""
    count = network["stem_num_layers"]

    def each(name: str) -> list[Any]:
        value = network[name]
        return list(value) if isinstance(value, (list, tuple)) else [value] * count

    kernels, strides, paddings = (each(f"stem_{part}") for part in ("kernel_size", "stride", "padding"))
    paddings = [k // 2 if p is None else p for k, p in zip(kernels, paddings, strict=True)]
    return tuple((network["module_dim"], *sizes) for sizes in zip(kernels, strides, paddings, strict=True))


def _with_pooling(config: NetworkConfig, downsample: str) -> NetworkConfig:
    """maxpoolfull, maxpool2, avgpool7, none ...: the published names of the classifier's pooling."""
    if downsample == "aggressive":
        return replace(config, pooling="max-mean", classifier_units=())
    if downsample == "none":
        return replace(config, window=1)
    match = re.fullmatch(r"(max|avg)pool(full|\d)", str(downsample))
    if not match:
        raise InputError(f"The file uses classifier_downsample {downsample!r}, which cannot be imported.")
    columns, rows = config.grid
    whole = match[2] == "full" and columns == rows
    side = rows if match[2] == "full" else int(match[2])
    return replace(config, pooling="max" if match[1] == "max" else "mean", window=None if whole else side)


# --- its tensors under our names ------------------------------------------------------------------


def _reader_state(given: dict[str, Tensor], options: dict[str, Any]) -> dict[str, Tensor]:
    blocks, maps = options["num_modules"], options["module_dim"]
    state = {"question_encoder.embedding.weight": given["encoder_embed.weight"]}
    for name, value in given.items():
        if name.startswith("encoder_rnn."):
            state[f"question_encoder.gru.{name.removeprefix('encoder_rnn.')}"] = value
    for part in ("weight", "bias"):
        # Older files have more outputs per block than FiLM uses; gammas and betas come first.
        values = given[f"decoder_linear.{part}"]
        outputs = values.view(blocks, -1, *values.shape[1:])  # (blocks, outputs, ...)
        state[f"question_encoder.to_film.{part}"] = outputs[:, : 2 * maps].flatten(0, 1).contiguous()
    return state


def _network_state(
    given: dict[str, Tensor], options: dict[str, Any], config: NetworkConfig
) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}

    def take(theirs: str, ours: str) -> None:
        """A convolution or linear layer."""
        for part in ("weight", "bias"):
            state[f"{ours}.{part}"] = given[f"{theirs}.{part}"]

    def norm(theirs: str | None, ours: str, maps: int, affine: bool = True) -> None:
        """A batch norm; one that changes nothing where the file has none and our network has."""
        if not config.batch_norm:
            return
        if theirs is None:
            state[f"{ours}.running_mean"] = torch.zeros(maps)
            state[f"{ours}.running_var"] = torch.full((maps,), 1 - 1e-5)  # eps is added to it
        else:
            for part in ("running_mean", "running_var"):
                state[f"{ours}.{part}"] = given[f"{theirs}.{part}"]
        if affine:
            state[f"{ours}.weight"] = given.get(f"{theirs}.weight", torch.ones(maps))
            state[f"{ours}.bias"] = given.get(f"{theirs}.bias", torch.zeros(maps))

    with_norm = bool(options["stem_batchnorm"])
    for layer in range(len(config.stem)):
        here, there = layer * (2 + with_norm), layer * (2 + config.batch_norm)
        take(f"stem.{here}", f"stem.layers.{there}")
        norm(f"stem.{here + 1}" if with_norm else None, f"stem.layers.{there + 1}", config.maps)

    for block in range(config.blocks):
        take(f"{block}.input_proj", f"blocks.{block}.conv1")
        take(f"{block}.conv1", f"blocks.{block}.conv2")
        affine = config.norm_affine or not config.modulated[block]
        theirs = f"{block}.bn1" if options["module_batchnorm"] else None
        norm(theirs, f"blocks.{block}.norm", config.maps, affine)

    with_norm = bool(options["classifier_batchnorm"])
    take("classifier.0", "classifier.project")
    norm("classifier.1" if with_norm else None, "classifier.project_norm", config.classifier_maps)
    # Their list goes on: ReLU, pooling where there is any, flattening, then the linear layers.
    here = 2 + with_norm + {"none": 0, "aggressive": 2}.get(options["classifier_downsample"], 1) + 1
    for number, units in enumerate(config.classifier_units):
        take(f"classifier.{here}", f"classifier.layers.{3 * number}")
        norm(f"classifier.{here + 1}" if with_norm else None, f"classifier.layers.{3 * number + 1}", units)
        here += 2 + with_norm + (options["classifier_dropout"] > 0)
    take(f"classifier.{here}", f"classifier.layers.{3 * len(config.classifier_units)}")
    return state
