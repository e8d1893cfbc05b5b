"""A scene -> its picture in the CLEVR look, and where each object is in it.

The light is that of CLEVR's own scene file, measured: three square lamps and the sun, a pale sweep
as floor and wall, matte rubber and mirroring metal. The work is done in `tracing`; here the scene is
laid out for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from film.clevr.rendering import path_tracer as tracing
from film.clevr.scenes import COLORS, FOCAL, SHAPES, Scene, SceneObject, View, camera_axes, project
from film.errors import InputError
from film.progress import Cancel, stop_if

__all__ = [
    "Rendering",
    "object_mask",
    "project",
    "render",
    "render_progressively",
    "scene_picture",
    "visible_pixels",
]

# The colours as CLEVR feeds them to its shaders: bytes / 255, taken as linear light.
_BYTES = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
ALBEDO = np.array([_BYTES[color] for color in COLORS], np.float32) / 255  # (8, 3), linear
LARGEST, MOST_SAMPLES, MOST_OBJECTS = 8192, 65536, 60  # pixels each way; samples a pixel; bits of an int64

# Square lamps: side, strength, colour. Strength P gives the irradiance P / 4 face-on at distance 1.
_LAMPS = {
    "key": (0.5, 100.0, (1.0, 0.9323, 0.8167)),
    "fill": (0.5, 30.0, (0.7617, 0.8177, 1.0)),
    "back": (1.0, 50.0, (1.0, 1.0, 1.0)),
}
_SUN_DIRECTION, _SUN_STRENGTH, _SUN_WIDTH = (0.414496, -0.194583, 0.889005), 0.45, 0.1993  # rad across

# The sweep's profile: s (towards the camera's side) and height.
_PROFILE = [
    (9.55, 0.0), (2.54, 0.001), (1.05, 0.003), (-0.36, 0.006), (-1.67, 0.011), (-2.90, 0.019), (-4.05, 0.031),
    (-7.05, 0.099), (-8.71, 0.183), (-10.14, 0.312), (-11.35, 0.499), (-12.39, 0.761), (-13.26, 1.11),
    (-13.99, 1.58), (-14.31, 1.86), (-15.12, 2.92), (-15.75, 4.39), (-16.26, 6.36), (-16.70, 8.92),
    (-17.23, 13.4), (-18.09, 23.2),
]  # fmt: skip
_COLUMNS = 16  # cells along the sweep in which its own light is worked out
_REACH = np.float32(5.0)  # half the side of the floor map
_MAP_SIZE, _MANY = 80, 64  # cells along its side, twice as many from so many samples on
_FILTER_WIDTH = 1.5  # pixels

# How an edited scene is drawn, at once and then in the background: width, height, and the paths a pixel
# after which a picture is there.
QUALITIES: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "preview": (240, 160, (16,)),
    "clean": (480, 320, (8, 24)),
}


@dataclass(frozen=True)
class Rendering:
    """A picture and what is where in it.

    `picture`: uint8 (height, width, 3), sRGB. `objects`: uint8 (height, width), 0 for the ground, else
    the object's number + 1. `centres`: float (n, 3), column, row and depth of each object's centre.
    """

    picture: np.ndarray
    objects: np.ndarray
    centres: np.ndarray


def render(
    scene: Scene,
    width: int = 480,
    height: int = 320,
    *,
    samples: int = 64,
    seed: int = 0,
    threads: int | None = None,
) -> Rendering:
    """The scene's picture: path traced, the same for the same seed however many threads work.

    `samples`: paths through each pixel that shows an object or a soft shadow; 16 leave a little grain
    and do for training, 256 are clean. `threads`: Numba's setting when None (NUMBA_NUM_THREADS).
    """
    light = radiance(scene, width, height, samples=samples, seed=seed, threads=threads)
    return Rendering(
        picture=_srgb(light),
        objects=object_mask(scene, width, height),
        centres=project(scene.view, [(o.x, o.y, o.radius) for o in scene.objects], width, height),
    )


def visible_pixels(scene: Scene, width: int = 480, height: int = 320) -> np.ndarray:
    """How many pixels of each object show, by one ray through each pixel's middle: int (n,)."""
    counts = np.bincount(object_mask(scene, width, height).ravel(), minlength=len(scene.objects) + 1)
    return counts[1:]  # (n,)


def object_mask(scene: Scene, width: int = 480, height: int = 320) -> np.ndarray:
    """Which object each pixel's middle shows: uint8 (height, width), 0 for the ground, else number + 1."""
    _check_size(width, height)
    primitives, camera = _primitives(scene.objects), _camera(scene.view, width, height)
    depths = np.full((height, width), tracing.FAR, np.float32)
    objects = np.zeros((height, width), np.uint8)
    tracing.cast(primitives, camera, _bounds(primitives, camera, width, height), depths, objects)
    return objects


