"""What strangers hand in: hundreds of files and texts, of which none may do more than get a sentence."""

from __future__ import annotations

import gc
import os
import random
import re
import shutil
import signal
import string
from collections.abc import Callable
from pathlib import Path

import hostile
import numpy as np
import pytest
import streamlit as st
from damage import spoil_checkpoint, spoil_film_pt, spoil_json
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import extract, find_truth, open_extraction, read_questions, sample_questions
from film import (
    InputError,
    Session,
    evaluate,
    import_official,
    load,
    open_folder,
    open_picture_folder,
    read_picture,
    save,
    weights_hash,
)
from film.clevr.data.corpus import Corpus
from film.clevr.data.packing import pack
from film.clevr.data.verify import truth
from film.clevr.gallery import gallery
from ui.cache import networks

APP = str(Path(__file__).parents[1] / "app.py")
FILES, TEXTS = 250, 500
GROWTH = 30e6  # bytes that may stay behind after all of it


def texts(rng: random.Random) -> list[str]:
    """Markup, scripts, other scripts' letters, nothing, far too much: `TEXTS` of them."""
    words = ["How", "many", "red", "cubes", "are", "there", "left", "of", "the", "big", "thing", "what", "it"]
    found = [
        "", " ", "?", "\0", "\u202e?", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))", "$\\frac{1}{0}$", ":material/home:", "{{7*7}}", "'; DROP TABLE x; --",
        "../../etc/passwd", "%s%s%n", "🧊" * 50, "什么颜色？", "كم عدد المكعبات؟", "a" * 100_000,
        "cube " * 20_000, "<b>" * 33_000, "?" * 100_000, "\n" * 1000, "How many " * 300 + "cubes are there?",
    ]  # fmt: skip
    while len(found) < TEXTS:
        if rng.random() < 0.5:
            found.append(" ".join(rng.choices(words, k=rng.randint(1, 40))) + rng.choice(["?", "", " ;"]))
        else:
            found.append("".join(rng.choices(string.printable + "äß☃", k=rng.randint(1, 200))))
    return found


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def resident() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_sentence(error: InputError) -> bool:
    text = str(error)
    return 10 < len(text) < 1500 and "Traceback" not in text and text.rstrip()[-1] in ".?!)"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read the Linux way")
def test_nothing_handed_in_does_harm(session):
    rng, before = random.Random(0), weights_hash(session.network)
    scene, picture = gallery()[0].scene, np.zeros((40, 60, 3), dtype=np.uint8)
    pictures, questions = hostile.pictures(rng, FILES), texts(rng)
    assert (len(pictures), len(questions)) == (FILES, TEXTS)

    def hand_in() -> tuple[int, int]:
        seen = answered = 0
        refusals: list[InputError] = []
        for content in pictures:
            try:
                session.ask(read_picture(content), "How many cubes are there?")
                seen += 1
            except InputError as error:
                refusals.append(error)
        for text in questions:
            try:
                session.ask(picture, text)
                answered += 1
            except InputError as error:
                refusals.append(error)
            truth = find_truth(text, scene)
            assert truth.answer is not None or truth.reason
        assert [str(error)[:300] for error in refusals if not is_sentence(error)] == []
        return seen, answered

    peak()
    rest = resident()
    seen, answered = hand_in()
    assert peak() - rest < MOST_MEMORY
    assert 11 <= seen < FILES - 20
    assert 0 < answered < TEXTS
    settled = resident()  # what is kept on purpose, such as the pictures last seen, is there now
    assert hand_in() == (seen, answered)
    assert resident() - settled < GROWTH
    assert weights_hash(session.network) == before


@pytest.fixture
def app(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path, network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path))
    yield AppTest.from_file(APP, default_timeout=60).run()
    st.cache_resource.clear()


@pytest.mark.app
def test_the_page_keeps_its_countenance(app):
    rng = random.Random(1)
    for text in [*texts(rng)[:20], *rng.sample(texts(rng), 10)]:
        app.text_input(key="view-question").set_value(text[:2000]).run()
        assert not app.exception, text[:100]
        shown = " ".join(block.proto.body for block in app.get("html"))
        assert "<script" not in shown, text[:100]
        assert "<img src=x" not in shown, text[:100]
        assert not any(box.proto.allow_html for box in app.markdown)


# --- files that were spoilt -----------------------------------------------------------------------

# How many of each kind in all, and how many of them every run of the tests takes.
SPOILT = {"json": (300, 60), "checkpoint": (250, 50), "film.pt": (150, 40), "corpus": (100, 30)}
LONGEST, MOST_MEMORY = 5.0, 700e6  # seconds for one file; bytes above rest


class TookTooLong(Exception):
    """A file kept us waiting."""


