"""Files spoilt on purpose, the same for the same seed: JSON, our checkpoints, the published code's."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from published import published
from safetensors.torch import load_file, save_file

ODD: tuple[Any, ...] = (
    *(
        None,
        "",
        " ",
        [],
        {},
        True,
        False,
        -1,
        0,
        2.5,
        2.0,
        1e300,
        -1e300,
        float("nan"),
        float("inf"),
        2**60,
        10**400,
    ),
    *("x" * 10_000, "\ud800", "\u202e\0", "2.0", "Yes", "NaN", "../../etc/passwd", "<b>", "🧊", "1,2,3"),
    *([[]], [None], [[[[[[]]]]]], {"a": {"b": []}}, [1, "a"], ["red"], list(range(1000)), [1e999] * 3),
)


def spoilt_value(value: Any, rng: random.Random) -> Any:
    """A JSON value with one thing in it, anywhere, odd, gone, twice or under another name."""
    value = copy.deepcopy(value)
    here: Any = value
    parent: Any = None
    key: Any = None
    while isinstance(here, (dict, list)) and here and (parent is None or rng.random() < 0.85):
        parent = here
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
        here = here[key]
    if parent is None:
        return rng.choice(ODD)
    match rng.randrange(4):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.append(copy.deepcopy(here))
        case 1:
            parent[f"{key}s"] = parent.pop(key)
        case _:
            parent[key] = copy.deepcopy(rng.choice(ODD))
    return value


def spoilt_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut off, overwritten or with something in between."""
    spoilt = bytearray(content)
    match rng.randrange(3):
        case 0:
            del spoilt[rng.randrange(len(spoilt)) :]
        case 1:
            for _ in range(rng.randint(1, 20)):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        case _:
            at = rng.randrange(len(spoilt))
            spoilt[at:at] = rng.choice(
                [b"\0" * 100, b"\xff\xfe", b"[" * 2000, b"9" * 6000, b"  \n" * 1000, rng.randbytes(50)]
            )
    return bytes(spoilt)


def whole_json(key: str) -> list[bytes]:
    """Files that are wrong from end to end."""
    return [
        b"", b" ", b"null", b"17", b'"text"', b"[]", b"{}", b"[[]]", b"{" * 100_000, b"[" * 100_000,
        b'{"a":' * 100_000, b"9" * 10_000, f'{{"{key}": [{"9" * 10_000}]}}'.encode(),
        f'{{"{key}": {"[" * 100_000}'.encode(), b" " * 50_000_000, f'{{"{key}":{" " * 5_000_000}'.encode(),
        f'{{"{key}": {{}}}}'.encode(), f'{{"{key}": "x"}}'.encode(), f'{{"{key}": [1, 2, null]}}'.encode(),
        "\ufeff{}".encode(), '{"a": 1}'.encode("utf-16"), b"PK\x03\x04", b"\x80\x04\x95", b"a,b\n1,2\n",
        f'{{"{key}": [{{}}]}}\n{{"{key}": [{{}}]}}'.encode(), b'{"question": 1}\n{"question": 2}\nx',
    ]  # fmt: skip


def spoil_json(path: Path, key: str, number: int, rng: random.Random) -> None:
    """Spoil a JSON file in place, the `number`-th time in another way."""
    whole = whole_json(key)
    if number < len(whole):
        path.write_bytes(whole[number])
    elif rng.random() < 0.3:
        path.write_bytes(spoilt_bytes(path.read_bytes(), rng))
    else:
        path.write_text(json.dumps(spoilt_value(json.loads(path.read_text("utf-8")), rng)), "utf-8")


def spoil_checkpoint(folder: Path, rng: random.Random) -> None:
    """Spoil one file of a checkpoint, or of the study in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = rng.choice(files)
    chance = rng.random()
    if chance < 0.05:
        path.unlink()
    elif chance < 0.1:
        path.unlink()
        path.mkdir()
    elif chance < 0.15:
        path.write_bytes(rng.choice(files).read_bytes())
    elif path.suffix == ".json" and chance < 0.8:
        path.write_text(json.dumps(spoilt_value(json.loads(path.read_text("utf-8")), rng)), "utf-8")
    elif path.suffix == ".safetensors" and chance < 0.7:
        state = load_file(path)
        name = rng.choice(list(state))
        match rng.randrange(5):
            case 0:
                del state[name]
            case 1:
                state[f"{name}.more"] = state[name].clone()
            case 2:
                state[name] = torch.full_like(
                    state[name].float(), rng.choice([float("nan"), float("inf"), 1e38])
                )
            case 3:
                state[name] = state[name].to(
                    rng.choice([torch.float8_e4m3fn, torch.int8, torch.bfloat16, torch.bool])
                )
            case _:
                state[name] = torch.zeros(rng.choice([(), (0,), (3, 3), (1, 1, 1, 1, 1)]))
        save_file(state, path)
    else:
        path.write_bytes(spoilt_bytes(path.read_bytes(), rng))


class Nothing:
    """An object of a class that nobody else has."""


class Runs:
    """An object that would run something when it is opened."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        import os

        return os.system, ("touch it-ran",)


_OBJECTS: tuple[Any, ...] = (
    Path("/x"), np.arange(3), np.float64(2), {1, 2}, frozenset({1}), complex(1, 2), range(3), b"bytes",
    Nothing(), Runs(), torch.zeros(2, 2), torch.zeros(1).expand(1 << 15, 1 << 15), torch.zeros(4).to_sparse(),
    1 << 19, 10**400,
    *(value for value in ODD if value != "\ud800" and value != 10**400),
)  # fmt: skip


def spoil_film_pt(path: Path, rng: random.Random) -> None:
    """Write a checkpoint of the published code with something wrong in it."""
    bidirectional = rng.random() < 0.2
    file = published(
        {"condition_method": rng.choice(["bn-film", "concat", "cbn"])}, {"bidirectional": bidirectional}
    )
    where: Any = file
    for _ in range(3):
        tables = [value for value in where.values() if isinstance(value, dict) and value]
        if not tables or rng.random() < 0.2:
            break
        where = rng.choice(tables)
    key = rng.choice(list(where))
    match rng.randrange(5):
        case 0:
            del where[key]
        case 1:
            where[rng.choice([3, "more", None, ("a",)])] = where[key]
        case 2 if isinstance(where[key], torch.Tensor):
            where[key] = rng.choice(
                [where[key].half(), where[key][:1], where[key] * float("nan"), where[key].long()]
            )
        case _:
            where[key] = rng.choice(_OBJECTS)
    torch.save(file, path, _use_new_zipfile_serialization=rng.random() < 0.7)
    if rng.random() < 0.25:
        path.write_bytes(spoilt_bytes(path.read_bytes(), rng))
