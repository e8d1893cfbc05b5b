"""The published code's files (`film.pt`), read without running anything that they ask for.

Such a file is a pickle. torch's own reader for weights builds tensors and plain containers only; what
else harmless code puts in (option tables, paths, numpy's numbers and arrays) becomes an inert stand-in,
and is named where an option turns out to be one.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from film.clevr.json_values import brief, finite, plain, whole
from film.clevr.language.tokens import SPECIAL
from film.errors import InputError

PARALLEL = "module."  # before every name of what torch.nn.DataParallel holds
MOST = 1 << 20  # of any whole number among the options: sizes beyond it are none
# Modules whose classes hold values and do nothing, and those that can run what a file says.
_HARMLESS = ("argparse", "collections", "datetime", "decimal", "fractions", "numpy", "pathlib", "uuid")
_PLAIN = (
    "bool",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "range",
    "slice",
    "str",
    "tuple",
)
_RUNNING = (
    *(
        "asyncio",
        "builtins",
        "code",
        "commands",
        "ctypes",
        "functools",
        "importlib",
        "marshal",
        "multiprocessing",
    ),
    *("nt", "operator", "os", "pdb", "pickle", "platform", "posix", "pty", "runpy", "shutil", "socket"),
    *("subprocess", "sys", "timeit", "types", "webbrowser"),
)
_TRIES = 40  # kinds of stand-ins in one file


class _Inert:
    """Stands for what a file holds and nobody needs; keeps plain values, runs nothing."""

    values: tuple[object, ...] = ()

    def __init__(self, *values: object):
        self.values = values

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update((str(key), value) for key, value in state.items())


def read(path: Path) -> dict[str, Any]:
    """The tables and tensors of a published checkpoint, all on the CPU; runs nothing from the file.

    Raises:
        InputError: it is missing, damaged, no such checkpoint, or asks for more than values.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}; name the film.pt that the published code wrote.")
    _must_be_as_large_as_it_says(path)
    asked: dict[str, type[_Inert]] = {}
    for _ in range(_TRIES):
        try:
            content = _load(path, asked)
        except pickle.UnpicklingError as error:
            name = _asked_for(error)
            if name is None and (found := re.search(r"got <class '([\w.]+)'>", str(error))):
                raise InputError(_refusal(path, found[1])) from None  # a container that torch fills not
            if name is None:
                raise InputError(
                    f"{path} is damaged, or holds more than lists, tables, numbers, texts and tensors; "
                    "fetch it again, or save it anew with these alone."
                ) from None
            if not _is_harmless(name) or name in asked:
                raise InputError(_refusal(path, name)) from None
            asked[name] = type(name.rpartition(".")[2], (_Inert,), {"__module__": name.rpartition(".")[0]})
        else:
            break
    if not isinstance(content, dict) or "execution_engine_state" not in content:
        raise InputError(
            f"{path} was read, but it is not a checkpoint of the published FiLM code, which holds "
            "program_generator_state and execution_engine_state; name that file."
        )
    return content


def _load(path: Path, stand_ins: Mapping[str, type[_Inert]]) -> Any:
    known: Any = [(kind, name) for name, kind in stand_ins.items()]
    try:
        with torch.serialization.safe_globals(known), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damage that makes reading fail just after
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # broken bytes fail in every way there is
        raise InputError(
            f"{path} is damaged, cut off or no checkpoint ({type(error).__name__}); fetch it again."
        ) from None


