"""Questions and scenes as other tools write them: taken as meant, or refused in a sentence."""

# ruff: noqa: RUF043 - file names in expected messages read better with plain dots

import json
import shutil
from pathlib import Path

import pytest
from tiny import tiny_card, tiny_network

from film import InputError, Session, evaluate, open_folder, open_picture_folder, open_questions, questions_of
from film.__main__ import main
from film.clevr.data.packing import pack
from film.clevr.data.question_json import question_from_json
from film.clevr.json_values import picture_name
from film.clevr.language.programs import program_to_json, run
from film.clevr.scene_json import read_scenes, scene_from_json, scene_to_json

QUESTIONS = "questions/CLEVR_val_questions.json"
SCENES = "scenes/CLEVR_val_scenes.json"


@pytest.fixture
def copy(clevr_folder, tmp_path):
    """A CLEVR folder of seven pictures with three questions each."""
    return Path(shutil.copytree(clevr_folder, tmp_path / "CLEVR_v1.0"))


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def rewrite(path: Path, key: str, change) -> None:
    """Let `change` alter each item of a file, with its number."""
    content = json.loads(path.read_text())
    for number, item in enumerate(content[key]):
        change(number, item)
    path.write_text(json.dumps(content))


def read(folder: Path):
    split = open_folder(folder).split("val")
    return list(split.questions()), list(split.scenes())


# --- numbers and words ----------------------------------------------------------------------------


def test_whole_numbers_may_have_a_point(copy):
    before = read(copy)

    def floats(_, item):
        for key in ("question_index", "question_family_index", "image_index"):
            item[key] = float(item[key])
        for node in item["program"]:
            node["inputs"] = [float(step) for step in node["inputs"]]
        item["answer"] = float(item["answer"]) if item["answer"].isdigit() else item["answer"]

    rewrite(copy / QUESTIONS, "questions", floats)
    rewrite(
        copy / SCENES,
        "scenes",
        lambda _, item: item.update(
            image_index=float(item["image_index"]),
            relationships={
                name: [[float(other) for other in row] for row in rows]
                for name, rows in item["relationships"].items()
            },
        ),
    )
    assert read(copy) == before
    assert [scene.relationships for scene in read(copy)[1]] == [scene.relationships for scene in before[1]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Yes", "yes"), (" no ", "no"), ("True", "yes"), (False, "no"), ("Gray", "gray"), ("grey", "gray"),
        ("2.0", "2"), (2.0, "2"), (10, "10"), ("matte", "rubber"), ("Shiny", "metal"), ("big", "large"),
        ("tiny", "small"), ("ball", "sphere"), ("block", "cube"), ("", None), (" ", None), (None, None),
        ("maybe", "maybe"),
    ],
)  # fmt: skip
def test_answers_are_taken_as_meant(written, meant):
    item = {"image_index": 0, "question": "Is it?", "answer": written}
    assert question_from_json(item).answer == meant


def test_test_splits_may_have_empty_answers(copy, session):
    rewrite(copy / QUESTIONS, "questions", lambda _, item: item.update(answer="", program=[]))
    assert {question.answer for question in read(copy)[0]} == {None}
    with pytest.raises(InputError, match="21 of the 21 questions .* come without answers"):
        evaluate(session, copy)


def test_answers_that_no_network_gives_are_no_mistakes_of_it(copy, session, capsys):
    rewrite(copy / QUESTIONS, "questions", lambda n, item: item.update(answer="dunno") if n < 2 else None)
    with pytest.raises(InputError, match="2 of 21 questions .* the network cannot give: 'dunno'"):
        evaluate(session, copy)
    with pytest.raises(InputError, match="'dunno', which is none of CLEVR's 28"):
        pack(open_folder(copy).split("val"), copy / "packed", size=None)
    command = ["truth", "--scenes", str(copy / SCENES), "--questions", str(copy / QUESTIONS)]
    assert main(command) == 2
    assert "Question 0" in capsys.readouterr().err


def test_what_a_scene_leaves_out(copy):
    scene = read(copy)[1][0]
    item = scene_to_json(scene)
    for changes in ({"relationships": {}}, {"relationships": None}, {"split": None}, {"view": None}):
        read_back = scene_from_json(item | changes)
        assert read_back.relationships == scene.relationships
    for thing in item["objects"]:
        thing["position"] = thing.pop("3d_coords")
        thing["rotation"] = None
        thing["pixel_coords"] = None
    moved = scene_from_json(item)
    assert [(o.x, o.y, str(o)) for o in moved.objects] == [(o.x, o.y, str(o)) for o in scene.objects]


