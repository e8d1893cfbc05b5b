"""A report: one self-contained page of the whole study, or of one saved view, with its manifest.

    python -m analysis report --out report.html
    python -m analysis report --view "picture=gallery-3&q=How+many+cubes+are+there%3F&block=2" --out view.html

Its figures are made by the same functions as the app's pages. The page needs nothing from outside:
plotly is in it once, pictures are in it as data. What was not measured for this network is left out,
and the page says which command would measure it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from analysis import report_conditions as conditions
from analysis.corpus.atlas import matching
from analysis.corpus.claim import attribute_then_operation
from analysis.corpus.enrichment import why_together
from analysis.corpus.extraction import Extraction
from analysis.corpus.grouping import grouping_table
from analysis.corpus.layout import Layout
from analysis.corpus.study_groupings import GROUPING_SEED, SPACE, space_groupings
from analysis.figures import (
    atlas as maps,
    map_cards as cards,
    parameters as counted,
    question as single,
)
from analysis.question.population import Population
from analysis.question.truth import find_truth
from analysis.report_bench import bench_section, objects_section
from analysis.report_evidence import answers_section, probe_section, probes_section
from analysis.report_page import (
    Item,
    Section,
    as_csv,
    html,
    manifest,
    missing,
    named_network,
    page,
    picture,
    table,
)
from analysis.report_question import values_section, words_section
from analysis.report_studio import studio_section
from analysis.report_view import ReportedPicture, reported_picture
from analysis.study import Study
from analysis.table_files import table_source
from analysis.view import ViewState
from film import (
    InputError,
    Progress,
    Session,
    percent,
    write_atomically,
)

PROJECTIONS = "Projections of gamma and beta"
FINDINGS = 30  # of what a selection shares that are listed
FINDING_COLUMNS = {
    "kind": "kind", "feature": "feature", "selection": "here", "rest": "rest", "effect": "effect", "q": "q",
    "p_family": "p (family-wise)",
}  # fmt: skip
MAPS = 20  # feature maps that are listed
CARD_COLUMNS = [
    "block", "map", "pictures", "language", "effect_shrunken", "effect_low", "effect_high", "effect_p",
]  # fmt: skip


def make_report(
    session: Session | None,
    folder: str | Path,
    *,
    view: ViewState | None = None,
    remarks: tuple[str, ...] = (),
    shown: ReportedPicture | None = None,
    population: Population | None = None,
    seed: int = 0,
    grouping: bool = True,
    command: str = "",
    progress: Progress | None = None,
) -> str:
    """The page as HTML.

    Args:
        session: None for a study without its network.
        folder: of the checkpoint; the study beside it is read. Or a study without its network.
        view: what to report on; the whole study if left out.
        remarks: what there is to say of the link that the view came by.
        shown: the view's picture where it is one of a folder or an upload; the gallery's first stands in.
        population: questions to compare with; the study's, or some sampled here, if left out.
        seed: of everything sampled or resampled here.
        grouping: measure how the blocks group questions, too, some ten seconds.
        command: what was typed, for the manifest.
    """
    study = _Reported(session, Path(folder), view, seed, shown)
    name = study.name or "a network"
    makers: list[Callable[[_Reported], Iterator[Section]]]
    if view is None:
        title = f"The study of {name}"
        makers = [
            _network,
            answers_section,
            probes_section,
            _parameters,
            *([_groups] if grouping else []),
            _layouts,
            _cards,
        ]
        if study.alone:
            makers = [conditions.about, conditions.labels, _parameters, _layouts]
    else:
        title = f"A view of {name}"
        makers = [_question, _studio, _bench, _objects, _values, _card, _words, _selection, _probe_of_view]
        if study.alone:
            makers = [conditions.about, _selection]
    if population is not None:
        study.population = population
    parts: list[Section] = []
    for done, make in enumerate(makers, start=1):
        parts += make(study)
        if progress:
            progress(done, len(makers))
    asked = ""
    if view is not None and not study.alone:
        seen, exhibit = _shown(study)
        asked = f"“{seen.question}” about “{exhibit.title}”"
    return page(title, parts, remarks, manifest(study, view=view, seed=seed, command=command), asked)


def write_report(path: str | Path, page: str) -> None:
    """Write a report's page to a file, whole or not at all."""

    def write(temporary: Path) -> None:
        temporary.write_text(page, "utf-8")

    write_atomically(Path(path), write)


