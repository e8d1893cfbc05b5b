"""The bench in a report: the edits of a view, the answers before and after, and maps at each object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from analysis.figures import question as single
from analysis.figures.interventions import object_heatmap
from analysis.interventions.edit_list import applied_edits, described_edit, read_edits
from analysis.question.feature_maps import stage_names
from analysis.question.scene_objects import STAGES, object_readings
from analysis.report_page import Item, Section, html, table
from analysis.report_view import ReportedPicture
from analysis.view import ViewState
from film import InputError, Session, percent


def answers_table(before: Mapping[str, float], after: Mapping[str, float]) -> pd.DataFrame:
    """Every answer's probability before and after the edits: columns answer, before, after."""
    return pd.DataFrame(
        {"answer": list(before), "before": list(before.values()), "after": list(after.values())}
    )


def bench_section(session: Session, view: ViewState, shown: ReportedPicture) -> Iterator[Section]:
    """What the edits of a view do to the answer; nothing where there are none."""
    if not view.edits:
        return
    title = "Gamma and beta changed"
    try:
        entries = read_edits(view.edits)
        before = session.ask(shown.pixels, view.question)
        after = session.ask(shown.pixels, view.question, applied_edits(entries))
    except InputError as error:
        yield Section(title, str(error), ())
        return
    listed = html("").join(
        html("<li>{}{}</li>", described_edit(entry.edit), "" if entry.on else " (switched off)")
        for entry in entries
    )
    numbers = answers_table(before.probabilities, after.probabilities)
    yield Section(
        title,
        f"{before.answer} ({percent(before.probabilities[before.answer])}) before, "
        f"{after.answer} ({percent(after.probabilities[after.answer])}) after.",
        (
            html("<ol>{}</ol>", listed),
            (
                single.answers_side_by_side(
                    before.probabilities, after.probabilities, names=("before", "after")
                ),
                "Probabilities of all answers, before and after.",
                numbers,
            ),
            table(numbers.assign(**{name: numbers[name].map(percent) for name in ("before", "after")})),
        ),
    )


def objects_section(session: Session, view: ViewState, shown: ReportedPicture) -> Iterator[Section]:
    """What the maps of the view's block read at every object, and its map before FiLM and after it.

    Both as the question has them, and with the edits where there are some; nothing where no object is known.
    """
    title, config, scene = "Feature maps at each object", session.config, shown.scene
    if scene is None or not scene.objects:
        return
    block, number = min(view.block, config.blocks - 1), min(view.feature_map, config.maps - 1)
    try:
        edits = applied_edits(read_edits(view.edits))
        read = {"as predicted": object_readings(session, shown.pixels, view.question, scene)}
        if edits:
            read["with the edits"] = object_readings(session, shown.pixels, view.question, scene, edits)
    except InputError as error:
        yield Section(title, str(error), ())
        return
    labels = dict(zip(STAGES, stage_names(config, block).labels, strict=True))
    names = [str(thing) for thing in scene.objects]
    body: list[Item] = []
    for how, found in read.items():
        here = found[found["block"] == block]
        body += [
            (
                object_heatmap(
                    here[stage].to_numpy().reshape(len(names), -1), names, block, labels[stage], chosen=number
                ),
                f"Block {block + 1}, {labels[stage]}, {how}: every map at every object.",
                here.assign(block=block + 1),
            )
            for stage in STAGES[:2]
        ]
    own = pd.concat(
        [found[(found["block"] == block) & (found["map"] == number)].assign(gammas=how)
         for how, found in read.items()]
    )  # fmt: skip
    columns = {"object": "object", "name": "name", "gammas": "gamma and beta", **labels}
    body += [
        html("<h3>Block {}, map {}, at each object</h3>", block + 1, number),
        table(own[list(columns)].rename(columns=columns), "{:.3f}"),
    ]
    said = "The mean of a map over the squares of its grid that an object lies in; one question, one picture."
    yield Section(title, said, tuple(body))
