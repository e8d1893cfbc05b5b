"""Where a process trains: its device, its precision, its place among others."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from film.errors import InputError


@dataclass(frozen=True)
class Runtime:
    """Where this process computes: its device, its precision, its place among the others."""

    device: torch.device
    precision: torch.dtype
    rank: int = 0
    world: int = 1

    @staticmethod
    def find(precision: str = "auto") -> Runtime:
        """The GPU of this process, or the CPU; bfloat16 where the machine is fast at it."""
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        if not cuda:
            _keep_memory()
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        fast = cuda or _has_bf16_instructions()
        match precision:
            case "auto":
                dtype = torch.bfloat16 if fast else torch.float32
            case "bfloat16" | "float32":
                dtype = getattr(torch, precision)
            case _:
                raise InputError(f"The precision is {precision!r}; use auto, bfloat16 or float32.")
        if world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if cuda else "gloo")
            # Its threads must be gone before the interpreter takes modules down, or it aborts now and then.
            atexit.register(dist.destroy_process_group)
        if cuda:
            torch.cuda.set_device(device)
        return Runtime(device, dtype, rank, world)

    def wait_for_others(self) -> None:
        """Until all processes are here: whoever leaves first closes connections that others still read."""
        if self.world > 1:
            dist.barrier()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)


def _keep_memory() -> None:
    """Have the C library keep freed memory for this process.

    Otherwise every step returns its large tensors to the kernel and has pages cleared for them anew, which
    takes a tenth of a step on a CPU; pages of 2 MB save another tenth. Whoever has set `MALLOC_MMAP_MAX_`
    keeps his own setting.
    """
    if "MALLOC_MMAP_MAX_" in os.environ:
        return
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch reads it when it makes its first tensor
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only glibc has `mallopt`
        set_option = ctypes.CDLL(None).mallopt
        mmap_max, trim_threshold = -4, -1  # of malloc.h
        set_option(mmap_max, 0)
        set_option(trim_threshold, 2**31 - 1)


def _has_bf16_instructions() -> bool:
    """Without them bfloat16 is emulated on a CPU and many times slower than float32."""
    with contextlib.suppress(OSError):
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    return False
