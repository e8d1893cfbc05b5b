"""Two networks, or two points of one training run, put the same questions: where they differ and where not.

`compare` measures, `Comparison` is what it found, `write_comparison` keeps it in `study/comparisons/` beside
the first network. "one" and "other" are the two networks throughout; a difference is other less one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparison.alignment import align, shared_neighbours
from analysis.comparison.matching import match_maps
from analysis.comparison.paired import accuracy_table, parameter_table
from analysis.comparison.similarity import similarity_table
from analysis.comparison.watching import Watched, known_to_all, watch
from analysis.corpus.accuracy import Observed, describe, first_picture, left_out, told_left_out, versions
from analysis.corpus.extraction import Extraction
from analysis.corpus.grouping import block_groupings, distinct, grouping_table
from analysis.corpus.layout import LayoutRecipe, lay_out
from analysis.corpus.probes import probe
from analysis.corpus.regions import untrained
from analysis.tables import read_tables, write_tables
from film import Cancel, InputError, Progress, Questions, Session, command, stop_if

FOLDER, COMPARISONS, HASH = "study", "comparisons", 12
SIDES = ("one", "other")
TRIALS = 50  # shuffles for maps and blocks
LAID_OUT = 1500  # different questions in layouts and groupings
GROUPED_TRIALS = 100
UNTRAINED = 600  # questions that the untrained network is asked: the estimate is unbiased, and few do
_NOTE = b"film-lens comparison"
_TABLES = ("questions", "accuracy", "parameters", "maps", "similarity", "grouping", "probes")
_COLUMNS = {"similarity.parquet": "one other cka low high untrained null_high p space"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found. A table is empty where its subject cannot be compared; `cannot` says why.

    questions: a row each: text, type, picture, answer (the true one), and for one and other prediction,
        probability and right; x and y in the aligned layouts, nan where the question has no place there.
    accuracy: see `accuracy_table`. parameters: see `parameter_table`.
    maps: a row for each block (from 1) and map of one: partner, correlation, p_family, parameters.
    similarity: see `similarity_table`, with the column space: activations, or gamma and beta.
    grouping: `grouping_table` of each, with the column network. probes: `probe` of each, likewise; empty
        unless asked for.
    recipe: names and weights of both, the questions' source, seed, numbers, versions; `matching`, by block,
        the means and nulls; `alignment` of the layouts; `cannot`, sentences.
    """

    questions: pd.DataFrame
    accuracy: pd.DataFrame
    parameters: pd.DataFrame
    maps: pd.DataFrame
    similarity: pd.DataFrame
    grouping: pd.DataFrame
    probes: pd.DataFrame
    recipe: Mapping[str, Any]

    @property
    def cannot(self) -> tuple[str, ...]:
        """What of the two cannot be compared, a sentence each."""
        return tuple(self.recipe["cannot"])

    @property
    def differing(self) -> pd.DataFrame:
        """Questions that the two answer differently; those that one alone has right come first."""
        if not {"prediction_one", "prediction_other"} <= set(self.questions):
            return self.questions.iloc[:0]
        own = self.questions[self.questions["prediction_one"] != self.questions["prediction_other"]]
        one_right = own["right_one"] != own["right_other"]
        least = own[["probability_one", "probability_other"]].min(axis=1)
        order = pd.DataFrame({"right": ~one_right, "least": -least}).sort_values(["right", "least"]).index
        return own.loc[order]

    def lines(self) -> list[str]:
        """What was found, a few lines of text."""
        recipe = self.recipe
        said = [
            f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, {recipe['source']}"
        ]
        for row in self.accuracy.iloc[:1].itertuples():
            end = "" if np.isnan(row.low) else f" [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"
            said.append(
                f"accuracy {row.accuracy_one:.1%} and {row.accuracy_other:.1%}: {100 * row.difference:+.1f} "
                f"points{end}; {row.gained:,} questions gained, {row.lost:,} lost, "
                f"{len(self.differing):,} answered differently"
            )
        said += [
            f"block {each['block']}: {each['beyond_null']} of {each['maps']} maps have a partner beyond the "
            f"null, mean correlation {each['mean']:.2f} (null at most {each['null_high']:.2f})"
            for each in recipe["matching"]
        ]
        own = self.similarity[self.similarity["one"] == self.similarity["other"]]
        said += [
            f"{row.space}, {row.one}: CKA {row.cka:.3f} [{row.low:.3f}, {row.high:.3f}] (with an untrained "
            f"network {row.untrained:.3f}, null under {row.null_high:.3f})"
            for row in own.itertuples()
        ]
        if found := recipe["alignment"].get("neighbours"):
            said.append(f"{found['share']:.1%} of nearest questions shared, by chance {found['chance']:.1%}")
        said.append(self.samples())
        return said + [f"not compared: {sentence}" for sentence in self.cannot]

    def samples(self) -> str:
        """What each number is of, in one line."""
        recipe = self.recipe
        asked = recipe.get("untrained", recipe["questions"])  # of all of them before 600 were enough
        laid_out = recipe["alignment"].get("questions")
        beside = f"; layouts and groupings: {laid_out:,} different ones" if laid_out else ""
        return (
            f"accuracy, maps and CKA: {recipe['questions']:,} questions, {recipe['trials']} shuffles of "
            f"pictures; the untrained network: {asked:,} of them{beside}; seed {recipe['seed']}"
        )

    def to_json(self) -> dict[str, Any]:
        """All tables as lists of rows, of the questions those that differ; numbers that are none are null."""

        def rows(table: pd.DataFrame) -> Any:
            return json.loads(table.to_json(orient="records"))

        told = {name: rows(getattr(self, name)) for name in _TABLES if name != "questions"}
        shown = self.differing.drop(columns=["x_one", "y_one", "x_other", "y_other"], errors="ignore")
        return {**self.recipe, **told, "differing": rows(shown)}