class _Reported(Study):
    """A study with what is reported of it."""

    def __init__(
        self,
        session: Session | None,
        folder: Path,
        view: ViewState | None,
        seed: int,
        shown: ReportedPicture | None,
    ):
        super().__init__(session, folder, seed)
        self.view, self.shown = view, shown


# --- The whole study ----------------------------------------------------------------------------------


def _network(study: _Reported) -> Iterator[Section]:
    card, config = study.session.card, study.session.config
    rows = {
        "name": card.name or "without a name",
        "weights": card.weights,
        "input": f"{config.picture}, {config.width} x {config.height}",
        "question encoder": f"{config.cell.upper()} of {config.hidden_size} units, {config.words} words",
        "blocks": f"{config.blocks} of {config.maps} feature maps",
        "training": card.taught,
        "made with": card.command or "unknown",
    }
    yield Section("The network", "", (table(pd.DataFrame(rows.items(), columns=["", " "])),))


def _parameters(study: _Reported) -> Iterator[Section]:
    parameters = study.parameters
    rows = pd.DataFrame({kind: asdict(of) for kind, of in parameters.statistics.items()}).T
    yield Section(
        "Gamma and beta",
        f"Of {parameters.source} (paper, Figures 5 and 16 to 18).",
        (
            (
                counted.parameter_histograms(parameters),
                "All gammas and betas.",
                counted.histogram_table(parameters),
            ),
            table(rows.reset_index(names="of"), "{:.3f}"),
            *(
                (
                    counted.block_histograms(parameters, kind),
                    f"{kind.capitalize()} block by block.",
                    counted.histogram_table(parameters, kind),
                )
                for kind in ("gamma", "beta")
            ),
            (
                counted.map_moments(parameters),
                "Each map's mean and standard deviation over questions.",
                counted.moment_table(parameters),
            ),
        ),
        sample=parameters.source,
    )


def _groups(study: _Reported) -> Iterator[Section]:
    title = "By attribute first, by operation last?"
    try:
        groups = study.groupings[SPACE] if study.groupings else space_groupings(study.population)
    except InputError as error:
        yield Section(title, str(error), ())
        return
    body: list[Item] = []
    if len(groups) > 1:
        verdict = attribute_then_operation(groups[0], groups[-1])
        body.append(
            html(
                "<p>The paper's claim, in this network: <b>{}</b>. The two distances decide; neighbours are "
                "told beside them.</p>",
                verdict.summary(),
            )
        )
        reasons = html("").join(html("<li>{}</li>", reason) for reason in verdict.reasons)
        body.append(html("<ul>{}</ul>", reasons))
    numbers = grouping_table(groups)
    body.append(
        (counted.grouping_by_block(groups), "Bars: 95 % intervals; dotted: shuffled labels.", numbers)
    )
    body.append(table(numbers, "{:.3f}"))
    asked = f"{groups[0].type.questions:,} different questions drawn with seed {GROUPING_SEED}"
    yield Section(
        title,
        f"Neighbour agreement and distances of class centres in each block (paper, Fig. 6), of {asked}.",
        tuple(body),
        sample=asked,
    )


def _layouts(study: _Reported) -> Iterator[Section]:
    if study.extraction is None or not study.layouts:
        yield from missing(study, PROJECTIONS, "study")
        return
    drawn = []
    labels, nouns = study.schema.labels, study.schema.nouns
    color = (labels[0] if labels else "") if study.alone else "type"
    for name, layout in study.layouts.items():
        points = study.extraction.table.iloc[layout.rows]
        alike = maps.color_by_category(pd.Series([nouns] * len(points)), "")
        coloring = maps.color_by_column(points, color) if color else alike
        drawn.append(html("<h3>{}</h3>{}", name, _map(study, name, coloring)))
    look_for = (
        f"A point is one of the {nouns}, coloured by {color or 'nothing'}. The report of a view carries its "
        "coordinates."
    )
    yield Section(PROJECTIONS, look_for, tuple(drawn))


