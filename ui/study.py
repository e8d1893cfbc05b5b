"""What the study pages share: figures with their exports, the pick of one feature map, help lines."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from film import NetworkConfig


def notice(text: str) -> None:
    """The line under a heading that says what to look for."""
    st.caption(f":material/visibility: {text}")


def figure(drawn: Figure, name: str, table: pd.DataFrame | None = None) -> None:
    """A figure with its SVG (the camera on hovering) and its numbers as CSV."""
    picture = {"format": "svg", "filename": name}
    st.plotly_chart(
        drawn,
        theme=None,
        key=f"figure-{name}",
        config={"toImageButtonOptions": picture, "displaylogo": False},
    )
    if table is not None:
        st.download_button(
            "Data as CSV",
            table.to_csv(index=False).encode(),
            f"{name}.csv",
            "text/csv",
            key=f"csv-{name}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def pick_map(config: NetworkConfig, block: int, feature_map: int, key: str) -> tuple[int, int]:
    """Choose a block and one of its maps by keyboard or pointer; both counted from 0."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        chosen = st.segmented_control(
            "Block", range(config.blocks), default=block, format_func=lambda b: f"block {b + 1}",
            required=True, key=f"{key}-block",
        )  # fmt: skip
    with right:
        number = st.number_input(
            f"Map (0 to {config.maps - 1})", 0, config.maps - 1, feature_map, key=f"{key}-map"
        )
    return int(chosen or 0), int(number)
