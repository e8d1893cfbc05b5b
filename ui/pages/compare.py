"""Compare: the chosen network, A, beside another, B, on the same questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Comparison, Study
from film import InputError, command
from ui import (
    as_python,
    below,
    compare_networks,
    compare_offer,
    compare_questions,
    pages,
    scatter,
    state,
    widgets,
)
from ui.cache import comparison as cache, networks

PROBES = "found.probes"  # or, where a comparison has none, those of both networks' evidence
COLORS = {"right": "who is right", "type": "type", "attribute": "attribute"}


def page() -> None:
    st.title("Compare")
    st.caption(
        "Two networks, or two points of one training run, put the same questions. Differences are B minus A."
    )
    head = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    one = networks.study()
    with head:
        other = _other(one)
    if other is None:
        return
    try:
        found = cache.kept(one, other)
        if found is None and (found := cache.kept(other, one)) is not None:
            one, other = other, one
    except InputError as error:
        widgets.show_error(error)
        return
    about = head.container(gap=None)  # beside the choice: so the first figure stands in the first window
    about.caption(
        f"**A: {compare_networks.name(one)}.** {widgets.plain(one.session.card.taught)} "
        f"**B: {compare_networks.name(other)}.** {widgets.plain(other.session.card.taught)}"
    )
    if found is None:
        compare_offer.offer(one, other)
        return
    for sentence in found.cannot:
        st.info(f"Not compared: {widgets.plain(sentence)}", icon=":material/info:")
    recipe = found.recipe
    about.caption(
        f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, "
        f"{widgets.plain(str(recipe['source']))}, seed {recipe['seed']}. Intervals are 95 %, clustered by "
        f"picture; nulls are {recipe['trials']} permutations of whole pictures."
    )
    parts = {name: show for name, (there, show, _) in PARTS.items() if there(found)}
    part = state.view().part if state.view().part in parts else next(iter(parts))
    if part != state.view().part:
        state.change(part=part)
    st.segmented_control(
        "Show", list(parts), required=True, label_visibility="collapsed", **state.bound("part")
    )
    parts[part](found, one, other)
    if not below.is_first("compare"):
        widgets.copy_as_python("compare", lambda: _as_python(part, found, one, other))


def _as_python(part: str, found: Comparison, one: Study, other: Study) -> str:
    *_, written = PARTS[part]
    if written == PROBES and not len(found.probes) and len(cache.probes(one, other, found)):
        return as_python.probes_of_both(one, other)
    return as_python.compared(one, other, written)


def _other(one: Study) -> Study | None:
    """The network to compare with, chosen among those offered; None if there is none, which is said."""
    own = one.folder.resolve()
    names = [name for name, folder in networks.with_weights().items() if folder.resolve() != own]
    if not names:
        st.info(
            "There is no second network here. `FILM_CHECKPOINTS=FOLDER` offers every checkpoint in a folder, "
            f"such as the points that `{command('film')} train --keep 5` keeps in `RUN/points`. Or:\n"
            f"\n    {command('analysis', 'compare')} {one.session.checkpoint} OTHER",
            icon=":material/hub:",
        )
        return None
    if state.view().versus not in names:
        state.change(versus=names[0])
    st.selectbox("Compare with", names, width=400, **state.bound("versus"))
    try:
        return networks.named(state.view().versus)
    except InputError as error:
        widgets.show_error(error)
        return None


# --- Answers ------------------------------------------------------------------------------------------


def _answers(found: Comparison, one: Study, other: Study) -> None:
    whole = found.accuracy.iloc[0]
    interval = (
        f"no interval: {whole['pictures']} pictures"
        if np.isnan(whole["low"])
        else f"95 % interval {100 * whole['low']:+.1f} to {100 * whole['high']:+.1f}"
    )
    st.markdown(
        f"## B minus A: {100 * whole['difference']:+.1f} points ({interval})\n"
        f"A {whole['accuracy_one']:.1%}, B {whole['accuracy_other']:.1%}; B alone is right "
        f"{whole['gained']:,} times, A alone {whole['lost']:,} times."
    )
    widgets.notice(
        "The same questions are put to both, so a difference is of pairs. **A filled mark differs after "
        "correcting for looking at every type** (sign flips of whole pictures, max-T); faint, under 30 "
        "questions."
    )
    compare_networks.figure(
        found, analysis.difference_rows(found.accuracy, dark=widgets.dark()), "compare-accuracy",
        f"Accuracy of B minus that of A: overall {100 * whole['difference']:+.1f} points, and by type.",
        found.accuracy,
    )  # fmt: skip
    if not below.waits("compare"):
        widgets.how_measured("Accuracy of two networks")
        compare_questions.differing(found, found.differing, one, other, "all")


# --- Layouts ------------------------------------------------------------------------------------------


def _layouts(found: Comparison, one: Study, other: Study) -> None:
    told = found.recipe["alignment"]
    known = [by for by in COLORS if by in found.questions or by == "right"]
    if "right_one" not in found.questions or "right_other" not in found.questions:
        known.remove("right")
    by = st.segmented_control(
        "Colour by",
        known,
        required=True,
        format_func=COLORS.__getitem__,
        **state.option("compare-color", known, known[0]),
    )
    shared = told.get("neighbours")
    alike = (
        f"In all dimensions {shared['share']:.1%} of a question's {shared['neighbours']} nearest questions "
        f"are the same in both ({shared['low']:.1%} to {shared['high']:.1%}; by chance "
        f"{shared['chance']:.1%}). "
        if shared and not np.isnan(shared["low"])
        else ""
    )
    widgets.notice(
        "Gammas and betas of all blocks; B's layout is turned and mirrored onto A's (Procrustes). **What is "
        f"selected in one is selected in the other.** {alike}The layouts agree to {told['agreement']:.2f} "
        f"(shuffled questions: under {told['null_high']:.2f}); t-SNE places groups freely, so little of that "
        "need be the networks'."
    )
    table = cache.laid_out(found)
    coloring, texts = cache.coloring(table, by or known[0]), cache.texts(table)
    selected = _marked(found, len(table))
    with st.container(key="compare-split"):
        columns = st.columns(2)
    for column, side, study in zip(columns, ("one", "other"), (one, other), strict=True):
        label = "A" if side == "one" else "B"
        places, points = cache.points(table, side)
        with column:
            said = (
                f"{label}, coloured by {coloring.title}", f"network {study.weights[: state.LINK_HASH]}",
                str(told["layout"]), compare_networks.origin(found)["sample"],
            )  # fmt: skip
            scatter.scatter(
                f"compare-{side}", places, coloring, points=points, texts=texts, selected=selected,
                label=f"{label}: {len(table):,} questions. Arrow keys step from question to question, S "
                "selects the 50 around it, Escape drops the selection.",
                caption=" · ".join(said),
                on_lasso=lambda rows: _mark(found, rows), on_pick=lambda row: None,
                on_legend=lambda code: _mark(found, coloring.codes == code), dark=widgets.dark(), height=460,
            )  # fmt: skip
            st.caption(f"**{label}: {compare_networks.name(study)}** · {widgets.plain(told['layout'])}")
            drawn: dict[str, Any] = {"caption": said, "selected": selected, "dark": widgets.dark()}
            svg = partial(analysis.layout_svg, places, coloring, **drawn)
            widgets.download("SVG", svg, f"compare-layout-{label}.svg", "image/svg+xml")
    widgets.data(
        table[["text", "type", "x_one", "y_one", "x_other", "y_other"]], "compare-layouts",
        f"Layouts of A and B, {told['layout']}", **compare_networks.origin(found),
    )  # fmt: skip
    widgets.how_measured("Layouts of two networks")
    if selected is None:
        st.caption(
            "Draw around points, or click a name in the legend, to see how both answer those questions."
        )
        return
    rows = table[selected]
    if "right_one" in rows and "right_other" in rows:
        first, second = rows["right_one"].mean(), rows["right_other"].mean()
        st.markdown(
            f"**{len(rows):,} questions selected.** A has {first:.1%} right, B {second:.1%}: "
            f"{100 * (second - first):+.1f} points. A selection made after looking has no interval."
        )
        compare_questions.differing(
            found, found.differing[found.differing.index.isin(rows.index)], one, other, "selected"
        )
    else:
        st.dataframe(rows[["text", "type"]].head(compare_questions.ROWS), hide_index=True, height=240)


def _mark(found: Comparison, rows: np.ndarray) -> None:
    """These questions of the comparison are selected from now on."""
    state.change(marked=analysis.rows_to_text(rows, cache.questions_of(found)) if rows.any() else "")


def _marked(found: Comparison, count: int) -> np.ndarray | None:
    """The questions of the comparison that are selected; None where none are, or none that can be read."""
    if not (text := state.view().marked):
        return None
    try:
        return analysis.rows_from_text(text, count, cache.questions_of(found))
    except InputError as error:
        state.change(marked="")
        widgets.show_error(error)
        return None


# --- What is inside -----------------------------------------------------------------------------------


def _maps(found: Comparison, one: Study, other: Study) -> None:
    told = found.recipe["matching"]
    widgets.notice(
        "Each map of A has the map of B whose activations correlate best, none twice (optimal assignment; "
        "each place's mean is taken off). **Above the dotted line is more than the best assignment finds in "
        "other pictures.** gamma and beta: how the pair's go together over questions, "
        "which the matching did not use."
    )
    compare_networks.figure(
        found, analysis.matching_lines(found.maps, told, dark=widgets.dark()), "compare-maps",
        "Maps of A and B matched by correlation: "
        + "; ".join(f"block {each['block']} {each['mean']:.2f} in the mean" for each in told), found.maps,
    )  # fmt: skip
    number = st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(told), hide_index=True,
        column_config={
            "beyond_null": number("beyond the null", help="Corrected for all maps of the block, 5 %."),
            "mean": number("mean correlation", format="%.3f"), "null": number("null", format="%.3f"),
            "null_high": number("greatest null", format="%.3f"),
            "parameters": number("gamma and beta", format="%.3f"),
            "parameters_null_high": number("greatest null of these", format="%.3f"),
        },
    )  # fmt: skip
    widgets.data(
        pd.DataFrame(told),
        "compare-matching",
        "Maps of A and B matched, by block",
        **compare_networks.origin(found),
    )
    widgets.how_measured("Feature maps matched")
    blocks = [int(each["block"]) for each in told]
    block = st.segmented_control(
        "Block", blocks, required=True, **state.option("compare-block", blocks, blocks[0])
    )
    own = found.maps[(found.maps["block"] == block) & (found.maps["partner"] >= 0)]
    own = own.sort_values("correlation", ascending=False)
    st.caption("Choose a pair to open the card of either map.")
    st.dataframe(
        own.drop(columns="block"), hide_index=True, height=300, key=f"compare-pairs-{block}",
        on_select="rerun", selection_mode="single-row",
        column_config={
            "map": "map of A", "partner": "map of B", "correlation": number("correlation", format="%.3f"),
            "p_family": widgets.p_column("p, corrected"),
            "parameters": number("gamma and beta", format="%.3f"),
        },
    )  # fmt: skip
    pairs = zip(own["map"], own["partner"], strict=True)
    names = [f"map {number} of A, map {partner} of B" for number, partner in pairs]
    chosen = widgets.chosen_row(f"compare-pairs-{block}", names, "Type a map's number")
    if chosen is not None:
        _cards(block, own.iloc[chosen], one, other)


def _cards(block: int, pair: pd.Series, one: Study, other: Study) -> None:
    """Buttons that open the cards of two matched maps, each in its own network."""
    both = (("A", "map", compare_networks.name_of(one)), ("B", "partner", compare_networks.name_of(other)))
    with st.container(horizontal=True):
        for label, column, network in both:
            number = int(pair[column])
            if st.button(f"Card of block {block}, map {number} in {label}", key=f"compare-card-{label}"):
                state.change(network=network, block=block - 1, feature_map=number)
                st.switch_page(pages.path("maps"))


def _blocks(found: Comparison, one: Study, other: Study) -> None:
    widgets.notice(
        "Do two blocks order the questions alike? Linear CKA, debiased: 1 alike, about 0 unrelated; it does "
        "not change when maps are exchanged or turned. **Is the diagonal the greatest of its row, and far "
        "above the untrained network?** Any two networks that are asked the same are alike for that: the "
        "diamond is A beside a network of B's build before training, on "
        f"{found.recipe.get('untrained', found.recipe['questions']):,} of the questions."
    )
    compare_networks.figure(
        found, analysis.similarity_of_blocks(found.similarity, dark=widgets.dark()), "compare-same-blocks",
        "CKA of each block of A with the same block of B, beside B untrained and shuffled questions.",
        found.similarity[found.similarity["one"] == found.similarity["other"]],
    )  # fmt: skip
    for space in dict.fromkeys(found.similarity["space"]):
        st.header(str(space).capitalize())
        own = found.similarity[found.similarity["space"] == space]
        compare_networks.figure(
            found, analysis.similarity_heatmap(found.similarity, space, dark=widgets.dark()),
            f"compare-{str(space).replace(' ', '-')}", f"CKA of the blocks of A and B, {space}.", own,
        )  # fmt: skip
    widgets.how_measured("Similarity of blocks")


def _parameters(found: Comparison, one: Study, other: Study) -> None:
    statistics = list(dict.fromkeys(found.parameters["statistic"]))
    statistic = st.segmented_control(
        "Statistic",
        statistics,
        required=True,
        **state.option("compare-statistic", statistics, statistics[0]),
    )
    compare_networks.figure(
        found, analysis.parameter_pairs(found.parameters, statistic or statistics[0], dark=widgets.dark()),
        "compare-parameters", f"{statistic} of gamma and beta in each block of A and B.", found.parameters,
    )  # fmt: skip
    widgets.how_measured("Gamma and beta of two networks")


def _grouping(found: Comparison, one: Study, other: Study) -> None:
    widgets.notice(
        "Of a question's ten nearest in a block's gammas and betas, how many share its type, and how many of "
        "query_X and equal_X its attribute or operation. **Does B group in the same order of blocks as A?**"
    )
    compare_networks.figure(
        found, analysis.grouping_pairs(found.grouping, dark=widgets.dark()), "compare-grouping",
        "Neighbour agreement on type, attribute and operation by block, A and B.", found.grouping,
    )  # fmt: skip
    names = ["network", "space", "type agreement", "attribute agreement", "operation agreement",
             "equal_X to query_X", "among equal_*"]  # fmt: skip
    shown = found.grouping[names].replace({"network": {"one": "A", "other": "B"}})
    three = {name: st.column_config.NumberColumn(format="%.3f") for name in names[2:]}
    st.dataframe(shown, hide_index=True, column_config=three)
    widgets.how_measured("Neighbours of a question")


def _probes(found: Comparison, one: Study, other: Study) -> None:
    probes = cache.probes(one, other, found)
    if probes.empty:
        compared = command("analysis", "compare", one.session.checkpoint, other.session.checkpoint)
        st.info(
            "Probes of both on the same questions have not been trained. Either does it, some minutes:"
            f"\n\n    {compared} --probes\n    {command('analysis', 'evidence')} CHECKPOINT    (each)",
            icon=":material/terminal:",
        )
        return
    names = list(dict.fromkeys(probes["target"]))
    target = st.selectbox("Probe target", names, **state.option("compare-target", names, names[0]))
    widgets.notice(
        "A probe counts where it stands above its shuffled-label control (hollow) and above the dotted line, "
        "the bag of words."
    )
    compare_networks.figure(
        found, analysis.probe_pairs(probes, target, dark=widgets.dark()), "compare-probes",
        f"Accuracy of linear probes for {target} in A and B.", probes[probes["target"] == target],
    )  # fmt: skip
    widgets.how_measured("Linear probes")


# Name -> is there anything to show, what shows it, and what of a comparison it shows, in Python.
PARTS: dict[str, tuple[Callable[[Comparison], bool], Callable[[Comparison, Study, Study], None], str]] = {
    "Answers": (lambda found: len(found.accuracy) > 0, _answers, "found.accuracy"),
    "Layouts": (lambda found: bool(found.recipe["alignment"]), _layouts, 'found.recipe["alignment"]'),
    "Feature maps": (lambda found: len(found.maps) > 0, _maps, "found.maps"),
    "Blocks": (lambda found: len(found.similarity) > 0, _blocks, "found.similarity"),
    "Gamma and beta": (lambda found: len(found.parameters) > 0, _parameters, "found.parameters"),
    "Grouping": (lambda found: len(found.grouping) > 0, _grouping, "found.grouping"),
    "Probes": (lambda found: True, _probes, PROBES),
}


if __name__ == "__main__":
    page()
