"""What another seed gives: the same measured of networks of one build that were trained from other seeds.

    python -m benchmarks.seeds CHECKPOINT ... --data VALIDATION [--pictures 500] [--questions 2000]
        [--seed 0] [--json FILE] [--page FILE]

The checkpoints are of networks that answer from attribute maps, which train in half an hour each. The three
that docs/methods.md tells of are of the build and the teaching of `clevr`, each with a seed K of its own:

    python -m film generate WORDS --no-pictures --pictures 40000 --questions 25 --seed 31
    python -m film generate VALIDATION --no-pictures --pictures 1000 --questions 10 --seed 32 --split val
    python -m film train --recipe words --data WORDS --out READ --set training.seed=K training.samples=300000
        training.warm_up=5000
    python -m film train --recipe scenes --data WORDS --initial READ/checkpoint --out RUN --set
        training.seed=K training.samples=700000 training.warm_up=5000

Prints a table: a column a network, a row for each number that the app claims of a network. What is measured
is kept in FILE (benchmarks/seeds.json), and not measured again; --page puts the table between that page's
markers.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import analysis
from analysis.interventions.zero_shot import stem_maps
from analysis.tables import markdown
from benchmarks.kept import put_on, read, save
from benchmarks.untrained import labelled
from film import Corpus, Parameters, ReplaceByMean, Session, Where, clustered_share

KEPT = Path(__file__).with_suffix(".json")
AT_ONCE = 16  # pictures
AT_MEAN: tuple[Parameters, ...] = ("gamma", "beta")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="+", help="folders of networks trained on attribute maps")
    parser.add_argument("--data", type=Path, required=True, help="packed corpus that none was trained on")
    parser.add_argument("--pictures", type=int, default=500, help="of the corpus, all their questions")
    parser.add_argument("--questions", type=int, default=2000, help="of the claim and the language labels")
    parser.add_argument("--seed", type=int, default=0, help="of the questions")
    parser.add_argument("--json", type=Path, default=KEPT, help="where figures are kept")
    parser.add_argument("--page", type=Path, help="a page with the marker <!-- table: seeds -->")
    options = parser.parse_args(arguments)
    kept, corpus = read(options.json), Corpus.open(options.data)
    found = {}
    for checkpoint in options.checkpoint:
        session = Session(checkpoint, "cpu")
        recipe = {
            "weights": session.card.weights, "validation": corpus.header["files"]["answer.npy"]["sha256"],
            "pictures": options.pictures, "questions": options.questions, "seed": options.seed,
        }  # fmt: skip
        name = f"seed {session.card.recipe['seed']}"
        if kept.get(name, {}).get("recipe") != recipe:
            samples = int(session.card.recipe["samples_seen"])
            rows = measured(session, corpus, options.pictures, options.questions, options.seed)
            kept[name] = {"recipe": recipe, "samples": samples, "rows": rows}
        found[name] = kept[name]
        save(options.json, found)
    print(table(found))
    if options.page:
        put_on(options.page, "seeds", table(found))


def table(kept: Mapping[str, Any]) -> str:
    """What is kept, as Markdown, a column a network, and the samples."""
    first = next(iter(kept.values()))
    rows = [[name, *(one["rows"][name] for one in kept.values())] for name in first["rows"]]
    recipe = first["recipe"]
    many = "1 network" if len(kept) == 1 else f"{len(kept)} networks"
    said = (
        f"{many}, {first['samples'] / 1e6:.1f} M questions each; answers of all questions about "
        f"{recipe['pictures']:,} scenes, intervals by scene; the rest of {recipe['questions']:,} questions, "
        f"seed {recipe['seed']}. Intervals are 95 %, each of its one network."
    )
    return f"{markdown(['', *kept], rows)}\n\n{said}"


def measured(session: Session, corpus: Corpus, pictures: int, questions: int, seed: int) -> dict[str, str]:
    """Each number of a network, with its interval."""
    return _answers(session, corpus, pictures) | _parameters(session, questions, seed)


def _answers(session: Session, corpus: Corpus, pictures: int) -> dict[str, str]:
    """Accuracy, and what it loses with gamma or beta at their means over questions, in all blocks."""
    asked = corpus.table("picture", "text", "answer")
    asked = asked[asked["picture"] < pictures]
    edits = [ReplaceByMean(Where(None, None, kind)) for kind in AT_MEAN]
    right: list[np.ndarray] = []
    for first in range(0, pictures, AT_ONCE):
        here = np.arange(first, min(first + AT_ONCE, pictures))
        some = asked[asked["picture"].isin(here)]
        truth = np.array([session.answer_index(answer) for answer in some["answer"]])
        swept = analysis.sweep_logits(
            session, stem_maps(session, corpus, here), session.modulate(some["text"].tolist()), edits,
            some["picture"].to_numpy() - first,
        )  # fmt: skip
        logits = np.concatenate([swept.base[None], swept.changed])
        right.append(logits.argmax(axis=2) == truth)
    own, *changed = np.concatenate(right, axis=1)
    owner = asked["picture"].to_numpy()
    share = clustered_share(own, owner)
    found = {"right, %": _within(100, share.accuracy, share.low, share.high, "")}
    for kind, other in zip(AT_MEAN, changed, strict=True):
        change = analysis.accuracy_difference(own, other, owner)
        found[f"{kind} at its mean, points"] = _within(100, change.value, change.low, change.high)
    return found


def _parameters(session: Session, questions: int, seed: int) -> dict[str, str]:
    """What gamma and beta tell without any picture: the paper's claim, language labels, the sign of gamma."""
    asked = analysis.sample_questions(questions, seed).table
    made = session.modulate(asked["text"].tolist(), lenient=True)
    gamma, beta = made.gamma.numpy(), made.beta.numpy()
    blocks = analysis.block_groupings(
        asked["text"].to_numpy(), asked["type"].to_numpy(str), gamma, beta, seed=seed, with_clusters=False
    )
    verdict = analysis.attribute_then_operation(blocks[0], blocks[-1], seed=seed)
    found = {
        "among equal_* less equal_X to query_X, first block": verdict.first,
        "... last block": verdict.last,
        "neighbours that share the attribute, first block less last, points": verdict.fall,
    }
    scale = {name: 100 if "points" in name else 1 for name in found}
    return {
        **{name: _within(scale[name], one.value, one.low, one.high) for name, one in found.items()},
        "the paper's claim": verdict.verdict,
        "maps with a language label": labelled(asked, gamma, seed),
        "gammas below 0, %": f"{100 * (gamma < 0).mean():.1f}",
    }


def _within(scale: float, value: float, low: float | None, high: float | None, sign: str = "+") -> str:
    """A value with its interval, all times `scale`: three digits before or behind the point."""
    form = f"{sign}.1f" if scale > 1 else f"{sign}.2f"
    said = f"{scale * value:{form}}"
    return said if low is None or high is None else f"{said} [{scale * low:{form}}, {scale * high:{form}}]"


if __name__ == "__main__":
    main()
