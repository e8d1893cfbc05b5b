"""Picture files, their one way of being scaled, and question words."""

import io
import math
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import what_is_seen
from film import NetworkConfig, open_picture_folder, read_picture
from film.clevr.language.tokens import SPECIAL, encode, split_words, word_table
from film.clevr.pictures import MOST_PIXELS, MOST_SIDE, fit, open_picture, save_picture
from film.errors import InputError
from film.features import keyed

ROOT = Path(__file__).parents[1]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_png_round_trip(tmp_path):
    picture = noise(20, 30)
    save_picture(tmp_path / "a.png", picture)
    assert np.array_equal(open_picture(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "I;16", "1", "CMYK"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    if mode == "I;16":
        picture = Image.fromarray(noise(8, 12)[..., 0].astype(np.uint16) << 8)
    else:
        picture = Image.fromarray(noise(8, 12)).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    array = open_picture(path)
    assert array.shape == (8, 12, 3)
    assert array.dtype == np.uint8
    if mode == "I;16":
        assert np.array_equal(array[..., 0], noise(8, 12)[..., 0])


def test_broken_pictures_are_named(tmp_path):
    good = tmp_path / "good.png"
    save_picture(good, noise(40, 60))
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:1000])
    text = tmp_path / "text.png"
    text.write_text("no picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    for path in (cut, text, empty, tmp_path / "absent.png", tmp_path):
        with pytest.raises(InputError, match=path.name):
            open_picture(path)


def test_four_to_three_loses_top_and_bottom_only():
    rows = np.repeat(np.arange(240, dtype=np.uint8)[:, None, None], 320, 1).repeat(3, 2)
    fitted = fit(rows, 192, 128)
    assert fitted.shape == (128, 192, 3)
    step = 320 * 128 / 192 / 128  # source rows per row
    top = (240 - 320 * 128 / 192) / 2
    expected = top + (np.arange(128) + 0.5) * step - 0.5
    assert np.abs(fitted[:, 0, 0] - expected).max() <= 1
    columns = np.repeat((np.arange(320) // 2).astype(np.uint8)[None, :, None], 240, 0).repeat(3, 2)
    assert np.abs(fit(columns, 160, 107)[50, :, 0].astype(int) - np.arange(160)).max() <= 1


def test_scaling_does_not_alias():
    checks = np.zeros((320, 480, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    assert np.abs(fit(checks, 192, 128)[4:-4, 4:-4].astype(int) - 127).max() <= 8


def test_same_size_is_untouched_and_bad_input_is_refused():
    picture = noise(20, 30)
    assert np.array_equal(fit(picture, 30, 20), picture)
    for bad in (picture.astype(np.float32), picture[..., 0], picture[:0]):
        with pytest.raises(InputError):
            fit(bad, 30, 20)
    with pytest.raises(InputError):
        fit(picture, 0, 20)


def test_words():
    text = "There is a  cube; what color is it?"
    assert split_words(text) == ["There", "is", "a", "cube", ";", "what", "color", "is", "it"]
    assert split_words(text, keep_empty=True)[3] == ""
    table = word_table(["cube", "a", ";", "There", "a"])
    assert table == (*SPECIAL, ";", "There", "a", "cube")
    ids = {word: i for i, word in enumerate(table)}
    assert encode("a cube; red?", ids) == [1, 6, 7, 4, 3, 2]


def test_official_pictures_fit(shared_data):
    for folder, shape in (("clevr-official", (320, 480, 3)), ("clevr-official-320", (240, 320, 3))):
        picture = open_picture(shared_data / folder / "images" / "val" / "CLEVR_val_000000.png")
        assert picture.shape == shape
        assert fit(picture, 192, 128).shape == (128, 192, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("read", [open_picture, read_picture, keyed])
def test_a_pipe_named_like_a_picture_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="is a pipe"):
        read(tmp_path / "pipe.png")


def test_names_that_are_no_utf8(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    save_picture(tmp_path / name, np.full((4, 6, 3), 7, np.uint8))
    assert open_picture(tmp_path / name).shape == (4, 6, 3)
    album = open_picture_folder(tmp_path)
    album.name(0).encode("utf-8")
    assert album.picture(0).shape == (4, 6, 3)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    picture.save(file := io.BytesIO(), kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 65_535), (65_535, 1), (1, MOST_SIDE + 1), (5_001, 5_000)])
def test_a_picture_with_too_long_a_side_or_too_many_pixels_is_refused_before_it_is_decoded(size):
    with pytest.raises(InputError, match=rf"{size[0]}x{size[1]} pixels"):
        read_picture(saved(Image.new("1", size), "PNG"))


def test_broken_exif_in_a_good_picture_is_ignored():
    exif = Image.Exif()
    exif[274] = 6
    pixels = noise(8, 12)
    good = saved(Image.fromarray(pixels), "PNG", exif=exif)
    assert read_picture(good).shape == (12, 8, 3)
    start = good.index(b"eXIf")
    length = int.from_bytes(good[start - 4 : start])
    for content in (
        b"\0" * length,
        b"II*\0\xff\xff\xff\x7f" + b"\xff" * (length - 8),
        b"MM\0*" + b"\x01" * (length - 4),
    ):
        chunk = b"eXIf" + content
        broken = good[:start] + chunk + zlib.crc32(chunk).to_bytes(4) + good[start + 4 + length + 4 :]
        assert np.array_equal(read_picture(broken), pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "F", "I;16", "LA"])
def test_a_picture_read_in_bands_is_the_picture(mode):
    gray = np.random.default_rng(3).random((600, 7)).astype(np.float32)
    picture = {
        "F": lambda: Image.fromarray(gray),
        "I;16": lambda: Image.fromarray((gray * 65535).astype(np.uint16)),
    }.get(mode, lambda: Image.fromarray((gray * 255).astype(np.uint8)).convert(mode))()
    assert np.abs(read_picture(picture)[..., 0] - np.minimum(gray * 256, 255)).max() <= 2


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read the Linux way")
@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_the_largest_picture_takes_little_more_memory_than_its_pixels(tmp_path, mode):
    side = math.isqrt(MOST_PIXELS)
    Image.new(mode, (side, side)).save(tmp_path / "large.png")
    peak = "int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1e3"
    program = f"import re\nfrom film import read_picture\nread_picture('small.png')\nbefore = {peak}\n"
    program += f"read_picture('large.png')\nprint({peak} - before)"
    Image.new(mode, (8, 8)).save(tmp_path / "small.png")
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(made.stdout) < 400  # MB


def test_what_the_network_does_not_see_of_a_picture_is_dimmed():
    config = NetworkConfig(width=192, height=128)
    wide = np.full((320, 480, 3), 200, np.uint8)
    shown, said = what_is_seen(wide, config, "crop")
    assert shown is wide
    assert not said
    tall = np.full((400, 300, 3), 200, np.uint8)
    shown, said = what_is_seen(tall, config, "crop")
    assert (shown[100:300] == 200).all()
    assert (shown[:100] == 70).all()
    assert (shown[300:] == 70).all()
    assert "50%" in said
    shown, said = what_is_seen(tall, config, "stretch")
    assert shown is tall
    assert "192 × 128" in said
