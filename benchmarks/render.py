"""How fast pictures are drawn, and how much grain is left in them.

    python -m benchmarks.render [--threads 2]

The last lines are of an edited scene: its preview, and its clean picture pass by pass, in seconds and as a
ratio of one full render in the same run.

Prints pictures a second, compilation left out, and the standard deviation (of 255, over all channels)
against a 1,024-sample reference in which all light is followed along its path and nothing is looked up.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from film.clevr.rendering.render import (
    QUALITIES,
    object_mask,
    radiance,
    render,
    render_progressively,
)
from film.clevr.rules import sample_scene
from film.clevr.scenes import Scene


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=60, help="pictures to time at 160x120")
    parser.add_argument("--references", type=int, default=3, help="pictures to measure the grain of")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    scenes = [sample_scene(rng) for _ in range(given.pictures)]

    start = time.perf_counter()
    render(scenes[0], 32, 24, samples=4, threads=given.threads)
    print(f"compiling or loading the kernels: {time.perf_counter() - start:.1f} s")

    references = [
        bytes_of(radiance(scene, 160, 120, samples=1024, seed=1, threads=given.threads, exact=True))
        for scene in scenes[: given.references]
    ]
    print(f"\n{'size':>9} {'samples':>8} {'pictures/s':>11} {'grain':>6} {'on objects':>11} {'bias':>6}")
    for samples in (8, 16, 32, 64):
        speed = pictures_per_second(scenes, 160, 120, samples, given.threads)
        grain, on_objects, bias = errors(scenes, references, samples, given.threads)
        print(f"{'160x120':>9} {samples:>8} {speed:>11.1f} {grain:>6.2f} {on_objects:>11.2f} {bias:>6.2f}")
    for samples in (64, 256):
        speed = pictures_per_second(scenes[: max(3, given.pictures // 20)], 480, 320, samples, given.threads)
        print(f"{'480x320':>9} {samples:>8} {speed:>11.2f}")
    progressive(scenes[:7], given.threads)


def progressive(scenes: list[Scene], threads: int) -> None:
    """Median seconds until each picture of an edited scene is there, and their ratio to a full render.

    A full render is one of the clean size with all its paths; each scene is drawn all ways in turn, so that
    other work on the machine weighs on all of them.
    """
    whole, passes = [], {name: [] for name in QUALITIES}
    for scene in scenes:
        whole.append(full_render(scene, threads))
        for name, (width, height, samples) in QUALITIES.items():
            start = time.perf_counter()
            drawn = render_progressively(scene, width, height, samples=samples, threads=threads)
            passes[name].append([time.perf_counter() - start for _ in drawn])
    width, height, samples = QUALITIES["clean"]
    print(f"full render of {width}x{height}, {sum(samples)} paths a pixel: {np.median(whole):.2f} s")
    for name, (width, height, samples) in QUALITIES.items():
        seconds = np.array(passes[name])
        ratios = np.median(seconds / np.array(whole)[:, None], axis=0)
        until = ", ".join(
            f"{one:.2f} s ({ratio:.2f} of a full render)"
            for one, ratio in zip(np.median(seconds, axis=0), ratios, strict=True)
        )
        print(f"{name} of {width}x{height}, {sum(samples)} paths a pixel: pictures after {until}")


def full_render(scene: Scene, threads: int) -> float:
    """Seconds of one render of the clean size with all its paths."""
    width, height, samples = QUALITIES["clean"]
    start = time.perf_counter()
    render(scene, width, height, samples=sum(samples), threads=threads)
    return time.perf_counter() - start


def pictures_per_second(scenes: list[Scene], width: int, height: int, samples: int, threads: int) -> float:
    start = time.perf_counter()
    for number, scene in enumerate(scenes):
        render(scene, width, height, samples=samples, seed=number, threads=threads)
    return len(scenes) / (time.perf_counter() - start)


def errors(
    scenes: list[Scene], references: list[np.ndarray], samples: int, threads: int
) -> tuple[float, float, float]:
    """Standard deviation over the picture, over its objects, and mean difference."""
    everywhere, on_objects = [], []
    for scene, reference in zip(scenes, references, strict=False):
        difference = bytes_of(radiance(scene, 160, 120, samples=samples, threads=threads)) - reference
        everywhere.append(difference.ravel())
        on_objects.append(difference[object_mask(scene, 160, 120) > 0].ravel())
    return (
        np.concatenate(everywhere).std(),
        np.concatenate(on_objects).std(),
        np.concatenate(everywhere).mean(),
    )


def bytes_of(light: np.ndarray) -> np.ndarray:
    """The sRGB curve without rounding: float, 0 to 255."""
    light = np.clip(light.astype(float), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


if __name__ == "__main__":
    main()
