"""The command `film-analysis compare`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from analysis.writes import NO_DATA, where_compared
from film import InputError, Questions, Session, Stages, find, refuse, write_atomically


def add_commands(commands: Any) -> None:
    """Add it to the parsers of `film-analysis`."""
    add = commands.add_parser("compare", help="two networks, or two points of one training run")
    add.add_argument("one", help="checkpoint folder, or name of a bundled one")
    add.add_argument("other", help="the same, of the network that is compared with it")
    add.add_argument("--data", help="CLEVR folder or packed corpus to ask about; the gallery if left out")
    add.add_argument("--split", help="of a CLEVR folder")
    add.add_argument("--questions", type=int, default=3000)
    add.add_argument("--probes", action="store_true", help="linear probes of both too, minutes more")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--resnet", type=Path, help="ResNet-101 weights, for networks on features")
    add.add_argument("--json", type=Path, help="write the numbers here")
    add.add_argument("--out", help="folder to write, beside the first checkpoint if left out")
    add.set_defaults(run=_compare, writes=where_compared)


def _compare(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.comparison.compare import compare, comparison_folder, write_comparison
    from analysis.corpus.accuracy import GALLERY, gallery_questions, some_questions

    if not options.data:
        refuse(options, NO_DATA, "--split")
    folder = find(options.one)
    one = Session(folder, options.device, resnet=options.resnet)
    other = Session(options.other, options.device, resnet=options.resnet)
    asked: Questions
    if options.data:
        asked = some_questions(options.data, options.split, options.questions)
        source = Path(options.data).name
    else:
        asked, source = gallery_questions(options.questions, options.seed), GALLERY
    found = compare(
        one, other, asked, source, seed=options.seed, probes=options.probes, progress=bars("hundredths")
    )
    print("\n".join(found.lines()))
    try:
        out = Path(options.out) if options.out else comparison_folder(folder, other.card.weights)
        write_comparison(out, found)
    except OSError as error:
        raise InputError(f"The comparison cannot be kept ({error}); name a folder with --out.") from None
    print(f"kept in {out}")
    if options.json:
        text = json.dumps(found.to_json(), indent=1)
        write_atomically(options.json, lambda path: path.write_text(text + "\n", encoding="utf-8"))
