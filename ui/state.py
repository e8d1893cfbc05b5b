"""What a visitor looks at, as one frozen value (`analysis.view`); and what a session keeps beside it.

Nothing else touches Streamlit's session state or the URL. Widgets take their value from the view
(`bound`), never the reverse, so that leaving a page or following a link loses nothing.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from analysis import (
    LINK_HASH as LINK_HASH,
    LINK_LONGEST as LINK_LONGEST,
    LINK_SELECTIONS as LINK_SELECTIONS,
    Truth,
    ViewState as ViewState,
    from_link as from_link,
    left_out as left_out,
    to_link as to_link,
)
from film import Answer
from ui.history import History
from ui.visited import Guide, HistoryEntry, Upload

MOST_ASKED = 40  # questions a session remembers
ECHO = 0.5  # seconds after a run in which the browser may not know yet what the run has changed
OPTION_LONGEST = 60  # characters of an option that is any text
COMPARED = ("compare-A", "compare-B")  # the options that name two questions of the session


# --- The session --------------------------------------------------------------------------------


def start(weights: str, pictures: int, plain: ViewState, in_folder: Callable[[], int]) -> bool:
    """Read the link when a session begins, and again where Back or Forward have gone to another one.

    Returns whether the view is new to this network: of a link, or with another network than before.
    """
    link = st.query_params.to_dict()
    if "view" not in st.session_state:
        st.session_state["view"], st.session_state["remarks"] = from_link(
            link, weights, pictures, plain, in_folder
        )
        st.session_state["guide"] = Guide(open=not link)  # who follows a link came to see what it shows
    elif _gone_back(link):
        st.session_state.pop("seen_with", None)
        _go_back(link, weights, pictures, plain, in_folder)
    seen, st.session_state["seen_with"] = st.session_state.get("seen_with"), weights
    return bool(seen != weights)


def _gone_back(link: dict[str, str]) -> bool:
    """Is the address one that this session did not write last, while nothing on the page was changed?

    A page of the menu opens without a link: what was shown stays.
    """
    followed: tuple[ViewState, dict[str, str]] | None = st.session_state.get("followed")
    return "weights" in link and followed is not None and followed[0] is view() and followed[1] != link


def _go_back(
    link: dict[str, str], weights: str, pictures: int, plain: ViewState, in_folder: Callable[[], int]
) -> None:
    own = upload()
    here = {name: text for name, text in link.items() if name != "weights"}
    kept = own is not None and here.get("picture") == own.key  # a link cannot carry it, this session has it
    if kept:
        here.pop("picture")
    network = view().network
    found, st.session_state["remarks"] = from_link(here, weights, pictures, plain, in_folder)
    st.session_state["view"] = replace(found, picture=own.key) if own is not None and kept else found
    if found.network != network:
        st.rerun()  # with the network that was chosen then


def follow(weights: str) -> None:
    """Keep the address in step with the view: at the end of a run, so that a run is one step of Back."""
    link = to_link(view(), weights)
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)
    st.session_state["followed"] = view(), link
    replaced = st.session_state.get("replaced", {})
    for key, (former, until) in replaced.items():
        if until == math.inf:
            replaced[key] = former, time.monotonic() + ECHO


def run_again() -> None:
    """Run the whole page again, from a part of it that runs by a clock.

    The browser may have asked for the part before it knew of the newest address. The page would take the
    older one for Back, and what was done since would be undone: so it runs with the newest.
    """
    _keep_address()
    st.rerun()


def _keep_address() -> None:
    followed: tuple[ViewState, dict[str, str]] | None = st.session_state.get("followed")
    if followed is not None and followed[0] is view() and st.query_params.to_dict() != followed[1]:
        st.query_params.from_dict(followed[1])


def address(weights: str) -> str:
    """The whole link to what is shown."""
    return page_address() + link(weights)


def link(weights: str, **changes: Any) -> str:
    """What a link adds to a page's address, to show what is shown now with some of it changed."""
    return f"?{urlencode(to_link(replace(view(), **changes), weights))}"


def page_address() -> str:
    """Where this page is, without what a link adds."""
    return (st.context.url or "").split("?")[0]


def is_whole(page: str) -> bool:
    """Has this page been drawn below the window, too?"""
    return page in st.session_state.get("whole", ())


def make_whole(page: str) -> None:
    """Draw it to its end from now on: a sign of the browser's, which may not know the newest address."""
    _keep_address()
    st.session_state["whole"] = {*st.session_state.get("whole", ()), page}


def network_name() -> str:
    """Name of the checkpoint that this visitor has chosen, or that the link names when a session begins."""
    if "view" in st.session_state:
        return view().network
    return st.query_params.get("network", "")


def say(remark: str) -> None:
    """Say this of the link on every page, until another picture or question is chosen."""
    if remark not in remarks():
        st.session_state["remarks"] = (*remarks(), remark)


def view() -> ViewState:
    result: ViewState = st.session_state["view"]
    return result


