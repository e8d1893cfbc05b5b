"""`python -m analysis population CHECKPOINT`: measure what the app then only reads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.population import FILE, QUESTIONS, measure_population, write_population
from film import InputError, Session, find


def _population(options: argparse.Namespace) -> None:
    folder = find(options.checkpoint)
    session = Session(folder, options.device)

    def report(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {of:,} questions", end="", file=sys.stderr, flush=True)

    population = measure_population(session, options.questions, options.seed, report)
    path = Path(options.out or folder / FILE)
    write_population(path, population)
    print(f"{path}: gamma and beta of {len(population):,} questions, {path.stat().st_size / 1e6:.1f} MB")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser(
        "population", help="gamma and beta of thousands of questions, kept beside a checkpoint"
    )
    add.add_argument(
        "checkpoint", nargs="?", help="folder, or name of a bundled one; the first bundled one if left out"
    )
    add.add_argument("--questions", type=int, default=QUESTIONS)
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--out", help="file to write, population.npz beside the weights if left out")
    add.set_defaults(run=_population)
    options = parser.parse_args(arguments)
    try:
        if options.__dict__.get("questions", 1) < 2:
            raise InputError(f"A population of {options.questions} is none; ask for --questions 2 or more.")
        options.run(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
