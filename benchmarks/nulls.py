"""What the nulls, controls and intervals do where the truth is known, at full size.

    python -m benchmarks.nulls [--rows NAME ...] [--repeats N] [--seed 0] [--json FILE] [--page FILE]

Each row simulates what must be found or must not be, over and over, by the functions that the pages use,
and prints how often it was, with a Clopper-Pearson interval at 95 %, beside what is asked. Figures are kept
in FILE (benchmarks/nulls.json) as they come: a run that was stopped goes on, and rows that are whole are only
printed. Rows about a bundled network are measured anew where its weights are others. --page puts the table
between that page's markers. All rows take about half an hour of one core. What is simulated is in
`benchmarks/simulations`, where the tests run it small.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import analysis
from analysis.corpus.question_features import count_features
from analysis.statistics import clopper_pearson
from analysis.tables import markdown
from benchmarks.kept import put_on, read, save
from benchmarks.simulations import claim, intervals, labels, probes, regions
from film import Session, bundled, find, progress_bars

KEPT = Path(__file__).with_suffix(".json")
SAVED_EVERY = 20.0  # seconds
# What one repeat gives: name -> how many of how many, a number, or words.
Outcome = Mapping[str, tuple[int, int] | float | str]


@dataclass(frozen=True)
class Line:
    """A line of the table: one outcome, or several that must all lie within the bounds."""

    what: str
    outcomes: tuple[str, ...]
    unit: str
    least: float = 0.0
    most: float = 1.0

    def asked(self) -> str:
        if self.least > 0 and self.most < 1:
            return f"{100 * self.least:g} to {100 * self.most:g} %"
        if self.least > 0:
            return f"at least {100 * self.least:g} %"
        if self.most == 0:
            return "none"
        return f"at most {100 * self.most:g} %" if self.most < 1 else "printed"

    def row(self, kept: Mapping[str, Any]) -> list[str]:
        counts = [kept["counts"][name] for name in self.outcomes]
        holds = all(self.least <= right / of <= self.most for right, of in counts)
        each = " each" if len(counts) > 1 else ""
        return [
            self.what, self.asked(), "; ".join(_share(*one) for one in counts),
            f"{counts[0][1]:,} {self.unit}{each}, {_seeds(kept)}", _holds(holds, self.asked()),
        ]  # fmt: skip


@dataclass(frozen=True)
class Mean(Line):
    """A line of means over repeats, each with its t interval, in points where they are shares."""

    def asked(self) -> str:
        return f"{100 * self.least:+g} to {100 * self.most:+g} points"

    def row(self, kept: Mapping[str, Any]) -> list[str]:
        values = [np.array(kept["values"][name]) for name in self.outcomes]
        holds = all(self.least <= one.mean() <= self.most for one in values)
        return [
            self.what, self.asked(), "; ".join(map(_mean, values)),
            f"{len(values[0]):,} {self.unit}, {_seeds(kept)}", _holds(holds, self.asked()),
        ]  # fmt: skip


@dataclass(frozen=True)
class Correlation(Line):
    """A line of a correlation that a study keeps with its interval."""

    def asked(self) -> str:
        return f"at least {self.least:g}"

    def row(self, kept: Mapping[str, Any]) -> list[str]:
        value, low, high = (kept["values"][f"{self.outcomes[0]}{end}"][0] for end in ("", ", low", ", high"))
        said = f"{value:.2f} [{low:.2f}, {high:.2f}]"
        return [self.what, self.asked(), said, f"{self.unit}, seed 0", _holds(value >= self.least, "")]


@dataclass(frozen=True)
class Names(Line):
    """A line of names, the greatest first; the first ten are shown."""

    def row(self, kept: Mapping[str, Any]) -> list[str]:
        named = kept["words"][self.outcomes[0]].split()
        return [self.what, "listed", ", ".join(named[:10]), f"{len(named)} {self.unit}, seed 0", ""]


@dataclass(frozen=True)
class Row:
    """A simulation: `begin` makes ready (reads the study, say) and gives what one repeat does by its seed.

    networks: the bundled ones whose weights the figures depend on.
    """

    repeats: int
    begin: Callable[[], Callable[[int], Outcome]]
    lines: tuple[Line, ...]
    networks: tuple[str, ...] = ()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="NAME", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--repeats", type=int, help="of each row, at most; each has its own number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=KEPT, help="where figures are kept")
    parser.add_argument("--page", type=Path, help="a page with the marker <!-- table: nulls -->")
    options = parser.parse_args(arguments)
    kept = read(options.json)
    for name in options.rows or ROWS:
        repeats = min(options.repeats or ROWS[name].repeats, ROWS[name].repeats)
        measure(name, repeats, options.seed, kept, options.json)
        print(table({name: kept[name]}), flush=True)
    if options.page:
        put_on(options.page, "nulls", table(kept))


def measure(name: str, repeats: int, seed: int, kept: dict[str, Any], path: Path) -> None:
    """Do what is missing of a row's repeats, and keep what is there now and then."""
    row = ROWS[name]
    weights = " ".join(Session(find(network), "cpu").card.weights for network in row.networks)
    mine = kept.get(name, {})
    if mine.get("seed") != seed or mine.get("weights") != weights:
        mine = {"weights": weights, "seed": seed, "repeats": 0, "counts": {}, "values": {}, "words": {}}
    kept[name] = mine
    if mine["repeats"] >= repeats:
        return
    saved = time.monotonic()
    with progress_bars() as bars:
        progress, once = bars(name), row.begin()
        for number in range(mine["repeats"], repeats):
            progress(number, repeats)
            _add(mine, once(100_000 * seed + number))
            if time.monotonic() > saved + SAVED_EVERY:
                save(path, kept)
                saved = time.monotonic()
        progress(repeats, repeats)
    save(path, kept)


