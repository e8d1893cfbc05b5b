"""How fast the FiLM layer is beside a plain broadcast, gamma * x + beta, in one run.

    python -m benchmarks.layer [--threads 1] [--repeats 50]

Prints milliseconds of processor time, forward and backward (the best of the repeats, in which both take
turns), and how many times as fast as the broadcast the layer is. bfloat16 is measured where the processor
computes in it. One thread is the honest measure on a shared machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from film.layer import scale_and_shift

SHAPES = {
    "vectors": (64, 128),
    "steps": (64, 64, 256),
    "grid": (64, 64, 10, 14),  # the bundled network's
    "paper's grid": (64, 128, 14, 14),
    "volume": (8, 32, 8, 16, 16),
}


def plain(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    if gamma.ndim < x.ndim:
        gamma, beta = (values[(...,) + (None,) * (x.ndim - 2)] for values in (gamma, beta))
    return gamma * x + beta


def best(
    ways: tuple[Callable[..., Tensor], ...], inputs: tuple[Tensor, ...], repeats: int
) -> list[list[float]]:
    """Milliseconds forward and backward of each way."""
    gradient = torch.randn_like(inputs[0])
    times = [[float("inf")] * 2 for _ in ways]
    for _ in range(repeats):
        for way, kept in zip(ways, times, strict=True):
            began = time.process_time()
            out = way(*inputs)
            between = time.process_time()
            torch.autograd.grad(out, inputs, gradient)
            ended = time.process_time()
            kept[0] = min(kept[0], 1000 * (between - began))
            kept[1] = min(kept[1], 1000 * (ended - between))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    half = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    print(f"{'':46}{'broadcast':>16}{'the layer':>18}{'times as fast':>22}")
    for name, shape in SHAPES.items():
        layouts = (torch.contiguous_format, *((torch.channels_last,) if len(shape) == 4 else ()))
        for dtype in (torch.float32, *((torch.bfloat16,) if half else ())):
            for layout in layouts:
                for by in ("map", "step") if name == "steps" else ("map",):
                    x = torch.randn(shape, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
                    sizes = shape if by == "step" else shape[:2]
                    gamma, beta = (torch.randn(sizes, dtype=dtype, requires_grad=True) for _ in range(2))
                    theirs, ours = best((plain, scale_and_shift), (x, gamma, beta), options.repeats)
                    last = ", channels last" if layout == torch.channels_last else ""
                    print(
                        f"{name + last + ', by ' + by:36}{str(dtype)[6:]:10}"
                        f"{theirs[0]:7.2f} + {theirs[1]:6.2f}{ours[0]:9.2f} + {ours[1]:6.2f}"
                        f"   backward {theirs[1] / ours[1]:4.2f}, both {sum(theirs) / sum(ours):4.2f}"
                    )


if __name__ == "__main__":
    main()
