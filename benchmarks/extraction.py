"""How fast questions become gammas and betas in a folder, and how much of the machine that uses.

    python -m benchmarks.extraction [--data CORPUS] [--questions 150000] [--threads 1]

Prints questions a second for tokenising, for the GRU alone and for the whole extraction, reading
each question by itself for comparison, the share of the matrix products' peak speed that the GRU
reaches (counting the products it would take to read every word of every question), and file sizes.
Wall-clock time beside processor time shows how busy the machine was with other things; one thread is
the honest measure on a shared one, where threads wait for each other. More cores are best used by
processes: torchrun --nproc-per-node 2 -m analysis extract ...
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from analysis import extract, question_set, read_questions, sample_questions
from analysis.corpus.question_set import QuestionSet
from film import Session, find
from film.prefix_encoder import encode_tokens


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    map_grid, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - map_grid, time.process_time() - busy


def peak(threads: int, dtype: torch.dtype, size: int = 1536) -> float:
    """The best speed of a matrix product here, in floating-point operations a second."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    best = min(timed(lambda: a @ b)[0] for _ in range(12))
    return 2 * size**3 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint")
    parser.add_argument("--data", help="packed corpus, CLEVR folder or text file; sampled if left out")
    parser.add_argument("--questions", type=int, default=150_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    session = Session(find(options.checkpoint), "cpu")
    torch.set_num_threads(options.threads)
    config = session.config
    if options.data:
        asked = read_questions(options.data, options.questions)
    else:
        few = sample_questions(min(options.questions, 20_000), 0)
        copies = -(-options.questions // len(few))  # drawing 150,000 would take minutes, and changes nothing
        table = few.table.loc[np.tile(np.arange(len(few)), copies)[: options.questions]]
        asked = QuestionSet(table.reset_index(drop=True), few.source, 0)
    texts = list(asked.table["text"])
    count = len(texts)
    print(
        f"{count:,} questions ({len(set(texts)):,} distinct), GRU {config.hidden_size}, {config.blocks} x "
        f"{config.maps} maps, {options.threads} threads"
    )

    def say(what: str, number: int, seconds: tuple[float, float]) -> None:
        map_grid, busy = seconds
        print(f"{what:40}{number / map_grid:10,.0f} a second, {number / busy:10,.0f} a processor second")

    tokens, lengths = session.vocabulary.encode_all(texts[:16384], lenient=True)
    say("tokenising", len(tokens), timed(lambda: session.vocabulary.encode_all(texts[:16384], lenient=True)))
    seconds = timed(lambda: encode_tokens(session.network, tokens, lengths))
    say("GRU, shared beginnings once", len(tokens), seconds)
    one = timed(lambda: session.modulate(texts[:2048], lenient=True))
    say("Session.modulate, 64 at once", 2048, one)
    steps = 2 * 3 * config.hidden_size * (config.hidden_size + config.embedding) * int(lengths.sum())
    full, half = peak(options.threads, torch.float32), peak(options.threads, torch.bfloat16)
    print(
        f"products of every word read singly: {steps / seconds[0] / full:.0%} of the float32 peak "
        f"({full / 1e9:.0f} GFLOP/s; bfloat16 {half / 1e9:.0f})"
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "extraction"
        say("the whole extraction", count, timed(lambda: extract(session, asked, out)))
        size = sum(path.stat().st_size for path in out.iterdir())
        print(f"{size / 1e6:.0f} MB in {len(list(out.iterdir()))} files")
    say("parsing texts", 500, timed(lambda: question_set(texts[:500])))


if __name__ == "__main__":
    main()
