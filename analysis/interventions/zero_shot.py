"""The paper's zero-shot analogy on CLEVR-CoGenT (section 4.5): `film-analysis zero-shot RUN`.

A network taught condition A has seen no cyan cube. Here the gammas and betas of "How many cyan cubes are
there?" are made of three questions about things that it has seen: "... cyan spheres ..." + "... brown cubes
..." - "... brown spheres ...". The rule, as it was fixed before any network was tested by it:

- A noun phrase is rewritten where it names a color together with "cube" or "cylinder" and things of that
  color have that shape in the condition tested: in B those that A lacks. All such phrases of a question are
  rewritten at once, so that there are always three questions.
- The other shape is the sphere: no other comes in every color in A. The other color is one of the four that
  the shape has in A, drawn with a seed; in one question different colors become different ones.
- Words are exchanged in the text and nothing else. CLEVR has to be able to ask each of the three questions
  in these words, and none may name what A lacks; otherwise the question keeps its own gamma and beta.

On A the same is done with cubes and cylinders as A has them, another color always: a control, for there the
network needs no help. Two more controls are those of `try_analogies`: random steps, as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from analysis.comparison.paired import accuracy_difference
from analysis.interventions.analogies import RATES, sum_and_steps
from analysis.interventions.sweep import PICTURES_AT_ONCE, Baseline
from film import (
    COGENT,
    COLORS,
    MATERIALS,
    SAID,
    Corpus,
    InputError,
    Progress,
    Session,
    Stages,
    clustered_share,
    command,
    parse,
    scene_maps,
    write_atomically,
)

RUN, RESULTS = "cogent.json", "cogent-zero-shot.json"  # in the folder of `film train-cogent`
PARTS = ("plus_one", "plus_two", "minus")
OTHER_SHAPE = "sphere"
# Per cent (Figure 9 and section 4.5): after so many questions of B, in this condition, of all questions or of
# those rewritten: right with the question's own gamma and beta, and with the analogy's.
PAPER = {
    (0, "A", "all"): (98.3, 98.3), (0, "B", "all"): (75.6, 78.8), (0, "B", "rewritten"): (71.5, 80.7),
    (30_000, "A", "all"): (80.8, 81.1), (30_000, "B", "all"): (96.9, 96.9),
}  # fmt: skip


def _either(values: Sequence[str]) -> str:
    return "|".join(word for value in values for word in SAID[value])


Pair = tuple[str, str]  # color and shape
_NUMBERS = "1234"  # of noun phrases
_SHAPES = ("cube", "cylinder")
_SHAPE = {word: shape for shape in _SHAPES for word in SAID[shape]}
_PHRASE = re.compile(rf"\b({_either(COLORS)})((?: (?:{_either(MATERIALS)}))?) ({_either(_SHAPES)})(s?)\b")


# --- Three questions for one -----------------------------------------------------------------------


def phrases_of(text: str, condition: str) -> int:
    """How many noun phrases the rule speaks of.

    Args:
        condition: of the pictures, "A" or "B".

    Raises:
        InputError: the question is none of CLEVR's.
    """
    slots = parse(text).slots
    return sum(_concerned(_pair(slots, number), condition) for number in _NUMBERS)


def rewritten(text: str, condition: str, turn: int) -> tuple[str, str, str] | None:
    """The three questions whose gammas and betas stand for this one's: the first + the second - the third.

    Args:
        condition: of the pictures, "A" or "B".
        turn: which color takes a color's place, 0 to 3; on A not 0, which is the same one.

    Returns:
        Texts with the shape changed, the color changed, and both; None where one of them is no question that
        CLEVR could ask, or names a combination that A lacks.

    Raises:
        InputError: the question is none of CLEVR's.
    """
    made = [
        _exchanged(text, partial(_other, condition=condition, turn=turn, shape=shape, color=color))
        for shape, color in ((True, False), (False, True), (True, True))
    ]
    first, second, minus = made
    return (first, second, minus) if first and second and minus else None


def _exchanged(text: str, other: Callable[[Pair], Pair]) -> str | None:
    """The text with another color and shape for each that it names; None where A has no such question."""

    def words(found: re.Match[str]) -> str:
        color, space, word, plural = found.groups()
        new = other((color, _SHAPE[word]))
        return f"{new[0]}{space} {word if new[1] == _SHAPE[word] else SAID[new[1]][0]}{plural}"

    asked = parse(text)
    slots, pairs = dict(asked.slots), []
    for number in _NUMBERS:
        if all(pair := _pair(slots, number)):
            pairs.append(other(pair))
            slots[f"C{number}"], slots[f"S{number}"] = pairs[-1]
    made = _PHRASE.sub(words, text)
    try:
        read = parse(made)
    except InputError:
        return None
    as_wanted = read.official and read.program == asked.family.program(slots)
    return made if as_wanted and all(color in COGENT["A"][shape] for color, shape in pairs) else None


def _pair(slots: Mapping[str, str | None], number: str) -> Pair:
    """The color and shape that a noun phrase names, "" where it names none."""
    return slots.get(f"C{number}") or "", slots.get(f"S{number}") or ""


def _concerned(pair: Pair, condition: str) -> bool:
    color, shape = pair
    return shape in _SHAPES and color in COGENT[condition][shape]


def _other(pair: Pair, condition: str, turn: int, *, shape: bool, color: bool) -> Pair:
    """What takes a color's and a shape's place; the same two where the rule does not speak of them."""
    if not _concerned(pair, condition):
        return pair
    own, seen = COGENT[condition][pair[1]], COGENT["A"][pair[1]]
    other = seen[(own.index(pair[0]) + turn) % len(seen)]
    return other if color else pair[0], OTHER_SHAPE if shape else pair[1]


def rewritten_corpus(corpus: Corpus, condition: str, seed: int = 0) -> pd.DataFrame:
    """Every question of a corpus with the three that stand for it.

    Returns:
        A row a question: picture (its number), question, truth, phrases (that the rule speaks of), plus_one,
        plus_two and minus (None where it cannot be rewritten, or there is no such phrase).
    """
    asked = corpus.table("picture", "text", "answer")
    turns = np.random.default_rng(seed).integers(condition == "A", 4, len(asked))
    phrases = [phrases_of(text, condition) for text in asked["text"]]
    made = [
        (rewritten(text, condition, int(turn)) if count else None) or (None, None, None)
        for text, count, turn in zip(asked["text"], phrases, turns, strict=True)
    ]
    found = asked.rename(columns={"text": "question", "answer": "truth"}).assign(phrases=phrases)
    return found.assign(**dict(zip(PARTS, zip(*made, strict=True), strict=True)))


# --- Asked ----------------------------------------------------------------------------------------


def ask_zero_shot(
    session: Session,
    corpus: Corpus,
    asked: pd.DataFrame,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Ask all questions with their own gammas and betas, those rewritten also with the analogy's.

    Args:
        session: of a network that answers from attribute maps.
        corpus: whose scenes are asked about. asked: from `rewritten_corpus`.
        seed: of the random steps.

    Returns:
        `asked` with the answers own, sum, step and random (see `RATES`); those of a question that is not
        rewritten are its own.
    """
    rng, pictures = np.random.default_rng(seed), asked["picture"].to_numpy()
    said = {name: np.empty(len(asked), object) for name in RATES}
    answers = np.array(session.answers, object)
    changed = asked[PARTS[0]].notna().to_numpy()
    for first in range(0, corpus.picture_count, PICTURES_AT_ONCE):
        here = np.arange(first, min(first + PICTURES_AT_ONCE, corpus.picture_count))
        rows = np.flatnonzero(np.isin(pictures, here))
        baseline = Baseline(
            session, stem_maps(session, corpus, here),
            session.modulate(asked["question"].iloc[rows].tolist()), pictures[rows] - first,
        )  # fmt: skip
        for name in RATES:
            said[name][rows] = answers[baseline.logits.argmax(axis=1)]
        some = np.flatnonzero(changed[rows])
        if len(some):
            one, two, minus = (session.modulate(asked[part].iloc[rows[some]].tolist()) for part in PARTS)
            own = baseline.modulation[torch.from_numpy(some)]
            tried = dict(
                zip(("sum", "step", "random"), sum_and_steps(own, one, two, minus, rng), strict=True)
            )
            for name, given in tried.items():
                said[name][rows[some]] = answers[baseline.under(given, some).argmax(axis=1)]
        if progress:
            progress(int(here[-1]) + 1, corpus.picture_count)
    return asked.assign(**said)