def compare(
    one: Session,
    other: Session,
    asked: Questions,
    source: str,
    *,
    seed: int = 0,
    layout: str = "tsne",
    probes: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Comparison:
    """Compare two networks on questions of known truth; under a minute for 3,000 on two cores.

    Args:
        source: in words, where the questions come from; kept in the recipe.
        seed: of every shuffle and layout; that the questions were drawn with, where they were.
        layout: the layouts' method, see `LayoutRecipe`.
        probes: also train linear probes of both, minutes more.
        progress: called with hundredths of all parts.

    Raises:
        InputError: fewer than ten questions are in words that both know.
        Cancelled: `cancel` said so.
    """
    parts = _Parts(progress, cancel, probes)
    everything, untold = len(asked.questions), left_out(asked)
    asked, unknown = known_to_all((one, other), asked)
    sessions = (one, other)
    watched = [
        watch(session, asked, progress=parts(f"{side} watched"), cancel=cancel)
        for side, session in zip(SIDES, sessions, strict=True)
    ]
    table = describe(asked.questions)
    cannot = _differences(sessions, watched, unknown, everything)
    cannot += filter(None, [told_left_out(untold).removeprefix("Left out: ")])
    owner = pd.factorize(table["picture"])[0]
    for side, seen in zip(SIDES, watched, strict=True):
        if seen.predictions is not None:
            table[f"prediction_{side}"], table[f"probability_{side}"] = seen.predictions, seen.chances
            table[f"right_{side}"] = table[f"prediction_{side}"] == table["answer"]
    answered = all(seen.predictions is not None for seen in watched)
    stop_if(cancel)
    accuracy = accuracy_table(table, seed=seed) if answered else pd.DataFrame()
    gammas = [(seen.gamma, seen.beta) for seen in watched]
    parameters = parameter_table(gammas[0], gammas[1], owner)
    some = _some(len(table), UNTRAINED, seed)
    few = Questions([asked.questions[row] for row in some], asked.picture)
    blank = watch(untrained(other, seed), few, progress=parts("untrained watched"), cancel=cancel)
    similarity = _similarity(watched, blank, some, owner, seed, parts, cancel)
    maps, matching = _maps(watched, owner, seed, parts, cancel)
    alignment = _layouts(table, watched, owner, LayoutRecipe("both", layout, seed), parts, cancel, cannot)
    grouping = _groupings(table, watched, seed, parts, cancel, cannot)
    probed = _probes(table, watched, sessions, source, seed, parts, cancel) if probes else pd.DataFrame()
    recipe = {
        **{side: _told(session) for side, session in zip(SIDES, sessions, strict=True)},
        "source": source, "seed": seed, "trials": TRIALS, "laid_out": LAID_OUT,
        "questions": len(table), "pictures": int(owner.max()) + 1, **first_picture(asked),
        "given": everything, **untold,
        "untrained": len(some), "matching": matching, "alignment": alignment, "cannot": cannot,
        "versions": versions("scipy", "openTSNE"),
    }  # fmt: skip
    parts.finish()
    return Comparison(table, accuracy, parameters, maps, similarity, grouping, probed, recipe)


class _Parts:
    """The progress of each part of the work, in hundredths of the whole."""

    def __init__(self, progress: Progress | None, cancel: Cancel | None, probes: bool):
        self.progress, self.cancel, self.done = progress, cancel, 0
        self.of = 900 + 200 * probes

    def __call__(self, what: str) -> Progress:
        start = self.done
        self.done += 100

        def told(done: int, of: int) -> None:
            if self.progress:
                self.progress(min(start + 100 * done // max(1, of), self.of), self.of)

        return told

    def finish(self) -> None:
        if self.progress:
            self.progress(self.of, self.of)


def _share(progress: Progress, part: int, parts: int) -> Progress:
    """The progress of one of several equal parts."""
    return lambda done, of: progress(part * of + done, parts * of)


def _some(count: int, most: int, seed: int) -> np.ndarray:
    """Rows drawn at random, in order: all of them where there are no more."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def _told(session: Session) -> dict[str, Any]:
    card, config = session.card, session.config
    return {
        "checkpoint": session.checkpoint, "name": card.name, "weights": card.weights, "taught": card.taught,
        "samples_seen": card.recipe.get("samples_seen"), "blocks": config.blocks, "maps": config.maps,
    }  # fmt: skip


def _differences(
    sessions: tuple[Session, Session], watched: list[Watched], unknown: list[int], everything: int
) -> list[str]:
    """What cannot be compared, a sentence each."""
    said = []
    for session, seen, count in zip(sessions, watched, unknown, strict=True):
        name = session.card.name or Path(session.checkpoint).name
        if seen.blind:
            said.append(
                f"Answers, accuracy and feature maps: {name} cannot look at these pictures. {seen.blind}"
            )
        if count:
            said.append(
                f"{count:,} of {everything:,} questions: they hold words that {name} does not know, and are "
                "left out for both."
            )
    first, second = (session.config for session in sessions)
    if first.blocks != second.blocks:
        said.append(
            f"Feature maps one by one, and layouts of the same block: one has {first.blocks} blocks and the "
            f"other {second.blocks}. Blocks are compared each with each."
        )
    if set(sessions[0].answers) != set(sessions[1].answers):
        only = sorted(set(sessions[0].answers) ^ set(sessions[1].answers))
        said.append(f"Answers that only one of them can give: {', '.join(only[:12])}.")
    return said


def _similarity(
    watched: list[Watched],
    blank: Watched,
    some: np.ndarray,
    owner: np.ndarray,
    seed: int,
    parts: _Parts,
    cancel: Cancel | None,
) -> pd.DataFrame:
    """CKA of all blocks with all blocks: activations where both see, and gamma and beta joined.

    `blank`: the untrained network, asked `some` of the questions alone.
    """
    three = (*watched, blank)
    spaces = {
        "gamma and beta": [
            dict(zip(_blocks(seen), _joined(seen).swapaxes(0, 1), strict=True)) for seen in three
        ]
    }
    if all(seen.pooled is not None for seen in three):
        spaces = {"activations": [_activations(seen) for seen in three], **spaces}
    found = [
        similarity_table(
            one, other, owner, untrained=before, untrained_rows=some, trials=TRIALS, seed=seed,
            progress=parts(name), cancel=cancel,
        ).assign(space=name)
        for name, (one, other, before) in spaces.items()
    ]  # fmt: skip
    return pd.concat(found, ignore_index=True)


def _blocks(seen: Watched) -> tuple[str, ...]:
    return tuple(f"block {block + 1}" for block in range(seen.gamma.shape[1]))


def _activations(seen: Watched) -> dict[str, np.ndarray]:
    """Pooled activations of the stem and of each block's output, (questions, maps) each."""
    assert seen.pooled is not None
    return dict(zip(("stem", *_blocks(seen)), seen.pooled.swapaxes(0, 1), strict=True))


def _joined(seen: Watched) -> np.ndarray:
    """Gamma and beta of each block, (questions, blocks, 2 maps)."""
    return np.concatenate([seen.gamma, seen.beta], axis=2)


def _maps(
    watched: list[Watched], owner: np.ndarray, seed: int, parts: _Parts, cancel: Cancel | None
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Maps of the same block matched, where both see and have as many blocks."""
    first, second = watched
    told = parts("feature maps")
    blocks = first.gamma.shape[1]
    if first.places is None or second.places is None or second.gamma.shape[1] != blocks:
        return pd.DataFrame(), []
    if first.places.shape[2] != second.places.shape[2]:
        return pd.DataFrame(), []
    tables, summary = [], []
    for block in range(blocks):
        modulation = tuple(np.stack([seen.gamma[:, block], seen.beta[:, block]], axis=1) for seen in watched)
        found = match_maps(
            first.places[:, block], second.places[:, block], owner,
            modulation=(modulation[0], modulation[1]), trials=TRIALS, seed=seed,
            progress=_share(told, block, blocks), cancel=cancel,
        )  # fmt: skip
        tables.append(
            pd.DataFrame(
                {
                    "block": block + 1, "map": np.arange(len(found.partner)), "partner": found.partner,
                    "correlation": found.correlation, "p_family": found.p_family,
                    "parameters": found.parameters,
                }
            )
        )  # fmt: skip
        matched = found.matched
        mean = float(found.correlation[matched].mean()) if matched.any() else float("nan")
        summary.append(
            {
                "block": block + 1, "maps": len(found.partner), "matched": int(matched.sum()),
                "beyond_null": int((found.p_family <= 0.05).sum()), "mean": mean,
                "null": float(found.null.mean()), "null_high": float(found.null.max()),
                "parameters": float(np.nanmean(found.parameters)) if matched.any() else float("nan"),
                "parameters_null_high": float(found.parameters_null.max()),
            }
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True), summary


def _layouts(
    table: pd.DataFrame,
    watched: list[Watched],
    owner: np.ndarray,
    recipe: LayoutRecipe,
    parts: _Parts,
    cancel: Cancel | None,
    cannot: list[str],
) -> dict[str, Any]:
    """Layouts of each network's gammas and betas, the second laid over the first, and shared neighbours."""
    rows = distinct(list(table["text"]), LAID_OUT, seed=recipe.seed)
    told = parts("one laid out"), parts("other laid out")
    table[["x_one", "y_one", "x_other", "y_other"]] = np.nan
    try:
        one, other = (
            lay_out(
                _extraction(table, seen).take(rows), recipe, measure=False, progress=progress, cancel=cancel
            ).places
            for seen, progress in zip(watched, told, strict=True)
        )
    except InputError as error:
        stop_if(cancel)
        cannot.append(f"Layouts: {error}")
        return {}
    found = align(one, other, seed=recipe.seed)
    placed = np.concatenate([found.one, found.other], axis=1)
    table.loc[table.index[rows], ["x_one", "y_one", "x_other", "y_other"]] = placed
    agreement = found.agreement
    told_of = {
        "questions": len(rows), "layout": recipe.describe(), "agreement": agreement.value,
        "null_high": float(np.quantile(agreement.null, 0.95)), "p": agreement.p,
    }  # fmt: skip
    if len(rows) > 20:
        vectors = [_joined(seen)[rows].reshape(len(rows), -1) for seen in watched]
        told_of["neighbours"] = shared_neighbours(vectors[0], vectors[1], owner[rows])
    return told_of


def _extraction(table: pd.DataFrame, seen: Watched) -> Extraction:
    return Extraction(table, seen.gamma, seen.beta, seen.state, {})


def _groupings(
    table: pd.DataFrame,
    watched: list[Watched],
    seed: int,
    parts: _Parts,
    cancel: Cancel | None,
    cannot: list[str],
) -> pd.DataFrame:
    """Which questions each block groups, of both networks on the same questions."""
    found, told = [], parts("groupings")
    for place, (side, seen) in enumerate(zip(SIDES, watched, strict=True)):
        try:
            groups = block_groupings(
                table["text"].to_numpy(), table["type"].to_numpy(), seen.gamma, seen.beta,
                most=LAID_OUT, seed=seed, trials=GROUPED_TRIALS, with_clusters=False,
                progress=_share(told, place, 2), cancel=cancel,
            )  # fmt: skip
        except InputError as error:
            stop_if(cancel)
            cannot.append(f"Groupings: {error}")
            return pd.DataFrame()
        found.append(grouping_table(groups).assign(network=side))
    return pd.concat(found, ignore_index=True)


def _probes(
    table: pd.DataFrame,
    watched: list[Watched],
    sessions: tuple[Session, Session],
    source: str,
    seed: int,
    parts: _Parts,
    cancel: Cancel | None,
) -> pd.DataFrame:
    """Linear probes of both, on the same folds; without maps where a network sees nothing."""
    found = []
    for side, seen, session in zip(SIDES, watched, sessions, strict=True):
        spaces = ("state", "gamma", "beta") + (() if seen.pooled is None else ("maps", "stem"))
        blocks = seen.gamma.shape[1]
        pooled = np.zeros((len(table), 1 + blocks, 1)) if seen.pooled is None else seen.pooled
        observed = Observed(table, seen.state, seen.gamma, seen.beta, pooled, {"source": source})
        progress = parts(f"probes of {session.checkpoint}")
        rows = probe(observed, seed=seed, only=spaces, progress=progress, cancel=cancel)
        found.append(rows.assign(network=side))
    return pd.concat(found, ignore_index=True)


# --- Kept beside a checkpoint -----------------------------------------------------------------------


def comparison_folder(folder: str | Path, other: str) -> Path:
    """Where the comparison of a checkpoint's folder with weights of this hash is kept."""
    return Path(folder) / FOLDER / COMPARISONS / other[:HASH]


def write_comparison(folder: str | Path, found: Comparison) -> None:
    """Keep every table in a folder, each with the recipe inside."""
    write_tables(folder, {f"{name}.parquet": getattr(found, name) for name in _TABLES}, found.recipe, _NOTE)


def read_comparison(folder: str | Path) -> Comparison:
    """Read what `write_comparison` wrote.

    Raises:
        InputError: a file is missing or damaged, or they are not of one comparison.
    """
    make_it = command("analysis", "compare")
    tables, notes = read_tables(folder, [f"{name}.parquet" for name in _TABLES], _NOTE, make_it, _COLUMNS)
    if any(note != notes[0] for note in notes):
        raise InputError(f"The files in {folder} are of two comparisons; make them again with `{make_it}`.")
    return Comparison(**dict(zip(_TABLES, tables, strict=True)), recipe=notes[0])


def find_comparison(folder: str | Path, weights: str, other: str) -> Comparison | None:
    """What is kept beside a checkpoint of it and another; None if there is none or of other weights.

    Args:
        folder: of the first network. weights, other: hashes of both networks' weights.

    Raises:
        InputError: a file is damaged.
    """
    place = comparison_folder(folder, other)
    if not (place / "questions.parquet").is_file():
        return None
    found = read_comparison(place)
    same = (found.recipe["one"]["weights"], found.recipe["other"]["weights"]) == (weights, other)
    return found if same else None
