"""Every plotly figure: a pure function of data. Colours are those of `analysis.palette`.

Figures have no ground of their own, so that they stand on a light page and on a dark one; `dark`
says which it is. Row ids travel in custom data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.palette import CATEGORIES, NEUTRAL, diverging, ground, ink
from analysis.population import Population, Standing
from analysis.trajectory import Kind, Ledger, Line
from analysis.walls import Census

POSITIVE, NEGATIVE, START = "#d9731a", "#2f86cc", NEUTRAL
SPECIAL = ("<START>", "<END>")
SHORT = 5.0  # z beyond which all colours are alike


def _figure(height: int, dark: bool, *traces: go.BaseTraceType, **settings: object) -> go.Figure:
    grid = "rgba(138, 143, 152, 0.25)"
    figure = go.Figure(list(traces))
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={
            "color": ink(dark),
            "size": 12,
            "family": "Source Sans, Source Sans Pro, Liberation Sans, sans-serif",
        },
        showlegend=False,
        hoverlabel={"bgcolor": ground(dark), "font": {"color": ink(dark)}, "bordercolor": NEUTRAL},
    )
    figure.update_xaxes(gridcolor=grid, zeroline=False, automargin=True, title_standoff=8)
    figure.update_yaxes(gridcolor=grid, zeroline=False, automargin=True, title_standoff=8)
    figure.update_layout(**settings)
    return figure


def _scale(dark: bool) -> list[tuple[float, str]]:
    colors = diverging(dark)
    return [(place / (len(colors) - 1), color) for place, color in enumerate(colors)]


def _bar(title: str) -> dict[str, object]:
    return {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0, "x": 1.01}


def _blocks(count: int) -> list[str]:
    return [f"block {block + 1}" for block in range(count)]


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
        standing: against the population; its z and percentile appear on hovering.
        show: colour by "value" or by "z".
        chosen: (block, map) to frame.
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
    trace = go.Heatmap(
        z=np.round(shown, 4),
        customdata=np.stack(seen, axis=-1).round(4),
        hovertemplate=hover + "<extra></extra>",
        colorscale=_scale(dark),
        zmin=-top,
        zmax=top,
        xgap=1,
        ygap=2,
        colorbar=_bar(f"z of {kind}" if by_z else kind),
    )
    # Fixed margins: gamma's and beta's columns stand below each other.
    figure = _figure(56 + 30 * blocks, dark, trace, margin={"l": 64, "r": 84, "t": 8, "b": 48})
    figure.update_xaxes(title_text=f"feature map ({kind})", showgrid=False, range=[-0.5, maps - 0.5])
    figure.update_yaxes(
        tickvals=list(range(blocks)), ticktext=_blocks(blocks), range=[blocks - 0.5, -0.5], showgrid=False
    )
    figure.update_layout(xaxis_automargin=False, yaxis_automargin=False)
    if chosen is not None:
        block, number = chosen
        figure.add_shape(
            type="rect", x0=number - 0.5, x1=number + 0.5, y0=block - 0.5, y1=block + 0.5,
            line={"color": ink(dark), "width": 2},
        )  # fmt: skip
    return figure


def plane(
    gamma: np.ndarray, beta: np.ndarray, *, chosen: tuple[int, int] | None = None, dark: bool = False
) -> go.Figure:
    """Gamma against beta of every map, coloured by block (compare the paper's Figure 5 and Distill's)."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    figure = _figure(340, dark, showlegend=True, legend=legend, margin={"t": 40})
    figure.add_vrect(x0=-1, x1=1, fillcolor=NEUTRAL, opacity=0.08, line_width=0)
    for block, (scales, shifts) in enumerate(zip(gamma, beta, strict=True)):
        figure.add_scatter(
            x=scales,
            y=shifts,
            mode="markers",
            name=f"block {block + 1}",
            customdata=[(block + 1, number) for number in range(len(scales))],
            hovertemplate="block %{customdata[0]}, map %{customdata[1]}<br>"
            "gamma %{x:.3f}, beta %{y:.3f}<extra></extra>",
            marker={
                "color": CATEGORIES[block % len(CATEGORIES)],
                "symbol": ("circle", "square", "diamond", "cross", "x", "triangle-up", "star")[block % 7],
                "size": 6,
                "opacity": 0.8,
            },
        )
    if chosen is not None:
        figure.add_scatter(
            x=[gamma[chosen]], y=[beta[chosen]], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 15, "color": ink(dark), "line": {"width": 2}},
        )  # fmt: skip
    for draw in (figure.add_vline, figure.add_hline):
        draw(0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title_text="gamma (grey: |gamma| below 1)")
    figure.update_yaxes(title_text="beta")
    return figure


