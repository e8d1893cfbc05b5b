"""The README's tables as Markdown, from what `analysis.reproduce` measured; nothing is measured here.

`tables` turns cards and kept figures of one network or several into Markdown, `written` puts that between
the README's markers: a test holds the README to them byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import pandas as pd

from analysis.corpus.generalisation import taught_a, trained_anew, zero_shot
from analysis.corpus.parameters import PUBLISHED
from analysis.interventions.ablation import PAPER_MEAN, WHOLE
from analysis.tables import markdown
from film import GROUP_NAMES, PAPER, Card, InputError, Share, share_difference

_PLACE = r"<!-- table: ([\w-]+) -->"
OWN = "own validation"  # the card's name for pictures of the kind that was trained on
# Network -> its card and its results (`analysis.reproduce.measure_results`).
Measures: TypeAlias = Mapping[str, tuple[Card, Mapping[str, Any]]]
Row: TypeAlias = list[str]


def tables(measured: Measures) -> dict[str, str]:
    """Name of a table -> its Markdown, the networks beside each other."""
    return {name: make(measured) for name, make in _TABLES.items()}


def written(text: str, made: Mapping[str, str]) -> str:
    """A page with these tables, and no others, between its markers.

    Raises:
        InputError: the page has no place for a table, or a place for one that is not made.
    """
    asked = re.findall(_PLACE, text)
    if sorted(asked) != sorted(made):
        raise InputError(f"The page has places for {', '.join(asked) or 'no table'}, not {', '.join(made)}.")
    return replaced(text, made)


def replaced(text: str, made: Mapping[str, str]) -> str:
    """A page with these tables between its markers `<!-- table: NAME -->` and `<!-- end of table -->`.

    Raises:
        InputError: the page has no place for a table.
    """
    if missing := set(made) - set(re.findall(_PLACE, text)):
        raise InputError(f"The page has no line <!-- table: {min(missing)} -->; write it where it goes.")
    for name, table in made.items():
        start = re.escape(f"<!-- table: {name} -->")
        # An empty place has no line of its own; the next place's end is not its end.
        pattern = rf"({start}\n)(?:<!-- end of table -->|.*?\n<!-- end of table -->)"
        text = re.sub(pattern, partial(_between, table), text, flags=re.S)
    return text


def _between(table: str, marked: re.Match[str]) -> str:
    return f"{marked[1]}\n{table}\n\n<!-- end of table -->"


# --- Tables ---------------------------------------------------------------------------------------


def _accuracy(measured: Measures) -> str:
    rows = [row for name, (card, _) in measured.items() for row in _accuracy_of(name, card)]
    paper = [f"{value:.1f}" for value in PAPER["FiLM, pixels"]]
    rows.append(
        ["the paper's, from raw pixels", "answers alone", "CLEVR's test split", "", paper[0], "", *paper[1:]]
    )
    head = ["network", "taught", "questions about", "questions", "right, %", "95 % interval", *GROUP_NAMES]
    return "\n\n".join([markdown(head, rows), *_apart(measured)])


def _accuracy_of(network: str, card: Card) -> Iterator[Row]:
    taught = {True: "answers alone", False: "more than answers", None: "not said"}[card.answers_alone]
    if card.answers_alone and card.more_before:
        taught += ", by a stem taught to see first" if card.first_seeing else " at last, more before"
    for name, one in card.accuracy.items():
        whole = one["overall"]
        groups = [_percent(one["groups"][group]) for group in GROUP_NAMES]
        interval = _interval(whole["low"], whole["high"], whole.get("clusters"))
        yield [
            network, taught, name, f"{whole['asked']:,}", _percent(whole["accuracy"]), interval, *groups
        ]  # fmt: skip


def _apart(measured: Measures) -> Iterator[str]:
    """How far other pictures are from a network's own, in a sentence."""
    for network, (card, _) in measured.items():
        differences = [
            f"{name} {100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
            for name, one in card.accuracy.items()
            if name != OWN and OWN in card.accuracy
            for value, low, high in [share_difference(_share(one), _share(card.accuracy[OWN]))]
            if low is not None and high is not None
        ]
        if differences:
            yield f"`{network}` against its {OWN}: {', '.join(differences)}."


