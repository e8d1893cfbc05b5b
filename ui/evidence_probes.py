"""What linear probes read: the targets measured beforehand, others on request, and across blocks."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
from analysis import Evidence
from film import command
from ui import measuring, state, widgets
from ui.cache import evidence as evidence_cache, networks

POOLED = {"max": "greatest value", "mean": "mean value"}


def probes(evidence: Evidence, dark: bool) -> None:
    st.header("What a linear probe reads")
    st.info(analysis.what_is_linear(networks.network().config), icon=":material/info:")
    widgets.notice(
        "A logistic regression is trained on some pictures' questions and tested on others'. **A mark counts "
        "where it stands above its shuffled-label control** (labels drawn once for each question family, as "
        "learnable as the true ones), **its cross stays near it** (question families it was not trained on) "
        "**and it is not below the dashed line** (the question's bag of words). Words give most targets "
        "away: only order is not in the bag, nor the answer, which the picture has. For answers compare "
        "with the bag and the majority: shuffled labels follow from the family alone. What is "
        "readable need not be used."
    )
    names = list(dict.fromkeys(evidence.probes["target"]))
    target = state.view().probe if state.view().probe in names else names[0]
    if target != state.view().probe:
        state.change(probe=target)
    st.pills("Probe target", names, required=True, **state.bound("probe"))
    more = evidence_cache.more_targets(networks.study())
    chosen = st.selectbox(
        "Or any other word or attribute", ["", *more], format_func=lambda name: name or "none",
        **state.option("probe-more", ["", *more], ""),
    )  # fmt: skip
    if chosen:
        _more(evidence, chosen, more[chosen], dark)
    else:
        _target(evidence, evidence.probes, target, dark)
        _transfer(evidence, evidence.transfer, target, dark)
    with st.expander("All probes at a glance"):
        widgets.notice(
            "Numbers are accuracies in per cent, colour is selectivity: what is gained over shuffled labels "
            "(the control)."
        )
        tested = int(evidence.probes["tested"].iloc[0])
        widgets.figure(
            analysis.probe_overview(evidence.probes, dark=dark), "all-probes",
            f"Selectivity of {len(names)} targets in every space; up to {tested:,} questions each.",
            evidence.probes, sample=_sample(evidence),
        )  # fmt: skip
        st.caption(
            "“metal” and “cube” against *in any words*: CLEVR has several words for one thing. An encoder "
            "that keeps the thing and forgets which word was said reads the second better than the first."
        )
    widgets.how_measured("Linear probes")


def _sample(evidence: Evidence) -> str:
    recipe = evidence.recipe
    return f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures, seed {recipe['seed']}"


def _more(evidence: Evidence, name: str, what: str, dark: bool) -> None:
    """A target that was not measured beforehand: its probes are trained on request."""
    study = networks.study()
    key = ("probe", study.weights, evidence.recipe["questions"], evidence.recipe["seed"], what)
    found = measuring.measured(
        key, f"Train probes for {name}", lambda told: evidence_cache.probed(study, name, what, told),
        room="evidence",
    )  # fmt: skip
    if found is None:
        st.caption("Trains the probes of every block and their controls; about a minute on two cores.")
        return
    table, transfer = found
    if table.empty:
        st.caption("Too few questions have it, or all have the same, in some part of the pictures.")
        return
    _target(evidence, table, name, dark)
    _transfer(evidence, transfer, name, dark)


def _target(evidence: Evidence, table: pd.DataFrame, target: str, dark: bool) -> None:
    """The probes for one target in every space, and the best of them in words."""
    own = table[table["target"] == target]
    best = own.loc[own["accuracy"].idxmax()]
    where = best["space"] if best["block"] == 0 else f"{best['space']} of block {best['block']}"
    widgets.figure(
        analysis.probe_chart(table, target, dark=dark), "probes",
        f"Probes for “{target}”; the best reads {where} and is right for {best['accuracy']:.0%}.",
        own, sample=_sample(evidence),
    )  # fmt: skip
    held_out = "–" if pd.isna(best["held_out"]) else f"{best['held_out']:.1%}"
    st.caption(
        f"Best: **{where}** with {best['accuracy']:.1%} ({best['low']:.1%} to {best['high']:.1%}); "
        f"bag of words {best['bag']:.1%}, majority {best['majority']:.1%}, "
        f"shuffled-label control {best['control']:.1%}, families not trained on {held_out}. "
        f"{int(best['tested']):,} questions about {int(best['pictures'])} pictures, five folds by picture, "
        f"standardised, L2 penalty, seed {evidence.recipe['seed']}. “maps” are each map's "
        f"{POOLED.get(str(evidence.recipe.get('pooling')), 'pooled value')} in a block's output; the stem "
        "has not met the question."
    )


def _transfer(evidence: Evidence, transfer: pd.DataFrame | None, target: str, dark: bool) -> None:
    """Probes trained on one block and read at another, beside their control."""
    st.subheader("Trained on one block, read at another")
    if transfer is None:
        st.info(
            "This study was made before probes were read across blocks; measure it again:\n\n"
            f"    {command('analysis', 'evidence', networks.network().checkpoint)}",
            icon=":material/terminal:",
        )
        return
    own = transfer[transfer["target"] == target]
    off = own[own["trained"] != own["read"]]
    if off.empty:
        st.caption("There is one block, or too few questions have this target.")
        return
    best = off.loc[off["selectivity"].idxmax()]
    widgets.notice(
        "The same direction, looked for in another block: accuracy in per cent, in brackets that of labels "
        "drawn for each family. **On the diagonal a probe reads its own block.** Maps of one block feed the "
        "next, so a direction can live on; gammas and betas of different blocks belong to different maps."
    )
    widgets.figure(
        analysis.transfer_heatmaps(transfer, target, dark=dark), "probe-transfer",
        f"Probes for “{target}” across blocks; the best off the diagonal is trained on block "
        f"{best['trained']} ({best['space']}) and right for {best['accuracy']:.0%} at block {best['read']}.",
        own, sample=_sample(evidence),
    )  # fmt: skip
    st.caption(
        f"Best across blocks: **{best['space']}, block {best['trained']} read at block {best['read']}** with "
        f"{best['accuracy']:.1%} ({best['low']:.1%} to {best['high']:.1%}); shuffled-label control "
        f"{best['control']:.1%}, majority {best['majority']:.1%}. Each block is standardised by itself."
    )