def population_histogram(
    population: Population, kind: Kind, block: int, feature_map: int, value: float, *, dark: bool = False
) -> go.Figure:
    """One gamma or beta in all questions of the population, this question's marked."""
    values = population.values(kind)[:, block, feature_map].astype(np.float32)
    counts, edges = np.histogram(values, bins=48)
    bars = go.Bar(
        x=(edges[1:] + edges[:-1]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": NEUTRAL, "line": {"width": 0}},
        hovertemplate=f"{kind} %{{x:.3f}}: %{{y}} questions<extra></extra>",
    )
    figure = _figure(220, dark, bars, bargap=0)
    figure.add_vline(
        value,
        line={"color": POSITIVE, "width": 3},
        annotation={"text": "this question", "font": {"color": POSITIVE}, "yanchor": "bottom"},
        annotation_position="top",
    )
    figure.update_layout(margin={"t": 28})
    figure.update_xaxes(title_text=f"{kind} of block {block + 1}, map {feature_map}", showgrid=False)
    figure.update_yaxes(title_text=f"of {len(population):,} questions")
    return figure


def census_bars(counts: Sequence[Census], *, dark: bool = False) -> go.Figure:
    """Amplified, inverted and silenced maps of every block."""
    named = (("amplified", POSITIVE), ("inverted", NEGATIVE), ("silenced", NEUTRAL))
    figure = _figure(
        340,
        dark,
        barmode="group",
        bargap=0.25,
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"t": 40},
    )
    for name, color in named:
        numbers = [getattr(count, name) for count in counts]
        if all(number is None for number in numbers):
            continue
        figure.add_bar(
            x=_blocks(len(counts)),
            y=numbers,
            name=name,
            text=numbers,
            textposition="outside",
            cliponaxis=False,
            marker={"color": color, "line": {"width": 0}},
            hovertemplate=f"%{{x}}: %{{y}} maps {name}<extra></extra>",
        )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title_text=f"of {counts[0].maps} maps" if counts else "maps")
    return figure


