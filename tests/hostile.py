"""What strangers write into links and files, and what of it a page would make markup of."""

import io
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
from google.protobuf.message import Message
from PIL import Image

TEXTS = (
    "www.evil.example",
    "_www.evil.example/x_",
    "https://evil.example/a",
    "http://evil.example",
    "a@evil.example",
    "mailto:a@evil.example",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "<a href='https://evil.example'>x</a>",
    "<img src=https://evil.example/x.png>",
    "<script>alert(1)</script>",
    "<b>bold</b>",
    ":material/home:",
    ":material_home:",
    ":smile:",
    ":streamlit:",
    ":red[x]",
    ":red-badge[x]",
    ":small[x]",
    "a -> b",
    "<- --",
    "$x^2$",
    "$$\\frac{1}{0}$$",
    "`code`",
    "``` x",
    "**bold** _x_ ~~y~~",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "| a | b |\n|---|---|\n| c | d |",
    "[^1]: note",
    "&lt;b&gt; &#58;",
    "\u202ereversed",
    "\u2060\u200b",
    "%{x} %{fullData.name}",
    "{{7*7}}",
    "a\\",
    "\0",
)

_CODE = re.compile(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_MARKUP = re.compile(
    r"www\.|https?://|\w@\w|evil\.example|<(?:a|img|script|b)\b|:(?!material/)[\w+-]+:|(?<!\\):\w[\w-]*\["
    r"|(?<!\\)\$|(?:^|\s)(?:<?->|<-|--|>=|<=|~=)(?:\s|$)|(?<!\\)\]\(",
    re.IGNORECASE,
)
# Fields that a browser shows as they are, or does not show: what is typed, chosen, stored, named.
_AS_IT_IS = {
    "id",
    "icon",
    "content_icon",
    "url",
    "alt",
    "default",
    "value",
    "set_value",
    "raw_values",
    "options",
    "placeholder",
    "config",
    "spec",
    "data",
    "columns",
    "file_name",
    "mixed_data",
    "json",
    "code_text",
    "js_content",
    "css_content",
}
# Elements of the app's own HTML.
_HARMLESS = {"div", "span", "b", "i", "table", "thead", "tbody", "tr", "td", "th", "style"}
_IN_FIGURE = re.compile(r"(?:<|\\u003c)(?:a|img|script|b)\b", re.IGNORECASE)


def link(rng: random.Random, page_names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """A page and the parameters of a hostile link to it."""
    names = (
        "picture",
        "q",
        "block",
        "map",
        "layout",
        "beside",
        "color",
        "word",
        "written",
        "by",
        "for",
        "probe",
        "plane",
        "edits",
        "other",
        "network",
        "weights",
        "selection",
        "kept",
        "before",
        "versus",
        "options",
        "nonsense",
    )
    likely = (
        "gallery-3",
        "folder-0",
        "upload-1",
        "How many red cubes are there?",
        "word",
        "text",
        "type",
        "gamma",
        "3",
        "-1",
        "99999999999",
        "1e3",
        "\u0663",
        "set:g:1:2:0",
        "set:1.0.gamma:1e300",
        "gallery-999",
        '{"bench-search": "\\ud800"}',
        "!scale:g:0:0:1e999|",
        "PCA of both, block 2",
        "any",
    )

    def value() -> str:
        kind = rng.randrange(5)
        if kind == 0:
            return "".join(chr(rng.randrange(1, 0xD800)) for _ in range(rng.randint(0, 40)))
        if kind == 1:
            return rng.choice(likely)
        if kind == 2:
            return f"{rng.choice(likely)} {rng.choice(TEXTS)}"
        return rng.choice(TEXTS) * rng.choice((1, 1, 1, 300))

    chosen = rng.sample(names, rng.randint(1, len(names)))
    return rng.choice(list(page_names)), {name: value() for name in chosen}


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    picture.save(file := io.BytesIO(), kind, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header speaks of so many pixels."""
    whole = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    whole[16:24] = width.to_bytes(4) + height.to_bytes(4)
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4)
    return bytes(whole)


def pictures(rng: random.Random, count: int) -> list[bytes]:
    """Files of pictures: truncated, damaged, enormous, of other kinds, oddly stored; so many, at least 25."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    exif = Image.Exif()
    exif[274] = rng.randint(2, 8)
    whole = [
        encoded(picture, "PNG"),
        encoded(picture, "JPEG"),
        encoded(picture, "JPEG", exif=exif),
        encoded(picture, "WEBP"),
        encoded(picture, "TIFF"),
        encoded(picture, "BMP"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.convert("P"), "GIF", save_all=True, append_images=[picture.convert("P")] * 3),
        encoded(Image.fromarray(noise[..., 0].astype(np.uint16) * 257), "PNG"),
        encoded(Image.fromarray(noise[..., 0].astype(np.float32)), "TIFF"),
        encoded(picture.convert("RGBA"), "PNG"),
    ]
    found = [
        *whole,
        b"",
        b"\0" * 4096,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7\n" + rng.randbytes(500),
        b"PK\x03\x04" + rng.randbytes(500),
        b"\x80\x04\x95" + rng.randbytes(200),  # a pickle's beginning
        b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage",
        encoded(Image.new("RGB", (1, 1)), "PNG"),
        encoded(Image.new("L", (20_000, 1)), "PNG"),
        encoded(Image.new("L", (2, 20_000)), "PNG"),
        claiming(20_000, 20_000),
        claiming(2**31 - 1, 2**31 - 1),
        claiming(0, 5),
        claiming(4000, 4000),  # promises what does not come
    ]
    while len(found) < count:
        content = bytearray(rng.choice(whole))
        if rng.random() < 0.5:
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.randint(1, 20)):
            if content:
                content[rng.randrange(len(content))] = rng.randrange(256)
        found.append(bytes(content))
    return found


def made_markup(app: Any) -> list[tuple[str, str, str]]:
    """What of an app's page a browser would take for more than text, as (element, field, text)."""
    found = []
    for element in _elements(app._tree):
        proto = getattr(element, "proto", None)
        for kind, name, text in _strings(proto) if isinstance(proto, Message) else ():
            if kind == "Html":
                bad = bool(_Foreign(text).found)
            elif name == "spec":
                bad = bool(_IN_FIGURE.search(text))
            else:
                bad = name not in _AS_IT_IS and bool(_MARKUP.search(_CODE.sub("", text)))
            if bad:
                found.append((kind, name, text))
    return found


def _elements(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _elements(child)


def _strings(message: Message) -> Iterator[tuple[str, str, str]]:
    """Every text of a message to the browser: the message's name, the field's name, the text."""
    for field, value in message.ListFields():
        for part in value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]:
            if isinstance(part, Message):
                yield from _strings(part)
            elif isinstance(part, str):
                yield message.DESCRIPTOR.name, field.name, part


class _Foreign(HTMLParser):
    """What HTML has that is none of the app's own."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in _HARMLESS:
            self.found.append(tag)
        self.found += [name for name, _ in attributes if name in ("href", "src") or name.startswith("on")]