def radiance(
    scene: Scene,
    width: int,
    height: int,
    *,
    samples: int,
    seed: int = 0,
    threads: int | None = None,
    exact: bool = False,
) -> np.ndarray:
    """Linear light of each pixel: float32 (height, width, 3).

    `exact`: follow all light along its path, in place of looking up the floor's; much slower, to
    check the other with.
    """
    _check_size(width, height)
    _check_work(samples, seed, threads)
    stage, camera = _stage(scene, samples), _camera(scene.view, width, height)
    bounds = _bounds(stage.primitives, camera, width, height)
    salt = _salt(seed)
    with _Rows(min(threads or numba.get_num_threads(), height)) as over:
        _map_floor(stage, samples, salt, over)
        return _painted(over, stage, camera, bounds, (height, width), samples, salt, exact)


def render_progressively(
    scene: Scene,
    width: int = 480,
    height: int = 320,
    *,
    samples: Sequence[int] = (8, 24),
    seed: int = 0,
    threads: int | None = None,
) -> Iterator[np.ndarray]:
    """The scene's picture, uint8 (height, width, 3), again and again with less grain.

    The last one has all paths in it, and is the same for the same seed and `samples`; whoever has seen
    enough, or wants another scene, stops asking.

    Args:
        samples: how many more paths through each pixel before each picture; see `render`.
    """
    _check_size(width, height)
    for number in (sum(samples), *samples):
        _check_work(number, seed, threads)
    stage, camera = _stage(scene, sum(samples)), _camera(scene.view, width, height)
    bounds = _bounds(stage.primitives, camera, width, height)
    light, taken = np.zeros((height, width, 3), np.float32), 0
    with _Rows(min(threads or numba.get_num_threads(), height)) as over:
        _map_floor(stage, sum(samples), _salt(seed), over)
        for number, more in enumerate(samples):
            found = _painted(over, stage, camera, bounds, (height, width), more, _salt((seed, number)), False)
            light += (found - light) * np.float32(more / (taken + more))
            taken += more
            yield _srgb(light)


def scene_picture(
    scene: Scene,
    quality: str = "clean",
    *,
    seed: int = 0,
    threads: int | None = None,
    cancel: Cancel | None = None,
) -> np.ndarray:
    """The picture of an edited scene, uint8 (height, width, 3): the same bytes wherever it is drawn.

    Args:
        quality: "preview", 240x160 and a little grain, or "clean", 480x320; see `QUALITIES`.
        cancel: asked between passes.

    Raises:
        InputError: the quality is unknown. Cancelled: `cancel` said so.
    """
    if quality not in QUALITIES:
        raise InputError(f"The quality {quality!r} was asked for; use {' or '.join(QUALITIES)}.")
    width, height, samples = QUALITIES[quality]
    passes = render_progressively(scene, width, height, samples=samples, seed=seed, threads=threads)
    for found in passes:
        picture = found
        stop_if(cancel)
    return picture


