"""Figures of one question: its answer, its modulation, and what each of its words did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.palette import CATEGORIES, GAMMA, NEUTRAL, diverging, ground, ink, probability
from analysis.figures.panels import panel_title, panels, suffix
from analysis.figures.style import (
    ABOVE,
    GROUPED,
    NEGATIVE,
    POSITIVE,
    SHORT,
    START,
    block_names,
    cells,
    color_bar,
    color_scale,
    figure,
    rule,
)
from analysis.question.feature_maps import FilmEffects
from analysis.question.population import Population, Standing
from analysis.question.word_contributions import Contribution, Kind, WordContributions
from film import percent


def modulation_heatmap(
    values: np.ndarray,
    kind: Kind,
    standing: Standing | None = None,
    *,
    show: str = "value",
    chosen: tuple[int, int] | None = None,
    dark: bool = False,
) -> go.Figure:
    """One question's gamma or beta, (blocks, maps), as a picture: a row a block, a column a map.

    Args:
        values: (blocks, maps), of gamma or beta as `kind` says.
        standing: against the population; its z and percentile appear on hovering.
        show: colour by "value" or by "z".
        chosen: (block, map) to frame, from 0.
    """
    blocks, maps = values.shape
    by_z = show == "z" and standing is not None
    shown = standing.z if by_z and standing else values
    top = SHORT if by_z else max(float(np.percentile(np.abs(values), 99.5)), 1e-6)
    ids = np.stack(np.meshgrid(np.arange(blocks) + 1, np.arange(maps), indexing="ij"), axis=-1)
    seen: list[np.ndarray] = [ids[..., 0], ids[..., 1], values]
    hover = f"block %{{customdata[0]}}, map %{{customdata[1]}}<br>{kind} %{{customdata[2]:.3f}}"
    if standing is not None:
        seen += [standing.z, standing.percentile]
        hover += "<br>z %{customdata[3]:+.2f}, percentile %{customdata[4]:.1f}"
        hover += f" of {standing.questions:,} questions"
    data, hover = np.stack(seen, axis=-1).round(4), hover + "<extra></extra>"
    trace = go.Heatmap(
        z=np.round(shown, 4),
        hoverinfo="skip",
        colorscale=color_scale(dark),
        zmin=-top,
        zmax=top,
        xgap=1,
        ygap=2,
        colorbar=color_bar(f"z of {kind}" if by_z else kind),
    )
    frames = []
    if chosen is not None:
        (block, number), line = chosen, {"color": ink(dark), "width": 2}
        corners = {"x0": number - 0.5, "x1": number + 0.5, "y0": block - 0.5, "y1": block + 0.5}
        frames.append({"type": "rect", **corners, "line": line})
    # Fixed margins: gamma's and beta's columns stand below each other.
    return figure(
        56 + 30 * blocks,
        dark,
        trace,
        cells(range(blocks), data, hover),
        x={
            "title_text": f"feature map ({kind})",
            "showgrid": False,
            "range": [-0.5, maps - 0.5],
            "automargin": False,
        },
        y=_block_ticks(blocks) | {"range": [blocks - 0.5, -0.5], "automargin": False},
        margin={"l": 64, "r": 84, "b": 48},
        shapes=frames,
    )


def plane(
    gamma: np.ndarray, beta: np.ndarray, *, chosen: tuple[int, int] | None = None, dark: bool = False
) -> go.Figure:
    """Gamma against beta of every map, a panel a block (compare the paper's Figure 5 and Distill's).

    Args:
        gamma, beta: of one question, (blocks, maps) each.
        chosen: (block, map) to mark, from 0.
    """
    blocks, columns = len(gamma), min(2, len(gamma))
    rows = -(-blocks // columns)
    axes = panels(rows, columns, same_x=True, same_y=True, gap=min(0.3, 0.36 / rows))
    for number in range(blocks, rows * columns):  # a last row that is not full
        del axes[f"xaxis{suffix(number)}"], axes[f"yaxis{suffix(number)}"]
    clouds, shapes = [], []
    for block, (scales, shifts) in enumerate(zip(gamma, beta, strict=True)):
        own = suffix(block)
        place = {"xaxis": f"x{own}", "yaxis": f"y{own}"}
        clouds.append(
            go.Scatter(
                x=scales, y=shifts, mode="markers", name=f"block {block + 1}",
                customdata=[(block + 1, number) for number in range(len(scales))],
                hovertemplate="block %{customdata[0]}, map %{customdata[1]}<br>"
                "gamma %{x:.3f}, beta %{y:.3f}<extra></extra>",
                marker={"color": CATEGORIES[0], "size": 5, "opacity": 0.8}, **place,
            )
        )  # fmt: skip
        if chosen is not None and chosen[0] == block:
            ring = {"symbol": "circle-open", "size": 15, "color": ink(dark), "line": {"width": 2}}
            at = {"x": [gamma[chosen]], "y": [beta[chosen]]}
            clouds.append(go.Scatter(**at, **place, mode="markers", hoverinfo="skip", marker=ring))
        shapes.append(
            {
                "type": "rect", "x0": -1, "x1": 1, "xref": f"x{own}", "y0": 0, "y1": 1,
                "yref": f"y{own} domain", "fillcolor": NEUTRAL, "opacity": 0.08, "line": {"width": 0},
            }
        )  # fmt: skip
        shapes += [
            rule("x", 0) | {"xref": f"x{own}", "yref": f"y{own} domain"},
            rule("y", 0) | {"xref": f"x{own} domain", "yref": f"y{own}"},
        ]
        axes[f"yaxis{own}"]["title_text"] = "beta" if block % columns == 0 else ""
        axes[f"xaxis{own}"]["title_text"] = "gamma" if block >= blocks - columns else ""
    first = {"x": axes.pop("xaxis"), "y": axes.pop("yaxis")}
    titles = [panel_title(number, name) for number, name in enumerate(block_names(blocks))]
    return figure(
        40 + 190 * rows, dark, *clouds, **first, **axes, shapes=shapes, annotations=titles, margin={"t": 28}
    )


def population_histogram(
    population: Population, kind: Kind, block: int, feature_map: int, value: float, *, dark: bool = False
) -> go.Figure:
    """One gamma or beta in all questions of the population, this question's marked."""
    bins = population_bins(population, kind, block, feature_map)
    bars = go.Bar(
        x=(bins["low"] + bins["high"]) / 2,
        y=bins["questions"],
        width=bins["high"] - bins["low"],
        marker={"color": NEUTRAL, "line": {"width": 0}},
        hovertemplate=f"{kind} %{{x:.3f}}: %{{y}} questions<extra></extra>",
    )
    here = {"text": "this question", "x": value, "y": 1, "yref": "y domain", "yanchor": "bottom"}
    return figure(
        220,
        dark,
        bars,
        x={"title_text": f"{kind} of block {block + 1}, map {feature_map}", "showgrid": False},
        y={"title_text": f"of {len(population):,} questions"},
        shapes=[rule("x", value) | {"line": {"color": ink(dark), "width": 3}}],
        annotations=[here | {"showarrow": False, "font": {"color": ink(dark)}}],
        bargap=0,
        margin={"t": 28},
    )


