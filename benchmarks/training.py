"""How fast a network trains, beside the loop most people would write, in one run.

    python -m benchmarks.training [--recipe small] [--data CORPUS] [--seconds 20] [--precision auto]

Prints samples per second of this project's training step (one stem pass serves many questions,
batches are made by indexing) and of a plain DataLoader loop over the same network and corpus (one
question with its own picture a sample, float32), their ratio, and the share of the machine's own
matrix-product peak that the step reaches; on a CPU then where the time of a step goes (torch.profiler).
Without --data a small corpus is made first: speed does not depend on how many pictures there are.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.language.programs import ANSWERS
from film.config import NetworkConfig
from film.network import FiLMNetwork
from film.training.loop import Trainer
from film.training.recipes import recipe
from film.training.runtime import Runtime


def small_corpus(folder: Path, network: NetworkConfig) -> Corpus:
    """Some pictures of the network's size with CLEVR's questions: speed does not depend on how many."""
    size = (network.width, network.height) if network.picture == "pixels" else None
    made = DatasetRecipe(pictures=PICTURES, questions=QUESTIONS, size=size)
    return Corpus.open(generate(folder, made, workers=2))


class PlainSamples(Dataset):
    """One question and its picture a sample, as a first version would read them."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus

    def __len__(self) -> int:
        return len(self.corpus.answer)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, int, int]:
        corpus = self.corpus
        picture = torch.from_numpy(np.array(corpus.pictures[int(corpus.picture[index])]))
        tokens = torch.from_numpy(np.array(corpus.tokens[index])).long()
        length = int((tokens != 0).sum())
        return picture.permute(2, 0, 1).float() / 255, tokens, length, int(corpus.answer[index])


def plain_loop(network: FiLMNetwork, corpus: Corpus, runtime: Runtime) -> Callable[[], int]:
    """One optimiser step of the plain loop; returns how many samples it took."""
    loader = DataLoader(PlainSamples(corpus), batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), 3e-4, weight_decay=1e-5)
    batches = iter(loader)

    def step() -> int:
        nonlocal batches
        batch = next(batches, None)
        if batch is None:
            batches = iter(loader)
            batch = next(batches)
        pictures, tokens, lengths, answers = batch
        logits = network(pictures.to(runtime.device), tokens.to(runtime.device), lengths)
        loss = F.cross_entropy(logits, answers.to(runtime.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        return len(answers)

    return step


def speed(step: Callable[[], int], seconds: float, device: torch.device) -> list[float]:
    """Samples per second in five windows of seconds / 5 each, after two steps of warm-up."""
    step(), step()
    speeds = []
    for _ in range(5):
        _settle(device)
        began, samples = time.perf_counter(), 0
        while time.perf_counter() - began < seconds / 5:
            samples += step()
        _settle(device)
        speeds.append(samples / (time.perf_counter() - began))
    return speeds


def matmul_peak(runtime: Runtime, size: int = 2048) -> float:
    """FLOP/s of a square matrix product in the training precision, best of several."""
    a = torch.randn(size, size, device=runtime.device, dtype=runtime.precision)
    best = 0.0
    for _ in range(8):
        _settle(runtime.device)
        began = time.perf_counter()
        for _ in range(4):
            a @ a
        _settle(runtime.device)
        best = max(best, 4 * 2 * size**3 / (time.perf_counter() - began))
    return best


PICTURES, QUESTIONS = 48, 20  # of the corpus that is made, and questions about each

# What operators do, by words in their names; the first that fits counts.
KINDS = {
    "convolution": ("convolution", "conv2d", "mkldnn_conv"),
    "matrix products (GRU, linear)": ("gru", "mm", "linear", "bmm", "mkldnn_rnn"),
    "batch norm": ("batch_norm",),
    "pooling and its gradient": ("pool",),
    "optimizer": ("adam", "foreach", "_norm"),
    "copies and changes of precision or layout": (
        "copy_",
        "to_copy",
        "contiguous",
        "cat",
        "clone",
        "reorder",
    ),
    "indexing": ("index", "gather", "embedding", "scatter"),
}


def profile(step: Callable[[], int], steps: int = 5) -> dict[str, float]:
    """Share of the operators' own time in each kind of operator, over some steps; the rest is element by
    element (FiLM, ReLU, sums, losses)."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            step()
    times = dict.fromkeys([*KINDS, "element by element"], 0.0)
    for event in found.key_averages():
        if event.key.startswith("aten::") or "mkldnn" in event.key:
            kind = next(
                (kind for kind, words in KINDS.items() if any(word in event.key for word in words)), None
            )
            times[kind or "element by element"] += event.self_cpu_time_total
    total = sum(times.values())
    return {kind: time / total for kind, time in sorted(times.items(), key=lambda one: -one[1])}


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _said(name: str, speeds: list[float]) -> float:
    middle = statistics.median(speeds)
    print(f"{name:32} {middle:9.0f} samples/s   (min {min(speeds):.0f}, max {max(speeds):.0f})")
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    chosen = recipe(options.recipe).changed(options.set)
    runtime = Runtime.find(options.precision)
    card = (
        torch.cuda.get_device_name() if runtime.device.type == "cuda" else f"CPU, {options.threads} threads"
    )
    print(f"{card}, torch {torch.__version__}, {str(runtime.precision).removeprefix('torch.')}")
    with tempfile.TemporaryDirectory() as folder:
        corpus = (
            Corpus.open(options.data)
            if options.data
            else small_corpus(Path(folder, "corpus"), chosen.network)
        )
        config = replace(chosen.network, words=len(corpus.words), answers=len(ANSWERS))
        trainer = Trainer(Path(folder, "run"), FiLMNetwork(config), chosen.training, corpus, runtime=runtime)
        trainer.objective.train()

        def ours() -> int:
            before = trainer.samples
            trainer.step()
            return trainer.samples - before

        with FlopCounterMode(display=False) as counter:
            samples = ours()
        flops = counter.get_total_flops() / samples
        fast = _said("this project's step", speed(ours, options.seconds, runtime.device))
        peak = matmul_peak(runtime)
        shares = profile(ours) if runtime.device.type == "cpu" else {}

        slow = _said(
            "plain DataLoader loop, float32",
            speed(
                plain_loop(FiLMNetwork(config).to(runtime.device), corpus, runtime),
                options.seconds,
                runtime.device,
            ),
        )

    print(f"ratio {fast / slow:.1f}")
    print(
        f"{flops / 1e6:.0f} MFLOP a sample (convolutions and matrix products), "
        f"{fast * flops / 1e9:.0f} GFLOP/s, {fast * flops / peak:.0%} of the matrix-product peak "
        f"of {peak / 1e9:.0f} GFLOP/s"
    )
    if shares:
        print(
            "Where a step's time goes: " + ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
        )


if __name__ == "__main__":
    main()
