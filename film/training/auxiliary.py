"""What a network is told besides the answer while it learns.

A world that we draw ourselves knows more than the answer: where each object stands and what it
is, which attribute sits in which slot of the question, and which objects each step of its
program speaks of. Small linear heads ask the network for these during training and are thrown
away afterwards; the network itself stays a plain FiLM network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from film.clevr.language.families import FAMILIES
from film.clevr.scenes import ATTRIBUTES, RELATIONS
from film.config import LossWeights
from film.network import FiLMNetwork, with_coordinates
from film.training.batches import PHRASES, SCENE_MAPS, SETS, Batch, cells, scene_maps

# Values of each column of a corpus's `slots`, 0 standing for "not said".
_SLOT_SIZES = tuple(len(values) + 1 for values in ATTRIBUTES.values()) * 4 + (len(RELATIONS) + 1,) * 3


class TrainingLoss(nn.Module):
    """The network under training with its extra heads; `forward` gives the loss of a batch.

    Args:
        front: how many of the stem's convolutions make up its front, which is asked for the
            attribute maps of the scene (`scene_maps`); 0 when the network sees those maps as they are.
    """

    def __init__(self, network: FiLMNetwork, weights: LossWeights, front: int):
        super().__init__()
        self.network = network
        self.weights = weights
        config = network.config
        per_layer = 3 if config.batch_norm else 2
        self.front = front * per_layer
        self.slot_head = nn.Linear(config.state, sum(_SLOT_SIZES) + len(FAMILIES))
        self.set_heads = nn.ModuleList(nn.Linear(config.maps, PHRASES + SETS) for _ in range(config.blocks))

    def forward(self, batch: Batch, network: FiLMNetwork | None = None) -> dict[str, Tensor]:
        """Every wanted loss by name, `loss` their weighted sum, and `right` (Q,) whether answered so.

        `network`: another one of the same build to ask instead, such as the averaged one.
        """
        network, weights = network or self.network, self.weights
        config = network.config
        columns, rows = config.grid
        answering = bool(weights.answer or weights.sets)
        losses: dict[str, Tensor] = {}

        if answering or weights.slots:
            state = network.question_encoder(batch.tokens, batch.lengths)
        if weights.slots:
            losses["slots"] = self._slots_loss(state, batch)

        if config.picture == "features":
            seen = scene_maps(batch.objects, batch.positions, config.width, config.height)
            maps = with_coordinates(seen, config.stem_coordinates)
        elif answering or weights.maps:
            assert batch.pictures is not None
            seen = with_coordinates(batch.pictures, config.stem_coordinates)
            maps = network.stem.layers[: self.front](seen)
            if weights.maps:
                truth = scene_maps(batch.objects, batch.positions, columns, rows)
                losses["maps"] = _maps_loss(maps.float(), truth)
        if not answering:
            return self._sum(losses)

        maps = network.stem.layers[self.front :](maps)
        modulation = network.question_encoder.modulation(state)
        outs = [f"block{number}.out" for number in range(1, config.blocks + 1)]
        wanted = outs if weights.sets else []
        logits, activations = network.classify(maps, modulation, batch.questions, record=wanted)
        losses["answer"] = F.cross_entropy(logits.float(), batch.answers)
        if weights.sets:
            cell, _ = cells(batch.positions, columns, rows)
            losses["sets"] = self._sets_loss([activations[name] for name in outs], cell, batch)
        result = self._sum(losses)
        result["right"] = logits.detach().argmax(1) == batch.answers
        return result

    def _sum(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        total = torch.stack([getattr(self.weights, name) * loss for name, loss in losses.items()]).sum()
        return {"loss": total, **losses}

    def _slots_loss(self, state: Tensor, batch: Batch) -> Tensor:
        """What does each slot of the question hold, and which family is it?"""
        *slots, family = self.slot_head(state).float().split((*_SLOT_SIZES, len(FAMILIES)), dim=1)
        told = [F.cross_entropy(logits, batch.slots[:, column]) for column, logits in enumerate(slots)]
        return torch.stack(told).sum() + F.cross_entropy(family, batch.family)

    def _sets_loss(self, outs: list[Tensor], cell: Tensor, batch: Batch) -> Tensor:
        """At each object: does noun phrase 1..4 fit it, is it in the set after each, in the final one?

        Whether a phrase fits needs nothing but the place itself and is asked of every block alike.
        The sets need what happened elsewhere: early blocks cannot know yet, and count less.
        """
        present = (batch.objects[..., 0] >= 0).repeat_interleave(batch.questions, 0)  # (Q, OBJECTS)
        has_set = torch.cat((batch.has_set[:, :PHRASES], batch.has_set), 1)  # (Q, PHRASES + SETS)
        asked = present[:, :, None] & has_set[:, None]  # (Q, OBJECTS, PHRASES + SETS)
        wanted = torch.cat((fitting(batch), batch.members.transpose(1, 2)), 2).float()
        where = cell.repeat_interleave(batch.questions, 0)  # (Q, OBJECTS)
        which = torch.arange(len(where), device=where.device)[:, None]
        told = []
        for number, (head, out) in enumerate(zip(self.set_heads, outs, strict=True), start=1):
            places = out.permute(0, 2, 3, 1).flatten(1, 2)  # (Q, h w, C)
            guess = head(places[which, where]).float()  # (Q, OBJECTS, PHRASES + SETS)
            loss = F.binary_cross_entropy_with_logits(guess, wanted, reduction="none") * asked
            share = loss.new_tensor([1.0] * PHRASES + [number / len(outs)] * SETS)
            told.append((loss * share).sum() / asked.sum())
        return torch.stack(told).mean() * 2


def fitting(batch: Batch) -> Tensor:
    """Which objects each noun phrase fits, wherever they stand: (Q, OBJECTS, PHRASES) bool."""
    # Objects list shape, size, material, color; slots size, color, material, shape, counted from 1.
    attributes = batch.objects[..., [1, 3, 2, 0]].repeat_interleave(batch.questions, 0) + 1  # (Q, OBJECTS, 4)
    said = batch.slots[:, : 4 * PHRASES].view(-1, 1, PHRASES, 4)
    return ((said == 0) | (said == attributes[:, :, None])).all(-1)


def _maps_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Squared error, cells with an object counting as much together as all the empty ones."""
    error = (guess[:, :SCENE_MAPS] - truth).square()
    occupied = truth[:, :1]
    return (error * occupied).sum() / occupied.sum() + 8 * (error * (1 - occupied)).sum() / (
        1 - occupied
    ).sum()
