"""CLEVR folders in every state, packed corpora, and data made from nothing."""

# ruff: noqa: RUF043 - file names in expected messages read better with plain dots

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import TINY, tree

from film.clevr.data import resumable as resumable
from film.clevr.data.corpus import Corpus, Rows
from film.clevr.data.encoding import SLOTS, UNKNOWN_ANSWER, UNKNOWN_FAMILY, question_arrays
from film.clevr.data.folder import open_folder
from film.clevr.data.generate import Shard, generate, make_scene
from film.clevr.data.open import open_data
from film.clevr.data.packing import pack
from film.clevr.language.programs import ANSWERS, run
from film.clevr.language.sampler import QuestionSampler
from film.clevr.language.tokens import END, START, encode
from film.clevr.pictures import save_picture
from film.clevr.scenes import COLORS, SHAPES
from film.errors import InputError

# --- a CLEVR folder -------------------------------------------------------------------------------


def test_our_folder_reads_back(clevr_folder):
    folder = open_folder(clevr_folder)
    assert list(folder.splits) == ["val"]
    split = folder.split("val")
    scenes = {scene.filename: scene for scene in split.scenes()}
    questions = list(split.questions())
    assert list(split.pictures) == list(scenes) == [f"CLEVR_val_{k:06d}.png" for k in range(7)]
    assert len(questions) == 7 * 3
    for question in questions:
        assert run(question.program, scenes[question.filename]).answer == question.answer
    assert split.picture_of("CLEVR_val_000003.png").shape == (32, 48, 3)
    item = json.loads((clevr_folder / "questions/CLEVR_val_questions.json").read_text())["questions"][4]
    assert set(item) == {
        "question_index", "question_family_index", "image_index", "image_filename", "split", "question",
        "answer", "program",
    }  # fmt: skip
    assert set(item["program"][0]) == {"function", "inputs", "value_inputs"}


def test_official_folders_open(shared_data):
    for name, shape in (("clevr-official", (320, 480, 3)), ("clevr-official-320", (240, 320, 3))):
        split = open_folder(shared_data / name).split("val")
        questions, scenes = list(split.questions()), list(split.scenes())
        assert (len(split.pictures), len(scenes), len(questions)) == (60, 60, 600)
        assert split.picture_of(questions[7].filename).shape == shape
        assert {q.answer for q in questions} <= set(ANSWERS)
        assert all(q.program and q.family is not None for q in questions)


def test_generator_output_counts_families_by_file(shared_data, tmp_path):
    """The public generator's own file: typed answers, `type` for `function`, families by file."""
    raw, released = shared_data / "clevr-official/raw", shared_data / "clevr-official/questions"
    (tmp_path / "questions").mkdir()
    shutil.copy(raw / "questions.json", tmp_path / "questions/CLEVR_val_questions.json")
    given = list(open_folder(tmp_path).split("val").questions())
    same = list(open_folder(released.parent).split("val").questions())
    assert [(q.text, q.answer, q.family, q.program) for q in given] == [
        (q.text, q.answer, q.family, q.program) for q in same
    ]


@pytest.fixture
def copy(clevr_folder, tmp_path):
    return Path(shutil.copytree(clevr_folder, tmp_path / "CLEVR_v1.0"))


def test_test_split_has_no_answers_and_no_scenes(copy, tmp_path):
    for kind in ("images", "questions"):
        source = copy / kind / ("val" if kind == "images" else f"CLEVR_val_{kind}.json")
        source.rename(Path(str(source).replace("val", "test")))
    path = copy / "questions/CLEVR_test_questions.json"
    content = json.loads(path.read_text())
    for item in content["questions"]:
        del item["answer"], item["program"], item["question_family_index"]
    path.write_text(json.dumps(content))
    shutil.rmtree(copy / "scenes")
    split = open_folder(copy).split("test")
    assert {(q.answer, q.program, q.family) for q in split.questions()} == {(None, None, None)}
    with pytest.raises(InputError, match="CLEVR_test_scenes.json was looked for.*no scenes for its test"):
        list(split.scenes())
    pack(split, tmp_path / "packed", size=(30, 20))
    corpus = Corpus.open(tmp_path / "packed", verify=True)
    assert (corpus.answer == UNKNOWN_ANSWER).all()
    assert (corpus.family == UNKNOWN_FAMILY).all()
    assert not corpus.slots.any()
    assert (corpus.objects == -1).all()
    assert corpus.pictures.shape == (7, 20, 30, 3)
    assert corpus.masks is None
    assert corpus.scene(0) is None
    assert corpus.question(5).answer is None


