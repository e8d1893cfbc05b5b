"""What the bench measures of one question: which maps made its answer, patches, lines and flips.

Each is made on request, with progress and a way to stop, and kept for whoever asks for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import streamlit as st

import analysis
from analysis import KINDS, Population
from film import InputError, Parameters, Where
from ui import bench_as_python, question_header as header, state, widgets
from ui.cache import bench as bench_cache, networks
from ui.measuring import measured

WORDS: dict[Parameters, str] = {"both": "gamma and beta", "gamma": "gamma", "beta": "beta"}
DONORS = 20
PAIRED, MOST_SHOWN = 30, 20  # maps whose pairs are looked at, and pairs that are listed
A_SECOND = 1700  # questions with one map replaced that are answered in a second on two cores


def effects(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    widgets.notice(
        "How much the logit of the answer loses on its runner-up when one map's gamma and beta are replaced, "
        "and how far the distribution of all answers moves. **Orange maps speak for the answer, blue ones "
        "against it.** Which kind of replacement is asked matters: see how far they agree."
    )
    donors = {} if population is None else analysis.questions_to_resample(population, case.question)
    if not donors or population is None:
        st.caption("This needs other questions to resample from; they are being measured in the background.")
        return
    key = ("effects", *case.measured_on)
    found: analysis.MapEffects | None = measured(
        key,
        "Measure every map",
        lambda told: analysis.map_effects(
            case.session, case.shown.pixels, case.question, donors, count=DONORS, progress=told
        ),
    )
    if found is None:
        seconds = DONORS * len(donors) * case.answer.gamma.size / A_SECOND
        st.caption(f"Some {max(1, round(seconds))} s on two cores.")
        return
    kinds = list(found.effects)
    kind = st.segmented_control(
        "Replaced by", kinds, required=True, **state.option("bench-effect-kind", kinds, kinds[0])
    )
    kind = kind or kinds[0]
    values = found.effects[kind]
    title = f"logit {found.answer} − {found.runner_up}"
    widgets.figure(
        analysis.map_heatmap(values, f"drop of {title}", chosen=chosen, dark=widgets.dark()),
        "bench-effects", f"Drop of the {title} for every map, {kind}.", found.table(), header.open_map,
    )  # fmt: skip
    if kind in found.divergence:
        widgets.figure(
            analysis.map_heatmap(
                found.divergence[kind], "KL divergence, nats", chosen=chosen, form=".2e", dark=widgets.dark()
            ),
            "bench-divergence",
            f"Kullback-Leibler divergence of the answers' distribution for every map, {kind}.",
            found.table(), header.open_map,
        )  # fmt: skip
    else:
        st.caption("A gradient estimates the logit difference alone: no KL divergence.")
    st.caption(
        f"{title} is {found.difference:.2f} as it is. Resampled: the mean over {_counted(found)}, "
        "drawn with seed 0, gamma and beta of a map together. KL: of the distribution of all answers from "
        "what it was. One question about one picture: many cases are needed before anything can be said in "
        "general."
    )
    header.offer_maps(found.strongest(kind, 6), "Speak most for the answer:")
    widgets.copy_as_python(
        "bench-effects", lambda: bench_as_python.effects(networks.study(), case, DONORS, kind)
    )
    widgets.how_measured("Effects on one answer")
    _sources(case, population, found, key)
    with st.expander("How far the kinds agree (Spearman's rank correlation over all maps)"):
        agreement = found.agreement()
        st.dataframe(agreement.round(2))
        widgets.data(
            agreement.rename_axis("kind").reset_index(), "bench-agreement",
            "Spearman's rank correlation of the kinds over all maps",
        )  # fmt: skip
    deviation = np.asarray(population.spread("gamma").deviation)
    curves = bench_cache.kept(
        ("curves", *key[1:], kind),
        lambda: analysis.replacement_curves(
            case.session, case.shown.pixels, case.question, values, deviation
        ),
    )
    for column, curve in zip(st.columns(2, gap="large"), ("deletion", "insertion"), strict=True):
        with column:
            st.markdown(f"**{curve.capitalize()}**")
            widgets.figure(
                analysis.replacement_lines(curves, curve, dark=widgets.dark()), f"bench-{curve}",
                f"{curve} curve beside random orders.", curves[curves["curve"] == curve],
            )  # fmt: skip
    st.caption(
        f"By effect: {kind}, measured on this question. Beside it {analysis.RANDOM_ORDERS} random orders "
        "and as many among maps whose gamma has a like standard deviation over questions, seed 0: mean, 5th "
        "to 95th percentile."
    )
    pairs = bench_cache.kept(
        ("pairs", *key[1:], kind),
        lambda: analysis.interactions(
            case.session, case.shown.pixels, case.question, found.strongest(kind, PAIRED)
        ),
    )
    with st.expander("Pairs of maps that do together what they do not do alone"):
        st.dataframe(pairs.head(MOST_SHOWN).round(3), hide_index=True)
        st.caption(
            f"All pairs of the {min(PAIRED, values.size)} maps that speak most for the answer ({kind}), "
            f"mean-ablated; {min(MOST_SHOWN, len(pairs))} of {len(pairs)}, the strongest interactions. Drops "
            "in logits; interaction: together minus a minus b. One question about one picture: no test."
        )
        widgets.data(pairs, "bench-interactions", "Effects of pairs of maps, together and alone")


def _counted(found: analysis.MapEffects) -> str:
    """How many donors there were of each kind, in words."""
    numbers = {name.removeprefix("resampled, "): len(texts) for name, texts in found.donors.items()}
    return ", ".join(f"{number} other questions ({name})" for name, number in numbers.items())


def _sources(
    case: header.Case, population: Population, found: analysis.MapEffects, key: tuple[Hashable, ...]
) -> None:
    """How far from the distribution over questions each donor lies, and the means and FiLM off."""
    table = bench_cache.kept(
        ("sources", *key[1:]), lambda: analysis.source_distances(case.session, population, found)
    )
    with st.expander("How far the donors lie from the distribution over questions"):
        shown = table.groupby("kind", sort=False)["distance"].agg(["count", "min", "median", "max"])
        names = {"count": "sources", "min": "nearest", "max": "farthest"}
        st.dataframe(shown.rename(columns=names).round(2))
        st.dataframe(table.round(2), hide_index=True, height=240)
        st.caption(
            "Distance: root of the mean squared z of all gammas and betas, over "
            f"{len(population):,} questions; 1 is usual, and the mean lies near 0, where hardly a question "
            "does. Percentile: the share of these questions that lie nearer. Identity is FiLM switched off."
        )
        widgets.data(table, "bench-donors", "Donors and their distance from the distribution over questions")


def between(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    other = state.view().other.strip()
    if not other:
        st.caption("Choose the other question under “Patch from another question” first.")
        return
    config = case.session.config
    left, right = st.columns(2)
    moved = left.segmented_control("Change", list(WORDS), required=True, format_func=WORDS.__getitem__,
                                   **state.option("bench-line-of", list(WORDS), "both"))  # fmt: skip
    where = right.selectbox(
        "in", range(-1, config.blocks),
        format_func=lambda block: "all blocks" if block < 0 else f"block {block + 1}",
        **state.option("bench-line-block", range(-1, config.blocks), -1),
    )  # fmt: skip
    parameters: Parameters = "gamma" if moved == "gamma" else "beta" if moved == "beta" else "both"
    place = Where(None if where is None or where < 0 else (where,), None, parameters)
    try:
        line = bench_cache.kept(
            ("line", *case.measured_on, other, str(place)),
            lambda: analysis.interpolate(case.session, case.shown.pixels, case.question, other, place),
        )
    except InputError as error:
        widgets.show_error(error)
        return
    widgets.notice(
        f"From the question on the page (0) to “{widgets.plain(other)}” (1) in a straight line. **Does the "
        "answer turn gradually or at one place?**"
    )
    widgets.figure(
        analysis.interpolation_lines(line, dark=widgets.dark()), "bench-line",
        f"Probabilities on the way, {line['answer'].iloc[0]} to {line['answer'].iloc[-1]}.", line,
    )  # fmt: skip
    widgets.copy_as_python(
        "bench-between", lambda: bench_as_python.between(networks.study(), case, other, place)
    )
    widgets.how_measured("Between two questions")


def flip(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    if population is None:
        st.caption("This needs the standard deviations over many questions, which are being measured.")
        return
    widgets.notice(
        "The fewest maps that change the answer when they are mean-ablated, and the smallest step of gamma "
        "and beta that does. **Beside what random maps and random directions take.**"
    )

    def make(told: Callable[..., None]) -> analysis.SmallestFlip:
        effects = analysis.map_effects(case.session, case.shown.pixels, case.question, {}, progress=told)
        deviation = {kind: np.asarray(population.spread(kind).deviation) for kind in KINDS}
        return analysis.smallest_flip(
            case.session, case.shown.pixels, case.question, effects.effects["mean"], deviation
        )

    key = ("flip", *case.measured_on)
    found = measured(key, "Search", make)
    if found is None:
        return
    if found.maps is None:
        st.markdown(
            "With every map at its mean the answer stays the same, so no set of maps changes it this way."
        )
    else:
        random = "never" if found.random is None else f"{found.random:.0f} maps (median of 20 random orders)"
        st.markdown(
            f"**{len(found.maps)} maps**, mean-ablated, change the answer to **{found.answer}**, and none of "
            f"them can be left out. In random order it takes {random}."
        )
        header.offer_maps(list(found.maps[:8]), "They are")
    if found.norm is not None:
        random = (
            "nothing changes within 500" if found.norm_random is None else f"it takes {found.norm_random:.1f}"
        )
        st.markdown(
            f"A step of **{found.norm:.1f} standard deviations** in gamma and beta along the gradient "
            f"changes it to **{found.norm_answer}**; in a random direction {random} (median of 5)."
        )
    st.caption("Greedy, then pruned, every step checked exactly; there may be smaller sets. Seed 0.")
    widgets.copy_as_python("bench-flip", lambda: bench_as_python.flip(networks.study(), case))
    widgets.how_measured("Smallest flip")
