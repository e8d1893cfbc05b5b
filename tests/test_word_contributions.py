import numpy as np
import pytest
import torch
from tiny import a_picture, tiny_card, tiny_network

from analysis import KINDS, word_contributions
from film import InputError, Modulation, Session, UnknownWords

QUESTION = "What color is the large metal sphere that is left of the small cube?"


def a_session(**changes) -> Session:
    network = tiny_network(**changes)
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture(scope="module")
def session() -> Session:
    return a_session()


def test_the_contributions_sums_to_the_final_values(session):
    contributions = word_contributions(session, QUESTION)
    final = session.modulate([QUESTION])
    blocks, maps = session.config.blocks, session.config.maps
    for kind in KINDS:
        values = getattr(final, kind)[0]
        assert contributions.caveat(kind) is None
        for block in range(blocks):
            for number in range(maps):
                lines = contributions.lines(kind, block, number)
                assert sum(line.amount for line in lines) == pytest.approx(
                    float(values[block, number]), abs=1e-5
                )
                assert lines[-1].total == pytest.approx(float(values[block, number]), abs=1e-5)
                assert [line.name for line in lines if line.name not in ("bias", "offset")] == list(
                    contributions.tokens
                )


def test_a_line_is_the_weights_times_the_change_of_state(session):
    contributions = word_contributions(session, QUESTION)
    reader, config = session.network.question_encoder, session.config
    ids = torch.tensor([session.vocabulary.encode(QUESTION)])
    with torch.inference_mode():
        states = reader.states(ids, torch.tensor([ids.shape[1]]))[0].double()
    steps = torch.diff(states, dim=0, prepend=torch.zeros(1, config.state))
    added = steps @ reader.to_film.weight.double().T  # (T, B * 2 * C)
    added = added.view(len(steps), config.blocks, 2, config.maps).numpy()
    bias = reader.to_film.bias.view(config.blocks, 2, config.maps).numpy()
    for place, kind in enumerate(KINDS):
        lines = contributions.lines(kind, 1, 5)
        assert lines[0].amount == pytest.approx(float(bias[1, place, 5]), abs=1e-5)
        amounts = [line.amount for line in lines[1 + (kind == "gamma") :]]
        np.testing.assert_allclose(amounts, added[:, 1, place, 5], atol=1e-5)
    assert contributions.lines("gamma", 1, 5)[1].name == "offset"
    assert contributions.lines("gamma", 1, 5)[1].amount == config.gamma_offset


def test_a_planted_word_has_the_whole_change():
    """A reader whose state moves at "red" alone: every other line is 0."""
    network = tiny_network()
    card = tiny_card(network)
    red = card.vocabulary.ids["red"]
    gru, size = network.question_encoder.gru, network.config.hidden_size
    with torch.no_grad():
        for weight in gru.parameters():
            weight.zero_()
        network.question_encoder.embedding.weight.zero_()
        network.question_encoder.embedding.weight[red] = 1.0
        gru.weight_ih_l0[2 * size :] = 1.0  # the candidate state answers to the word
        gru.bias_ih_l0[size : 2 * size] = 20.0  # keep the state ...
        gru.weight_ih_l0[size : 2 * size] = -10.0  # ... except at the word
    contributions = word_contributions(Session((network, card), "cpu"), "How many red cubes are there?")
    lines = {line.name: line.amount for line in contributions.lines("beta", 0, 0)}
    assert abs(lines["red"]) > 0.01
    assert all(
        abs(lines[word]) < 1e-5 for word in ("<START>", "How", "many", "cubes", "are", "there", "<END>")
    )
    moves = contributions.moves("gamma")
    assert moves.shape == (8, 3)
    assert (moves.argmax(axis=0) == contributions.tokens.index("red")).all()


def test_the_map_that_words_moved_most(session):
    contributions = word_contributions(session, QUESTION)
    (block, number), *_ = contributions.most_moved("gamma", 3)
    ways = {
        (b, m): sum(abs(line.amount) for line in contributions.lines("gamma", b, m)[2:])
        for b in range(session.config.blocks)
        for m in range(session.config.maps)
    }
    assert ways[block, number] == pytest.approx(max(ways.values()))


def test_what_is_stopped_is_asked(session):
    """Row t of `stopped` is the question of the first t words, and the last is all of it."""
    contributions = word_contributions(session, QUESTION)
    assert contributions.tokens[0] == "<START>"
    assert contributions.tokens[-1] == "<END>"
    words = QUESTION.rstrip("?").split()
    assert len(contributions.stopped) == len(words) + 2
    for count in (1, 4, len(words)):
        alone = session.modulate([" ".join(words[:count])])
        np.testing.assert_allclose(contributions.stopped.gamma[count], alone.gamma[0], atol=1e-5)
        np.testing.assert_allclose(contributions.stopped.beta[count], alone.beta[0], atol=1e-5)
    np.testing.assert_allclose(
        contributions.stopped.gamma[-1], session.modulate([QUESTION]).gamma[0], atol=1e-5
    )
    answers = session.answer(a_picture(), contributions.stopped)
    whole = session.ask(a_picture(), QUESTION)
    assert answers[-1].probabilities[whole.answer] == pytest.approx(
        whole.probabilities[whole.answer], abs=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "inexact"),
    [
        ({}, ()),
        ({"gru_layers": 2}, ()),
        ({"cell": "lstm"}, ()),
        ({"generator_norm": True}, ()),
        ({"bidirectional": True}, ("gamma", "beta")),
        ({"gamma": "tanh"}, ("gamma",)),
        ({"beta": "sigmoid", "gamma": "exp"}, ("gamma", "beta")),
        ({"gamma": "one", "beta": "zero"}, ()),
    ],
)
def test_every_reader_adds_up_and_says_what_is_not_exact(changes, inexact):
    session = a_session(**changes)
    contributions = word_contributions(session, QUESTION)
    final = session.modulate([QUESTION])
    for kind in KINDS:
        values = getattr(final, kind)[0]
        assert (contributions.caveat(kind) is not None) == (kind in inexact)
        lines = contributions.lines(kind, 2, 3)
        assert sum(line.amount for line in lines) == pytest.approx(float(values[2, 3]), abs=1e-5)
    assert isinstance(contributions.stopped, Modulation)


def test_what_cannot_be_asked_is_said(session):
    with pytest.raises(UnknownWords):
        word_contributions(session, "How many zebras are there?")
    with pytest.raises(InputError, match="empty"):
        word_contributions(session, " ?")
    contributions = word_contributions(session, "Are there cubes?")
    with pytest.raises(InputError, match="no block 3"):
        contributions.lines("gamma", 3, 0)
    with pytest.raises(InputError, match="no feature map 8"):
        contributions.lines("gamma", 0, 8)
    with pytest.raises(InputError, match="not of 'delta'"):
        contributions.lines("delta", 0, 0)  # type: ignore[arg-type]
