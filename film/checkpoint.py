"""Checkpoints: a folder with `weights.safetensors` and `card.json`, which says what they are.

Nothing in a checkpoint can run code, and nothing is half-written: each file is replaced whole.
The weights carry the card too, so that a save cut off between the two files does no harm.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from film.clevr.json_values import plain
from film.clevr.language.tokens import SPECIAL
from film.config import Fit, NetworkConfig
from film.errors import InputError
from film.files import write_atomically
from film.network import FiLMNetwork
from film.started import command
from film.vocabulary import Vocabulary

WEIGHTS, CARD = "weights.safetensors", "card.json"
FORMAT, VERSION = "film-lens checkpoint", 1
# What the parts of a loss beside the answer teach (`film.config.LossWeights`).
TAUGHT = {
    "maps": "which attributes stand where in the picture",
    "slots": "which words fill which slots of the question",
    "sets": "which objects each noun phrase and step means",
}
# Beside the package in a clone, inside it where it was installed.
_HERE = Path(__file__).resolve().parent
_INSIDE = _HERE / "checkpoints"
BUNDLED = _INSIDE if _INSIDE.is_dir() else _HERE.parent / "checkpoints"
FIRST = "clevr"  # of those that come with the project, the one that opens


def _more_than_answers(loss: object) -> list[str]:
    """What the weights of a recipe's losses teach beside answers."""
    given = loss if isinstance(loss, Mapping) else {}
    weights = {name: given.get(name) for name in TAUGHT}
    return [TAUGHT[name] for name, weight in weights.items() if isinstance(weight, int | float) and weight]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]


