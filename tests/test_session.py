import io
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace as Namespace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import ANSWERS, a_picture, tiny_card, tiny_network

import film.session
from film import Answer, checkpoint
from film.__main__ import main
from film.checkpoint import weights_hash
from film.device import choose_device
from film.errors import InputError
from film.features import as_pixels
from film.modulation import Modulation
from film.session import Session
from film.vocabulary import UnknownWords

QUESTIONS = [
    "How many red cubes are there?",
    "What color is the large metal sphere?",
    "Are there more cubes?",
]


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network()
    return Session((network, tiny_card(network)), "cpu")


def test_an_answer_is_the_network_s(session):
    picture = a_picture()
    answer = session.ask(picture, QUESTIONS[0], record={"block2.film", "stem"})
    ids = torch.tensor([session.vocabulary.encode(QUESTIONS[0])])
    pixels = as_pixels(picture, 24, 16)[None]
    with torch.inference_mode():
        logits = session.network(pixels, ids, torch.tensor([ids.shape[1]]))[0]
        modulation = session.network.modulate(ids, torch.tensor([ids.shape[1]]))
    chances = logits.softmax(0).numpy()
    assert list(answer.probabilities) == list(ANSWERS)
    np.testing.assert_allclose(list(answer.probabilities.values()), chances, atol=1e-6)
    assert answer.answer == ANSWERS[int(logits.argmax())]
    assert answer.margin == pytest.approx(np.sort(chances)[-1] - np.sort(chances)[-2], abs=1e-6)
    assert answer.entropy == pytest.approx(-(chances * np.log2(chances)).sum(), abs=1e-4)
    np.testing.assert_allclose(answer.gamma, modulation.gamma[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(answer.beta, modulation.beta[0].numpy(), atol=1e-6)
    assert {name: value.shape for name, value in answer.activations.items()} == {
        "block2.film": session.recordable["block2.film"],
        "stem": session.recordable["stem"],
    }
    assert answer.question == QUESTIONS[0]
    assert answer.seconds > 0


def test_many_questions_are_answered_as_one_by_one(session):
    picture = a_picture(1)
    together = session.ask_many(picture, QUESTIONS, record=["block1.input"])
    for question, answer in zip(QUESTIONS, together, strict=True):
        alone = session.ask(picture, question, record=["block1.input"])
        np.testing.assert_allclose(
            list(answer.probabilities.values()), list(alone.probabilities.values()), atol=1e-5
        )
        np.testing.assert_allclose(
            answer.activations["block1.input"], alone.activations["block1.input"], atol=1e-5
        )
    assert session.ask_many(picture, []) == []


def test_more_questions_than_go_in_one_pass(session):
    questions = [QUESTIONS[i % 3] for i in range(150)]
    answers = session.ask_many(a_picture(), questions)
    first = session.ask_many(a_picture(), QUESTIONS)
    for i, answer in enumerate(answers):
        np.testing.assert_allclose(answer.gamma, first[i % 3].gamma, atol=1e-5)
        assert answer.question == questions[i]


def test_special_tokens_are_never_an_answer():
    network = tiny_network(answers=32)
    with torch.no_grad():
        network.classifier.layers[-1].bias[:4] += 1000
    session = Session((network, tiny_card(network)), "cpu")
    answer = session.ask(a_picture(), QUESTIONS[0])
    assert tuple(answer.probabilities) == ANSWERS
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.answer in ANSWERS


def test_interventions_as_functions(session):
    picture = a_picture()
    plain = session.ask(picture, QUESTIONS[0])
    other = session.modulate([QUESTIONS[1]])
    swapped = session.ask(picture, QUESTIONS[0], interventions=lambda m: m.blended(other, 1.0))
    asked = session.ask(picture, QUESTIONS[1])
    np.testing.assert_allclose(
        list(swapped.probabilities.values()), list(asked.probabilities.values()), atol=1e-5
    )
    twice = session.ask(
        picture, QUESTIONS[0], interventions=[lambda m: m.scaled(gamma=2), lambda m: m.scaled(gamma=0.5)]
    )
    np.testing.assert_allclose(twice.gamma, plain.gamma, atol=1e-6)
    one = session.ask(picture, QUESTIONS[0], interventions=lambda m: m.with_value(0, 3, gamma=-9.0))
    assert one.gamma[0, 3] == -9
    assert list(one.probabilities.values()) != list(plain.probabilities.values())
    for bad in (lambda m: None, lambda m: Modulation(m.gamma[:, :1], m.beta[:, :1])):
        with pytest.raises(InputError, match="An intervention"):
            session.ask(picture, QUESTIONS[0], interventions=bad)
    with pytest.raises(InputError, match="edit them less"):
        session.ask(picture, QUESTIONS[0], interventions=lambda m: m.scaled(gamma=float("inf")))


def test_given_modulations_need_no_question(session):
    modulation = session.modulate(QUESTIONS)
    answers = session.answer(a_picture(), modulation)
    asked = session.ask_many(a_picture(), QUESTIONS)
    assert [a.answer for a in answers] == [a.answer for a in asked]
    gamma = modulation.gamma.clone().requires_grad_()
    logits, _ = session.network.classify(
        session.encode_picture(a_picture()), Modulation(gamma, modulation.beta), 3
    )
    logits.sum().backward()
    assert gamma.grad.abs().sum() > 0  # what a session hands out may be differentiated
    with pytest.raises(InputError, match="modulation is for"):
        session.answer(a_picture(), Modulation.identity(1, 2, 8))


def test_a_picture_is_seen_once(tmp_path, monkeypatch):
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu", pictures=2)
    seen = []
    encode_picture = network.encode_picture
    monkeypatch.setattr(network, "encode_picture", lambda pixels: seen.append(1) or encode_picture(pixels))
    picture = a_picture()
    Image.fromarray(picture).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(content)
    first = session.ask(tmp_path / "a.png", QUESTIONS[0])
    for again in (tmp_path / "b.png", str(tmp_path / "b.png"), content):
        assert session.ask(again, QUESTIONS[0]).probabilities == first.probabilities
    assert len(seen) == 1
    session.ask(picture, QUESTIONS[0])  # pixels have another name than the file they came in
    session.ask(Image.fromarray(picture), QUESTIONS[1])
    assert len(seen) == 2
    session.ask(a_picture(7), QUESTIONS[0])
    session.ask(content, QUESTIONS[0])  # pushed out by the other two
    assert len(seen) == 4
    with pytest.raises(InputError, match="does not exist"):
        session.ask(tmp_path / "none.png", QUESTIONS[0])


def test_many_threads_share_one_session(session):
    before = weights_hash(session.network)
    pictures = [a_picture(i) for i in range(4)]
    jobs = [(pictures[i % 4], QUESTIONS[i % 3], float(i % 5)) for i in range(60)]

    def work(job):
        picture, question, gamma = job
        answer = session.ask(
            picture, question, lambda m: m.with_value(1, 0, gamma=gamma), record=["block1.out"]
        )
        return list(answer.probabilities.values()), answer.activations["block1.out"]

    expected = [work(job) for job in jobs]
    session = Session((session.network, session.card), "cpu", pictures=2)  # a small cache, fought over
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, jobs))
    for (chances, maps), (same, same_maps) in zip(results, expected, strict=True):
        np.testing.assert_allclose(chances, same, atol=1e-5)  # sums in another order
        np.testing.assert_allclose(maps, same_maps, atol=1e-4)
    assert weights_hash(session.network) == before
    assert threading.active_count() < 20


