"""Figures of interventions: what patches recover, where an answer turns, what replaced maps leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.palette import BETA, CATEGORIES, GAMMA, NEUTRAL, ink
from analysis.figures.style import ABOVE, block_names, cells, color_bar, color_scale, figure, rule
from film import percent

MOST_LINES = 6  # answers that a line is drawn for
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SHADES = ("", "/", "x", ".", "\\", "-")  # of bars, besides their colors
_NAMES = {"effect": "by effect", "random": "random", "matched": "random, matched on SD"}


def map_heatmap(
    values: np.ndarray,
    title: str,
    *,
    top: float | None = None,
    chosen: tuple[int, int] | None = None,
    form: str = ".3f",
    dark: bool = False,
) -> go.Figure:
    """A number for every map, (blocks, maps): a row a block, a column a map; a click names the map.

    Args:
        values: (blocks, maps). title: what they are, with their unit.
        top: value of the strongest colour; the greatest |value| if left out.
        chosen: (block, map) to frame, from 0.
        form: how a value is written on hovering.
    """
    blocks, maps = values.shape
    ids = np.stack(np.meshgrid(np.arange(blocks) + 1, np.arange(maps), indexing="ij"), axis=-1)
    data = np.concatenate([ids, np.nan_to_num(values)[..., None]], axis=-1).round(5)
    hover = f"block %{{customdata[0]}}, map %{{customdata[1]}}<br>{title} %{{customdata[2]:{form}}}"
    frame = None if chosen is None else (chosen[1], chosen[0], chosen[0])
    return _heatmap(values, title, block_names(blocks), data, hover, top, frame, dark, left=64)


def object_heatmap(
    values: np.ndarray,
    names: Sequence[str],
    block: int,
    title: str,
    *,
    top: float | None = None,
    chosen: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """What every map of a block reads at every object, (objects, maps): a row an object, a column a map.

    Args:
        values: (objects, maps), nan where an object does not show.
        names: of the objects, from `object_readings`.
        block: counted from 0; a click names it and the map.
        top: value of the strongest colour; the greatest |value| if left out.
        chosen: number of a map to frame.
    """
    count, maps = values.shape
    number, place = np.meshgrid(np.arange(maps), np.arange(count))
    known = np.nan_to_num(values).round(5)
    data = np.stack([np.full_like(number, block + 1), number, place, known], axis=-1)
    hover = (
        f"object %{{customdata[2]}}, block {block + 1}, map %{{customdata[1]}}<br>{title} "
        "%{customdata[3]:.3f}"
    )
    rows = [f"{place} {name}" for place, name in enumerate(names)]
    frame = None if chosen is None else (chosen, 0, count - 1)
    return _heatmap(values, title, rows, data, hover, top, frame, dark, left=176)


def _heatmap(
    values: np.ndarray,
    title: str,
    rows: Sequence[str],
    data: np.ndarray,
    hover: str,
    top: float | None,
    frame: tuple[int, int, int] | None,
    dark: bool,
    left: int,
) -> go.Figure:
    """A column a map; `frame`: the column, first and last row to frame; `left`: pixels for rows' names."""
    count, maps = values.shape
    known = np.nan_to_num(values).round(5)
    top = top or float(np.abs(known).max(initial=0)) or 1.0
    trace = go.Heatmap(
        z=known, hoverinfo="skip", colorscale=color_scale(dark), zmin=-top, zmax=top, xgap=1, ygap=2,
        colorbar=color_bar(title),
    )  # fmt: skip
    frames = []
    if frame is not None:
        number, first, last = frame
        corners = {"x0": number - 0.5, "x1": number + 0.5, "y0": first - 0.5, "y1": last + 0.5}
        frames.append({"type": "rect", **corners, "line": {"color": ink(dark), "width": 2}})
    return figure(
        56 + 30 * count, dark, trace, cells(range(count), data, f"{hover}<extra></extra>"), shapes=frames,
        x={"title_text": "feature map", "showgrid": False, "range": [-0.5, maps - 0.5], "automargin": False},
        y={
            "tickvals": list(range(count)), "ticktext": list(rows), "showgrid": False,
            "range": [count - 0.5, -0.5], "automargin": False,
        },
        margin={"l": left, "r": 84, "b": 48},
    )  # fmt: skip