def film_effect_bars(counts: Sequence[FilmEffects], *, dark: bool = False) -> go.Figure:
    """Amplified, inverted and silenced maps of every block."""
    named = (("amplified", GAMMA, ""), ("inverted", NEGATIVE, "/"), ("silenced", NEUTRAL, "x"))
    bars = []
    for name, color, pattern in named:
        numbers = [getattr(count, name) for count in counts]
        if all(number is None for number in numbers):
            continue
        bars.append(
            go.Bar(
                x=block_names(len(counts)),
                y=numbers,
                name=name,
                text=numbers,
                textposition="outside",
                cliponaxis=False,
                marker={"color": color, "line": {"width": 0}, "pattern": {"shape": pattern, "size": 5}},
                hovertemplate=f"%{{x}}: %{{y}} maps {name}<extra></extra>",
            )
        )
    y = {"title_text": f"of {counts[0].maps} maps" if counts else "maps"}
    return figure(340, dark, *bars, x={"showgrid": False}, y=y, **GROUPED)


def reach(
    names: Sequence[str], by_question: np.ndarray, by_picture: np.ndarray, *, dark: bool = False
) -> go.Figure:
    """How far another question and another picture move each activation, see `analysis.differences`.

    Args:
        names: of the stages, in order.
        by_question, by_picture: (stages,), relative to the first run; 0 is written out.
    """
    bars = [
        go.Bar(
            x=list(names),
            y=np.round(shares, 6),
            name=label,
            text=["0" if share == 0 else "" for share in shares],
            textposition="outside",
            cliponaxis=False,
            marker={"color": color, "line": {"width": 0}, "pattern": {"shape": pattern, "size": 5}},
            hovertemplate=f"{label} moves %{{x}} by %{{y:.1%}}<extra></extra>",
        )
        for label, shares, color, pattern in (
            ("another question", by_question, ink(dark), ""),
            ("another picture", by_picture, NEUTRAL, "/"),
        )
    ]
    y = {"title_text": "change", "tickformat": ".0%"}
    return figure(320, dark, *bars, x={"showgrid": False}, y=y, **GROUPED)


