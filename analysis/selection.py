"""A selection among the questions of a study, and its text in a link.

The text of the questions alone is base64url without padding, of:

    1 byte    how the body is written: 0 one bit a question, the first in the highest bit of a byte; 1 lengths
              of runs, not selected and selected in turn, as LEB128 numbers, without those after the last
              that is selected. Plus 2 where the body is compressed (zlib).
    4 bytes   CRC-32 of the hash of the study's questions, a blank, their number, and the bits; big-endian
    the body

The shortest of the four is taken: of 20,000 questions a selection takes 3,340 characters at most.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from film import InputError

SELECTION_LONGEST = 60_000  # characters that are read at all
_RUNS, _COMPRESSED = 1, 2
_HEAD = 5  # bytes before the body
_MORE = 0x80  # of a LEB128 byte: another follows
_TOO_LONG = f"A selection in this link has {{:,}} characters; at most {SELECTION_LONGEST:,} are read."
_OTHER = "The selection in this link is damaged, or not of the {:,} questions here."
_DAMAGED = "The selection in this link is damaged; copy the link again where it was made."


@dataclass(frozen=True, eq=False)
class Selection:
    """Questions of a study. `rows`: bool (questions,). `how`: what chose them, in words.

    `layout`: title of the layout they were drawn on, empty where they were not.
    """

    rows: np.ndarray
    how: str = ""
    layout: str = ""


def selection_to_text(selection: Selection, of: str) -> str:
    """A selection as a text for a link: JSON of its rows (see above), `how` and `layout`.

    Args:
        of: hash of the questions that it is a selection of (`Extraction.recipe["questions"]`).
    """
    return _to_json(_fields(selection, of))


def selection_from_text(text: str, count: int, of: str) -> Selection:
    """The selection that a text says, among `count` questions.

    Raises:
        InputError: it is damaged, or of other questions.
    """
    return _selection(_from_json(text), count, of)


def selections_to_text(selections: Mapping[str, Selection], of: str) -> str:
    """Selections by name as a text for a link; empty where there is none."""
    return _to_json({name: _fields(one, of) for name, one in selections.items()}) if selections else ""


def selections_from_text(text: str, count: int, of: str) -> dict[str, Selection]:
    """The selections by name that a text says, among `count` questions.

    Raises:
        InputError: one is damaged, or of other questions.
    """
    found = _from_json(text) if text else {}
    if not isinstance(found, dict):
        raise InputError(_DAMAGED)
    return {name: _selection(one, count, of) for name, one in found.items()}


def _fields(selection: Selection, of: str) -> list[str]:
    return [rows_to_text(selection.rows, of), selection.how, selection.layout]


def _selection(found: object, count: int, of: str) -> Selection:
    match found:
        case [str(rows), str(how), str(layout)]:
            return Selection(rows_from_text(rows, count, of), how, layout)
    raise InputError(_DAMAGED)


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _from_json(text: str) -> object:
    if len(text) > SELECTION_LONGEST:
        raise InputError(_TOO_LONG.format(len(text)))
    try:
        found: object = json.loads(text)
        _to_json(found).encode()  # half a character cannot be shown or sent
    except (ValueError, RecursionError):
        raise InputError(_DAMAGED) from None
    return found


# --- Rows -----------------------------------------------------------------------------------------


def rows_to_text(rows: np.ndarray, of: str) -> str:
    """Some of the rows of a table as letters, digits, "-" and "_". `rows`: bool (rows,)."""
    bits = np.packbits(rows).tobytes()
    written = {0: bits, _RUNS: _runs_to_bytes(rows)}
    written |= {kind + _COMPRESSED: zlib.compress(body, 9) for kind, body in written.items()}
    kind = min(written, key=lambda kind: len(written[kind]))
    whole = bytes([kind]) + _checksum(rows, of) + written[kind]
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def rows_from_text(text: str, count: int, of: str) -> np.ndarray:
    """The rows that `rows_to_text` wrote: bool (count,).

    Raises:
        InputError: the text is damaged, or of another table.
    """
    if len(text) > SELECTION_LONGEST:
        raise InputError(_TOO_LONG.format(len(text)))
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InputError(_DAMAGED) from None
    if len(whole) < _HEAD or whole[0] > (_RUNS | _COMPRESSED):
        raise InputError(_DAMAGED)
    kind, body = whole[0], whole[_HEAD:]
    if kind & _COMPRESSED:
        body = _uncompressed(
            body, count + 16
        )  # a run takes no more bytes than it has rows, but for the first
    rows = _rows_of_runs(body, count) if kind & _RUNS else _rows_of_bits(body, count)
    if _checksum(rows, of) != whole[1:_HEAD]:
        raise InputError(_OTHER.format(count))
    return rows


def _checksum(rows: np.ndarray, of: str) -> bytes:
    return zlib.crc32(np.packbits(rows).tobytes(), zlib.crc32(f"{of} {len(rows)}".encode())).to_bytes(4)


def _uncompressed(body: bytes, most: int) -> bytes:
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(body, most)
    except zlib.error:
        raise InputError(_DAMAGED) from None
    if not reader.eof or reader.unused_data:
        raise InputError(_DAMAGED)
    return found


def _rows_of_bits(body: bytes, count: int) -> np.ndarray:
    if len(body) != -(-count // 8):
        raise InputError(_OTHER.format(count))
    return np.unpackbits(np.frombuffer(body, np.uint8), count=count).astype(bool)


def _rows_of_runs(body: bytes, count: int) -> np.ndarray:
    rows, at, selected = np.zeros(count, bool), 0, False
    for length in _numbers(body):
        if at + length > count:
            raise InputError(_OTHER.format(count))
        rows[at : at + length] = selected
        at, selected = at + length, not selected
    return rows


def _runs_to_bytes(rows: np.ndarray) -> bytes:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    return b"".join(map(_number, np.diff(edges, prepend=0).tolist()))


def _number(value: int) -> bytes:
    parts = []
    while value >= _MORE:
        parts.append(value % _MORE | _MORE)
        value //= _MORE
    return bytes([*parts, value])


def _numbers(body: bytes) -> Iterable[int]:
    value = shift = 0
    for byte in body:
        value |= (byte & ~_MORE) << shift
        shift += 7
        if shift > 35:
            raise InputError(_DAMAGED)
        if not byte & _MORE:
            yield value
            value = shift = 0
    if shift:
        raise InputError(_DAMAGED)
