"""The figures of a page that AppTest has run."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def charts(app: AppTest) -> list[str]:
    """What plotly is given to draw, as JSON, in the page's order."""
    return [
        json.loads(part.proto.json)["spec"]
        for part in app.get("bidi_component")
        if part.proto.component_name.endswith("film_chart")
    ]
