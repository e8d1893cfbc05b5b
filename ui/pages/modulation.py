"""Modulation: what this question does to every feature map, and how unusual that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Kind, Population, Standing
from film import Answer, InputError, NetworkConfig, Session, UnknownWords, to_size
from ui import question_header as header, state, widgets
from ui.cache import evidence, networks, pictures

OTHER_QUESTIONS = ("How many red cubes are there?", "What shape is the large metal thing?")
ENLARGED = 480  # pixels across
COLOURS = {"value": "its value", "z": "how unusual it is (z)"}


def page() -> None:
    st.title("Modulation")
    st.caption(
        "The question encoder (GRU) turns the question into a scale and a shift for every feature map: gamma "
        "and beta."
    )
    case = header.case()
    if case is None:
        return
    session, question, picture = case.session, case.question, case.shown.pixels
    config, dark = session.config, widgets.dark()
    stages = [analysis.stage_names(config, number) for number in range(config.blocks)]
    wanted = {name for stage in stages for name in stage.names} | _reached(config).keys()
    answer = session.ask(picture, question, record=wanted)
    population = header.population()
    standings = {
        kind: analysis.standing(population, kind, getattr(answer, kind)) if population else None
        for kind in KINDS
    }
    block, feature_map = header.pick_map(networks.study())
    if standings["gamma"] and standings["beta"]:
        unusual = analysis.most_unusual(standings["gamma"], standings["beta"])
        header.offer_maps(unusual, "Most unusual here:")
    _heatmaps(answer, standings, (block, feature_map), dark)
    _one_map(answer, standings, population, block, feature_map, dark)
    _census(session, answer, dark)
    _wall(session, answer, picture, block, feature_map, dark)
    _reach(session, answer, picture, pictures.another_picture(case.shown.key), dark)


def _heatmaps(
    answer: Answer, standings: dict[Kind, Standing | None], chosen: tuple[int, int], dark: bool
) -> None:
    st.header("Gamma and beta of every feature map")
    compared = standings["gamma"]
    show = "value"
    if compared is not None:
        choice = st.segmented_control(
            "Colour by",
            COLOURS,
            required=True,
            format_func=COLOURS.__getitem__,
            **state.option("modulation-colour", list(COLOURS), "value"),
        )
        show = choice or "value"
    if show == "value":
        widgets.notice(
            "FiLM multiplies a map by its gamma and adds its beta. Orange gammas pass a map on, pale ones "
            "shut it off, **blue ones invert it** (negative gamma). Hover for numbers, click to choose a map "
            "and notice how uneven they are."
        )
    else:
        assert compared is not None
        widgets.notice(
            f"Standard deviations from the mean of {compared.questions:,} sampled questions. **Strong "
            "colours set this question apart**: a map with a large gamma for every question is pale here."
        )
    for kind in KINDS:
        drawn = analysis.modulation_heatmap(
            getattr(answer, kind), kind, standings[kind], show=show, chosen=chosen, dark=dark
        )
        table = analysis.modulation_table({kind: getattr(answer, kind)}, standings)
        alt = f"{kind} of every map, a row a block and a column a map."
        widgets.figure(drawn, f"{kind}-of-the-question", alt, table, header.open_map)


def _one_map(
    answer: Answer,
    standings: dict[Kind, Standing | None],
    population: Population | None,
    block: int,
    feature_map: int,
    dark: bool,
) -> None:
    st.header(f"Block {block + 1}, map {feature_map} among other questions")
    if population is None:
        st.caption("This shows where the question stands among thousands, as soon as they are measured.")
        return
    widgets.notice(
        "Grey is how often sampled questions give this map each value. **Two humps mean that the map is "
        "switched by something in the question**; try other maps to find one."
    )
    for column, kind in zip(st.columns(2), KINDS, strict=True):
        compared = standings[kind]
        assert compared is not None
        value = float(getattr(answer, kind)[block, feature_map])
        with column:
            st.markdown(
                f"**{kind} {value:+.3f}** · z {compared.z[block, feature_map]:+.2f} · "
                f"percentile {compared.percentile[block, feature_map]:.1f}"
            )
            widgets.figure(
                analysis.population_histogram(population, kind, block, feature_map, value, dark=dark),
                f"population-{kind}",
                f"{kind} of this map in {len(population):,} questions; here it is {value:.3f}.",
                analysis.population_bins(population, kind, block, feature_map),
                sample=f"{len(population):,} questions" + _seed(population),
            )


def _seed(population: Population) -> str:
    return "" if population.seed is None else f", seed {population.seed}"


def _census(session: Session, answer: Answer, dark: bool) -> None:
    st.header("What FiLM does to the maps of each block")
    widgets.notice(
        "A map is amplified where |gamma| > 1, inverted where gamma < 0, and silenced where nothing of it is "
        "left after the ReLU. **Silenced maps carry nothing on**: the question has switched them off here."
    )
    config = session.config
    rectified = {
        number: analysis.stages_of(answer.activations, config, number)[2] for number in range(config.blocks)
    }
    counts = analysis.film_effects(answer.gamma, rectified)
    table = pd.DataFrame([vars(count) | {"block": count.block + 1} for count in counts])
    left, right = st.columns(2)
    with left:
        alt = "Amplified, inverted and silenced maps of each block."
        widgets.figure(analysis.film_effect_bars(counts, dark=dark), "census", alt, table)
    with right:
        drawn = analysis.plane(answer.gamma, answer.beta, dark=dark)
        alt = "Gamma against beta of every map, coloured by block."
        table = analysis.modulation_table({kind: getattr(answer, kind) for kind in KINDS})
        widgets.figure(drawn, "gamma-beta", alt, table, header.open_map)


@st.fragment  # sorting the wall leaves the rest of the page alone
def _wall(
    session: Session, answer: Answer, picture: np.ndarray, block: int, feature_map: int, dark: bool
) -> None:
    config = session.config
    st.header(f"All maps of block {block + 1}")
    stages = analysis.stages_of(answer.activations, config, block)
    labels = analysis.stage_names(config, block).labels
    orders = analysis.ORDERS | analysis.RANKED_BY
    left, right = st.columns([3, 2])
    with left:
        stage = st.segmented_control(
            "Show",
            range(3),
            format_func=labels.__getitem__,
            required=True,
            **state.option("wall-stage", range(3), 1),
        )
    with right:
        by = st.selectbox(
            "Sort by", list(orders), format_func=lambda o: f"{o}: {orders[o]}",
            **state.option("wall-order", list(orders), list(orders)[1]),
        )  # fmt: skip
    widgets.notice(
        "Each cell is one map as the network has it, its number below. Orange is above zero, blue below. "
        "**Before FiLM block 1 is the same for every question**: switch between the stages to see what the "
        "question changed." if block == 0 else
        "Each cell is one map as the network has it, its number below. Orange is above zero, blue below. "
        "**Switch between the stages**: what was blue after FiLM is gone after the ReLU."
    )  # fmt: skip
    if by in analysis.RANKED_BY:
        numbers = _ranked(by, block, config.maps)
    else:
        numbers = analysis.order(by, stages, answer.gamma[block], answer.beta[block])
    scale = max(analysis.strongest(stages[0]), analysis.strongest(stages[1]))
    made = analysis.map_grid(stages[stage or 0], numbers, scale=scale, chosen=feature_map, dark=dark)
    alt = f"All maps of block {block + 1} {labels[stage or 0]}, sorted by {by}."
    st.image(analysis.png(made.picture), width="stretch", alt=alt)
    st.caption(f"Strongest colour at ±{scale:.2f}, the same for all three stages.")

    st.header(f"Map {feature_map} of block {block + 1} over the picture")
    widgets.notice(
        f"Gamma {answer.gamma[block, feature_map]:+.2f}, beta {answer.beta[block, feature_map]:+.2f}. Does "
        "it answer to objects, to places or to nothing? **After the ReLU only orange is left.**"
    )
    seen = to_size(picture, ENLARGED, ENLARGED * config.height // config.width, session.card.fit)
    one_scale = max(float(np.abs(values[feature_map]).max()) for values in stages[:2]) or 1.0
    for column, values, label in zip(st.columns(3), stages, labels, strict=True):
        enlarged = analysis.over_picture(values[feature_map], seen, one_scale)
        alt = f"Map {feature_map} {label}, over the picture."
        column.image(analysis.png(enlarged), caption=label, width="stretch", alt=alt)


def _ranked(by: str, block: int, maps: int) -> np.ndarray:
    """The block's maps by what was measured over many questions, with the figures and their null below."""
    try:
        found = header.waiting(lambda: evidence.ranking(networks.study()), "Ranking the maps")
    except InputError as error:
        widgets.show_error(error)
        found = None
    if found is None:
        return np.arange(maps)
    if by not in found.columns():
        st.caption("This order needs the map cards, which were not measured for this network.")
        return np.arange(maps)
    values = found.values(by, block)
    null = f" By chance the greatest of all maps is below {found.null[by]:.3f} in 95 of 100 shuffles." \
        if by in found.null else ""  # fmt: skip
    numbers = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    best = ", ".join(f"map {number}: {values[number]:.3f}" for number in numbers[:5])
    st.caption(f"{by}: {best} …{null} {found.questions:,} questions, seed {found.seed}.")
    widgets.data(found.table, "map-ranking")
    return np.asarray(numbers)


