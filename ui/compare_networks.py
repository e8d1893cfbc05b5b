"""Which networks the Compare page's figures are of: A, the page's own, and B."""

from __future__ import annotations

from typing import Any

from analysis import Comparison, Study
from ui import state, widgets
from ui.cache import networks


def name(study: Study) -> str:
    return widgets.plain(study.folder.name if study.session.card.name in ("", None) else study.name)


def name_of(study: Study) -> str:
    """What the view calls one of the two networks: A is the page's own, or the other where a comparison was
    kept the other way round."""
    return state.view().network if study.folder == networks.study().folder else state.view().versus


def figure(found: Comparison, *given: Any) -> None:
    """A figure of both networks, which says whose it is and of how many questions."""
    widgets.figure(*given, **origin(found))


def origin(found: Comparison) -> dict[str, Any]:
    """Which networks a figure or a table is of, and what they were asked."""
    recipe = found.recipe
    return {
        "of": both(*(recipe[side]["weights"] for side in ("one", "other"))),
        "sample": f"{recipe['questions']:,} questions, seed {recipe['seed']}",
    }


def both(one: str, other: str) -> str:
    """Which networks a figure is of, by their weights."""
    return f"A is network {one[: state.LINK_HASH]}, B {other[: state.LINK_HASH]}"
