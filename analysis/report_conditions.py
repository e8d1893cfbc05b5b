"""The parts of a report that are of a study without its network: what its rows are, and what labels have to
do with layers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.figures import probes as read_off
from analysis.report_page import Item, Section, html, table
from analysis.study import Study

MAPS = 15  # of each label that are listed


def about(study: Study) -> Iterator[Section]:
    schema, known = study.schema, study.extraction
    assert known is not None
    rows = {
        "network": study.name,
        "gammas and betas": study.weights,
        "rows": f"{len(known):,} {schema.nouns}, {known.recipe['source']}",
        "layers": ", ".join(
            f"{n} ({m} maps)" for n, m in zip(schema.layers.names, schema.layers.maps, strict=True)
        ),
        "states": "none" if known.state is None else f"{known.state.shape[1]} units",
        "categories": ", ".join(schema.categories) or "none",
        "numbers": ", ".join(schema.numbers) or "none",
        "groups": schema.groups or f"none: {schema.nouns} are taken to be independent",
    }
    yield Section("The study", "", (table(pd.DataFrame(rows.items(), columns=["", " "])),))


def labels(study: Study) -> Iterator[Section]:
    found, title = study.labels, "Labels and layers"
    if found is None:
        yield Section(title, "Labels were not compared in this study.", ())
        return
    body: list[Item] = []
    probed, regressed = (set() if of.empty else set(of["target"]) for of in (found.probes, found.regressions))
    for name in study.schema.labels:
        body.append(html("<h3>{}</h3>", name))
        if reason := found.left_out(name):
            body.append(html("<p>{}</p>", reason))
        if name in probed:
            chart = read_off.probe_chart(found.probes, name, layers=study.schema.layers.names)
            said = f"Linear probes for “{name}” by layer; hollow marks: shuffled labels."
            body.append((chart, said, found.probes[found.probes["target"] == name]))
        if name in regressed:
            chart = read_off.regression_chart(found.regressions, name, layers=study.schema.layers.names)
            said = (
                f"R² of ridge regressions for “{name}” by layer; hollow: 95 % of shuffled numbers are under."
            )
            body.append((chart, said, found.regressions[found.regressions["target"] == name]))
        if len(best := found.of_label(name)):
            body.append(table(best.drop(columns=["label", "p"]).head(MAPS), "{:.3f}"))
    recipe = found.recipe
    yield Section(
        title,
        f"{found.sample(study.schema)}, seed {recipe['seed']}. "
        "effect: Cliff's delta of a map's gamma or beta between conditions with the value and all others; "
        "p_family: corrected for all maps, values and labels.",
        tuple(body),
        sample=f"{found.sample(study.schema)}, seed {recipe['seed']}",
    )
