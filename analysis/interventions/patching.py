"""Activation patching of gamma and beta: which feature maps carry the word in which two questions differ.

For a pair of questions about one picture the metric is the logit of the source's answer minus that of the
target's, both fixed beforehand. *Denoising* asks the target question with gamma and beta of one map (or one
whole block) from the source, and says how much of the difference comes back; *noising* asks the source
question with the target's, and says how much is lost. Raw differences stand beside the shares, and a pair
whose two differences are less than a logit apart is marked: its share divides by little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from analysis.interventions.pairs import MinimalPair, rows_by_picture
from analysis.interventions.sweep import Baseline, sweep_logits
from analysis.question.population import Population
from film import (
    InputError,
    Modulation,
    Parameters,
    PatchFrom,
    Picture,
    Progress,
    Session,
    Where,
    probabilities,
)

OTHERS, PATCHING_SEED = 99, 0  # questions for comparison, and what draws them
SMALL = 1.0  # logits: the least distance of two questions' differences that shares are trusted from

Direction = Literal["denoising", "noising"]


@dataclass(frozen=True, eq=False)
class Patching:
    """Pairs of questions patched map by map and block by block. Row i is one pair everywhere.

    The metric is the logit of the source's answer minus that of the target's. `source`, `target`: the metric
    of the two questions as they are, (pairs,). `maps`: direction -> the metric with one map patched, (pairs,
    blocks, maps); `blocks`: direction -> with all maps of one block, (pairs, blocks). `answers`: whose logits
    are compared. All in logits, float64.
    """

    parameters: Parameters
    answers: tuple[tuple[str, str], ...]
    source: np.ndarray
    target: np.ndarray
    maps: Mapping[Direction, np.ndarray]
    blocks: Mapping[Direction, np.ndarray]

    @property
    def distance(self) -> np.ndarray:
        """What there is to recover: (pairs,), logits."""
        result: np.ndarray = self.source - self.target
        return result

    @property
    def small(self) -> np.ndarray:
        """Which pairs' differences are so close that shares of them say little: bool (pairs,)."""
        result: np.ndarray = np.abs(self.distance) < SMALL
        return result

    def moved(self, direction: Direction, of: Literal["maps", "blocks"] = "maps") -> np.ndarray:
        """How far a patch moves the metric towards the other question, in logits: (pairs, blocks[, maps])."""
        values = (self.maps if of == "maps" else self.blocks)[direction]
        shape = (-1, *[1] * (values.ndim - 1))
        if direction == "denoising":
            return np.asarray(values - self.target.reshape(shape))
        return np.asarray(self.source.reshape(shape) - values)

    def share(self, direction: Direction, of: Literal["maps", "blocks"] = "maps") -> np.ndarray:
        """The same as shares of each pair's distance; 1 is all of it. NaN where there is no distance."""
        moved = self.moved(direction, of)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = moved / self.distance.reshape(-1, *[1] * (moved.ndim - 1))
        return np.where(np.isfinite(found), found, np.nan)

    def to_json(self, pair: int = 0) -> dict[str, Any]:
        """One pair: `recovered` and `recovered_blocks` by denoising, `destroyed...` by noising."""
        return {
            "parameters": self.parameters,
            "metric": {
                "name": "logit difference",
                "answers": list(self.answers[pair]),
                "source": float(self.source[pair]),
                "target": float(self.target[pair]),
                "small": bool(self.small[pair]),
            },
            "recovered": self.share("denoising")[pair].tolist(),
            "recovered_blocks": self.share("denoising", "blocks")[pair].tolist(),
            "destroyed": self.share("noising")[pair].tolist(),
            "destroyed_blocks": self.share("noising", "blocks")[pair].tolist(),
            "logits": {name: values[pair].tolist() for name, values in self.maps.items()},
            "logits_blocks": {name: values[pair].tolist() for name, values in self.blocks.items()},
        }


