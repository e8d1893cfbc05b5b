"""How close our pictures come to official ones of the same scenes, camera and lamps.

    python -m benchmarks.look FOLDER [--samples 32] [--count 60] [--sheet OUT.png]

FOLDER holds official pictures in CLEVR's layout (split "val") and `extras.json`, which has each
picture's `camera_to_world` and `light_to_world` matrices. Prints the mean absolute difference after
both are blurred by 3 pixels, the difference of luminance in the corners of the backdrop, and that of
the colours at the objects' centres, all in bytes. The sheet shows official and own pictures side by side.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from film.clevr.rendering.render import render
from film.clevr.scene_json import read_scenes
from film.clevr.scenes import View


def view_of(extras: dict) -> View:
    """Camera and lamps of an official picture; all of them look at the origin."""

    def place(matrix: Sequence[Sequence[float]]) -> tuple[float, float, float]:
        x, y, z = (float(row[3]) for row in matrix[:3])
        return x, y, z

    lamps = {name: place(extras["light_to_world"][name]) for name in ("key", "fill", "back")}
    return View(place(extras["camera_to_world"]), **lamps)


def patches(width: int, height: int) -> dict[str, tuple[slice, slice]]:
    """Strips of 40x15 pixels of a picture 320 wide, along its upper and lower edge."""
    scale = width / 320
    high, wide = round(15 * scale), round(40 * scale)
    middle = (width - wide) // 2
    return {
        f"{row} {column}": (rows, slice(start, start + wide))
        for row, rows in (("top", slice(0, high)), ("bottom", slice(height - high, height)))
        for column, start in (("left", 0), ("middle", middle), ("right", width - wide))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()

    extras = json.loads((options.folder / "extras.json").read_text())
    scenes = read_scenes(options.folder / "scenes" / "CLEVR_val_scenes.json")[: options.count]
    blurred, pairs = [], []
    luminance, colors = defaultdict(list), defaultdict(list)
    for scene in scenes:
        scene = scene.replaced(view=view_of(extras[scene.filename]))
        official = Image.open(options.folder / "images" / "val" / scene.filename).convert("RGB")
        drawn = render(scene, official.width, official.height, samples=options.samples)
        own = Image.fromarray(drawn.picture)
        pairs.append((official, own))
        soft = [np.asarray(one.filter(ImageFilter.GaussianBlur(3)), float) for one in (official, own)]
        blurred.append(np.abs(soft[0] - soft[1]).mean())
        theirs, ours = np.asarray(official, float), np.asarray(own, float)
        for name, patch in patches(*official.size).items():
            luminance[name].append(np.median(ours[patch].mean(-1)) - np.median(theirs[patch].mean(-1)))
        for number, (thing, centre) in enumerate(zip(scene.objects, drawn.centres, strict=True), start=1):
            column, row = (int(v) for v in np.round(centre[:2]))
            around = slice(row - 2, row + 3), slice(column - 2, column + 3)
            if (drawn.objects[around] == number).all():  # its centre is not hidden
                colors[thing.color, thing.material].append(
                    [np.median(image[around].reshape(-1, 3), axis=0) for image in (theirs, ours)]
                )

    print(f"{len(scenes)} pictures, {options.samples} samples a pixel")
    print(f"blurred mean absolute difference: median {np.median(blurred):.2f}, worst {max(blurred):.2f}")
    for name, differences in luminance.items():
        print(f"luminance {name:14} mean {np.mean(differences):+.2f}, worst {np.abs(differences).max():.2f}")
    worst = {}
    for kind, values in colors.items():
        theirs, ours = np.median(values, axis=0)
        worst[kind] = float(np.abs(ours - theirs).max())
    color, material = max(worst, key=worst.__getitem__)
    print(
        f"colour of an object's centre, worst of {len(worst)}: {max(worst.values()):.1f} ({color} {material})"
    )

    if options.sheet:
        width, height = 480, round(480 * pairs[0][0].height / pairs[0][0].width)
        sheet = Image.new("RGB", (2 * width, height * len(pairs)))
        for row, pair in enumerate(pairs):
            for column, one in enumerate(pair):
                sheet.paste(one.resize((width, height)), (column * width, row * height))
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()
