"""`python -m analysis population CHECKPOINT`: measure what the app then only reads."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
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


def _evidence(options: argparse.Namespace) -> None:
    from analysis.answers import GALLERY, gallery_questions, observe, some_questions
    from analysis.evidence import FOLDER, Evidence, probe, write_evidence

    folder = find(options.checkpoint)
    session = Session(folder, options.device)
    if options.data:
        asked = some_questions(options.data, options.split, options.questions)
        source = Path(options.data).name
    else:
        asked, source = gallery_questions(options.questions, options.seed), GALLERY
    observed = observe(session, asked, source, seed=options.seed, progress=_bar("questions"))
    probes = probe(observed, seed=options.seed, progress=_bar("spaces"))
    out = Path(options.out or folder / FOLDER)
    write_evidence(out, Evidence(observed.table, probes, observed.recipe))
    print(
        f"{out}: {observed.table['right'].mean():.1%} of {len(observed):,} questions right, "
        f"{len(probes):,} probes"
    )


def _bar(what: str) -> Callable[[int, int], None]:
    def report(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {of:,} {what}", end="" if done < of else "\n", file=sys.stderr, flush=True)

    return report


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
    add = commands.add_parser(
        "evidence",
        help="answers to questions of known truth, and linear probes, kept in study/ beside a checkpoint",
    )
    add.add_argument(
        "checkpoint", nargs="?", help="folder, or name of a bundled one; the first bundled one if left out"
    )
    add.add_argument("--data", help="CLEVR folder or packed corpus to ask about; the gallery if left out")
    add.add_argument("--split", help="of a CLEVR folder")
    add.add_argument("--questions", type=int, default=3000)
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--out", help="folder to write, study beside the weights if left out")
    add.set_defaults(run=_evidence)
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
