"""The study that comes with a checkpoint: `Study` opens it, `make_study` makes its questions and layouts.

study/extraction.json, table.parquet, state.npy    see `analysis.corpus.extraction`
study/layouts/*.parquet                            see `analysis.corpus.layout`
"""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path

from analysis.corpus.extraction import Extraction, extract, open_extraction, write_small
from analysis.corpus.kept_layouts import layout_in, layouts_in
from analysis.corpus.layout import PAPER_SEED, Layout, LayoutRecipe
from analysis.corpus.map_cards import MapCards, find_maps
from analysis.corpus.parameters import Parameters, measure_parameters
from analysis.corpus.probes import Evidence, find_evidence
from analysis.corpus.question_set import sample_questions
from analysis.interventions.word_reading import WordReading, find_word_reading
from analysis.question.population import Population, measure_population, population_of
from film import Cancel, InputError, Progress, Session

FOLDER, LAYOUTS = "study", "layouts"
QUESTIONS = 20_000


class Study:
    """A network and what is kept beside it, each part opened once, when it is asked for first.

    `session`: the network. `folder`: of its checkpoint; the study lies in `study` there. `seed`: of what is
    measured here because nothing is kept.
    """

    def __init__(self, session: Session, folder: str | Path, seed: int = 0):
        self.session, self.folder, self.seed = session, Path(folder), seed

    @property
    def name(self) -> str:
        return self.session.card.name

    @property
    def weights(self) -> str:
        """Hash of the network's weights."""
        return self.session.card.weights

    @property
    def written(self) -> tuple[float, ...]:
        """When the files were written, so that new ones can be seen without a restart."""
        return tuple(sorted(path.stat().st_mtime for path in (self.folder / FOLDER).glob("*.parquet")))

    @cached_property
    def extraction(self) -> Extraction | None:
        """What the network makes of many questions; None where it is not kept."""
        return open_study(self.folder / FOLDER, self.session)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Layouts of these questions by their titles; nothing is fitted here."""
        if self.extraction is None:
            return {}
        return layouts_in(self.folder / FOLDER / LAYOUTS, self.extraction)

    @cached_property
    def evidence(self) -> Evidence | None:
        """Answers to questions of known truth, and probes. Raises InputError where a file is damaged."""
        return find_evidence(self.folder, self.weights)

    @cached_property
    def cards(self) -> MapCards | None:
        """A card for every feature map. Raises InputError where a file is damaged."""
        return find_maps(self.folder, self.weights)

    @cached_property
    def word_reading(self) -> WordReading | None:
        """Which maps read which word. Raises InputError where a file is damaged."""
        return find_word_reading(self.folder, self.weights)

    @cached_property
    def population(self) -> Population:
        """Gammas and betas of thousands of questions: the kept ones, or some measured now, in seconds."""
        if self.extraction is None:
            return measure_population(self.session, seed=self.seed)
        return population_of(self.extraction)

    @cached_property
    def parameters(self) -> Parameters:
        """The distributions of these gammas and betas."""
        found = self.population
        source = f"{len(found):,} questions as CLEVR asks them, drawn with seed {found.seed}"
        return measure_parameters(found.texts, found.types, found.gamma, found.beta, source)


def recipes(blocks: int, seed: int = 0) -> list[LayoutRecipe]:
    """The maps that come with a network; the paper shows the first and the last block (Figure 6)."""
    ends = list(dict.fromkeys((1, blocks)))
    spaces = [*(f"both:{block}" for block in ends), "both", "state"]
    return [
        *(LayoutRecipe(space, "tsne", seed) for space in spaces),
        *(LayoutRecipe(f"both:{block}", "tsne-paper", PAPER_SEED) for block in ends),
        LayoutRecipe("both", "pca", seed),
        LayoutRecipe("both", "umap", seed),
    ]


def make_study(
    session: Session,
    folder: str | Path,
    *,
    questions: int = QUESTIONS,
    seed: int = 0,
    maps: list[LayoutRecipe] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[Extraction, dict[str, Layout]]:
    """Make the study of a network, or what is still missing of it; some minutes on two cores.

    Args:
        folder: usually `study` beside the weights. What was made of other weights is replaced.
        maps: what to lay out; `recipes` by default.
        progress: called with hundredths of all parts.

    Raises:
        InputError: the folder cannot be written.
        Cancelled: `cancel` said so; finished parts are kept.
    """
    folder = Path(folder)
    maps = recipes(session.config.blocks, seed) if maps is None else maps
    of = 100 * (1 + len(maps))

    def report(part: int) -> Progress:
        return lambda done, all: progress(100 * part + 100 * done // max(1, all), of) if progress else None

    study = _questions(session, folder, questions, seed, report(0), cancel)
    kept = {
        layout_in(
            folder / LAYOUTS, study, recipe, stability=True, progress=report(number), cancel=cancel
        ).recipe.title
        for number, recipe in enumerate(maps, 1)
    }
    found = layouts_in(folder / LAYOUTS, study)
    return study, {title: layout for title, layout in found.items() if title in kept}


def _questions(
    session: Session, folder: Path, count: int, seed: int, progress: Progress, cancel: Cancel | None
) -> Extraction:
    study = open_study(folder, session)
    if study is not None and (study.recipe["count"], study.recipe["seed"]) == (count, seed):
        return study
    asked = sample_questions(count, seed, progress=progress, cancel=cancel)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / LAYOUTS, ignore_errors=True)  # they are of other questions or another network
    workshop = folder / ".extraction"
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        write_small(extract(session, asked, workshop, cancel=cancel), folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return open_extraction(folder, session)


def open_study(folder: str | Path, session: Session) -> Extraction | None:
    """The study in a folder; None where there is none that is whole and of this network."""
    try:
        return open_extraction(folder, session)
    except InputError:
        return None