def test_cogent_splits_have_their_names(copy):
    for path in sorted(copy.rglob("*val*"), reverse=True):
        path.rename(path.with_name(path.name.replace("val", "valB")))
    for kind in ("questions", "scenes"):
        path = copy / kind / f"CLEVR_valB_{kind}.json"
        path.write_text(path.read_text().replace("CLEVR_val_", "CLEVR_valB_").replace('"val"', '"valB"'))
    split = open_folder(copy).split("valB")
    assert [scene.filename for scene in split.scenes()] == list(split.pictures)
    assert {question.filename for question in split.questions()} == set(split.pictures)


def test_humans_questions_find_clevrs_pictures(copy, tmp_path):
    humans = tmp_path / "CLEVR-Humans"
    humans.mkdir()
    items = [
        {"split": "val", "image_index": k, "image_filename": f"CLEVR_val_{k:06d}.png", "answer": "3",
         "question": "How many things lurk behind, say, the biggest one?", "question_index": i}
        for i, k in enumerate((5, 2, 5))
    ]  # fmt: skip
    (humans / "CLEVR-Humans-val.json").write_text(json.dumps({"info": {}, "questions": items}))
    for split in (open_folder(humans).split("val"), open_folder(humans, copy / "images").split("val")):
        assert [q.filename[-5] for q in split.questions()] == ["5", "2", "5"]
        assert split.picture_of("CLEVR_val_000005.png").shape == (32, 48, 3)
    pack(split, tmp_path / "packed", size=(48, 32))
    corpus = Corpus.open(tmp_path / "packed")
    assert corpus.filenames == ["CLEVR_val_000002.png", "CLEVR_val_000005.png"]  # only those asked about
    assert corpus.picture.tolist() == [0, 1, 1]
    assert (corpus.answer == ANSWERS.index("3")).all()
    shutil.copy(humans / "CLEVR-Humans-val.json", copy)
    assert list(open_folder(copy).splits) == ["val", "humans-val"]
    (humans / "alone").mkdir()
    shutil.move(humans / "CLEVR-Humans-val.json", humans / "alone")
    shutil.move(copy, humans / "elsewhere")
    alone = open_folder(humans / "alone").split("val")
    with pytest.raises(InputError, match="say which CLEVR folder"):
        alone.picture_of("CLEVR_val_000005.png")


