"""The parts of a report that are of one question's gamma and beta."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.figures import question as single
from analysis.figures.style import block_names
from analysis.question.population import Population, standing
from analysis.question.word_contributions import Kind, word_contributions
from analysis.report_page import Item, Section
from analysis.view import ViewState
from film import InputError, Session


def values_section(session: Session, view: ViewState, others: Population) -> Iterator[Section]:
    """Gamma and beta of the view's question, those of its map among other questions'."""
    config = session.config
    try:
        # As the app does: a word that the network never learned is no question to it.
        session.vocabulary.words(view.question)
        modulation = session.modulate([view.question])
    except InputError:
        return
    values: dict[Kind, np.ndarray] = {
        "gamma": modulation.gamma.numpy()[0], "beta": modulation.beta.numpy()[0]
    }  # fmt: skip
    block, number = min(view.block, config.blocks - 1), min(view.feature_map, config.maps - 1)
    seed = "" if others.seed is None else f", seed {others.seed}"
    body: list[Item] = []
    for kind, own in values.items():
        compared, value = standing(others, kind, own), float(own[block, number])
        body += [
            (
                single.modulation_heatmap(own, kind, compared, chosen=(block, number)),
                f"{kind} of every map; framed: block {block + 1}, map {number}.",
                single.modulation_table({kind: own}, {kind: compared}),
            ),
            (
                single.population_histogram(others, kind, block, number, value),
                f"{kind} {value:+.3f} of block {block + 1}, map {number}, among {len(others):,} questions"
                f"{seed}: z {compared.z[block, number]:+.2f}, percentile "
                f"{compared.percentile[block, number]:.1f}.",
                single.population_bins(others, kind, block, number),
            ),
        ]
    body.append(
        (
            single.plane(values["gamma"], values["beta"], chosen=(block, number)),
            "Gamma against beta.",
            single.modulation_table(values),
        )
    )
    yield Section("Gamma and beta of the question", "", tuple(body))


def words_section(session: Session, view: ViewState) -> Iterator[Section]:
    """What each word of the view's question does to gamma and beta."""
    config = session.config
    try:
        contributions = word_contributions(session, view.question)
    except InputError:
        return
    block, number = min(view.block, config.blocks - 1), min(view.feature_map, config.maps - 1)
    body: list[Item] = []
    kinds: tuple[Kind, ...] = ("gamma", "beta")
    for kind in kinds:
        moves = contributions.moves(kind)
        numbers = pd.DataFrame(moves, columns=block_names(moves.shape[1]))
        numbers.insert(0, "word", contributions.tokens)
        said = f"RMS change of {kind} by each word in each block."
        body.append((single.word_moves(contributions, kind), said, numbers))
        label = f"{kind} of block {block + 1}, map {number}"
        caveat = contributions.caveat(kind)
        lines = contributions.lines(kind, block, number)
        body.append(
            (
                single.contribution_bars(lines, label),
                f"{label}: {caveat or 'the bars sum to the value exactly.'}",
                pd.DataFrame([vars(line) for line in lines]),
            )
        )
    yield Section("Word by word", "", tuple(body))
