"""The README's tables, made again: what is measured of a checkpoint, and the Markdown of it.

`measure_results` makes what the study beside a checkpoint lacks (the long part, which goes on where it was
stopped), measures the rest and keeps the figures in study/results.json. `tables` turns these and the card's
accuracies into Markdown, and `written` puts that between the README's markers; both measure nothing, so that
a test can hold the README to them byte for byte.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.corpus.accuracy import DRAWN, accuracy_by, drawn_questions
from analysis.corpus.claim import attribute_then_operation
from analysis.corpus.evidence import measure_evidence
from analysis.corpus.grouping import Grouping, Score, distinct, groupings
from analysis.corpus.map_cards import measure_maps, write_maps
from analysis.corpus.parameters import PUBLISHED
from analysis.corpus.probes import bag_of_words
from analysis.corpus.regions import untrained_states
from analysis.scenes.consistency_table import NAME, consistency_table
from analysis.study import FOLDER, Study, make_study
from analysis.tables import markdown
from film import (
    GROUP_NAMES,
    PAPER,
    Card,
    InputError,
    Progress,
    Session,
    Share,
    command,
    share_difference,
    write_atomically,
)

RESULTS = "results.json"
OWN = "own validation"  # the card's name for pictures of the kind that was trained on
CLAIMED_ON = 3000  # different questions that the claim is counted on
Bars = Callable[[str], Progress]


# --- Measuring ------------------------------------------------------------------------------------


def measure_results(session: Session, folder: str | Path, *, seed: int = 0, bars: Bars) -> dict[str, Any]:
    """Make what the study lacks, measure what the README tells, and keep it in study/results.json.

    Args:
        folder: the checkpoint's. Whatever of its study is of these weights stays as it is.
        bars: gives a `Progress` for each part by its name.
    """
    out = Path(folder) / FOLDER
    make_study(session, out, seed=seed, progress=bars("study, in hundredths"))
    study = Study(session, folder, seed)
    assert study.extraction is not None
    if study.evidence is None or study.evidence.transfer is None:
        measure_evidence(session, out, drawn_questions(seed=seed), DRAWN, seed=seed, bars=bars)
    if study.cards is None:
        workshop = out / ".maps"
        write_maps(
            out,
            measure_maps(
                session, study.extraction, seed=seed, folder=workshop, progress=bars("feature maps")
            ),
        )
        shutil.rmtree(workshop, ignore_errors=True)
    study = Study(session, folder, seed)
    found = {
        "weights": study.weights,
        "seed": seed,
        "parameters": {kind: asdict(one) for kind, one in study.parameters.statistics.items()},
        "claim": _claim(study, seed, bars("claim")),
        "evidence": _evidence(study),
        "maps": _maps(study),
    }
    text = json.dumps(found, indent=1) + "\n"
    write_atomically(out / RESULTS, lambda path: path.write_text(text, encoding="utf-8"))
    return found


def _claim(study: Study, seed: int, progress: Progress) -> dict[str, Any]:
    """The first and the last block beside an untrained encoder and a bag of words, on the same questions."""
    known = study.extraction
    assert known is not None
    rows = distinct(known.table["text"].tolist(), CLAIMED_ON, seed=seed)
    texts, types = known.table["text"].iloc[rows], known.table["type"].to_numpy(str)[rows]
    last = known.gamma.shape[1] - 1

    def block(number: int) -> np.ndarray:
        values = (np.asarray(part[rows, number], np.float32) for part in (known.gamma, known.beta))
        return np.concatenate(list(values), axis=1)

    spaces = {
        "first block": block(0),
        "last block": block(last),
        "untrained encoder": untrained_states(study.session, texts.tolist(), seed),
        "bag of words": bag_of_words(texts),
    }
    found = groupings(spaces, types, seed=seed, with_clusters=False, progress=progress)
    verdict = attribute_then_operation(found[0], found[1], seed=seed)
    rows_of = {one.name: _row(one) for one in found}
    return {"questions": len(rows), "verdict": verdict.summary(), "spaces": rows_of}


def _row(one: Grouping) -> dict[str, dict[str, float]]:
    scores = {
        "pairs": one.centres.pairs, "among": one.centres.among, "difference": one.centres.by_attribute,
        "attribute": one.attribute,
    }  # fmt: skip
    return {name: _score(score) for name, score in scores.items()}


def _score(score: Score) -> dict[str, float]:
    kept = {"value": score.value, "low": score.low, "high": score.high}
    return kept if np.isnan(score.chance) else kept | {"chance": score.chance}


def _evidence(study: Study) -> dict[str, Any]:
    assert study.evidence is not None
    answers, recipe = study.evidence.answers, study.evidence.recipe
    columns = ["value", "right", "asked", "accuracy", "low", "high"]
    rows = [*accuracy_by(answers, "").to_dict("records"), *accuracy_by(answers, "group").to_dict("records")]
    return {
        **{name: int(recipe[name]) for name in ("pictures", "questions", "seed")},
        "source": str(recipe["source"]),
        "rows": [{name: _plain(row[name]) for name in columns} for row in rows],
    }  # fmt: skip


def _maps(study: Study) -> dict[str, Any]:
    assert study.cards is not None
    found, recipe = study.cards, study.cards.recipe
    named = {about: int((found.cards[about] != "unlabelled").sum()) for about in ("pictures", "language")}
    return {
        "maps": len(found.cards), "telling": len(found.telling), "reliability": list(recipe["reliability"]),
        "asked": int(recipe["asked"]), "scenes": int(recipe["scenes"]), "seed": int(recipe["seed"]),
        "labelled": named,
        "survives": {kind: list(counts) for kind, counts in recipe["survives"].items()},
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


# --- As Markdown ----------------------------------------------------------------------------------


def read_results(folder: str | Path) -> dict[str, Any]:
    """What `measure_results` kept beside a checkpoint.

    Raises:
        InputError: there is nothing, or it is damaged.
    """
    path = Path(folder) / FOLDER / RESULTS
    try:
        found = json.loads(path.read_text("utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError):
        raise InputError(
            f"{path} is missing or damaged; make it with `{command('analysis', 'reproduce')}`."
        ) from None


def tables(card: Card, results: Mapping[str, Any]) -> dict[str, str]:
    """Name of a table -> its Markdown, from the card's accuracies and from kept results alone.

    That of consistency has a row for every network that comes with the project and was measured.
    """
    return {
        "accuracy": _accuracy_table(card),
        "parameters": _parameters_table(results),
        "claim": _claim_table(results["claim"], int(results["seed"])),
        "evidence": _evidence_table(results["evidence"]),
        "maps": _maps_table(results["maps"]),
        NAME: consistency_table(),
    }


def written(text: str, made: Mapping[str, str], *, others: bool = False) -> str:
    """A page with these tables between its markers `<!-- table: NAME -->` and `<!-- end of table -->`.

    Args:
        others: the page may have places for other tables, which stay as they are.

    Raises:
        InputError: the page has no place for a table, or a place for one that is not made.
    """
    asked = re.findall(r"<!-- table: ([\w-]+) -->", text)
    if sorted(made) != sorted(name for name in asked if not others or name in made):
        raise InputError(f"The page has places for {', '.join(asked) or 'no table'}, not {', '.join(made)}.")
    for name, table in made.items():
        start = re.escape(f"<!-- table: {name} -->")
        pattern = rf"({start}\n).*?(\n<!-- end of table -->)"
        text = re.sub(pattern, partial(_between, table), text, flags=re.S)
    return text


def _between(table: str, marked: re.Match[str]) -> str:
    return f"{marked[1]}\n{table}\n{marked[2]}"


def _percent(share: float) -> str:
    return "100" if share == 1 else f"{100 * share:.1f}"


def _interval(low: float | None, high: float | None, pictures: int | None = None) -> str:
    if low is None or high is None or low != low:
        return f"none: {pictures} pictures" if pictures else "none"
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _accuracy_table(card: Card) -> str:
    rows = []
    taught = {True: "answers alone", False: "more than answers", None: "not said"}[card.answers_alone]
    for name, one in card.accuracy.items():
        whole = one["overall"]
        groups = [_percent(one["groups"][group]) for group in GROUP_NAMES]
        interval = _interval(whole["low"], whole["high"], whole.get("clusters"))
        rows.append([name, taught, f"{whole['asked']:,}", _percent(whole["accuracy"]), interval, *groups])
    paper = [f"{value:.1f}" for value in PAPER["FiLM, pixels"]]
    rows.append(
        ["the paper's model from raw pixels, on CLEVR", "answers alone", "", paper[0], "", *paper[1:]]
    )
    table = markdown(
        ["questions about", "taught", "questions", "right, %", "95 % interval", *GROUP_NAMES], rows
    )
    apart = [
        f"{name} {100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        for name, one in card.accuracy.items()
        if name != OWN and OWN in card.accuracy
        for value, low, high in [share_difference(_share(one), _share(card.accuracy[OWN]))]
        if low is not None and high is not None
    ]
    return table + (f"\n\nAgainst its {OWN}: {', '.join(apart)}." if apart else "")


def _share(one: Mapping[str, Any]) -> Share:
    whole = one["overall"]
    return Share(whole["right"], whole["asked"], whole["low"], whole["high"], 0, 1.0)


def _parameters_table(results: Mapping[str, Any]) -> str:
    ours = {
        kind: (one["low"], one["high"], one["negative"], one["mode"])
        for kind, one in results["parameters"].items()
    }
    named = {"this network": ours} | {
        who: {kind: (one.low, one.high, one.negative, one.mode) for kind, one in both.items()}
        for who, both in PUBLISHED.items()
    }
    rows = [
        [who, kind, f"{low:.1f} to {high:.1f}", f"{100 * negative:.0f} %", f"{mode:.2f}"]
        for who, both in named.items()
        for kind, (low, high, negative, mode) in both.items()
    ]
    return markdown(["network", "", "range", "below 0", "mode"], rows)


def _claim_table(claim: Mapping[str, Any], seed: int) -> str:
    def told(score: Mapping[str, float]) -> str:
        return f"{score['value']:.2f} [{score['low']:.2f}, {score['high']:.2f}]"

    rows = [
        [name, told(one["pairs"]), told(one["among"]), told(one["difference"]), told(one["attribute"]),
         f"{one['attribute']['chance']:.2f}"]
        for name, one in claim["spaces"].items()
    ]  # fmt: skip
    head = ["space", "equal_X to query_X", "among equal_*", "difference", "neighbours share the attribute",
            "shuffled labels"]  # fmt: skip
    verdict = claim["verdict"]
    said = f"{verdict[:1].upper()}{verdict[1:]}; {claim['questions']:,} different questions, seed {seed}."
    return f"{markdown(head, rows)}\n\n{said}"


def _evidence_table(found: Mapping[str, Any]) -> str:
    rows = [
        [row["value"] or "all", f"{row['right']:,} of {row['asked']:,}", _percent(row["accuracy"]),
         _interval(row["low"], row["high"])]
        for row in found["rows"]
    ]  # fmt: skip
    asked = f"{found['questions']:,} questions about {found['pictures']:,} pictures ({found['source']})"
    said = f"{asked}, seed {found['seed']}."
    return f"{markdown(['questions', 'right', '%', '95 % interval'], rows)}\n\n{said}"


def _maps_table(found: Mapping[str, Any]) -> str:
    value, low, high = found["reliability"]
    rows = [
        ["maps with a visual label, with a language label",
         f"{found['labelled']['pictures']} and {found['labelled']['language']} of {found['maps']}"],
        ["maps whose effect on answers is sure among all (max-T)", f"{found['telling']} of {found['maps']}"],
        ["rank correlation of effects, half the pictures to half", f"{value:.2f} [{low:.2f}, {high:.2f}]"],
        *(
            [f"{kind} effects of medium size that stay within scenes or families", f"{stays:,} of {plain:,}"]
            for kind, (plain, stays) in found["survives"].items()
            if plain
        ),
    ]  # fmt: skip
    said = f"{found['asked']:,} questions about {found['scenes']} drawn pictures, seed {found['seed']}."
    return f"{markdown(['feature maps', 'measured'], rows)}\n\n{said}"
