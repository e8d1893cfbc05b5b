"""Pictures: the same for the same seed, true to the scene, and like CLEVR's own."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from film.clevr.rendering import path_tracer as tracing, render as rendering
from film.clevr.rendering.render import (
    object_mask,
    radiance,
    render,
    render_progressively,
    visible_pixels,
)
from film.clevr.rules import sample_scene
from film.clevr.scene_json import read_scenes
from film.clevr.scenes import RADIUS, Scene, SceneObject, View, project
from film.errors import InputError

W, H = 96, 72


@pytest.fixture(scope="module")
def scene():
    return sample_scene(np.random.default_rng(4), count=5)


def one(shape, material="rubber", size="large", **changes):
    thing = SceneObject(shape, size, material, "gray", 0.0, 0.0)
    return Scene((replace(thing, **changes),))


# --- determinism ----------------------------------------------------------------------------------


def test_the_seed_decides_and_threads_do_not(scene):
    first = render(scene, W, H, samples=8, seed=1, threads=1)
    assert np.array_equal(first.picture, render(scene, W, H, samples=8, seed=1, threads=1).picture)
    assert np.array_equal(first.picture, render(scene, W, H, samples=8, seed=1, threads=3).picture)
    assert not np.array_equal(first.picture, render(scene, W, H, samples=8, seed=2, threads=1).picture)


def test_a_picture_comes_again_and_again_with_less_grain(scene):
    passes = list(render_progressively(scene, W, H, samples=(2, 6, 24), threads=1))
    assert [picture.shape for picture in passes] == [(H, W, 3)] * 3
    reference = render(scene, W, H, samples=256, seed=9).picture.astype(float)
    grain = [np.abs(picture - reference).mean() for picture in passes]
    assert grain[0] > 1.3 * grain[1] > 1.5 * grain[2]
    again = list(render_progressively(scene, W, H, samples=(2, 6, 24), threads=2))
    assert all(np.array_equal(a, b) for a, b in zip(passes, again, strict=True))
    with pytest.raises(InputError):
        next(render_progressively(scene, W, H, samples=(0,)))


def test_shapes_and_types(scene):
    for width, height in ((W, H), (40, 90), (1, 1)):
        made = render(scene, width, height, samples=2)
        assert made.picture.shape == (height, width, 3)
        assert made.objects.shape == (height, width)
        assert made.picture.dtype == made.objects.dtype == np.uint8
        assert made.centres.shape == (5, 3)


# --- where things are -----------------------------------------------------------------------------


def test_masks_and_centres_agree():
    rng = np.random.default_rng(8)
    for _ in range(10):
        scene = sample_scene(rng)
        mask = object_mask(scene)
        nearest_first = np.argsort([o.pixel[2] for o in scene.objects])
        column, row, _ = scene.objects[nearest_first[0]].pixel
        assert mask[row, column] == nearest_first[0] + 1
        assert (visible_pixels(scene) >= 200).all()
        assert np.array_equal(
            visible_pixels(scene), np.bincount(mask.ravel(), minlength=20)[1:][: len(scene.objects)]
        )


def test_each_shape_covers_what_its_silhouette_says():
    """Looked at straight from the side: areas of a disc, a rectangle and a square."""
    for size, r in RADIUS.items():
        view = View(camera=(30.0, 0.0, 1e-4))
        focal = 35 / 32 * 1920
        edge, rim = 0.184 * r, 0.05 * r
        areas = {
            "sphere": np.pi * r**2,
            "cube": 4 * r**2 - (4 - np.pi) * edge**2,
            "cylinder": 4 * r**2 - (4 - np.pi) * rim**2,
        }
        for shape, area in areas.items():
            # The outline is that of the nearest face of a cube, and of about the middle of the others.
            distance = 30 - (r - edge if shape == "cube" else 0)
            shown = visible_pixels(one(shape, size=size).replaced(view=view), 1920, 1920)[0]
            assert shown == pytest.approx(area * (focal / distance) ** 2, rel=0.02), (shape, size)


def test_a_cube_turns_by_its_rotation_in_radians():
    same = object_mask(one("cube", rotation=0.3))
    assert np.array_equal(same, object_mask(one("cube", rotation=0.3 + np.pi / 2)))
    assert not np.array_equal(same, object_mask(one("cube", rotation=0.3 + np.pi / 4)))


# --- light ----------------------------------------------------------------------------------------


def test_the_empty_floor_is_lit_as_measured():
    """Irradiance of the four lamps at the origin, and the floor's own light on top of it."""
    scene = Scene(())
    direct = 0.189 * np.array([1.0, 0.9323, 0.8167]) + 0.070 * np.array([0.7617, 0.8177, 1.0]) + 0.265 + 0.400
    light = radiance(scene, 33, 33, samples=4)[16, 16]
    least = 0.8 * direct / np.pi
    assert (light > least).all()
    assert (light < 1.25 * least).all()
    exact = radiance(scene, 33, 33, samples=256, exact=True)[12:21, 12:21].mean((0, 1))
    assert radiance(scene, 33, 33, samples=4)[12:21, 12:21].mean((0, 1)) == pytest.approx(exact, rel=0.01)


