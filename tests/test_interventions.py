"""Interventions as data: what they change, what they leave, and their two written forms."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from tiny import a_picture, tiny_card, tiny_network

from film import InputError, Modulation, Session
from film.interventions import (
    ALL,
    Arithmetic,
    Blend,
    Clamp,
    Noise,
    PatchFrom,
    ReplaceByMean,
    Scale,
    SetValue,
    Shift,
    Where,
    from_json,
    from_text,
    intervened,
    to_text,
)

BLOCKS, MAPS = 3, 8
FIRST, SECOND, THIRD = (
    "How many red cubes are there?",
    "How many large metal spheres are there?",
    "What color is the large sphere?",
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)
wheres = st.builds(
    Where,
    st.none() | st.lists(st.integers(0, BLOCKS - 1), min_size=1).map(tuple),
    st.none() | st.lists(st.integers(0, MAPS - 1), min_size=1).map(tuple),
    st.sampled_from(("gamma", "beta", "both")),
)
texts = st.text(max_size=30)
interventions = st.one_of(
    st.builds(SetValue, wheres, numbers),
    st.builds(Scale, wheres, numbers),
    st.builds(Shift, wheres, numbers),
    st.builds(lambda where, a, b: Clamp(where, min(a, b), max(a, b)), wheres, numbers, numbers),
    st.builds(ReplaceByMean, wheres),
    st.builds(Noise, wheres, st.floats(0, 100), st.integers(0, 2**63 - 1)),
    st.builds(PatchFrom, wheres, texts),
    st.builds(Blend, wheres, numbers, texts),
    st.builds(Arithmetic, wheres, texts, texts),
)
known = st.one_of(
    st.builds(SetValue, wheres, numbers),
    st.builds(Scale, wheres, numbers),
    st.builds(Shift, wheres, numbers),
    st.builds(ReplaceByMean, wheres),
    st.builds(Noise, wheres, st.floats(0, 10), st.integers(0, 99)),
    st.builds(PatchFrom, wheres, st.just(SECOND)),
    st.builds(Blend, wheres, numbers, st.just(SECOND)),
    st.builds(Arithmetic, wheres, st.just(SECOND), st.just(THIRD)),
)


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network()
    return Session((network, tiny_card(network)), "cpu")


def some(questions: int = 2) -> Modulation:
    generator = torch.Generator().manual_seed(3)
    shape = (questions, BLOCKS, MAPS)
    return Modulation(torch.randn(shape, generator=generator), torch.randn(shape, generator=generator))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(interventions, max_size=4))
def test_text_and_json_hold_everything(edits):
    assert from_text(to_text(edits)) == edits
    assert [from_json(json.loads(json.dumps(edit.to_json()))) for edit in edits] == edits


@settings(max_examples=100, deadline=None)
@given(known)
def test_what_is_not_named_stays_bit_by_bit(session, edit):
    before = some()
    gamma, beta = before.gamma.clone(), before.beta.clone()
    after = edit.apply(before, session)
    outside = ~edit.where.mask(BLOCKS, MAPS)
    assert torch.equal(after.gamma[:, outside], before.gamma[:, outside])
    assert torch.equal(after.beta[:, outside], before.beta[:, outside])
    if edit.where.parameters == "gamma":
        assert torch.equal(after.beta, before.beta)
    if edit.where.parameters == "beta":
        assert torch.equal(after.gamma, before.gamma)
    assert torch.equal(before.gamma, gamma)  # nothing is written into
    assert torch.equal(before.beta, beta)
    again = edit.apply(before, session)
    assert torch.equal(again.gamma, after.gamma)
    assert torch.equal(again.beta, after.beta)


@settings(max_examples=50, deadline=None)
@given(wheres)
def test_identities_change_no_bit(session, where):
    before = session.modulate([FIRST])
    for edit in (
        Scale(where, 1.0),
        Shift(where, 0.0),
        Clamp(where, -1e30, 1e30),
        Noise(where, 0.0, 5),
        Blend(where, 0.0, SECOND),
        PatchFrom(where, FIRST),
    ):
        after = edit.apply(before, session)
        assert torch.equal(after.gamma, before.gamma), edit
        assert torch.equal(after.beta, before.beta), edit


def test_each_does_what_it_says(session):
    before, other, third = (session.modulate([text]) for text in (FIRST, SECOND, THIRD))
    where = Where((1,), (2, 5), "gamma")

    def at(edit):
        return edit.apply(before, session).gamma[0, 1, [2, 5]]

    mine, theirs, thirds = (m.gamma[0, 1, [2, 5]] for m in (before, other, third))
    assert at(SetValue(where, 2.5)).tolist() == [2.5, 2.5]
    torch.testing.assert_close(at(Scale(where, -3.0)), -3 * mine)
    torch.testing.assert_close(at(Shift(where, 0.25)), mine + 0.25)
    assert at(Clamp(where, 0.0, 0.0)).tolist() == [0, 0]
    torch.testing.assert_close(at(PatchFrom(where, SECOND)), theirs)
    torch.testing.assert_close(at(Blend(where, 0.25, SECOND)), 0.75 * mine + 0.25 * theirs)
    torch.testing.assert_close(at(Arithmetic(where, SECOND, THIRD)), mine + theirs - thirds)
    assert torch.equal(at(ReplaceByMean(where)), session.mean_modulation.gamma[0, 1, [2, 5]])
    noise = at(Noise(where, 2.0, 7)) - mine
    torch.testing.assert_close(at(Noise(where, 4.0, 7)) - mine, 2 * noise)
    assert (at(Noise(where, 2.0, 8)) - mine != noise).all()


def test_noise_goes_by_the_question_s_number(session):
    before = some(3)
    whole = Noise(deviation=1.0).apply(before, session, rows=[4, 9, 2])
    alone = Noise(deviation=1.0).apply(before[1:2], session, rows=[9])
    assert torch.equal(whole.gamma[1:2], alone.gamma)
    assert torch.equal(whole.beta[1:2], alone.beta)
    gamma = Noise(Where(parameters="gamma"), 1.0).apply(before, session, rows=[4, 9, 2])
    assert torch.equal(gamma.gamma, whole.gamma)  # the same whether beta has noise or not
    drawn = (Noise(deviation=1.0).apply(some(400), session).gamma - some(400).gamma).numpy()
    assert drawn.mean() == pytest.approx(0, abs=0.05)
    assert drawn.std() == pytest.approx(1, abs=0.05)


def test_they_are_applied_in_order(session):
    before = some()
    one, two = Shift(Where(), 1.0), Scale(Where(), 2.0)
    torch.testing.assert_close(intervened(before, [one, two], session).gamma, 2 * (before.gamma + 1))
    torch.testing.assert_close(intervened(before, [two, one], session).gamma, 2 * before.gamma + 1)


def test_the_network_is_asked_under_them(session):
    picture = a_picture()
    patched = session.ask(picture, FIRST, [PatchFrom(question=SECOND)])
    asked = session.ask(picture, SECOND)
    np.testing.assert_allclose(
        list(patched.probabilities.values()), list(asked.probabilities.values()), atol=1e-6
    )
    assert session.ask(picture, FIRST, []).probabilities == session.ask(picture, FIRST).probabilities


def test_where_is_written_with_blocks_from_one():
    assert str(Where((0, 1, 2), (17,), "gamma")) == "1-3.17.gamma"
    assert str(Where(None, (0, 2, 3), "beta")) == "*.0,2-3.beta"
    assert Where.parse("2.*.both") == Where((1,), None, "both")
    assert to_text([SetValue(Where((1,), (17,), "gamma"), 0.0)]) == "set:2.17.gamma:0"
    assert len({kind.kind for kind in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("explode:1.2.gamma", "no intervention 'explode'"),
        ("set:1.2.gamma", "write set:2.17.gamma:VALUE"),
        ("set:1.2.gamma:nan", "finite"),
        ("set:1.2.gamma:many", "give a number"),
        ("set:0.2.gamma:1", "names no blocks"),
        ("set:1.2.delta:1", "gamma, beta or both"),
        ("set:1.2:1", "names no gammas"),
        ("set:3-1.2.gamma:1", "names no blocks"),
        ("set:1.0-99999999.gamma:1", "names no blocks"),
        ("clamp:*.*.both:2:1", "upside down"),
        ("set:1.0.gamma:1e300", "no value that a network computes with"),
        ("clamp:*.*.both:-1e300:1", "no value that a network computes with"),
        ("noise:*.*.both:-1:0", "0 or more"),
        ("noise:*.*.both:1:-1", "seed"),
        ("x" * 30_000, "at most"),
    ],
)
def test_a_broken_text_ends_in_a_sentence(text, match):
    with pytest.raises(InputError, match=match):
        from_text(text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"kind": "set"},
        {"kind": "set", "where": {"blocks": 3}, "value": 1},
        {"kind": "set", "where": {"blocks": [-1]}, "value": 1},
        {"kind": "set", "where": {"blocks": [True]}, "value": 1},
        {"kind": "set", "where": {"place": []}, "value": 1},
        {"kind": "set", "where": {}, "value": "x"},
        {"kind": "set", "where": {}, "value": 1, "more": 2},
        {"kind": ["set"], "where": {}, "value": 1},
    ],
)
def test_a_broken_table_ends_in_a_sentence(value):
    with pytest.raises(InputError):
        from_json(value)


def test_what_the_network_has_not_is_named(session):
    with pytest.raises(InputError, match="no block 3"):
        session.ask(a_picture(), FIRST, [SetValue(Where((3,)), 0.0)])
    with pytest.raises(InputError, match="no feature map 8"):
        session.ask(a_picture(), FIRST, [SetValue(Where((0,), (8,)), 0.0)])
