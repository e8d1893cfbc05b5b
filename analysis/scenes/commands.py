"""The command of edited scenes: `film-analysis counterfactual`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from analysis.writes import where_pairs_of_scenes
from film import InputError, Session, Stages, find, read_scenes, write_atomically


def add_commands(commands: Any, checkpoint_help: str) -> None:
    """Add it to the parsers of `film-analysis`."""
    sampled = "a CLEVR scenes file; scenes sampled by CLEVR's rules if left out"
    add = commands.add_parser(
        "counterfactual",
        help="does the answer change exactly when the truth does? On pairs of scenes, kept in study/",
    )
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    add.add_argument("--scenes", type=Path, help=sampled)
    add.add_argument("--pairs", type=int, default=600, help="pairs of scenes that differ in one thing")
    add.add_argument("--quality", default="clean", help="of the pictures: preview or clean")
    add.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--json", type=Path, help="write the table here")
    add.add_argument("--out", help="folder to keep them in; of sampled scenes the study if left out")
    add.set_defaults(run=_counterfactual, writes=where_pairs_of_scenes)


def _counterfactual(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.scenes.counterfactual import (
        measure_counterfactuals,
        sampled_counterfactuals,
        write_counterfactuals,
    )

    if options.seed < 0:
        raise InputError(f"--seed {options.seed} was given; use 0 or more.")
    folder = find(options.checkpoint)
    session = Session(folder, options.device)
    how = {
        "pairs": options.pairs, "seed": options.seed, "quality": options.quality, "workers": options.workers,
        "progress": bars("pictures drawn"),
    }  # fmt: skip
    if options.scenes:
        found = measure_counterfactuals(session, read_scenes(options.scenes), options.scenes.name, **how)
    else:
        found = sampled_counterfactuals(session, **how)
    for out in where_pairs_of_scenes(options):
        write_counterfactuals(out, found)
        print(f"kept in {out}")
    rows = found.consistency()
    for row in rows.to_dict("records"):
        print(
            f"{row['changed']:9} truth {row['true answer']:8} {row['questions']:5} questions, "
            f"consistent {row['consistent']:.1%} "
            f"[{row['consistent_low']:.1%}, {row['consistent_high']:.1%}], "
            f"right about both {row['right']:.1%} [{row['right_low']:.1%}, {row['right_high']:.1%}]"
        )
    print(f"{found.pairs} pairs of {found.recipe['scenes']} scenes")
    if options.json:
        told = json.dumps(found.recipe | {"rows": json.loads(rows.to_json(orient="records"))}, indent=1)
        write_atomically(options.json, lambda path: path.write_text(told + "\n", encoding="utf-8"))
