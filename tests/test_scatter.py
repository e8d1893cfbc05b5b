"""What travels between the scatter view and Python."""

import gzip

import numpy as np
import pytest

from ui.scatter import HERE, Blob, fit, pack, points_blob, texts_blob, unpack


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_a_selection_survives_the_way(count):
    mask = np.random.default_rng(count).random(count) < 0.3
    np.testing.assert_array_equal(unpack(pack(mask), count), mask)


def test_the_first_point_is_the_highest_bit():
    assert pack(np.array([True] + [False] * 7)) == "gA=="  # 0x80


@pytest.mark.parametrize("nonsense", ["", "gA", "no base64!", pack(np.ones(80, bool)), "ü"])
def test_what_no_view_has_sent_selects_nothing(nonsense):
    assert not unpack(nonsense, 8).any()


def test_places_fill_the_square_and_keep_their_shape():
    places = np.array([[10, 0], [30, 5], [20, 2.5]], np.float32)
    found = fit(places, places)
    assert np.abs(found).max() == pytest.approx(1 / 1.04)
    np.testing.assert_allclose(found[2], 0, atol=1e-6)
    ratio = np.ptp(found[:, 0]) / np.ptp(found[:, 1])
    assert ratio == pytest.approx(4)
    assert np.isfinite(fit(places[:1], places[:1])).all()


def test_bytes_are_named_by_their_content():
    places = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    one, same, other = points_blob(places), points_blob(places.copy()), points_blob(places[::-1])
    assert one.name == same.name != other.name
    assert one.content.startswith(one.name.encode())
    x_then_y = np.frombuffer(one.content[16:], "<f4").reshape(2, 5)
    np.testing.assert_allclose(x_then_y.T, fit(places, places))


def test_texts_stay_one_a_line():
    blob = texts_blob(["How many?", "Is it\nred?", "größer"])
    assert gzip.decompress(blob.content[16:]).decode().split("\n") == ["How many?", "Is it red?", "größer"]
    assert blob.name == texts_blob(["How many?", "Is it\nred?", "größer"]).name
    assert Blob.of(b"").name


def test_the_bundle_is_whole_and_fetches_nothing():
    bundle = (HERE / "bundle.js").read_text("utf-8")
    assert 150_000 < len(bundle) < 300_000
    for line in ("MIT", "regl-scatterplot", "kdbush"):
        assert line in (HERE / "LICENSES.txt").read_text("utf-8")
    assert "fetch(" not in (HERE / "view.js").read_text("utf-8")
    assert "film-store" in (HERE / "view.css").read_text("utf-8")