def _share(one: Mapping[str, Any]) -> Share:
    whole = one["overall"]
    return Share(whole["right"], whole["asked"], whole["low"], whole["high"], 0, 1.0)


def _parameters(measured: Measures) -> str:
    ours = {
        f"`{network}`": {
            kind: (one["low"], one["high"], one["negative"], one["mode"])
            for kind, one in results["parameters"].items()
        }
        for network, (_, results) in measured.items()
    }
    theirs = {
        who: {kind: (one.low, one.high, one.negative, one.mode) for kind, one in both.items()}
        for who, both in PUBLISHED.items()
    }
    rows = [
        [who, kind, f"{low:.1f} to {high:.1f}", f"{100 * negative:.0f} %", f"{mode:.2f}"]
        for who, both in {**ours, **theirs}.items()
        for kind, (low, high, negative, mode) in both.items()
    ]
    return markdown(["network", "", "range", "below 0", "mode"], rows)


def _claim(measured: Measures) -> str:
    rows, said = [], []
    for network, (_, results) in measured.items():
        claim = results["claim"]
        for space, one in claim["spaces"].items():
            scores = [_score(one[name]) for name in ("pairs", "among", "difference", "attribute")]
            rows.append([network, space, *scores, f"{one['attribute']['chance']:.2f}"])
        said.append(
            f"`{network}`: {claim['verdict']}; {claim['questions']:,} different questions, "
            f"seed {results['seed']}."
        )
    head = ["network", "space", "equal_X to query_X", "among equal_*", "difference",
            "neighbours share the attribute", "shuffled labels"]  # fmt: skip
    return "\n\n".join([markdown(head, rows), *said])


def _score(score: Mapping[str, float]) -> str:
    return f"{score['value']:.2f} [{score['low']:.2f}, {score['high']:.2f}]"


def _evidence(measured: Measures) -> str:
    rows = [
        [network, row["value"] or "all", f"{row['right']:,} of {row['asked']:,}", _percent(row["accuracy"]),
         _interval(row["low"], row["high"])]
        for network, (_, results) in measured.items()
        for row in results["evidence"]["rows"]
    ]  # fmt: skip
    said = _said(measured, "evidence", _sample)
    return f"{markdown(['network', 'questions', 'right', '%', '95 % interval'], rows)}\n\n{said}"


def _sample(one: Mapping[str, Any]) -> str:
    return f"{one['questions']:,} questions about {one['pictures']} pictures ({one['source']})"


def _maps(measured: Measures) -> str:
    rows = _beside({network: _maps_of(results["maps"]) for network, (_, results) in measured.items()})
    said = _said(
        measured, "maps", lambda one: f"{one['asked']:,} questions about {one['scenes']} drawn pictures"
    )
    return f"{markdown(['feature maps', *measured], rows)}\n\n{said}"


def _maps_of(found: Mapping[str, Any]) -> dict[str, str]:
    value, low, high = found["reliability"]
    both = f"{found['labelled']['pictures']} and {found['labelled']['language']} of {found['maps']}"
    return {
        "maps with a visual label, with a language label": both,
        "maps with an effect on answers, p ≤ 0.05 (max-T)": f"{found['telling']} of {found['maps']}",
        "rank correlation of effects, half the pictures to half": f"{value:.2f} [{low:.2f}, {high:.2f}]",
        **{
            f"{kind} effects of medium size that stay within scenes or families": f"{stays:,} of {plain:,}"
            for kind, (plain, stays) in found["survives"].items()
            if plain
        },
    }


def _ablations(measured: Measures) -> str:
    paper = {f"{kind} at its mean": f"{points:+.1f}" for kind, points in PAPER_MEAN.items()}
    cells = {
        network: {
            _ablation(row): f"{row['change']:+.1f} ({_percent(row['accuracy'])} "
            f"[{_interval(row['low'], row['high'])}])"
            for row in results["ablations"]["rows"]
        }
        for network, (_, results) in measured.items()
    }
    rows = _beside({**cells, "the paper's": paper})
    said = _said(measured, "ablations", _sample)
    head = ["gamma and beta of all blocks", *measured, "the paper's"]
    return f"{markdown(head, rows)}\n\nChange in points of accuracy (per cent right, interval). {said}"


