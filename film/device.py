"""The device that a network computes on: tried out before it is taken."""

from __future__ import annotations

import torch

from film.errors import InputError


def choose_device(wanted: str = "auto") -> tuple[torch.device, str | None]:
    """The device to compute on, tried out, and what to tell the user when it is not the one wanted.

    Args:
        wanted: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1" ... or "mps".

    Raises:
        InputError: there is no device of that name.
    """
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
