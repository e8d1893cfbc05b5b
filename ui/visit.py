"""What has come of a visit: kept as a text over a reload, and asked again from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from analysis import PictureKey
from film import InputError, Session
from ui import state
from ui.cache import networks, pictures, scenes
from ui.visited import HistoryEntry

Asked = tuple[str, str]  # a picture's key and a question


def to_text() -> str:
    """The questions that were asked and how far the guide is, as JSON."""
    guide = state.guide()
    told = {
        name: getattr(guide, name) for name in ("open", "step", "said", "asks", "chosen", "word", "block")
    }
    told["pair"] = guide.pair and [_asked(one) for one in guide.pair]
    return json.dumps({"asked": [_asked(entry) for entry in state.asked()], "guide": told})


def restore(text: str) -> None:
    """Ask again what was asked before a reload, and go on with the guide; what cannot be had is said."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(found, dict) or networks.alone():
        return
    before = _pairs(found.get("asked"))[-state.MOST_ASKED :]
    again = ask_again(networks.network(), before)
    if lost := len(before) - len(again):
        state.say(
            f"{lost} of {len(before)} questions asked before the reload are left out of the history: their "
            "pictures were uploaded or edited, or are not here any more."
        )
    now = [entry for entry in state.asked() if not again or _asked(entry) != _asked(again[-1])]
    state.set_asked([*again, *now])
    if isinstance(guide := found.get("guide"), dict):
        _go_on(guide)


def ask_again(session: Session, asked: Iterable[Asked]) -> list[HistoryEntry]:
    """These questions with the answers; without those whose picture is not here, or still has to be drawn."""
    return [entry for one in asked if (entry := _ask(session, *one)) is not None]


def renew() -> None:
    """Ask what was asked again where it was another network that answered, which a visitor may choose.

    Answers of two networks do not stand side by side in one history, nor in the guide's finding.
    """
    before = state.asked()
    if not before or state.asked_of() == state.network_here():
        return
    # A map of this number is another map here, and what was guessed was guessed of the other network.
    guide = json.loads(to_text())["guide"] | {"chosen": None, "word": None, "block": None}
    again = ask_again(networks.network(), [_asked(entry) for entry in before])
    if lost := len(before) - len(again):
        state.say(
            f"{lost} of {len(before)} questions of this session are left out of the history: this network "
            "cannot be asked them again."
        )
    state.set_asked(again)
    _go_on(guide)


def follow() -> None:
    """Ask the two questions that a link compares, where the session does not know them."""
    known = {f"{entry.picture} {entry.question}" for entry in state.asked()}
    names = [name for key in state.COMPARED if isinstance(name := state.options().get(key), str)]
    wanted = [(picture, question) for name in names if name not in known
              for picture, _, question in [name.partition(" ")]]  # fmt: skip
    found = ask_again(networks.network(), wanted)
    state.set_asked([*found, *state.asked()])
    if len(found) < len(wanted):
        state.drop_compared()
        state.say("This link compares questions that cannot be asked here; it is left out.")


def _ask(session: Session, picture: str, question: str) -> HistoryEntry | None:
    try:
        if not _is_here(picture):
            return None
        shown = pictures.shown(picture, state.upload())
        if shown.key != picture:
            return None
        answer = session.ask(shown.pixels, question)
    except InputError:
        return None
    return HistoryEntry(0, picture, shown.title, question, answer, pictures.truth(question, shown))


def _is_here(picture: str) -> bool:
    key = PictureKey.parse(picture)
    if key is None or (key.kind == "gallery" and (key.number or 0) >= len(pictures.exhibits())):
        return False
    return scenes.is_drawn(picture)


def _go_on(kept: dict[str, Any]) -> None:
    """The guide as it was, as far as it can be; nothing of it is believed unseen."""
    known = {_asked(entry): entry for entry in state.asked()}
    pair = [known[one] for one in _pairs(kept.get("pair")) if one in known]
    asks, step, block = _pairs([kept.get("asks")]), kept.get("step"), kept.get("block")
    state.guided(
        open=kept.get("open") is True,
        step=step if type(step) is int and step >= 0 else 0,
        asks=asks[0] if asks else None,
        said=_text(kept.get("said")),
        chosen=_map(kept.get("chosen")),
        word=_text(kept.get("word")),
        block=block if _is_below(block, networks.network().config.blocks) else None,
        pair=(pair[0], pair[1]) if len(pair) == 2 else None,
    )


def _asked(entry: HistoryEntry) -> Asked:
    return entry.picture, entry.question


def _pairs(found: object) -> list[Asked]:
    return [
        (one[0], one[1][: state.LINK_LONGEST])
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)
    ]


def _map(value: object) -> tuple[int, int] | None:
    """A block and a map of this network's."""
    config = networks.network().config
    if not isinstance(value, list) or len(value) != 2:
        return None
    block, number = value
    return (block, number) if _is_below(block, config.blocks) and _is_below(number, config.maps) else None


def _is_below(value: object, end: int) -> bool:
    return type(value) is int and value in range(end)


def _text(value: object) -> str | None:
    return value[:60] if isinstance(value, str) else None