def _positions(tokens: Sequence[str]) -> dict[str, object]:
    """Words may repeat in a question, so they are ticks at places, not categories."""
    places = list(range(len(tokens)))
    return {"tickvals": places, "ticktext": list(tokens), "autotickangles": [0, -45, -90], "showgrid": False}


def _block_ticks(count: int) -> dict[str, object]:
    return {"tickvals": list(range(count)), "ticktext": block_names(count), "showgrid": False}


def contribution_bars(lines: Sequence[Contribution], label: str, *, dark: bool = False) -> go.Figure:
    """Word contributions to one value: a bar from its total before each line to its total after it.

    `label`: what the value is, such as "gamma of block 3, map 26".
    """
    amounts = np.array([line.amount for line in lines])
    bases = np.array([line.total - line.amount for line in lines])
    fixed = sum(line.name in ("bias", "offset") for line in lines[:2])
    names = [line.name for line in lines] + ["sum"]
    total = lines[-1].total
    ends = np.append(bases + amounts, total)
    bars = go.Bar(
        x=list(range(len(names))),
        y=np.append(amounts, total),
        base=np.append(bases, 0.0),
        width=0.72,
        customdata=[*zip(names, [f"{a:+.4f}" for a in amounts] + [f"= {total:.4f}"], ends, strict=True)],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<br>then %{customdata[2]:.4f}<extra></extra>",
        marker={
            "color": [START] * fixed
            + [POSITIVE if amount >= 0 else NEGATIVE for amount in amounts[fixed:]]
            + [ink(dark)],
            "line": {"width": 0},
        },
    )
    steps = go.Scatter(
        x=[place + shift for place in range(len(lines)) for shift in (0.36, 0.64, 0.64)],
        y=[value for end in ends[:-1].tolist() for value in (end, end, None)],  # None: lift the pen
        mode="lines",
        line={"color": NEUTRAL, "width": 1},
        hoverinfo="skip",
    )
    x = _positions(names) | {"range": [-0.6, len(names) - 0.4]}
    return figure(360, dark, bars, steps, x=x, y={"title_text": label}, shapes=[rule("y", 0)])


def contributions_beside_replacements(
    words: Sequence[str], added: Sequence[float], replaced: Sequence[float], label: str, *, dark: bool = False
) -> go.Figure:
    """What a value changed by at each word, and by what it is higher than with other words in its place."""
    bars = [
        go.Bar(
            x=list(range(len(words))), y=np.round(values, 5), name=name, customdata=list(words),
            marker={"color": color, "line": {"width": 0}, "pattern": {"shape": pattern}},
            hovertemplate=f"“%{{customdata}}”: {name} %{{y:+.4f}}<extra></extra>",
        )
        for name, values, color, pattern in (
            ("change when read", added, NEUTRAL, ""), ("effect of replacing", replaced, ink(dark), "/")
        )
    ]  # fmt: skip
    return figure(
        300, dark, *bars, x=_positions(words), y={"title_text": label}, shapes=[rule("y", 0)], **GROUPED
    )


def word_path(contributions: WordContributions, kind: Kind, block: int, *, dark: bool = False) -> go.Figure:
    """Gamma or beta of a block after each word: a column a word, a row a map."""
    values = contributions.values(kind)[1:, block].T  # (maps, tokens)
    top = max(float(np.percentile(np.abs(values), 99.5)), 1e-6)
    trace = go.Heatmap(
        z=values.round(4),
        customdata=np.broadcast_to(np.array(contributions.tokens), values.shape),
        hovertemplate=f"after “%{{customdata}}”: {kind} of map %{{y}} is %{{z:.3f}}<extra></extra>",
        colorscale=color_scale(dark),
        zmin=-top,
        zmax=top,
        xgap=2,
        colorbar=color_bar(kind),
    )
    y = {"title_text": f"map of block {block + 1}", "autorange": "reversed", "showgrid": False}
    return figure(380, dark, trace, x=_positions(contributions.tokens), y=y)


