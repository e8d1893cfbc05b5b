"""Weights of other checkpoints to begin from (`--initial`), and what they had been taught."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from film.checkpoint import Card, load
from film.errors import InputError
from film.network import FiLMNetwork

PARTS = ("question_encoder", "stem", "blocks", "classifier")
_EMBEDDING = "question_encoder.embedding.weight"


def take_over(
    network: FiLMNetwork, words: Sequence[str], paths: Iterable[Path | str], report: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Copy what fits of each checkpoint in turn, a later one over an earlier one.

    Args:
        words: of `network`, by id.
        paths: folders of checkpoints; `FOLDER=blocks,stem.layers.7` takes these modules alone.

    Returns:
        What the network's parts were taught, oldest first, for its card: dictionaries with "parts", "loss",
        "samples" and "weights" of the checkpoint. A part may stand in several.

    Raises:
        InputError: a checkpoint cannot be read, or holds nothing of what was asked of it.
    """
    former: list[dict[str, Any]] = []
    for path, modules in map(_asked, paths):
        source, card = load(path)
        left = transplant(network, source, (words, card.words), modules)
        if len(left) == len(network.state_dict()):
            named = f" named {', '.join(modules)}" if modules else ""
            raise InputError(
                f"{path} holds no weights{named} that fit this network; "
                f"its modules are {', '.join(PARTS)} and what is in them (stem.layers.0)."
            )
        new = len(set(words) - set(card.words)) if _EMBEDDING not in left else 0
        told = f"; {new} words are new" if new else ""
        report(f"took over from {path}: all but {len(left)} of {len(network.state_dict())} tensors{told}")
        taken = set(network.state_dict()) - set(left)
        former = [*_without(former, _parts(set(left))), *_taught(card, _parts(taken))]
    return former


def _asked(path: Path | str) -> tuple[Path, tuple[str, ...]]:
    """The folder, and the modules that `FOLDER=NAME,NAME` asks for; none means all."""
    folder, _, names = str(path).rpartition("=")
    if not folder or Path(path).exists():
        return Path(path), ()
    return Path(folder), tuple(filter(None, names.split(",")))


def _parts(names: Iterable[str]) -> list[str]:
    """The parts of a network to which tensors of these names belong."""
    there = {name.split(".", 1)[0] for name in names}
    return [part for part in PARTS if part in there]


def _without(former: Sequence[dict[str, Any]], kept: Sequence[str]) -> list[dict[str, Any]]:
    """Without the parts that another checkpoint's have replaced whole."""
    rest = [entry | {"parts": [part for part in entry["parts"] if part in kept]} for entry in former]
    return [entry for entry in rest if entry["parts"]]


def _taught(card: Card, parts: list[str]) -> list[dict[str, Any]]:
    """What these parts of a checkpoint were taught, by itself and by what it began from."""
    recipe = card.recipe
    own: dict[str, Any] = {
        "parts": [part for part in parts if part not in recipe.get("frozen", ())],
        "weights": card.weights,
    }
    own |= {"loss": recipe.get("loss"), "samples": recipe.get("samples_seen")}
    return [entry for entry in [*_without(recipe.get("initial", ()), parts), own] if entry["parts"]]


def transplant(
    network: FiLMNetwork,
    source: FiLMNetwork,
    words: tuple[Sequence[str], Sequence[str]] | None = None,
    modules: Sequence[str] = (),
) -> list[str]:
    """Copy every weight of `source` that fits into `network`; returns the names of what was not.

    Stems that look at the same thing are matched from their beginnings. A stem that looks at pixels
    may end in the layers of one that looks at attribute maps, and is matched from the end.

    Args:
        words: of `network` and of `source`, by id: a word keeps its row of the embedding wherever it stands,
            and a new one begins near 0 (standard deviation .01, as the published code has it).
        modules: of `network`, by their dotted names; only what is in them is copied. Empty: all.
    """
    theirs = source.state_dict()
    alike = network.config.picture == source.config.picture
    offset = 0 if alike else len(network.stem.layers) - len(source.stem.layers)
    ours = network.state_dict()
    left = []
    for name, value in ours.items():
        if modules and not any(name == module or name.startswith(f"{module}.") for module in modules):
            left.append(name)
            continue
        wanted = name
        if name.startswith("stem.layers."):
            _, _, number, rest = name.split(".", 3)
            wanted = f"stem.layers.{int(number) - offset}.{rest}"
        fitting = theirs.get(wanted)
        if words and fitting is not None and name == _EMBEDDING and fitting.shape[1] == value.shape[1]:
            fitting = _by_word(fitting, *words)
        if fitting is not None and fitting.shape == value.shape:
            ours[name] = fitting
        else:
            left.append(name)
    network.load_state_dict(ours)
    return left


def _by_word(rows: Tensor, ours: Sequence[str], theirs: Sequence[str]) -> Tensor:
    """Rows of an embedding (their words, C) in the order of our words; new words begin near 0."""
    place = {word: number for number, word in enumerate(theirs)}
    made = torch.randn(len(ours), rows.shape[1]) * 0.01
    known = [number for number, word in enumerate(ours) if word in place]
    made[known] = rows[[place[ours[number]] for number in known]]
    return made
