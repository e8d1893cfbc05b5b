"""Feature-wise linear modulation, for any network (Perez et al., AAAI 2018, section 2.1).

    FiLM(x) = gamma * x + beta,    gamma = offset + f(condition),    beta = h(condition)

`FiLM` is one layer with its own networks f and h; `Generator` makes the gammas and betas of many layers
at once, to be given to each layer's `apply`; `scale_and_shift` is the formula alone.

    FiLM(64, 128)                              a vector of 128 numbers says what to do with 64 maps
    FiLM(64, shared=nn.Embedding(10, 2 * 64))  a class out of ten does
    FiLM(64, f=network)                        scales only; with `h` alone, shifts only

Letters in shapes: N rows, C maps. Places are what follows: steps (T), a grid (H, W), a volume (D, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, cast, overload

import torch
from torch import Tensor, nn

from film.errors import InputError

Conditioner = Callable[..., Tensor]  # a network or function: condition -> raw gammas, betas or both


class FiLM(nn.Module):
    """Scales and shifts each of `channels` feature maps as a condition says.

    condition  features of the condition (N, condition), for one linear layer to gammas and betas; or else
    f, h       any networks: condition -> (N, channels), or (N, channels, *places) for gammas and betas by
               place or step. Without f gamma is 1; without h beta is 0; or else
    shared     one network that gives both: (N, 2 * channels) or (N, 2 * channels, *places), gammas first.
    offset     added to what f gives (paper section 7.2): 1, so that raw gammas near 0 leave maps alone
    zero_init  raw gammas and betas start as 0: with offset 1 the layer starts as the identity.
               The last layer of the networks, which must be linear, a convolution or an embedding, is zeroed.

    With none of `condition`, f, h and shared, gammas and betas are given to `apply`.
    InputError where the arguments contradict each other.
    """

    def __init__(
        self,
        channels: int,
        condition: int | None = None,
        *,
        f: Conditioner | None = None,
        h: Conditioner | None = None,
        shared: Conditioner | None = None,
        offset: float = 1.0,
        zero_init: bool = False,
    ):
        super().__init__()
        self.channels, self.condition = _width("channels", channels), condition
        self.offset = offset
        if sum((condition is not None, shared is not None, f is not None or h is not None)) > 1:
            raise InputError(
                "The layer was told of more than one way to its gammas and betas; give one of condition, "
                "shared, or f and h."
            )
        if condition is not None:
            shared = nn.Linear(_width("condition", condition), 2 * channels)
        self.f, self.h, self.shared = f, h, shared
        for network in (f, h, shared) if zero_init else ():
            if network is not None:
                _zero(network)

    def modulation(self, condition: Any) -> tuple[Tensor, Tensor]:
        """Gamma, offset included, and beta as they are applied: (N, C) or (N, C, *places) each.

        Raises:
            InputError: the layer has no network that makes them, or that gives another shape.
        """
        if self.shared is not None:
            raw = _raw("shared", self.shared, condition, 2 * self.channels, self.condition)
            gamma, beta = raw.chunk(2, dim=1)
            return gamma + self.offset, beta
        scale = None if self.f is None else _raw("f", self.f, condition, self.channels) + self.offset
        shift = None if self.h is None else _raw("h", self.h, condition, self.channels)
        if scale is not None:
            return scale, torch.zeros_like(scale) if shift is None else shift
        if shift is not None:
            return torch.ones_like(shift), shift
        raise InputError(
            "The layer has no network to make gammas and betas of a condition; give them to "
            "apply(x, gamma, beta), or build it with condition, shared, or f and h."
        )

    def forward(self, x: Tensor, condition: Any) -> Tensor:
        """x: (N, C), (N, C, T), (N, C, H, W) or (N, C, D, H, W), modulated; in the shape and dtype of x."""
        return self.apply(x, *self.modulation(condition))

    @overload
    def apply(self, x: Callable[[nn.Module], object], /) -> Self: ...
    @overload
    def apply(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor: ...
    def apply(self, x: Any, gamma: Tensor | None = None, beta: Tensor | None = None) -> Self | Tensor:
        """x with gammas and betas of the caller; see `scale_and_shift`.

        Given a function alone it is `nn.Module.apply`, as when a whole network is initialised.
        """
        if not isinstance(x, Tensor):
            return super().apply(x)
        if gamma is None or beta is None:
            raise InputError("apply was given x alone; give it gamma and beta too.")
        if x.ndim < 2 or x.shape[1] != self.channels:
            raise InputError(
                f"The layer modulates x of shape (N, {self.channels}, ...), not {tuple(x.shape)}; "
                "put rows first and maps second."
            )
        return scale_and_shift(x, gamma, beta)

    def extra_repr(self) -> str:
        return f"{self.channels}, offset={self.offset}"


class Generator(nn.Module):
    """Makes all layers' gammas and betas at once from one condition.

    `channels`: the maps of each layer, which may differ. `condition`, `shared`, `offset` and `zero_init`
    are those of `FiLM`; `shared` gives (N, 2 * sum(channels)) or (N, 2 * sum(channels), *places), layer
    by layer, gammas before betas (as in the published code).
    """

    def __init__(
        self,
        channels: Sequence[int],
        condition: int | None = None,
        *,
        shared: Conditioner | None = None,
        offset: float = 1.0,
        zero_init: bool = False,
    ):
        super().__init__()
        if (condition is None) == (shared is None):
            raise InputError("A generator needs either condition, the features of one, or shared, a network.")
        self.channels = tuple(_width("channels", maps) for maps in channels)
        self.condition, self.offset = condition, offset
        if condition is not None:
            shared = nn.Linear(_width("condition", condition), 2 * sum(self.channels))
        assert shared is not None
        self.shared = shared
        if zero_init:
            _zero(shared)

    def forward(self, condition: Any) -> list[tuple[Tensor, Tensor]]:
        """(gamma, beta) of each layer, as applied: (N, C) or (N, C, *places) each."""
        raw = _raw("shared", self.shared, condition, 2 * sum(self.channels), self.condition)
        parts = torch.split(raw, [maps for layer in self.channels for maps in (layer, layer)], dim=1)
        return [(gamma + self.offset, beta) for gamma, beta in zip(parts[::2], parts[1::2], strict=True)]


def scale_and_shift(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """gamma * x + beta, in the shape and dtype of x.

    x: (N, C, *places). gamma, beta: (N, C), one a map; or (N, C, *places), one a place or step, in which
    any size of places may be 1. One row, (1, C, ...), serves every row of x. InputError otherwise.
    """
    if x.ndim < 2 or not x.is_floating_point():
        raise InputError(
            f"FiLM needs x of shape (N, C, ...) and floating-point values, not {tuple(x.shape)} of {x.dtype}."
        )
    gamma, beta = _aligned("gamma", gamma, x), _aligned("beta", beta, x)
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return torch.addcmul(beta, gamma, x)  # one pass, which a compiler fuses with its neighbours
    if x.ndim > 2 and x.stride(1) == 1:
        return cast(Tensor, _ScaleAndShift.apply(x, gamma, beta))  # type: ignore[no-untyped-call]
    return gamma * x + beta


class _ScaleAndShift(torch.autograd.Function):
    """The formula in one pass over x where maps lie innermost (channels last), as convolutions run fastest.

    `gamma * x + beta` takes two passes forward, and differentiating `addcmul` copies x and the broadcast
    gamma first. In other layouts `addcmul` is slow in half precision (`python -m benchmarks.layer`).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return torch.addcmul(beta, gamma, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x, gamma, beta = inputs
        ctx.save_for_backward(x, gamma)
        ctx.save_for_forward(x, gamma)
        ctx.beta_shape = beta.shape

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma = ctx.saved_tensors
        for_x, for_gamma, for_beta = ctx.needs_input_grad
        return (
            gradient * gamma if for_x else None,
            (gradient * x).sum_to_size(gamma.shape) if for_gamma else None,
            gradient.sum_to_size(ctx.beta_shape) if for_beta else None,
        )

    @staticmethod
    def jvp(ctx: Any, dx: Tensor, dgamma: Tensor, dbeta: Tensor) -> Tensor:
        x, gamma = ctx.saved_tensors
        made: Tensor = gamma * dx + dgamma * x + dbeta
        return made


def _aligned(name: str, values: Tensor, x: Tensor) -> Tensor:
    """Gammas or betas in x's dtype, with as many dimensions as x."""
    shape = tuple(values.shape)
    if len(shape) == 2:
        values = values[(...,) + (None,) * (x.ndim - 2)]
    fits = values.ndim == x.ndim and values.shape[1] == x.shape[1]
    if not fits or any(a != b and a != 1 for a, b in zip(values.shape, x.shape, strict=True)):
        rows, maps, *places = x.shape
        by_place = f", or that and {tuple(places)} or 1s by place" if places else ""
        raise InputError(
            f"For x of shape {tuple(x.shape)}, {name} must have the shape ({rows}, {maps}){by_place}; "
            f"it has {shape}."
        )
    return values.to(x.dtype)


def _raw(name: str, network: Conditioner, condition: Any, maps: int, features: int | None = None) -> Tensor:
    """What a network makes of the condition, checked: (N, maps, ...)."""
    if features is not None and (condition.ndim != 2 or condition.shape[1] != features):
        raise InputError(
            f"The condition must have the shape (N, {features}), not {tuple(condition.shape)}; "
            "for others give a network of your own."
        )
    raw = network(condition)
    if not isinstance(raw, Tensor) or raw.ndim < 2 or raw.shape[1] != maps:
        gave = tuple(raw.shape) if isinstance(raw, Tensor) else f"a {type(raw).__name__}"
        raise InputError(f"The network {name} must give a tensor of shape (N, {maps}, ...), not {gave}.")
    return raw


def _zero(network: Conditioner) -> None:
    """Zero the last layer of a network, so that it gives 0 for every condition."""
    last: Any = network
    while isinstance(last, nn.Sequential) and len(last):
        last = last[-1]
    if not isinstance(last, (nn.Linear, nn.Embedding, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        raise InputError(
            f"zero_init needs networks that end in a linear layer, a convolution or an embedding, not in "
            f"{type(last).__name__}; zero the last layer of yours yourself."
        )
    nn.init.zeros_(last.weight)
    if getattr(last, "bias", None) is not None:
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]


def _width(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} must be a whole number above 0, not {value!r}.")
    return value