def test_what_is_missing_is_named(copy, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_folder(tmp_path / "nowhere")
    archive = tmp_path / "CLEVR_v1.0.zip"
    archive.touch()
    with pytest.raises(InputError, match="archive; unpack it"):
        open_folder(archive)
    with pytest.raises(InputError, match="one folder further in: give .*CLEVR_v1.0"):
        open_folder(tmp_path)
    with pytest.raises(InputError, match="one folder further out: give .*CLEVR_v1.0"):
        open_folder(copy / "scenes")
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "tom.jpg").touch()
    with pytest.raises(
        InputError, match="CLEVR_<split>_questions.json was looked for, and the folder holds tom.jpg"
    ):
        open_folder(tmp_path / "cats")
    with pytest.raises(InputError, match="no split 'train'; it has val"):
        open_folder(copy).split("train")
    split = open_folder(copy).split("val")
    with pytest.raises(InputError, match="CLEVR_val_000099.png was looked for in .*holds 7 pictures"):
        split.picture_of("CLEVR_val_000099.png")
    (copy / "questions/CLEVR_val_questions.json").unlink()
    with pytest.raises(InputError, match="CLEVR_val_questions.json was looked for and is not there"):
        list(open_folder(copy).split("val").questions())
    (copy / "images/val/CLEVR_val_000002.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match="CLEVR_val_000002.png"):
        split.picture_of("CLEVR_val_000002.png")


def test_a_missing_picture_is_told_before_packing_starts(copy, tmp_path):
    (copy / "images/val/CLEVR_val_000004.png").unlink()
    with pytest.raises(InputError, match="CLEVR_val_000004.png was looked for"):
        pack(open_folder(copy).split("val"), tmp_path / "packed", size=(48, 32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ('[{"image_index": 0, "question": "x"}', "ends in the middle"),
        ('{"questions": [{"question": "a', "ends in the middle"),
        ('{"questions": [{"question": "a"', "ends in the middle"),
        ('{"questions": [{"image_index": 0, "question": "x"}', "ends in the middle"),
        ('{"questions"', "ends in the middle"),
        ('{"questions": [{"a": nonsense}, {"b": 1}]}', "no valid JSON from character 15"),
        ('{"questions": [{"image_index": 0, "question": "x"} {}]}', "no valid JSON"),
        ('{"scenes": [1, 2], "info": {}}', "no list 'questions'; it holds scenes, info"),
        ("17", "no JSON object or list"),
        ('{"questions": [3]}', "Question 0 of .*neither 'image_filename'"),
        ('{"questions": [{"image_index": 0}]}', "Question 0 of .*no text"),
        ('{"questions": [{"image_index": 0, "question": "x", "answer": [1]}]}', "Question 0 of .*answer"),
        ('{"questions": [{"image_index": 0, "question": "x", "question_family_index": 90}]}', "family 90"),
        (
            '{"questions": [{"image_index": 0, "question": "x", "program": [{"function": "fly"}]}]}',
            "Question 0",
        ),
        (b"\xff\xfe\x00", "not text"),
        (b"PK\x03\x04 zip", "no JSON object"),
    ],
)
def test_damaged_question_files_are_told_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "questions/CLEVR_val_questions.json"
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        list(open_folder(tmp_path).split("val").questions())


# --- a packed corpus ------------------------------------------------------------------------------


def test_arrays_say_what_scenes_and_questions_say(corpus_folder):
    corpus = Corpus.open(corpus_folder, verify=True)
    assert corpus.picture_count == 7
    assert corpus.pictures.shape == (7, 32, 48, 3)
    assert corpus.masks.shape == (7, 32, 48)
    assert (np.diff(corpus.picture) >= 0).all()
    assert len(corpus) == len(corpus.tokens) == 28
    for number in range(len(corpus)):
        question = corpus.question(number)
        scene = corpus.scene(int(corpus.picture[number]))
        assert question.filename == scene.filename
        assert ANSWERS[corpus.answer[number]] == question.answer == run(question.program, scene).answer
        assert corpus.family[number] == question.family
        ids = {word: i for i, word in enumerate(corpus.words)}
        tokens = encode(question.text, ids)
        assert corpus.tokens[number].tolist() == tokens + [0] * (corpus.tokens.shape[1] - len(tokens))
        assert (tokens[0], tokens[-1]) == (START, END)
    for number, scene in enumerate(corpus.scenes()):
        count = len(scene.objects)
        assert (corpus.objects[number, count:] == -1).all()
        for i, thing in enumerate(scene.objects):
            assert SHAPES[corpus.objects[number, i, 0]] == thing.shape
            assert COLORS[corpus.objects[number, i, 3]] == thing.color
            x, y, column, row, _, radius = corpus.positions[number, i]
            assert (x, y, radius) == pytest.approx((thing.x, thing.y, thing.radius), abs=1e-5)
            assert (column * 48, row * 32) == pytest.approx(thing.pixel[:2], abs=0.51)
        assert set(np.unique(corpus.masks[number])) - {0} <= set(range(1, count + 1))
    table = corpus.table("text", "type", "depth", "picture")
    assert table.picture.tolist() == corpus.picture.tolist()
    assert table.text[9] == corpus.question(9).text


def test_slots_and_sets_follow_the_program():
    """For the noun phrase "the red cube" the slots say so and the set has exactly the red cubes."""
    recipe = replace(TINY, pictures=30, size=None)
    sampler = QuestionSampler(3)
    seen = set()
    for number in range(recipe.pictures):
        scene = make_scene(recipe, number)
        questions = sampler.sample(scene, 10)
        rows = question_arrays(questions, {})
        for question, slots, sets in zip(questions, rows.slots, rows.sets, strict=True):
            seen.add(question.family)
            given = {name: value for name, value in question.slots.items() if value is not None}
            assert sum(slots != 0) == len(given)
            assert all(slots[SLOTS.index(name)] > 0 for name in given)
            members = [[i for i in range(10) if row >> i & 1] for row in sets.tolist()]
            for phrase, objects in enumerate(members[:4], 1):
                for letter, attribute in (("Z", "size"), ("C", "color"), ("M", "material"), ("S", "shape")):
                    value = question.slots.get(f"{letter}{phrase}")
                    assert all(getattr(scene.objects[i], attribute) == value for i in objects if value)
            last = question.program[-1].function
            if last == "count" and question.answer != "0":
                assert str(len(members[4])) == question.answer
            elif last == "exist":
                assert bool(members[4]) == (question.answer == "yes")
            elif last.startswith("query_"):
                (index,) = members[4]
                assert getattr(scene.objects[index], last.removeprefix("query_")) == question.answer
    assert len(seen) > 60


def test_making_is_deterministic_and_seeds_matter(corpus_folder, tmp_path):
    again = generate(tmp_path / "again", TINY)
    assert tree(again) == tree(corpus_folder)
    scene = make_scene(TINY, 2)
    assert make_scene(TINY, 2) == scene
    assert make_scene(replace(TINY, seed=6), 2) != scene
    assert make_scene(replace(TINY, split="val"), 2).objects != scene.objects
    condition_a = [make_scene(replace(TINY, condition="A"), k) for k in range(5)]
    cubes = {o.color for s in condition_a for o in s.objects if o.shape == "cube"}
    assert cubes <= {"gray", "blue", "brown", "yellow"}


def test_other_questions_about_the_same_pictures(corpus_folder, tmp_path):
    first = Corpus.open(corpus_folder)
    second = Corpus.open(generate(tmp_path / "again", replace(TINY, again=1)))
    assert list(second.scenes()) == list(first.scenes())
    assert np.array_equal(second.pictures[:], first.pictures[:])
    texts = [[corpus.question(k).text for k in range(len(corpus))] for corpus in (first, second)]
    assert len(set(texts[0]) & set(texts[1])) < len(texts[0]) / 4

    both = Corpus.join(first, second)
    assert len(both) == len(first) + len(second)
    assert both.picture_count == 2 * first.picture_count
    there = both.question(len(first))
    assert there.text == second.question(0).text
    assert both.picture[len(first)] == first.picture_count + second.picture[0]
    other = Corpus.open(generate(tmp_path / "small", replace(TINY, pictures=1, chunk=1, size=(16, 16))))
    with pytest.raises(InputError, match="size of pictures"):
        Corpus.join(first, other)


def test_shards_make_the_same_corpus(corpus_folder, tmp_path):
    whole = Corpus.open(corpus_folder)
    for number in (3, 1, 2):
        generate(tmp_path / "parts", TINY, shard=Shard(number, 3))
        if number != 2:
            with pytest.raises(InputError, match="missing: "):
                Corpus.open(tmp_path / "parts")
    parts = Corpus.open(tmp_path / "parts", verify=True)
    assert isinstance(parts.pictures, Rows)
    for name in (
        "pictures",
        "masks",
        "objects",
        "positions",
        "picture",
        "tokens",
        "answer",
        "family",
        "slots",
        "sets",
    ):
        assert np.array_equal(
            np.asarray(getattr(whole, name)[:]),
            np.asarray(getattr(parts, name)[:]),
            equal_nan=name == "positions",
        ), name
    assert whole.table().equals(parts.table())
    assert [parts.question(k) for k in range(28)] == [whole.question(k) for k in range(28)]
    assert [parts.scene(k) for k in range(7)] == list(whole.scenes())
    with pytest.raises(InputError, match="at most 3 shards"):
        generate(tmp_path / "more", TINY, shard=Shard(1, 4))
    with pytest.raises(InputError, match="--shard 0/3"):
        generate(tmp_path / "more", TINY, shard=Shard(0, 3))


def test_clevr_shards_read_as_one(clevr_folder, tmp_path):
    recipe = replace(TINY, layout="clevr", split="val", questions=3)
    for number in (1, 2):
        generate(tmp_path, recipe, shard=Shard(number, 2))
    whole, parts = open_folder(clevr_folder).split("val"), open_folder(tmp_path).split("val")
    assert list(parts.questions()) == list(whole.questions())
    assert list(parts.scenes()) == list(whole.scenes())
    assert [p.read_bytes() for p in parts.pictures.values()] == [
        p.read_bytes() for p in whole.pictures.values()
    ]


def test_packing_a_folder_keeps_everything(clevr_folder, tmp_path):
    split = open_folder(clevr_folder).split("val")
    pack(split, tmp_path / "packed", size=(48, 32))
    corpus = Corpus.open(tmp_path / "packed", verify=True)
    direct = Corpus.open(generate(tmp_path / "direct", replace(TINY, split="val", questions=3)))
    assert np.array_equal(np.asarray(corpus.pictures), np.asarray(direct.pictures))
    for name in ("objects", "picture", "tokens", "answer", "family", "slots", "sets"):
        assert np.array_equal(getattr(corpus, name), getattr(direct, name)), name
    assert np.nanmax(np.abs(corpus.positions - direct.positions)) < 0.02  # files round to whole pixels
    pack(split, tmp_path / "packed", size=(48, 32))  # done already: nothing happens


def test_official_pictures_pack(shared_data, tmp_path):
    for name in ("clevr-official", "clevr-official-320"):
        split = open_folder(shared_data / name).split("val")
        pack(split, tmp_path / name, size=(96, 64))
        corpus = Corpus.open(tmp_path / name)
        assert (corpus.picture_count, len(corpus)) == (60, 600)
        assert corpus.words[4:6] == (";", "Are")
        assert not (corpus.tokens == 3).any()
        rows = corpus.positions[..., 3]
        seen = ~np.isnan(rows)
        assert seen.sum() == sum(len(scene.objects) for scene in split.scenes())
        assert 0.1 < np.nanmin(rows) < np.nanmax(rows) < 1
        assert corpus.picture_of("CLEVR_val_000007.png").shape == (64, 96, 3)


def test_damaged_corpora_are_told_in_a_sentence(corpus_folder, tmp_path):
    def damaged(name: str) -> Path:
        return Path(shutil.copytree(corpus_folder, tmp_path / name))

    with pytest.raises(InputError, match="does not exist"):
        Corpus.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match="corpus.json was looked for"):
        Corpus.open(tmp_path)
    cut = damaged("cut")
    (cut / "tokens.npy").write_bytes((cut / "tokens.npy").read_bytes()[:-5])
    with pytest.raises(InputError, match="tokens.npy has .* bytes and should have"):
        Corpus.open(cut)
    gone = damaged("gone")
    (gone / "masks.npy").unlink()
    with pytest.raises(InputError, match="masks.npy belongs to the corpus and is missing"):
        Corpus.open(gone)
    flipped = damaged("flipped")
    content = bytearray((flipped / "pictures.npy").read_bytes())
    content[5000] ^= 1
    (flipped / "pictures.npy").write_bytes(content)
    Corpus.open(flipped)
    with pytest.raises(InputError, match="pictures.npy has changed"):
        Corpus.open(flipped, verify=True)
    header = damaged("header")
    for damage in (
        "{",
        "[]",
        "{}",
        '{"format": "cake", "version": 1, "pictures": 1, "questions": 1, "words": [], "files": {}}',
    ):
        (header / "corpus.json").write_text(damage)
        with pytest.raises(InputError, match="corpus.json"):
            Corpus.open(header)
    newer = damaged("newer")
    manifest = json.loads((newer / "corpus.json").read_text())
    (newer / "corpus.json").write_text(json.dumps(manifest | {"version": 9}))
    with pytest.raises(InputError, match="version 9"):
        Corpus.open(newer)
    scrambled = damaged("scrambled")
    (scrambled / "answer.npy").write_bytes(b"x" * (scrambled / "answer.npy").stat().st_size)
    with pytest.raises(InputError, match="answer.npy is damaged"):
        Corpus.open(scrambled)


