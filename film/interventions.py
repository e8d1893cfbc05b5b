"""Interventions on gamma and beta as data: what is changed, where, and in which order.

    from film import Session, SetValue, Where
    session.ask(picture, question, interventions=[SetValue(Where([1], [17], "gamma"), 0.0)])

An intervention is a frozen value. It changes nothing but the gammas and betas it names, never the network;
several are applied one after the other. Each has a short text for links (`to_text`, `from_text`) and a JSON
form for reports and tables (`to_json`, `from_json`). In Python blocks and maps are counted from 0; in texts
and on pages blocks are counted from 1, as in the names of activations ("block2.film").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Protocol, get_args
from urllib.parse import quote, unquote

import numpy as np
import torch
from torch import Tensor

from film.errors import InputError
from film.modulation import Modulation

Parameters = Literal["gamma", "beta", "both"]
KINDS = ("gamma", "beta")
LARGEST = float(torch.finfo(torch.float32).max)
MOST_TEXT = 20_000  # characters of a link's interventions that are read


class Source(Protocol):
    """Where an intervention takes other gammas and betas from; a `Session` is one."""

    def modulate(self, questions: Sequence[str], *, lenient: bool = False) -> Modulation: ...

    @property
    def mean_modulation(self) -> Modulation:
        """Mean gamma and beta over many questions: one row."""
        ...


@dataclass(frozen=True)
class Where:
    """Which gammas and betas are meant.

    `blocks`, `maps`: counted from 0; None means all. `parameters`: gamma, beta or both.
    """

    blocks: tuple[int, ...] | None = None
    maps: tuple[int, ...] | None = None
    parameters: Parameters = "both"

    def __post_init__(self) -> None:
        for name in ("blocks", "maps"):
            given = getattr(self, name)
            if given is None:
                continue
            given = (given,) if isinstance(given, int) else tuple(given)
            if not given or not all(type(index) is int and index >= 0 for index in given):
                raise InputError(f"{name} is {given!r}; give whole numbers from 0 on, or None for all.")
            object.__setattr__(self, name, tuple(sorted(set(given))))
        if self.parameters not in get_args(Parameters):
            raise InputError(f"The parameters are {self.parameters!r}; choose gamma, beta or both.")

    def mask(self, blocks: int, maps: int) -> Tensor:
        """Which (blocks, maps) are meant, bool. Raises InputError where the network has fewer."""
        for name, given, size in (("block", self.blocks, blocks), ("feature map", self.maps, maps)):
            if given is not None and given[-1] >= size:
                raise InputError(f"There is no {name} {given[-1]}; this network has {size}, counted from 0.")
        chosen = torch.zeros(blocks, maps, dtype=torch.bool)
        rows = torch.tensor(self.blocks if self.blocks is not None else range(blocks))
        columns = torch.tensor(self.maps if self.maps is not None else range(maps))
        chosen[rows[:, None], columns[None]] = True
        return chosen

    def concerns(self, kind: str) -> bool:
        """Is gamma, or beta (`kind`), meant?"""
        return self.parameters in (kind, "both")

    def __str__(self) -> str:
        return f"{_ranges(self.blocks, 1)}.{_ranges(self.maps, 0)}.{self.parameters}"

    @staticmethod
    def parse(text: str) -> Where:
        """Read what `str` gave: "2.17.gamma", "1-3.*.both", "*.0-9,12.beta"; blocks from 1, maps from 0.

        Raises:
            InputError: the text names no gammas or betas.
        """
        parts = text.split(".")
        if len(parts) != 3:
            raise InputError(f"{_short(text)!r} names no gammas or betas; write BLOCK.MAP.gamma: 2.17.gamma.")
        blocks, maps, parameters = parts
        return Where(_numbers(blocks, 1), _numbers(maps, 0), parameters)  # type: ignore[arg-type]


EVERYWHERE = Where()


@dataclass(frozen=True)
class Intervention:
    """The base of all: replaces what `where` names by `changed`, and leaves everything else bit by bit."""

    kind: ClassVar[str] = ""
    where: Where = EVERYWHERE

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        """New values (Q, blocks, maps) of gamma or beta (`kind`) for all maps; `where` picks from them."""
        raise NotImplementedError

    def apply(self, modulation: Modulation, source: Source, rows: Sequence[int] | None = None) -> Modulation:
        """A new modulation.

        Args:
            source: where other questions' gammas and betas, and the mean, come from.
            rows: a number for each row, by which noise is drawn; 0, 1, 2 ... if left out. Questions that are
                worked through in batches keep their own noise by it.
        """
        rows = range(len(modulation)) if rows is None else rows
        mask = self.where.mask(*modulation.gamma.shape[1:]).to(modulation.gamma.device)
        new = {}
        for kind in KINDS:
            old = _of(modulation, kind)
            if self.where.concerns(kind):
                new[kind] = torch.where(mask, self.changed(kind, old, source, rows).to(old), old)
            else:
                new[kind] = old
        return Modulation(**new)

    def to_text(self) -> str:
        """As in a link: "set:2.17.gamma:0"."""
        values = [getattr(self, own.name) for own in fields(self) if own.name != "where"]
        return ":".join([self.kind, str(self.where), *(_written(value) for value in values)])

    def to_json(self) -> dict[str, Any]:
        where = {
            "blocks": None if self.where.blocks is None else list(self.where.blocks),
            "maps": None if self.where.maps is None else list(self.where.maps),
            "parameters": self.where.parameters,
        }
        values = {own.name: getattr(self, own.name) for own in fields(self) if own.name != "where"}
        return {"kind": self.kind, "where": where, **values}


def _check_size(*values: float) -> None:
    for value in values:
        if not abs(value) <= LARGEST:
            raise InputError(f"{value:g} is no value that a network computes with; give a smaller one.")


@dataclass(frozen=True)
class SetValue(Intervention):
    """Set to a value: 0 silences a map's gamma; gamma 1 and beta 0 switch FiLM off."""

    kind: ClassVar[str] = "set"
    value: float = 0.0

    def __post_init__(self) -> None:
        _check_size(self.value)

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return torch.full_like(values, self.value)