@pytest.mark.parametrize("value", [10**400, 1e300, float("nan"), 2**60])
def test_numbers_beyond_all_measure_are_refused(copy, value):
    item = scene_to_json(read(copy)[1][0])
    with pytest.raises(InputError):
        scene_from_json(item | {"image_index": value})
    if value == 10**400:
        item["objects"][0]["rotation"] = value
        with pytest.raises(InputError, match="finite"):
            scene_from_json(item)


def test_half_characters_do_not_reach_a_file():
    item = {"image_index": 0, "question": "Is there a \ud800 cube?"}
    assert question_from_json(item).text.encode("utf-8")


# --- names of pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["images/val/{}.png", "C:\\CLEVR\\images\\val\\{}.png", "{}", "val/{}", "./{}.png", "{}.jpg"]
)
def test_pictures_are_found_by_the_last_part_of_their_name_then_by_its_stem(copy, name):
    before, scenes = read(copy)

    def renamed(_, item):
        item["image_filename"] = name.format(Path(item["image_filename"]).stem)

    rewrite(copy / QUESTIONS, "questions", renamed)
    assert [question.filename for question in read(copy)[0]] == [question.filename for question in before]
    rewrite(copy / SCENES, "scenes", renamed)
    assert read(copy)[1] == scenes
    split = open_folder(copy).split("val")
    asked = [picture_name(name.format(Path(question.filename).stem)) for question in before]
    assert all(split.picture_of(filename).any() for filename in asked)


def test_pictures_turned_to_jpeg(copy):
    for path in (copy / "images/val").iterdir():
        path.rename(path.with_suffix(".jpg"))
    questions, scenes = read(copy)
    assert {question.filename for question in questions} == {scene.filename for scene in scenes}
    album = open_picture_folder(copy)
    assert all(album.scene(number) is not None for number in range(len(album)))
    assert main(["truth", "--scenes", str(copy / SCENES), "--questions", str(copy / QUESTIONS)]) == 0
    shutil.copy(copy / "images/val/CLEVR_val_000000.jpg", copy / "images/val/CLEVR_val_000000.webp")
    with pytest.raises(InputError, match="CLEVR_val_000000.jpg and CLEVR_val_000000.webp"):
        open_folder(copy).split("val").picture_path("CLEVR_val_000000.png")


def test_a_picture_that_is_not_there_says_what_is(copy):
    with pytest.raises(InputError, match="holds 7 pictures such as CLEVR_val_000000.png but not this one"):
        open_folder(copy).split("val").picture_path("CLEVR_train_000000.png")


# --- one item a line, one scene a file ------------------------------------------------------------


def test_json_lines(copy):
    before = read(copy)
    for name, key in ((QUESTIONS, "questions"), (SCENES, "scenes")):
        items = json.loads((copy / name).read_text())[key]
        (copy / name).write_text("\n".join(map(json.dumps, items)) + "\n")
    assert read(copy) == before
    for name in (QUESTIONS, SCENES):
        (copy / name).rename(copy / f"{name}l")
    assert read(copy) == before
    (copy / f"{QUESTIONS}l").write_text('{"image_index": 0, "question": "x"}\n{"image_index": 1, "ques')
    with pytest.raises(InputError, match="ends in the middle"):
        read(copy)


@pytest.fixture
def generated(copy):
    """The same in the layout of the official generator's own output."""
    (copy / "images/val").rename(copy / "val")
    (copy / "images").rmdir()
    (copy / "val").rename(copy / "images")
    (copy / SCENES).rename(copy / "CLEVR_scenes.json")
    (copy / QUESTIONS).rename(copy / "CLEVR_questions.json")
    return copy


def test_the_generators_own_folder_is_one_split(generated, clevr_folder):
    before = read(clevr_folder)
    assert read(generated) == before
    asked = open_questions(generated)
    assert asked.picture(asked.questions[0].filename).shape == (32, 48, 3)
    album = open_picture_folder(generated)
    assert album.ranges() == {"val": range(7)}
    assert album.scene(3) == before[1][3]
    scenes = json.loads((generated / "CLEVR_scenes.json").read_text())["scenes"]
    (generated / "CLEVR_scenes.json").unlink()
    for item in scenes:
        name = Path(item["image_filename"]).with_suffix(".json").name
        (generated / "scenes" / name).write_text(json.dumps(item))
    assert read(generated) == before
    (generated / "CLEVR_questions.json").unlink()
    assert open_picture_folder(generated).scene(6) == before[1][6]
    shutil.rmtree(generated / "scenes")
    assert len(open_picture_folder(generated)) == 7


# --- wrong company --------------------------------------------------------------------------------


