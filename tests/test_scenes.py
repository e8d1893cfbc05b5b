"""Scenes: drawn by CLEVR's rules, edited under them, read and written as CLEVR's files."""

import json
from collections import Counter

import numpy as np
import pytest

from film.clevr.rules import COGENT, add_object, change_object, problems, remove_object, sample_scene
from film.clevr.scene_json import read_scenes, scene_from_json, scene_to_json, write_scenes
from film.clevr.scenes import DIRECTIONS, RELATIONS, Scene, SceneObject, View, project, relationships_of
from film.errors import InputError


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(3)
    return [sample_scene(rng) for _ in range(60)]


def thing(x, y, size="small", **changes):
    return SceneObject(
        **{"shape": "sphere", "material": "rubber", "color": "red"} | changes, size=size, x=x, y=y
    )


@pytest.fixture
def three():
    return Scene((thing(0, 0), thing(2, 0.5), thing(-2, 0.7)))


# --- drawing --------------------------------------------------------------------------------------


def test_drawn_scenes_keep_the_rules(drawn):
    assert {len(scene.objects) for scene in drawn} == set(range(3, 11))
    for scene in drawn:
        assert problems(scene) == ()
        assert all(o.pixel is not None and 0 <= o.rotation < 360 for o in scene.objects)
        assert np.abs(np.subtract(scene.view.camera, View().camera)).max() <= 0.5
        for lamp in ("key", "fill", "back"):
            assert np.abs(np.subtract(getattr(scene.view, lamp), getattr(View(), lamp))).max() <= 1


def test_drawing_is_decided_by_the_rng():
    one, same, other = (sample_scene(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one == same
    assert one.objects != other.objects


def test_attributes_are_drawn_evenly():
    rng = np.random.default_rng(0)
    objects = [o for _ in range(400) for o in sample_scene(rng, visibility=False).objects]
    for attribute in ("shape", "color", "material"):
        counts = Counter(getattr(o, attribute) for o in objects)
        expected = len(objects) / len(counts)
        chi2 = sum((count - expected) ** 2 / expected for count in counts.values())
        assert chi2 < 3 * len(counts) + 12, (attribute, counts)


def test_cogent_conditions_bind_colors_to_shapes():
    for condition in ("A", "B"):
        rng = np.random.default_rng(1)
        scenes = [sample_scene(rng, condition=condition, visibility=False) for _ in range(60)]
        seen = {(o.shape, o.color) for scene in scenes for o in scene.objects}
        assert seen == {(shape, color) for shape, colors in COGENT[condition].items() for color in colors}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 2}, "2 objects.*3 to 10"),
        ({"count": 11}, "11 objects"),
        ({"most": 2}, "at most 2 objects.*3 to 10"),
        ({"condition": "C"}, "'C'.*A or B"),
        ({"width": 0}, "0x320"),
        ({"width": 40, "height": 30}, "40x30.*larger picture"),
    ],
)
def test_impossible_wishes_are_told(wrong, message):
    with pytest.raises(InputError, match=message):
        sample_scene(np.random.default_rng(0), **wrong)


# --- editing --------------------------------------------------------------------------------------