def block_bars(
    values: Mapping[str, np.ndarray],
    title: str,
    *,
    ends: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    whole: bool = True,
    dark: bool = False,
) -> go.Figure:
    """A number for every block as bars, beside each other for each name.

    Args:
        values: name -> (blocks,). title: of the axis.
        ends: name -> low and high of an interval, (blocks,) each, nan where there is none.
        whole: draw a line at 1.
    """
    bars = []
    for place, (name, numbers) in enumerate(values.items()):
        low, high = (ends or {}).get(name, (np.full(len(numbers), np.nan),) * 2)
        told = [
            "" if np.isnan(least) else f" [{least:.3f}, {most:.3f}]"
            for least, most in zip(low, high, strict=True)
        ]
        bars.append(
            go.Bar(
                x=block_names(len(numbers)), y=numbers, name=name, customdata=told,
                marker={"color": CATEGORIES[place], "pattern": {"shape": SHADES[place], "size": 5}},
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1, "width": 3, "visible": bool(ends),
                    "array": np.nan_to_num(high - numbers), "arrayminus": np.nan_to_num(numbers - low),
                },
                hovertemplate=f"{name}, %{{x}}: %{{y:.3f}}%{{customdata}}<extra></extra>",
            )
        )  # fmt: skip
    return figure(
        260 if len(bars) < 4 else 340, dark, *bars, y={"title_text": title},
        shapes=[rule("y", 0), *([rule("y", 1)] if whole else [])],
        barmode="group", bargap=0.3, showlegend=True, legend=ABOVE,
        margin={"t": 40 if len(bars) < 4 else 100},
    )  # fmt: skip


def control_bars(table: pd.DataFrame, kind: str, *, logits: bool = False, dark: bool = False) -> go.Figure:
    """What a block's patch brings back beside its controls, of one kind of change, with 95 % intervals.

    Args:
        table: of `controls_table`.
        kind: of change.
        logits: how far the patch moves, instead of the share that comes back; of all controls.
    """
    own = table[table["kind"] == kind]
    value, low, high = ("logits", "logits_low", "logits_high") if logits else ("share", "low", "high")
    known = own[own[value].notna()]
    by_name = dict(tuple(known.groupby("patch", sort=False)))
    return block_bars(
        {str(name): rows[value].to_numpy() for name, rows in by_name.items()},
        "logits towards the other answer" if logits else "share of the logit difference",
        ends={str(name): (rows[low].to_numpy(), rows[high].to_numpy()) for name, rows in by_name.items()},
        whole=not logits, dark=dark,
    )  # fmt: skip


def interpolation_lines(table: pd.DataFrame, *, at: float | None = None, dark: bool = False) -> go.Figure:
    """The probability of the answers on the way between two questions, from `interpolate`."""
    chances = table.drop(columns=["share", "answer"]).astype(float)
    shown = chances.max().sort_values(ascending=False).index[:MOST_LINES]
    lines = [
        go.Scatter(
            x=table["share"], y=chances[name], mode="lines", name=str(name),
            line={"color": CATEGORIES[place % len(CATEGORIES)], "dash": DASHES[place], "width": 2.5},
            customdata=chances[name].map(percent),
            hovertemplate="%{fullData.name}: %{customdata} at %{x:.2f}<extra></extra>",
        )
        for place, name in enumerate(shown)
    ]  # fmt: skip
    marks = [] if at is None else [rule("x", at) | {"line": {"color": NEUTRAL, "width": 2}}]
    return figure(
        320, dark, *lines, shapes=marks, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"title_text": "share of the way from the question (0) to the other (1)", "range": [0, 1]},
        y={"title_text": "probability", "tickformat": ".0%", "range": [0, 1.02]},
    )  # fmt: skip


