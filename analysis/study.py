"""The study that comes with a checkpoint: `Study` opens it, `make_study` makes its questions and layouts.

study/extraction.json, table.parquet, state.npy    see `analysis.corpus.extraction`
study/predictions.parquet                          see `analysis.corpus.predictions`
study/layouts/*.parquet                            see `analysis.corpus.layout`
study/grouping.parquet, grouping_each.parquet      see `analysis.corpus.study_groupings`
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from analysis.adapter.dependence import clusters_of
from analysis.adapter.labels import LabelEvidence, read_labels
from analysis.corpus.evidence import Evidence, find_evidence
from analysis.corpus.extraction import Extraction, extract, open_extraction, write_small
from analysis.corpus.kept_layouts import layout_in, layouts_in
from analysis.corpus.layout import PAPER_SEED, Layout, LayoutRecipe, layout_title
from analysis.corpus.map_cards import MapCards, find_maps
from analysis.corpus.parameters import Parameters, measure_parameters
from analysis.corpus.pooled_maps import can_be_pooled, pooled_in, with_pooled
from analysis.corpus.predictions import has_predictions, predictions_in, with_predictions
from analysis.corpus.question_set import QuestionSet, sample_questions
from analysis.corpus.schema import Layers, Schema, label_values
from analysis.corpus.study_groupings import Groupings, find_groupings
from analysis.interventions.word_reading import WordReading, find_word_reading
from analysis.question.population import ENOUGH, Population, measure_population, population_of
from film import Cancel, InputError, Progress, Session

FOLDER, LAYOUTS = "study", "layouts"
QUESTIONS = 20_000


class Study:
    """A network and what is kept beside it, each part opened once, when it is asked for first.

    `session`: the network; None for a study of any FiLM network (`write_study`), which comes without one.
    `folder`: of its checkpoint, where the study lies in `study`; or the study itself. `seed`: of what is
    measured here because nothing is kept. `cache`: a folder for what is computed later, for any study; None:
    that is kept in memory.
    """

    def __init__(
        self, session: Session | None, folder: str | Path, seed: int = 0, cache: str | Path | None = None
    ):
        self._session, self.folder, self.seed, self._cache = session, Path(folder), seed, cache

    @property
    def alone(self) -> bool:
        """Whether the study came without its network: gammas, betas and labels are all there is."""
        return self._session is None

    @property
    def session(self) -> Session:
        """The network. Raises InputError where the study came without it."""
        if self._session is None:
            raise InputError(
                f"{self.name} is a study without its network; open a checkpoint to ask questions."
            )
        return self._session

    @property
    def where(self) -> Path:
        """The folder of what is kept."""
        return self.folder if self.alone else self.folder / FOLDER

    @property
    def name(self) -> str:
        """What the network is called, or the study where it came without one."""
        if self._session is not None:
            return self._session.card.name
        return str(self._known.recipe["network"]) or self.folder.name

    @property
    def weights(self) -> str:
        """Hash of the network's weights; of all gammas and betas where these are all there is."""
        return self._session.card.weights if self._session else str(self._known.recipe["weights"])

    @property
    def schema(self) -> Schema:
        """What its rows are called, and its labels and layers."""
        if self._session is None:
            return self._known.schema
        config = self._session.config
        return Schema(Layers.equal(config.blocks, config.maps))

    @cached_property
    def _known(self) -> Extraction:
        return open_extraction(self.folder)

    @property
    def written(self) -> tuple[float, ...]:
        """When the files were written, so that new ones can be seen without a restart."""
        return tuple(sorted(path.stat().st_mtime for path in self.where.glob("*.parquet")))

    @cached_property
    def extraction(self) -> Extraction | None:
        """What the network makes of many questions, and answers to them where that was measured.

        None where it is not kept. Raises InputError where the predictions are damaged.
        """
        if self.alone:
            return self._known
        found = open_study(self.where, self.session)
        if found is None:
            return None
        told = with_predictions(found, self.where)
        cache = self._cache_of(told)
        return told if cache is None else with_pooled(told, cache)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Layouts of these questions by their titles, the study's own before what visitors had computed.

        Nothing is fitted here.
        """
        if self.extraction is None:
            return {}
        cache = self._cache_of(self.extraction)
        own = layouts_in(self.where / LAYOUTS, self.extraction)
        later = {} if cache is None else layouts_in(cache, self.extraction)
        return own | {title: layout for title, layout in later.items() if title not in own}

    def _cache_of(self, extraction: Extraction) -> Path | None:
        """Where what is computed later of these questions is kept."""
        if self._cache is None:
            return None
        about = (str(extraction.recipe.get(name))[:16] for name in ("weights", "questions"))
        return Path(self._cache) / "-".join(about)

    @property
    def spaces(self) -> list[str]:
        """The spaces that questions can be projected from; pooled maps where their pictures can be drawn."""
        if (known := self.extraction) is None:
            return []
        blocks = [f":{block}" for block in range(1, len(known.schema.layers) + 1)]
        kinds = ["both", "gamma", "beta"]
        if known.pooled is not None or (not self.alone and can_be_pooled(known)):
            kinds.append("maps")
        found = [f"{kind}{block}" for kind in kinds for block in ("", *blocks)]
        return found if known.state is None else [*found, "state"]

    def project(
        self, recipe: LayoutRecipe, *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> str:
        """Compute one more layout of all questions, or take it from the cache; its title among `layouts`.

        For pooled maps the pictures are drawn and answered about first, some minutes once.

        Args:
            progress: called with hundredths of the work.

        Raises:
            InputError: there are no questions, or the space is none of `spaces`.
            Cancelled: `cancel` said so.
        """
        known = self.extraction
        if known is None or recipe.space not in self.spaces:
            raise InputError(f"Nothing can be projected from {recipe.space!r} here: {self.name}.")
        cache, first = self._cache_of(known), 0
        with nullcontext(cache) if cache is not None else TemporaryDirectory() as folder:
            if recipe.space.startswith("maps") and known.pooled is None:
                first = 80
                known = pooled_in(
                    folder, self.session, known, progress=_share(progress, 0, first), cancel=cancel
                )
                self.__dict__["extraction"] = known
            layout = layout_in(folder, known, recipe, progress=_share(progress, first, 100), cancel=cancel)
        title = layout_title(layout.recipe, known, len(layout))
        self.__dict__["layouts"] = self.layouts | {title: layout}
        return title

    @cached_property
    def evidence(self) -> Evidence | None:
        """Answers to questions of known truth, and probes. Raises InputError where a file is damaged."""
        return None if self.alone else find_evidence(self.folder, self.weights)

    @cached_property
    def cards(self) -> MapCards | None:
        """A card for every feature map. Raises InputError where a file is damaged."""
        return find_maps(self.folder, self.weights)

    @cached_property
    def word_reading(self) -> WordReading | None:
        """Which maps read which word. Raises InputError where a file is damaged."""
        return find_word_reading(self.folder, self.weights)

    @cached_property
    def groupings(self) -> Groupings | None:
        """How the blocks group its questions, where it is kept. Raises InputError where a file is damaged."""
        return None if self.extraction is None else find_groupings(self.where, self.extraction)

    @cached_property
    def labels(self) -> LabelEvidence | None:
        """What the labels of a study without its network have to do with its layers. Raises InputError."""
        return read_labels(self.folder, self._known) if self.alone else None

    @cached_property
    def population(self) -> Population:
        """Gammas and betas of thousands of questions: the kept ones, or some measured now, in seconds."""
        if self.extraction is None:
            return measure_population(self.session, seed=self.seed)
        return population_of(self.extraction)

    @cached_property
    def parameters(self) -> Parameters:
        """The distributions of these gammas and betas."""
        if self.alone:
            return self._own_parameters()
        found = self.population
        source = f"{len(found):,} questions as CLEVR asks them, drawn with seed {found.seed}"
        return measure_parameters(found.texts, {"type": found.types}, found.gamma, found.beta, source)

    def _own_parameters(self) -> Parameters:
        study, schema = self._known, self.schema
        source = f"{len(study):,} {schema.nouns} ({study.recipe['source']})"
        labels = {name: label_values(study.table, schema, name) for name in schema.labels}
        if len(study) > ENOUGH:
            rows = np.sort(np.random.default_rng(self.seed).choice(len(study), ENOUGH, replace=False))
            study = study.take(rows)
            labels = {name: values.iloc[rows] for name, values in labels.items()}
            source = f"{ENOUGH:,} of {source}, drawn with seed {self.seed}"
        texts = study.table["text"].to_numpy()
        told = {name: values.to_numpy() for name, values in labels.items()}
        clusters = clusters_of(study) if schema.groups else None
        return measure_parameters(texts, told, study.gamma, study.beta, source, schema, clusters)


def _share(progress: Progress | None, start: int, end: int) -> Progress | None:
    """Progress of a part of the work, from one hundredth to another."""
    if progress is None:
        return None
    return lambda done, of: progress(start + (end - start) * done // max(1, of), 100)


def recipes(blocks: int, seed: int = 0) -> list[LayoutRecipe]:
    """The projections that come with a network; the paper shows the first and the last block (Figure 6)."""
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
    predict: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[Extraction, dict[str, Layout]]:
    """Make the study of a network, or what is still missing of it; some minutes on two cores.

    Args:
        folder: usually `study` beside the weights. What was made of other weights is replaced.
        maps: what to lay out; `recipes` by default.
        predict: also draw the questions' scenes and answer about them, a fifth of a second a scene.
        progress: called with hundredths of all parts.

    Raises:
        InputError: the folder cannot be written.
        Cancelled: `cancel` said so; finished parts are kept.
    """
    folder = Path(folder)
    maps = recipes(session.config.blocks, seed) if maps is None else maps
    of = 100 * (1 + predict + len(maps))

    def report(part: int) -> Progress:
        return lambda done, all: progress(100 * part + 100 * done // max(1, all), of) if progress else None

    study, asked = _questions(session, folder, questions, seed, report(0), cancel)
    if predict and not has_predictions(folder, study):
        asked = asked or sample_questions(questions, seed, progress=report(0), cancel=cancel)
        _same_questions(asked, study, folder)
        predictions_in(folder, session, asked, progress=report(1), cancel=cancel)
    made = [
        layout_in(folder / LAYOUTS, study, recipe, stability=True, progress=report(number), cancel=cancel)
        for number, recipe in enumerate(maps, 1 + predict)
    ]
    kept = {layout_title(layout.recipe, study, len(layout)) for layout in made}
    found = layouts_in(folder / LAYOUTS, study)
    return with_predictions(study, folder), {title: found[title] for title in found if title in kept}


def _questions(
    session: Session, folder: Path, count: int, seed: int, progress: Progress, cancel: Cancel | None
) -> tuple[Extraction, QuestionSet | None]:
    """The study's questions, read; and as they were asked, where they had to be drawn anew."""
    study = open_study(folder, session)
    if study is not None and (study.recipe["count"], study.recipe["seed"]) == (count, seed):
        return study, None
    asked = sample_questions(count, seed, progress=progress, cancel=cancel)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / LAYOUTS, ignore_errors=True)  # they are of other questions or another network
    workshop = folder / ".extraction"
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        write_small(extract(session, asked, workshop, cancel=cancel), folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return open_extraction(folder, session), asked


def _same_questions(asked: QuestionSet, study: Extraction, folder: Path) -> None:
    if asked.hash != study.recipe["questions"]:
        raise InputError(
            f"The questions in {folder} were drawn by another version, so nobody knows of which scenes they "
            "are; remove the folder and make it anew."
        )


def open_study(folder: str | Path, session: Session) -> Extraction | None:
    """The study in a folder; None where there is none that is whole and of this network."""
    try:
        return open_extraction(folder, session)
    except InputError:
        return None
