import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import a_picture, tiny_config

from film.errors import InputError
from film.features import PictureReader, as_pixels, keyed, read_picture, resnet_trunk, to_size


def packed(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_every_way_to_give_a_picture(tmp_path):
    pixels = a_picture()
    picture = Image.fromarray(pixels)
    (tmp_path / "a.png").write_bytes(packed(picture))
    for way in (
        pixels,
        pixels / 255,
        picture,
        packed(picture),
        io.BytesIO(packed(picture)),
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
    ):
        assert np.array_equal(read_picture(way), pixels)
    gray = read_picture(pixels[..., 0])
    assert np.array_equal(gray, np.repeat(pixels[..., :1], 3, -1))
    assert np.array_equal(read_picture(pixels[..., :1]), gray)


def oriented() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    return packed(Image.fromarray(np.dstack([np.eye(4, 8, dtype=np.uint8) * 200] * 3)), "PNG", exif=exif)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_odd_pictures_become_rgb():
    pixels = Image.fromarray(a_picture(height=20, width=30))
    assert read_picture(oriented()).shape == (8, 4, 3)
    for content in (
        packed(pixels.convert("CMYK"), "JPEG"),
        packed(pixels.convert("P")),
        packed(pixels.convert("1")),
        packed(pixels.convert("L"), "JPEG"),
        packed(pixels.convert("LA")),
        packed(pixels, "WEBP"),
        packed(pixels, "BMP"),
        packed(pixels.convert("P"), "GIF", transparency=0),
        packed(pixels, "GIF", save_all=True, append_images=[Image.new("RGB", (30, 20), "red")]),
        packed(Image.fromarray(np.full((20, 30), 40000, np.uint16))),
        packed(Image.fromarray(np.full((20, 30), 0.5, np.float32)), "TIFF"),
        packed(Image.fromarray(np.full((20, 30), 70000, np.int32)), "TIFF"),
    ):
        array = read_picture(content)
        assert array.shape == (20, 30, 3)
        assert array.dtype == np.uint8
    sixteen = read_picture(packed(Image.fromarray(np.full((2, 2), 40000, np.uint16))))
    assert (sixteen == 40000 >> 8).all()
    half = read_picture(packed(Image.fromarray(np.full((2, 2), 0.5, np.float32)), "TIFF"))
    assert (half == 128).all()


def test_one_pixel_and_long_strips():
    for width, height in ((1, 1), (1, 400), (3000, 2)):
        pixels = read_picture(packed(Image.new("RGB", (width, height), (9, 9, 9))))
        assert pixels.shape == (height, width, 3)
        for how in ("crop", "stretch"):
            sized = to_size(pixels, 24, 16, how)
            assert sized.shape == (16, 24, 3)
            assert (sized == 9).all()


def huge_png(side: int) -> bytes:
    """A PNG of a few hundred bytes that says it unpacks to gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore:.*:PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_is_refused_with_a_sentence(tmp_path):
    whole = packed(Image.fromarray(a_picture(height=200, width=300)))
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n"
    nothing_to_see: tuple[Any, ...] = (
        tmp_path / "text.png",
        tmp_path / "cut.png",
        tmp_path / "empty.png",
        tmp_path / "none.png",
        tmp_path,
        "",
        "a\0b",
        b"",
        b"GIF89a",
        postscript,
        whole[:-30],
        packed(Image.fromarray(a_picture()), "JPEG")[:400],
        huge_png(8_000),
        huge_png(40_000),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int64),
        np.full((4, 4, 3), 2.0),
        np.full((4, 4, 3), np.nan),
        7,
        None,
    )
    for bad in nothing_to_see:
        for use in (read_picture, lambda bad: read_picture(keyed(bad)[1])):
            with pytest.raises(InputError) as caught:
                use(bad)
            message = str(caught.value)
            assert "\n" not in message
            assert message.endswith(".")
    with pytest.raises(InputError, match=r"cut\.png"):
        read_picture(tmp_path / "cut.png")


def test_a_picture_is_known_by_its_content(tmp_path):
    one, two = packed(Image.fromarray(a_picture(1))), packed(Image.fromarray(a_picture(2)))
    (tmp_path / "a.png").write_bytes(one)
    assert keyed(one)[0] == keyed(tmp_path / "a.png")[0] != keyed(two)[0]
    assert keyed(a_picture(1))[0] == keyed(Image.fromarray(a_picture(1)))[0] != keyed(a_picture(2))[0]
    assert keyed(np.zeros((2, 3), np.uint8))[0] != keyed(np.zeros((3, 2), np.uint8))[0]


def test_pixels():
    picture = a_picture(height=16, width=24)
    pixels = as_pixels(picture, 24, 16)
    assert pixels.shape == (3, 16, 24)
    np.testing.assert_allclose(pixels.numpy(), picture.transpose(2, 0, 1) / 255, atol=1e-6)
    whole = np.zeros((30, 60, 3), np.uint8)
    whole[:, :15] = 255  # the left quarter
    assert as_pixels(whole, 30, 30, "crop").max() == 0  # is cut away
    assert 0.2 < as_pixels(whole, 30, 30, "stretch").mean() < 0.3  # or squeezed in
    with pytest.raises(InputError, match="crop or stretch"):
        to_size(whole, 3, 3, "squash")  # type: ignore[arg-type]


def test_published_sizing_is_pillow_s_bicubic_stretch():
    picture = a_picture(height=320, width=480)
    expected = np.asarray(Image.fromarray(picture).resize((224, 224), Image.Resampling.BICUBIC))
    assert np.array_equal(to_size(picture, 224, 224, "stretch"), expected)


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """ResNet-101 with random weights, as torchvision would save it."""
    from film.features import _torchvision

    torch.manual_seed(0)
    network = _torchvision().models.resnet101(weights=None)
    path = tmp_path_factory.mktemp("resnet") / "resnet101.pth"
    torch.save(network.state_dict(), path)
    return network.eval(), path


@pytest.mark.slow
def test_features_are_layer3_of_the_normalised_picture(resnet_file):
    network, path = resnet_file
    config = tiny_config(picture="features", width=14, height=14, channels=1024, stem=((8, 3, 1),))
    picture = a_picture(height=80, width=120)
    features = PictureReader(config, "stretch", path)(picture)
    sized = np.asarray(Image.fromarray(picture).resize((224, 224), Image.Resampling.BICUBIC)) / 255
    normalised = (sized - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.224]
    x = torch.from_numpy(normalised.transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"):
            x = getattr(network, name)(x)
    assert features.shape == (1, 1024, 14, 14)
    assert (features - x).norm() < 1e-5 * x.norm()  # random weights make huge values


def test_weights_that_are_no_resnet(tmp_path):
    with pytest.raises(InputError, match="do not exist"):
        resnet_trunk(tmp_path / "none.pth")
    (tmp_path / "bad.pth").write_bytes(b"hello")
    with pytest.raises(InputError, match="cannot be read"):
        resnet_trunk(tmp_path / "bad.pth")
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="does not hold ResNet-101"):
        resnet_trunk(tmp_path / "other.pth")
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="missing"):
        resnet_trunk(tmp_path / "other.pth")


def test_maps_that_no_picture_gives():
    config = tiny_config(picture="features", width=15, height=10, channels=18, stem=((8, 3, 1),))
    with pytest.raises(InputError, match="18 maps of 15x10"):
        PictureReader(config)(a_picture())


def test_missing_weights_say_what_to_do(monkeypatch):
    from film.features import _torchvision

    def unreachable(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    weights = _torchvision().models.ResNet101_Weights
    monkeypatch.setattr(weights, "get_state_dict", unreachable, raising=False)
    with pytest.raises(InputError, match="--resnet"):
        resnet_trunk()
