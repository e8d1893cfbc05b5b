"""What a word does is told by replacing it: planted in a question encoder, and by hand."""

import numpy as np
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import word_contributions, word_replacements
from film import Session

QUESTION = "How many red cubes are there?"


@pytest.fixture(scope="module")
def session():
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def test_an_effect_is_the_question_less_the_mean_of_its_variants(session):
    read = word_contributions(session, QUESTION)
    found = word_replacements(session, read)
    assert [read.tokens[place] for place in found.places] == ["red", "cubes"]
    own = session.modulate([QUESTION])
    assert found.others[0] == ("blue", "green")  # the colours that this vocabulary has
    others = session.modulate([QUESTION.replace("red", color) for color in found.others[0]])
    np.testing.assert_allclose(found.gamma[0], own.gamma[0] - others.gamma.mean(0), atol=1e-5)
    np.testing.assert_allclose(found.beta[0], own.beta[0] - others.beta.mean(0), atol=1e-5)
    effect = found.effect("beta", 1, 3)
    assert effect[3] == pytest.approx(float(found.beta[0, 1, 3]))
    assert set(effect) == {3, 4}


def test_a_question_with_a_comma_or_semicolon_is_itself_again(session):
    text = "There is a red cube; how many small spheres are left of it?"
    read = word_contributions(session, text)
    again = session.modulate([" ".join(read.tokens[1:-1])])
    np.testing.assert_array_equal(again.gamma, session.modulate([text]).gamma)


def test_words_without_others_have_no_effect(session):
    found = word_replacements(session, word_contributions(session, "How many are there?"))
    assert found.places == ()
    assert found.gamma.shape == (0, session.config.blocks, session.config.maps)
    assert found.agreement(word_contributions(session, "How many are there?"), "gamma") is None


def test_a_word_that_works_later_has_an_effect_and_no_line():
    """The state stores a colour in one unit, at once, and lets it out to gamma at <END> alone."""
    network = tiny_network(answers=28)
    card = tiny_card(network)
    size = network.config.hidden_size
    ids = card.vocabulary.ids
    gru, embedding = network.question_encoder.gru, network.question_encoder.embedding.weight
    with torch.no_grad():
        for weight in gru.parameters():
            weight.zero_()
        embedding.zero_()
        embedding[ids["red"], 0], embedding[ids["blue"], 0], embedding[ids["<END>"], 1] = 1.0, -1.0, 1.0
        gru.bias_ih_l0[size : 2 * size] = 20.0  # a unit keeps its value ...
        gru.weight_ih_l0[size, 0] = -40.0  # ... but the first opens at red (and shuts at blue)
        gru.weight_ih_l0[2 * size, 0] = 3.0
        gru.weight_ih_l0[size + 1, 1] = -40.0  # and the second at <END>, where it reads the first
        gru.weight_hh_l0[2 * size + 1, 0] = 3.0
        gru.bias_ih_l0[:size] = 20.0  # nothing is reset
        network.question_encoder.to_film.weight.zero_()
        network.question_encoder.to_film.weight[:, 1] = 1.0  # gamma and beta see the second alone
    session = Session((network, card), "cpu")
    read = word_contributions(session, QUESTION)
    lines = {line.name: line.amount for line in read.lines("gamma", 0, 0)}
    found = word_replacements(session, read)
    assert abs(lines["red"]) < 1e-6
    assert lines["<END>"] > 0.5
    assert found.effect("gamma", 0, 0)[read.tokens.index("red")] > 0.5