@dataclass(frozen=True)
class Card:
    """What a network is, where it comes from and how good it is.

    `words`: every token by id. `answers`: the name of each output, special tokens of published
    networks included. `fit`: how pictures are brought to size. `keep_empty`: a double space in a
    question is an empty word (published networks). `weights`: their hash, see `weights_hash`; filled
    in by `save`.
    `data`, `recipe`, `accuracy`: free tables for what it learned from, how, and how well it does;
    `command`: what to type to make it again.
    """

    config: NetworkConfig
    words: tuple[str, ...]
    answers: tuple[str, ...]
    fit: Fit = "crop"
    keep_empty: bool = False
    name: str = ""
    weights: str = ""
    command: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, have, want in (
            ("words", len(self.words), self.config.words),
            ("answers", len(self.answers), self.config.answers),
        ):
            if have != want:
                raise InputError(
                    f"The card lists {have} {what}, but its network has {want}; they must agree."
                )
        if len(set(self.answers)) != len(self.answers):
            raise InputError("The card lists some answer twice; each output has one of its own.")
        if self.fit not in get_args(Fit):
            raise InputError(f"The card's fit is {self.fit!r}; it must be {' or '.join(get_args(Fit))}.")
        Vocabulary(self.words)  # refuses what is no vocabulary

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that the network knows, with their ids."""
        return Vocabulary(self.words, self.keep_empty)

    @property
    def taught(self) -> str:
        """What the network was taught, in one sentence: from the weights of its recipe's losses."""
        if self.answers_alone is None:
            return "What it was taught is not said on its card."
        if self.answers_alone:
            return f"It was taught answers alone{self._taught_before}."
        beside = self._taught_beside
        return f"It was taught more than answers: also {_listed(beside)}."

    @property
    def answers_alone(self) -> bool | None:
        """Was its last training from answers and nothing else? None where its card does not say."""
        return not self._taught_beside if isinstance(self.recipe.get("loss"), Mapping) else None

    @property
    def more_before(self) -> bool:
        """Had any of its parts been taught more than answers before its last training?"""
        return bool(self._former)

    @property
    def first_seeing(self) -> bool:
        """Did its stem, and no other part, begin from one that was taught more than answers?"""
        return {part for entry in self._former for part in entry["parts"]} == {"stem"}

    @property
    def _taught_beside(self) -> list[str]:
        return _more_than_answers(self.recipe["loss"])

    @property
    def _former(self) -> list[dict[str, Any]]:
        """What its parts were taught beside answers before its last step (`film.training.initial`)."""
        entries = self.recipe.get("initial")
        return [
            entry for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("parts"), list)
            and _more_than_answers(entry.get("loss"))
        ]  # fmt: skip

    @property
    def _taught_before(self) -> str:
        told = [
            f"its {_listed([str(part).replace('_', ' ') for part in entry['parts']])} had first been taught "
            f"{_listed(_more_than_answers(entry['loss']))}"
            for entry in self._former
        ]
        return f"; {'; '.join(dict.fromkeys(told))}" if told else ""

    @property
    def answer_indices(self) -> tuple[int, ...]:
        """The outputs that are answers: all but <NULL>, <START>, <END> and <UNK>."""
        return tuple(index for index, answer in enumerate(self.answers) if answer not in SPECIAL)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "weights": self.weights,
            "command": self.command,
            "accuracy": dict(self.accuracy),
            "recipe": dict(self.recipe),
            "data": dict(self.data),
            "fit": self.fit,
            "config": self.config.to_dict(),
            "answers": list(self.answers),
            "keep_empty": self.keep_empty,
            "words": list(self.words),
        }

    @staticmethod
    def from_json(values: Any, where: str = "The card") -> Card:
        """Read what `to_json` wrote. Raises InputError naming `where` and what is wrong."""
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise InputError(f"{where} is not a card of this project's; give a folder that training made.")
        if values.get("version") != VERSION:
            raise InputError(
                f"{where} is of version {values.get('version')!r}, this program reads {VERSION}; update it."
            )
        kinds = {"words": list, "answers": list, "config": dict, "fit": str, "keep_empty": bool, "name": str,
                 "weights": str, "command": str, "data": dict, "recipe": dict, "accuracy": dict}  # fmt: skip
        for key, kind in kinds.items():
            if not isinstance(values.get(key), kind):
                raise InputError(f"{where} has no usable {key!r}; it is damaged: take the checkpoint again.")
        for key in ("words", "answers"):
            if not all(isinstance(word, str) for word in values[key]):
                raise InputError(
                    f"{where} has {key} that are no text; it is damaged: take the checkpoint again."
                )
        try:
            return Card(
                config=NetworkConfig.from_dict(values["config"]),
                words=tuple(map(plain, values["words"])),
                answers=tuple(map(plain, values["answers"])),
                name=plain(values["name"]),
                **{key: values[key] for key in kinds if key not in ("config", "words", "answers", "name")},
            )
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def save(folder: str | Path, network: FiLMNetwork, card: Card, *, half: bool = True) -> Card:
    """Write a checkpoint, replacing one that is there; returns the card with the weights' hash.

    `half`: keep matrices as float16, which halves the file; they are float32 again when loaded.
    The hash is that of the weights as they will be loaded.

    Raises:
        InputError: the card is of a network of another build.
    """
    if network.config != card.config:
        raise InputError("The card describes another network; make it from the network's own config.")
    state = {
        name: _stored(value.detach().cpu().contiguous(), half) for name, value in network.state_dict().items()
    }
    card = replace(card, weights=_state_hash(state))
    text = json.dumps(card.to_json(), indent=1, ensure_ascii=False, default=str)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / WEIGHTS, lambda path: save_file(state, path, metadata={"card": text}))
    write_atomically(folder / CARD, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return card


def _stored(value: Tensor, half: bool) -> Tensor:
    """float16 for matrices that survive it; vectors, such as running variances, stay exact."""
    if not value.is_floating_point():
        return value
    small = value.to(torch.float16)
    return small if half and value.ndim > 1 and bool(small.isfinite().all()) else value.float()


def load(folder: str | Path, device: torch.device | str = "cpu") -> tuple[FiLMNetwork, Card]:
    """The network of a checkpoint, float32 and in eval mode, and its card.

    Raises:
        InputError: the folder, a file in it, or the agreement between them is not as it should be.
    """
    folder = Path(folder)
    card, state = _card(folder), _weights(folder)
    found = _state_hash(state.tensors)
    if found != card.weights:
        # A save may have been cut off between the two files: then the weights' own card is right.
        card = state.card if state.card is not None else card
        if found != card.weights:
            raise InputError(
                f"The weights in {folder} are not those its card speaks of; take the whole folder again."
            )
    with torch.device("meta"):
        network = FiLMNetwork(card.config)
    check_state(state.tensors, network.state_dict(), str(folder / WEIGHTS))
    network.load_state_dict({name: _full(value) for name, value in state.tensors.items()}, assign=True)
    return network.to(device).eval(), card


def _full(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def check_state(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str) -> None:
    """Raise InputError unless the tensors have the wanted names and shapes, and finite values."""
    advice = "it belongs to another network or was changed: take the checkpoint again"
    if missing := [name for name in wanted if name not in given]:
        raise InputError(f"{where} lacks {missing[0]!r} ({len(missing)} in all); {advice}.")
    if foreign := [name for name in given if name not in wanted]:
        raise InputError(f"{where} holds the unknown {foreign[0]!r} ({len(foreign)} in all); {advice}.")
    for name, value in given.items():
        if value.shape != wanted[name].shape:
            raise InputError(
                f"{where} has {name!r} of shape {tuple(value.shape)}; its card asks for "
                f"{tuple(wanted[name].shape)}; {advice}."
            )
        if value.is_floating_point() != wanted[name].is_floating_point():
            raise InputError(f"{where} has {name!r} of type {value.dtype}; {advice}.")
        if value.is_floating_point() and not bool(value.float().isfinite().all()):
            raise InputError(f"{where} has {name!r} with values that are no numbers; {advice}.")


def current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's tensors under today's names: earlier versions called the question encoder the reader."""
    return {re.sub(r"(^|\.)reader\.", r"\1question_encoder.", name): value for name, value in state.items()}


def weights_hash(network: FiLMNetwork) -> str:
    """SHA-256 of every weight and running statistic by name: the same for the same function."""
    return _state_hash(network.state_dict())


def _state_hash(state: Mapping[str, Tensor]) -> str:
    # The names of the first version: links, studies and cards made since then name this hash.
    state = {re.sub(r"^question_encoder\.", "reader.", name): value for name, value in state.items()}
    digest = hashlib.sha256()
    for name in sorted(state):
        value = _full(state[name].detach()).cpu().contiguous()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def bundled() -> list[Path]:
    """The checkpoints that come with the project: the one that opens first, then the others by name."""
    folders = (path.parent for path in BUNDLED.glob(f"*/{CARD}"))
    return sorted(folders, key=lambda folder: (folder.name != FIRST, folder.name))


def find(checkpoint: str | Path | None = None) -> Path:
    """The folder of a checkpoint: a path, the name of a bundled one, or None for the first bundled.

    Raises:
        InputError: None was given, and no network comes with this copy.
    """
    names = [path.name for path in bundled()]
    if checkpoint is None:
        if not names:
            raise InputError(f"No network comes with this copy ({BUNDLED} holds none); name a --checkpoint.")
        return BUNDLED / names[0]
    return BUNDLED / str(checkpoint) if str(checkpoint) in names else Path(checkpoint)


def name_of(folder: str | Path) -> str:
    """What a command takes for this checkpoint: the name of a bundled one, else its folder."""
    folder = Path(folder)
    return folder.name if folder.parent == BUNDLED and folder in bundled() else str(folder)


@dataclass(frozen=True)
class _Weights:
    tensors: dict[str, Tensor]
    card: Card | None  # as it was when they were written


def _card(folder: Path) -> Card:
    path = folder / CARD
    if folder.is_file():
        raise InputError(
            f"{folder} is a file; a checkpoint is a folder with {WEIGHTS} and {CARD}. A film.pt of the "
            f"published code becomes one with `{command('film', 'import-official')}`."
        )
    if not path.is_file():
        there = ", ".join(path.name for path in bundled())
        raise InputError(
            f"There is no checkpoint in {folder} ({CARD} is not there); give the folder that training made"
            + (f", or the name of a bundled one: {there}." if there else ".")
        )
    try:
        return Card.from_json(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error}); take the checkpoint again.") from None


def _weights(folder: Path) -> _Weights:
    path = folder / WEIGHTS
    if not path.is_file():
        raise InputError(f"{folder} has a card but no {WEIGHTS}; take the whole folder again.")
    with open(path, "rb") as file:
        opening = file.read(2)
    if opening in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise InputError(
            f"{path} is a pickle, which can run code when opened, so it was not; "
            f"convert it where you trust it, or use `{command('film', 'import-official')}`."
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            text = (file.metadata() or {}).get("card")
    except Exception as error:  # broken bytes and kinds of number that are younger than torch
        raise InputError(f"{path} is damaged or cut off ({error}); take the checkpoint again.") from None
    try:
        return _Weights(current_names(tensors), None if text is None else Card.from_json(json.loads(text)))
    except (ValueError, RecursionError):
        return _Weights(current_names(tensors), None)