def stem_maps(session: Session, corpus: Corpus, pictures: np.ndarray) -> torch.Tensor:
    """Stem maps of scenes drawn as attribute maps: (P, maps, rows, columns)."""
    objects = torch.from_numpy(np.asarray(corpus.objects[pictures])).long()
    positions = torch.from_numpy(np.asarray(corpus.positions[pictures]))
    return session.encode_input(scene_maps(objects, positions, session.config.width, session.config.height))


def zero_shot_rates(answers: pd.DataFrame) -> list[dict[str, Any]]:
    """How often each is right, and what the analogy gains.

    Args:
        answers: from `ask_zero_shot`.

    Returns:
        A row for all questions, for those rewritten, and for those of them with one such phrase or more:
        among, asked, pictures; own, sum, step and random (shares of right answers, each with _low and _high);
        the differences gain (sum - own), over_step and over_random (sum less these two), each with _low and
        _high, 95 % by picture; and changed, the share whose answer the analogy changes.
    """
    done = answers[PARTS[0]].notna().to_numpy()
    several = answers["phrases"].to_numpy() > 1
    among = {
        "all": np.ones(len(answers), bool), "rewritten": done,
        "rewritten, one phrase": done & ~several, "rewritten, more phrases": done & several,
    }  # fmt: skip
    return [_rates(name, answers[mask]) for name, mask in among.items() if mask.any()]


