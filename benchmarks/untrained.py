"""What a claim is worth: the same measured of a network of the same build, with weights as they were drawn.

    python -m benchmarks.untrained [--checkpoint NAME ...] [--questions 2000] [--triples 200] [--pairs 300]
        [--json FILE] [--page FILE]

Prints a table of networks and the same builds untrained: how many maps get a language label (which words
and types of question move their gamma), how often A + B - C of three questions' parameters is right and
answers as the question's own do, how far it lies from these, and how many one-word pairs of questions are a
logit apart, which is what reading words by patching needs. A network that answers all alike has the sum
answer as the own do for nothing. What is measured is kept in FILE (benchmarks/untrained.json), and not
measured again; --page puts the table between that page's markers.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import analysis
from analysis.corpus.contrasts import labels_of
from analysis.corpus.map_cards import language_contrast
from analysis.corpus.regions import untrained
from analysis.interventions.patching import SMALL
from analysis.tables import markdown
from benchmarks.kept import put_on, read, save
from film import Session, bundled, clustered_share, find, gallery, read_picture

KEPT = Path(__file__).with_suffix(".json")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [folder.name for folder in bundled()]
    parser.add_argument("--checkpoint", nargs="+", default=names, help="folders, or names of bundled ones")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--triples", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=KEPT, help="where figures are kept")
    parser.add_argument("--page", type=Path, help="a page with the marker <!-- table: untrained -->")
    options = parser.parse_args(arguments)
    kept = read(options.json)
    for checkpoint in options.checkpoint:
        trained = Session(find(checkpoint), "cpu")
        sample = {name: getattr(options, name) for name in ("questions", "triples", "pairs", "seed")}
        recipe = {"weights": trained.card.weights, **sample}
        if kept.get(trained.card.name, {}).get("recipe") != recipe:
            both = [measured(session, options) for session in (trained, untrained(trained, options.seed))]
            rows = {name: [one[name] for one in both] for name in both[0]}
            kept[trained.card.name] = {"recipe": recipe, "rows": rows}
            save(options.json, kept)
    print(table(kept))
    if options.page:
        put_on(options.page, "untrained", table(kept))


def table(kept: Mapping[str, Any]) -> str:
    """What is kept, as Markdown, each network beside its build untrained, and the samples."""
    head = [cell for name in kept for cell in (f"`{name}`", "its build untrained")]
    first = next(iter(kept.values()))
    rows = [[name, *(cell for one in kept.values() for cell in one["rows"][name])] for name in first["rows"]]
    recipe = first["recipe"]
    said = (
        f"{recipe['questions']:,} questions for the labels, {recipe['triples']} triples, {recipe['pairs']} "
        f"pairs, seed {recipe['seed']}; 95 % intervals by picture."
    )
    return f"{markdown(['', *head], rows)}\n\n{said}"


def measured(session: Session, options: argparse.Namespace) -> dict[str, str]:
    """Each number of a network, with its interval where it is a share."""
    return {
        "maps with a language label": _labelled(session, options.questions, options.seed),
        **_sums(session, options.triples, options.seed),
        "one-word pairs a logit apart": _apart(session, options.pairs, options.seed),
    }


def _labelled(session: Session, questions: int, seed: int) -> str:
    table = analysis.sample_questions(questions, seed).table
    return labelled(table, session.modulate(table["text"].tolist(), lenient=True).gamma.numpy(), seed)


def labelled(asked: pd.DataFrame, gamma: np.ndarray, seed: int) -> str:
    """How many maps get a language label, of how many. gamma: (questions, blocks, maps)."""
    found, kinds, _ = language_contrast(asked, gamma.reshape(len(asked), -1), seed=seed)
    named = [label != "unlabelled" for label in labels_of(found, kinds)]
    return f"{sum(named)} of {len(named)}"


def _sums(session: Session, triples: int, seed: int) -> dict[str, str]:
    measured = analysis.gallery_analogies(session, triples=triples, seed=seed).tables
    rates = measured["rates"].set_index("what")
    shares = {
        "own parameters right, %": "own", "A + B - C right, %": "sum",
        "a random step as long right, %": "step",
        "A + B - C answers as the own do, %": "sum as own",
    }  # fmt: skip
    found = {
        name: f"{100 * rates.loc[row, 'share']:.1f} "
        f"[{100 * rates.loc[row, 'low']:.1f}, {100 * rates.loc[row, 'high']:.1f}]"
        for name, row in shares.items()
    }  # fmt: skip
    table = measured["triples"]
    found["how far A + B - C lies off, in mean distances of two questions"] = (
        f"{table['distance'].mean():.2f}"
    )
    found["different answers that the own parameters give"] = f"{table['own'].nunique()}"
    return found


def _apart(session: Session, pairs: int, seed: int) -> str:
    """How many pairs change the difference of their two true answers' logits by a logit or more."""
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    chosen = analysis.sample_pairs([(name, one.scene) for name, one in exhibits.items()], pairs, seed)
    maps = {name: session.encode_picture(read_picture(one.picture_path)) for name, one in exhibits.items()}
    wide = []
    for pair in chosen:
        modulation = session.modulate([pair.source, pair.target], lenient=True)
        logits, _ = session.classify(maps[pair.picture], modulation)
        one, other = (session.answer_index(answer) for answer in (pair.source_answer, pair.target_answer))
        source, target = logits[:, one] - logits[:, other]
        wide.append(abs(source - target) >= SMALL)
    share = clustered_share(
        np.array(wide), np.unique([pair.picture for pair in chosen], return_inverse=True)[1]
    )
    return f"{share.right} of {share.asked}"


if __name__ == "__main__":
    main()