def _ablation(row: Mapping[str, Any]) -> str:
    if row["what"] == WHOLE:
        return "as they are"
    if row["what"] == "both at its mean":
        return "both at their means"
    return str(row["what"]) + ("" if row["value"] is None else f", standard deviation {row['value']:g}")


def _generalisation(measured: Measures) -> str:
    tests = {network: results["generalisation"]["rows"] for network, (_, results) in measured.items()}
    cells = {
        network: {
            row["test"]: f"{_percent(row['accuracy'])} [{_interval(row['low'], row['high'])}]" for row in rows
        }
        for network, rows in tests.items()
    }
    every = [row for rows in tests.values() for row in rows]
    guess = {row["test"]: _percent(row["guess"]) for row in every}
    paper = {row["test"]: f"{row['paper']:.1f}" for row in every if row["paper"] is not None}
    rows = _beside({**cells, "constant guess": guess, "the paper's": paper})
    said = _said(measured, "generalisation", lambda one: f"{one['asked']:,} questions")
    head = ["questions of", *measured, "constant guess", "the paper's"]
    return f"{markdown(head, rows)}\n\n{said}"


def _consistency(measured: Measures) -> str:
    rows = []
    for network, (_, results) in measured.items():
        found = results["consistency"]["rows"]
        for changed in dict.fromkeys(row["changed"] for row in found):
            moves, stays = (
                next((row for row in found if (row["changed"], row["true answer"]) == (changed, truth)), None)
                for truth in ("changes", "stays")
            )
            rows.append([network, changed, *_pair(moves, "consistent"), *_pair(stays, "consistent"),
                         *_pair(moves, "right")])  # fmt: skip
    said = _said(
        measured,
        "consistency",
        lambda one: f"{one['pairs']:,} pairs of {one['scenes']} scenes, {one['source']}",
    )
    head = ["network", "changed", "truth changes, and the answer", "truth stays, and the answer",
            "right about both, where it changes"]  # fmt: skip
    return f"{markdown(head, rows)}\n\n{said}"


def _pair(row: Mapping[str, Any] | None, name: str) -> Row:
    if row is None:
        return [""]
    return [f"{_percent(row[name])} [{_interval(row[f'{name}_low'], row[f'{name}_high'])}]"]


_TABLES: dict[str, Callable[[Measures], str]] = {
    "accuracy": _accuracy,
    "parameters": _parameters,
    "claim": _claim,
    "ablations": _ablations,
    "evidence": _evidence,
    "maps": _maps,
    "generalisation": _generalisation,
    "consistency": _consistency,
}


# --- Networks that were trained for a comparison --------------------------------------------------


def trained_tables() -> dict[str, str]:
    """Tables of networks that were trained anew, of those whose results come with the project."""
    taught, table = taught_a(), trained_anew(2)
    found = {}
    if taught is not None:
        found["cogent"] = _taught_a(*taught, zero_shot())
    if table is not None:
        found["table-2"] = _table_2(*table)
    return found


def _taught_a(
    table: pd.DataFrame, made: Mapping[str, Any], analogy: tuple[pd.DataFrame, dict[str, Any]] | None
) -> str:
    """Accuracy on A and B by what was learned of B, and what the analogy gains on B's questions."""
    said = [
        f"Per cent. Taught {made['taught']}, {made['samples']:,} samples about {made['scenes']:,} scenes;",
        f"tested on {made['tested']:,} scenes of each condition, seed {made['seed']}.",
    ]
    head = ["taught", "right on A", "the paper's", "right on B", "the paper's"]
    lines: list[Row] = []
    for from_b, pair in table.groupby("from_b", sort=False):
        line = [_learned(from_b)]
        for row in pair.sort_values("test").itertuples():
            line += [_right(row), _known(row.paper)]
        lines.append(line)
    parts = [markdown(head, lines), " ".join(said)]
    return "\n\n".join(parts if analogy is None else [*parts, *_gains(*analogy)])


