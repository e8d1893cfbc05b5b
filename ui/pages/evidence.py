"""Evidence: how often the network is right and knows it, where it errs, and what probes read off it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from film import GROUP_NAMES, GROUPS, InputError, command
from ui import as_python, below, builder, evidence_probes, measuring, state, widgets
from ui.cache import evidence as evidence_cache, networks, pictures
from ui.error_list import error_list

MOST_ERRORS = 500  # rows of the error list
ANY = "any"


def page() -> None:
    st.title("Evidence")
    st.caption(
        "Accuracy, calibration, the confusion matrix, the errors, and what linear probes read from gamma, "
        "beta and the feature maps."
    )
    session = networks.network()
    try:
        evidence = evidence_cache.evidence(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    if evidence is None:
        st.info(
            "This network's answers and probes have not been measured yet; some minutes on two cores:"
            f"\n\n    {command('analysis', 'evidence', session.checkpoint)}",
            icon=":material/terminal:",
        )
        return
    dark = widgets.dark()
    st.caption(
        f"This network's training: {widgets.plain(session.card.taught)} The paper's: answers alone, 700,000 "
        "questions about 70,000 pictures of CLEVR, seen 80 times over at most."
    )
    of = _pictures_of()
    if of is not None:
        st.caption(
            f"{_sample(of)}{_source(of)}. Bars are 95 % intervals (Wilson's, with a design effect, since "
            "questions about one picture stand and fall together); under ten pictures there are none, "
            f"since this cannot be measured on so few. {_left_out(of)}"
        )
        _questions(of)
        _accuracy(of, dark)
    if below.waits("evidence"):
        return
    if of is not None:
        if evidence_cache.is_clevrs(networks.study(), of):
            _beside_paper(of)
        widgets.how_measured("Accuracy")
        _calibration(of, dark)
        _confusion(of, dark)
        _errors(evidence_cache.answers(networks.study(), of), _sample(of))
    evidence_probes.probes(evidence, dark)
    _report()
    if of is not None:
        widgets.copy_as_python("evidence", lambda: as_python.evidences(networks.study(), of))


def _pictures_of() -> str | None:
    """Whose answers are shown: of the study's pictures or the visitor's folder; None until they are there."""
    of = measuring.choose_sample("measured-on", "the study's pictures")
    if of in (evidence_cache.KEPT, None):
        return of
    study = networks.study()
    found = measuring.measured(
        evidence_cache.folder_key(study), "Measure accuracy on your folder",
        lambda told: evidence_cache.folder_answers(study, told), room="evidence",
    )  # fmt: skip
    if found is None:
        st.caption(
            f"Asks the folder's own questions, up to {evidence_cache.MOST:,}, or questions about its scenes "
            "where it brings none that can be used; some 10 ms a question."
        )
    return None if found is None else of


# --- How often it is right ------------------------------------------------------------------------


def _questions(of: str) -> None:
    """Which questions these are, where that is not plain: of the visitor's folder, or in unknown words."""
    if of == evidence_cache.OWN and (asked := evidence_cache.folder_questions()).made:
        why = f"The folder's own questions cannot be used: {asked.trouble}" if asked.trouble else (
            "The folder brings no questions."
        )  # fmt: skip
        st.info(f"{widgets.plain(why)} These are made about its scenes, as CLEVR asks them.")
    if told := evidence_cache.unknown(networks.study(), of):
        st.caption(widgets.plain(told))