def change(**changes: Any) -> None:
    """Go to another view. What a link had to say is done with then, and so is a refused upload."""
    known = {field.name for field in fields(ViewState)}
    if not known >= changes.keys():
        raise TypeError(f"A view has {', '.join(sorted(known))}, not {', '.join(changes.keys() - known)}.")
    before = view()
    st.session_state["view"] = replace(before, **changes)
    if changes.keys() & {"picture", "question"}:
        st.session_state["remarks"] = ()
        _set_options(dict.fromkeys(COMPARED))
    if view().network != before.network and view().edits:
        say(
            "The edits on the Bench were made in another network, whose maps of the same numbers are other "
            "maps; they are applied here all the same. The Bench page clears them."
        )
    st.session_state.pop("refused", None)
    st.session_state.pop("offered", None)
    _count()


def shows(key: str, value: Any, then: Callable[[Any], None]) -> dict[str, Any]:
    """Arguments of a widget that shows this value at every run, and hands another one on.

    What the browser asks for before it knows of a new value comes with the one before, which is no choice: a
    run by a clock would undo the edit just made. So the value before is not taken until `ECHO` seconds after.
    """
    replaced: dict[str, tuple[Any, float]] = st.session_state.setdefault("replaced", {})
    before = st.session_state.get(key, value)
    if not _same(before, value):
        replaced[key] = before, math.inf  # until `follow` says when
    st.session_state[key] = value

    def take() -> None:
        chosen = st.session_state[key]
        former, until = replaced.get(key, (None, 0.0))
        if time.monotonic() < until and _same(chosen, former):
            return
        # A choice made of a list that has changed since comes as its name; the list as it is now is shown.
        if not (isinstance(chosen, str) and isinstance(value, int | float)):
            replaced.pop(key, None)
            then(chosen)

    return {"key": key, "on_change": take}


def bound(field: str, key: str | None = None) -> dict[str, Any]:
    """Arguments that tie a widget to a field: `st.text_input("Question", **bound("question"))`."""
    return shows(key or f"view-{field}", getattr(view(), field), lambda value: change(**{field: value}))


def option(
    name: str, values: Sequence[Any] | None, plain: Any, longest: int = OPTION_LONGEST
) -> dict[str, Any]:
    """Arguments of a widget whose value is in the link under a name of its own, such as a toggle or an order.

    `values`: those that there are, numbers, texts or truth values; None: any text of at most `longest`
    characters.
    `plain`: the value of whom has chosen none.
    """

    def is_there(value: Any) -> bool:
        if values is None:
            return isinstance(value, str) and len(value) <= longest
        return any(_same(value, one) for one in values)

    return _option(name, plain, is_there)


def number_option(name: str, least: float, most: float, plain: float) -> dict[str, Any]:
    """The same for a number from `least` to `most`, whole where `plain` is."""
    return _option(name, plain, lambda value: type(value) is type(plain) and least <= value <= most)


def _option(name: str, plain: Any, is_there: Callable[[Any], bool]) -> dict[str, Any]:
    value = options().get(name, plain)
    there = is_there(value)
    if not there and not _same(value, plain):
        _set_options({name: None})
        say(f"This link asks for “{str(value)[:60]}” ({name.replace('-', ' ')}), which is not offered here.")
    value = value if there else plain

    def take(chosen: Any) -> None:
        change()
        _set_options({name: None if _same(chosen, plain) else chosen})

    return shows(name, value, take)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def options() -> dict[str, Any]:
    """What differs from the usual among toggles, orders and the like, by name."""
    try:
        found = json.loads(view().options or "{}")
        json.dumps(found, ensure_ascii=False).encode()  # half a character cannot be shown or sent
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _set_options(changes: Mapping[str, Any]) -> None:
    """Set these options; None for one that is as usual."""
    found = {name: value for name, value in (options() | dict(changes)).items() if value is not None}
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""
    st.session_state["view"] = replace(view(), options=text)


def set_option(name: str, value: Any) -> None:
    """What `options` has of this name from now on, of this page or another; None: nothing."""
    _set_options({name: value})


def compare(one: str, other: str) -> None:
    """The link holds the two questions that are compared, each a picture's key, a blank, and the question."""
    _set_options(dict(zip(COMPARED, (one, other), strict=True)))


def drop_compared() -> None:
    """No two questions are compared."""
    _set_options(dict.fromkeys((*COMPARED, "compare")))


def remarks() -> tuple[str, ...]:
    """What is to be said of the link this session came by."""
    result: tuple[str, ...] = st.session_state.get("remarks", ())
    return result


def taken(key: str, then: Callable[[Any], None]) -> dict[str, Any]:
    """Arguments for a widget whose value is handed to `then` when it changes; it is empty again after.

    A fresh key each time is what empties it, and lets an uploaded file's memory go.
    """
    now = f"{key}-{turn(key)}"

    def take() -> None:
        value = st.session_state.get(now)
        if value is not None:
            next_turn(key)
            then(value)

    return {"key": now, "on_change": take}


def picked(key: str, then: Callable[[Any], None]) -> dict[str, Any]:
    """Arguments for a chart or table whose selection is handed to `then`, once each time it changes."""

    def take() -> None:
        if (selection := told(key, "selection")) is not None:
            then(selection)

    return {"key": key, "on_select": take}


