"""The published code's checkpoints (`film.pt`) as ours: `python -m film import-official`.

Such a file is a pickle. It is read without running anything that it asks for: torch's own reader
for weights, which builds tensors and plain containers only, with inert stand-ins for the few other
things that the published code puts in (option tables, numpy numbers).

Our network computes the same function. Where the published one lacks a batch norm that ours has,
because it chooses them part by part, ours gets one that changes nothing.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from film.checkpoint import Card, check_state
from film.clevr.language.tokens import SPECIAL
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
PARALLEL = "module."  # before every name of what torch.nn.DataParallel holds
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
    file = read(path)
    other = file if network_path is None else read(Path(network_path))
    other_path = path if network_path is None else Path(network_path)
    generator = _options(file, "program_generator", GENERATOR_DEFAULTS, path)
    network = _options(other, "execution_engine", NETWORK_DEFAULTS, other_path)
    words = _names(file, "question_token_to_idx", path)
    answers = _names(other, "answer_token_to_idx", other_path)
    try:
        config = _config(generator, network, words=len(words), answers=len(answers))
    except (TypeError, AttributeError) as error:
        raise InputError(f"{path} has options of the wrong kind ({error}); fetch it again.") from None
    states = _state(file, "program_generator", path), _state(other, "execution_engine", other_path)
    with torch.device("meta"):
        ours = FiLMNetwork(config)
    try:
        state = _reader_state(states[0], generator) | _network_state(states[1], network, config)
    except KeyError as error:
        raise InputError(
            f"{path} lacks the tensor {error}, which its options ask for; fetch it again."
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
        name=path.stem,
        command=f"python -m film import-official {path.name}",
        recipe=_recipe(file),
        accuracy={"val": file["best_val_acc"]} if isinstance(file.get("best_val_acc"), float) else {},
    )
    return ours.eval(), card


# --- reading the file -----------------------------------------------------------------------------


class _Inert:
    """Stands for what the published code stores and nobody needs; keeps plain values, runs nothing."""

    def __init__(self, *values: object):
        self.values = values

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update((str(key), value) for key, value in state.items())


_STAND_INS = (
    "argparse.Namespace",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
)


def read(path: Path) -> dict[str, Any]:
    """The tables and tensors of a published checkpoint, all on the CPU; runs nothing from the file."""
    if not path.is_file():
        raise InputError(f"There is no file {path}; name the film.pt that the published code wrote.")
    with open(path, "rb") as opened:
        opening = opened.read(1)
    if opening == b"{":
        raise InputError(
            f"{path} is the JSON beside a checkpoint, which has no weights; name the .pt file itself."
        )
    stand_ins = [(type(name, (_Inert,), {}), name) for name in _STAND_INS]
    try:
        with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():  # type: ignore[arg-type]
            warnings.simplefilter("ignore")  # about damage that makes reading fail just after
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if asked := re.search(r"[Gg][Ll][Oo][Bb][Aa][Ll]:? ([\w.]+)", str(error)):
            raise InputError(
                f"{path} asks for {asked[1]} when opened, which the published code's files do not; "
                "it was not run. Do not trust this file."
            ) from None
        raise InputError(f"{path} is not a checkpoint that can be read safely; fetch it again.") from None
    except Exception as error:  # broken bytes fail in every way there is
        raise InputError(
            f"{path} is damaged, cut off or no checkpoint ({type(error).__name__}); fetch it again."
        ) from None
    if not isinstance(content, dict) or "execution_engine_state" not in content:
        raise InputError(
            f"{path} was read, but it is not a checkpoint of the published FiLM code, which holds "
            "program_generator_state and execution_engine_state; name that file."
        )
    return content


def _options(file: dict[str, Any], part: str, defaults: Mapping[str, Any], path: Path) -> dict[str, Any]:
    given = file.get(f"{part}_kwargs")
    if isinstance(given, _Inert):
        given = vars(given)
    if not isinstance(given, dict):
        raise InputError(f"{path} has no {part}_kwargs; it was trained as another model than FiLM.")
    return {name: given.get(name, default) for name, default in defaults.items()}


def _state(file: dict[str, Any], part: str, path: Path) -> dict[str, Tensor]:
    state = file.get(f"{part}_state")
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(
            f"{path} has no weights under {part}_state; it was trained as another model than FiLM."
        )
    if all(name.startswith(PARALLEL) for name in state):  # trained on several GPUs
        state = {name.removeprefix(PARALLEL): value for name, value in state.items()}
    return {name: value.float() for name, value in state.items()}


def _names(file: dict[str, Any], table: str, path: Path) -> tuple[str, ...]:
    vocabulary = file.get("vocab")
    ids = vocabulary.get(table) if isinstance(vocabulary, dict) else None
    if not isinstance(ids, dict) or sorted(ids.values()) != list(range(len(ids))):
        raise InputError(f"{path} has no usable {table} in its vocab; its ids must be 0, 1, 2 ...")
    names = tuple(sorted(ids, key=ids.__getitem__))
    if names[: len(SPECIAL)] != SPECIAL:
        raise InputError(f"{path} has a {table} that does not begin with {', '.join(SPECIAL)}.")
    return names


def _recipe(file: dict[str, Any]) -> dict[str, Any]:
    arguments = file.get("args")
    arguments = vars(arguments) if isinstance(arguments, _Inert) else arguments
    kept = ("learning_rate", "weight_decay", "batch_size", "optimizer", "num_iterations")
    recipe = (
        {name: arguments[name] for name in kept if name in arguments} if isinstance(arguments, dict) else {}
    )
    recipe["iterations_of_best"] = file.get("model_t")
    return {name: value for name, value in recipe.items() if isinstance(value, (int, float, str))}


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
    beta: BetaForm = "free" if network["use_beta"] else "zero"
    config = NetworkConfig(
        words=words,
        embedding=generator["wordvec_dim"],
        cell=generator["encoder_type"],
        hidden_size=generator["hidden_dim"] // directions,
        gru_layers=generator["rnn_num_layers"],
        bidirectional=bool(generator["bidirectional"]),
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
        gamma=GAMMA[generator["gamma_option"]] if network["use_gamma"] else "one",
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