def word_moves(contributions: WordContributions, kind: Kind, *, dark: bool = False) -> go.Figure:
    """RMS change of each block's maps by each word: a column a word."""
    moves = contributions.moves(kind).T  # (blocks, tokens)
    trace = go.Heatmap(
        z=moves.round(4),
        customdata=np.broadcast_to(np.array(contributions.tokens), moves.shape),
        hovertemplate=f"“%{{customdata}}” changes {kind} of %{{y}} by %{{z:.3f}} (RMS)<extra></extra>",
        colorscale=[(place / 3, color) for place, color in enumerate(diverging(dark)[3:])],
        zmin=0,
        zmax=max(float(moves.max()), 1e-6),
        xgap=2,
        ygap=2,
        colorbar=color_bar("RMS change"),
    )
    y = _block_ticks(len(moves)) | {"autorange": "reversed"}
    return figure(120 + 26 * len(moves), dark, trace, x=_positions(contributions.tokens), y=y)


def prefix_answers(
    tokens: Sequence[str], probabilities: Sequence[Mapping[str, float]], *, most: int = 8, dark: bool = False
) -> go.Figure:
    """The answers a question would have got had it stopped at each word, likeliest answers only.

    Args:
        tokens: of the question.
        probabilities: of all answers, for the question ended after each token.
        most: how many answers to show: those that are likeliest somewhere.
    """
    names = list(probabilities[0])
    table = np.array([[row[name] for name in names] for row in probabilities])  # (tokens, answers)
    best = np.argsort(-table.max(axis=0), kind="stable")[:most]
    best = best[np.argsort(-table[-1, best], kind="stable")]
    shown, winner = table[:, best].T, table.argmax(axis=1)
    trace = go.Heatmap(
        z=shown.round(4),
        customdata=[
            [(token, percent(chance)) for token, chance in zip(tokens, row, strict=True)] for row in shown
        ],
        hovertemplate="stopped at “%{customdata[0]}”: %{y} with %{customdata[1]}<extra></extra>",
        y=[names[i] for i in best],
        colorscale=[(0, ground(dark)), (1, probability(dark))],
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        colorbar=color_bar("probability") | {"tickformat": ".0%"},
    )
    here = [(place, names[i]) for place, i in enumerate(winner) if i in best]
    marks = go.Scatter(
        x=[place for place, _ in here],
        y=[name for _, name in here],
        mode="markers",
        marker={"size": 10, "color": ground(dark), "line": {"width": 2, "color": ink(dark)}},
        hoverinfo="skip",
    )
    y = {"type": "category", "autorange": "reversed", "showgrid": False}
    return figure(130 + 24 * len(best), dark, trace, marks, x=_positions(tokens), y=y)


def answer_bars(
    probabilities: Mapping[str, float], truth: str | None = None, *, dark: bool = False
) -> go.Figure:
    """The whole distribution over the answers, likeliest first; the true one is marked where it is known."""
    names = sorted(probabilities, key=lambda name: -probabilities[name])
    values = [probabilities[name] for name in names]
    strong, weak = probability(dark), "#3d4654" if dark else "#c3c9d0"
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": [strong] + [weak] * (len(names) - 1), "line": {"width": 0}},
        text=[
            percent(value) + ("  ◆ true" if name == truth else "")
            for name, value in zip(names, values, strict=True)
        ],
        textposition="outside",
        textfont={"size": 11, "color": ink(dark)},
        cliponaxis=False,
        customdata=[percent(value) for value in values],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    return figure(
        34 + 17 * len(names), dark, bars,
        x={
            "range": [0, 1], "tickformat": ".0%", "side": "top", "dtick": 0.25, "title_text": "probability",
        },
        y={
            "autorange": "reversed", "type": "category", "dtick": 1, "showgrid": False, "ticks": "outside",
            "ticklen": 6, "tickcolor": "rgba(0,0,0,0)",
        },
        margin={"r": 90}, bargap=0.28,
    )  # fmt: skip


