"""Read a list in a JSON file item by item, for files that do not fit into memory; also JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from film.errors import InputError

# What an item of each kind of list has: a file that begins with such an object has one item a line.
_OWN_KEY = {"questions": "question", "scenes": "objects"}
_NOT_BLANK = re.compile(r"\S")


def stream_items(path: Path, key: str) -> Iterator[Any]:
    """The items of the list under `key` of a JSON object, of a bare list, or of JSON lines, one at a time.

    At no time is more than a few megabytes of the file in memory.

    Raises:
        InputError: the file cannot be read, is no JSON, or has no such list; the sentence says where.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file; name a JSON file with a list {key!r}.")
        with open(path, encoding="utf-8-sig") as file:
            yield from _Stream(file, path).items(key)
    except OSError as error:
        raise InputError(
            f"The file {path} cannot be read ({error.strerror or error}); check the path."
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"The file {path} is not text (UTF-8), so no JSON; fetch or unpack it again."
        ) from None


class _Stream:
    """Just enough of a JSON reader to walk through a list that does not fit into memory."""

    PIECE = 1 << 22
    LONGEST = 1 << 26  # a single item longer than this is taken for damage

    NUMBER = 32  # characters that may still belong to a number which seems to be whole

    def __init__(self, file: TextIO, path: Path) -> None:
        self.file, self.path = file, path
        self.text, self.at, self.consumed = "", 0, 0
        self.decoder = json.JSONDecoder()

    def items(self, key: str) -> Iterator[Any]:
        opening = self._peek()
        if opening == "[":
            yield from self._list()
            return
        if opening != "{":
            raise InputError(
                f"The file {self.path} is {'empty' if not opening else 'no JSON object or list'}; "
                f"expected CLEVR's JSON with a list {key!r}: fetch it again."
            )
        self.at += 1
        seen: list[str] = []
        while self._peek() != "}":
            name = self._value()
            if name == _OWN_KEY.get(key):
                yield from self._lines()
                return
            self._take(":")
            if self._peek() == "[":
                for item in self._list():  # other lists are walked through, never held
                    if name == key:
                        yield item
                if name == key:
                    return
            else:
                self._value()
            if len(seen) < 8:
                seen.append(str(name)[:30])
            if self._peek() == ",":
                self.at += 1
        raise InputError(
            f"The file {self.path} has no list {key!r}; it holds {', '.join(seen) or 'nothing'}: "
            "check that it is the right file."
        )

    def _lines(self) -> Iterator[Any]:
        """Objects one after another, from the beginning of the file."""
        self.file.seek(0)
        self.text, self.at, self.consumed = "", 0, 0
        while self._peek():
            try:
                value = self._value()
            except InputError as error:
                told = str(error).replace(" is damaged: ", f" is damaged in line {self._line():,}: ", 1)
                raise InputError(told) from None
            yield value

    def _line(self) -> int:
        """The number of the line that is being read."""
        before, lines = self.consumed + self.at, 1
        self.file.seek(0)
        while before and (piece := self.file.read(min(before, self.PIECE))):
            before, lines = before - len(piece), lines + piece.count("\n")
        return lines

    def _list(self) -> Iterator[Any]:
        self._take("[")
        while self._peek() != "]":
            yield self._value()
            if self._peek() == ",":
                self.at += 1
            elif self._peek() != "]":
                raise self._broken()
        self.at += 1

    def _value(self) -> Any:
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                cut_off = error.pos >= len(self.text.rstrip()) or "Unterminated string" in error.msg
                if len(self.text) - self.at > self.LONGEST or not self._read():
                    raise self._broken(cut_off) from None
            except (RecursionError, ValueError):
                raise InputError(
                    f"The file {self.path} is damaged: after character {self.consumed + self.at:,} something "
                    "is nested too deep, or a number has thousands of digits; fetch or unpack it again."
                ) from None
            else:
                if len(self.text) - end < self.NUMBER and self._read():
                    continue  # a number may go on in the next piece
                self.at = end
                return value

    def _peek(self) -> str:
        """The next character that is no white space; "" at the end of the file."""
        while True:
            if found := _NOT_BLANK.search(self.text, self.at):
                self.at = found.start()
                return self.text[self.at]
            self.at = len(self.text)
            if not self._read():
                return ""

    def _take(self, mark: str) -> None:
        if self._peek() != mark:
            raise self._broken()
        self.at += 1

    def _read(self) -> bool:
        piece = self.file.read(self.PIECE)
        if piece:
            self.consumed += self.at
            self.text, self.at = self.text[self.at :] + piece, 0
        return bool(piece)

    def _broken(self, cut_off: bool = False) -> InputError:
        if cut_off or not self._peek():
            where = f"it ends in the middle, after {self.consumed + len(self.text):,} characters"
        else:
            where = f"it is no valid JSON from character {self.consumed + self.at:,} on"
        return InputError(f"The file {self.path} is damaged: {where}; fetch or unpack it again.")
