"""The bench's ablations: accuracy with noise on gamma and beta, their means, and without sets of maps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import PAPER_MEAN, MapCards, Population
from film import InputError, command
from ui import (
    bench_as_python,
    bench_over_questions as over_questions,
    question_header as header,
    state,
    widgets,
)
from ui.bench_many import PERCENT, kept
from ui.cache import evidence, folder, networks
from ui.measuring import choose_sample, measured

SIZES = (200, 500, 1000)  # questions about a folder; sets of maps are tried on as many, or the first
SECONDS = 0.1  # that all ablations of a question take


def ablations(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    of = choose_sample("bench-ablated-on", "the gallery's pictures")
    if of is None:
        return
    most = SIZES[0] if of == evidence.KEPT else _how_many()
    found = kept("ablate") if of == evidence.KEPT else _of_folder(most)
    if found is not None:
        _standard(found, of, most)
    if not folder.is_set():
        st.caption(
            f"On a CLEVR folder or a packed corpus of yours: start with {folder.PICTURES}=FOLDER and choose "
            f"it here, or `{command('analysis', 'ablate', networks.study().name)} --data FOLDER`."
        )
    try:
        cards = evidence.cards(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    if cards is not None:
        _sets(case, cards, of, most)
    over_questions.kept_sets(case, population)


def _how_many() -> int:
    most: int = st.segmented_control(
        "Questions about it, at most", SIZES, required=True, **state.option("bench-ablated", SIZES, SIZES[0])
    )  # fmt: skip
    return most or SIZES[0]


def _of_folder(most: int) -> analysis.Measured | None:
    study = networks.study()
    found: analysis.Measured | None = measured(
        evidence.ablations_key(study, most), "Measure the ablations on your folder",
        lambda told: evidence.folder_ablations(study, most, told),
    )  # fmt: skip
    if found is None:
        st.caption(
            "Asks the folder's own questions, or questions about its scenes where it brings none that can be "
            f"used, with every ablation: some {most * SECONDS:.0f} s on two cores."
        )
    return found


def _standard(found: analysis.Measured, of: str, most: int) -> None:
    table, recipe = found.tables["table"], found.recipe
    clevrs = recipe.get("clevrs", recipe["source"] == analysis.GALLERY)  # earlier versions did not keep it
    widgets.notice(
        "Right answers with noise on gamma or beta, and with their means in place of either (paper, "
        "Figure 7). **Which of the two does the network live on?**"
    )
    widgets.figure(
        analysis.noise_lines(table, dark=widgets.dark()), "bench-ablations",
        "Accuracy against the noise's standard deviation, on gamma and on beta.", table,
        sample=f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, "
        f"seed {recipe['seed']}",
    )  # fmt: skip
    whole = table[table["group"] == "all"]
    beside = pd.DataFrame(
        [
            {"at its mean": kind, "here": float(_change(whole, kind))}
            | ({"paper": PAPER_MEAN[kind]} if clevrs else {})
            for kind in ("gamma", "beta")
        ]
    )
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.dataframe(
            beside, hide_index=True,
            column_config={name: st.column_config.NumberColumn(f"{name}, points", format="%.1f")
                           for name in beside.columns[1:]},
        )  # fmt: skip
        st.caption(
            "The paper's noise curves are known as a picture alone; its two means are in its text."
            if clevrs
            else "Not all of these questions are of CLEVR's 90 families, so the paper's figures do not stand "
            "beside them."
        )
    with right, st.expander("Block by block"):
        shown = whole[["what", "block", "value", "accuracy", "low", "high", "change"]]
        st.dataframe(
            shown, hide_index=True, height=280,
            column_config=dict.fromkeys(("accuracy", "low", "high"), PERCENT)
            | {"change": st.column_config.NumberColumn("change, points", format="%.1f")},
        )  # fmt: skip
    st.caption(
        f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, {recipe['source']}, seed "
        f"{recipe['seed']}; block 0: all blocks; 95 % intervals clustered by picture."
    )
    widgets.copy_as_python("bench-ablations", lambda: bench_as_python.ablations(networks.study(), of, most))
    widgets.how_measured("Ablations")


def _change(whole: pd.DataFrame, kind: str) -> float:
    row = whole[(whole["what"] == f"{kind} at its mean") & (whole["block"] == 0)]
    return float(row["change"].iloc[0])


def _sets(case: header.Case, cards: MapCards, of: str, most: int) -> None:
    st.markdown("**Sets of maps**")
    widgets.notice(
        "The maps most selective for a value, mean-ablated, and as many random maps of the same blocks. "
        "**Do they matter more than others do?**"
    )
    sure = cards.effects[cards.effects["p"] <= 0.05]
    values = list(dict.fromkeys(sure["about"].astype(str) + ": " + sure["value"].astype(str)))
    if not values:
        st.caption("No map is selective for anything in this network.")
        return
    value = st.selectbox("Most selective for", values, **state.option("bench-set", values, values[0]))
    about, _, named = value.partition(": ")
    order = cards.most_selective(about, named)
    config = case.session.config
    found = measured(
        ("sets", case.session.card.weights, value, of, most),
        "Mean-ablate them",
        lambda told: analysis.ablate(
            case.session, evidence.asked_of(case.session, of, most),
            analysis.set_ablations(order, config.blocks, config.maps), progress=told,
        ),
    )  # fmt: skip
    if found is None:
        return
    table = analysis.set_table(found)
    whole = found[(found["what"] == "none") & (found["group"] == "all")]["accuracy"].iloc[0]
    whose = "the gallery's pictures" if of == evidence.KEPT else "your folder"
    widgets.figure(
        analysis.set_lines(table, float(whole), dark=widgets.dark()), "bench-sets",
        f"Accuracy with the maps most selective for {value}, mean-ablated, beside random ones.", table,
        sample=f"up to {most} questions about {whose}, seed 0",
    )  # fmt: skip
    st.caption(
        f"{len(order)} maps are selective for it. Up to {most} questions about {whose}, seed 0; "
        "bars: 95 % intervals clustered by picture, of random maps the least and the greatest of five draws."
    )
    widgets.copy_as_python(
        "bench-sets", lambda: bench_as_python.sets(networks.study(), about, named, of, most)
    )
    widgets.how_measured("Ablations")