def test_edits_make_new_scenes(three):
    more = add_object(three, thing(0.5, -2.4))
    assert len(more.objects) == 4
    assert remove_object(more, 3) == three
    moved = change_object(three, 0, x=0.3, color="blue")
    assert (moved.objects[0].x, moved.objects[0].color) == (0.3, "blue")
    assert three.objects[0].color == "red"
    assert more.relationships == relationships_of(more.objects)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda s: change_object(s, 0, x=1.9, y=0.5), "too close to the small red rubber sphere"),
        (lambda s: change_object(s, 0, x=3.2), "out of bounds"),
        (lambda s: change_object(s, 0, x=1.095, y=1.288), "ambiguous whether .* left or right"),
        (lambda s: change_object(s, 0, x=1.212, y=-0.405), "ambiguous whether .* behind or in front"),
        (lambda s: remove_object(s, 0), "3 to 10 objects, this one would have 2"),
        (lambda s: remove_object(s, 3), "no object 3; the scene has objects 0 to 2"),
        (lambda s: change_object(s, 0, shape="cone"), "'cone'"),
        (lambda s: change_object(s, 0, weight=2), "no 'weight' to change"),
        (lambda s: change_object(s, 0, x=float("nan")), "x = nan"),
        (
            lambda s: add_object(s, thing(-1.251, -0.495, "large", shape="cube", rotation=0.07)),
            "would be hidden",
        ),
    ],
)
def test_a_forbidden_edit_says_why(three, edit, reason):
    with pytest.raises(InputError, match=reason):
        edit(three)


def test_an_edit_may_go_ahead_unchecked(three):
    broken = change_object(three, 0, x=3.2, check=False)
    assert len(problems(broken)) == 1
    assert change_object(broken, 0, color="blue", y=0.1).objects[0].color == "blue"  # not worse than before


# --- geometry -------------------------------------------------------------------------------------


def test_the_camera_looks_at_the_origin():
    assert project(View(), [(0, 0, 0)], 480, 320) == pytest.approx(np.array([[240, 160, 11.26372]]), abs=1e-3)
    left, _, behind = (DIRECTIONS[name] for name in ("left", "right", "behind"))
    centre, to_left, further = project(View(), [(0, 0, 0), left, behind], 480, 320)
    assert to_left[0] < centre[0]
    assert to_left[1] == pytest.approx(centre[1])
    assert further[1] < centre[1]
    assert further[2] > centre[2]


def official_view(extras):
    def place(matrix):
        return tuple(row[3] for row in matrix[:3])

    lamps = {name: place(extras["light_to_world"][name]) for name in ("key", "fill", "back")}
    return View(place(extras["camera_to_world"]), **lamps)


def test_official_scenes(shared_data):
    """Relations, pixel coordinates and visibility as in three official sets."""
    for folder, file, size in (
        ("clevr-official", "scenes/CLEVR_val_scenes.json", (480, 320)),
        ("clevr-official-320", "scenes/CLEVR_val_scenes.json", (320, 240)),
        ("clevr-official-scenes", "scenes.json", (320, 240)),
    ):
        scenes = read_scenes(shared_data / folder / file)
        items = json.loads((shared_data / folder / file).read_text())["scenes"]
        extras = json.loads((shared_data / folder / "extras.json").read_text())
        assert len(scenes) == len(items) >= 60
        for scene, item in zip(scenes, items, strict=True):
            again = scene_to_json(scene)
            again.pop("view")
            assert set(again) == set(item)
            assert again["relationships"] == item["relationships"]
            assert relationships_of(scene.objects) == scene.relationships
            assert problems(scene, visibility=False) == ()
            located = scene.replaced(view=official_view(extras[scene.filename])).located(*size)
            for ours, theirs in zip(located.objects, scene.objects, strict=True):
                assert ours.pixel[:2] == theirs.pixel[:2]
                assert ours.pixel[2] == pytest.approx(theirs.pixel[2], abs=1e-4)


def test_estimated_scenes_are_read(shared_data):
    scenes = read_scenes(shared_data / "real-clevr" / "scenes.json")
    assert [scene.index for scene in scenes] == [10, 11, 12, 13, 14]
    for scene in scenes:
        assert relationships_of(scene.objects) == scene.relationships


# --- files ----------------------------------------------------------------------------------------


