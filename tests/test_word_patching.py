"""After which words the difference of two questions is read: exact steps, planted effects, nulls."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import find_measured, gallery_word_patching, measure_word_patching
from analysis.__main__ import main
from analysis.interventions.pair_tests import by_kind
from analysis.interventions.pairs import MinimalPair
from analysis.interventions.word_patching_of_pairs import (
    AFTER,
    CONTROLS,
    ITEMS,
    _patched,
    word_patching_table,
)
from film import InputError, Session, Vocabulary, find, gallery, load, read_picture, save
from film.clevr.language.word_tree import WORDS

PICTURES, EACH = 30, 4
RED, BLUE = "How many red cubes are there?", "How many blue cubes are there?"
SHORT = MinimalPair("p", RED, BLUE, "1", "2", "color", ("red", "blue"), "count")
OTHER = MinimalPair(
    "p", "Is there a cube?", "Is there a ball?", "yes", "no", "shape", ("cube", "ball"), "exist"
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    with torch.no_grad():
        network.classifier.layers[-1].weight.mul_(100)  # answers that are logits apart
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    return folder


def test_each_word_moves_the_last_state_as_a_plain_loop_does(checkpoint):
    session, exhibit = Session(checkpoint, "cpu"), gallery()[0]
    picture = read_picture(exhibit.picture_path)
    found = _patched(session, SHORT, [OTHER], lambda _: picture, np.random.default_rng(0))
    theirs, own = (session.prefixes(text).running for text in (SHORT.source, SHORT.target))
    changed = SHORT.source.split().index("red") + 1  # <START> is read first
    maps, index = session.encode_picture(picture), [session.answer_index(answer) for answer in ("1", "2")]

    def difference(state):
        logits = session.classify(maps, session.modulation_of(state[None]))[0][0]
        return float(logits[index[0]] - logits[index[1]])

    apart = theirs - own
    assert np.abs(apart[:changed]).max() < 1e-6
    before = difference(own[-1])
    words = len(own) - 1 - changed  # red cubes are there
    for (patch, place), moved, there in zip(ITEMS, found["own"], found["there"], strict=True):
        if place == "later":
            assert not there
            continue
        at = len(own) - 1 if place == "<END>" else changed + int(place)
        assert there == (place == "<END>" or int(place) < words)
        if there:
            step = apart[at] if patch == "state" else apart[at] - apart[at - 1]
            assert moved == pytest.approx(difference(own[-1] + step) - before, rel=1e-4, abs=1e-3)
    assert found["distance"] == pytest.approx(difference(theirs[-1]) - before, rel=1e-4)


def test_moves_of_controls_are_as_long(checkpoint, monkeypatch):
    session, picture = Session(checkpoint, "cpu"), read_picture(gallery()[0].picture_path)
    usual, seen = session.modulation_of, []

    def watched(states):
        seen.append(states)
        return usual(states)

    monkeypatch.setattr(session, "modulation_of", watched)
    _patched(session, SHORT, [OTHER], lambda _: picture, np.random.default_rng(0))
    (states,) = seen
    own, *controls = (
        np.linalg.norm(part - states[1], axis=1) for part in np.split(states[2:], len(CONTROLS))
    )
    there = own > 1e-6
    assert there.sum() >= 8
    for control in controls:
        np.testing.assert_allclose(control[there], own[there], rtol=1e-3)


def planted(seed: int, size: float) -> tuple[list[MinimalPair], dict[str, np.ndarray]]:
    """Pairs of changes of colour and shape; the first word after a changed colour moves `size` logits."""
    rng = np.random.default_rng(seed)
    pairs = [
        MinimalPair(f"p{picture}", "s", "t", "1", "2", kind, ("a", "b"), "count")
        for picture in range(PICTURES)
        for kind in ("color", "color", "shape", "shape")
    ]
    about = rng.normal(0, 0.5, PICTURES).repeat(EACH)  # questions of one picture go together
    found = {
        name: rng.normal(0, 0.5, (len(pairs), len(ITEMS))) + about[:, None] * rng.normal(size=len(ITEMS))
        for name in CONTROLS
    }
    colour = np.array([pair.kind == "color" for pair in pairs])
    found["own"][colour, ITEMS.index(("word", "1"))] += size
    there = np.ones((len(pairs), len(ITEMS)), bool)
    there[::5, ITEMS.index(("word", "later"))] = False
    return pairs, found | {"distance": np.full(len(pairs), 5.0), "there": there}


def test_a_planted_word_is_found_and_nothing_else():
    found = word_patching_table(*planted(1, 2.0))
    claimed = found[found["claimed"]]
    assert {(row.kind, row.patch, row.place) for row in claimed.itertuples()} == {
        ("color", "word", "1"), ("any", "word", "1"),
    }  # fmt: skip
    row = claimed[claimed["kind"] == "color"].iloc[0]
    assert row["effect"] == pytest.approx(2.0, abs=0.4)
    assert row["low"] <= row["share"] <= row["high"]
    later = found[(found["kind"] == "any") & (found["place"] == "later")].iloc[0]
    assert later["pairs"] == PICTURES * EACH * 4 // 5


def test_shuffled_donors_are_claimed_in_at_most_one_run_of_twenty():
    items, none = pd.DataFrame(ITEMS, columns=["patch", "place"]), np.zeros(len(ITEMS), bool)

    def claims(seed: int) -> bool:
        pairs, found = planted(seed, 0.0)
        own, another, _ = (found[name] for name in CONTROLS)
        every = np.ones(len(pairs), bool)
        return by_kind(
            pairs, own, another, found["distance"], every, items, with_interval=none, there=found["there"],
            seed=seed,
        )["claimed"].any()  # fmt: skip

    assert np.mean([claims(seed) for seed in range(200)]) <= 0.05


def test_a_run_that_was_cut_off_goes_on_and_is_kept(checkpoint, tmp_path, capsys):
    session = Session(checkpoint, "cpu")

    class Stop(Exception):
        pass

    def stop(done: int, of: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        gallery_word_patching(session, pairs=40, workshop=tmp_path, progress=stop)
    (kept,) = tmp_path.glob("chunk-*.npz")
    time = kept.stat().st_mtime_ns
    whole = gallery_word_patching(session, pairs=40, workshop=tmp_path)
    assert kept.stat().st_mtime_ns == time
    out = tmp_path / "words.json"
    assert main(["patch-words", str(checkpoint), "--pairs", "40", "--keep", "--json", str(out)]) == 0
    fresh = find_measured(checkpoint, "patch-words", session.card.weights)
    assert fresh is not None
    np.testing.assert_allclose(whole.tables["table"]["share"], fresh.tables["table"]["share"], atol=1e-5)
    assert len(json.loads(out.read_text())["table"]) == len(whole.tables["table"])
    assert not (checkpoint / "study" / ".patch-words").exists()
    assert main(["patch-words", str(checkpoint), "--pairs", "3"]) == 2


def test_a_network_that_reads_in_both_directions_has_no_state_after_a_word(tmp_path):
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words), bidirectional=True)
    session = Session((network, tiny_card(network, words=words)), "cpu")
    exhibit = gallery()[0]
    with pytest.raises(InputError, match="both directions"):
        measure_word_patching(
            session, [("gallery-0", exhibit.scene)], lambda _: exhibit.picture_path, "", pairs=20
        )


def test_in_the_bundled_network_most_of_a_word_is_in_place_as_soon_as_it_is_read():
    folder = find()
    found = find_measured(folder, "patch-words", load(folder)[1].weights)
    assert found is not None
    table = found.tables["table"]
    own = table[(table["kind"] == "any") & (table["patch"] == "state")].set_index("place")
    assert list(own.index) == [str(place) for place in range(AFTER)]
    assert own.loc["0", "low"] > 0.5
    assert own["claimed"].all()
    assert (own["control"] < own["low"]).all()