@dataclass(frozen=True)
class Scale(Intervention):
    """Multiply by a factor."""

    kind: ClassVar[str] = "scale"
    factor: float = 1.0

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return values * self.factor


@dataclass(frozen=True)
class Shift(Intervention):
    """Add an amount."""

    kind: ClassVar[str] = "shift"
    amount: float = 0.0

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return values + self.amount


@dataclass(frozen=True)
class Clamp(Intervention):
    """Keep between two bounds."""

    kind: ClassVar[str] = "clamp"
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_size(self.low, self.high)
        if self.low > self.high:
            raise InputError(
                f"The bounds {self.low:g} and {self.high:g} are upside down; give the lower one first."
            )

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return values.clamp(self.low, self.high)


@dataclass(frozen=True)
class ReplaceByMean(Intervention):
    """Mean ablation: the mean over many questions in place of this question's value (paper section 4.3)."""

    kind: ClassVar[str] = "mean"

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return _of(source.mean_modulation, kind).to(values).expand_as(values)


@dataclass(frozen=True)
class Noise(Intervention):
    """Gaussian noise of a standard deviation (paper Figure 7), drawn for each question by its number."""

    kind: ClassVar[str] = "noise"
    deviation: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.deviation >= 0:
            raise InputError(f"The noise's standard deviation is {self.deviation:g}; give 0 or more.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"The noise's seed is {self.seed}; give a whole number from 0 on.")

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        shape = (len(KINDS), *values.shape[1:])  # gamma's noise is the same whether beta has some or not
        drawn = [np.random.default_rng((self.seed, row)).standard_normal(shape) for row in rows]
        noise = np.array(drawn, np.float32).reshape(len(rows), *shape)[:, KINDS.index(kind)]
        return values + self.deviation * torch.from_numpy(noise).to(values)


@dataclass(frozen=True)
class PatchFrom(Intervention):
    """Activation patching of gamma and beta: those that another question gives."""

    kind: ClassVar[str] = "patch"
    question: str = ""

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        return _of(source.modulate([self.question]), kind).to(values).expand_as(values)


@dataclass(frozen=True)
class Blend(Intervention):
    """The point that lies `share` of the way to another question's gammas and betas (paper section 4.5)."""

    kind: ClassVar[str] = "blend"
    share: float = 0.5
    question: str = ""

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        other = _of(source.modulate([self.question]), kind).to(values)
        return torch.lerp(values, other.expand_as(values), self.share)


@dataclass(frozen=True)
class Arithmetic(Intervention):
    """Analogy: this question plus one, minus another, map by map (paper section 4.5)."""

    kind: ClassVar[str] = "arithmetic"
    plus: str = ""
    minus: str = ""

    def changed(self, kind: str, values: Tensor, source: Source, rows: Sequence[int]) -> Tensor:
        both = _of(source.modulate([self.plus, self.minus]), kind).to(values)
        return values + both[0] - both[1]


def _of(modulation: Modulation, kind: str) -> Tensor:
    return modulation.gamma if kind == "gamma" else modulation.beta


ALL: tuple[type[Intervention], ...] = (
    SetValue, Scale, Shift, Clamp, ReplaceByMean, Noise, PatchFrom, Blend, Arithmetic,
)  # fmt: skip
_BY_KIND = {one.kind: one for one in ALL}


class Remembered:
    """A source that works each question's gammas and betas out once; for sweeps."""

    def __init__(self, source: Source):
        self._source = source
        self._known: dict[tuple[str, ...], Modulation] = {}

    def modulate(self, questions: Sequence[str], *, lenient: bool = False) -> Modulation:
        """As `Source.modulate`, once for the same questions."""
        key = tuple(questions)
        if key not in self._known:
            self._known[key] = self._source.modulate(questions, lenient=lenient)
        return self._known[key]

    @property
    def mean_modulation(self) -> Modulation:
        """The mean over many questions, one row."""
        return self._source.mean_modulation


# What a caller may give: values, or for a one-off script any function of a modulation.
Edit = Intervention | Callable[[Modulation], Modulation]
Edits = Edit | Sequence[Edit] | None


def intervened(
    modulation: Modulation, interventions: Edits, source: Source, rows: Sequence[int] | None = None
) -> Modulation:
    """A modulation after these interventions, one after the other; see `Intervention.apply`.

    Raises:
        InputError: one names what the network has not, or a function returns something else.
    """
    for one in as_list(interventions):
        if isinstance(one, Intervention):
            modulation = one.apply(modulation, source, rows)
            continue
        changed = one(modulation)
        if not isinstance(changed, Modulation) or changed.gamma.shape != modulation.gamma.shape:
            raise InputError(
                "An intervention given as a function takes a Modulation and returns one of the same shape "
                f"{tuple(modulation.gamma.shape)}; this one returned {type(changed).__name__}."
            )
        modulation = changed
    return modulation


def as_list(interventions: Edits) -> list[Edit]:
    if interventions is None:
        return []
    if isinstance(interventions, Intervention) or callable(interventions):
        return [interventions]
    return list(interventions)


# --- As text and as JSON --------------------------------------------------------------------------


def to_text(interventions: Iterable[Intervention]) -> str:
    """A list as in a link: "set:2.17.gamma:0|mean:3.*.beta"."""
    return "|".join(one.to_text() for one in interventions)


def from_text(text: str) -> list[Intervention]:
    """Read what `to_text` wrote.

    Raises:
        InputError: naming the part that cannot be read.
    """
    if len(text) > MOST_TEXT:
        raise InputError(f"The interventions take {len(text):,} characters; at most {MOST_TEXT:,} are read.")
    return [_one_from_text(part) for part in text.split("|") if part]


def _one_from_text(text: str) -> Intervention:
    kind, *parts = text.split(":")
    of = _known(kind)
    own = _own_fields(of)
    if len(parts) != 1 + len(own):
        form = ":".join((kind, "2.17.gamma", *(name.upper() for name in own)))
        raise InputError(f"{_short(text)!r} is no intervention; write {form}.")
    where, *values = parts
    return _made(of, Where.parse(where), dict(zip(own, map(unquote, values), strict=True)))


def from_json(values: Any) -> Intervention:
    """Read what `Intervention.to_json` gave. Raises InputError saying what is wrong with it."""
    if not isinstance(values, Mapping) or not isinstance(values.get("where"), Mapping):
        raise InputError("An intervention is a table with kind and where; this one is not.")
    of = _known(values.get("kind"))
    where = values["where"]
    if unknown := sorted(set(map(str, where)) - {"blocks", "maps", "parameters"}):
        raise InputError(f"An intervention's where has blocks, maps and parameters, not {unknown[0]!r}.")
    own = _own_fields(of)
    if set(values) != {"kind", "where", *own}:
        raise InputError(f"The intervention {of.kind} has {', '.join(('where', *own))}; this one has others.")
    places = [where.get(name) for name in ("blocks", "maps")]
    if not all(place is None or isinstance(place, list | tuple) for place in places):
        raise InputError("An intervention's blocks and maps are lists of numbers, or null for all.")
    of_where = Where(places[0], places[1], where.get("parameters", "both"))
    return _made(of, of_where, {name: values[name] for name in own})


def _known(kind: Any) -> type[Intervention]:
    if not isinstance(kind, str) or kind not in _BY_KIND:
        raise InputError(f"There is no intervention {_short(str(kind))!r}; there are {', '.join(_BY_KIND)}.")
    return _BY_KIND[kind]


def _own_fields(of: type[Intervention]) -> dict[str, str]:
    """Name -> type of the fields beside `where`."""
    return {own.name: str(own.type) for own in fields(of) if own.name != "where"}


def _made(of: type[Intervention], where: Where, values: Mapping[str, Any]) -> Intervention:
    read: dict[str, Any] = {}
    for name, kind in _own_fields(of).items():
        value = values[name]
        try:
            read[name] = {"float": float, "int": int, "str": str}[kind](value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"The {name} of {of.kind} is {_short(str(value))!r}; give a number.") from None
        if kind == "float" and not math.isfinite(read[name]):
            raise InputError(f"The {name} of {of.kind} is {read[name]}; give a finite number.")
    return of(where, **read)


def _written(value: float | int | str) -> str:
    return quote(value, safe=" ?") if isinstance(value, str) else repr(value).removesuffix(".0")


def _ranges(numbers: tuple[int, ...] | None, first: int) -> str:
    """Sorted numbers as "0-3,7", counted from `first`; None as "*"."""
    if numbers is None:
        return "*"
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(str(number + first) for number in part) for part in parts)


def _numbers(text: str, first: int) -> tuple[int, ...] | None:
    if text == "*":
        return None
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.partition("-")
        high = high if dash else low
        plain = low.isascii() and high.isascii() and low.isdecimal() and high.isdecimal()
        if not plain or len(high) > 6 or len(low) > 6 or not first <= int(low) <= int(high):
            raise InputError(f"{_short(text)!r} names no blocks or maps; write numbers such as 3, 0-7 or *.")
        if int(high) - int(low) > 100_000:
            raise InputError(f"{_short(text)!r} names more blocks or maps than any network has.")
        found.update(range(int(low) - first, int(high) - first + 1))
    return tuple(sorted(found))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