def test_scenes_of_few_objects(tmp_path):
    few = Corpus.open(generate(tmp_path / "few", replace(TINY, size=None, most_objects=4)))
    usual = Corpus.open(generate(tmp_path / "usual", replace(TINY, size=None)))
    counts = [(corpus.objects[:, :, 0] >= 0).sum(1) for corpus in (few, usual)]
    assert counts[0].min() >= 3
    assert counts[0].max() <= 4 < counts[1].max()
    assert few.header["recipe"]["most_objects"] == 4
    assert "most_objects" not in usual.header["recipe"]  # as earlier versions wrote it
    with pytest.raises(InputError, match="--most-objects 11.*3 to 10"):
        replace(TINY, most_objects=11)


def test_no_pictures(tmp_path):
    corpus = Corpus.open(generate(tmp_path / "c", replace(TINY, size=None)))
    assert corpus.pictures is None
    assert corpus.masks is None
    assert corpus.picture_size is None
    assert len(corpus) == 28
    with pytest.raises(InputError, match="without pictures"):
        corpus.picture_of("CLEVR_train_000000.png")
    split = open_folder(generate(tmp_path / "f", replace(TINY, size=None, layout="clevr"))).split("train")
    assert len(list(split.questions())) == 28
    with pytest.raises(InputError, match="unpack the images too"):
        split.picture_of("CLEVR_train_000000.png")