def _learned(from_b: float) -> str:
    return f"and {from_b:,.0f} of B's questions" if from_b else "condition A alone"


def _gains(table: pd.DataFrame, made: Mapping[str, Any]) -> Iterator[str]:
    """What the analogy gains on all of B's questions, and on those that it can rewrite."""
    of = made["questions"]["B"]
    names = {
        "all": f"gained on all {of['asked']:,} of B's",
        "rewritten": f"gained on the {of['rewritten']:,} rewritten",
    }
    lines: list[Row] = []
    for from_b, rows in table[table["test"] == "B"].groupby("from_b", sort=False):
        line = [_learned(float(from_b))]
        for row in rows.set_index("among").loc[list(names)].itertuples():
            line += [
                _difference(row.gain, row.gain_low, row.gain_high), _points(row.paper_sum - row.paper_own)
            ]  # fmt: skip
        lines.append(line)
    yield markdown(["taught", *(head for name in names.values() for head in (name, "the paper's"))], lines)
    yield (
        "Points that the analogy gains, on the same questions; all of B's hold those that it cannot rewrite, "
        f"whose answers stay. Seed {made['seed']}."
    )


def _table_2(table: pd.DataFrame, made: Mapping[str, Any]) -> str:
    """The rows that were trained, with their differences from the whole network."""
    whole = float(table["paper"].iloc[0])
    lines = []
    for place, row in enumerate(table.itertuples()):
        differs = ["", ""]
        if place:
            differs = [
                _difference(row.difference, row.difference_low, row.difference_high),
                _points(row.paper - whole),
            ]
        lines.append([str(row.about), str(row.seeds), _right(row), differs[0], _known(row.paper), differs[1]])
    head = ["network", "seeds", "right", "difference in points", "the paper's", "its difference"]
    changes = ", ".join(f"`{one}`" for one in made["changes"])
    said = (
        f"Per cent. Taught {made['taught']}, {made['samples']:,} samples each, recipe `scenes`",
        f" with {changes}" if changes else "",
        f"; {made['questions']:,} questions about {made['pictures']:,} other scenes, of which the ",
        f"constant guess gets {_percent(made['guess'])} right. Intervals are over ",
        "scenes, for these trained networks.",
        f" {made['remark']}" if "remark" in made else "",
    )
    return f"{markdown(head, lines)}\n\n{''.join(said)}"


def _right(row: Any) -> str:
    return f"{_percent(row.accuracy)} [{_interval(row.low, row.high)}]"


def _difference(value: float, low: float, high: float) -> str:
    """Points, with their interval where there is one."""
    ends = f" [{100 * low:+.1f} to {100 * high:+.1f}]" if low == low and high == high else ""
    return f"{100 * value:+.1f}{ends}"


def _known(per_cent: float) -> str:
    return f"{per_cent:.1f}" if per_cent == per_cent else ""


def _points(difference: float) -> str:
    return f"{difference:+.1f}" if difference == difference else ""


# --- Parts of them --------------------------------------------------------------------------------


def _beside(columns: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """A row for each label that a column has, in the order they come; empty where a column has it not."""
    labels = dict.fromkeys(label for column in columns.values() for label in column)
    return [[label, *(column.get(label, "") for column in columns.values())] for label in labels]


def _percent(share: float) -> str:
    return "100" if share == 1 else f"{100 * share:.1f}"


def _interval(low: float | None, high: float | None, pictures: int | None = None) -> str:
    if low is None or high is None or low != low:
        return f"none: {pictures} pictures" if pictures else "none"
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _said(measured: Measures, part: str, sample: Callable[[Mapping[str, Any]], str]) -> str:
    """The sample and the seed: once where all networks have the same."""
    said = {
        network: f"{sample(results[part])}, seed {results[part]['seed']}"
        for network, (_, results) in measured.items()
    }
    if len(set(said.values())) == 1:
        return f"{next(iter(said.values()))}."
    return " ".join(f"`{network}`: {text}." for network, text in said.items())