def _cards(study: _Reported) -> Iterator[Section]:
    title = "What the feature maps differ between"
    if study.cards is None:
        yield from missing(study, title, "maps")
        return
    found, recipe = study.cards.cards, study.cards.recipe
    named = (found["pictures"] != "unlabelled").mean()
    strongest = found.sort_values("effect_rank", kind="stable").head(MAPS)
    shown = strongest.assign(block=strongest["block"] + 1)
    yield Section(
        title,
        f"{named:.0%} of the maps differ between objects, compared within scenes at equal cover: "
        f"{_carded(recipe)}; family-wise. {study.cards.survival()} {study.cards.trust()}",
        (
            (
                cards.label_grid(found, study.cards.effects),
                "Every map, by what it differs between.",
                found.assign(block=found["block"] + 1),
            ),
            html(
                "<p>The {} maps with the largest effect on answers: drop of the logit difference when one is "
                "resampled, over {:,} questions.</p>",
                len(shown),
                recipe["asked"],
            ),
            table(shown[CARD_COLUMNS].reset_index(drop=True), "{:.3f}"),
        ),
        sample=_carded(recipe),
    )


def _carded(recipe: Mapping[str, Any]) -> str:
    """What these map cards were measured of."""
    return (
        f"{recipe['objects']:,} objects of {recipe['scenes']} scenes, {recipe['questions']:,} questions, "
        f"seed {recipe['seed']}"
    )


def _card(study: _Reported) -> Iterator[Section]:
    if study.cards is None or study.view is None:
        return
    block = min(study.view.block, study.session.config.blocks - 1)
    number = min(study.view.feature_map, study.session.config.maps - 1)
    found = {about: study.cards.effects_of(block, number, about) for about in ("pictures", "language")}
    yield Section(
        f"What map {number} of block {block + 1} differs between",
        "Cliff's delta with 95 % intervals; pale bars could be chance.",
        tuple(
            (cards.effect_bars(effects), f"In {about}.", effects.assign(block=effects["block"] + 1))
            for about, effects in found.items()
        ),
        sample=_carded(study.cards.recipe),
    )


def _map(study: _Reported, name: str, coloring: maps.Coloring, selected: np.ndarray | None = None) -> Markup:
    layout, known = study.layouts[name], study.extraction
    assert known is not None
    told = maps.layout_caption(layout, len(known), known.schema.nouns)
    lines = [f"{name}, coloured by {coloring.title}" if coloring.title else name, *told.split(" · ")]
    lines.append(named_network(study.weights))
    drawn = maps.layout_svg(layout.places, coloring, caption=lines, selected=selected, size=760)
    button = Markup('<button type="button">Save as SVG</button>')
    caption = html("<figcaption>{} {}</figcaption>", told, button)  # a line of the SVG would not break
    return html('<figure class="map">{}{}</figure>', Markup(drawn), caption)


def _coordinates(study: _Reported, name: str, selected: np.ndarray | None) -> Markup:
    """A link to a table of where the points lie."""
    layout, extraction = study.layouts[name], study.extraction
    assert extraction is not None
    places = pd.DataFrame(layout.places.astype(float).round(3), columns=["x", "y"])
    places["selected"] = False if selected is None else selected[layout.rows]
    places.insert(0, "text", extraction.table["text"].to_numpy()[layout.rows])
    places.insert(0, "id", layout.rows)
    source = table_source(
        f"Projection {layout.recipe.describe()}", named_network(study.weights),
        maps.layout_sample(layout, extraction),
    )  # fmt: skip
    return html(
        '<p><a download="film-lens-coordinates.csv" href="{}">Coordinates as CSV</a></p>',
        as_csv(places, source),
    )


# --- One view -----------------------------------------------------------------------------------------