def _accuracy(of: str, dark: bool) -> None:
    st.header("Accuracy")
    whole = evidence_cache.accuracy(networks.study(), of, "").iloc[0]
    clevrs = evidence_cache.is_clevrs(networks.study(), of)
    compared = (
        " Beside the paper's network, which saw 700,000 questions: **is the order of the groups the same?** "
        "Pictures and questions differ from CLEVR's test set, so compare the order, not the decimals."
        if clevrs
        else " Not all of these questions are of CLEVR's 90 families, so the paper's figures do not stand "
        "beside them."
    )
    widgets.notice(
        f"**{whole['accuracy']:.1%} of all** (95 % interval, per cent: {whole['interval']}).{compared}"
    )
    left, right = st.columns(2, gap="large")
    _by_type(of, clevrs, left, right, dark)
    for column, name, axis in (
        (left, "length", "words in the question"),
        (right, "depth", "program depth"),
    ):
        found = evidence_cache.accuracy(networks.study(), of, name)
        with column:
            if found.empty:
                st.caption(f"No {name} has {evidence_cache.LEAST} questions.")
                continue
            widgets.figure(
                analysis.accuracy_line(found, axis, dark=dark), f"accuracy-by-{name}",
                f"Accuracy by {axis}: {_told(found.iloc[[0, -1]])}.", found,
                sample=_sample(of),
            )  # fmt: skip
    st.caption(
        f"Axes begin where the data do, not at zero. Marks of under 30 questions are faint; lengths and "
        f"depths of fewer than {evidence_cache.LEAST} are left out. Types differ in "
        "length: a dip may be a type's."
    )


def _by_type(of: str, clevrs: bool, left: Any, right: Any, dark: bool) -> None:
    """Accuracy by group and by type, where the questions say of which they are."""
    groups, kinds = (
        evidence_cache.accuracy(networks.study(), of, "group"),
        evidence_cache.accuracy(networks.study(), of, "type"),
    )
    if groups.empty:
        st.caption("These questions do not say of which type they are, so there is none by group or type.")
        return
    with left:
        widgets.figure(
            analysis.accuracy_rows(
                groups, paper=("FiLM", "Human") if clevrs else (), order=GROUP_NAMES, dark=dark
            ),
            "accuracy-by-group",
            f"Accuracy in {len(groups)} groups{' beside the paper’s' if clevrs else ''}: {_told(groups)}.",
            groups,
            sample=_sample(of),
        )
    with right:
        order = sorted(kinds["value"], key=lambda kind: (GROUP_NAMES.index(GROUPS[kind]), kind))
        widgets.figure(
            analysis.accuracy_rows(kinds, order=order, dark=dark),
            "accuracy-by-type",
            f"Accuracy of {len(kinds)} question types: {_told(kinds)}.",
            kinds,
            sample=_sample(of),
        )


def _beside_paper(of: str) -> None:
    with st.expander("This network in the paper's Table 1"):
        table = evidence_cache.paper(networks.study(), of)
        shown = {name: st.column_config.NumberColumn(format="%.1f") for name in table.columns[2:]}
        st.dataframe(table, hide_index=True, column_config=shown)
        st.caption(
            "Per cent. Rows of this network: measured here, and as its card says; `low` and `high` are the "
            "95 % interval of Overall. The paper's rows are on CLEVR's test set (Table 1)."
        )
        widgets.data(
            table, "beside-the-paper", "Accuracy beside the paper's Table 1, per cent", sample=_sample(of)
        )


def _source(of: str) -> str:
    """Where the pictures of the study come from, in brackets."""
    kept = evidence_cache.evidence(networks.study())
    told = "" if of == evidence_cache.OWN or kept is None else widgets.plain(str(kept.recipe["source"]))
    return f" ({told})" if told else ""


def _left_out(of: str) -> str:
    """Which of the study's questions were not asked; "" where all were."""
    kept = evidence_cache.evidence(networks.study())
    return "" if of == evidence_cache.OWN or kept is None else analysis.told_left_out(kept.recipe)


def _sample(of: str) -> str:
    """What all of it was measured on."""
    study = networks.study()
    answers, kept = evidence_cache.answers(study, of), evidence_cache.evidence(study)
    counts = f"{len(answers):,} questions about {answers['picture'].nunique():,} pictures"
    if of == evidence_cache.OWN or kept is None:
        return f"{counts} of your folder"
    return f"{counts}, seed {kept.recipe['seed']}"


