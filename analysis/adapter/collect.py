"""Gammas and betas of any torch model, read while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from film import Cancel, FiLM, Generator, InputError, Progress, stop_if

Pair = tuple[Tensor, Tensor]
# Where a layer's gammas and betas come from; see `collect`.
Source = nn.Module | tuple[nn.Module, Callable[[Any], Pair]] | Callable[[Any], Pair]
Arrays = dict[str, np.ndarray]


def collect(
    model: nn.Module | Callable[..., object],
    layers: Mapping[str, Source],
    conditions: pd.DataFrame,
    batches: Iterable[Any],
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[Arrays, Arrays]:
    """Run a model and keep the gammas and betas that its layers are modulated by.

    A module is run in eval mode, without gradients, and is left as it was.

    Args:
        model: called with each batch: `model(*batch)` for a tuple or list, `model(**batch)` for a dict,
            `model(batch)` otherwise.
        layers: name -> where its gammas and betas come from:
            a `film.FiLM`: what it applies;
            a `film.Generator`: all that it makes, as layers "name 1", "name 2" ...;
            another module: its output, a pair (gamma, beta);
            (module, function): what the function makes of the module's output, a pair (gamma, beta);
            a function: what it makes of the batch, a pair (gamma, beta).
            A pair is of shape (rows, maps), or (rows, maps, *places), of which the mean over places is kept.
        conditions: a row for every row of the batches, in their order.
        progress: called with rows done and of how many.

    Returns:
        Gammas and betas by layer: float32 (rows, maps) each, as `write_study` takes them. Gammas are as they
        are applied: a layer that multiplies by 1 + s has gamma 1 + s.

    Raises:
        InputError: a layer is not run once a batch, or what it gives does not fit the rows.
        Cancelled: `cancel` said so.
    """
    if not layers:
        raise InputError("No layers were named; give layers={'name': module, ...}.")
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    done, total = 0, len(conditions)
    with ExitStack() as stack:
        seen: dict[str, list[Any]] = {name: [] for name in layers}
        if isinstance(model, nn.Module):
            stack.enter_context(_evaluating(model))
        for name, source in layers.items():
            stack.enter_context(_watched(source, seen[name]))
        stack.enter_context(torch.no_grad())
        for batch in batches:
            stop_if(cancel)
            for calls in seen.values():
                calls.clear()
            _run(model, batch)
            found = dict(_pairs(layers, seen, batch))
            rows = {len(gamma) for gamma, _ in found.values()}
            if len(rows) != 1:
                told = ", ".join(f"{name} {len(gamma)}" for name, (gamma, _) in found.items())
                raise InputError(f"Layers gave unequal numbers of rows for one batch ({told}); mend one.")
            done += rows.pop()
            for name, pair in found.items():
                parts.setdefault(name, []).append(pair)
            if progress:
                progress(min(done, total), total)
    if done != total:
        raise InputError(
            f"The batches have {done:,} rows and the conditions {total:,}; give a row of conditions for "
            "each, in the same order."
        )
    gamma, beta = (
        {name: np.concatenate([pair[which] for pair in pairs]) for name, pairs in parts.items()}
        for which in (0, 1)
    )
    return gamma, beta


def _run(model: Callable[..., object], batch: Any) -> None:
    if isinstance(batch, Mapping):
        model(**batch)
    elif isinstance(batch, tuple | list):
        model(*batch)
    else:
        model(batch)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _watched(source: Source, calls: list[Any]) -> Iterator[None]:
    """Keep what a layer is modulated by, or gives, each time it is run."""
    module = source[0] if isinstance(source, tuple) else source
    if isinstance(source, FiLM):
        apply = source.apply

        def applied(x: Any, gamma: Tensor | None = None, beta: Tensor | None = None) -> Any:
            if not isinstance(x, Tensor):  # a function: it is the `apply` of every module
                return apply(x)
            calls.append((gamma, beta))
            return apply(x, gamma, beta)  # type: ignore[arg-type]

        # Its forward calls `apply`, and so does who makes gammas and betas elsewhere: no hook sees both.
        source.__dict__["apply"] = applied
        try:
            yield
        finally:
            del source.__dict__["apply"]
    elif isinstance(module, nn.Module):
        handle = module.register_forward_hook(lambda _module, _given, output: calls.append(output))
        try:
            yield
        finally:
            handle.remove()
    else:
        yield


def _pairs(
    layers: Mapping[str, Source], seen: Mapping[str, list[Any]], batch: Any
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    for name, source in layers.items():
        if not isinstance(source, nn.Module | tuple):
            yield name, _arrays(name, source(batch))
            continue
        calls = seen[name]
        if len(calls) != 1:
            raise InputError(
                f"The layer {name} was run {len(calls)} times for one batch; give batches for which the "
                "model runs it once, or a function of the batch in its place."
            )
        output = source[1](calls[0]) if isinstance(source, tuple) else calls[0]
        if isinstance(source, Generator):
            for number, pair in enumerate(output, 1):
                yield f"{name} {number}", _arrays(name, pair)
        else:
            yield name, _arrays(name, output)


def _arrays(name: str, pair: Any) -> tuple[np.ndarray, np.ndarray]:
    """A pair as float32 (rows, maps) each."""
    two = isinstance(pair, tuple | list) and len(pair) == 2
    if not two or not all(isinstance(values, Tensor) and values.ndim >= 2 for values in pair):
        gave = (
            f"tensors of {[tuple(v.shape) for v in pair]}" if two and _tensors(pair) else type(pair).__name__
        )
        raise InputError(
            f"The layer {name} gave no pair (gamma, beta) of shape (rows, maps) but {gave}; name it as "
            "(module, function) with a function that makes such a pair of the module's output."
        )
    gamma, beta = (
        values.detach().float().flatten(2).mean(2) if values.ndim > 2 else values for values in pair
    )
    if gamma.shape != beta.shape:
        raise InputError(
            f"The layer {name} gave gammas of shape {tuple(gamma.shape)} and betas of {tuple(beta.shape)}; "
            "give as many of one as of the other."
        )
    first, second = (values.detach().float().cpu().numpy() for values in (gamma, beta))
    return first, second


def _tensors(pair: Any) -> bool:
    return all(isinstance(values, Tensor) for values in pair)
