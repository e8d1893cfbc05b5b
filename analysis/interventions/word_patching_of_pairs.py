"""Patching over words, for many minimal pairs: after which words is the difference in the encoder's state?

    film-analysis patch-words CHECKPOINT --pairs 300

Two questions one word apart are read side by side. To put the source's state in after a word and read on
with the target's words says nothing: before the changed word the states are equal, and from there on the
words are, so that the source itself is read. Instead the target's last state, which gamma and beta are linear
in, is moved by

- *state*: the difference between the two states after a word. It says how much of the effect is, after that
  word, where gamma and beta will read it; the words that follow carry the rest there. After <END> it is all.
- *word*: what one word alone added to that difference. These add up to it in gamma and beta.

A state that is merely moved about would change answers too, so from every effect the same move by the
difference of *another* pair of the same type of question is subtracted, made as long as the own one. A random
direction of that length stands beside. Tests, pictures kept aside and shares are those of
`analysis.interventions.pair_tests`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.interventions.chunks import in_chunks
from analysis.interventions.kept import Measured
from analysis.interventions.pair_tests import HELD_OUT, TRIALS, by_kind
from analysis.interventions.pairs import MinimalPair, sample_pairs
from analysis.interventions.patching import SMALL
from film import InputError, Picture, Progress, Scene, Session, gallery, read_picture

PAIRS = 300
AFTER = 6  # the changed word and those after it that are told one by one
LATER, END = "later", "<END>"
# What is patched: (patch, place): places are words after the changed one, all later ones together, and <END>.
ITEMS = (
    *(("state", str(place)) for place in range(AFTER)),
    *(("word", place) for place in (*map(str, range(AFTER)), LATER, END)),
)
CONTROLS = ("own", "another", "random")


@dataclass(frozen=True, eq=False)
class _Reading:
    """Both questions of a pair read.

    `last`: the target's last state, (state,). `apart`: the source's state less the target's, from the changed
    word to <END>, (tokens, state); its last row is the whole difference.
    """

    last: np.ndarray
    apart: np.ndarray

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """By how much each of ITEMS moves the last state, (items, state); and which of them there are."""
        words = len(self.apart) - 1  # without <END>
        added = np.diff(self.apart, axis=0, prepend=np.zeros_like(self.apart[:1]))
        each = [*range(AFTER)]
        state = [self.apart[min(place, words - 1)] for place in each]
        word = [added[min(place, words - 1)] for place in each]
        later = self.apart[words - 1] - self.apart[min(AFTER, words) - 1]
        there = [place < words for place in each]
        moves = np.stack([*state, *word, later, added[-1]])
        return moves, np.array([*there, *there, words > AFTER, True])


def measure_word_patching(
    session: Session,
    scenes: Sequence[tuple[str, Scene]],
    picture_of: Callable[[str], Picture],
    source: str,
    *,
    pairs: int = PAIRS,
    seed: int = 0,
    workshop: str | Path | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Patch the words of minimal pairs of every kind of change about these scenes.

    Args:
        scenes: each with its picture's name.
        source: where the pictures are from, in words.
        pairs: how many, evenly over kinds of change and scenes.
        seed: of pairs, controls, the pictures kept aside, sign flips and intervals.
        workshop: folder where measured pairs are kept, so that a run that was cut off goes on there.
        progress: called with pairs patched and of all; raise in it to stop.

    Returns:
        "table": the columns of `by_kind`, items being patch ("state" or "word") and place (words after the
        changed one, "later" or "<END>"), and random (share by a random direction of the same length).

    Raises:
        InputError: the network reads in both directions, or too few pairs have answers a logit apart.
    """
    chosen = sample_pairs(scenes, pairs, seed)
    others = [*chosen, *sample_pairs(scenes, pairs, seed + 1, same_answer=True)]
    order = sorted(range(len(chosen)), key=lambda row: chosen[row].picture)  # a picture's pairs together

    def make(rows: list[int], start: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng((seed, start))
        found = [_patched(session, chosen[row], others, picture_of, rng) for row in rows]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    asked = [[pair.picture, pair.source, pair.target] for pair in others]
    measured = in_chunks(
        order, make, depends_on=[session.card.weights, seed, ITEMS, asked], workshop=workshop,
        progress=progress,
    )  # fmt: skip
    recipe = {
        "weights": session.card.weights, "source": source, "seed": seed, "pairs": len(chosen),
        "small": int((np.abs(measured["distance"]) < SMALL).sum()),
        "pictures": len({pair.picture for pair in chosen}), "held out": HELD_OUT, "trials": TRIALS,
        "control": "the difference of another pair of the same type of question, as long as the own one",
        "versions": versions("scipy"),
    }  # fmt: skip
    return Measured({"table": word_patching_table(chosen, measured, seed=seed)}, recipe)


def gallery_word_patching(
    session: Session,
    *,
    pairs: int = PAIRS,
    seed: int = 0,
    workshop: str | Path | None = None,
    progress: Progress | None = None,
) -> Measured:
    """`measure_word_patching` about the gallery's pictures."""
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    return measure_word_patching(
        session, [(name, exhibit.scene) for name, exhibit in exhibits.items()],
        lambda name: read_picture(exhibits[name].picture_path), "the gallery's pictures",
        pairs=pairs, seed=seed, workshop=workshop, progress=progress,
    )  # fmt: skip


def word_patching_table(
    pairs: Sequence[MinimalPair], measured: dict[str, np.ndarray], *, seed: int = 0
) -> pd.DataFrame:
    """The table of `measure_word_patching`.

    Args:
        measured: "distance" (pairs,) and by the names of CONTROLS how far each item moves the metric, logits
            (pairs, items); "there": which pairs have which item, bool (pairs, items).
    """
    distance, there = measured["distance"], measured["there"]
    kept = np.abs(distance) >= SMALL
    items = pd.DataFrame(ITEMS, columns=["patch", "place"])
    own, another, random = (measured[name] for name in CONTROLS)
    table = by_kind(pairs, own, another, distance, kept, items, there=there, seed=seed)
    shares = []
    for kind in table["kind"].unique():
        here = (there & kept[:, None])[[kind in ("any", pair.kind) for pair in pairs]]
        rows = [kind in ("any", pair.kind) for pair in pairs]
        below = (here * distance[rows, None]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares.append((here * random[rows]).sum(axis=0) / below)
    return table.assign(random=np.concatenate(shares))


def _patched(
    session: Session,
    pair: MinimalPair,
    others: Sequence[MinimalPair],
    picture_of: Callable[[str], Picture],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """One pair: "distance" (), "there" (items,), and by the names of CONTROLS (items,), logits."""
    own = _read(session, pair)
    steps, there = own.steps()
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    another = _read(session, _another(pair, others, len(own.apart), rng)).steps()[0]
    random = rng.normal(size=steps.shape)
    moves = [steps, *(_of_length(some, length) for some in (another, random))]
    states = np.concatenate([own.last + own.apart[-1:], own.last[None], *(own.last + move for move in moves)])
    maps = session.encode_picture(picture_of(pair.picture))
    logits, _ = session.classify(maps, session.modulation_of(states.astype(np.float32)))
    one, other = (session.answer_index(answer) for answer in (pair.source_answer, pair.target_answer))
    difference = (logits[:, one] - logits[:, other]).astype(np.float64)
    moved = np.split(difference[2:] - difference[1], len(CONTROLS))
    return {
        "distance": difference[0] - difference[1], "there": there,
        **dict(zip(CONTROLS, moved, strict=True)),
    }  # fmt: skip


def _read(session: Session, pair: MinimalPair) -> _Reading:
    first, second = (session.prefixes(text, lenient=True) for text in (pair.source, pair.target))
    if first.running is None or second.running is None:
        raise InputError(
            "This network reads in both directions; only one that reads forward has states after a word."
        )
    # Words that the network does not know are alike to it, so that nothing may be apart but <END>.
    changed = _first_apart(first.tokens[:-1], second.tokens[:-1])
    apart = (first.running - second.running)[changed:]
    return _Reading(second.running[-1].astype(np.float64), apart.astype(np.float64))


def _another(
    pair: MinimalPair, others: Sequence[MinimalPair], length: int, rng: np.random.Generator
) -> MinimalPair:
    """Another pair, of the same type and with as many words after the changed one where there is one."""
    apart = [other for other in others if set(other.words) != set(pair.words)]
    long = [other for other in apart if _left(other) >= length]
    same = [other for other in long if other.type == pair.type]
    some = same or long or apart
    if not some:
        raise InputError("No other pair is there, to set a patch of a word beside; take more pairs.")
    return some[int(rng.integers(len(some)))]


def _left(pair: MinimalPair) -> int:
    """Words from the changed one on, and <END>."""
    one, other = pair.source.split(" "), pair.target.split(" ")
    return len(one) - _first_apart(one, other) + 1


def _first_apart(one: Sequence[str], other: Sequence[str]) -> int:
    """Where two texts of equally many words differ first; the last word where they do not."""
    apart = [place for place, words in enumerate(zip(one, other, strict=True)) if words[0] != words[1]]
    return apart[0] if apart else len(one) - 1


def _of_length(moves: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Moves (items, state) in the same directions, but of these lengths (items, 1)."""
    own = np.linalg.norm(moves, axis=1, keepdims=True)
    return np.asarray(moves * np.divide(length, own, out=np.zeros_like(own), where=own > 0))
