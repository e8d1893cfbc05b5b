"""What the bench measures over many questions on request: a kept set of maps beside its complement, pairs of
maps, and effects on question families that were left out.

Maps are chosen by their cards, which are of other questions about other pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

import analysis
from analysis import GALLERY, MapCards, Measured, Population
from film import InputError, Progress, Questions, command
from ui import bench_as_python, bench_measures as measures, question_header as header, state, widgets
from ui.cache import evidence, networks
from ui.measuring import measured

QUESTIONS = (200, 400)  # about the gallery's pictures
MOST_SHOWN = 20  # rows of a table
SEED, LEVEL = 0, 0.05  # of p
# Questions with maps replaced that are answered in a second on two cores: those of which all blocks change
# take longer than those of which one map does.
WHOLE_A_SECOND, A_SECOND = 1100, measures.A_SECOND

Measure = Callable[[Questions, Progress], Measured]


def made_this(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    """What made the answer, and what pairs of maps and families say over many questions."""
    measures.effects(case, population, chosen)
    if population is None:
        return
    with st.expander("Over many questions: pairs of maps that do together what they do not do alone"):
        _pairs(case, population)
    with st.expander("Over many questions: effects that hold on question families left out"):
        _families(case, population, chosen)


def kept_sets(case: header.Case, population: Population | None) -> None:
    """Faithfulness of the maps of the greatest effect alone, and of all but these."""
    cards = _cards()
    if cards is None or population is None:
        return
    st.markdown("**A kept set beside its complement**")
    widgets.notice(
        "Only the maps of the greatest effect keep their own gamma and beta, all others take over those of "
        "another question; and the reverse. **Do a few maps carry the answer, and does it fall without "
        "them?**"
    )
    effect = cards.cards["effect"].to_numpy().reshape(case.answer.gamma.shape)
    deviation = np.asarray(population.spread("gamma").deviation)
    sets = 2 * len(analysis.KEPT_SIZES) * (1 + analysis.KEPT_DRAWS)
    most = _how_many("kept-sets")
    found = _measured(
        case, "kept-sets", most, "Keep them, and all but them", sets / WHOLE_A_SECOND,
        lambda asked, told: analysis.measure_kept_sets(
            case.session, asked, GALLERY, list(population.texts), effect, deviation, seed=SEED, progress=told
        ),
    )  # fmt: skip
    if found is None:
        return
    table, recipe = found.tables["table"], found.recipe
    widgets.figure(
        analysis.faithfulness_lines(table, dark=widgets.dark()), "bench-kept-sets",
        "Faithfulness with only the chosen maps kept, and with all but these, beside random sets.", table,
        sample=_sample(recipe),
    )  # fmt: skip
    st.dataframe(table.round(3), hide_index=True)
    st.caption(
        f"{_sample(recipe)}; the maps that speak most for answers by the map cards, which are of other "
        "questions. "
        "Faithfulness: the share of the logit difference that is left, 0 with all maps resampled, 1 with "
        f"none; 95 % intervals by picture. Random: {recipe['draws']} sets of as many maps of the same blocks "
        "and of like deviation, 5th to 95th percentile; p of each size by itself."
    )
    widgets.copy_as_python("bench-kept-sets", lambda: bench_as_python.kept_sets(networks.study(), most, SEED))
    widgets.how_measured("Kept sets of feature maps")


def _pairs(case: header.Case, population: Population) -> None:
    cards = _cards()
    if cards is None:
        return
    places = cards.strongest(analysis.STRONGEST)
    sets = len(places) * (len(places) + 1) / 2
    most = _how_many("map-pairs")
    found = _measured(
        case, "map-pairs", most, "Resample pairs of maps", sets / A_SECOND,
        lambda asked, told: analysis.measure_interactions(
            case.session, asked, GALLERY, list(population.texts), places, seed=SEED, progress=told
        ),
    )  # fmt: skip
    if found is None:
        return
    table, recipe = found.tables["table"], found.recipe
    sure = int((table["p"] <= LEVEL).sum())
    st.markdown(
        f"**{sure} of {len(table)} pairs** (p ≤ {LEVEL:g}) do together what is not the sum of both alone:"
    )
    st.dataframe(
        table.head(MOST_SHOWN).round(4), hide_index=True, column_config={"p": widgets.p_column("p (max-T)")}
    )
    st.caption(
        f"{_sample(recipe)}; the {recipe['maps']} maps of the greatest effect for or against answers on the "
        "map cards, which are of other questions. Mean drops of the logit difference, answer minus "
        "runner-up; interaction: together minus a minus b, with 95 % intervals by picture. p: signs of whole "
        f"pictures flipped ({recipe['trials']:,}), corrected over all pairs."
    )
    widgets.data(
        table, "bench-map-pairs", "Interactions of pairs of feature maps over many questions",
        sample=_sample(recipe),
    )  # fmt: skip
    widgets.copy_as_python("bench-map-pairs", lambda: bench_as_python.map_pairs(networks.study(), most, SEED))
    widgets.how_measured("Interactions of feature maps")


def _families(case: header.Case, population: Population, chosen: tuple[int, int]) -> None:
    most = _how_many("families")
    found = _measured(
        case, "families", most, "Resample every map", case.answer.gamma.size / A_SECOND,
        lambda asked, told: analysis.measure_family_effects(
            case.session, asked, GALLERY, list(population.texts), seed=SEED, progress=told
        ),
    )  # fmt: skip
    if found is None:
        return
    table, recipe = found.tables["table"], found.recipe
    on_first, claimed = table[table["p"] <= LEVEL], table[table["claimed"]]
    st.markdown(
        f"**{len(claimed)} of {len(on_first)} maps** with an effect (p ≤ {LEVEL:g}) show it again both on "
        "pictures and on question families that were left out:"
    )
    effect = table["families"].where(table["claimed"], 0.0).to_numpy()
    widgets.figure(
        analysis.map_heatmap(
            effect.reshape(case.answer.gamma.shape), "drop in logits", chosen=chosen, dark=widgets.dark()
        ),
        "bench-families", "Mean drop of the logit difference on families left out, of maps where it holds.",
        table, header.open_map, sample=_sample(recipe),
    )  # fmt: skip
    strongest = on_first.reindex(on_first["effect"].abs().sort_values(ascending=False, kind="stable").index)
    names = {
        "pictures": "other pictures", "pictures_p": "p there", "families": "other families",
        "families_p": "p on these", "both": "both other",
    }  # fmt: skip
    st.dataframe(strongest.head(MOST_SHOWN).rename(columns=names).round(4), hide_index=True)
    st.caption(
        f"{_sample(recipe)}, of {recipe['families']} families; a third of the pictures and a third of the "
        "families are left out. Mean drops of the logit difference; both other is not tested. p: family-wise "
        "over all maps (max-T); p there and on these: of each map by itself. Sign flips of whole pictures, "
        f"on families left out also of whole families, the greater p of both ({recipe['trials']:,}). "
        f"Claimed: each p at most {LEVEL:g}, and all three effects of one sign."
    )
    widgets.copy_as_python("bench-families", lambda: bench_as_python.families(networks.study(), most, SEED))
    widgets.how_measured("Effects on families left out")


def _cards() -> MapCards | None:
    """The cards by which maps are chosen; None, with what is missing, where there are none."""
    try:
        cards = evidence.cards(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return None
    if cards is None:
        advice = command("analysis", "maps", networks.study().name)
        st.caption(f"Maps are chosen by their cards, which are not measured here: `{advice}`")
    return cards


def _how_many(name: str) -> int:
    """The questions that are chosen to be asked."""
    most: int = st.segmented_control(
        "Questions about the gallery's pictures", QUESTIONS, required=True,
        **state.option(f"bench-{name}-questions", QUESTIONS, QUESTIONS[0]),
    )  # fmt: skip
    return most or QUESTIONS[0]


def _measured(
    case: header.Case, name: str, most: int, label: str, seconds: float, make: Measure
) -> Measured | None:
    """What is measured on request of so many questions.

    Args:
        seconds: that one question takes.
    """
    found: Measured | None = measured(
        (name, case.session.card.weights, most, SEED), label,
        lambda told: make(analysis.gallery_questions(most, SEED), told),
    )  # fmt: skip
    if found is None:
        told = command("analysis", name, networks.study().name)
        st.caption(f"Some {max(1, round(most * seconds))} s on two cores. `{told} --questions {most}`")
    return found


def _sample(recipe: Mapping[str, Any]) -> str:
    about = f"{recipe['questions']:,} questions about {recipe['pictures']} pictures"
    return f"{about}, {recipe['source']}, seed {recipe['seed']}"
