"""The atlas's further projections: a space and a method are chosen, the rest is done in the background."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analysis import METRICS, LayoutRecipe, Study
from film import InputError
from ui import state, widgets
from ui.cache import projections
from ui.cache.projections import METHODS


@dataclass(frozen=True)
class _Field:
    """A setting as the page has it: what it is called, its bounds, the step of its field, and what it does.

    The bounds of a perplexity are narrower than `LayoutRecipe`'s: somebody waits, and cannot stop the search
    for three times as many neighbours.
    """

    label: str
    least: float
    most: float
    step: float
    about: str


_NEIGHBOURS = _Field(
    "Neighbours", 2, 200, 5, "How many nearest questions each is held to: more, and larger shapes count."
)
# Of each method, what can be set.
SET: dict[str, dict[str, _Field]] = {
    "tsne": {
        "perplexity": _Field(
            "Perplexity", 2, 200, 5, "How many neighbours each question has, softly counted."
        ),
    },
    "umap": {
        "n_neighbors": _NEIGHBOURS,
        "min_dist": _Field(
            "Least distance", 0, 1, 0.05, "How close points may lie: less, and denser groups."
        ),
    },
    "pacmap": {"n_neighbors": _NEIGHBOURS},
}


def more(study: Study) -> None:
    """Offer every space and method that is not there yet."""
    with st.popover("More projections", icon=":material/add_chart:", width="stretch"):
        spaces = projections.spaces(study)
        space = st.selectbox(
            "Space", list(spaces), format_func=spaces.__getitem__, key="atlas-space",
            help="What questions are compared by: gammas, betas or both, of all blocks or one; each map's "
            "greatest activation in the picture that was asked about; the question encoder's hidden state.",
        )  # fmt: skip
        method = st.selectbox("Method", list(METHODS), format_func=METHODS.__getitem__, key="atlas-method")
        try:
            recipe = LayoutRecipe(space, method, 0, _settings(method))
        except InputError as error:
            widgets.show_error(error)
            return
        title = projections.title(study, recipe)
        if title in study.layouts:
            st.button(
                "Show it", key="atlas-show", on_click=state.change, kwargs={"layout": title}, type="primary"
            )
            return
        known = study.extraction
        if known is not None and space.startswith("maps") and known.pooled is None:
            pictures = known.table["picture"].nunique()
            st.caption(
                f"The study's {pictures:,} pictures are drawn and asked about for it, some minutes, once; "
                "what is finished is kept."
            )
        st.caption(f"{recipe.describe()}, of {len(known or ()):,} {study.schema.nouns}.")
        st.caption(
            "What is more than so many allow is cut down; the projection's caption says what was used."
        )
        st.button(
            "Compute in the background", key="atlas-compute", icon=":material/play_arrow:",
            disabled=projections.busy() is not None,
            on_click=projections.begin, args=(study, recipe, state.session_name()),
        )  # fmt: skip


def _settings(method: str) -> dict[str, float | str]:
    """What is set of a method, each at its usual value at first; what is out of bounds is at it again."""
    found: dict[str, float | str] = {}
    usual = LayoutRecipe("both", method).settings
    for name, field in SET.get(method, {}).items():
        bounds = f"from {field.least:g} to {field.most:g}"
        value = st.number_input(
            field.label, float(field.least), float(field.most), float(usual[name]), float(field.step),
            format="%g", key=f"atlas-{method}-{name}",
            help=f"{field.about} `{name}`, {bounds}; {usual[name]:g} if nothing else is asked for.",
        )  # fmt: skip
        found[name] = int(value) if value == int(value) else value
    if method in SET:
        found["metric"] = st.selectbox(
            "Distance", list(METRICS), format_func=METRICS.__getitem__, key=f"atlas-{method}-metric",
            help="What makes questions neighbours. `metric`: Euclidean, how far their values lie apart; "
            "cosine, the angle between them, whatever their size; correlation, the same about each one's own "
            "mean.",
        )  # fmt: skip
    return found


def progress(study: Study) -> None:
    """How far the projection on its way is; what came of it."""
    job = projections.job(study)
    if job is None:
        return
    if not job.found.done():
        _progress(study)
        return
    if (error := job.error) is not None:
        widgets.show_error(f"{job.title} could not be computed: {error}")
    elif job.found.exception() is None and job.wanted_by == state.session_name():
        projections.forget(study)
        state.change(layout=job.found.result())


@st.fragment(run_every=1)
def _progress(study: Study) -> None:
    job = projections.job(study)
    if job is None or job.found.done():
        state.run_again()
        return
    st.progress(job.done / 100, f"Computing {widgets.plain(job.title)}: {job.done} % …")
    if st.button("Stop", icon=":material/stop:", key="atlas-stop"):
        job.stop.set()