def _add(mine: dict[str, Any], outcome: Outcome) -> None:
    for name, found in outcome.items():
        if isinstance(found, tuple):
            before = mine["counts"].get(name, [0, 0])
            mine["counts"][name] = [before[0] + int(found[0]), before[1] + int(found[1])]
        elif isinstance(found, str):
            mine["words"][name] = found
        else:
            mine["values"].setdefault(name, []).append(round(float(found), 5))
    mine["repeats"] += 1


def table(kept: Mapping[str, Any]) -> str:
    """What is kept, as Markdown, in the order of the rows."""
    head = ["what", "asked", "measured, % [95 % interval]", "over", "holds"]
    return markdown(
        head, [line.row(kept[name]) for name in ROWS if name in kept for line in ROWS[name].lines]
    )


def _share(right: int, of: int) -> str:
    low, high = clopper_pearson(right, of)
    return f"{100 * right / of:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _mean(values: np.ndarray) -> str:
    from scipy.stats import t

    mean = 100 * values.mean()
    half = 100 * values.std(ddof=1) / np.sqrt(len(values)) * t.ppf(0.975, len(values) - 1)
    return f"{mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}]"


def _seeds(kept: Mapping[str, Any]) -> str:
    first = 100_000 * kept["seed"]
    last = first + kept["repeats"] - 1
    return f"seeds {first} to {last}" if last > first else f"seed {first}"


def _holds(holds: bool, asked: str) -> str:
    return "" if asked == "printed" else "yes" if holds else "no"


# --- What is simulated -------------------------------------------------------------------------------


def _atlas() -> Callable[[int], Outcome]:
    folder = find(FIRST) / "study"
    study = analysis.open_study(folder, Session(folder.parent, "cpu"))
    layouts = analysis.layouts_in(folder / "layouts", study)
    features = count_features(study)

    def once(seed: int) -> Outcome:
        rng = np.random.default_rng(seed)
        layout = layouts[rng.choice(sorted(layouts))]
        size = int(np.exp(rng.uniform(np.log(20), np.log(0.45 * len(layout)))))
        special = regions.special_regions(study, features, layout, size, 8, seed)
        return {"special": (special.sum(), len(special))}

    return once


def _planted(seed: int) -> Outcome:
    size = int(np.exp(np.random.default_rng(seed).uniform(*np.log([30, 300]))))
    check = regions.planted_region(seed, size=size)
    named = check.label in ("attribute color", "attribute size")
    return {"special": (check.special, 1), "named": (check.special and named, 1)}