def _question(study: _Reported) -> Iterator[Section]:
    view, exhibit = _shown(study)
    pixels = exhibit.pixels
    image = html('<img src="{}" alt="{}">', picture(pixels), exhibit.title)
    truth = find_truth(view.question, exhibit.scene)
    about = html("<p><b>{}.</b> {}</p>{}", exhibit.title, exhibit.why, image)
    try:
        answer = study.session.ask(pixels, view.question)
    except InputError as error:
        yield Section(view.question or "No question", str(error), (about,))
        return
    known = html("the true answer is <b>{}</b>.", truth.answer) if truth.answer else truth.reason
    told = html(
        "<p>Predicted <b>{}</b>, confidence {}; {}</p>",
        answer.answer, percent(answer.probabilities[answer.answer]), known,
    )  # fmt: skip
    steps = [
        {"step": step.number, "does": step.does, "gives": step.gives} for step in truth.steps
    ]  # fmt: skip
    body: list[Item] = [
        about,
        told,
        (
            single.answer_bars(answer.probabilities, truth.answer),
            "Probabilities of all answers.",
            pd.DataFrame(answer.probabilities.items(), columns=["answer", "probability"]),
        ),
    ]
    if steps:
        body += [html("<h3>What is asked, step by step</h3>"), table(pd.DataFrame(steps))]
    yield Section(view.question, "", tuple(body))


def _bench(study: _Reported) -> Iterator[Section]:
    yield from bench_section(study.session, *_shown(study))


def _objects(study: _Reported) -> Iterator[Section]:
    yield from objects_section(study.session, *_shown(study))


def _studio(study: _Reported) -> Iterator[Section]:
    yield from studio_section(study.session, _shown(study)[0])


def _values(study: _Reported) -> Iterator[Section]:
    yield from values_section(study.session, _shown(study)[0], study.population)


def _words(study: _Reported) -> Iterator[Section]:
    yield from words_section(study.session, _shown(study)[0])


def _selection(study: _Reported) -> Iterator[Section]:
    view, _ = _shown(study)
    extraction = study.extraction
    if extraction is None or not (view.layout or view.filter_for):
        return
    name = view.layout if view.layout in study.layouts else next(iter(study.layouts), "")
    layout = study.layouts.get(name)
    body: list[Item] = []
    selected = None
    looked = ""
    try:
        if view.filter_by and view.filter_for:
            selected = matching(extraction, view.filter_by, view.filter_for)
            looked = f"Selected: {extraction.schema.nouns} whose {view.filter_by} is “{view.filter_for}”."
        if layout is not None:
            coloring = _coloring(extraction, layout, view)
            here = None if selected is None else selected[layout.rows]
            body += [
                _map(study, name, coloring, here),
                _coordinates(study, name, selected),
            ]
        if selected is not None:
            network = None if study.alone else study.session
            why = why_together(
                extraction, selected, layout=layout, drawn=False, session=network, seed=study.seed
            )
            body.append(html("<h3>Why are these together?</h3>"))
            body += [html("<p><b>{}</b> {}</p>", asked, said) for asked, said in why.statements()]
            found = why.table[list(FINDING_COLUMNS)].head(FINDINGS)
            body += [
                table(found.rename(columns=FINDING_COLUMNS), "{:.3g}"),
                html("<p>{}</p>", why.describe()),
            ]
    except InputError as error:
        body.append(html("<p>{}</p>", error))
    yield Section(f"Projection of the {extraction.schema.nouns}", looked, tuple(body))


def _coloring(extraction: Extraction, layout: Layout, view: ViewState) -> maps.Coloring:
    if view.color == "word" and view.word:
        return maps.color_by_presence(extraction.has_word(view.word)[layout.rows], view.word)
    table = extraction.table.iloc[layout.rows]
    usual = next(iter(extraction.schema.labels), "text")
    return maps.color_by_column(table, view.color if view.color in table.columns else usual)


def _probe_of_view(study: _Reported) -> Iterator[Section]:
    yield from probe_section(study, _shown(study)[0].probe)


def _shown(study: _Reported) -> tuple[ViewState, ReportedPicture]:
    assert study.view is not None
    return reported_picture(study.view, study.shown)
