"""How fast a network trains, beside the loop most people would write, in one run.

    python -m benchmarks.training [--recipe small] [--data CORPUS] [--seconds 20] [--precision auto]

Prints samples per second of this project's training step (one stem pass serves many questions,
batches are made by indexing) and of a plain DataLoader loop over the same network and corpus (one
question with its own picture a sample, float32), their ratio, and the share of the machine's own
matrix-product peak that the step reaches. Without --data a small random corpus is used: speed does
not depend on what the pictures show.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from film.clevr.data.corpus import Corpus
from film.clevr.language.programs import ANSWERS
from film.network import FiLMNetwork
from film.training.loop import Trainer
from film.training.recipes import recipe
from film.training.runtime import Runtime


def made_up_corpus(width: int, height: int, pictures: int = 256, questions: int = 20) -> SimpleNamespace:
    """Random arrays of a corpus's shapes; question lengths are CLEVR's (mean 18.6 words, 5 to 39)."""
    chance = np.random.default_rng(0)
    total = pictures * questions
    lengths = chance.normal(20.6, 7, total).clip(7, 41).astype(int)
    tokens = chance.integers(4, 92, (total, 41)).astype(np.uint8)
    tokens[np.arange(41) >= lengths[:, None]] = 0
    words = ("<NULL>", "<START>", "<END>", "<UNK>", "left", "right", *(f"word{i}" for i in range(86)))
    return SimpleNamespace(
        words=words,
        picture_count=pictures,
        pictures=chance.integers(0, 256, (pictures, height, width, 3), np.uint8),
        objects=chance.integers(0, 2, (pictures, 10, 5)).astype(np.int8),
        positions=chance.random((pictures, 10, 6), np.float32),
        picture=np.repeat(np.arange(pictures), questions).astype(np.int32),
        tokens=tokens,
        answer=chance.integers(0, len(ANSWERS), total).astype(np.uint8),
        family=chance.integers(0, 90, total).astype(np.uint8),
        slots=np.zeros((total, 20), np.int8),
        sets=chance.integers(0, 1024, (total, 5)).astype(np.uint16),
    )


class PlainSamples(Dataset):
    """One question and its picture a sample, as a first version would read them."""

    def __init__(self, corpus: Corpus | SimpleNamespace):
        self.corpus = corpus

    def __len__(self) -> int:
        return len(self.corpus.answer)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, int, int]:
        corpus = self.corpus
        picture = torch.from_numpy(np.array(corpus.pictures[int(corpus.picture[index])]))
        tokens = torch.from_numpy(np.array(corpus.tokens[index])).long()
        length = int((tokens != 0).sum())
        return picture.permute(2, 0, 1).float() / 255, tokens, length, int(corpus.answer[index])


def plain_loop(network: FiLMNetwork, corpus: Corpus | SimpleNamespace, runtime: Runtime) -> Callable[[], int]:
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
    corpus = (
        Corpus.open(options.data)
        if options.data
        else made_up_corpus(chosen.network.width, chosen.network.height)
    )
    config = replace(chosen.network, words=len(corpus.words), answers=len(ANSWERS))

    card = (
        torch.cuda.get_device_name() if runtime.device.type == "cuda" else f"CPU, {options.threads} threads"
    )
    print(f"{card}, torch {torch.__version__}, {str(runtime.precision).removeprefix('torch.')}")
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(Path(folder), FiLMNetwork(config), chosen.training, corpus, runtime=runtime)  # type: ignore[arg-type]
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


if __name__ == "__main__":
    main()