def _noise() -> Callable[[int], Outcome]:
    session = Session(find(FIRST), "cpu")
    sizes = (10, 20, 40, 80, 160, 320)

    def once(seed: int) -> Outcome:
        asked = analysis.sample_questions(2000, seed).table
        found = regions.noise_regions(seed, asked, session, maps=128, sizes=sizes, each=4)
        group, doing = np.sum(list(found), axis=0)
        count = 4 * len(sizes)
        return {"none": (count - group, count), "doing": (doing, count)}

    return once


def _templates() -> Callable[[int], Outcome]:
    asked = analysis.sample_questions(2000, 0).table

    def once(seed: int) -> Outcome:
        return {"labelled": (labels.labelled_by_template(seed, asked), 1)}

    return once


def _seen() -> Callable[[int], Outcome]:
    session = Session(find(FIRST), "cpu")

    def once(seed: int) -> Outcome:
        seen = labels.seen_objects(seed, session, scenes=240)
        alike, besides, front, size = seen.adjusted()
        return {
            "alike": (alike != "unlabelled", 1), "plain": (seen.plain()[0] != "unlabelled", 1),
            "besides": (besides.startswith(labels.LARGE), 1), "front": (front.startswith(labels.FRONT), 1),
            "size": (size.startswith(labels.LARGE), 1),
            "others": ("," in size or not size.startswith((*labels.LARGE, "unlabelled")), 1),
        }  # fmt: skip

    return once


def _study() -> Callable[[int], Outcome]:
    found: dict[str, tuple[int, int] | float | str] = {}
    for folder in bundled():
        cards = analysis.find_maps(folder, Session(folder, "cpu").card.weights)
        assert cards is not None, f"{folder.name}: make its study first"
        for kind, (plain, stays) in cards.recipe["survives"].items():
            if plain:
                found[f"{folder.name}, {kind}"] = stays, plain
        ends = ("", ", low", ", high")
        found |= {
            f"{folder.name}{end}": value for end, value in zip(ends, cards.recipe["reliability"], strict=True)
        }
        named = [f"{block + 1}.{number}" for block, number in cards.telling[["block", "map"]].to_numpy()]
        found[f"{folder.name}, telling"] = len(named), len(cards.cards)
        found[f"{folder.name}, named"] = " ".join(named)
    return lambda seed: found


def _probes(seed: int) -> Outcome:
    rng = np.random.default_rng(seed)
    planted = probes.planted_type(rng, questions=1500, pictures=150)
    told = probes.read_type(probes.with_families(planted, rng), seed)
    selectivity = {
        f"{axes} axes": float(probes.read_type(probes.with_noise(planted, axes, rng), seed)["selectivity"])
        for axes in AXES
    }
    gain = selectivity[f"{AXES[-1]} axes"] - selectivity[f"{AXES[0]} axes"]
    return {"control": (told["control"] >= 0.95, 1), **selectivity, "gain": gain}


def _coverage(seed: int, sizes: Iterable[tuple[int, int]]) -> Outcome:
    rng, runs = np.random.default_rng(seed), 100
    return {
        _cell(*size, share, correlation): (intervals.covered(rng, share, *size, correlation, runs), runs)
        for size in sizes
        for share in intervals.SHARES
        for correlation in intervals.CORRELATIONS
    }


def _cell(pictures: int, questions: int, share: float, correlation: float) -> str:
    return f"{pictures} x {questions}, {share}, {correlation}"


def _intervals(seed: int) -> Outcome:
    few = intervals.printed(np.random.default_rng(seed), 100), 100
    return {**_coverage(seed, ASKED_SIZES), "under 10": few}


def _coverage_lines(
    sizes: Iterable[tuple[int, int]], least: float = 0.0, most: float = 1.0
) -> Iterable[Line]:
    for pictures, questions in sizes:
        for share in intervals.SHARES:
            yield Line(
                f"intervals at {pictures} pictures of {questions} questions, {100 * share:g} % right: hold "
                f"the truth (correlation within pictures {'; '.join(map(str, intervals.CORRELATIONS))})",
                tuple(_cell(pictures, questions, share, one) for one in intervals.CORRELATIONS),
                "samples", least, most,
            )  # fmt: skip


def _claim(seed: int) -> Outcome:
    networks = {**claim.TRUE, **claim.FALSE}
    return {
        name: (claim.verdict_of(seed, *sizes, trials=150).verdict == "confirmed", 1)
        for name, sizes in networks.items()
    }


