"""Patching one pair of questions, every feature map and block, both ways, beside the naive loop.

    python -m benchmarks.patching

The naive loop is what a user would write: one question at a time through `Session.ask` with one map's gamma
and beta replaced. It is timed on some of the maps and scaled up. The two take turns, and processor time
stands beside the clock's, which other work on the machine makes longer; take that with OMP_NUM_THREADS=1,
for threads that wait for each other count as busy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from analysis import patch_pair
from film import PatchFrom, Session, Where, gallery, read_picture

SOURCE, TARGET = "How many red spheres are there?", "How many red cubes are there?"
TIMED, TURNS = 40, 5  # maps of the naive loop, and how often it and the other are timed


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", help="folder, or name of a bundled one")
    session = Session(parser.parse_args().checkpoint)
    picture = read_picture(gallery()[0].picture_path)
    config = session.config
    of = 2 * config.blocks * (config.maps + 1)

    def naive() -> None:
        for number in range(TIMED):
            session.ask(picture, TARGET, [PatchFrom(Where((0,), (number,)), SOURCE)])

    def together() -> None:
        patch_pair(session, picture, SOURCE, TARGET)

    together()  # warm
    turns = np.array([(seconds(together), seconds(naive)) for _ in range(TURNS)])
    ours, theirs = np.median(turns, axis=0) * np.array([[1], [of / TIMED]])  # clock and processor each
    print(f"{config.blocks} x {config.maps} maps and {config.blocks} blocks, both ways: {of:,} questions")
    for name, here, there in zip(("clock", "processor"), ours, theirs, strict=True):
        print(f"{name}: patch_pair {here:.2f} s; naive loop {there:.1f} s; {there / here:.1f} times")


if __name__ == "__main__":
    main()