def test_scenes_come_back_from_a_file(drawn, tmp_path):
    write_scenes(tmp_path / "scenes.json", drawn, "mine")
    again = read_scenes(tmp_path / "scenes.json")
    assert [scene.objects for scene in again] == [scene.objects for scene in drawn]
    assert [scene.view for scene in again] == [scene.view for scene in drawn]
    assert again[7].filename == "CLEVR_mine_000007.png"
    assert (again[7].index, again[7].split) == (7, "mine")
    content = json.loads((tmp_path / "scenes.json").read_text())
    assert content["info"]["split"] == "mine"
    with pytest.raises(InputError, match="cannot be written"):
        write_scenes(tmp_path / "nowhere" / "scenes.json", drawn)


def test_relations_of_the_file_win(three):
    item = scene_to_json(three)
    item["relationships"] = {name: [[1], [2], [0]] for name in RELATIONS}
    scene = scene_from_json(item)
    assert scene.relationships["left"] == ((1,), (2,), (0,))
    assert change_object(scene, 0, x=0.1).relationships == relationships_of(
        change_object(scene, 0, x=0.1).objects
    )
    del item["relationships"]
    assert scene_from_json(item).relationships == three.relationships


def broken(change):
    item = scene_to_json(Scene((thing(0, 0), thing(2, 0.5), thing(-2, 0.7))))
    change(item)
    return item


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (3, "Scene 0 of .*scenes.json: A scene is 3"),
        ({}, "'objects' is missing"),
        (broken(lambda i: i.update(objects={})), "'objects' is {}"),
        (broken(lambda i: i["objects"].__setitem__(1, 7)), "object 1: An object is 7"),
        (broken(lambda i: i["objects"][1].pop("size")), "object 1: .*no 'size'"),
        (broken(lambda i: i["objects"][2].update(color="pink")), "object 2: .*'pink'"),
        (broken(lambda i: i["objects"][2].update(color=["red"])), "object 2: .*color"),
        (broken(lambda i: i["objects"][0].pop("3d_coords")), "object 0: .*no '3d_coords'"),
        (broken(lambda i: i["objects"][0].update({"3d_coords": [1]})), "'3d_coords' is \\[1\\]"),
        (broken(lambda i: i["objects"][0].update({"3d_coords": [1, "a", 2]})), "'3d_coords'"),
        (broken(lambda i: i["objects"][0].update({"3d_coords": [1, 1e999, 2]})), "'3d_coords'"),
        (broken(lambda i: i["objects"][0].update(pixel_coords=[1, 2])), "'pixel_coords'"),
        (broken(lambda i: i["objects"][0].update(rotation="x")), "rotation = 'x'"),
        (broken(lambda i: i.update(image_index="one")), "'image_index'"),
        (broken(lambda i: i.update(image_filename=5)), "'image_filename'"),
        (broken(lambda i: i.update(relationships={"left": []})), "'relationships'"),
        (broken(lambda i: i["relationships"].update(left=[[1]])), "'left'.*expected 3 lists"),
        (broken(lambda i: i["relationships"]["left"].__setitem__(1, [9])), "'left' of object 1"),
        (broken(lambda i: i["relationships"]["left"].__setitem__(1, ["2"])), "'left' of object 1"),
        (broken(lambda i: i.update(view={"camera": [1, 2, 3]})), "'view'"),
        (broken(lambda i: i["view"].update(camera=[1, 2])), "'camera'"),
        (broken(lambda i: i["view"].update(camera=[0, 0, 0])), "origin"),
    ],
)
def test_malformed_scenes_are_told_in_a_sentence(tmp_path, item, message):
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps({"info": {}, "scenes": [item]}))
    with pytest.raises(InputError, match=message):
        read_scenes(path)


def test_malformed_files_are_told_in_a_sentence(tmp_path):
    path = tmp_path / "scenes.json"
    for content, message in (("", "empty"), ("{", "ends in the middle"), ('{"a": []}', "no list 'scenes'")):
        path.write_text(content)
        with pytest.raises(InputError, match=f"scenes.json.*{message}"):
            read_scenes(path)
    with pytest.raises(InputError, match=r"missing\.json cannot be read"):
        read_scenes(tmp_path / "missing.json")