def _reached(config: NetworkConfig) -> dict[str, str]:
    """The activations by which influence is followed through the network, with what to call them."""
    labels = {"stem": "stem", "block1.norm": "block 1 before FiLM", "block1.film": "block 1 after FiLM"}
    return labels | {f"block{number}.out": f"block {number} out" for number in range(1, config.blocks + 1)}


def _reach(session: Session, here: Answer, picture: np.ndarray, other: np.ndarray, dark: bool) -> None:
    st.header("What the question changes, and what the picture changes")
    question = str(here.question)
    known = [text for text in OTHER_QUESTIONS if text != question and _knows(session, text)]
    if not known:
        return
    widgets.notice(
        f"The same picture asked “{known[0]}”, and the same question about another picture. **Another "
        "question changes nothing before the first FiLM; another picture changes no gamma and no beta.**"
    )
    labels = _reached(session.config)
    names = list(labels)
    # One by one: in a batch the last digits differ, and what does not change is to be exactly 0.
    asked, there = session.ask(picture, known[0], record=names), session.ask(other, question, record=names)
    by_question = analysis.differences(here.activations, asked.activations, names)
    by_picture = analysis.differences(here.activations, there.activations, names)
    # Gamma and beta do not depend on the picture at all; what the question does to them is one more pair.
    modulations = [np.stack((answer.gamma, answer.beta)) for answer in (here, asked, there)]
    size = float(np.linalg.norm(modulations[0]))
    by_question = np.insert(by_question, 0, np.linalg.norm(modulations[1] - modulations[0]) / size)
    by_picture = np.insert(by_picture, 0, np.linalg.norm(modulations[2] - modulations[0]) / size)
    shown = ["gamma and beta", *labels.values()]
    table = pd.DataFrame({"where": shown, "another question": by_question, "another picture": by_picture})
    alt = "How far another question and another picture move gamma and beta and each stage's maps."
    widgets.figure(analysis.reach(shown, by_question, by_picture, dark=dark), "reach", alt, table)


def _knows(session: Session, question: str) -> bool:
    try:
        return bool(session.vocabulary.words(question))
    except UnknownWords:
        return False


if __name__ == "__main__":  # as Streamlit runs a page
    page()