def outcome(what: str, use: Callable[..., object], *given: object, **more: object) -> str | None:
    """What is wrong with how something ends; None where it is done, or refused in a sentence, in time."""

    def ring(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        use(*given, **more)
    except InputError as error:
        return None if is_sentence(error) else f"{what}: no sentence: {str(error)[:300]}"
    except Exception as error:
        return f"{what}: {error!r}"[:400]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return None


def peak() -> float:
    """The most memory that was taken since this was last asked."""
    kilobytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    Path("/proc/self/clear_refs").write_text("5")
    return int(kilobytes[1]) * 1024


@pytest.fixture
def numbers(request):
    """The numbers of the spoilt files of a kind that are tried; all of them with --full-battery."""

    def chosen(kind: str) -> list[int]:
        whole, share = SPOILT[kind]
        if request.config.getoption("--full-battery"):
            return list(range(whole))
        return sorted(random.Random(0).sample(range(whole), share))

    peak()
    rest = resident()
    yield chosen
    assert peak() - rest < MOST_MEMORY


needs_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is read the Linux way"
)


def read_all(folder: Path, kind: str) -> None:
    list(getattr(open_folder(folder).split("val"), kind)())


def leaf_through(folder: Path) -> None:
    album = open_picture_folder(folder)
    for place in (6, 0, 3):
        album.scene(place)


def pack_it(folder: Path) -> None:
    pack(open_folder(folder).split("val"), folder / "packed", size=None)


def ask(folder: Path) -> None:
    Session(folder, "cpu").ask(np.zeros((40, 60, 3), np.uint8), "How many cubes are there?")


@pytest.mark.slow
@needs_linux
def test_spoilt_questions_and_scenes(numbers, clevr_folder, session, tmp_path):
    wrong: list[str | None] = []
    for number in numbers("json"):
        folder, kind = tmp_path / str(number), ("questions", "scenes")[number % 2]
        shutil.copytree(clevr_folder, folder)
        spoil_json(folder / kind / f"CLEVR_val_{kind}.json", kind, number // 2, random.Random(number))
        scenes = folder / "scenes/CLEVR_val_scenes.json"
        questions = folder / "questions/CLEVR_val_questions.json"
        wrong += [
            outcome(f"{kind} {number}: read", read_all, folder, kind),
            outcome(f"{kind} {number}: album", leaf_through, folder),
            outcome(f"{kind} {number}: truth", truth, scenes, questions),
            outcome(f"{kind} {number}: texts", read_questions, questions),
            outcome(f"{kind} {number}: pack", pack_it, folder) if number % 3 == 0 else None,
            outcome(f"{kind} {number}: evaluate", evaluate, session, folder, "val", most=4),
        ]
        shutil.rmtree(folder)
    assert [line for line in wrong if line] == []


@pytest.mark.slow
@needs_linux
def test_spoilt_checkpoints(numbers, session, tmp_path):
    save(tmp_path / "whole", session.network, session.card)
    own = Session(tmp_path / "whole", "cpu")
    extract(own, sample_questions(30, 0), tmp_path / "whole/study")
    wrong: list[str | None] = []
    for number in numbers("checkpoint"):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", folder)
        spoil_checkpoint(folder, random.Random(number))
        wrong += [
            outcome(f"checkpoint {number}", ask, folder),
            outcome(f"its study {number}", open_extraction, folder / "study", own),
        ]
        shutil.rmtree(folder)
    assert [line for line in wrong if line] == []


def read_corpus(folder: Path) -> None:
    corpus = Corpus.open(folder)
    assert list(corpus.questions())
    assert corpus.scene(3)
    corpus.picture_of(corpus.filenames[0])
    question_set = read_questions(folder)
    assert len(question_set)


@pytest.mark.slow
@needs_linux
def test_spoilt_corpora(numbers, corpus_folder, tmp_path):
    wrong: list[str | None] = []
    for number in numbers("corpus"):
        folder = tmp_path / str(number)
        shutil.copytree(corpus_folder, folder)
        spoil_checkpoint(folder, random.Random(number))
        wrong.append(outcome(f"corpus {number}", read_corpus, folder))
        shutil.rmtree(folder)
    assert [line for line in wrong if line] == []


@pytest.mark.slow
@needs_linux
def test_spoilt_files_of_the_published_code(numbers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong: list[str | None] = []
    for number in numbers("film.pt"):
        spoil_film_pt(tmp_path / "film.pt", random.Random(number))

        def imported() -> None:
            network, card = import_official(tmp_path / "film.pt")
            save(tmp_path / "imported", network, card)
            load(tmp_path / "imported")

        wrong.append(outcome(f"film.pt {number}", imported))
    assert [line for line in wrong if line] == []
    assert not (tmp_path / "it-ran").exists()
