"""Maps whose labels would be a confound's doing: words that go with templates, objects that cover more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.corpus.contrasts import contrast, labels_of, object_labels
from analysis.corpus.map_cards import SIZE, language_contrast
from analysis.question.scene_objects import cover
from analysis.statistics import without
from film import Session, object_mask, project, sample_scene

SEEN = ("+large", "−small")  # how a map that reads higher where an object is large is labelled


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
    """Objects of sampled scenes as two maps read them, (objects, 2), and what they are: names, labels, scene.

    The first map is 1 where there is an object, whatever it is; the second answers to size besides.
    """

    names: list[tuple[str, str]]
    labels: np.ndarray
    readings: np.ndarray
    covered: np.ndarray
    scene: np.ndarray

    def labels_of_maps(self, *, adjusted: bool) -> list[str]:
        """Both maps' labels, with what objects cover taken off or not."""
        read = without(self.readings, np.log1p(self.covered)) if adjusted else self.readings
        return labels_of(contrast(self.labels, read, self.scene, by_group=True), self.names)


def seen_objects(seed: int, session: Session, scenes: int) -> SeenObjects:
    rng = np.random.default_rng(seed)
    drawn = [sample_scene(rng) for _ in range(scenes)]
    readings, covered, centres, owners = [], [], [], []
    for number, scene in enumerate(drawn):
        mask = object_mask(scene, *SIZE)
        shares = cover(mask, session, len(scene.objects))
        seen = cover((mask > 0).astype(np.uint8), session)[0]
        reading = np.einsum("ohw,hw->o", shares, seen / seen.max())
        large = np.array([thing.size == "large" for thing in scene.objects])
        noise = rng.normal(0, 0.02, (2, len(reading)))
        readings.append(np.stack([reading + noise[0], reading + noise[1] + 0.5 * large], axis=1))
        covered.append(np.bincount(mask.ravel(), minlength=len(reading) + 1)[1:])
        places = [(thing.x, thing.y, thing.radius) for thing in scene.objects]
        centres.append(project(scene.view, places, *SIZE)[:, :2] / np.array(SIZE))
        owners += [number] * len(reading)
    names, labels = object_labels(drawn, centres)
    return SeenObjects(names, labels, np.concatenate(readings), np.concatenate(covered), np.array(owners))
