"""Gamma and beta as one immutable value, and every pure edit of it.

An edit makes a new `Modulation`; the network and the value it came from stay as they were, so
many users can edit at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from film.errors import InputError


@dataclass(frozen=True, eq=False)
class Modulation:
    """Scales and shifts for feature maps: FiLM(x) = gamma * x + beta (paper eq. 2).

    `gamma`, `beta`: (questions, blocks, maps). Gamma is the factor as applied, its offset of 1
    included. Do not write into the tensors; edit with the methods.
    """

    gamma: Tensor
    beta: Tensor

    def __post_init__(self) -> None:
        if self.gamma.ndim != 3 or self.gamma.shape != self.beta.shape:
            raise InputError(
                "A modulation needs gamma and beta of one shape (questions, blocks, maps), "
                f"not {tuple(self.gamma.shape)} and {tuple(self.beta.shape)}."
            )

    def __len__(self) -> int:
        return self.gamma.shape[0]

    def __getitem__(self, questions: slice | Sequence[int] | Tensor) -> Modulation:
        return Modulation(self.gamma[questions], self.beta[questions])

    @staticmethod
    def identity(questions: int, blocks: int, maps: int) -> Modulation:
        """Gamma 1 and beta 0 everywhere: FiLM does nothing."""
        shape = (questions, blocks, maps)
        return Modulation(torch.ones(shape), torch.zeros(shape))

    @staticmethod
    def stack(parts: Sequence[Modulation]) -> Modulation:
        """Several modulations as one, one after the other."""
        return Modulation(torch.cat([p.gamma for p in parts]), torch.cat([p.beta for p in parts]))

    def with_value(
        self,
        block: int | slice,
        feature_map: int | slice | Sequence[int],
        *,
        gamma: Tensor | float | None = None,
        beta: Tensor | float | None = None,
    ) -> Modulation:
        """Set gamma, beta or both of some maps of a block; what is None stays."""
        return Modulation(
            _set(self.gamma, block, feature_map, gamma),
            _set(self.beta, block, feature_map, beta),
        )

    def scaled(self, gamma: float = 1.0, beta: float = 1.0, block: int | slice = slice(None)) -> Modulation:
        """Multiply gammas and betas of a block, or of all."""
        return self.with_value(
            block, slice(None), gamma=self.gamma[:, block] * gamma, beta=self.beta[:, block] * beta
        )

    def blended(self, other: Modulation, share: float) -> Modulation:
        """The point that lies `share` of the way from here to `other` (paper section 4.5)."""
        return Modulation(
            torch.lerp(self.gamma, other.gamma, share), torch.lerp(self.beta, other.beta, share)
        )

    def plus(self, other: Modulation) -> Modulation:
        """Analogy arithmetic, with `minus`: a.plus(b).minus(c) (paper section 4.5)."""
        return Modulation(self.gamma + other.gamma, self.beta + other.beta)

    def minus(self, other: Modulation) -> Modulation:
        """Analogy arithmetic, see `plus`."""
        return Modulation(self.gamma - other.gamma, self.beta - other.beta)

    def with_noise(self, gamma: float = 0.0, beta: float = 0.0, *, seed: int) -> Modulation:
        """Add Gaussian noise of these standard deviations (paper Figure 7)."""
        generator = torch.Generator().manual_seed(seed)

        def noise() -> Tensor:
            return torch.randn(self.gamma.shape, generator=generator).to(self.gamma)

        return Modulation(self.gamma + gamma * noise(), self.beta + beta * noise())


def _set(
    values: Tensor, block: int | slice, feature_map: int | slice | Sequence[int], new: Tensor | float | None
) -> Tensor:
    if new is None:
        return values
    blocks, maps = values.shape[1:]
    for name, index, size in (("block", block, blocks), ("feature map", feature_map, maps)):
        if isinstance(index, int) and not -size <= index < size:
            raise InputError(f"There is no {name} {index}; this modulation has {size}, counted from 0.")
    edited = values.clone()
    edited[:, block, feature_map] = torch.as_tensor(new, dtype=values.dtype, device=values.device)
    return edited
