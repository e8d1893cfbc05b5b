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
from dataclasses import replace as replace_fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from film.answer import Answer, Prefixes
from film.checkpoint import Card, find, load, name_of
from film.clevr.gallery import gallery
from film.clevr.language.sampler import QuestionSampler
from film.config import NetworkConfig
from film.device import choose_device
from film.errors import InputError
from film.features import Picture, PictureReader, keyed, read_picture
from film.interventions import Edits, intervened
from film.modulation import Modulation
from film.network import FiLMNetwork, Replacement, activation_names
from film.prefix_encoder import encode_tokens
from film.progress import Progress
from film.vocabulary import Vocabulary

AT_ONCE = 64  # questions in one pass: enough to fill the machine, few enough for its memory
MEAN_QUESTIONS = 1000  # whose mean gamma and beta ablations put in
MOST_THREADS = 4  # networks of this size gain nothing from more


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
        # What a command takes for this network.
        self.checkpoint: str = (
            self.card.name or "CHECKPOINT" if isinstance(checkpoint, tuple) else name_of(find(checkpoint))
        )
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
        """The build of the network."""
        return self.network.config

    @property
    def recordable(self) -> dict[str, tuple[int, int, int]]:
        """The activations that can be recorded, with their shapes."""
        return activation_names(self.config)

    def ask(
        self,
        picture: Picture,
        question: str,
        interventions: Edits = None,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
    ) -> Answer:
        """One question about one picture.

        Args:
            picture: a path, the bytes of a file, a Pillow picture, or uint8 (height, width, 3).
            interventions: change the predicted gamma and beta, one after the other, before they are used
                (`film.interventions`); a function from `Modulation` to `Modulation` does as well.
            record: names out of `recordable`.
            replace: name of an activation -> what stands in its place, see `classify`.

        Raises:
            InputError: the picture cannot be read, a word is unknown, an intervention or a name is no good.
        """
        return self.ask_many(picture, [question], interventions, record, replace)[0]

    def ask_many(
        self,
        picture: Picture,
        questions: Sequence[str],
        interventions: Edits = None,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
    ) -> list[Answer]:
        """Many questions about one picture, which is encoded once. Each intervention changes all of them."""
        began = time.perf_counter()
        modulation = intervened(self.modulate(questions), interventions, self)
        answers = self.answer(picture, modulation, record, replace)
        share = (time.perf_counter() - began) / max(1, len(questions))
        return [
            replace_fields(answer, question=question, seconds=share)
            for answer, question in zip(answers, questions, strict=True)
        ]

    def answer(
        self,
        picture: Picture,
        modulation: Modulation,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
    ) -> list[Answer]:
        """Answers under given gammas and betas, one for each of the modulation's rows."""
        began = time.perf_counter()
        logits, activations = self.classify(
            self.encode_picture(picture), modulation, record=record, replace=replace
        )
        answers = self._to_answers(logits, modulation, activations)
        share = (time.perf_counter() - began) / max(1, len(answers))
        return [replace_fields(answer, seconds=share) for answer in answers]

    # --- the question's half ---

    def encode(self, questions: Sequence[str], *, lenient: bool = False) -> np.ndarray:
        """The question encoder's states that gamma and beta are a linear function of, float32 (Q, state).

        `lenient`: take unknown words for <UNK>; otherwise they raise `UnknownWords`.
        """
        tokens, lengths = self.vocabulary.encode_all(_several(questions), lenient=lenient)
        with self._turns:
            return encode_tokens(self.network, tokens, lengths).cpu().numpy()

    def modulation_of(self, states: np.ndarray | Tensor) -> Modulation:
        """Gammas and betas of question states (Q, state), on the CPU."""
        with self._turns, torch.inference_mode():
            given = torch.as_tensor(states, dtype=torch.float32, device=self.device)
            found = self.network.question_encoder.modulation(given)
        # Copies made outside inference mode are ordinary tensors, which gradients may flow through.
        return Modulation(found.gamma.cpu().clone(), found.beta.cpu().clone())

    def prefixes(self, question: str, *, lenient: bool = False) -> Prefixes:
        """A question word by word: what the question encoder holds after each token.

        Raises:
            InputError: the question is empty or has words that the network does not know.
        """
        ids = np.array(self.vocabulary.encode(question, lenient=lenient))
        length = len(ids)
        cut = np.zeros((length, length), np.int64)  # row t: <START> ... token t, <END>
        for row in range(length - 1):
            cut[row, : row + 1], cut[row, row + 1] = ids[: row + 1], ids[-1]
        cut[-1] = ids
        lengths = np.array([*range(2, length + 1), length])
        running = None
        with self._turns, torch.inference_mode():
            ended = encode_tokens(self.network, cut, lengths).cpu().numpy()
            if not self.config.bidirectional:
                whole = torch.from_numpy(ids)[None].to(self.device)
                states = self.network.question_encoder.states(whole, torch.tensor([length]))
                running = states[0].float().cpu().numpy()
        return Prefixes(tuple(self.vocabulary.tokens[i] for i in ids), running, ended)

    def modulate(self, questions: Sequence[str], *, lenient: bool = False) -> Modulation:
        """The gammas and betas that the network predicts for these questions, on the CPU.

        `lenient`: take unknown words for <UNK>; otherwise they raise `UnknownWords`.
        """
        encoded = self.vocabulary.encode_all(_several(questions), lenient=lenient)
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

    @cached_property
    def mean_modulation(self) -> Modulation:
        """Mean gamma and beta, one row, over questions as CLEVR asks them about the gallery's scenes.

        `MEAN_QUESTIONS` of them, drawn with seed 0: what `ReplaceByMean` puts in a value's place.
        """
        scenes = [exhibit.scene for exhibit in gallery()]
        sampler, each = QuestionSampler(0), -(-MEAN_QUESTIONS // len(scenes))
        texts = [question.text for scene in scenes for question in sampler.sample(scene, each)]
        found = self.modulation_of(self.encode(texts[:MEAN_QUESTIONS], lenient=True))
        return Modulation(found.gamma.mean(0, keepdim=True), found.beta.mean(0, keepdim=True))

    # --- the picture's half, and both together ---

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

    def encode_input(self, seen: Tensor) -> Tensor:
        """The stem maps of what the network itself looks at, such as attribute maps (`scene_maps`).

        Args:
            seen: (P, channels, height, width) of the network's own size.

        Returns:
            (P, maps, rows, columns) on the session's device.

        Raises:
            InputError: it is of another size.
        """
        with self._turns, torch.inference_mode():
            maps = self.network.encode_picture(seen.to(self.device))
        return maps.clone()

    def classify(
        self,
        maps: Tensor,
        modulation: Modulation,
        picture_of: Sequence[int] | np.ndarray | None = None,
        *,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
        first_block: int = 0,
        progress: Progress | None = None,
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Logits of the answers, float32 (Q, answers), under given gammas and betas (Q, blocks, maps).

        Args:
            maps: what `encode_picture` gave for each picture, (P, maps, rows, columns).
            picture_of: for each row of the modulation the index of its picture; the first if left out.
            record: activations to return as well, float32 (Q, maps, rows, columns) by name.
            replace: name of an activation -> what stands in its place: a tensor (Q or 1, maps, rows,
                columns), or a function of the activations of some rows.
            first_block: begin there, from 0; `maps` are then the output of the block before, recorded as
                "block1.out" and so on. What comes before a change need not be computed again.
            progress: called with the rows done and of all, after each batch.

        Raises:
            InputError: the modulation is of another network, a name is unknown, a shape is wrong.
        """
        config = self.config
        if modulation.gamma.shape[1:] != (config.blocks, config.maps):
            raise InputError(
                f"The modulation is for {tuple(modulation.gamma.shape[1:])} (blocks, maps), this network "
                f"has {(config.blocks, config.maps)}; take one that it predicted."
            )
        count = len(modulation)
        owner = np.zeros(count, np.int64) if picture_of is None else np.asarray(picture_of)
        logits = np.empty((count, len(self.answers)), np.float32)
        kept: dict[str, list[np.ndarray]] = {name: [] for name in record}
        size = -(-count // max(1, -(-count // AT_ONCE)))  # batches of one size, none nearly empty
        for start in range(0, count, max(1, size)):
            rows = slice(start, start + size)
            here, place = np.unique(owner[rows], return_inverse=True)
            of = len(place) if len(here) == 1 else torch.from_numpy(place).to(self.device)
            with self._turns, torch.inference_mode():
                found, activations = self.network.classify(
                    maps if len(here) == len(maps) else maps[torch.from_numpy(here).to(maps.device)],
                    self._on_device(modulation[rows]),
                    of,
                    record,
                    {name: _part(value, rows, count) for name, value in (replace or {}).items()},
                    first_block,
                )
                logits[rows] = found.float().cpu()[:, self._answer_indices].numpy()
                for name, value in activations.items():
                    kept[name].append(value.float().cpu().numpy())
            if progress:
                progress(min(start + size, count), count)
        empty = {name: np.zeros((0, *shape), np.float32) for name, shape in self.recordable.items()}
        return logits, {name: np.concatenate(parts) if parts else empty[name] for name, parts in kept.items()}

    def distributions(
        self, picture: Picture, modulation: Modulation, interventions: Edits = None
    ) -> np.ndarray:
        """Probabilities of all answers about one picture as one array, float64 (Q, answers)."""
        changed = intervened(modulation, interventions, self)
        return probabilities(self.classify(self.encode_picture(picture), changed)[0])

    def logits(
        self,
        pictures: Sequence[np.ndarray],
        questions: Sequence[str],
        picture_of: Sequence[int],
        interventions: Edits = None,
        rows: Sequence[int] | None = None,
    ) -> np.ndarray:
        """Logits of the answers, float32 (Q, answers), for questions about several pictures at once.

        The quick way for evaluation: nothing is kept, and unknown words count as <UNK>.

        Args:
            pictures: uint8 (height, width, 3) each.
            picture_of: for each question the index of its picture.
            interventions, rows: see `film.interventions`.
        """
        modulation = intervened(self.modulate(questions, lenient=True), interventions, self, rows)
        with self._turns, torch.inference_mode():
            maps = self.network.encode_picture(torch.cat([self._reader(picture) for picture in pictures]))
        return self.classify(maps, modulation, picture_of)[0]

    def gradients(
        self,
        picture: Picture,
        modulation: Modulation,
        of: str | tuple[str, str] = "sum",
        wrt: Collection[str] | None = None,
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Values inside the network for one question, and the gradient of logits with respect to them.

        The weights are neither asked for gradients nor changed, so that any number of threads may do this
        at once.

        Args:
            modulation: one row, as `modulate` or an intervention gave it.
            of: "logit:yes" for one answer's logit; ("yes", "no") for the first's minus the second's; "margin"
                for the answer's minus the runner-up's; "sum" for that of all, as the published code draws it
                (its `visualize`).
            wrt: "gamma", "beta", and names out of `recordable`; the stem and the output of every block if
                left out.

        Returns:
            name -> (value, gradient), (maps, rows, columns) each, (blocks, maps) for gamma and beta.

        Raises:
            InputError: a name or an answer is unknown, or the modulation is not of one question.
        """
        if len(modulation) != 1:
            raise InputError(f"Gradients are of one question, not of {len(modulation)}; pick one row.")
        outs = [f"block{block}.out" for block in range(1, self.config.blocks + 1)]
        names = list(wrt) if wrt is not None else ["stem", *outs]
        maps = self.encode_picture(picture).clone()
        with self._turns, torch.enable_grad():
            maps.requires_grad_()
            here = self._on_device(modulation)
            here = Modulation(*(v.detach().clone().requires_grad_() for v in (here.gamma, here.beta)))
            kept: dict[str, Tensor] = {"gamma": here.gamma, "beta": here.beta}
            recorded = [name for name in names if name not in kept]
            logits, activations = self.network.classify(maps, here, record=recorded)
            kept |= activations
            logits = logits.float()[0, self._answer_indices.to(logits.device)]
            found = torch.autograd.grad(
                self._objective(logits, of), [kept[name] for name in names], allow_unused=True
            )
        return {
            name: (
                kept[name][0].detach().float().cpu().numpy(),
                np.zeros(kept[name].shape[1:], np.float32)  # a network that does not use it
                if gradient is None
                else gradient[0].float().cpu().numpy(),
            )
            for name, gradient in zip(names, found, strict=True)
        }

    def _objective(self, logits: Tensor, of: str | tuple[str, str]) -> Tensor:
        if of == "sum":
            return logits.sum()
        if of == "margin":
            best, second = logits.topk(2).values
            result: Tensor = best - second
            return result
        if isinstance(of, str):
            kind, colon, answer = of.partition(":")
            if kind != "logit" or not colon:
                raise InputError(f'{of!r} is no logit; write logit:yes, ("yes", "no"), margin or sum.')
            return logits[self.answer_index(answer)]
        first, second = (logits[self.answer_index(answer)] for answer in of)
        return first - second

    def answer_index(self, answer: str) -> int:
        """The place of an answer in logits and probabilities. Raises InputError where it is none."""
        if answer not in self.answers:
            raise InputError(f"This network never answers {answer!r}; choose from {', '.join(self.answers)}.")
        return self.answers.index(answer)

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
    """Softmax over the last axis: logits of any shape -> float64 of the same shape, which sum to 1 there."""
    result: np.ndarray = torch.tensor(logits, dtype=torch.float64).softmax(-1).numpy()
    return result


def _several(questions: Sequence[str]) -> Sequence[str]:
    if isinstance(questions, str):
        raise InputError("A list of questions was expected, not one; put it in brackets.")
    return questions


def _part(value: Replacement, rows: slice, count: int) -> Replacement:
    """Those rows of a replacement that has one for every question."""
    return value[rows] if isinstance(value, Tensor) and len(value) == count else value