def _rates(among: str, answers: pd.DataFrame) -> dict[str, Any]:
    owner = answers["picture"].to_numpy()
    right = {name: (answers[name] == answers["truth"]).to_numpy(bool) for name in RATES}
    row: dict[str, Any] = {"among": among, "asked": len(answers), "pictures": len(np.unique(owner))}
    for name, hits in right.items():
        share = clustered_share(hits, owner)
        row |= {name: share.accuracy, f"{name}_low": share.low, f"{name}_high": share.high}
    for name, other in (("gain", "own"), ("over_step", "step"), ("over_random", "random")):
        more = accuracy_difference(right[other], right["sum"], owner)
        row |= {name: more.value, f"{name}_low": more.low, f"{name}_high": more.high}
    return row | {"changed": float((answers["sum"] != answers["own"]).mean())}


# --- A whole run ----------------------------------------------------------------------------------


def measure_zero_shot(
    folder: str | Path, *, seed: int = 0, device: str = "auto", progress: Stages | None = None
) -> dict[str, Any]:
    """All networks of a run of `film train-cogent`, on its tests of A and B; goes on where it was stopped.

    Args:
        folder: of the run; `cogent-zero-shot.json` is written into it anew after each network.
        seed: of the colors and of the random steps.

    Returns:
        seed; questions, by condition: asked, named (with a phrase that the rule speaks of) and rewritten; and
        rows: run, from_b, weights, test, paper (own and sum in per cent, or None) and what `zero_shot_rates`
        gives.

    Raises:
        InputError: the folder holds no network that is trained yet.
    """
    folder = Path(folder)
    runs = _runs(folder)
    kept = _kept(folder / RESULTS, seed)
    corpora = {test: Corpus.open(folder / "corpora" / f"test{test}") for test in "AB"}
    asked = {test: rewritten_corpus(corpus, test, seed) for test, corpus in corpora.items()}
    found: dict[str, Any] = {
        "seed": seed,
        "questions": {
            test: {
                "asked": len(table), "named": int((table["phrases"] > 0).sum()),
                "rewritten": int(table[PARTS[0]].notna().sum()),
            }
            for test, table in asked.items()
        },
        "rows": [],
    }  # fmt: skip
    for run in runs:
        session = Session(folder / run["run"] / "checkpoint", device)
        named = {"run": run["run"], "from_b": run["from_b"], "weights": session.card.weights}
        own = [row for row in kept if {name: row[name] for name in named} == named]
        for test, corpus in () if own else corpora.items():
            told = progress(f"pictures of {test}, {run['run']}") if progress else None
            answers = ask_zero_shot(session, corpus, asked[test], seed=seed, progress=told)
            own += [
                {**named, "test": test, "paper": PAPER.get((run["from_b"], test, row["among"])), **row}
                for row in zero_shot_rates(answers)
            ]
        found["rows"] += own
        _write(folder / RESULTS, found)
    return found


def _runs(folder: Path) -> list[dict[str, Any]]:
    path = folder / RUN
    rows = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    if not rows:
        make_it = command("film", "train-cogent", "--out", str(folder))
        raise InputError(f"{folder} holds no network taught condition A yet; make one with `{make_it}`.")
    return list(rows)


def _kept(path: Path, seed: int) -> list[dict[str, Any]]:
    """The rows measured before, with this seed."""
    said = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return list(said["rows"]) if said.get("seed") == seed else []


def _write(path: Path, found: Mapping[str, Any]) -> None:
    text = json.dumps(found, indent=1) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
