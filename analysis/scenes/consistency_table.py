"""The README's table of consistency: every network that comes with the project and was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.scenes.counterfactual import find_counterfactuals
from analysis.tables import markdown
from film import bundled, load

NAME = "consistency"  # of the table, between its markers
HEAD = [
    "network", "changed", "truth changes, and the answer", "truth stays, and the answer",
    "right about both, where it changes",
]  # fmt: skip


def consistency_table(folders: Sequence[Path] | None = None) -> str:
    """As Markdown: a row for each network and kind of change, then how each was measured.

    Args:
        folders: of checkpoints; those that come with the project if left out. One that was not measured is
            left out.
    """
    rows, said = [], []
    for folder in bundled() if folders is None else folders:
        _, card = load(folder)
        found = find_counterfactuals(folder, card.weights)
        if found is None:
            continue
        table, recipe = found.consistency(), found.recipe
        for kind in table["changed"].unique():
            if kind != "nothing":
                rows.append([folder.name, str(kind), *_cells(table[table["changed"] == kind])])
        stays, drawn = found.steady()
        said.append(
            f"{folder.name}: {found.pairs:,} pairs of {recipe['scenes']} scenes ({recipe['source']}), seed "
            f"{recipe['seed']}; drawn again with another seed, {drawn - stays} of {drawn} answers change."
        )
    return f"{markdown(HEAD, rows)}\n\n{' '.join(said)}"


def _cells(own: pd.DataFrame) -> list[str]:
    changes, stays = (own[own["true answer"] == truth] for truth in ("changes", "stays"))
    return [_share(changes, "consistent"), _share(stays, "consistent"), _share(changes, "right")]


def _share(rows: pd.DataFrame, name: str) -> str:
    if rows.empty:
        return "none"
    row = rows.iloc[0]
    value, low, high = (100 * float(row[column]) for column in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.1f}" if pd.isna(low) else f"{value:.1f} [{low:.1f}, {high:.1f}]"
