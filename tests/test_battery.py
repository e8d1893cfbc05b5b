"""What strangers hand in: hundreds of files and texts, of which none may do more than get a sentence."""

from __future__ import annotations

import gc
import io
import os
import random
import string
import zlib
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import find_truth
from film import InputError, Session, read_picture, save, weights_hash
from film.clevr.gallery import gallery
from ui.cache import networks

APP = str(Path(__file__).parents[1] / "app.py")
FILES, TEXTS = 200, 500
GROWTH = 30e6  # bytes that may stay behind after all of it


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    picture.save(file := io.BytesIO(), kind, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header speaks of so many pixels."""
    whole = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    whole[16:24] = width.to_bytes(4) + height.to_bytes(4)
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4)
    return bytes(whole)


def files(rng: random.Random) -> list[bytes]:
    """Truncated, damaged, enormous, of other kinds, oddly stored: `FILES` of them."""
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
    while len(found) < FILES:
        content = bytearray(rng.choice(whole))
        if rng.random() < 0.5:
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.randint(1, 20)):
            if content:
                content[rng.randrange(len(content))] = rng.randrange(256)
        found.append(bytes(content))
    return found


def texts(rng: random.Random) -> list[str]:
    """Markup, scripts, other scripts' letters, nothing, far too much: `TEXTS` of them."""
    words = ["How", "many", "red", "cubes", "are", "there", "left", "of", "the", "big", "thing", "what", "it"]
    found = [
        "", " ", "?", "\0", "\u202e?", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))", "$\\frac{1}{0}$", ":material/home:", "{{7*7}}", "'; DROP TABLE x; --",
        "../../etc/passwd", "%s%s%n", "🧊" * 50, "什么颜色？", "كم عدد المكعبات؟", "a" * 100_000,
        "cube " * 20_000, "<b>" * 33_000, "?" * 100_000, "\n" * 1000, "How many " * 300 + "cubes are there?",
    ]  # fmt: skip
    while len(found) < TEXTS:
        if rng.random() < 0.5:
            found.append(" ".join(rng.choices(words, k=rng.randint(1, 40))) + rng.choice(["?", "", " ;"]))
        else:
            found.append("".join(rng.choices(string.printable + "äß☃", k=rng.randint(1, 200))))
    return found


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def resident() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_sentence(error: InputError) -> bool:
    text = str(error)
    return 10 < len(text) < 1500 and "Traceback" not in text and text.rstrip()[-1] in ".?!)"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read the Linux way")
def test_nothing_handed_in_does_harm(session):
    rng, before = random.Random(0), weights_hash(session.network)
    scene, picture = gallery()[0].scene, np.zeros((40, 60, 3), dtype=np.uint8)
    pictures, questions = files(rng), texts(rng)
    assert (len(pictures), len(questions)) == (FILES, TEXTS)

    def hand_in() -> tuple[int, int]:
        seen = answered = 0
        refusals: list[InputError] = []
        for content in pictures:
            try:
                session.ask(read_picture(content), "How many cubes are there?")
                seen += 1
            except InputError as error:
                refusals.append(error)
        for text in questions:
            try:
                session.ask(picture, text)
                answered += 1
            except InputError as error:
                refusals.append(error)
            truth = find_truth(text, scene)
            assert truth.answer is not None or truth.reason
        assert [str(error)[:300] for error in refusals if not is_sentence(error)] == []
        return seen, answered

    seen, answered = hand_in()
    assert 11 <= seen < FILES - 20
    assert 0 < answered < TEXTS
    settled = resident()  # what is kept on purpose, such as the pictures last seen, is there now
    assert hand_in() == (seen, answered)
    assert resident() - settled < GROWTH
    assert weights_hash(session.network) == before


@pytest.fixture
def app(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path, network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path))
    yield AppTest.from_file(APP, default_timeout=60).run()
    st.cache_resource.clear()


@pytest.mark.app
def test_the_page_keeps_its_countenance(app):
    rng = random.Random(1)
    for text in [*texts(rng)[:20], *rng.sample(texts(rng), 10)]:
        app.text_input(key="view-question").set_value(text[:2000]).run()
        assert not app.exception, text[:100]
        shown = " ".join(block.proto.body for block in app.get("html"))
        assert "<script" not in shown, text[:100]
        assert "<img src=x" not in shown, text[:100]
        assert not any(box.proto.allow_html for box in app.markdown)