def _told(table: pd.DataFrame) -> str:
    return ", ".join(f"{row.value} {row.accuracy:.0%}" for row in table.itertuples())


def _calibration(of: str, dark: bool) -> None:
    st.header("Calibration")
    found = evidence_cache.calibrated(networks.study(), of)
    widgets.notice(
        "Confidence is the probability of the predicted answer. **Marks on the diagonal are as often right as"
        " the network says**; below it the network is too confident. Beside each mark stands how many "
        "answers it is of; of fewer than 30 it is faint."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        widgets.figure(
            analysis.calibration_curve(found, dark=dark),
            "calibration",
            f"Accuracy in {len(found.curve)} bins of confidence; {found.describe()}.",
            found.curve,
            sample=_sample(of),
        )
    with right:
        low, high = (100 * value for value in (found.null.mean(), np.percentile(found.null, 95)))
        st.metric("Expected calibration error", f"{100 * found.error:.2f} points", border=True)
        st.caption(
            f"A perfectly calibrated network would have {low:.2f} points on as many answers, and up to "
            f"{high:.2f} in 95 of 100 samples ({analysis.small(found.p, 'p')}, {len(found.null):,} samples, "
            f"seed {found.seed}). Mean confidence minus accuracy: {100 * found.gap:+.2f} points."
        )
    widgets.how_measured("Calibration")


def _confusion(of: str, dark: bool) -> None:
    st.header("Confusion matrix")
    widgets.notice(
        "A row is the true answer, a column the predicted one. **Errors should stay inside a kind**: a wrong "
        "number for a number, a wrong colour for a colour. Numbers should miss by one. Cells are counts; "
        "errors are coloured by their share of the row, rows of under 30 questions faint."
    )
    counts = evidence_cache.confusions(networks.study(), of)
    wrong = int(counts.to_numpy().sum() - counts.to_numpy().trace())
    widgets.figure(
        analysis.confusion_heatmap(counts, dark=dark),
        "confusion",
        f"Confusion of {len(counts)} answers; {wrong:,} of {counts.to_numpy().sum():,} are wrong.",
        counts.rename_axis("true").reset_index(),
        sample=_sample(of),
    )
    widgets.how_measured("Confusion matrix")


# --- Errors ---------------------------------------------------------------------------------------


def _errors(answers: pd.DataFrame, sample: str) -> None:
    st.header("Errors, sorted by confidence")
    found = analysis.wrong_answers(answers)
    if found.empty:
        st.success("There is none.")
        return
    here = all(pictures.is_here(key) for key in found["picture"].unique())
    widgets.notice(
        "**Choose one to open it on the Ask page**, and see there which places the classifier read."
        if here
        else "These pictures are not here: upload one on the Ask page to look into its question."
    )
    with st.container(horizontal=True):
        kinds = [ANY, *builder.TYPES]
        kind = st.selectbox(
            "Type", kinds, width=260, format_func=lambda kind: builder.TYPES.get(kind, ANY),
            **state.option("error-type", kinds, ANY),
        )  # fmt: skip
        truths, answers = ([ANY, *_values(found[column])] for column in ("answer", "prediction"))
        truth = st.selectbox("True answer", truths, width=160, **state.option("error-truth", truths, ANY))
        said = st.selectbox("Predicted", answers, width=160, **state.option("error-said", answers, ANY))
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
    widgets.data(found, "wrong-answers", "Errors, sorted by confidence", sample=sample)


def _values(column: pd.Series) -> list[str]:
    return sorted(
        column.unique(), key=lambda answer: (answer.isdigit(), int(answer) if answer.isdigit() else answer)
    )


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
                label, partial(evidence_cache.report_of, networks.study(), of, state.upload()),
                f"film-lens-{name}.html", "text/html",
                key=f"report-{name}", icon=":material/description:", on_click="ignore",
            )  # fmt: skip


if __name__ == "__main__":
    page()