def test_what_is_looked_up_agrees_with_what_is_followed(scene):
    quick = radiance(scene, 48, 36, samples=128, seed=1)
    exact = radiance(scene, 48, 36, samples=256, seed=2, exact=True)
    assert quick.mean() == pytest.approx(exact.mean(), rel=0.01)
    assert np.abs(quick - exact).mean() < 0.02 * exact.mean()


def test_more_samples_leave_less_grain(scene):
    reference = radiance(scene, 48, 36, samples=512, seed=9)
    few, many = (np.abs(radiance(scene, 48, 36, samples=n) - reference).mean() for n in (4, 64))
    assert many < few / 2


def test_no_surface_gives_back_more_than_it_gets():
    """Mean share of drawn reflections, by weight: at most 1, nearly 1 for a mirror."""
    rng = np.random.default_rng(0)
    up, along = (np.array([0, 0, 1], np.float32), np.array([1, 0, 0], np.float32))
    n, t = tuple(up), tuple(along)
    for width, least in ((0.01, 0.99), (0.2, 0.8), (0.4, 0.6)):
        for tilt in (0.1, 0.8, 1.3):
            d = tuple(np.array([np.sin(tilt), 0, -np.cos(tilt)], np.float32))
            draws = rng.random((300, 2), np.float32)
            shares = [
                tracing._reflected(n, t, d, np.float32(width), np.float32(width), *uv)[1] for uv in draws
            ]
            assert least <= np.mean(shares) <= 1.0001, (width, tilt)


def test_rubber_is_matte_and_metal_mirrors():
    """Of a ball's upper half rubber shows its own gray, metal the dark above the stage and the lamps."""
    upper = np.s_[50:64, 89:102]
    rubber, metal = (radiance(one("sphere", m), 192, 144, samples=64)[upper] for m in ("rubber", "metal"))
    assert np.median(metal) < 0.8 * np.median(rubber)
    assert metal.max() > 5 * np.median(metal)
    assert rubber.max() < 2 * np.median(rubber)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "0x320"),
        ({"height": 100_000}, "480x100000"),
        ({"samples": 0}, "0 samples"),
        ({"threads": 0}, "0 threads"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_impossible_wishes_are_told(scene, wrong, message):
    with pytest.raises(InputError, match=message):
        render(scene, **wrong)


def test_too_many_objects_are_told(scene):
    with pytest.raises(InputError, match="61 objects"):
        render(Scene(scene.objects[:1] * 61), W, H)


# --- against official pictures --------------------------------------------------------------------


def official(folder, count):
    """(scene with its view, picture, visible pixels) of some official pictures."""
    extras = json.loads((folder / "extras.json").read_text())
    for scene in read_scenes(folder / "scenes" / "CLEVR_val_scenes.json")[:count]:
        known = extras[scene.filename]
        places = [
            known["camera_to_world"],
            *(known["light_to_world"][name] for name in ("key", "fill", "back")),
        ]
        view = View(*(tuple(row[3] for row in matrix[:3]) for matrix in places))
        picture = Image.open(folder / "images" / "val" / scene.filename).convert("RGB")
        yield scene.replaced(view=view), picture, known["visible_pixels"]


def test_official_visible_pixels(shared_data):
    for name in ("clevr-official", "clevr-official-320"):
        for scene, picture, expected in official(shared_data / name, 20):
            shown = visible_pixels(scene, *picture.size)
            assert np.abs(shown - expected).max() <= 0.01 * max(expected) + 20


def test_official_pictures(shared_data):
    """Blurred by 3 pixels of the full size: a mean difference of at most 4 bytes, and no cast or tint."""
    for name in ("clevr-official", "clevr-official-320"):
        differences, tints = [], []
        for scene, picture, _ in official(shared_data / name, 8):
            width, height = picture.width // 2, picture.height // 2
            small = picture.resize((width, height), Image.Resampling.BOX)
            ours = Image.fromarray(render(scene, width, height, samples=8).picture)
            blurred = [np.asarray(p.filter(ImageFilter.GaussianBlur(1.5)), float) for p in (ours, small)]
            differences.append(np.abs(blurred[0] - blurred[1]).mean())
            tints.append((blurred[0] - blurred[1]).mean((0, 1)))
        assert np.median(differences) < 1.5
        assert np.abs(np.mean(tints, 0)).max() < 1


def test_official_luminance(shared_data):
    """The brightness of the picture's top corners, which hardly varies between pictures."""
    for scene, picture, _ in official(shared_data / "clevr-official-320", 4):
        ours = render(scene, 320, 240, samples=4).picture
        theirs = np.asarray(picture)
        for patch in (np.s_[:15, :40], np.s_[:15, 140:180], np.s_[:15, 280:], np.s_[225:, :40]):
            assert np.median(ours[patch].mean(-1)) == pytest.approx(np.median(theirs[patch].mean(-1)), abs=3)


def test_centres_are_projected(scene):
    made = render(scene, W, H, samples=2)
    points = [(o.x, o.y, o.radius) for o in scene.objects]
    assert np.array_equal(made.centres, project(scene.view, points, W, H))
    assert rendering.ALBEDO.shape == (8, 3)