def test_pack_command(clevr_folder, tmp_path, capsys):
    from film.__main__ import main

    assert main(["pack", str(clevr_folder), str(tmp_path / "c"), "--split", "val", "--size", "48x32"]) == 0
    assert len(Corpus.open(tmp_path / "c")) == 21
    assert main(["pack", str(clevr_folder), str(tmp_path / "d"), "--split", "train"]) == 2
    assert "no split 'train'" in capsys.readouterr().err
    broken = Path(shutil.copytree(clevr_folder, tmp_path / "broken"))
    (broken / "images/val/CLEVR_val_000003.png").write_text("oops")
    assert main(["pack", str(broken), str(tmp_path / "e"), "--split", "val"]) == 2
    assert "CLEVR_val_000003.png is not a picture" in capsys.readouterr().err


def test_one_door_for_both_forms(clevr_folder, corpus_folder):
    for path, name, count in ((clevr_folder, "val", 21), (corpus_folder, "train", 28)):
        data = open_data(path)
        assert (data.name, len(list(data.questions()))) == (name, count)
        scenes, question = list(data.scenes()), next(iter(data.questions()))
        assert question.filename == scenes[0].filename
        assert data.picture_of(question.filename).shape == (32, 48, 3)
        assert open_data(path, name).name == name
        with pytest.raises(InputError, match="'test'"):
            open_data(path, "test")


def test_unordered_files_are_sorted(clevr_folder, tmp_path):
    copy = Path(shutil.copytree(clevr_folder, tmp_path / "mixed"))
    for kind in ("questions", "scenes"):
        path = copy / kind / f"CLEVR_val_{kind}.json"
        content = json.loads(path.read_text())
        content[kind] = content[kind][::-1]
        path.write_text(json.dumps(content))
    pack(open_folder(copy).split("val"), tmp_path / "a", size=None)
    pack(open_folder(clevr_folder).split("val"), tmp_path / "b", size=None)
    a, b = Corpus.open(tmp_path / "a"), Corpus.open(tmp_path / "b")
    assert np.array_equal(a.objects, b.objects)
    assert np.array_equal(a.picture, b.picture)
    assert sorted(a.table().text) == sorted(b.table().text)


def test_large_pictures_pack_smaller(clevr_folder, tmp_path):
    copy = Path(shutil.copytree(clevr_folder, tmp_path / "large"))
    for path in (copy / "images/val").iterdir():
        save_picture(path, np.full((320, 480, 3), 77, np.uint8))
    pack(open_folder(copy).split("val"), tmp_path / "c", workers=2)
    assert (Corpus.open(tmp_path / "c").pictures[:] == 77).all()