def _always(once: Callable[[int], Outcome]) -> Callable[[], Callable[[int], Outcome]]:
    return lambda: once


def _of_both(line: Callable[[str], Line]) -> Iterable[Line]:
    return (line(folder.name) for folder in bundled())


FIRST = "clevr"  # the bundled network that simulations take their study, words and grid from
AXES = (4, 64, 512)
ASKED_SIZES = [(intervals.PICTURES, questions) for questions in intervals.QUESTIONS]
_POINTS = ", ".join(f"{axes:,}" for axes in AXES)
ROWS: dict[str, Row] = {
    "atlas": Row(125, _atlas, (
        Line("any region of the bundled atlas, of 20 questions to nearly half, any projection: called "
             "special", ("special",), "regions of 125 sizes", most=0.05),
    ), (FIRST,)),
    "planted": Row(1000, _always(_planted), (
        Line("a region of 30 to 300 of 1,500 questions where 70 % have a label, elsewhere 20 %: called "
             "special", ("special",), "regions", least=0.9),
        Line("... and by that label", ("named",), "regions"),
    )),
    "noise": Row(25, _noise, (
        Line("gammas that are noise, a t-SNE of them, regions of 10 to 320 of 2,000 questions: called no "
             "group", ("none",), "regions of 25 projections", least=0.95),
        Line("... called the network's doing", ("doing",), "regions of 25 projections", most=0.05),
    ), (FIRST,)),
    "templates": Row(100, _templates, (
        Line("gammas that follow the question family alone, 32 maps, 2,000 questions: any language label",
             ("labelled",), "networks", most=0.05),
    )),
    "seen": Row(75, _seen, (
        Line("a map that answers all objects alike, 240 scenes: a label", ("alike",), "sets of scenes",
             most=0.05),
        Line("... without taking off what objects cover", ("plain",), "sets of scenes"),
        Line("a map that answers to nearness besides: labelled with it", ("front",), "sets of scenes",
             least=0.9),
        Line("a map that answers to size besides: labelled with it", ("besides",), "sets of scenes"),
        Line("a map that answers to size alone: labelled with it", ("size",), "sets of scenes"),
        Line("... labelled with anything else", ("others",), "sets of scenes", most=0.05),
    ), (FIRST,)),
    "probes": Row(20, _always(_probes), (
        Line("a state that tells families: control labels read in 95 % of cases or more", ("control",),
             "sets of 1,500 questions", least=0.95),
        Mean(f"selectivity of noise with {_POINTS} axes", tuple(f"{axes} axes" for axes in AXES),
             "sets of 1,500 questions", least=-0.02, most=0.02),
        Mean(f"selectivity that {AXES[-1]:,} axes of noise gain over {AXES[0]}", ("gain",),
             "sets of 1,500 questions", least=-0.02, most=0.02),
    )),
    "intervals": Row(100, _always(_intervals), (
        *_coverage_lines(ASKED_SIZES, 0.93, 0.97),
        Line("intervals printed of one to nine pictures", ("under 10",), "samples", most=0.0),
    )),
    "sizes": Row(40, _always(lambda seed: _coverage(seed, intervals.OTHERS)), (
        *_coverage_lines(intervals.OTHERS),
    )),
    "claim": Row(300, _always(_claim), (
        *(Line(f"the paper's claim true, {name}: confirmed", (name,), "networks", least=0.9)
          for name in claim.TRUE),
        *(Line(f"the paper's claim false, {name}: confirmed", (name,), "networks", most=0.05)
          for name in claim.FALSE),
    )),
    "study": Row(1, _study, (
        *_of_both(lambda name: Correlation(
            f"`{name}`: rank correlation of map effects on the logit difference, half the pictures to half",
            (name,), "its study", least=0.6)),
        *_of_both(lambda name: Line(f"`{name}`: maps with an effect, p ≤ 0.05 (max-T)",
                                    (f"{name}, telling",), "maps")),
        *_of_both(lambda name: Names(f"`{name}`: the ten strongest of them, block.map (all: nulls.json)",
                                     (f"{name}, named",), "maps")),
        *_of_both(lambda name: Line(f"`{name}`: word effects of medium size that stay within families",
                                    (f"{name}, word",), "effects")),
    ), tuple(folder.name for folder in bundled())),
}  # fmt: skip


if __name__ == "__main__":
    main()
