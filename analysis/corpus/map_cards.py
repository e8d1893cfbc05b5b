"""Map cards: what a feature map differs between in pictures, what moves it in language, what it is good for.

The three questions are asked of every map of every block at once:

    pictures   known objects are read off the map before its FiLM; do those of one colour, shape, material,
               size or place read higher or lower than others of their scene that cover as much of it?
    language   is its gamma higher or lower in questions with this word than in others of the same family; is
               it higher or lower in families of this type?
    answers    by how many logits does the answer lose to its runner-up when the map's gamma and beta are
               another question's (`analysis.interventions.average_effects`)?

The effect size is Cliff's delta: how much oftener a value of the group lies above one of the rest than
below, -1 to 1 (`analysis.corpus.contrasts`). Significance is family-wise, against the greatest effect of any
map and value in labels shuffled within scenes and families, so that a label is not what 512 maps times 19
values throw up by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import versions
from analysis.corpus.contrasts import (
    MEDIUM,
    RESAMPLES,
    SURE,
    TRIALS,
    Contrast,
    contrast,
    contrast_at_equal,
    contrast_types,
    joined,
    labels_of,
    object_labels,
    question_labels,
    survival,
)
from analysis.corpus.extraction import Extraction
from analysis.interventions.average_effects import average_effects
from analysis.question.feature_maps import stage_names
from analysis.question.scene_objects import cover
from analysis.tables import read_tables, write_tables
from film import (
    Cancel,
    InputError,
    Modulation,
    Progress,
    QuestionSampler,
    Session,
    command,
    gallery,
    name_of,
    read_picture,
    sample_scene,
    stop_if,
    too_few,
)

CARDS, EFFECTS, FOLDER = "maps.parquet", "maps_effects.parquet", "study"
SCENES, ASKED_EACH = 240, 8  # pictures drawn to read objects in, questions that each is read under
QUESTIONS = 4000  # of the study, whose gammas are compared
ABLATED_EACH = 9  # questions about every drawn picture that each map's effect is measured on
ALIKE = 0.95  # correlation from which two maps of a block count as one
SIZE = (180, 120)
_NOTE = b"film-lens maps"


# --- Measuring ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MapCards:
    """What is known of every feature map.

    `cards`: a row a map: block and map (from 0), pictures and language (what it differs between, "unlabelled"
        where the evidence is weak), effect and the like (drop of the logit difference when it is resampled,
        see `AverageEffects.table`), dead (never above 0 after its ReLU), twin (number of another map of the
        block that does the same, -1 for none), best (the gallery pictures it is strongest in, as "7 12 3").
    `effects`: a row for each map and value: block, map, about (pictures, language), attribute, value, delta,
        low, high, p (see `analysis.corpus.contrasts.Contrast`), plain.
    `recipe`: weights, seed, counts, versions; `survives`: of each kind of label how many effects are of
        medium size with all mixed, and how many of those stay (see `survival`); `reliability`: rank
        correlation of the effects on answers between halves of the pictures, with low and high.
    """

    cards: pd.DataFrame
    effects: pd.DataFrame
    recipe: Mapping[str, Any]

    def survival(self) -> str:
        """How many effects of medium size are left where like is compared with like, in a sentence."""
        counts = self.recipe.get("survives", {}).items()
        said = [f"{kind} {stays:,} of {plain:,}" for kind, (plain, stays) in counts if plain]
        if not said:
            return ""
        return f"Of effects of that size with all scenes or families mixed stay: {', '.join(said)}."

    @property
    def telling(self) -> pd.DataFrame:
        """The cards of maps with p ≤ 0.05, family-wise, for their effect on answers, the greatest first."""
        rows = self.cards[self.cards["effect_p"] <= SURE]
        return rows.reindex(rows["effect_shrunken"].abs().sort_values(ascending=False, kind="stable").index)

    def strongest(self, count: int) -> list[tuple[int, int]]:
        """The (block, map), from 0, of the greatest effects on answers, either way."""
        size = self.cards["effect_shrunken"].abs().sort_values(ascending=False, kind="stable")
        rows = self.cards.reindex(size.index[:count])
        return [(int(row.block), int(row.map)) for row in rows.itertuples()]

    def trust(self) -> str:
        """How far the ranks of the effects on answers can be trusted, in a sentence."""
        value, low, high = self.recipe["reliability"]
        return (
            f"Halves of the pictures rank the maps alike (rank correlation {value:.2f}, {low:.2f} to "
            f"{high:.2f}); {len(self.telling):,} of {len(self.cards):,} maps have an effect on answers "
            f"at p ≤ {SURE:g}, corrected for all maps (max-T)."
        )

    def selective(self, about: str, wanted: str = "") -> pd.DataFrame:
        """Each labelled map's greatest effect, of all values or of those that are wanted, the greatest first.

        Only what makes a label counts: sure among all maps and values, and of medium size or more.

        Args:
            about: "pictures" or "language".
            wanted: the beginning of a value or of a word in it: "red", "equal" of "equal_color".

        Returns:
            Rows of `effects`, one a map.
        """
        here = self.effects
        told = here[(here["about"] == about) & (here["p"] <= SURE) & (here["delta"].abs() >= MEDIUM)]
        if wanted := wanted.lower().strip(" +−-"):
            known = set(told["value"])
            meant = {
                value for value in known if any(w.startswith(wanted) for w in (value, *value.split("_")))
            }
            told = told[told["value"].isin(meant)]
        told = told.reindex(told["delta"].abs().sort_values(ascending=False, kind="stable").index)
        return told.drop_duplicates(["block", "map"])

    def most_selective(self, about: str, value: str) -> list[tuple[int, int]]:
        """The (block, map), from 0, that differ between a value and the others, the greatest effect first.

        Args:
            about: "pictures" or "language".
            value: as in `effects`, where its p is at most 0.05; its effect may be small.
        """
        here = self.effects
        told = here[(here["about"] == about) & (here["value"] == value) & (here["p"] <= SURE)]
        told = told.reindex(told["delta"].abs().sort_values(ascending=False, kind="stable").index)
        return [(int(row.block), int(row.map)) for row in told.itertuples()]

    def effects_of(self, block: int, number: int, about: str) -> pd.DataFrame:
        """One map's effects in pictures or language, the greatest first."""
        here = self.effects
        rows = here[(here["block"] == block) & (here["map"] == number) & (here["about"] == about)]
        return rows.reindex(rows["delta"].abs().sort_values(ascending=False, kind="stable").index)