def _must_be_as_large_as_it_says(path: Path) -> None:
    """Refuse what unpacks to far more than the file holds, before it takes the memory."""
    with open(path, "rb") as opened:
        opening = opened.read(1)
    if opening == b"{":
        raise InputError(
            f"{path} is the JSON beside a checkpoint, which has no weights; name the .pt file itself."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # no archive, or a broken one: loading it says so
    if size > 2 * path.stat().st_size + (1 << 20):
        raise InputError(
            f"{path} unpacks to {size / 1e6:,.0f} MB, far more than the file has, and torch packs nothing; "
            "fetch it again."
        )


def _asked_for(error: pickle.UnpicklingError) -> str | None:
    """The full name of the class or function that a file wants and torch does not give."""
    found = re.search(r"[Gg][Ll][Oo][Bb][Aa][Ll]:? (?:[A-Z]+ )?([\w.]+)", str(error))
    if not found or found[1] == "GLOBAL":
        return None
    return found[1] if "." in found[1] else f"builtins.{found[1]}"


def _is_harmless(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return module.partition(".")[0] in _HARMLESS or (module == "builtins" and last in _PLAIN)


def _refusal(path: Path, name: str) -> str:
    if name.partition(".")[0] in _RUNNING:
        return (
            f"{path} asks for {name} when opened, which can run code and which the published code's files do "
            "not ask for; it was not run. Do not trust this file."
        )
    return (
        f"{path} holds a {name}, which is no number, text, table or tensor, so it was not read; "
        "save it again with the state_dicts and plain option tables that the published code writes."
    )


# --- its parts ------------------------------------------------------------------------------------


def options(file: dict[str, Any], part: str, defaults: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The options of one half by name, each of the kind of its default, which it is where none is given.

    Raises:
        InputError: there are none, or one is of another kind or beyond all measure.
    """
    given = file.get(f"{part}_kwargs")
    if isinstance(given, _Inert):
        given = vars(given)
    if not isinstance(given, dict):
        raise InputError(f"{path} has no {part}_kwargs; it was trained as another model than FiLM.")
    return {
        name: _option(name, given[name], default, path) if name in given else default
        for name, default in defaults.items()
    }


def _option(name: str, given: Any, default: Any, path: Path) -> Any:
    value = given if isinstance(default, str) else _plainly(given)
    expected = "a text"
    match default:
        case str():
            fits = isinstance(value, str)
        case bool():
            expected, fits = "true or false", value in (0, 1) and isinstance(value, int)
            value = bool(fits and value)
        case tuple():
            expected = f"{len(default)} whole numbers" if name == "feature_dim" else "whole numbers"
            value = (value,) if isinstance(value, int) else value
            fits = isinstance(value, tuple) and all(map(_is_whole, value))
            fits = fits and (name != "feature_dim" or len(value) == len(default))
        case None:
            expected = "a whole number, one for each layer, or nothing"
            fits = (
                value is None or _is_whole(value) or (isinstance(value, tuple) and all(map(_is_whole, value)))
            )
        case _:
            expected = "a number"
            each = value if isinstance(value, tuple) and name.startswith("stem_") else (value,)
            fits = all(finite(v) or isinstance(v, bool) for v in each) and all(abs(v) <= MOST for v in each)
            fits = fits or (value is None and name == "classifier_proj_dim")
            value = int(value) if isinstance(value, bool) else value
    if not fits:
        raise InputError(
            f"{path} has {name} {_shown(given)}; it must be {expected}: mend it, or fetch it again."
        )
    return value


def _is_whole(value: Any) -> bool:
    number = whole(value)
    return number is not None and 0 <= number <= MOST


def _plainly(value: Any) -> Any:
    """An option as a value, also where a tool wrote it as text: "128", "True", "1,1,1,1", "(3, 224, 224)"."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_plainly, value))
    if isinstance(value, str):
        text = value.strip().strip("()[]").strip()
        if "," in text or (text != value.strip() and text):
            return tuple(_plainly(part) for part in text.split(",") if part.strip())
        known = {"true": True, "false": False, "none": None, "": ()}
        if text.lower() in known:
            return known[text.lower()]
        try:
            value = float(text)
        except ValueError:
            return value
    number = whole(value)
    return value if number is None or isinstance(value, bool) else number


def _shown(value: Any) -> str:
    """An option for a message: what it is where it is no plain value."""
    if isinstance(value, _Inert):
        return f"as a {type(value).__module__}.{type(value).__name__}"
    if isinstance(value, Tensor):
        return f"as a tensor of shape {tuple(value.shape)}"
    return brief(value)


def state(file: dict[str, Any], part: str, path: Path) -> dict[str, Tensor]:
    """The tensors of one half by name, float32.

    Raises:
        InputError: there are none, or one is no plain tensor or claims to be larger than the file.
    """
    given = file.get(f"{part}_state")
    if not isinstance(given, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in given.items()
    ):
        raise InputError(
            f"{path} has no weights under {part}_state; it was trained as another model than FiLM."
        )
    most = path.stat().st_size
    for name, value in given.items():
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.is_meta:
            raise InputError(f"{path} has {name!r} as no plain tensor of numbers; save it again as one.")
        if value.numel() * value.element_size() > most:
            raise InputError(
                f"{path} has {name!r} of shape {tuple(value.shape)}, which is more than the file holds; "
                "fetch it again."
            )
    if given and all(name.startswith(PARALLEL) for name in given):
        given = {name.removeprefix(PARALLEL): value for name, value in given.items()}
    return {name: value.detach().float() for name, value in given.items()}


def names(file: dict[str, Any], table: str, path: Path) -> tuple[str, ...]:
    """The words of a table in the order of their ids."""
    vocabulary = file.get("vocab")
    ids = vocabulary.get(table) if isinstance(vocabulary, dict) else None
    ids = ids if isinstance(ids, dict) else {}
    by_id = {whole(number): word for word, number in ids.items()}
    if not ids or {*by_id} != {*range(len(ids))} or not all(isinstance(word, str) for word in ids):
        raise InputError(f"{path} has no usable {table} in its vocab; its ids must be 0, 1, 2 ...")
    found = tuple(plain(by_id[number]) for number in range(len(ids)))
    if found[: len(SPECIAL)] != SPECIAL:
        raise InputError(f"{path} has a {table} that does not begin with {', '.join(SPECIAL)}.")
    return found


def recipe(file: dict[str, Any]) -> dict[str, Any]:
    """How the network was trained, as far as the file says in plain values."""
    arguments = file.get("args")
    arguments = vars(arguments) if isinstance(arguments, _Inert) else arguments
    kept = ("learning_rate", "weight_decay", "batch_size", "optimizer", "num_iterations")
    given = {name: arguments.get(name) for name in kept} if isinstance(arguments, dict) else {}
    given["iterations_of_best"] = file.get("model_t")
    return {
        name: plain(value)[:100] if isinstance(value, str) else value
        for name, value in given.items()
        if isinstance(value, str) or finite(value)
    }


def best_accuracy(file: dict[str, Any]) -> dict[str, float]:
    """The accuracy on validation questions that the file tells of."""
    best = file.get("best_val_acc")
    return {"val": best} if isinstance(best, float) and finite(best) else {}
