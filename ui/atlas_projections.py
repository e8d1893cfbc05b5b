"""The atlas's further projections: a space and a method are chosen, the rest is done in the background."""

from __future__ import annotations

import streamlit as st

from analysis import LayoutRecipe, Study
from ui import state, widgets
from ui.cache import projections
from ui.cache.projections import METHODS


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
        recipe = LayoutRecipe(space, method)
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
        st.caption(f"{recipe.describe()}, of {len(known or ()):,} {study.schema.nouns}; seed 0.")
        st.button(
            "Compute in the background", key="atlas-compute", icon=":material/play_arrow:",
            disabled=projections.busy() is not None,
            on_click=projections.begin, args=(study, recipe, state.session_name()),
        )  # fmt: skip


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