def patch_pair(
    session: Session,
    picture: Picture,
    source: str,
    target: str,
    parameters: Parameters = "both",
    *,
    answers: tuple[str, str] | None = None,
    noising: bool = True,
) -> Patching:
    """Patch every feature map, and every block, from one question into another, both ways.

    Args:
        parameters: what is patched: gamma, beta or both.
        answers: whose logits are compared; the network's own answers to the two questions if left out.
        noising: both ways; otherwise denoising alone, which takes half the time. Noising is the denoising of
            the two questions, and of the two answers, the other way round.

    Raises:
        InputError: a word is unknown, or both questions get the same answer and no `answers` are given.
    """
    maps, modulation = session.encode_picture(picture), session.modulate([source, target])
    if answers is None:
        logits, _ = session.classify(maps, modulation)
        first, second = (session.answers[index] for index in logits.argmax(axis=1))
        if first == second:
            raise InputError(
                f"The network answers {first} to both questions, so there is no difference to recover; take "
                "another word or picture, or name two answers to compare."
            )
        answers = first, second
    return _patch(session, maps, modulation, [answers], parameters, noising=noising)


def patch_pairs(
    session: Session,
    pairs: Sequence[MinimalPair],
    picture_of: Callable[[str], Picture],
    parameters: Parameters = "both",
    *,
    answers: Sequence[tuple[str, str]] | None = None,
    change: Callable[[MinimalPair, Modulation], Modulation] | None = None,
    noising: bool = True,
    by_map: bool = True,
    progress: Progress | None = None,
) -> Patching:
    """Patch many pairs; the metric compares their true answers.

    Args:
        picture_of: a pair's picture by its name.
        answers: whose logits are compared, for each pair; the pairs' true answers if left out.
        change: makes other gammas and betas of a pair's own (2, blocks, maps) to patch from, for controls.
        noising: both ways; otherwise denoising alone, which takes half the time.
        by_map: each map by itself too; otherwise whole blocks alone, and `maps` holds none.
        progress: called with the pairs done and of all; raise in it to stop.
    """
    compared = list(answers) if answers else [(pair.source_answer, pair.target_answer) for pair in pairs]
    parts, order = [], []
    for name, rows in rows_by_picture(pairs).items():
        texts = [text for row in rows for text in (pairs[row].source, pairs[row].target)]
        modulation = session.modulate(texts, lenient=True)
        donors = None
        if change:
            each = [change(pairs[row], modulation[2 * k : 2 * k + 2]) for k, row in enumerate(rows)]
            donors = Modulation.stack(each)
        maps = session.encode_picture(picture_of(name))
        own = [compared[row] for row in rows]
        parts.append(_patch(session, maps, modulation, own, parameters, donors, noising, by_map))
        order += rows
        if progress:
            progress(len(order), len(pairs))
    back = np.argsort(order)

    def joined(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(np.concatenate(values)[back])

    directions: tuple[Direction, ...] = ("denoising", "noising") if noising else ("denoising",)
    return Patching(
        parameters,
        tuple(compared),
        joined([part.source for part in parts]),
        joined([part.target for part in parts]),
        {name: joined([part.maps[name] for part in parts]) for name in directions},
        {name: joined([part.blocks[name] for part in parts]) for name in directions},
    )


def _patch(
    session: Session,
    maps: torch.Tensor,
    modulation: Modulation,
    answers: Sequence[tuple[str, str]],
    parameters: Parameters,
    donors: Modulation | None = None,
    noising: bool = True,
    by_map: bool = True,
) -> Patching:
    """Patch pairs about one picture: rows 0 and 1 of the modulation are the first pair's, and so on.

    `donors`: what each row is patched from; its partner's own gammas and betas if left out.
    """
    count, blocks, each = len(modulation), session.config.blocks, session.config.maps if by_map else 0
    partner = np.arange(count) ^ 1
    donors = donors or modulation[torch.from_numpy(partner)]
    baseline = Baseline(session, maps, modulation)
    rows = np.arange(count) if noising else np.arange(1, count, 2)  # targets alone
    owner = np.repeat(rows, each + 1)
    patched = np.empty((len(rows), blocks, each + 1, len(session.answers)), np.float32)
    chosen = torch.from_numpy(rows)
    for block in range(blocks):
        changed = Modulation(
            _one_by_one(modulation.gamma[chosen], donors.gamma[chosen], block, each, parameters != "beta"),
            _one_by_one(modulation.beta[chosen], donors.beta[chosen], block, each, parameters != "gamma"),
        )
        patched[:, block] = baseline.under(changed, owner).reshape(len(rows), each + 1, -1)
    first, second = (
        np.repeat([session.answer_index(answer) for answer in side], 2) for side in zip(*answers, strict=True)
    )
    every, base = np.arange(count), baseline.logits
    plain = (base[every, first] - base[every, second]).astype(np.float64)  # (2 pairs,)
    here = np.arange(len(rows))
    moved = (patched[here, ..., first[rows]] - patched[here, ..., second[rows]]).astype(np.float64)
    by_direction: dict[Direction, np.ndarray] = {"denoising": moved[1::2] if noising else moved}
    if noising:
        by_direction["noising"] = moved[::2]
    return Patching(
        parameters,
        tuple(answers),
        plain[::2],
        plain[1::2],
        {name: values[..., :-1] for name, values in by_direction.items()},
        {name: values[..., -1] for name, values in by_direction.items()},
    )


def _one_by_one(own: torch.Tensor, other: torch.Tensor, block: int, each: int, wanted: bool) -> torch.Tensor:
    """(Q (each + 1), B, C): every question with `each` maps of a block from `other`, one by one, then all."""
    count, blocks, maps = own.shape
    values = own[:, None].repeat(1, each + 1, 1, 1)  # (Q, each + 1, B, C)
    if wanted:
        every = torch.arange(each)
        values[:, every, block, every] = other[:, block, :each]
        values[:, each, block] = other[:, block]
    return values.view(count * (each + 1), blocks, maps)


# --- Controls -------------------------------------------------------------------------------------


def random_direction(seed: int) -> Callable[[MinimalPair, Modulation], Modulation]:
    """For `patch_pairs`: steps of the same size in gamma and beta of every map, in random directions.

    Their effect is what any change of that size has, whatever question it comes from.
    """
    rng = np.random.default_rng(seed)

    def changed(_: MinimalPair, modulation: Modulation) -> Modulation:
        gamma, beta = modulation.gamma, modulation.beta
        step = torch.hypot(gamma[[1, 0]] - gamma, beta[[1, 0]] - beta)
        angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, tuple(step.shape)).astype(np.float32))
        return Modulation(gamma + step * angle.cos(), beta + step * angle.sin())

    return changed


