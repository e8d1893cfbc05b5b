"""Generalisation: accuracy on CLEVR's questions, on CLOSURE's, and in CoGenT's conditions."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import analysis
from film import InputError, command
from ui import below, state, widgets
from ui.cache import generalisation as tests_cache, networks, pictures
from ui.error_list import error_list

MOST_ERRORS = 300  # rows
IN_WINDOW = 2  # tests of which something is seen before one scrolls
ABOUT = {
    "CLEVR": "Questions as CLEVR asks them, about the gallery's pictures. The diamonds are the paper's "
    "network from raw pixels on CLEVR's test set (Table 1): other pictures and questions, so compare "
    "the order.",
    "CLOSURE": "Seven kinds of question that put CLEVR's phrases together in ways CLEVR never does, around "
    "“the same … as”; no bundled network was taught them. Under the constant guess a network does worse than "
    "one that never looks. No published figure is known to this project: see arXiv 1912.05783.",
    "CoGenT A": "In condition A cubes are gray, blue, brown or yellow, cylinders red, green, purple or cyan, "
    "spheres of any colour. The diamond is the paper's network taught condition A alone (Figure 9); one "
    "taught all colours should do alike in A and B.",
    "CoGenT B": "Condition B swaps the colours of cubes and cylinders.",
}


def page() -> None:
    st.title("Generalisation")
    st.caption(
        "Accuracy on CLEVR's questions, on CLOSURE's, which join its phrases in other ways, and in CoGenT's "
        "two conditions. Bars are 95 % intervals clustered by picture. Strokes are the constant guess: "
        "always the commonest answer of each family, counted on the same questions and so a little high."
    )
    session, dark = networks.network(), widgets.dark()
    make_it = command("analysis", "generalisation", session.checkpoint)
    try:
        found = tests_cache.tests(networks.study())
        everyone = tests_cache.networks(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    st.caption(widgets.plain(session.card.taught))
    if missing := [test for test in ABOUT if test not in found]:
        st.info(
            f"Not measured yet for this network: {', '.join(missing)}. It takes some minutes on two cores, "
            f"and goes on where it was stopped:\n\n    {make_it}",
            icon=":material/terminal:",
        )
    for place, test in enumerate(found):
        if place == IN_WINDOW and below.waits("generalisation"):
            return
        _test(test, dark)
    if found:
        widgets.how_measured("Generalisation")
        _errors(found)
    _everyone(everyone)
    _learned_on(dark)
    _zero_shot(dark)
    _ablations(dark)


def _test(test: str, dark: bool) -> None:
    st.header(test)
    kinds = tests_cache.kinds(networks.study())
    own = kinds[kinds["test"] == test].drop(columns="test")
    whole, seed = own.iloc[0], tests_cache.tests(networks.study())[test].attrs["seed"]
    widgets.notice(ABOUT[test])
    widgets.figure(
        analysis.generalisation_rows(own, dark=dark),
        test.lower().replace(" ", "-"),
        f"Accuracy on {test}: {_told(own)}.",
        own,
        sample=f"{int(whole['asked']):,} questions about {int(whole['pictures']):,} pictures, seed {seed}",
    )
    lower = own[own["high"] < own["guess"]]["value"].tolist()
    st.caption(
        f"{int(whole['asked']):,} questions about {int(whole['pictures']):,} pictures: "
        f"{whole['accuracy']:.1%} right (95 % interval, per cent: {whole['interval']}); "
        f"constant guess {whole['guess']:.1%}."
        + (f" Below the constant guess: {', '.join(lower)}." if lower else "")
    )


def _told(table: pd.DataFrame) -> str:
    """Every accuracy in words."""
    return ", ".join(f"{row.value} {row.accuracy:.0%}" for row in table.itertuples())


def _errors(found: dict[str, pd.DataFrame]) -> None:
    st.header("Errors, sorted by confidence")
    widgets.notice("**Choose one to open it on the Ask page.**")
    there = sorted(found, key="CLOSURE".__ne__)  # the newest to the network first
    with st.container(horizontal=True):
        test = st.selectbox("Test", there, width=180, **state.option("generalisation-test", there, there[0]))
        kinds = ["any", *dict.fromkeys(found[test]["kind"])]
        kind = st.selectbox(
            "Kind", kinds, width=260, **state.option(f"generalisation-kind-{test}", kinds, "any")
        )
    wrong = analysis.wrong_answers(found[test])
    if kind != "any":
        wrong = wrong[wrong["kind"] == kind]
    if wrong.empty:
        st.caption("No answer is wrong there.")
        return
    here = all(pictures.is_here(key) for key in wrong["picture"].unique())
    if not here:
        measured = found[test].attrs
        more = (
            " These were kept without their scenes, so they cannot be opened; the command adds them: "
            f"`{command('analysis', 'generalisation', networks.network().checkpoint)} "
            f"--questions {measured['asked']} --seed {measured['seed']}`"
        )
    elif test.startswith("CoGenT"):
        more = " The Ask page draws the scene anew, larger and with less grain, so an answer may differ."
    else:
        more = ""
    st.caption(f"{len(wrong):,} wrong answers.{more}")
    error_list(wrong.head(MOST_ERRORS), "kind", f"generalisation-errors-{test}-{kind}", opens=here)
    asked, seed = len(found[test]), found[test].attrs["seed"]
    widgets.data(
        wrong, "generalisation-errors", f"Errors on {test}, sorted by confidence",
        sample=f"{asked:,} questions, seed {seed}",
    )  # fmt: skip


def _everyone(table: pd.DataFrame) -> None:
    st.header("All networks")
    if table.empty:
        st.caption("No network was measured yet.")
        return
    shown = table.assign(**{name: 100 * table[name] for name in ("accuracy", "low", "high", "guess")})
    shown = shown[[*shown.columns.drop("taught"), "taught"]]  # the longest last
    numbers = ("accuracy", "low", "high", "guess", "paper")
    st.dataframe(
        shown, hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.1f") for name in numbers},
    )  # fmt: skip
    st.caption(
        "Per cent; `low` and `high` are the 95 % interval, `guess` is the constant guess, `paper` the "
        "paper's network on the test set of that name (of CoGenT, taught condition A alone)."
    )
    widgets.data(
        shown, "generalisation-networks", "Accuracy of all networks on all tests, per cent",
        of="the networks of each row", sample="",
    )  # fmt: skip


def _learned_on(dark: bool) -> None:
    st.header("Taught condition A, learning on from B")
    found = analysis.taught_a()
    if found is None:
        st.info(
            "Not trained yet: accuracy in A and B after learning on from 100 to 30,000 of B's questions (the "
            f"paper's Figure 9, left). It takes hours on two cores: "
            f"`{command('film', 'train-cogent')} --out OUT`",
            icon=":material/terminal:",
        )
        return
    table, made = found
    widgets.notice(
        f"Taught {widgets.plain(str(made['taught']))}, {made['samples']:,} samples; the paper's network saw "
        "CLEVR's pictures. **How few of B's questions are enough, and what is forgotten of A?**"
    )
    widgets.figure(
        analysis.learned_on_lines(table, dark=dark), "cogent-learned-on",
        f"Accuracy of a network taught condition A, learning on from B: {_told(table)}.", table,
        of="networks trained anew", sample=_trained_on(made),
    )  # fmt: skip
    st.caption(
        f"{table['asked'].min():,} questions of each condition. The paper's accuracies are known taught A "
        "alone and after 30,000 of B's questions (Figure 9, table); its curves between are a picture."
    )
    widgets.how_measured("Learning on from condition B")


def _trained_on(made: dict[str, Any]) -> str:
    return (
        f"taught {made['taught']}, {made['samples']:,} samples about {made['scenes']:,} scenes; tested on "
        f"{made['tested']:,} scenes of each condition, seed {made['seed']}"
    )


def _zero_shot(dark: bool) -> None:
    st.header("Zero-shot: gamma and beta by analogy")
    found = analysis.zero_shot()
    if found is None:
        st.info(
            "Not measured yet (the paper's section 4.5). It takes minutes on the folder that "
            f"`train-cogent` wrote: `{command('analysis', 'zero-shot')} OUT --keep`",
            icon=":material/terminal:",
        )
        return
    table, made = found
    shown = table[table["among"].isin(("all", "rewritten"))].sort_values(
        ["test", "from_b"], ascending=[False, True], kind="stable"
    )
    after = shown["from_b"].map(lambda count: f"after {count:,.0f} of B" if count else "taught A alone")
    asked = shown["asked"].map("{:,.0f}".format)
    rows = pd.DataFrame(
        {
            "value": shown["test"] + ", " + after + ", " + shown["among"] + " (" + asked + ")",
            "gain": shown["gain"], "low": shown["gain_low"], "high": shown["gain_high"],
            "random": shown["random"] - shown["own"], "paper": shown["paper_sum"] - shown["paper_own"],
        }
    )  # fmt: skip
    counts = made["questions"]["B"]
    untaught = table[(table["from_b"] == 0) & (table["test"] == "B")].set_index("among")
    every, first = untaught.loc["all"], untaught.loc["rewritten"]
    widgets.notice(
        "The network taught A has seen no cyan cube: “… cyan cubes …” is asked with the gammas and betas of "
        "“… cyan spheres …” + “… brown cubes …” − “… brown spheres …”. **Does the sum answer what the "
        f"question itself cannot?** {counts['rewritten']:,} of B's {counts['asked']:,} questions can be "
        "rewritten so; A is the control, where no help is needed."
    )
    widgets.figure(
        analysis.gain_rows(rows, dark=dark), "cogent-zero-shot",
        "Accuracy gained by analogy: "
        + ", ".join(f"{row.value} {100 * row.gain:+.1f} points" for row in rows.itertuples()) + ".",
        table, of="networks trained anew",
        sample=f"{counts['asked']:,} questions of each condition, seed {made['seed']}",
    )  # fmt: skip
    st.caption(
        f"Taught A alone, it answers {first['own']:.1%} of B's rewritten questions rightly with their own "
        f"gamma and beta, {first['sum']:.1%} by analogy ({_gained(first)}, paired, 95 % by picture) and "
        f"{first['random']:.1%} with random steps as long; the paper's network {_by_analogy(first)}. Of all "
        f"of B's questions it answers {every['own']:.1%} and {every['sum']:.1%} ({_gained(every)}); the "
        f"paper's {_by_analogy(every)}."
    )
    widgets.how_measured("Zero-shot analogy")


def _gained(row: pd.Series) -> str:
    """Points gained by analogy, with their interval."""
    low, high = (f"{100 * row[end]:+.1f}" for end in ("gain_low", "gain_high"))
    return f"{100 * row['gain']:+.1f} points [{low}, {high}]"


def _by_analogy(row: pd.Series) -> str:
    """What the paper's network has, with a question's own gamma and beta and by analogy."""
    own, made = row["paper_own"], row["paper_sum"]
    return f"{own:.1f} and {made:.1f} % ({made - own:+.1f})"


def _ablations(dark: bool) -> None:
    st.header("The paper's Table 2, trained anew")
    found = analysis.trained_anew(2)
    if found is None:
        st.info(
            "Not trained yet. A row takes about an hour on two cores; the paper's own figures are in the "
            f"command's table. {command('film', 'train-ablations')} `--help` says how.",
            icon=":material/terminal:",
        )
        return
    table, made = found
    changed = f" (recipe `scenes` with {', '.join(made['changes'])})" if made.get("changes") else ""
    widgets.notice(
        f"Each row was trained from {widgets.plain(str(made['taught']))}, with {made['samples']:,} samples"
        f"{widgets.plain(changed)}; the paper's on CLEVR's pictures to convergence. "
        f"{widgets.plain(str(made.get('remark', '')))} **Compare the order, and "
        "which intervals exclude 0.**"
    )
    rows = table.assign(value=table["about"], guess=made["guess"])
    widgets.figure(
        analysis.generalisation_rows(rows, whose="trained anew", dark=dark),
        "table-2",
        f"Accuracy of the networks of Table 2, trained anew: {_told(rows)}.",
        table,
        of=f"{int(table['seeds'].sum())} networks trained anew, seeds 0 to {int(table['seeds'].max()) - 1}",
        sample=f"{made['samples']:,} samples each; {made['questions']:,} questions about "
        f"{made['pictures']:,} scenes",
    )
    points = [
        f"{row.about} {100 * row.difference:+.1f} "
        f"[{100 * row.difference_low:+.1f}, {100 * row.difference_high:+.1f}]"
        for row in rows.dropna(subset=["difference", "difference_low"]).itertuples()
    ]
    st.caption(
        f"{made['questions']:,} questions about {made['pictures']:,} other scenes; the constant guess gets "
        f"{made['guess']:.1%} of them right. Points against the whole network, on the same questions, with "
        f"95 % intervals over scenes (not over seeds): {'; '.join(points)}."
    )
    curves = made["curves"]
    if not curves.empty:
        _curves(curves, dark)
    widgets.how_measured("Table 2, trained anew")


def _curves(curves: pd.DataFrame, dark: bool) -> None:
    reached = curves.groupby("network", sort=False).tail(1)
    widgets.figure(
        analysis.training_lines(curves, dark=dark),
        "table-2-curves",
        "Validation accuracy of these networks while they learned, at the end: "
        + ", ".join(f"{row.network} {row.accuracy:.1%}" for row in reached.itertuples()) + ".",
        curves, of="networks trained anew",
        sample="as often as a run looked, on at most 6,000 of these questions",
    )  # fmt: skip


if __name__ == "__main__":
    page()