def test_what_cannot_be_asked(session):
    with pytest.raises(UnknownWords, match=r"gren.*green"):
        session.ask(a_picture(), "How many gren cubes are there?")
    with pytest.raises(InputError, match="no activation"):
        session.ask(a_picture(), QUESTIONS[0], record=["block9.film"])
    with pytest.raises(InputError, match="empty"):
        session.ask(a_picture(), "?")
    with pytest.raises(InputError, match="list of questions"):
        session.ask_many(a_picture(), QUESTIONS[0])
    with pytest.raises(InputError, match="no device"):
        Session((session.network, session.card), "abacus")


def test_a_device_that_fails_falls_back_with_a_message(session):
    device, notice = choose_device("cuda:99")
    assert device.type == "cpu"
    assert "CPU" in notice
    assert choose_device("cpu") == (torch.device("cpu"), None)
    fallen = Session((session.network, session.card), "cuda:99")
    assert fallen.ask(a_picture(), QUESTIONS[0]).answer == session.ask(a_picture(), QUESTIONS[0]).answer


def test_ask_command(tmp_path, capsys):
    network = tiny_network()
    checkpoint.save(tmp_path / "net", network, tiny_card(network))
    buffer = io.BytesIO()
    Image.fromarray(a_picture()).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    arguments = [
        "ask",
        "--image",
        str(tmp_path / "a.png"),
        "--checkpoint",
        str(tmp_path / "net"),
        "--device",
        "cpu",
    ]
    assert main([*arguments, "--question", QUESTIONS[0]]) == 0
    assert capsys.readouterr().out.split()[0] in ANSWERS
    assert main([*arguments, "--question", QUESTIONS[0], "--question", QUESTIONS[1], "--json"]) == 0
    assert '"gamma"' in capsys.readouterr().out
    assert main([*arguments, "--question", "How many gren cubes?"]) == 2
    error = capsys.readouterr().err
    assert "green" in error
    assert "Traceback" not in error
    assert (
        main(["ask", "--image", "none.png", "--checkpoint", str(tmp_path / "net"), "--question", "Are cubes"])
        == 2
    )
    assert main(["ask", "--image", "none.png", "--checkpoint", str(tmp_path), "--question", "Are cubes"]) == 2
    assert "card.json" in capsys.readouterr().err