def same_type_donors(
    session: Session, donors: Mapping[str, Sequence[str]], seed: int
) -> Callable[[MinimalPair, Modulation], Modulation]:
    """For `patch_pairs`: gammas and betas of other questions of the same type, which say other words.

    Args:
        donors: question type -> texts to draw from.

    Raises:
        InputError: when called for a pair that no other question of its type stands beside.
    """
    return _other_questions(session, lambda pair: donors_of(pair, donors), seed)


def same_family_donors(
    session: Session, donors: Mapping[int, Sequence[str]], seed: int
) -> Callable[[MinimalPair, Modulation], Modulation]:
    """For `patch_pairs`: the same of other questions of the target's family, a stricter control.

    Args:
        donors: family -> texts to draw from.

    Raises:
        InputError: when called for a pair that no other question of its family stands beside.
    """
    return _other_questions(session, lambda pair: donors_of(pair, donors, "family"), seed)


def _other_questions(
    session: Session, texts_for: Callable[[MinimalPair], Sequence[str]], seed: int
) -> Callable[[MinimalPair, Modulation], Modulation]:
    rng = np.random.default_rng(seed)

    def changed(pair: MinimalPair, _: Modulation) -> Modulation:
        texts = texts_for(pair)
        return session.modulate([texts[i] for i in rng.integers(len(texts), size=2)], lenient=True)

    return changed