def reach(
    names: Sequence[str], by_question: np.ndarray, by_picture: np.ndarray, *, dark: bool = False
) -> go.Figure:
    """How far another question and another picture move each activation, see `analysis.differences`."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    figure = _figure(
        320, dark, barmode="group", bargap=0.25, showlegend=True, legend=legend, margin={"t": 40}
    )
    for label, shares, color in (
        ("another question", by_question, POSITIVE),
        ("another picture", by_picture, NEGATIVE),
    ):
        figure.add_bar(
            x=list(names),
            y=np.round(shares, 6),
            name=label,
            text=["0" if share == 0 else "" for share in shares],
            textposition="outside",
            cliponaxis=False,
            marker={"color": color, "line": {"width": 0}},
            hovertemplate=f"{label} moves %{{x}} by %{{y:.1%}}<extra></extra>",
        )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title_text="change", tickformat=".0%")
    return figure


def _positions(tokens: Sequence[str]) -> dict[str, object]:
    """Words may repeat in a question, so they are ticks at places, not categories."""
    return {"tickvals": list(range(len(tokens))), "ticktext": list(tokens), "tickangle": -45}


def contribution_bars(lines: Sequence[Line], label: str, *, dark: bool = False) -> go.Figure:
    """The ledger of one value: a bar from its total before each line to its total after it.

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
    figure = _figure(360, dark, bars, steps)
    figure.add_hline(0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(**_positions(names), showgrid=False, range=[-0.6, len(names) - 0.4])
    figure.update_yaxes(title_text=label)
    return figure


def word_path(ledger: Ledger, kind: Kind, block: int, *, dark: bool = False) -> go.Figure:
    """Gamma or beta of a block after each word: a column a word, a row a map."""
    values = ledger.values(kind)[1:, block].T  # (maps, tokens)
    top = max(float(np.percentile(np.abs(values), 99.5)), 1e-6)
    trace = go.Heatmap(
        z=values.round(4),
        customdata=np.broadcast_to(np.array(ledger.tokens), values.shape),
        hovertemplate=f"after “%{{customdata}}”: {kind} of map %{{y}} is %{{z:.3f}}<extra></extra>",
        colorscale=_scale(dark),
        zmin=-top,
        zmax=top,
        xgap=2,
        colorbar=_bar(kind),
    )
    figure = _figure(380, dark, trace)
    figure.update_xaxes(**_positions(ledger.tokens), showgrid=False)
    figure.update_yaxes(title_text=f"map of block {block + 1}", autorange="reversed", showgrid=False)
    return figure


def word_moves(ledger: Ledger, kind: Kind, *, dark: bool = False) -> go.Figure:
    """How far each word moved each block (root mean square over its maps): a column a word."""
    moves = ledger.moves(kind).T  # (blocks, tokens)
    trace = go.Heatmap(
        z=moves.round(4),
        customdata=np.broadcast_to(np.array(ledger.tokens), moves.shape),
        hovertemplate=f"“%{{customdata}}” moved {kind} of %{{y}} by %{{z:.3f}}<extra></extra>",
        colorscale=[(place / 3, color) for place, color in enumerate(diverging(dark)[3:])],
        zmin=0,
        zmax=max(float(moves.max()), 1e-6),
        xgap=2,
        ygap=2,
        colorbar=_bar("moved"),
    )
    figure = _figure(120 + 26 * len(moves), dark, trace)
    figure.update_xaxes(**_positions(ledger.tokens), showgrid=False)
    figure.update_yaxes(
        tickvals=list(range(len(moves))), ticktext=_blocks(len(moves)), autorange="reversed", showgrid=False
    )
    return figure


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
        customdata=np.broadcast_to(np.array(tokens), shown.shape),
        hovertemplate="stopped at “%{customdata}”: %{y} with %{z:.1%}<extra></extra>",
        y=[names[i] for i in best],
        colorscale=[(place / 3, color) for place, color in enumerate(diverging(dark)[3:])],
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        colorbar=_bar("probability") | {"tickformat": ".0%"},
    )
    here = [(place, names[i]) for place, i in enumerate(winner) if i in best]
    marks = go.Scatter(
        x=[place for place, _ in here],
        y=[name for _, name in here],
        mode="markers",
        marker={"symbol": "circle-open", "size": 9, "color": ink(dark), "line": {"width": 2}},
        hoverinfo="skip",
    )
    figure = _figure(130 + 24 * len(best), dark, trace, marks)
    figure.update_xaxes(**_positions(tokens), showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def answer_bars(
    probabilities: Mapping[str, float], truth: str | None = None, *, dark: bool = False
) -> go.Figure:
    """The whole distribution over the answers, likeliest first; the true one is marked where it is known."""
    names = sorted(probabilities, key=lambda name: -probabilities[name])
    values = [probabilities[name] for name in names]
    strong, weak = ("#58a6e6", "#3d4654") if dark else ("#1f6aa8", "#c3c9d0")
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": [strong] + [weak] * (len(names) - 1), "line": {"width": 0}},
        text=[
            _share(value) + ("  ◆ true" if name == truth else "")
            for name, value in zip(names, values, strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.4%}<extra></extra>",
    )
    figure = _figure(34 + 17 * len(names), dark, bars, bargap=0.28)
    figure.update_xaxes(range=[0, 1], tickformat=".0%", side="top", dtick=0.25)
    figure.update_yaxes(autorange="reversed", type="category", ticklen=0, dtick=1)
    figure.update_layout(margin={"r": 64}, font={"size": 12})
    return figure


def _share(value: float) -> str:
    return f"{value:.1%}" if value >= 0.0005 else "<0.1%"


def answers_side_by_side(
    first: Mapping[str, float], second: Mapping[str, float], *, most: int = 8, dark: bool = False
) -> go.Figure:
    """Two distributions over the answers that are likeliest in either, A above B."""
    names = sorted(first, key=lambda name: -max(first[name], second.get(name, 0.0)))[:most]
    figure = _figure(
        70 + 34 * len(names), dark, barmode="group", bargap=0.3, showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0, "traceorder": "normal"},
    )  # fmt: skip
    for label, chances, color, pattern in (
        ("A", first, CATEGORIES[0], ""),
        ("B", second, CATEGORIES[1], "/"),
    ):
        values = [chances.get(name, 0.0) for name in names]
        figure.add_bar(
            x=values, y=names, orientation="h", name=label, cliponaxis=False,
            text=[_share(value) for value in values], textposition="outside",
            hovertemplate=f"{label}, %{{y}}: %{{x:.2%}}<extra></extra>",
            marker={"color": color, "pattern": {"shape": pattern, "fgcolor": ground(dark), "size": 5}},
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1], tickformat=".0%", dtick=0.25)
    figure.update_yaxes(autorange="reversed", type="category", dtick=1)
    figure.update_layout(margin={"r": 56})
    return figure
