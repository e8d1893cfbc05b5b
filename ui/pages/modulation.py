"""Modulation: what this question does to every feature map, and how unusual that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Kind, Population, Standing
from film import Answer, NetworkConfig, Session, UnknownWords
from ui import (
    as_python,
    below,
    map_stages,
    modulation_wall,
    question_header as header,
    state,
    two_questions,
    widgets,
)
from ui.cache import networks, pictures

OTHER_QUESTIONS = ("How many red cubes are there?", "What shape is the large metal thing?")
VIEWS = {"one": "This question", "two": "Beside another question"}
COLOURS = {"value": "coloured by value", "z": "coloured by z"}


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
    population = header.population()
    shown = st.segmented_control(
        "Show", list(VIEWS), required=True, format_func=VIEWS.__getitem__, label_visibility="collapsed",
        **state.option("modulation-view", list(VIEWS), "one"),
    )  # fmt: skip
    if shown == "two":
        two_questions.two_questions(case, population)
        return
    answer = session.ask(picture, question, record=wanted)
    standings = {
        kind: analysis.standing(population, kind, getattr(answer, kind)) if population else None
        for kind in KINDS
    }
    block, feature_map = header.pick_map(networks.study())
    with st.container(key="modulation-split"):  # where the window is narrow, the pictures below
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _heatmaps(answer, standings, (block, feature_map), dark)
            if standings["gamma"] and standings["beta"]:
                unusual = analysis.most_unusual(standings["gamma"], standings["beta"])
                header.offer_maps(unusual, "Most unusual here:")
        with right:
            _over_picture(session, answer, picture, block, feature_map)
    if below.waits("modulation"):
        return
    _one_map(answer, standings, population, block, feature_map, dark)
    modulation_wall.wall(session, answer, block, feature_map, dark)
    _census(session, answer, dark)
    _reach(session, answer, picture, pictures.another_picture(case.shown.key), dark)
    widgets.copy_as_python(
        "modulation",
        lambda: as_python.modulation(networks.study(), case.shown, question, block, feature_map),
    )


def _over_picture(session: Session, answer: Answer, picture: np.ndarray, block: int, number: int) -> None:
    st.header(f"Map {number} of block {block + 1} over the picture")
    widgets.notice(
        f"Gamma {answer.gamma[block, number]:+.2f}, beta {answer.beta[block, number]:+.2f}. Does it respond "
        "to objects, to places or to nothing? **After the ReLU only orange is left.**"
    )
    map_stages.stages_over_picture(session, {"": answer}, picture, block, number, across=2)


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
            label_visibility="collapsed",
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
            f"z: standard deviations from the mean of {compared.questions:,} sampled questions. **Strong "
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
    widgets.how_measured("Gamma and beta of one question")


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
        alt = "Gamma against beta of every map, a panel a block; grey: |gamma| below 1."
        table = analysis.modulation_table({kind: getattr(answer, kind) for kind in KINDS})
        widgets.figure(drawn, "gamma-beta", alt, table, header.open_map)
    widgets.how_measured("What FiLM does to maps")


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
    widgets.how_measured("What question and picture change")


def _knows(session: Session, question: str) -> bool:
    try:
        return bool(session.vocabulary.words(question))
    except UnknownWords:
        return False


if __name__ == "__main__":  # as Streamlit runs a page
    page()
