"""The plan of a scene: its objects from above, to be dragged or moved by keyboard.

Nothing is fetched: `view.js` and `view.css` are all there is of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import streamlit as st

from film import ATTRIBUTES, DIRECTIONS, DISTANCES, Scene
from ui import state

HERE = Path(__file__).parent
ACTIONS = ("remove", "duplicate", "left", "right", *ATTRIBUTES)
# CLEVR's colors as its flat surfaces look.
SHOWN = {
    "gray": "#9e9e9e", "red": "#d76868", "blue": "#7194ed", "green": "#5fac4f",
    "brown": "#bd9358", "purple": "#bd6ce1", "cyan": "#70e9e9", "yellow": "#fff77c",
}  # fmt: skip

_view = st.components.v2.component(
    "film_plan",
    css=(HERE / "view.css").read_text("utf-8"),
    js=(HERE / "view.js").read_text("utf-8"),
    isolate_styles=False,
)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def plan(
    key: str,
    scene: Scene,
    chosen: int,
    *,
    on_move: Callable[[int, float, float], None],
    on_choose: Callable[[int], None],
    on_act: Callable[[int, str], None],
    turn: int,
    focus: int = 0,
    dark: bool = False,
) -> None:
    """Draw the plan and hand back what is done on it, before the page runs again.

    Args:
        chosen: the object that is framed.
        on_move: called with an object and where it was put.
        on_act: called with an object and one of ACTIONS.
        turn: another number makes the plan show the scene anew, as after a move that was refused.
        focus: another number gives the chosen object the focus.
    """
    count = len(scene.objects)

    def told(what: str) -> Any:
        return known(state.told(key, what))

    def known(value: Any) -> Any:
        index = value.get("index") if isinstance(value, dict) else value
        there = isinstance(index, (int, float)) and not isinstance(index, bool) and 0 <= index < count
        return value if there else None

    def moved() -> None:
        put(told("moved"))

    def put(value: Any) -> None:
        if isinstance(value, dict):
            x, y = value.get("x"), value.get("y")
            if _is_number(x) and _is_number(y):
                on_move(int(value["index"]), float(x), float(y))

    def picked() -> None:
        if (value := told("chosen")) is not None and not isinstance(value, dict):
            on_choose(int(value))

    def done() -> None:
        if isinstance(value := told("done"), dict) and value.get("action") in ACTIONS:
            put(known(value.get("moved")))  # by keys just before, not told yet
            on_act(int(value["index"]), value["action"])

    _view(
        key=key,
        data={
            "objects": [
                {
                    "x": thing.x, "y": thing.y, "r": thing.radius, "shape": thing.shape, "name": str(thing),
                    "yaw": math.fmod(thing.rotation, 2 * math.pi), "color": SHOWN[thing.color],
                    "metal": thing.material == "metal",
                }
                for thing in scene.objects
            ],
            "chosen": chosen, "turn": turn, "focus": focus, "dark": dark, **DISTANCES,
            "right": DIRECTIONS["right"][:2], "behind": DIRECTIONS["behind"][:2],
            "label": f"Plan of the scene, {count} objects; the camera is below. Arrow keys move an object.",
        },
        on_moved_change=moved,
        on_chosen_change=picked,
        on_done_change=done,
    )  # fmt: skip