def donors_of(
    pair: MinimalPair, donors: Mapping[Any, Sequence[str]], by: Literal["type", "family"] = "type"
) -> list[str]:
    """The questions of a pair's type, or of its target's family, but its own two.

    Raises:
        InputError: there is none.
    """
    own = pair.type if by == "type" else pair.family
    texts = [text for text in donors.get(own, ()) if text not in (pair.source, pair.target)]
    if not texts:
        raise InputError(
            f"No other question of the {by} {own} is among these, to set a patch of one beside; take more "
            "pairs."
        )
    return texts


# --- One block exchanged, beside other questions --------------------------------------------------


@dataclass(frozen=True)
class BlockPatching:
    """The second question with one block's gamma and beta from the first.

    `block`: from 0. `answer`: what is said then. `chance`: of the second question's own answer, then.
    `moved`: total variation distance (0 to 1) between the answers' distributions with and without it.
    `others`: how many questions were exchanged for comparison, `as_far`: how many of them moved it as far;
    `p`: the chance that any block moves it as strikingly where the first question is one like the others (nan
    without others).
    """

    block: int
    answer: str
    chance: float
    moved: float
    as_far: int
    others: int
    p: float


def patch_blocks(
    session: Session,
    picture: Picture,
    first: str,
    second: str,
    others: Sequence[str] = (),
) -> list[BlockPatching]:
    """Ask `second` about the picture, one block at a time as `first` would have it.

    Args:
        others: questions whose blocks are put in as well, as a comparison: does any question's do? Those of
            the first one's type are the stricter control.

    Raises:
        InputError: the picture cannot be read, or a word is unknown.
    """
    blocks = session.config.blocks
    exchanged = [PatchFrom(Where((block,)), source) for source in (first, *others) for block in range(blocks)]
    found = sweep_logits(session, session.encode_picture(picture), session.modulate([second]), exchanged)
    before, after = probabilities(found.base)[0], probabilities(found.changed)[:, 0]  # (A,), (V, A)
    said = int(before.argmax())
    moved = 0.5 * np.abs(after - before).sum(axis=1).reshape(-1, blocks)  # (sources, blocks)
    p = _p_of_the_best(moved) if others else np.full(blocks, np.nan)
    return [
        BlockPatching(
            block=block,
            answer=session.answers[int(after[block].argmax())],
            chance=float(after[block, said]),
            moved=float(moved[0, block]),
            as_far=int((moved[1:, block] >= moved[0, block]).sum()),
            others=len(others),
            p=float(p[block]),
        )
        for block in range(blocks)
    ]


def _p_of_the_best(moved: np.ndarray) -> np.ndarray:
    """p of each block of the first row, corrected for choosing among blocks (min-P: Westfall and Young).

    Estimand: whether the first source moves more than the others. Exchangeable under the null: the sources.

    Args:
        moved: (sources, blocks).
    """
    as_great = (moved[None] >= moved[:, None] - 1e-12).mean(axis=1)  # each source's p, itself counted in
    best = as_great.min(axis=1)
    return np.asarray((best[:, None] <= as_great[0] + 1e-12).mean(axis=0))


def some_others(
    population: Population, asked: Sequence[str], count: int = OTHERS, *, type: str | None = None
) -> list[str]:
    """Questions to compare with, drawn from the population with `PATCHING_SEED`; none that was asked.

    Args:
        type: of these questions; of any if left out.
    """
    rows = np.random.default_rng(PATCHING_SEED).permutation(len(population))
    if type is not None:
        rows = rows[np.asarray(population.types)[rows] == type]
    texts = dict.fromkeys(str(population.texts[row]) for row in rows)
    return [text for text, _ in zip((t for t in texts if t not in asked), range(count), strict=False)]
