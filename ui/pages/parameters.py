"""Parameters: the paper's pictures of gamma and beta, drawn from the network that is here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Grouping, Kind, Parameters, Statistics
from film import InputError
from ui import as_python, below, question_header as header, state, widgets
from ui.cache import networks

POINTS = 4096  # most points of the plane, as many as the Distill article draws
SEED = 0  # draws the questions of the plane
_WHERE = {"space": "their full spaces", "map": "t-SNE projections, with the authors' settings"}
COLORS = {"": "the map", "type": "the kind of question", "word": "a word"}


def page() -> None:
    st.title("Parameters")
    st.caption("The distributions of gamma and beta, as the paper draws them, for this network.")
    try:
        parameters = header.waiting(
            lambda: networks.parameters(networks.study()), "Counting gammas and betas"
        )
        if parameters is None:
            return
    except InputError as error:
        widgets.show_error(error)
        return
    dark = widgets.dark()
    alone = networks.study().alone
    depend = "" if alone else " Gamma and beta depend on the words alone."
    st.caption(f"Of {widgets.plain(parameters.source)}.{depend}")
    still = [name for at, name in enumerate(parameters.layers.names) if at not in parameters.modulated]
    if still:
        st.caption(
            f"Left out, because its gammas and betas are the same for every {parameters.schema.noun}: "
            f"{widgets.plain(', '.join(still))}."
        )
    _all(parameters, dark)
    if below.waits("parameters"):
        return
    kind = _blocks(parameters, dark)
    _maps(parameters, dark)
    _plane(parameters, dark)
    if alone:
        st.header("What do the layers group by?")
        st.caption("CLEVR's attributes and operations are not among these labels; see the Labels page.")
    else:
        _groups(dark)
    widgets.copy_as_python("parameters", lambda: as_python.parameters(networks.study(), kind))


def _all(parameters: Parameters, dark: bool) -> None:
    st.header("All gammas and betas")
    widgets.notice(
        "The paper's Figure 5. **Look for a sharp peak of gamma at 0**, not at 1: many maps are off. "
        "About a third of the gammas are negative there and invert their map; most betas are too."
    )
    ours = parameters.statistics
    alt = (
        "Histograms of all gammas and betas; "
        f"gamma from {ours['gamma'].low:.1f} to {ours['gamma'].high:.1f}, "
        f"beta from {ours['beta'].low:.1f} to {ours['beta'].high:.1f}."
    )
    widgets.figure(
        analysis.parameter_histograms(parameters, dark=dark), "all-parameters", alt,
        analysis.histogram_table(parameters), sample=parameters.source,
    )  # fmt: skip
    rows = ["| | | range | below 0 | mode | mean |", "|---|" + "---|" * 5]
    for kind in KINDS:
        for name, found in {"**this network's**": ours, **analysis.PUBLISHED}.items():
            rows.append(f"| {kind} | {name} | {_line(found[kind])} |")
    st.markdown("\n".join(rows))
    st.caption(
        f"± is a 95 % interval over {parameters.schema.nouns}. "
        "The mode is the middle of the fullest of 128 bins."
    )
    widgets.how_measured("Distributions of gamma and beta")


def _line(found: Statistics) -> str:
    negative, mean = f"{found.negative:.1%}", f"{found.mean:.2f}"
    if not np.isnan(found.negative_margin):
        negative, mean = f"{negative} ± {found.negative_margin:.2%}", f"{mean} ± {found.mean_margin:.3f}"
    mean = "–" if np.isnan(found.mean) else mean
    return f"{found.low:.1f} to {found.high:.1f} | {negative} | {found.mode:.2f} | {mean}"


def _blocks(parameters: Parameters, dark: bool) -> Kind:
    """Block by block, of gamma or beta: which of them is shown."""
    st.header("Block by block")
    widgets.notice(
        "The paper's Figures 16 and 17; all blocks have the same axes. There, **later blocks have wider and "
        "more selective gammas**, and the first block's betas have a shape of their own."
    )
    chosen = st.segmented_control(
        "Blocks of", KINDS, required=True, **state.option("blocks-kind", KINDS, "gamma")
    )
    kind: Kind = "beta" if chosen == "beta" else "gamma"
    found = [(block, parameters.block_statistics(kind, block)) for block in parameters.modulated]
    alt = f"Histograms of {kind} in {len(found)} blocks."
    table = analysis.histogram_table(parameters, kind)
    widgets.figure(
        analysis.block_histograms(parameters, kind, dark=dark),
        f"{kind}-by-block",
        alt,
        table,
        sample=parameters.source,
    )
    st.caption(
        " · ".join(
            f"{widgets.plain(parameters.layers.names[block])}: {one.negative:.0%} below 0, "
            f"mode {one.mode:.2f}, mean {one.mean:.2f}"
            for block, one in found
        )
    )
    return kind


def _maps(parameters: Parameters, dark: bool) -> None:
    st.header("Map by map")
    noun, nouns = (widgets.plain(name) for name in (parameters.schema.noun, parameters.schema.nouns))
    widgets.notice(
        f"The paper's Figure 18: each map's mean and standard deviation (SD) over {nouns}. **An SD near 0 "
        f"is a map that the {noun} does not move**; a mean far from 0 with a small SD is always on."
    )
    alt = "Histograms over maps of the means and standard deviations of gamma and beta, stacked by block."
    widgets.figure(
        analysis.map_moments(parameters, dark=dark),
        "map-moments",
        alt,
        analysis.moment_table(parameters),
        sample=parameters.source,
    )


def _plane(parameters: Parameters, dark: bool) -> None:
    st.header("Gamma against beta")
    splits = "a value of a label" if networks.study().alone else "a kind of question, or a single word"
    widgets.notice(
        "The Distill article's figures. Grouped by map, **each map keeps to its own cloud**; one map alone "
        f"shows what splits it: {splits}. Faint in each panel: all the others."
    )
    block, chosen = header.pick_map(networks.study())
    colors = _colors(parameters)
    if state.view().plane not in colors:  # of a link
        state.change(plane="")
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.segmented_control(
        "Group by", list(colors), format_func=colors.__getitem__, required=True, **state.bound("plane")
    )
    color, word = state.view().plane or "map", ""
    if color == "word":
        given = right.text_input("Word", max_chars=30, placeholder="behind", **state.bound("word"))
        word = given.strip().lower()
        if not word:
            widgets.show_error("Type a word to group by, such as “behind”.")
            return
    maps = parameters.most_varied(block, chosen=chosen) if color == "map" else [chosen]
    most = min(POINTS // len(maps), len(parameters))
    rows = np.sort(np.random.default_rng(SEED).choice(len(parameters), most, replace=False))
    shown = (
        f"{len(maps)} maps of {parameters.layers.names[block]}"
        if len(maps) > 1
        else f"Map {chosen} of {parameters.layers.names[block]}"
    )
    nouns = parameters.schema.nouns
    alt = f"{shown}: gamma against beta of {most:,} {nouns}, grouped by {colors[state.view().plane]}."
    widgets.figure(
        analysis.gamma_against_beta(parameters, block, maps, color=color, word=word, rows=rows, dark=dark),
        "gamma-against-beta", alt, analysis.point_table(parameters, block, maps, rows),
        sample=f"{most:,} {nouns}, seed {SEED}",
    )  # fmt: skip
    which = "the maps whose gamma varies most, and the chosen one" if len(maps) > 1 else "the chosen map"
    st.caption(
        f"{widgets.plain(shown)}, {which}; {most:,} of {len(parameters):,} {nouns}, drawn with seed {SEED}."
    )


def _colors(parameters: Parameters) -> dict[str, str]:
    if not networks.study().alone:
        return COLORS
    labels = {name: name for name in parameters.labels}
    return {"": "the map", **labels} | ({"word": "a word"} if parameters.schema.words else {})


def _groups(dark: bool) -> None:
    st.header("By attribute first, by operation last?")
    widgets.notice(
        "The paper says of its Figure 6 that **the first block puts questions about the same attribute "
        "together** (*equal color* beside *query color*), **the last those with the same operation** (all "
        "*equal*, all *query*). Here it is counted."
    )
    load = networks.groupings
    try:
        if networks.map_groupings(networks.study()) != []:
            where = st.segmented_control(
                "Measured in", list(_WHERE), format_func=_WHERE.__getitem__, required=True,
                **state.option("groups-where", list(_WHERE), "space"),
            )  # fmt: skip
            load = networks.map_groupings if where == "map" else load
        found = header.waiting(lambda: load(networks.study()), "Measuring how the blocks group questions")
    except InputError as error:
        widgets.show_error(error)
        return
    if found is None:
        return
    if len(found) > 1:
        _verdict(found)
    table = analysis.grouping_table(found)
    alt = "Neighbour agreement by type, attribute and operation, and distances of class centres, by block."
    questions = f"{found[0].type.questions:,}"
    which = f"{questions} different questions, drawn with seed {analysis.GROUPING_SEED}"
    if load is networks.map_groupings:
        which = f"The study's first {questions} questions, as the authors took the first ones"
    widgets.figure(analysis.grouping_by_block(found, dark=dark), "grouping", alt, table, sample=which)
    st.caption(
        f"{which}. Bars: 95 % intervals "
        f"from {analysis.GROUPING_TRIALS} resamplings of the questions, dotted lines the mean of as many "
        "permutations of the labels. Attribute and operation are those of query and equal questions. "
        "Distances are in units of the mean distance of all questions to their centre. Faint and dashed: the "
        "authors' network of six blocks, in the t-SNE projections they published, so compare the trend only."
    )
    agreement = _agreement_table(found)
    st.dataframe(agreement, hide_index=True)
    widgets.data(
        agreement.rename(columns={"": "block"}), "agreement", "How each block groups questions", sample=which
    )
    widgets.how_measured("Neighbours of a question", "Attribute and operation")


def _verdict(found: list[Grouping]) -> None:
    verdict = analysis.attribute_then_operation(found[0], found[-1])
    st.markdown(
        f"**In this network: {verdict.summary()}.** The paper words its claim by the two distances; "
        "neighbours are told beside them (:material/check: as in the paper, :material/close: the reverse, "
        ":material/question_mark: undecided):"
    )
    icons = {1: ":material/check:", -1: ":material/close:", 0: ":material/question_mark:"}
    parts = zip(verdict.signs, verdict.reasons, strict=True)
    st.markdown("\n".join(f"- {icons[sign]} {widgets.plain(reason)}" for sign, reason in parts))


def _agreement_table(found: list[Grouping]) -> pd.DataFrame:
    """Every score with its interval, and what shuffled labels give."""
    rows = []
    for one in found:
        row = {
            "": one.name, "type": one.type, "attribute": one.attribute, "operation": one.operation,
            "equal_X to query_X": one.centres.pairs, "among equal_*": one.centres.among,
        }  # fmt: skip
        row |= {f"silhouette, {name}": score for name, score in one.silhouettes.items()}
        row |= {f"ARI, {name}": score for name, score in one.rand.items()}
        rows.append({name: str(score) for name, score in row.items()})
    return pd.DataFrame(rows)


if __name__ == "__main__":  # as Streamlit runs a page
    page()