def replacement_lines(table: pd.DataFrame, curve: str, *, dark: bool = False) -> go.Figure:
    """Logit difference as more and more maps are replaced (deletion) or kept (insertion)."""
    own = table[table["curve"] == curve]
    traces = []
    for place, (order, name) in enumerate(_NAMES.items()):
        line = own[own["order"] == order]
        traces.append(
            go.Scatter(
                x=line["maps"] + 1, y=line["difference"], mode="lines+markers", name=name,
                line={"color": CATEGORIES[place], "dash": DASHES[place]},
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1, "width": 2,
                    "array": line["high"] - line["difference"],
                    "arrayminus": line["difference"] - line["low"],
                },
                customdata=line["maps"],
                hovertemplate=f"{name}: %{{y:.2f}} with %{{customdata}} maps<extra></extra>",
            )
        )  # fmt: skip
    ticks = sorted(set(own["maps"]))
    what = "mean-ablated" if curve == "deletion" else "kept, all others mean-ablated"
    return figure(
        300, dark, *traces, shapes=[rule("y", 0)], showlegend=True, legend=ABOVE, margin={"t": 40},
        x={
            "type": "log", "title_text": f"feature maps {what}",
            "tickvals": [tick + 1 for tick in ticks], "ticktext": [str(tick) for tick in ticks],
        },
        y={"title_text": "logit: answer minus runner-up"},
    )  # fmt: skip


