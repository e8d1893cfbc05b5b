"""Evidence: how often the network is right, where it errs, and what can be read off gamma, beta and maps."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

import analysis
from analysis import Evidence
from film import GROUP_NAMES, GROUPS, InputError, command
from ui import builder, state, widgets
from ui.cache import evidence as evidence_cache, networks, pictures
from ui.error_list import error_list

MOST_ERRORS = 500  # rows of the error list
ANY = "any"
POOLED = {"max": "greatest value", "mean": "mean value"}


def page() -> None:
    st.title("Evidence")
    st.caption(
        "Accuracy, the confusion matrix, the errors, and what linear probes read from gamma, beta and the "
        "feature maps."
    )
    session = networks.network()
    try:
        evidence = evidence_cache.evidence(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    if evidence is None:
        st.info(
            "This network's answers and probes have not been measured yet. It takes two minutes on two cores:"
            f"\n\n    {command('analysis', 'evidence', session.checkpoint)}",
            icon=":material/terminal:",
        )
        return
    dark, recipe = widgets.dark(), evidence.recipe
    st.caption(widgets.plain(session.card.taught))
    st.caption(
        f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, "
        f"{widgets.plain(str(recipe['source']))}, drawn with seed {recipe['seed']}. Bars are 95 % intervals "
        "(Wilson's, with a design effect, since questions about one picture stand and fall together); "
        "under ten pictures there are none, since this cannot be measured on so few."
    )
    _accuracy(dark)
    _confusion(dark)
    _errors(evidence)
    _probes(evidence, dark)
    _report()


# --- How often it is right ------------------------------------------------------------------------


def _accuracy(dark: bool) -> None:
    st.header("Accuracy")
    whole = evidence_cache.accuracy(networks.study(), "").iloc[0]
    widgets.notice(
        f"**{whole['accuracy']:.1%} of all** (95 % interval, per cent: {whole['interval']}). Beside the "
        "paper's network, which saw 700,000 questions: **is the order of the groups the same?** Pictures and "
        "questions differ from CLEVR's test set, so compare the order, not the decimals."
    )
    groups, kinds = (
        evidence_cache.accuracy(networks.study(), "group"),
        evidence_cache.accuracy(networks.study(), "type"),
    )
    left, right = st.columns(2, gap="large")
    with left:
        widgets.figure(
            analysis.accuracy_rows(groups, paper=("FiLM", "Human"), order=GROUP_NAMES, dark=dark),
            "accuracy-by-group",
            f"Accuracy in {len(groups)} groups beside the paper's: {_told(groups)}.",
            groups,
            sample=_sample(),
        )
    with right:
        order = sorted(kinds["value"], key=lambda kind: (GROUP_NAMES.index(GROUPS[kind]), kind))
        widgets.figure(
            analysis.accuracy_rows(kinds, order=order, dark=dark),
            "accuracy-by-type",
            f"Accuracy of {len(kinds)} question types: {_told(kinds)}.",
            kinds,
            sample=_sample(),
        )
    left, right = st.columns(2, gap="large")
    for column, name, axis in (
        (left, "length", "words in the question"),
        (right, "depth", "program depth"),
    ):
        found = evidence_cache.accuracy(networks.study(), name)
        with column:
            if found.empty:
                st.caption(f"No {name} has {evidence_cache.LEAST} questions.")
                continue
            widgets.figure(
                analysis.accuracy_line(found, axis, dark=dark), f"accuracy-by-{name}",
                f"Accuracy by {axis}: {_told(found.iloc[[0, -1]])}.", found,
                sample=_sample(),
            )  # fmt: skip
    st.caption(
        f"Axes begin where the data do, not at zero. Marks of under 30 questions are faint; lengths and "
        f"depths of fewer than {evidence_cache.LEAST} are left out. Types differ in "
        "length: a dip may be a type's."
    )
    with st.expander("This network in the paper's Table 1"):
        table = evidence_cache.paper(networks.study())
        shown = {name: st.column_config.NumberColumn(format="%.1f") for name in table.columns[2:]}
        st.dataframe(table, hide_index=True, column_config=shown)
        st.caption(
            "Per cent. Rows of this network: measured here, and as its card says; `low` and `high` are the "
            "95 % interval of Overall. The paper's rows are on CLEVR's test set (Table 1)."
        )
        widgets.data(table, "beside-the-paper")
    widgets.how_measured("Accuracy")


def _sample() -> str:
    """What all of it was measured on."""
    evidence = evidence_cache.evidence(networks.study())
    return (
        ""
        if evidence is None
        else f"{evidence.recipe['questions']:,} questions, seed {evidence.recipe['seed']}"
    )


def _told(table: pd.DataFrame) -> str:
    return ", ".join(f"{row.value} {row.accuracy:.0%}" for row in table.itertuples())


def _confusion(dark: bool) -> None:
    st.header("Confusion matrix")
    widgets.notice(
        "A row is the true answer, a column the predicted one. **Errors should stay inside a kind**: a wrong "
        "number for a number, a wrong colour for a colour. Numbers should miss by one. Cells are counts; "
        "errors are coloured by their share of the row, rows of under 30 questions faint."
    )
    counts = evidence_cache.confusions(networks.study())
    wrong = int(counts.to_numpy().sum() - counts.to_numpy().trace())
    widgets.figure(
        analysis.confusion_heatmap(counts, dark=dark),
        "confusion",
        f"Confusion of {len(counts)} answers; {wrong:,} of {counts.to_numpy().sum():,} are wrong.",
        counts.rename_axis("true").reset_index(),
        sample=_sample(),
    )


# --- Errors ---------------------------------------------------------------------------------------


def _errors(evidence: Evidence) -> None:
    st.header("Errors, sorted by confidence")
    found = analysis.wrong_answers(evidence.answers)
    if found.empty:
        st.success("There is none.")
        return
    here = set(found["picture"]) <= {f"gallery-{number}" for number in range(len(pictures.exhibits()))}
    widgets.notice(
        "**Choose one to open it on the Ask page**, and see there which places the classifier read."
        if here
        else "These pictures are not in the gallery: upload one on the Ask page to look into its question."
    )
    with st.container(horizontal=True):
        kind = st.selectbox(
            "Type", [ANY, *builder.TYPES], key="error-type", width=260,
            format_func=lambda kind: builder.TYPES.get(kind, ANY),
        )  # fmt: skip
        truth = st.selectbox("True answer", [ANY, *_values(found["answer"])], key="error-truth", width=160)
        said = st.selectbox("Predicted", [ANY, *_values(found["prediction"])], key="error-said", width=160)
    for column, wanted in (("type", kind), ("answer", truth), ("prediction", said)):
        if wanted not in (ANY, None):
            found = found[found[column] == wanted]
    if found.empty:
        st.caption("No wrong answer is like that.")
        return
    shown = found.head(MOST_ERRORS)
    more = f", the {len(shown)} most confident of them" if len(shown) < len(found) else ""
    st.caption(f"{len(found):,} wrong answers{more}.")
    error_list(shown, "type", f"errors-{kind}-{truth}-{said}", opens=here)
    widgets.data(found, "wrong-answers")


def _values(column: pd.Series) -> list[str]:
    return sorted(
        column.unique(), key=lambda answer: (answer.isdigit(), int(answer) if answer.isdigit() else answer)
    )


# --- Probes ---------------------------------------------------------------------------------------


def _probes(evidence: Evidence, dark: bool) -> None:
    probes = evidence.probes
    st.header("What a linear probe reads")
    st.info(analysis.what_is_linear(networks.network().config), icon=":material/info:")
    names = list(dict.fromkeys(probes["target"]))
    first = probes.iloc[0]
    widgets.notice(
        "A logistic regression is trained on some pictures' questions and tested on others'. **A mark counts "
        "where it stands above its shuffled-label control** (labels drawn once for each question family, as "
        "learnable as the true ones), **its cross stays near it** (question families it was not trained on) "
        "**and it is not below the dashed line** (the question's bag of words). Words give most targets "
        "away: only order is not in the bag. What is readable need not be used."
    )
    target = state.view().probe if state.view().probe in names else names[0]
    if target != state.view().probe:
        state.change(probe=target)
    st.pills("Probe target", names, required=True, **state.bound("probe"))
    own = probes[probes["target"] == target]
    best = own.loc[own["accuracy"].idxmax()]
    where = best["space"] if best["block"] == 0 else f"{best['space']} of block {best['block']}"
    widgets.figure(
        analysis.probe_chart(probes, target, dark=dark),
        f"probes-of-{names.index(target)}",
        f"Probes for {target}; the best reads {where} and is right for {best['accuracy']:.0%}.",
        own,
        sample=_sample(),
    )
    held_out = "–" if pd.isna(best["held_out"]) else f"{best['held_out']:.1%}"
    st.caption(
        f"Best: **{where}** with {best['accuracy']:.1%} ({best['low']:.1%} to {best['high']:.1%}); "
        f"bag of words {best['bag']:.1%}, majority {best['majority']:.1%}, "
        f"control labels {best['control']:.1%}, families not trained on {held_out}. "
        f"{int(best['tested']):,} questions about {int(best['pictures'])} pictures, five folds by picture, "
        f"standardised, L2 penalty, seed {evidence.recipe['seed']}. “maps” are each map's "
        f"{POOLED.get(str(evidence.recipe.get('pooling')), 'pooled value')} in a block's output; the stem "
        "has not met the question."
    )
    with st.expander("All probes at a glance"):
        widgets.notice(
            "Numbers are accuracies in per cent, colour is selectivity: what is gained over control labels."
        )
        widgets.figure(
            analysis.probe_overview(probes, dark=dark), "all-probes",
            f"Selectivity of {len(names)} targets in every space; {int(first['tested']):,} questions each.",
            probes,
            sample=_sample(),
        )  # fmt: skip
        st.caption(
            "“metal” and “cube” against *in any words*: CLEVR has several words for one thing. An encoder "
            "that keeps the thing and forgets which word was said reads the second better than the first."
        )
    widgets.how_measured("Linear probes")


# --- Report ---------------------------------------------------------------------------------------


def _report() -> None:
    st.header("Export")
    view = state.view()
    st.caption(
        "One page that needs nothing from outside, with figures, numbers, and a manifest of hashes, seeds "
        "and versions. It is made when you press, in some seconds. The command "
        f"`{command('analysis', 'report', networks.network().checkpoint)}` makes the same, and also measures "
        "how the blocks group questions."
    )
    with st.container(horizontal=True):
        for label, of, name in (
            ("Report of the study", None, "study"),
            ("Report of this view", view, "view"),
        ):
            st.download_button(
                label, partial(evidence_cache.report_of, networks.study(), of), f"film-lens-{name}.html",
                "text/html",
                key=f"report-{name}", icon=":material/description:", on_click="ignore",
            )  # fmt: skip


if __name__ == "__main__":
    page()
