"""What the bench shows of the question in other words and of sums of questions, and the same over many.

What many questions say was measured beforehand, by the command that the page names where it was not.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import analysis
from analysis import RATES, Measured, Population
from film import InputError, command
from ui import bench_as_python, question_header as header, state, widgets
from ui.cache import bench as shelf, evidence, folder, networks, pictures
from ui.measuring import measured

PARAPHRASES, SHUFFLES = 200, 20  # of the question on the page
PERCENT = st.column_config.NumberColumn(format="percent")
SHARES = dict.fromkeys(("share", "low", "high", "all", "chance", "accuracy"), PERCENT)


def kept(what: str) -> Measured | None:
    """What was measured over many questions; None, with the command that would, where nothing was."""
    try:
        found = evidence.measured(networks.study(), what)
    except InputError as error:
        widgets.show_error(error)
        return None
    if found is None:
        study = networks.study()
        st.caption(f"Over many questions: not measured. `{command('analysis', what, study.name)} --keep`")
    return found


def offer_kept(what: str) -> None:
    """The lines of Python that give what `kept` found."""
    widgets.copy_as_python(f"bench-{what}", lambda: bench_as_python.kept(networks.study(), what))


# --- In other words ---------------------------------------------------------------------------------------


def reworded(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    widgets.notice(
        "The question in every official wording, with a word left out, with its words shuffled; and "
        "questions whose answers hang together with its answer. **Where does it contradict itself?**"
    )
    found = measured(
        ("reworded", *case.measured_on),
        "Ask in other words",
        lambda told: analysis.ask_again(
            case.session, analysis.about(case.shown.pixels, [case.question]),
            most=PARAPHRASES, shuffles=SHUFFLES, progress=told,
        ),
    )  # fmt: skip
    if found is not None:
        table = analysis.robustness(found)
        st.dataframe(
            table[["way", "asked", "share"]],
            hide_index=True,
            column_config={"way": "put again as", "asked": "times", "share": st.column_config.NumberColumn(
                "holds", format="percent")},
        )  # fmt: skip
        broken = found[~found["holds"]]
        if broken.empty:
            st.markdown(f"Everything holds: **{found['answer'].iloc[0]}** throughout.")
        else:
            st.markdown(f"**{len(broken)} of {len(found)}** do not hold:")
            st.dataframe(broken[["way", "again", "answer", "answers"]], hide_index=True)
        st.caption("One question about one picture. Words are shuffled with seed 0.")
        widgets.data(
            found, "bench-reworded", "The question in other words", sample=f"{widgets.asked()}, seed 0"
        )
        widgets.copy_as_python(
            "bench-reworded",
            lambda: bench_as_python.reworded(networks.study(), case, PARAPHRASES, SHUFFLES),
        )
    _robustness_of_many()
    widgets.how_measured("Questions in other words")


def _robustness_of_many() -> None:
    found = kept("robustness")
    if found is None:
        return
    table, breaks, recipe = found.tables["table"], found.tables["breaks"], found.recipe
    with st.expander(
        f"The same over {recipe['questions']} questions about {recipe['pictures']} pictures", expanded=True
    ):
        names = {"way": "put again as", "asked": "times", "share": "holds", "all": "holds every time",
                 "chance": "by chance"}  # fmt: skip
        columns = ["way", "questions", "asked", "share", "low", "high", "all", "chance"]
        shown = table[columns].rename(columns=names)
        st.dataframe(
            shown, hide_index=True,
            column_config={names.get(name, name): PERCENT for name in SHARES if name in columns},
        )  # fmt: skip
        st.caption(
            f"{recipe['source']}, up to {recipe['paraphrases']} paraphrases and {recipe['shuffles']} "
            f"shuffles of each, seed {recipe['seed']}; 95 % intervals clustered by picture. By chance: with "
            "the answer to another question of the type in its place. Holding is not being right."
        )
        widgets.data(
            table, "robustness", "How often answers hold in other words",
            sample=f"{recipe['questions']} questions about {recipe['pictures']} pictures, "
            f"{recipe['source']}, seed {recipe['seed']}",
        )  # fmt: skip
        offer_kept("robustness")
        if breaks.empty:
            return
        ways = list(dict.fromkeys(breaks["way"]))
        way = st.selectbox("Examples that break", ways, **state.option("bench-breaks", ways, ways[0]))
        some = breaks[breaks["way"] == way].reset_index(drop=True)
        keys = some["picture"].map(folder.keys_of(some["picture"], recipe)).tolist()

        def go(selection: dict[str, Any]) -> None:
            if selection["rows"]:
                at = selection["rows"][0]
                state.change(picture=keys[at], question=str(some["text"].iloc[at]))

        here = all(map(pictures.is_here, dict.fromkeys(keys)))
        choice: dict[str, Any] = state.picked(f"bench-break-{way}", go) if here else {}
        st.dataframe(
            some[["text", "answer", "again", "answers", "picture"]], hide_index=True, height=240,
            **choice | ({"selection_mode": "single-row"} if here else {}),
        )  # fmt: skip
        if here:
            st.caption("Choose a row to open its question here.")


# --- A + B - C --------------------------------------------------------------------------------------------


def arithmetic(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    widgets.notice(
        "Gamma and beta of A plus those of B minus those of C, in place of the question's own (paper, "
        "section 4.5). **Does the sum answer like the question it stands for?**"
    )
    made = None
    if case.shown.scene is not None:
        try:
            made = analysis.analogy_of(case.shown.key, case.question, case.shown.scene)
        except InputError as error:
            widgets.show_error(error)
    if made is None:
        st.caption(
            "Sums are made of questions that name a color and a shape of one thing in a picture whose scene "
            "is known, such as “How many red cubes are there?”."
        )
    else:
        found = shelf.kept(
            ("sum", case.session.card.weights, case.shown.key, case.shown.preview, case.question),
            lambda: analysis.try_analogies(case.session, [made], lambda _: case.shown.pixels).iloc[0],
        )
        st.markdown(
            f"A: {widgets.plain(made.plus_one)}  \nB: {widgets.plain(made.plus_two)}  \n"
            f"C: {widgets.plain(made.minus)}"
        )
        rows = pd.DataFrame({"asked with": list(RATES.values()), "answer": [found[name] for name in RATES]})
        st.dataframe(rows, hide_index=True)
        st.caption(f"The true answer is {made.answer}. One question about one picture; seed 0.")
        widgets.copy_as_python("bench-sum", lambda: bench_as_python.sum_of_three(networks.study(), case))
    rates = kept("analogies")
    if rates is None:
        return
    table, recipe = rates.tables["rates"], rates.recipe
    with st.expander(
        f"The same over {recipe['triples']} sums about {recipe['pictures']} pictures", expanded=True
    ):
        told = table.assign(what=table["what"].map(lambda name: RATES.get(name, name)))
        st.dataframe(
            told[["what", "share", "low", "high"]], hide_index=True,
            column_config=SHARES | {"what": "asked with", "share": st.column_config.NumberColumn(
                "right", format="percent")},
        )  # fmt: skip
        st.caption(
            f"Right answers, {recipe['source']}, seed {recipe['seed']}; 95 % intervals clustered by picture. "
            "Differences are in shares of the same questions."
        )
        widgets.data(
            rates.tables["triples"], "analogies", "Sums of gamma and beta, and what they answer",
            sample=f"{recipe['triples']} sums about {recipe['pictures']} pictures, seed {recipe['seed']}",
        )  # fmt: skip
        offer_kept("analogies")
    widgets.how_measured("Sums of gamma and beta")