def answers_side_by_side(
    first: Mapping[str, float],
    second: Mapping[str, float],
    *,
    names: tuple[str, str] = ("A", "B"),
    most: int = 8,
    dark: bool = False,
) -> go.Figure:
    """Two distributions over the answers that are likeliest in either, the first above the second.

    An answer that one of two networks does not have has no probability there, and "none" in place of one.
    """
    either = dict.fromkeys((*first, *second))
    answers = sorted(either, key=lambda name: -max(first.get(name, 0.0), second.get(name, 0.0)))[:most]
    told = [
        [percent(chances[name]) if name in chances else "none" for name in answers]
        for chances in (first, second)
    ]
    strong, weak = probability(dark), "#5a4a86" if dark else "#c4b5e8"
    bars = [
        go.Bar(
            x=[chances.get(name, 0.0) for name in answers], y=answers, orientation="h", name=label,
            text=written, textposition="outside",
            textfont={"size": 11, "color": ink(dark)}, constraintext="none", cliponaxis=False,
            customdata=written,
            hovertemplate=f"{label}, %{{y}}: %{{customdata}}<extra></extra>",
            marker={
                "color": color, "line": {"color": strong, "width": 1},
                "pattern": {"shape": pattern, "fillmode": "overlay", "size": 5},
            },
        )
        for label, chances, written, color, pattern in (
            (names[0], first, told[0], strong, ""), (names[1], second, told[1], weak, "/"),
        )
    ]  # fmt: skip
    return figure(
        70 + 34 * len(answers), dark, *bars, barmode="group", bargap=0.3, showlegend=True,
        legend=ABOVE | {"traceorder": "normal"}, margin={"t": 40, "r": 56},
        x={"title_text": "probability", "range": [0, 1], "tickformat": ".0%", "dtick": 0.25},
        y={
            "autorange": "reversed", "type": "category", "dtick": 1, "showgrid": False, "ticks": "outside",
            "ticklen": 6, "tickcolor": "rgba(0,0,0,0)",
        },
    )  # fmt: skip


# --- What the figures show, as tables: blocks from 1, maps from 0 ------------------------------------------


def modulation_table(
    values: Mapping[Kind, np.ndarray], standings: Mapping[Kind, Standing | None] | None = None
) -> pd.DataFrame:
    """A row a map: block, map, and of each kind the value and, where it is known, its z and percentile.

    Args:
        values: one question's gamma, beta or both by name, (blocks, maps) each.
        standings: of each kind against the population.
    """
    blocks, maps = next(iter(values.values())).shape
    columns = {"block": np.repeat(np.arange(blocks) + 1, maps), "map": np.tile(np.arange(maps), blocks)}
    for kind, numbers in values.items():
        columns[kind] = numbers.ravel()
        compared = (standings or {}).get(kind)
        if compared is not None:
            columns[f"{kind}_z"] = compared.z.ravel()
            columns[f"{kind}_percentile"] = compared.percentile.ravel()
    return pd.DataFrame(columns)


def population_bins(population: Population, kind: Kind, block: int, feature_map: int) -> pd.DataFrame:
    """How many questions give a map each gamma or beta: kind, block, map, low, high, questions; 48 bins.

    Args:
        block, feature_map: counted from 0.
    """
    values = population.values(kind)[:, block, feature_map].astype(np.float32)
    counts, edges = np.histogram(values, bins=48)
    return pd.DataFrame(
        {"kind": kind, "block": block + 1, "map": feature_map, "low": edges[:-1], "high": edges[1:],
         "questions": counts}
    )  # fmt: skip


def path_table(contributions: WordContributions, kind: Kind, block: int) -> pd.DataFrame:
    """Gamma or beta of a block's maps after each word: place (of the word, from 0), word, block, map, value.

    Args:
        block: counted from 0.
    """
    values = contributions.values(kind)[1:, block]  # (tokens, maps)
    tokens, maps = values.shape
    return pd.DataFrame(
        {
            "place": np.repeat(np.arange(tokens), maps),
            "word": np.repeat(np.array(contributions.tokens, dtype=object), maps),
            "block": block + 1,
            "map": np.tile(np.arange(maps), tokens),
            kind: values.ravel(),
        }
    )