def measure_maps(
    session: Session,
    study: Extraction,
    *,
    scenes: int = SCENES,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> MapCards:
    """Measure all maps; half an hour on two cores, nearly all of it for the effect on answers.

    Args:
        study: questions, from which those that pictures are read under are drawn as well.
        scenes: pictures to draw, read objects in and ask about, ten or more.
        folder: keeps what is finished of the effects on answers, so that a run that was stopped goes on.
        progress: called with parts done and of all.

    Raises:
        InputError: the study or the number of scenes is too small.
        Cancelled: `cancel` said so.
    """
    if len(study) < 200:
        raise InputError(f"{len(study)} questions are too few to compare words; make the study first.")
    if reason := too_few(scenes, "scenes"):
        raise InputError(f"Effects on answers need intervals over pictures; {reason}. Draw more scenes.")
    from film import render  # loads Numba, which those who only read the cards do not need

    rng = np.random.default_rng(seed)
    exhibits = gallery()
    of, done = 2 * scenes + len(exhibits) + 2, 0

    def step() -> None:
        nonlocal done
        done += 1
        stop_if(cancel)
        if progress:
            progress(done, of)

    texts = study.table["text"].tolist()

    def under() -> Modulation:
        return session.modulate([texts[i] for i in rng.integers(len(texts), size=ASKED_EACH)], lenient=True)

    readings, owners, drawn, centres, covered, asked_of = [], [], [], [], [], []
    sampler = QuestionSampler(seed)
    alive = np.zeros((session.config.blocks, session.config.maps), bool)
    for number in range(scenes):
        scene = sample_scene(rng)
        rendering = render(scene, *SIZE, samples=16, seed=number)
        before, above = _activations(session, rendering.picture, under())
        alive |= above
        shares = cover(rendering.objects, session, len(scene.objects))
        covered.append(np.bincount(rendering.objects.ravel(), minlength=len(shares) + 1)[1:])
        readings.append(np.einsum("ohw,bchw->obc", shares, before).reshape(len(shares), -1))
        owners += [number] * len(shares)
        drawn.append(scene)
        questions = [question.text for question in sampler.sample(scene, ABLATED_EACH)]
        asked_of.append((number, lambda picture=rendering.picture: picture, questions))
        centres.append(rendering.centres[:, :2] / np.array(SIZE))
        step()
    names, labels = object_labels(drawn, centres)
    read = np.concatenate(readings)
    seen = contrast_at_equal(np.log1p(np.concatenate(covered)), labels, read, np.array(owners), seed=seed)
    step()

    rows = np.sort(rng.choice(len(study), min(QUESTIONS, len(study)), replace=False))
    gamma = np.asarray(study.gamma[rows], np.float32).reshape(len(rows), -1)
    told, kinds, survives = language_contrast(study.table.iloc[rows], gamma, seed=seed)
    step()

    strongest = np.zeros((len(exhibits), alive.size), np.float32)
    for exhibit in exhibits:
        before, above = _activations(session, read_picture(exhibit.picture_path), under())
        alive |= above
        strongest[exhibit.number] = before.max(axis=(2, 3)).ravel()
        step()
    answers = average_effects(
        session, asked_of, texts, seed=seed, folder=Path(folder) if folder else None,
        progress=lambda *_: step(), cancel=cancel,
    )  # fmt: skip

    effects = pd.concat(
        [_long(seen, names, "pictures", alive.shape), _long(told, kinds, "language", alive.shape)],
        ignore_index=True,
    )
    cards = pd.DataFrame(
        {
            "block": np.repeat(np.arange(alive.shape[0]), alive.shape[1]),
            "map": np.tile(np.arange(alive.shape[1]), alive.shape[0]),
            "pictures": labels_of(seen, names),
            "language": labels_of(told, kinds),
            **answers.table(seed),
            "dead": ~alive.ravel(),
            "twin": _twins(gamma, read, alive.shape),
            "best": [" ".join(map(str, np.argsort(-column, kind="stable")[:4])) for column in strongest.T],
        }
    )
    recipe = {
        "weights": session.card.weights, "seed": seed, "scenes": scenes, "objects": len(owners),
        "questions": len(rows), "asked": len(answers.drops), "trials": TRIALS, "resamples": RESAMPLES,
        "reliability": answers.reliability(seed),
        "survives": survival(seen, names) | survives,
        "versions": versions("scipy"),
    }  # fmt: skip
    return MapCards(cards, effects, recipe)


def language_contrast(
    asked: pd.DataFrame, gamma: np.ndarray, *, seed: int
) -> tuple[Contrast, list[tuple[str, str]], dict[str, list[int]]]:
    """Which words, within a question family, and which types move which gammas.

    Args:
        asked: questions, with the columns of an extraction. gamma: (questions, maps).

    Returns:
        The contrast of all labels, what they are called, and how many of the words' effects stay.
    """
    kinds, words = question_labels(asked)
    families = asked["family"].to_numpy()
    by_word = contrast(words, gamma, families, seed=seed)
    types, by_type = contrast_types(asked["type"].to_numpy(str), families, gamma, seed=seed)
    return joined(by_word, by_type), kinds + types, survival(by_word, kinds)


def _activations(
    session: Session, picture: np.ndarray, modulation: Modulation
) -> tuple[np.ndarray, np.ndarray]:
    """Maps before FiLM, mean over questions, (blocks, maps, rows, columns); and which ever pass the ReLU."""
    stages = [stage_names(session.config, block).names for block in range(session.config.blocks)]
    wanted = {name for first, _, last in stages for name in (first, last)}
    answers = session.answer(picture, modulation, wanted)
    count = session.config.maps

    def of(name: str) -> np.ndarray:
        return np.stack([answer.activations[name][:count] for answer in answers])

    before = np.stack([of(first).mean(axis=0) for first, _, _ in stages])
    above = np.stack([(of(last) > 0).any(axis=(0, 2, 3)) for _, _, last in stages])
    return before, above


def _twins(gamma: np.ndarray, readings: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Of every map the first other one of its block that does the same in language and in pictures, or -1."""
    found = np.full(shape, -1)
    for block in range(shape[0]):
        part = slice(block * shape[1], (block + 1) * shape[1])
        same = np.ones((shape[1], shape[1]), bool)
        for values in (gamma[:, part], readings[:, part]):
            moves = values.std(axis=0) > 1e-6
            with np.errstate(invalid="ignore", divide="ignore"):
                same &= (np.abs(np.corrcoef(values, rowvar=False)) > ALIKE) & moves & moves[:, None]
        np.fill_diagonal(same, False)
        found[block] = np.where(same.any(axis=1), same.argmax(axis=1), -1)
    return found.ravel()


def _long(
    found: Contrast, names: Sequence[tuple[str, str]], about: str, shape: tuple[int, int]
) -> pd.DataFrame:
    values, maps = found.delta.shape
    block, number = np.divmod(np.arange(maps), shape[1])
    return pd.DataFrame(
        {
            "block": np.tile(block, values).astype(np.int16),
            "map": np.tile(number, values).astype(np.int16),
            "about": pd.Categorical([about] * (values * maps), ["pictures", "language"]),
            "attribute": np.repeat([name for name, _ in names], maps),
            "value": np.repeat([value for _, value in names], maps),
            **{
                name: getattr(found, name).ravel().astype(np.float32).round(4)
                for name in ("delta", "low", "high", "p", "plain")
            },
        }
    )


# --- Keeping --------------------------------------------------------------------------------------


def write_maps(folder: str | Path, found: MapCards) -> None:
    """Write both tables into a folder, each with its recipe inside."""
    write_tables(folder, {CARDS: found.cards, EFFECTS: found.effects}, found.recipe, _NOTE)


_COLUMNS = {
    CARDS: "block map pictures language effect effect_low effect_high effect_rank dead",
    EFFECTS: "block map about attribute value delta low high p",
}


def find_maps(folder: str | Path, weights: str) -> MapCards | None:
    """The cards beside a checkpoint; None where there are none or they are of other weights or tell less.

    Raises:
        InputError: a file is damaged.
    """
    study = Path(folder) / FOLDER
    if not all((study / name).is_file() for name in (CARDS, EFFECTS)):
        return None
    tables, notes = read_tables(
        study, (CARDS, EFFECTS), _NOTE, command("analysis", "maps", name_of(folder)), _COLUMNS
    )
    if notes[0] != notes[1] or notes[0].get("weights") != weights or "reliability" not in notes[0]:
        return None  # of other weights, or of a version that did not measure all that a card tells
    return MapCards(tables[0], tables[1], notes[0])