def _painted(
    over: _Rows,
    stage: tracing.Stage,
    camera: tracing.Camera,
    bounds: np.ndarray,
    shape: tuple[int, int],
    samples: int,
    salt: np.uint32,
    exact: bool,
) -> np.ndarray:
    """Linear light of each pixel, float32 (height, width, 3), of a stage whose floor is mapped."""
    light = np.empty((*shape, 3), np.float32)
    fewest = samples if exact else min(max(4, samples // 4), 16)
    points, spread = _points(samples), _filter()
    over(shape[0], tracing.paint, stage, camera, bounds, exact, points, fewest, spread, salt, light)
    return light


def _salt(seed: int | tuple[int, int]) -> np.uint32:
    return np.uint32(np.random.SeedSequence(seed).generate_state(1)[0])


def _check_work(samples: int, seed: int, threads: int | None) -> None:
    if not 1 <= samples <= MOST_SAMPLES:
        raise InputError(f"{samples} samples a pixel were asked for; use 1 to {MOST_SAMPLES}.")
    if threads is not None and threads < 1:
        raise InputError(f"{threads} threads were asked for; use at least 1.")
    if seed < 0:
        raise InputError(f"The seed {seed} was given; use 0 or more.")


# --- laying out the stage -------------------------------------------------------------------------


class _Rows:
    """Runs a kernel over the rows of its result, in bands, by several threads."""

    def __init__(self, workers: int) -> None:
        self.pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown()

    def __call__(self, rows: int, function: Callable[..., None], *arguments: object) -> None:
        if self.pool is None:
            function(*arguments, 0, rows)
            return
        bands = [(first, min(first + 8, rows)) for first in range(0, rows, 8)]
        list(self.pool.map(lambda band: function(*arguments, *band), bands))


def _primitives(objects: Sequence[SceneObject]) -> np.ndarray:
    """The objects as the kernels take them: float32 (n, FORM)."""
    if len(objects) > MOST_OBJECTS:
        raise InputError(f"A scene of {len(objects)} objects was given; at most {MOST_OBJECTS} can be drawn.")
    primitives = np.zeros((len(objects), tracing.FORM), np.float32)
    for form, thing in zip(primitives, objects, strict=True):
        kind = SHAPES.index(thing.shape)
        yaw = math.fmod(thing.rotation, 2 * math.pi)  # CLEVR takes its 0..360 as radians
        form[:5] = thing.x, thing.y, thing.radius, math.cos(yaw), math.sin(yaw)
        form[5:8] = ALBEDO[COLORS.index(thing.color)]
        form[8:] = tracing.BALL_OF_KIND[kind] * thing.radius**2, kind, thing.material == "metal"
    return primitives


def _lights(view: View) -> np.ndarray:
    """Key, fill, back and sun as the kernels take them: float32 (4, LIGHT)."""
    rows = []
    for name, (side, strength, color) in _LAMPS.items():
        position = getattr(view, name)
        right, up, backward = camera_axes(position)
        glow = np.array(color) * strength / 4
        rows.append([*position, *-backward, *right * side / 2, *up * side / 2, *glow, side / 2, 1 / side**2])
    direction = np.array(_SUN_DIRECTION) / np.linalg.norm(_SUN_DIRECTION)
    right, up, _ = camera_axes(tuple(direction))
    sine = math.sin(_SUN_WIDTH / 2)
    glow = np.full(3, _SUN_STRENGTH)
    rows.append([*direction, *direction, *right * sine, *up * sine, *glow, sine, 1 / (math.pi * sine**2)])
    return np.array(rows, np.float32)


def _camera(view: View, width: int, height: int) -> tracing.Camera:
    x, y, z = np.array(view.camera, np.float32)
    axes = np.ascontiguousarray(camera_axes(view.camera), np.float32)
    return tracing.Camera((x, y, z), axes, np.float32(FOCAL * max(width, height)))


def _bounds(primitives: np.ndarray, camera: tracing.Camera, width: int, height: int) -> np.ndarray:
    """The rectangle in which each object can be seen: int64 (n, 4)."""
    bounds = np.empty((len(primitives), 4), np.int64)
    tracing.find_screen_bounds(primitives, camera, height, width, bounds)
    return bounds


def _stage(scene: Scene, samples: int) -> tracing.Stage:
    """All that light meets, but for the light on the floor."""
    primitives, lights, sweep = _primitives(scene.objects), _lights(scene.view), _sweep()
    size = _MAP_SIZE if samples < _MANY else 2 * _MAP_SIZE
    stage = tracing.Stage(
        primitives,
        lights,
        sweep.strips,
        sweep.index,
        bare=_bare_light(sweep, lights),
        floor=np.empty((size, size, 6), np.float32),
        near=np.empty((size * size + len(primitives) + 1, 4), np.int64),
        reach=_REACH,
    )
    tracing.find_shades(stage)
    return stage


@dataclass(frozen=True)
class _Sweep:
    """Floor and wall. `factors` (cells, cells): how much of the light of each cell reaches each other."""

    strips: np.ndarray
    index: np.ndarray
    factors: np.ndarray


@lru_cache(maxsize=1)
def _sweep() -> _Sweep:
    profile = _refined(np.array(_PROFILE))  # (m + 1, 2)
    along = np.diff(profile, axis=0)  # (m, 2), away from the camera and up
    length = np.linalg.norm(along, axis=1)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) / length[:, None]  # (m, 2)
    offset = (normal * profile[:-1]).sum(1)
    strips = np.column_stack([normal, offset, profile[:-1, 0], profile[1:, 0]]).astype(np.float32)
    s = np.linspace(profile[0, 0], profile[-1, 0], 512, endpoint=False)
    index = np.searchsorted(-profile[1:, 0], -s, side="left").astype(np.int64)
    factors = np.zeros((len(strips) * _COLUMNS,) * 2, np.float32)
    tracing.sweep_factors(strips, index, _points(1024), _COLUMNS, factors)
    return _Sweep(strips, index, factors)


def _refined(points: np.ndarray) -> np.ndarray:
    """A point more on each piece of a smooth curve (four-point rule): (n, 2) -> (2 n - 1, 2)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    middle = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    middle[0] = (points[0] + points[1]) / 2  # the long first piece is straight
    refined = np.empty((2 * len(points) - 1, 2))
    refined[::2], refined[1::2] = points, middle
    return refined


def _bare_light(sweep: _Sweep, lights: np.ndarray) -> np.ndarray:
    """Irradiance of the sweep without objects: float32 (strips, columns, 6), indirect and all."""
    direct = np.zeros((len(sweep.strips), _COLUMNS, 3), np.float32)
    tracing.bare_direct(lights, sweep.strips, direct)
    indirect = np.zeros_like(direct)
    for _ in range(4):  # bounces
        indirect = (sweep.factors @ (0.8 * (direct + indirect)).reshape(-1, 3)).reshape(direct.shape)
    return np.concatenate([indirect, direct + indirect], axis=2)


def _map_floor(stage: tracing.Stage, samples: int, salt: np.uint32, over: _Rows) -> None:
    """Fill the stage's floor map."""
    shadows, rays = (4, 32) if samples < _MANY else (16, 128)
    size = len(stage.floor)
    hidden = np.empty((size, size), np.bool_)
    gathered = np.zeros((size, size, 3), np.float32)
    over(size, tracing.light_floor, stage, _points(shadows), hidden, salt)
    over(size, tracing.gather_floor, stage, _points(rays), hidden, gathered, salt)
    seen = ~hidden[..., None]
    smooth = _blurred(gathered * seen) / np.maximum(_blurred(seen.astype(np.float32)), 1e-6)
    stage.floor[:] = np.maximum(stage.floor + np.tile(smooth, 2), 0)


def _blurred(image: np.ndarray) -> np.ndarray:
    """Each value mixed with its neighbours, 1:2:1 each way."""
    for axis in (0, 1):
        image = 2 * image + np.roll(image, 1, axis) + np.roll(image, -1, axis)
    return image / 16


@lru_cache(maxsize=16)
def _points(count: int) -> np.ndarray:
    """Points spread evenly over the unit square, independently for each pair: float32 (PAIRS, count, 2).

    Sobol's first two dimensions, Owen-scrambled, in shuffled order within blocks of four.
    """
    rng = np.random.default_rng(17)
    bits = 16
    numbers = np.arange(count)
    reverse = np.zeros(count, np.int64)
    second = np.zeros(count, np.int64)
    direction = 1 << (bits - 1)
    for bit in range(bits):
        set_here = (numbers >> bit) & 1
        reverse |= set_here << (bits - 1 - bit)
        second ^= set_here * direction
        direction ^= direction >> 1
    pairs = np.empty((tracing.PAIRS, count, 2), np.float32)
    for pair in pairs:
        for k, values in enumerate((reverse, second)):
            pair[:, k] = (_owen(values, bits, rng) + rng.random(count)) / 2**bits
        block = 4 if count % 4 == 0 else 1
        order = rng.permuted(numbers.reshape(-1, block), axis=1).ravel()
        pair[:] = pair[order]
    return np.minimum(pairs, np.float32(1 - 2**-24))


def _owen(values: np.ndarray, bits: int, rng: np.random.Generator) -> np.ndarray:
    """Flip each bit at random, but alike for all numbers that agree in the bits above."""
    scrambled = np.zeros_like(values)
    for bit in reversed(range(bits)):
        above, group = np.unique(values >> (bit + 1), return_inverse=True)
        flips = rng.integers(0, 2, len(above))[group]
        scrambled |= (((values >> bit) & 1) ^ flips) << bit
    return scrambled


@lru_cache(maxsize=1)
def _filter() -> np.ndarray:
    """Offsets in pixels that cut the area under the Blackman-Harris window into equal parts: (257,)."""
    x = np.linspace(-0.5, 0.5, 4097)
    turn = 2 * np.pi * x
    window = 0.35875 + 0.48829 * np.cos(turn) + 0.14128 * np.cos(2 * turn) + 0.01168 * np.cos(3 * turn)
    area = np.concatenate([[0], np.cumsum((window[1:] + window[:-1]) / 2)])
    offsets = np.interp(np.linspace(0, 1, 257), area / area[-1], x)
    return (offsets * _FILTER_WIDTH).astype(np.float32)


def _srgb(light: np.ndarray) -> np.ndarray:
    """Linear light as sRGB bytes, uint8 of the same shape."""
    light = np.clip(light, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return (255 * curve + 0.5).astype(np.uint8)


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
        raise InputError(
            f"A picture size of {width}x{height} was asked for; use 1 to {LARGEST} pixels each way."
        )