def test_two_scenes_of_one_picture_are_refused(copy):
    rewrite(copy / SCENES, "scenes", lambda n, item: item.update(image_filename="CLEVR_val_000000.png"))
    with pytest.raises(InputError, match="Scene 1 of .* is of CLEVR_val_000000.png, as scene 0"):
        read_scenes(copy / SCENES)
    with pytest.raises(InputError, match="one for each picture"):
        list(open_folder(copy).split("val").scenes())
    with pytest.raises(InputError, match="one for each picture"):
        open_picture_folder(copy).scene(5)


def test_scenes_that_say_no_number_are_counted(tmp_path, copy):
    items = [{"objects": scene_to_json(scene)["objects"]} for scene in read(copy)[1]]
    (tmp_path / "scenes.json").write_text(json.dumps(items))
    assert [scene.filename for scene in read_scenes(tmp_path / "scenes.json")][5] == "CLEVR_new_000005.png"


def test_questions_of_two_runs_in_one_file_are_refused(copy, capsys):
    path = copy / QUESTIONS
    content = json.loads(path.read_text())
    content["questions"] += [
        item | {"question": "How many things are there?"} for item in content["questions"]
    ]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="Question 21 .* several runs"):
        list(open_folder(copy).split("val").questions())
    assert main(["truth", "--scenes", str(copy / SCENES), "--questions", str(path)]) == 2
    assert "several runs" in capsys.readouterr().err


def test_scenes_of_another_run_are_refused(copy, capsys):
    """The same names with other scenes: nothing but the questions can tell."""
    path = copy / SCENES
    items = json.loads(path.read_text())["scenes"]
    turned = [items[(n + 3) % len(items)] | {k: items[n][k] for k in ("image_index", "image_filename")}
              for n in range(len(items))]  # fmt: skip
    path.write_text(json.dumps({"scenes": turned}))
    assert main(["truth", "--scenes", str(path), "--questions", str(copy / QUESTIONS)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "have no answer in the scenes of" in told.err
    with pytest.raises(InputError, match="two runs"):
        pack(open_folder(copy).split("val"), copy / "packed", size=None)


def test_scenes_of_another_split_are_refused(copy, capsys):
    rewrite(
        copy / SCENES, "scenes",
        lambda n, item: item.update(split="train", image_filename=f"CLEVR_train_{n:06d}.png"),
    )  # fmt: skip
    assert main(["truth", "--scenes", str(copy / SCENES), "--questions", str(copy / QUESTIONS)]) == 2
    told = capsys.readouterr().err
    assert "'val'" in told
    assert "'train'" in told
    with pytest.raises(InputError, match="other pictures, such as CLEVR_train_000000.png"):
        pack(open_folder(copy).split("val"), copy / "packed", size=None)
    album = open_picture_folder(copy)
    for number in (2, 0, 2):
        with pytest.raises(InputError, match="of other pictures than these"):
            album.scene(number)


def test_a_program_says_of_which_family_its_question_is(copy):
    before = read(copy)[0]

    def numbered_otherwise(number, item):
        item["question_family_index"] = 400 if number % 2 else (item["question_family_index"] + 7) % 90

    rewrite(copy / QUESTIONS, "questions", numbered_otherwise)
    assert [question.family for question in read(copy)[0]] == [question.family for question in before]


def test_families_of_another_generator_are_matched_or_unknown(copy):
    before = read(copy)[0]
    path = "D:\\home\\templates\\and_sim_loc.json"
    rewrite(copy / QUESTIONS, "questions", lambda n, item: item.update(template_filename=path))
    assert [question.family for question in read(copy)[0]] == [question.family for question in before]
    rewrite(copy / QUESTIONS, "questions", lambda n, item: item.pop("program"))
    assert {question.family for question in read(copy)[0]} == {None}


# --- a file of questions beside its pictures ------------------------------------------------------


def test_a_questions_file_of_its_own_is_evaluated(copy, session, tmp_path, capsys):
    part = tmp_path / "and_mat_spa_val.json"
    items = json.loads((copy / QUESTIONS).read_text())["questions"][:5]
    for item in items:
        item["image"] = item.pop("image_filename").removesuffix(".png")
        item["program"] = [{**node, "_output": 1} for node in item["program"]]
    part.write_text(json.dumps({"questions": items}))
    result = evaluate(session, copy, "val", questions=part)
    assert result.overall.asked == 5
    assert result.data == str(part)
    assert [question.text for question in questions_of(part)] == [item["question"] for item in items]
    with pytest.raises(InputError, match="no list 'questions'"):
        evaluate(session, copy, "val", questions=copy / SCENES)


def test_answers_follow_from_programs_in_the_scenes(copy):
    """What the tests above start from: the folder agrees with itself."""
    questions, scenes = read(copy)
    by_name = {scene.filename: scene for scene in scenes}
    assert all(run(q.program, by_name[q.filename]).answer == q.answer for q in questions)
    assert all(program_to_json(q.program) for q in questions)
