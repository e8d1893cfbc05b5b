"""What the Compare page shows of two networks that have not been compared yet."""

from __future__ import annotations

import streamlit as st

from analysis import Study
from film import command
from ui import state, widgets
from ui.cache import comparison as cache


def offer(one: Study, other: Study) -> None:
    """Offer the measurement, or show how far it is."""
    job = cache.running(one, other)
    if job is not None and not job.stop.is_set():
        if error := cache.failed(job):
            widgets.show_error(str(error))
        else:
            _progress(one, other)
        return
    st.info(
        f"These two have not been compared yet. It takes a minute or two for {cache.QUESTIONS:,} questions, "
        "in the background. To keep it beside the checkpoint:\n\n    "
        + command("analysis", "compare", one.session.checkpoint, other.session.checkpoint),
        icon=":material/balance:",
    )
    st.button("Compare now", icon=":material/play_arrow:", on_click=cache.begin, args=(one, other))


@st.fragment(run_every=1)
def _progress(one: Study, other: Study) -> None:
    job = cache.running(one, other)
    if job is None or job.stop.is_set() or job.found.done():
        state.run_again()
        return
    st.progress(min(1.0, job.done / max(1, job.of)), f"Comparing: {100 * job.done // max(1, job.of)} % …")
    if st.button("Stop", icon=":material/stop:", on_click=cache.stop, args=(one, other)):
        state.run_again()
