"""Patching one pair of questions, every feature map and block, both ways, beside the naive loop.

    python -m benchmarks.patching

The naive loop is what a user would write: one question at a time through `Session.ask` with one map's gamma
and beta replaced. It is timed on some of the maps and scaled up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from analysis import patch_pair
from film import PatchFrom, Session, Where, gallery, read_picture

SOURCE, TARGET = "How many red spheres are there?", "How many red cubes are there?"
TIMED = 40  # maps of the naive loop


def seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", help="folder, or name of a bundled one")
    session = Session(parser.parse_args().checkpoint)
    picture = read_picture(gallery()[0].picture_path)
    config = session.config
    patch_pair(session, picture, SOURCE, TARGET)  # warm
    together = seconds(lambda: patch_pair(session, picture, SOURCE, TARGET), 5)
    of = 2 * config.blocks * (config.maps + 1)

    def naive() -> None:
        for number in range(TIMED):
            session.ask(picture, TARGET, [PatchFrom(Where((0,), (number,)), SOURCE)])

    alone = seconds(naive, 3) / TIMED * of
    print(f"{config.blocks} x {config.maps} maps and {config.blocks} blocks, both ways: {of:,} questions")
    print(f"patch_pair {together:.2f} s; naive loop {alone:.1f} s; {alone / together:.1f} times")


if __name__ == "__main__":
    main()
