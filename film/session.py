"""The one door to a network's answers: `Session(checkpoint).ask(picture, question)`.

A session keeps a read-only network and the stem maps of the pictures last seen, so that a second
question about a picture costs only the blocks. It may be shared by many threads: nothing that is
asked changes it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from film.checkpoint import Card, find, load
from film.config import NetworkConfig
from film.errors import InputError
from film.features import Picture, PictureReader, keyed, read_picture
from film.modulation import Edit, Modulation
from film.network import FiLMNetwork, activation_names
from film.vocabulary import Vocabulary

AT_ONCE = 64  # questions in one pass: enough to fill the machine, few enough for its memory
MOST_THREADS = 4  # networks of this size gain nothing from more


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network said, and what it went through.

    `probabilities`: of all answers, in the order of the network's outputs, special tokens left out;
    they sum to 1. `margin`: the best answer's probability minus the second's. `entropy`: of the
    distribution, in bits. `gamma`, `beta`: (blocks, maps) as applied, after any edits.
    `activations`: what was asked to be recorded, (maps, rows, columns) each. `seconds`: the time
    this answer took, or its share of the time of those asked together.
    """

    answer: str
    probabilities: Mapping[str, float]
    margin: float
    entropy: float
    gamma: np.ndarray
    beta: np.ndarray
    activations: Mapping[str, np.ndarray] = field(default_factory=dict)
    question: str | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "answer": self.answer,
            "probabilities": {name: round(value, 6) for name, value in self.probabilities.items()},
            "margin": round(self.margin, 6),
            "entropy": round(self.entropy, 6),
            "gamma": _rounded(self.gamma),
            "beta": _rounded(self.beta),
            "activations": {name: _rounded(value) for name, value in self.activations.items()},
            "seconds": round(self.seconds, 6),
        }


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(values.astype(float), 5).tolist()


