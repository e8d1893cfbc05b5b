"""Answers of known truth, and linear probes beside their controls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_config, tiny_network

from analysis import (
    Evidence,
    Observed,
    accuracy_by,
    accuracy_line,
    accuracy_rows,
    bag_of_words,
    beside_paper,
    confusion,
    confusion_heatmap,
    find_evidence,
    gallery_questions,
    more_targets,
    observe,
    parted,
    probe,
    probe_chart,
    probe_overview,
    probe_transfer,
    read_evidence,
    target_of,
    transfer_heatmaps,
    what_is_linear,
    write_evidence,
    wrong_answers,
)
from analysis.__main__ import main
from analysis.corpus.probe_targets import targets
from analysis.corpus.probes import control_labels, parted_by_family
from benchmarks.simulations.probes import planted_type, read_type, with_families, with_noise
from film import COLORS, GROUP_NAMES, PAPER, Cancelled, InputError, Session, save

WORDS = {"“red”": ("red",)}


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(blocks=2, modulated=(True, True))
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture(scope="module")
def observed(session) -> Observed:
    return observe(session, gallery_questions(200), "the gallery")


def test_questions_about_the_gallery_differ_and_have_answers():
    asked = gallery_questions(400)
    pairs = {(question.filename, question.text) for question in asked.questions}
    assert len(pairs) == len(asked.questions) == 400
    assert all(question.answer for question in asked.questions)
    assert asked.questions == gallery_questions(400).questions
    assert asked.questions != gallery_questions(400, seed=1).questions


def test_a_network_is_watched_while_it_answers(session, observed):
    row = observed.table.iloc[17]
    picture = gallery_questions(200).picture(row["picture"])
    answer = session.answer(picture, session.modulate([row["text"]], lenient=True), ["block2.out"])[0]
    assert row["prediction"] == answer.answer
    assert row["probability"] == pytest.approx(answer.probabilities[answer.answer], abs=1e-5)
    assert row["right"] == (answer.answer == row["answer"])
    np.testing.assert_allclose(observed.gamma[17], answer.gamma, atol=1e-5)
    np.testing.assert_allclose(
        observed.pooled[17, 2], answer.activations["block2.out"].max(axis=(1, 2)), atol=1e-4
    )
    network = session.network
    values = observed.state @ network.question_encoder.to_film.weight.detach().numpy().T
    values += network.question_encoder.to_film.bias.detach().numpy()
    gamma = values.reshape(len(observed), 2, 2, 8)[:, :, 0] + session.config.gamma_offset
    np.testing.assert_allclose(gamma, observed.gamma, atol=1e-4)  # linear in the state, as the page says


def test_cancelling_is_heard(session, observed):
    with pytest.raises(Cancelled):
        observe(session, gallery_questions(40), "the gallery", cancel=lambda: True)
    with pytest.raises(Cancelled):
        probe(observed, words={}, cancel=lambda: True)


def test_accuracy_has_an_interval_and_counts_everything(observed):
    by_type = accuracy_by(observed.table, "type")
    assert by_type["asked"].sum() == len(observed)
    assert by_type["right"].sum() == observed.table["right"].sum()
    known = by_type[by_type["pictures"] >= 10]
    assert len(known) < len(by_type)
    assert (known["low"] <= known["accuracy"]).all()
    few = by_type[by_type["pictures"] < 10]
    assert few[["low", "high"]].isna().all(axis=None)
    assert few["interval"].str.endswith("under 10").all()
    assert (known["accuracy"] <= known["high"]).all()
    depths = accuracy_by(observed.table, "depth", least=10)["value"].tolist()
    assert depths == sorted(depths)  # as numbers, not as text
    assert accuracy_by(observed.table, "depth", least=10_000).empty


def test_confusion_counts_every_question(observed):
    found = confusion(observed.table)
    assert found.to_numpy().sum() == len(observed)
    assert np.trace(found.to_numpy()) == observed.table["right"].sum()
    assert list(found.index)[:2] == ["yes", "no"]
    wrong = wrong_answers(observed.table)
    assert len(wrong) == (~observed.table["right"]).sum()
    assert wrong["probability"].is_monotonic_decreasing


def test_folds_share_neither_pictures_nor_texts(observed):
    table = observed.table.copy()
    table.loc[5, "text"] = table.loc[150, "text"]
    tested = []
    for train, test in parted(table, seed=3):
        assert not set(table["picture"][train]) & set(table["picture"][test])
        assert not set(table["text"][train]) & set(table["text"][test])
        tested += test.tolist()
    assert len(tested) == len(set(tested))
    assert len(tested) > 0.9 * len(table)
    with pytest.raises(InputError, match="10 pictures"):
        parted(table[table["picture"] == "gallery-0"], seed=0)


def test_the_bag_forgets_the_order():
    bag = bag_of_words(pd.Series(["Is the red cube left?", "cube red the left Is", "the the cube"]))
    np.testing.assert_array_equal(bag[0], bag[1])
    assert bag[2].max() == 2


def test_probes_find_what_was_planted_and_nothing_else():
    table = probe(planted_type(np.random.default_rng(0)), words={}).set_index(["target", "space", "block"])
    kind = table.loc["type"]
    for place in (("state", 0), ("gamma", 0), ("gamma", 1), ("both", 1)):
        assert kind.loc[place, "accuracy"] > 0.95
        assert kind.loc[place, "selectivity"] > 0.2  # the control follows types in part, by chance
    for place in (("gamma", 2), ("beta", 0), ("maps", 0), ("stem", 0)):
        assert kind.loc[place, "low"] < 0.42, place  # a third by chance
        assert abs(kind.loc[place, "selectivity"]) < 0.12, place
    answer = table.loc["answer"]  # nobody knows it
    assert answer["accuracy"].between(0.42, 0.58).all()
    assert (kind.loc[("state", 0), "held_out"]) > 0.95  # the type is there whatever the family
    assert kind.loc[("state", 0), "held_out_low"] > 0.9
    assert kind["held_out_tested"].eq(600).all()
    assert kind["majority"].between(0.25, 0.42).all()
    assert "attribute asked" not in table.index.get_level_values(0)  # one label alone is nothing to tell


def test_control_labels_are_the_family_s_and_as_frequent():
    rng = np.random.default_rng(3)
    families = rng.integers(0, 60, 5000)
    labels = np.where(rng.random(5000) < 0.3, "there", "absent")
    labels[:100] = ""
    found = control_labels(labels, families, rng)
    assert (found[:100] == "").all()
    for family in range(60):
        assert len(set(found[100:][families[100:] == family])) == 1
    assert (found == "there").mean() == pytest.approx((labels == "there").mean(), abs=0.02)
    assert not (found == labels).all()
    alone = control_labels(np.array(["a", "b"] * 50), np.full(100, -1), rng)  # each drawn for itself
    assert 20 < (alone == "a").sum() < 80


def test_the_control_is_learnable_and_noise_has_no_selectivity_however_many_axes():
    """Where families can be told, control labels are read as well as any; in noise none are."""
    rng = np.random.default_rng(4)
    found = planted_type(rng, questions=900)
    row = probe(with_families(found, rng), words={}, only=["state"]).set_index("target").loc["type"]
    assert row["control"] > 0.95
    assert row["accuracy"] > 0.95
    assert abs(row["selectivity"]) < 0.05  # every grouping of families is as easy as the types
    assert row["held_out"] < 0.6  # and none is known of a family that was never seen
    gained = []
    for axes in (4, 64, 256):
        row = read_type(with_noise(found, axes, rng), seed=0)
        assert row["low"] < 0.4
        gained.append(row["selectivity"])
    assert max(np.abs(gained)) < 0.15  # not for more axes


def test_families_are_held_out(observed):
    table = observed.table
    tested = []
    for train, test in parted_by_family(table, seed=2):
        assert not set(table["family"].iloc[train]) & set(table["family"].iloc[test])
        tested += test.tolist()
    assert sorted(tested) == list(range(len(table)))


def test_order_is_not_in_the_bag_of_words():
    """“colour named first”: probes of a space that has the order stand above the bag."""
    rng = np.random.default_rng(5)
    first, second = (rng.choice(COLORS, 900) for _ in range(2))
    found = planted_type(rng, questions=900)
    table = found.table.assign(text=[f"is the {a} thing {b}?" for a, b in zip(first, second, strict=True)])
    code = np.searchsorted(sorted(COLORS), first)
    state = 4 * np.eye(8)[code] + rng.normal(size=(900, 8))
    # Texts of one kind are few; the pictures decide what is tested.
    table["text"] += [f" {number}" for number in range(900)]
    told = replace(found, table=table, state=state.astype(np.float32))
    rows = probe(told, words={}, only=["state"]).set_index("target")
    assert "shape named first" not in rows.index
    row = rows.loc["colour named first"]
    assert row["tested"] == (first != second).sum()
    assert row["accuracy"] > 0.95
    assert row["bag_high"] < row["low"]


def test_probes_of_a_network(observed):
    table = probe(observed, words=WORDS)
    assert {"type", "attribute asked", "answer", "“red”"} <= set(table["target"])
    assert set(table["space"]) == {"state", "gamma", "beta", "both", "maps", "stem"}
    assert sorted(set(table["block"])) == [0, 1, 2]
    for name in ("", "control_", "majority_", "bag_"):
        assert (table[f"{name}low"] <= table[f"{name}high"]).all()
    red = table[table["target"] == "“red”"]
    assert (red["bag"] > red["majority"]).all()
    again = probe(observed, words=WORDS, only=["state"])
    pd.testing.assert_frame_equal(again, table[table["space"] == "state"].reset_index(drop=True))  # seeded


def test_evidence_is_kept_with_its_recipe(tmp_path, observed):
    names = ["space", "block", "axes", "tested", "low", "high", "control", "selectivity", "majority", "bag"]
    probes = pd.DataFrame(
        {"target": ["type"], "accuracy": [0.5], "held_out": [0.4]} | dict.fromkeys(names, 0.5)
    )
    recipe = dict(observed.recipe)
    write_evidence(tmp_path / "study", Evidence(observed.table, probes, recipe))
    again = read_evidence(tmp_path / "study")
    pd.testing.assert_frame_equal(again.answers, observed.table)
    assert again.recipe == recipe
    assert find_evidence(tmp_path, recipe["weights"]) is not None
    assert find_evidence(tmp_path, "other weights") is None
    assert find_evidence(tmp_path / "study", recipe["weights"]) is None
    (tmp_path / "study" / "probes.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"probes\.parquet cannot be read"):
        read_evidence(tmp_path / "study")


def test_probes_of_an_earlier_version_are_to_be_made_again(tmp_path, observed):
    old = pd.DataFrame({"target": ["type"], "accuracy": [0.5], "shuffled": [0.4]})
    write_evidence(tmp_path / "study", Evidence(observed.table, old, dict(observed.recipe)))
    with pytest.raises(InputError, match="earlier version"):
        read_evidence(tmp_path / "study")


@pytest.mark.slow
def test_the_command_keeps_both_tables(tmp_path, capsys):
    network = tiny_network(blocks=1, modulated=(True,))
    save(tmp_path, network, tiny_card(network))
    assert main(["evidence", str(tmp_path), "--questions", "80", "--device", "cpu"]) == 0
    assert "80 questions" in capsys.readouterr().out
    kept = find_evidence(tmp_path, Session(tmp_path, "cpu").card.weights)
    assert kept is not None
    assert len(kept.answers) == 80
    assert main(["evidence", str(tmp_path), "--data", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize("dark", [False, True])
def test_figures_show_the_tables(observed, dark):
    groups = accuracy_by(observed.table, "group")
    rows = accuracy_rows(groups, paper=("FiLM",), order=GROUP_NAMES, dark=dark)
    own = dict(zip(rows.data[0].y, rows.data[0].x, strict=True))
    assert own == pytest.approx(dict(zip(groups["value"], 100 * groups["accuracy"], strict=True)), abs=0.01)
    assert list(rows.data[0].y) == [name for name in GROUP_NAMES if name in own]
    assert dict(zip(rows.data[1].y, rows.data[1].x, strict=True))["Count"] == PAPER["FiLM"][1]
    line = accuracy_line(accuracy_by(observed.table, "depth"), "steps", dark=dark).data[0]
    assert list(line.x) == sorted(line.x)
    counts = confusion(observed.table)
    heat = confusion_heatmap(counts, dark=dark)
    assert sum(trace.customdata.sum() for trace in heat.data) == len(observed)
    assert heat.layout.xaxis.type == "category"  # "3" is a name here, not a place
    whole = np.nansum([np.asarray(trace.z, float) for trace in heat.data], axis=0)
    asked = np.maximum(counts.sum(axis=1).to_numpy(), 1)[:, None]
    np.testing.assert_allclose(whole, counts.to_numpy() / asked, atol=1e-3)
    for trace in heat.data:  # every count is written out, and few questions are faint
        said = np.array([[int(cell or 0) for cell in row] for row in trace.text])
        assert (said == trace.customdata).all()
        drawn = ~np.isnan(np.asarray(trace.z, float)).all(axis=1)
        few = counts.sum(axis=1).to_numpy()[drawn] < 30
        assert few.all() if trace.opacity < 1 else not few.any()
    low, high = rows.layout.xaxis.range
    assert low <= 100 * groups["low"].min()
    assert high > 100


def test_the_probe_chart_has_every_accuracy_and_control():
    table = probe(planted_type(np.random.default_rng(1)), words={})
    chart = probe_chart(table, "type")
    lines = {trace.name: trace.y[0] for trace in chart.data if trace.mode == "lines"}
    own = table[table["target"] == "type"].set_index(["space", "block"])
    assert lines["hidden state"] == pytest.approx(100 * own.loc[("state", 0), "accuracy"])
    assert lines["bag of words"] == pytest.approx(100 * own["bag"].iloc[0])
    assert lines["majority"] == pytest.approx(100 * own["majority"].iloc[0])
    gamma, control, held_out = (trace for trace in chart.data if trace.name == "gamma")
    places = list(gamma.text)
    assert places == ["block 1", "block 2", "all blocks"]
    assert gamma.y[0] == pytest.approx(100 * own.loc[("gamma", 1), "accuracy"], abs=0.01)
    assert control.y[2] == pytest.approx(100 * own.loc[("gamma", 0), "control"], abs=0.01)
    assert len(held_out.y) == len(gamma.y)
    maps = next(trace for trace in chart.data if trace.name == "maps")
    assert list(maps.text) == ["stem", "block 1", "block 2", "all blocks"]
    overview = probe_overview(table).data[0]
    assert overview.z.shape == (table["target"].nunique(), len(own))
    assert not np.isnan(overview.z.astype(float)).any()


def test_the_paper_stands_beside_the_network(observed):
    accuracy = {
        "own set": {
            "overall": {"accuracy": 0.5, "asked": 10, "low": 0.2, "high": 0.8},
            "groups": {"Count": 0.4},
        },
        "overall": 0.25,
        "note": "a sentence",
    }  # fmt: skip
    table = beside_paper(observed.table, accuracy).set_index("what")
    assert table.loc["this network, own set", ["Overall", "low", "Count"]].tolist() == [50, 20, 40]
    assert table.loc["this network, overall", "Overall"] == 25
    assert "this network, note" not in table.index
    assert table.loc["this network, here", "questions"] == len(observed)
    assert table.loc["Human (paper)", "Overall"] == 92.6


def test_no_linear_reader_of_gamma_beats_one_of_the_state(observed):
    """The fact the page states, without a penalty: least squares on the state fits as well or better."""
    labels = (observed.table["group"] == "Count").to_numpy(float)

    def error(values: np.ndarray) -> float:
        with_one = np.column_stack((values, np.ones(len(values)))).astype(np.float64)
        return float(np.square(labels - with_one @ np.linalg.lstsq(with_one, labels, rcond=1e-5)[0]).mean())

    assert "nothing can be read off them linearly" in what_is_linear(tiny_config())
    assert "no linear function" in what_is_linear(tiny_config(gamma="sigmoid"))
    state = error(observed.state)
    assert state <= error(observed.gamma.reshape(len(observed), -1)) + 1e-4
    assert state <= error(observed.beta.reshape(len(observed), -1)) + 1e-4


def test_a_direction_that_lives_on_is_read_in_another_block():
    """The maps of both blocks have the type at the same numbers; gamma's second block has it not at all."""
    rng = np.random.default_rng(4)
    found = planted_type(rng)
    kind = np.searchsorted(["count", "exist", "query_color"], found.table["type"])
    pooled = rng.normal(size=(len(found), 3, 4)).astype(np.float32)
    pooled[:, 1:, :3] += 5 * np.eye(3)[kind][:, None]
    gamma = found.gamma.copy()
    gamma[:, 1] = rng.normal(size=(len(found), 4))
    told = replace(found, pooled=pooled, gamma=gamma)
    table = probe_transfer(told, chosen={"type": found.table["type"]})
    assert len(table) == 3 * 2 * 2
    keyed = table.set_index(["space", "trained", "read"])
    assert keyed.loc[("maps", 1, 2), "accuracy"] > 0.95
    assert keyed.loc[("maps", 1, 2), "control"] < 0.6
    assert keyed.loc[("gamma", 1, 1), "accuracy"] > 0.95
    assert keyed.loc[("gamma", 1, 2), "accuracy"] < 0.6
    assert (table["low"] <= table["high"]).all()
    drawn = transfer_heatmaps(table, "type")
    maps = drawn.data[0]
    assert maps.customdata[0][1][0] == pytest.approx(keyed.loc[("maps", 1, 2), "accuracy"], abs=1e-3)


def test_any_word_or_label_can_be_probed_for(observed):
    more = more_targets(observed.table)
    assert more["operation"] == "label:operation"
    word = next(name for name, what in more.items() if what.startswith("word:"))
    labels = target_of(observed.table, more[word])
    there = observed.table["text"].str.lower().str.contains(rf"\b{word.strip('“”')}\b")
    assert (labels == "there").tolist() == there.tolist()
    lengths = target_of(observed.table, more["number of words"])
    assert lengths.tolist() == observed.table["length"].astype(str).tolist()
    table = probe(observed, chosen={word: labels}, only=["state"])
    assert table["target"].unique().tolist() == [word]


def test_answers_of_one_kind_are_a_target_of_their_own(observed):
    found = targets(observed.table)
    counted = found["answer: a number"]
    assert ((counted != "") == (observed.table["type"] == "count")).all()
    assert (found["program depth"] != "").any()
