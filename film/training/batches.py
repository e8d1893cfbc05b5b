"""Training batches drawn from a packed corpus that lives in memory or on the GPU.

No per-sample Python: a batch is a handful of index operations. One picture serves many
questions, so that the network's stem sees it once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from film.clevr.data.corpus import Corpus, Rows
from film.clevr.data.encoding import UNKNOWN_FAMILY
from film.clevr.language.families import FAMILIES
from film.clevr.pictures import kept_middle
from film.clevr.scenes import COLORS, MATERIALS, SHAPES, SIZES
from film.config import Fit
from film.errors import InputError
from film.features import to_size

OBJECTS = 10  # most objects a scene holds
PHRASES = 4  # most noun phrases a question holds
SETS = PHRASES + 1  # object sets a question speaks of: after each noun phrase, and the one asked about

# What `scene_maps` draws at the place of every object: presence, its attributes one-hot, and
# where in the cell its centre lies (column, row in -0.5..0.5, plus 0.5 to stay above 0).
_ATTRIBUTE_SIZES = (len(SHAPES), len(SIZES), len(MATERIALS), len(COLORS))
SCENE_MAPS = 1 + sum(_ATTRIBUTE_SIZES) + 2


@dataclass
class Batch:
    """P pictures with k questions each, Q = P k, questions of a picture side by side."""

    pictures: Tensor | None  # (P, 3, height, width) in [0, 1]; None when only scenes are known
    objects: Tensor  # (P, OBJECTS, 5) shape, size, material, color, visible; -1 where there is none
    positions: Tensor  # (P, OBJECTS, 6) ground x, y; picture column, row in 0..1; depth; radius
    questions: int  # k
    tokens: Tensor  # (Q, T)
    lengths: Tensor  # (Q,) on the CPU
    answers: Tensor  # (Q,)
    slots: Tensor  # (Q, 20)
    members: Tensor  # (Q, SETS, OBJECTS) whether the object is in the set
    has_set: Tensor  # (Q, SETS) whether the question has this set
    family: Tensor  # (Q,)


class BatchSampler:
    """A corpus on one device, from which batches are drawn.

    Args:
        device: where pictures and questions are kept and batches are made.
        with_pictures: whether pictures are wanted; a corpus without them has only scenes to show.
        size: (width, height) of the pictures in a batch; others are brought to it as a session does.
        fit: how.
        part: (rank, world): this process draws from its own share of the pictures.
    """

    def __init__(
        self,
        corpus: Corpus,
        device: torch.device,
        *,
        with_pictures: bool = True,
        size: tuple[int, int] | None = None,
        fit: Fit = "crop",
        part: tuple[int, int] = (0, 1),
    ):
        def load(name: str) -> Tensor:
            return torch.from_numpy(np.array(getattr(corpus, name)[:]))

        if with_pictures and corpus.pictures is None:
            raise InputError(
                "The corpus was made without pictures, which this network needs; make one with them."
            )
        self.device = device
        self.words = corpus.words
        picture_of = load("picture").long()
        counts = torch.bincount(picture_of, minlength=corpus.picture_count)
        starts = counts.cumsum(0) - counts
        usable = torch.nonzero(counts > 0).flatten()
        self.usable = usable[part[0] :: part[1]]
        if not len(self.usable):
            raise InputError("The corpus has no picture with questions to train on; generate a larger one.")
        self.counts, self.starts = counts, starts

        tokens = load("tokens")
        self.lengths = (tokens != 0).sum(1)
        self.tokens = tokens.to(device)
        self.answers = load("answer").long().to(device)
        self.family = load("family").long().to(device)
        self.slots = load("slots").long().to(device)
        self.sets = load("sets").to(torch.int32).to(device)
        self.objects = load("objects").long().to(device)
        self.positions = load("positions").to(device)
        self.pictures: Tensor | None = None
        if with_pictures and corpus.pictures is not None:
            pictures, self.positions = _fitted(corpus.pictures, self.positions, size, fit)
            self.pictures = pictures.to(device)
        self.has_set = torch.from_numpy(_sets_by_family()).to(device)
        left, right = (self.words.index(word) for word in ("left", "right"))
        self.mirrored_word = torch.arange(len(self.words))
        self.mirrored_word[[left, right]] = torch.tensor([right, left])
        self.mirrored_word = self.mirrored_word.to(device)

    def __len__(self) -> int:
        return len(self.usable)

    def draw(
        self,
        generator: torch.Generator,
        pictures: int,
        questions: int,
        *,
        horizontal_flip: bool,
        shift: float = 0.0,
    ) -> Batch:
        """A random batch.

        Args:
            horizontal_flip: half of the time, pictures and words swap left and right.
            shift: pictures are moved by up to this share of their size; no answer changes by that.
        """
        chosen = self.usable[torch.randint(len(self.usable), (pictures,), generator=generator)]
        # k distinct questions of each picture, as long as it has that many.
        most = int(self.counts[chosen].max())
        order = torch.rand((pictures, most), generator=generator)
        order.masked_fill_(torch.arange(most) >= self.counts[chosen, None], 2.0)
        pick = order.argsort(1)[:, torch.arange(questions) % most] % self.counts[chosen, None]
        rows = (self.starts[chosen, None] + pick).flatten()
        flip = horizontal_flip and bool(torch.rand((), generator=generator) < 0.5)
        right, down = ((torch.rand(2, generator=generator) * 2 - 1) * shift).tolist() if shift else (0.0, 0.0)
        return self.batch(chosen, rows, questions, flip=flip, moved=(right, down))

    def batch(
        self,
        pictures: Tensor,
        rows: Tensor,
        questions: int,
        *,
        flip: bool = False,
        moved: tuple[float, float] = (0.0, 0.0),
    ) -> Batch:
        """The batch of these pictures (P,) and of these question rows (P k,), picture by picture.

        Args:
            flip: mirror it. moved: to the right and down, shares of width and height.
        """
        lengths = self.lengths[rows]
        pictures, rows = pictures.to(self.device), rows.to(self.device)
        tokens = self.tokens[rows, : int(lengths.max())].long()
        slots = self.slots[rows]
        positions = self.positions[pictures]
        seen = None if self.pictures is None else self.pictures[pictures]  # (P, height, width, 3)
        if flip:
            tokens = self.mirrored_word[tokens]
            relations = slots[:, 16:19]
            slots = slots.clone()
            slots[:, 16:19] = torch.where((relations == 1) | (relations == 2), 3 - relations, relations)
            positions = positions.clone()
            positions[..., 2] = 1 - positions[..., 2]
            if seen is not None:
                seen = seen.flip(2)
        if any(moved):
            if seen is not None:
                seen, moved = _moved(seen, moved)
            positions = positions.clone()
            positions[..., 2:4] += positions.new_tensor(moved)
        if seen is not None:
            seen = seen.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last) / 255
        bits = torch.arange(OBJECTS, device=self.device, dtype=torch.int32)
        return Batch(
            pictures=seen,
            objects=self.objects[pictures],
            positions=positions,
            questions=questions,
            tokens=tokens,
            lengths=lengths,
            answers=self.answers[rows],
            slots=slots,
            members=(self.sets[rows][:, :, None] >> bits) & 1 == 1,
            has_set=self.has_set[self.family[rows]],
            family=self.family[rows],
        )


def _fitted(
    pictures: np.ndarray | Rows, positions: Tensor, size: tuple[int, int] | None, how: Fit
) -> tuple[Tensor, Tensor]:
    """Pictures uint8 (P, height, width, 3) of the wanted size, and the places of the objects in them."""
    there = pictures.shape[2], pictures.shape[1]
    if size in (None, there):
        return torch.from_numpy(np.array(pictures[:])), positions
    made = np.empty((len(pictures), size[1], size[0], 3), np.uint8)
    for number in range(len(made)):
        made[number] = to_size(pictures[number], *size, how)
    if how == "crop":
        kept = kept_middle(there, size)
        zoom = positions.new_tensor((there[0] / kept[0], there[1] / kept[1]))
        positions = positions.clone()
        positions[..., 2:4] = (positions[..., 2:4] - 0.5) * zoom + 0.5
    return torch.from_numpy(made), positions


def _moved(pictures: Tensor, by: tuple[float, float]) -> tuple[Tensor, tuple[float, float]]:
    """Pictures (P, height, width, 3) moved by whole pixels, their edges repeated; and by how much exactly."""
    height, width = pictures.shape[1:3]
    right, down = round(by[0] * width), round(by[1] * height)
    columns = (torch.arange(width, device=pictures.device) - right).clamp(0, width - 1)
    rows = (torch.arange(height, device=pictures.device) - down).clamp(0, height - 1)
    return pictures.index_select(1, rows).index_select(2, columns), (right / width, down / height)


def cells(positions: Tensor, columns: int, rows: int) -> tuple[Tensor, Tensor]:
    """Which grid cell (P, OBJECTS) each object's centre falls in, and where in it (P, OBJECTS, 2)."""
    size = torch.tensor([columns, rows], device=positions.device, dtype=positions.dtype)
    place = positions[..., 2:4].nan_to_num().clamp(0, 0.9999) * size
    cell = place.floor()
    return (cell[..., 1] * columns + cell[..., 0]).long(), place - cell