def next_turn(key: str) -> None:
    """Count one up what `turn` tells of this key."""
    st.session_state[f"{key}-turn"] = turn(key) + 1


def turn(key: str) -> int:
    """How often something was taken by this key; what is around the widget closes with a key made of it."""
    result: int = st.session_state.get(f"{key}-turn", 0)
    return result


def keep_upload(upload: Upload) -> None:
    """Show this picture from now on; a session keeps the last one only."""
    st.session_state["upload"] = upload
    change(picture=upload.key)


def upload() -> Upload | None:
    return st.session_state.get("upload")


def refuse(message: str) -> None:
    """Say this about the last thing given, until something else happens."""
    st.session_state["refused"] = message
    _count()


def refused() -> str | None:
    return st.session_state.get("refused")


def remember(picture: str, title: str, question: str, answer: Answer, truth: Truth) -> None:
    """Add a question to the session's history, unless it was the last one asked.

    Without what was recorded inside the network, which is most of an answer's memory.
    """
    history = asked()
    last = history[-1] if history else None
    if last and (last.picture, last.question) == (picture, question):
        return
    answer = replace(answer, activations={})
    entry = HistoryEntry(last.number + 1 if last else 1, picture, title, question, answer, truth)
    st.session_state["asked"] = (*history, entry)[-MOST_ASKED:]
    st.session_state["asked_of"] = network_here()


def asked() -> tuple[HistoryEntry, ...]:
    """This session's questions, oldest first."""
    result: tuple[HistoryEntry, ...] = st.session_state.get("asked", ())
    return result


def set_asked(entries: Sequence[HistoryEntry]) -> None:
    """This session's questions are these, numbered from 1."""
    st.session_state["asked"] = tuple(
        replace(entry, number=number) for number, entry in enumerate(entries[-MOST_ASKED:], 1)
    )
    st.session_state["asked_of"] = network_here()


def asked_of() -> str | None:
    """The weights' hash of the network that this session's questions were asked of."""
    return st.session_state.get("asked_of")


def network_here() -> str | None:
    """The weights' hash of the network that this run of the page is of."""
    return st.session_state.get("seen_with")


def session_name() -> str:
    """What tells this session from another one of the same tab, before a reload."""
    result: str = st.session_state.setdefault("session", secrets.token_hex(8))
    return result


def is_restored() -> bool:
    """Was what the tab had kept before a reload taken up?"""
    return bool(st.session_state.get("restored"))


def restores() -> bool:
    """Take up what the tab had kept, which is done once."""
    first, st.session_state["restored"] = not is_restored(), True
    return first


def guide() -> Guide:
    result: Guide = st.session_state.get("guide", Guide(open=False))
    return result


def value(key: str) -> Any:
    """What a widget with this key holds."""
    return st.session_state.get(key)


def guided(**changes: Any) -> None:
    """Go on with the guide."""
    st.session_state["guide"] = replace(guide(), **changes)


def draft() -> str:
    """The question that is being put together word by word."""
    result: str = st.session_state.get("draft", "")
    return result


def set_draft(text: str) -> None:
    st.session_state["draft"] = text


def told(key: str, what: str) -> Any:
    """What a component or table with this key has just said, or None."""
    get = getattr(st.session_state.get(key), "get", None)
    return get(what) if get else None


# --- Edits that can be undone -----------------------------------------------------------------------------


def edit(text: str) -> None:
    """The bench's edits are these from now on; the step can be undone."""
    commit("bench", edits=text)


def offer(something: Any) -> None:
    """Keep this for the visitor to take or leave, until something else happens."""
    st.session_state["offered"] = something
    _count()


def offered() -> Any:
    return st.session_state.get("offered")


def happened() -> int:
    """How often something was changed, offered or refused in this session."""
    result: int = st.session_state.get("happened", 0)
    return result


def _count() -> None:
    st.session_state["happened"] = happened() + 1


def commit(room: str, **changes: Any) -> None:
    """Go to another view by a step that can be undone there: on the "bench" or in the "studio"."""
    before = view()
    change(**changes)
    st.session_state[f"history-{room}"] = _history(room).did(
        {name: getattr(before, name) for name in changes}, {name: getattr(view(), name) for name in changes}
    )


def step(back: bool, room: str = "bench") -> None:
    """Undo the last step, or do it again."""
    history = _history(room)
    steps = history.past if back else history.future
    if steps:
        now = {name: getattr(view(), name) for name in steps[-1]}
        st.session_state[f"history-{room}"], then = history.undone(now) if back else history.redone(now)
        change(**then)


def can_step(back: bool, room: str = "bench") -> bool:
    history = _history(room)
    return bool(history.past if back else history.future)


def forget_steps(room: str) -> None:
    """Nothing can be undone there any more: something else is edited from now on."""
    st.session_state.pop(f"history-{room}", None)


def _history(room: str) -> History:
    result: History = st.session_state.get(f"history-{room}", History())
    return result