def noise_lines(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Accuracy against noise on gamma and on beta (paper Figure 7), all blocks together, from `ablate`."""
    own = table[(table["group"] == "all") & (table["block"] == 0)]
    plain = own[own["what"] == "none"].iloc[0]
    traces = []
    for kind, tint, dash in (("gamma", GAMMA, "solid"), ("beta", BETA, "dash")):
        rows = own[own["what"] == f"noise on {kind}"].sort_values("value")
        x, y = [0.0, *rows["value"]], [plain["accuracy"], *rows["accuracy"]]
        low, high = [plain["low"], *rows["low"]], [plain["high"], *rows["high"]]
        traces.append(
            go.Scatter(
                x=x, y=y, mode="lines+markers", name=f"noise on {kind}",
                line={"color": tint, "dash": dash},
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                    "array": np.subtract(high, y), "arrayminus": np.subtract(y, low),
                },
                hovertemplate=f"{kind}, standard deviation %{{x}}: %{{y:.1%}}<extra></extra>",
            )
        )  # fmt: skip
        mean = own[own["what"] == f"{kind} at its mean"]
        if len(mean):
            traces.append(
                go.Scatter(
                    x=[0, max(x)], y=[mean["accuracy"].iloc[0]] * 2, mode="lines", name=f"{kind} at its mean",
                    line={"color": tint, "dash": "dot", "width": 1.5},
                )
            )  # fmt: skip
    return figure(
        320, dark, *traces, showlegend=True, legend=ABOVE, margin={"t": 60},
        x={"title_text": "standard deviation of the noise"},
        y={"title_text": "accuracy", "tickformat": ".0%"},
    )  # fmt: skip


def set_lines(table: pd.DataFrame, whole: float, *, dark: bool = False) -> go.Figure:
    """Accuracy with the top maps of an order at their means, and with random ones, from `set_table`.

    Args:
        whole: accuracy without any ablation.
    """
    ends = {"top": ("low", "high"), "random": ("random_low", "random_high")}
    traces = [
        go.Scatter(
            x=table["maps"], y=table[name], mode="lines+markers", name=f"{name} maps",
            line={"color": CATEGORIES[place], "dash": DASHES[place]},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                "array": table[high] - table[name], "arrayminus": table[name] - table[low],
            },
            hovertemplate=f"{name}, %{{x}} maps: %{{y:.1%}}<extra></extra>",
        )
        for place, (name, (low, high)) in enumerate(ends.items())
    ]  # fmt: skip
    return figure(
        300, dark, *traces, shapes=[rule("y", whole)], showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"type": "log", "title_text": "mean-ablated feature maps", "tickvals": list(table["maps"])},
        y={"title_text": "accuracy", "tickformat": ".0%"},
    )  # fmt: skip


def faithfulness_lines(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Faithfulness of the chosen maps alone and of all but these, beside random sets, from `kept_sets_table`.

    Bars are 95 % intervals by picture, of random sets the 5th and 95th percentile of draws.
    """
    traces = []
    for place, (kept, own) in enumerate(table.groupby("kept", sort=False)):
        for name, value, low, high, dash in (
            (str(kept), "faithfulness", "low", "high", "solid"),
            (f"random sets in place of {kept}", "random", "random_low", "random_high", "dot"),
        ):
            traces.append(
                go.Scatter(
                    x=own["maps"], y=own[value], mode="lines+markers", name=name,
                    line={"color": CATEGORIES[place], "dash": dash},
                    marker={"symbol": "circle" if value == "faithfulness" else "circle-open"},
                    error_y={
                        "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                        "array": np.nan_to_num(own[high] - own[value]),
                        "arrayminus": np.nan_to_num(own[value] - own[low]),
                    },
                    hovertemplate=f"{name}, %{{x}} chosen: %{{y:.3f}}<extra></extra>",
                )
            )  # fmt: skip
    sizes = list(dict.fromkeys(table["maps"]))
    return figure(
        340, dark, *traces, shapes=[rule("y", 0), rule("y", 1)], showlegend=True, legend=ABOVE,
        margin={"t": 100},
        x={"type": "log", "title_text": "chosen feature maps", "tickvals": sizes,
           "ticktext": [str(size) for size in sizes]},
        y={"title_text": "faithfulness"},
    )  # fmt: skip


def word_patching_lines(table: pd.DataFrame, kind: str, *, dark: bool = False) -> go.Figure:
    """Share of the difference after each word, and by each word alone, beside another pair's, of one kind.

    Args:
        table: of `measure_word_patching`.
        kind: of change.
    """
    names = {"state": "state after the word", "word": "what the word added"}
    traces = []
    for place, (patch, name) in enumerate(names.items()):
        own = table[(table["kind"] == kind) & (table["patch"] == patch)]
        color = CATEGORIES[place]
        traces += [
            go.Scatter(
                x=_word_places(own["place"]), y=own["share"], mode="lines+markers", name=name,
                line={"color": color, "dash": DASHES[place]},
                marker={"symbol": ["circle" if claimed else "circle-open" for claimed in own["claimed"]]},
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                    "array": own["high"] - own["share"], "arrayminus": own["share"] - own["low"],
                },
                customdata=own["pairs"],
                hovertemplate=f"{name}, %{{x}}: %{{y:.3f}} (%{{customdata}} pairs)<extra></extra>",
            ),
            go.Scatter(
                x=_word_places(own["place"]), y=own["control"], mode="lines", name=f"{name}, another pair's",
                line={"color": color, "dash": "dot", "width": 1.5},
                hovertemplate=f"{name}, another pair's, %{{x}}: %{{y:.3f}}<extra></extra>",
            ),
        ]  # fmt: skip
    ticks = _word_places(table["place"].unique())
    return figure(
        340, dark, *traces, shapes=[rule("y", 0), rule("y", 1)], showlegend=True, legend=ABOVE,
        margin={"t": 60},
        x={"title_text": "words after the changed one", "type": "category", "categoryorder": "array",
           "categoryarray": ticks},
        y={"title_text": "share of the logit difference"},
    )  # fmt: skip


def _word_places(places: Sequence[str]) -> list[str]:
    """As the axis has them: angle brackets would be taken for markup."""
    told = {"0": "the changed word", "later": "all later words", "<END>": "end of the question"}
    return [told.get(place, f"+{place}") for place in places]