def scene_maps(objects: Tensor, positions: Tensor, columns: int, rows: int) -> Tensor:
    """Draw scenes as attribute maps: (P, SCENE_MAPS, rows, columns), values in 0..1.

    Each object writes its attributes into the cell of its centre: what an ideal stem would know.
    """
    present = objects[..., 0] >= 0  # (P, OBJECTS)
    cell, inside = cells(positions, columns, rows)
    parts = [present[..., None].float()]
    for attribute, size in enumerate(_ATTRIBUTE_SIZES):
        parts.append(torch.nn.functional.one_hot(objects[..., attribute].clamp(min=0), size).float())
    parts.append(inside)
    values = torch.cat(parts, -1) * present[..., None]  # (P, OBJECTS, SCENE_MAPS)
    maps = values.new_zeros(len(objects), rows * columns, SCENE_MAPS)
    maps.scatter_reduce_(1, cell[..., None].expand_as(values), values, "amax")
    return maps.view(-1, rows, columns, SCENE_MAPS).permute(0, 3, 1, 2)


def _sets_by_family() -> np.ndarray:
    """Which of the SETS each family speaks of: (families, SETS) bool; none where it is not known."""
    has_set = np.zeros((UNKNOWN_FAMILY + 1, SETS), bool)
    for row, family in zip(has_set, FAMILIES, strict=False):
        row[[phrase - 1 for phrase in family.noun_phrases]] = True
        row[-1] = True
    return has_set
