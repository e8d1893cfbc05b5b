"""Maps whose labels would be a confound's doing: words that go with templates, objects that cover more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.corpus.contrasts import contrast, contrast_at_equal, labels_of, object_labels
from analysis.corpus.map_cards import SIZE, language_contrast
from analysis.question.scene_objects import cover
from film import Session, object_mask, project, sample_scene

LARGE, FRONT = ("+large", "−small"), ("+front", "−back")  # what a map is called that reads higher there


def words_of_templates(
    rng: np.random.Generator, questions: int = 1200
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gamma follows the family alone, and a word is commoner in some. Planted: one that moves it within.

    Returns:
        Which of two words each question has, bool (questions, 2); gammas of six maps, of which the third
        (2) follows the second word; families.
    """
    families = rng.integers(0, 12, questions)
    often = rng.uniform(0.05, 0.95, 12)
    words = np.stack([rng.random(questions) < often[families], rng.random(questions) < 0.3], axis=1)
    gamma = 4 * often[families][:, None] + rng.normal(size=(questions, 6))
    gamma[:, 2] += 2 * words[:, 1]
    return words, gamma, families


def labelled_by_template(seed: int, asked: pd.DataFrame, maps: int = 32) -> bool:
    """Whether any map gets a language label where gammas follow the families of real questions alone."""
    rng = np.random.default_rng(seed)
    families = np.unique(asked["family"], return_inverse=True)[1]
    gamma = rng.normal(size=(families.max() + 1, maps))[families] + rng.normal(size=(len(asked), maps))
    found, names, _ = language_contrast(asked, gamma, seed=seed)
    return any(label != "unlabelled" for label in labels_of(found, names))


@dataclass(frozen=True, eq=False)
class SeenObjects:
    """Objects of sampled scenes as four maps read them, and what they are: names, labels, scene.

    readings: (objects, maps): 1 where there is an object, whatever it is; the same and more for large ones;
        for those in front; and 1 where there is a large object, whatever it covers.
    """

    names: list[tuple[str, str]]
    labels: np.ndarray
    readings: np.ndarray
    covered: np.ndarray
    scene: np.ndarray

    def plain(self) -> list[str]:
        """Each map's label with nothing taken off for what objects cover."""
        return labels_of(contrast(self.labels, self.readings, self.scene, by_group=True), self.names)

    def adjusted(self) -> list[str]:
        """Each map's label as map cards have it."""
        covered = np.log1p(self.covered)
        return labels_of(contrast_at_equal(covered, self.labels, self.readings, self.scene), self.names)


def seen_objects(seed: int, session: Session, scenes: int) -> SeenObjects:
    rng = np.random.default_rng(seed)
    drawn = [sample_scene(rng) for _ in range(scenes)]
    alike, covered, centres, owners = [], [], [], []
    for number, scene in enumerate(drawn):
        mask = object_mask(scene, *SIZE)
        shares = cover(mask, session, len(scene.objects))
        seen = cover((mask > 0).astype(np.uint8), session)[0]
        alike.append(np.einsum("ohw,hw->o", shares, seen / seen.max()))
        covered.append(np.bincount(mask.ravel(), minlength=len(shares) + 1)[1:])
        places = [(thing.x, thing.y, thing.radius) for thing in scene.objects]
        centres.append(project(scene.view, places, *SIZE)[:, :2] / np.array(SIZE))
        owners += [number] * len(shares)
    names, labels = object_labels(drawn, centres)
    large, front = (labels[:, names.index(name)] for name in (("size", "large"), ("depth", "front")))
    read = np.concatenate(alike)
    readings = np.stack([read, read + 0.5 * large, read + 0.5 * front, large], axis=1)
    readings = readings + rng.normal(0, 0.02, readings.shape)
    return SeenObjects(names, labels, readings, np.concatenate(covered), np.array(owners))
