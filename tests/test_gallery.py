"""The bundled gallery keeps its promises."""

from collections import Counter

import numpy as np
import pytest

from film.clevr.gallery import FOLDER, gallery
from film.clevr.language.programs import run
from film.clevr.pictures import fit, open_picture
from film.clevr.rendering.render import render
from film.clevr.rules import problems
from film.clevr.scenes import ATTRIBUTES
from film.errors import InputError


@pytest.fixture(scope="module")
def exhibits():
    return gallery()


def test_about_forty_scenes_in_at_most_eight_megabytes(exhibits):
    assert 36 <= len(exhibits) <= 44
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.suffix in (".png", ".json")) < 8e6
    assert len({exhibit.title for exhibit in exhibits}) == len(exhibits)
    assert len({exhibit.picture_path for exhibit in exhibits}) == len(exhibits)


def test_scenes_keep_clevrs_rules_and_answers_are_true(exhibits):
    for exhibit in exhibits:
        assert not problems(exhibit.scene), exhibit.title
        assert len(exhibit.questions) == 10
        for question in exhibit.questions:
            assert run(question.program, exhibit.scene).answer == question.answer


def test_pictures_show_their_scenes(exhibits):
    for exhibit in exhibits:
        picture = open_picture(exhibit.picture_path)
        assert picture.shape == (320, 480, 3)
        again = render(exhibit.scene, 120, 80, samples=16).picture
        assert np.abs(fit(picture, 120, 80).astype(int) - again).mean() < 6, exhibit.title


def test_pairs_differ_in_one_respect(exhibits):
    changed = Counter()
    for exhibit in exhibits:
        if exhibit.pair is None:
            continue
        first, second = exhibits[exhibit.pair].scene, exhibit.scene
        assert [q.text for q in exhibit.questions] == [q.text for q in exhibits[exhibit.pair].questions]
        answers = [
            (a.answer, b.answer)
            for a, b in zip(exhibits[exhibit.pair].questions, exhibit.questions, strict=True)
        ]
        if first.view != second.view:
            changed["view"] += 1
            assert first.relationships == second.relationships
            assert all(a == b for a, b in answers)
            continue
        assert sum(a != b for a, b in answers) >= 3, exhibit.title
        if len(first.objects) != len(second.objects):
            changed["number"] += 1
            assert len(set(first.objects) ^ set(second.objects)) == 1
            continue
        differences = [
            name
            for a, b in zip(first.objects, second.objects, strict=True)
            for name in (*ATTRIBUTES, "x", "y", "rotation")
            if getattr(a, name) != getattr(b, name)
        ]
        assert len(differences) == 1
        changed[differences[0]] += 1
    assert set(changed) == {*ATTRIBUTES, "view", "number"}


def test_variety(exhibits):
    counts = [len(exhibit.scene.objects) for exhibit in exhibits]
    assert {min(counts), max(counts)} == {3, 10}
    functions = Counter(question.program[-1].function for e in exhibits for question in e.questions)
    assert len(functions) == 13
    for attribute in ATTRIBUTES:
        assert any(len({getattr(o, attribute) for o in e.scene.objects}) == 1 for e in exhibits)


def test_a_damaged_gallery_is_told(tmp_path):
    with pytest.raises(InputError, match="No CLEVR data"):
        gallery(tmp_path)