class Session:
    """A network ready to be asked.

    Args:
        checkpoint: a folder, the name of a bundled one, None for the first bundled one, or a network
            with its card.
        device: "auto" takes CUDA, else MPS, else the CPU. One that cannot be used is replaced by
            the CPU, and `notice` says so.
        resnet: ResNet-101 weights, for a network that looks at features.
        pictures: how many pictures' stem maps are kept.

    Example:
        >>> session = Session()                                                     # doctest: +SKIP
        >>> session.ask("room.png", "How many red cubes are there?").answer         # doctest: +SKIP
        '2'
    """

    def __init__(
        self,
        checkpoint: str | Path | tuple[FiLMNetwork, Card] | None = None,
        device: str = "auto",
        *,
        resnet: str | Path | None = None,
        pictures: int = 256,
    ):
        self.device, self.notice = choose_device(device)
        self.network: FiLMNetwork
        self.card: Card
        self.network, self.card = checkpoint if isinstance(checkpoint, tuple) else load(find(checkpoint))
        self.network = self.network.to(self.device).eval().requires_grad_(False)
        # The layout that convolutions of many questions at once run fastest in.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.vocabulary: Vocabulary = self.card.vocabulary
        self.answers: tuple[str, ...] = tuple(self.card.answers[i] for i in self.card.answer_indices)
        self._answer_indices = torch.tensor(self.card.answer_indices)
        self._reader = PictureReader(self.config, self.card.fit, resnet, self.device)
        self._maps: OrderedDict[str, Tensor] = OrderedDict()  # by picture hash, least recently used first
        self._most_pictures = pictures
        self._cache = threading.Lock()
        if self.device.type == "cpu" and torch.get_num_threads() > MOST_THREADS:
            torch.set_num_threads(MOST_THREADS)
        # More passes side by side than there are cores for would only slow each other down.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._turns = threading.BoundedSemaphore(max(1, cores // torch.get_num_threads()))

    @property
    def config(self) -> NetworkConfig:
        return self.network.config

    @property
    def recordable(self) -> dict[str, tuple[int, int, int]]:
        """The activations that can be recorded, with their shapes."""
        return activation_names(self.config)

    def ask(
        self,
        picture: Picture,
        question: str,
        edits: Edit | Sequence[Edit] | None = None,
        record: Collection[str] = (),
    ) -> Answer:
        """One question about one picture.

        Args:
            picture: a path, the bytes of a file, a Pillow picture, or uint8 (height, width, 3).
            edits: applied to the predicted gamma and beta, one after the other, before they are used.
            record: names out of `recordable`.

        Raises:
            InputError: the picture cannot be read, a word is unknown, an edit or a name is no good.
        """
        return self.ask_many(picture, [question], edits, record)[0]

    def ask_many(
        self,
        picture: Picture,
        questions: Sequence[str],
        edits: Edit | Sequence[Edit] | None = None,
        record: Collection[str] = (),
    ) -> list[Answer]:
        """Many questions about one picture, which is seen once. Edits get all gammas and betas at once."""
        began = time.perf_counter()
        modulation = edited(self.modulate(questions), edits)
        answers = self.answer(picture, modulation, record)
        share = (time.perf_counter() - began) / max(1, len(questions))
        return [
            Answer(**{**vars(answer), "question": question, "seconds": share})
            for answer, question in zip(answers, questions, strict=True)
        ]

    def answer(self, picture: Picture, modulation: Modulation, record: Collection[str] = ()) -> list[Answer]:
        """Answers under given gammas and betas, one for each of the modulation's rows."""
        began = time.perf_counter()
        config = self.config
        if modulation.gamma.shape[1:] != (config.blocks, config.maps):
            raise InputError(
                f"The modulation is for {tuple(modulation.gamma.shape[1:])} (blocks, maps), this network "
                f"has {(config.blocks, config.maps)}; take one that it predicted."
            )
        maps = self.encode_picture(picture)
        answers = []
        for start in range(0, len(modulation), AT_ONCE):
            part = modulation[start : start + AT_ONCE]
            logits, activations = self._answer(maps, part, record)
            answers += self._to_answers(logits, part, activations)
        share = (time.perf_counter() - began) / max(1, len(answers))
        return [Answer(**{**vars(answer), "seconds": share}) for answer in answers]

    def modulate(self, questions: Sequence[str], *, lenient: bool = False) -> Modulation:
        """The gammas and betas that the network predicts for these questions, on the CPU.

        `lenient`: take unknown words for <UNK>; otherwise they raise `UnknownWords`.
        """
        if isinstance(questions, str):
            raise InputError("A list of questions was expected, not one; put it in brackets.")
        encoded = self.vocabulary.encode_all(questions, lenient=lenient)
        ids, lengths = map(torch.from_numpy, encoded)
        parts = []
        with self._turns, torch.inference_mode():
            for start in range(0, len(ids), AT_ONCE):
                rows = slice(start, start + AT_ONCE)
                parts.append(self.network.modulate(ids[rows].to(self.device), lengths[rows]))
        if not parts:
            return Modulation.identity(0, self.config.blocks, self.config.maps)
        # Copies made outside inference mode are ordinary tensors, which gradients may flow through.
        whole = Modulation.stack(parts)
        return Modulation(whole.gamma.cpu().clone(), whole.beta.cpu().clone())

    def encode_picture(self, picture: Picture) -> Tensor:
        """The stem maps of a picture, (1, maps, rows, columns) on the session's device.

        They are kept by the picture's content, those of the pictures last asked about.
        """
        key, content = keyed(picture)
        with self._cache:
            if key in self._maps:
                self._maps.move_to_end(key)
                return self._maps[key]
        pixels = read_picture(content)
        with self._turns, torch.inference_mode():
            maps = self.network.encode_picture(self._reader(pixels))
        maps = maps.clone()
        with self._cache:
            self._maps[key] = maps
            while len(self._maps) > self._most_pictures:
                self._maps.popitem(last=False)
        return maps

    def logits(
        self, pictures: Sequence[np.ndarray], questions: Sequence[str], picture_of: Sequence[int]
    ) -> np.ndarray:
        """Logits of the answers alone, float32 (Q, answers), for questions about several pictures at once.

        The quick way for evaluation: nothing is kept, and unknown words count as <UNK>.

        Args:
            pictures: uint8 (height, width, 3) each.
            picture_of: for each question the index of its picture.
        """
        modulation = self.modulate(questions, lenient=True)
        owner = torch.tensor(picture_of)
        parts = []
        with self._turns, torch.inference_mode():
            maps = self.network.encode_picture(torch.cat([self._reader(picture) for picture in pictures]))
            for start in range(0, len(owner), AT_ONCE):
                rows = slice(start, start + AT_ONCE)
                here = self._on_device(modulation[rows])
                parts.append(self.network.classify(maps, here, owner[rows].to(self.device))[0].float().cpu())
        return torch.cat(parts)[:, self._answer_indices].numpy()

    def gradients(
        self, picture: Picture, modulation: Modulation, names: Collection[str] | None = None
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Activations of one question, and the gradient of the sum of all logits with respect to them.

        As the published code draws them (its `visualize`). The weights are neither asked for gradients
        nor changed, so that any number of threads may do this at once.

        Args:
            modulation: one row, as `modulate` or an edit gave it.
            names: out of `recordable`; if left out, the stem and the output of every block.

        Returns:
            name -> (activation, gradient), each (maps, rows, columns).

        Raises:
            InputError: a name is unknown, or the modulation is not of one question.
        """
        if len(modulation) != 1:
            raise InputError(f"Gradients are of one question, not of {len(modulation)}; pick one row.")
        outs = [f"block{block}.out" for block in range(1, self.config.blocks + 1)]
        names = list(names) if names is not None else ["stem", *outs]
        maps = self.encode_picture(picture).clone()
        with self._turns, torch.enable_grad():
            maps.requires_grad_()
            logits, kept = self.network.classify(maps, self._on_device(modulation), record=names)
            answer_indices = logits.float()[:, self._answer_indices.to(logits.device)]
            found = torch.autograd.grad(answer_indices.sum(), [kept[name] for name in names])
        return {
            name: (kept[name][0].detach().float().cpu().numpy(), gradient[0].float().cpu().numpy())
            for name, gradient in zip(names, found, strict=True)
        }

    def _answer(
        self, maps: Tensor, modulation: Modulation, record: Collection[str]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        with self._turns, torch.inference_mode():
            logits, kept = self.network.classify(maps, self._on_device(modulation), len(modulation), record)
            activations = {name: value.float().cpu().numpy() for name, value in kept.items()}
            return logits.float().cpu()[:, self._answer_indices].numpy(), activations

    def _on_device(self, modulation: Modulation) -> Modulation:
        return Modulation(
            modulation.gamma.to(self.device, torch.float32), modulation.beta.to(self.device, torch.float32)
        )

    def _to_answers(
        self, logits: np.ndarray, modulation: Modulation, activations: Mapping[str, np.ndarray]
    ) -> list[Answer]:
        if not np.isfinite(logits).all():
            raise InputError("These gammas and betas drive the network out of all numbers; edit them less.")
        gammas, betas = (v.detach().cpu().numpy() for v in (modulation.gamma, modulation.beta))
        chances = probabilities(logits)  # (Q, answers)
        answers = []
        for row, chance in enumerate(chances):
            second, best = np.sort(chance)[-2:] if len(chance) > 1 else (0.0, chance[0])
            positive = chance[chance > 0]
            answers.append(
                Answer(
                    answer=self.answers[int(chance.argmax())],
                    probabilities=dict(zip(self.answers, chance.tolist(), strict=True)),
                    margin=float(best - second),
                    entropy=float(-(positive * np.log2(positive)).sum()) + 0.0,
                    gamma=gammas[row],
                    beta=betas[row],
                    activations={name: values[row] for name, values in activations.items()},
                )
            )
        return answers


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def edited(modulation: Modulation, edits: Edit | Sequence[Edit] | None) -> Modulation:
    """A modulation after these edits. Raises InputError when one returns something else."""
    for edit in [] if edits is None else [edits] if callable(edits) else edits:
        changed = edit(modulation)
        if not isinstance(changed, Modulation) or changed.gamma.shape != modulation.gamma.shape:
            raise InputError(
                "An edit takes a Modulation and returns one of the same shape "
                f"{tuple(modulation.gamma.shape)}; this one returned {type(changed).__name__}."
            )
        modulation = changed
    return modulation


def choose_device(wanted: str = "auto") -> tuple[torch.device, str | None]:
    """The device to compute on, tried out, and what to tell the user when it is not the one wanted."""
    if wanted == "auto":
        for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
            if there:
                return _tried(name)
        return torch.device("cpu"), None
    if wanted.split(":")[0] not in ("cpu", "cuda", "mps"):
        raise InputError(f"There is no device {wanted!r}; choose auto, cpu, cuda, cuda:1 ... or mps.")
    return _tried(wanted)


def _tried(name: str) -> tuple[torch.device, str | None]:
    """The device, if the layers that a network needs run on it."""
    try:
        device = torch.device(name)
        with torch.inference_mode():
            picture, words = torch.zeros(1, 1, 3, 3, device=device), torch.zeros(1, 2, 2, device=device)
            torch.nn.functional.conv2d(picture, picture)
            torch.nn.GRU(2, 2, device="meta").to_empty(device=device)(words)[0].cpu()
    except Exception as error:  # drivers fail in ways of their own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return torch.device("cpu"), f"{name} cannot be used here ({reason}); computing on the CPU instead."
    return device, None
