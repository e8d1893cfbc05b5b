"""What the bench keeps for all visitors: measurements of one question and one pair, each made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

import streamlit as st

Made = TypeVar("Made")
MOST_KEPT = 64


class _Shelf:
    """The results last asked for, by what they depend on."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Hashable, Any] = OrderedDict()
        self.lock = Lock()


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def known(key: Hashable) -> bool:
    """Is this there already, so that nobody waits for it?"""
    return key in _shelf().kept


def kept(key: Hashable, make: Callable[[], Made]) -> Made:
    """What `make` gave for this key, made only the first time. A stopped `make` leaves nothing behind."""
    shelf = _shelf()
    with shelf.lock:
        if key in shelf.kept:
            shelf.kept.move_to_end(key)
            found: Made = shelf.kept[key]
            return found
    made = make()
    with shelf.lock:
        shelf.kept[key] = made
        while len(shelf.kept) > MOST_KEPT:
            shelf.kept.popitem(last=False)
    return made