def test_ask_command_never_rounds_a_probability_to_all_or_nothing(monkeypatch, capsys):
    sure = Answer("yes", {"yes": 0.99999, "no": 0.00001}, 1.0, 0.0, np.zeros((1, 1)), np.zeros((1, 1)))
    monkeypatch.setattr(
        film.session, "Session", lambda *_, **__: Namespace(notice="", ask_many=lambda *_: [sure])
    )
    assert main(["ask", "--image", "any.png", "--question", "Is it?"]) == 0
    assert capsys.readouterr().out.split("  ")[-2:] == ["yes > 99.9 %", "no < 0.1 %\n"]


def test_gradients_say_how_the_sum_of_logits_moves(session):
    picture, before = a_picture(2), weights_hash(session.network)
    modulation = session.modulate(QUESTIONS[:1])
    found = session.gradients(picture, modulation)
    assert list(found) == ["stem", *(f"block{block}.out" for block in range(1, session.config.blocks + 1))]
    spoken, maps = list(session.card.answer_indices), session.encode_picture(picture)
    direction = torch.randn(maps.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        by = [session.network.classify(maps + step * direction, modulation)[0] for step in (1e-3, -1e-3)]
    slope = (by[0] - by[1])[0, spoken].double().sum().item() / 2e-3
    activation, gradient = found["stem"]
    np.testing.assert_array_equal(activation, maps[0].numpy())
    assert float((gradient * direction[0].numpy()).sum()) == pytest.approx(slope, rel=0.05, abs=1e-3)
    assert all(np.abs(gradient).max() > 0 for _, gradient in found.values())
    assert all(parameter.grad is None for parameter in session.network.parameters())
    assert weights_hash(session.network) == before
    with pytest.raises(InputError, match="one question, not of 2"):
        session.gradients(picture, session.modulate(QUESTIONS[:2]))
    with pytest.raises(InputError, match="no activation"):
        session.gradients(picture, modulation, wrt=["block9.out"])


def test_gradients_of_one_logit_or_a_difference(session):
    picture, modulation = a_picture(2), session.modulate(QUESTIONS[:1])
    maps = session.encode_picture(picture)
    best, second = np.argsort(-session.classify(maps, modulation)[0][0])[:2]
    yes, no = session.answer_index("yes"), session.answer_index("no")
    objectives = {
        "logit:yes": lambda values: values[yes],
        ("yes", "no"): lambda values: values[yes] - values[no],
        "margin": lambda values: values[best] - values[second],
        "sum": lambda values: values.sum(),
    }

    def slope(value, kind, block, number):
        at = []
        for step in (1e-2, -1e-2):
            moved = {kind: getattr(modulation, kind)[:, block, number] + step}
            logits, _ = session.classify(maps, modulation.with_value(block, number, **moved))
            at.append(value(logits[0].astype(float)))
        return (at[0] - at[1]) / 2e-2

    for of, value in objectives.items():
        found = session.gradients(picture, modulation, of, ["gamma", "beta", "block2.norm"])
        assert found["gamma"][0].shape == found["gamma"][1].shape == modulation.gamma.shape[1:]
        assert found["block2.norm"][1].shape == session.recordable["block2.norm"]
        for kind in ("gamma", "beta"):
            expected = slope(value, kind, 2, 3)
            assert found[kind][1][2, 3] == pytest.approx(expected, rel=0.05, abs=2e-3), (of, kind)
    for wrong in ("yes", "logit:perhaps", ("yes", "perhaps")):
        with pytest.raises(InputError):
            session.gradients(picture, modulation, wrong)


def test_states_and_prefixes_are_the_question_encoder_s(session):
    states, whole = session.encode(QUESTIONS), session.modulate(QUESTIONS)
    found = session.modulation_of(states)
    torch.testing.assert_close(found.gamma, whole.gamma, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.beta, whole.beta, atol=1e-5, rtol=0)
    prefixes = session.prefixes(QUESTIONS[0])
    assert prefixes.tokens == ("<START>", "How", "many", "red", "cubes", "are", "there", "<END>")
    np.testing.assert_allclose(prefixes.ended[-1], states[0], atol=1e-5)
    np.testing.assert_allclose(prefixes.running[-1], states[0], atol=1e-5)
    short = session.encode(["How many red cubes"])[0]
    np.testing.assert_allclose(prefixes.ended[4], short, atol=1e-5)
    chances = session.distributions(a_picture(), whole)
    asked = session.ask_many(a_picture(), QUESTIONS)
    np.testing.assert_allclose(chances, [list(a.probabilities.values()) for a in asked], atol=1e-5)
    with pytest.raises(InputError, match="in brackets"):
        session.encode(QUESTIONS[0])
