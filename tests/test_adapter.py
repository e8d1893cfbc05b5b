"""A study of any FiLM network: gammas and betas collected, written, checked, and set beside labels."""

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import analysis
from analysis.__main__ import main
from analysis.corpus.layout import LayoutRecipe
from film import FiLM, Generator, InputError

WIDTHS = {"early": 16, "middle": 32, "late": 64}
PCA = [LayoutRecipe("both", "pca"), LayoutRecipe("both:2", "pca")]


class Foreign(nn.Module):
    """Three FiLM layers of unequal width; the last one's gammas and betas are made elsewhere."""

    def __init__(self, condition: int = 12):
        super().__init__()
        self.early, self.middle, self.late = FiLM(16, condition), FiLM(32, condition), FiLM(64)
        self.maker = nn.Linear(condition, 128)
        self.mix = nn.ModuleList([nn.Linear(3, 16), nn.Linear(16, 32), nn.Linear(32, 64)])
        self.dropout = nn.Dropout(0.5)

    def forward(self, x, condition):
        x = self.early(self.mix[0](x), self.dropout(condition))
        x = self.middle(self.mix[1](x), condition)
        gamma, beta = self.maker(condition).chunk(2, 1)
        return self.late.apply(self.mix[2](x), 1 + gamma, beta)


def conditions(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    vectors = torch.tensor(rng.normal(size=(rows, 12)), dtype=torch.float32)
    table = pd.DataFrame({"task": rng.choice(["push", "pull", "lift"], rows), "speed": vectors[:, 3].numpy()})
    return vectors, table.assign(night=rng.random(rows) < 0.3)


def batches(vectors, size=64):
    return [(torch.zeros(len(part), 3), part) for part in vectors.split(size)]


def layers_of(model):
    return {name: getattr(model, name) for name in WIDTHS}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    torch.manual_seed(0)
    model = Foreign()
    vectors, table = conditions()
    gamma, beta = analysis.collect(model, layers_of(model), table, batches(vectors))
    folder = tmp_path_factory.mktemp("foreign") / "study"
    made = analysis.write_study(folder, table, gamma, beta, state=vectors.numpy(), name="arm", maps=PCA)
    return folder, made, gamma, beta


def test_collected_gammas_and_betas_are_those_applied_whoever_made_them():
    torch.manual_seed(0)
    model = Foreign().train()
    vectors, table = conditions(100)
    gamma, beta = analysis.collect(model, layers_of(model), table, batches(vectors, 30))
    assert {name: values.shape for name, values in gamma.items()} == {n: (100, w) for n, w in WIDTHS.items()}
    with torch.no_grad():
        for name in ("early", "middle"):
            one, two = getattr(model, name).modulation(vectors)  # without dropout: in eval mode
            np.testing.assert_allclose(gamma[name], one, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(beta[name], two, rtol=1e-5, atol=1e-6)
        one, two = model.maker(vectors).chunk(2, 1)
    np.testing.assert_allclose(gamma["late"], 1 + one, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(beta["late"], two, rtol=1e-5, atol=1e-6)
    assert model.training
    assert model.dropout.training
    assert "apply" not in vars(model.early)  # left as it was
    assert model.apply(lambda module: None) is model


def test_modules_functions_and_generators_of_the_caller():
    vectors, table = conditions(40)
    generator, maker = Generator([4, 6], 12), nn.Linear(12, 10)
    model = nn.Module()
    model.forward = lambda c: (generator(c), maker(c))
    shift_first = (maker, lambda out: (1 + out[:, 5:], out[:, :5]))
    layers: dict[str, Any] = {
        "g": generator,
        "ada": shift_first,
        "own": lambda batch: (batch[:, :2], batch[:, 2:4]),
    }
    gamma, beta = analysis.collect(model, layers, table, list(vectors.split(16)))
    assert {n: v.shape[1] for n, v in gamma.items()} == {"g 1": 4, "g 2": 6, "ada": 5, "own": 2}
    np.testing.assert_allclose(gamma["ada"], 1 + maker(vectors)[:, 5:].detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(beta["own"], vectors[:, 2:4])
    by_place = {"own": lambda batch: (batch.view(-1, 2, 6), batch.view(-1, 2, 6))}
    gamma, _ = analysis.collect(lambda c: None, by_place, table, [vectors])
    np.testing.assert_allclose(gamma["own"], vectors.view(-1, 2, 6).mean(2), rtol=1e-5, atol=1e-6)


WRONG_LAYERS = {
    "never run": lambda model: {"x": nn.Linear(2, 2)},
    "no pair": lambda model: {"x": model.maker},
    "none": lambda model: {},
    "unlike": lambda model: {"x": lambda batch: (batch[1][:, :2], batch[1][:, :3])},
    "rows": lambda model: {"a": model.early, "x": lambda batch: (batch[1][:2], batch[1][:2])},
}


@pytest.mark.parametrize("what", WRONG_LAYERS)
def test_a_layer_that_does_not_fit_ends_in_a_sentence(what):
    model, (vectors, table) = Foreign(), conditions(20)
    with pytest.raises(InputError, match=r"^[^\n]{20,300}\.$"):
        analysis.collect(model, WRONG_LAYERS[what](model), table, batches(vectors))
    with pytest.raises(InputError, match="20 rows and the conditions 19"):
        analysis.collect(model, layers_of(model), table[:19], batches(vectors))


def test_a_study_of_unequal_layers_opens_as_any_other(study):
    folder, _, gamma, beta = study
    found = analysis.open_extraction(folder)
    schema = found.schema
    assert (schema.noun, schema.nouns) == ("episode", "episodes")
    assert (schema.categories, schema.numbers) == (("task", "night"), ("speed",))
    assert schema.layers == analysis.Layers(tuple(WIDTHS), tuple(WIDTHS.values()))
    np.testing.assert_array_equal(analysis.vectors(found, "gamma:2"), gamma["middle"])
    np.testing.assert_array_equal(analysis.vectors(found, "both:3"), np.hstack([gamma["late"], beta["late"]]))
    assert analysis.vectors(found, "both").shape == (400, 2 * 112)
    assert list(analysis.layouts_in(folder / "layouts", found)) == ["All layers, PCA", "Middle, PCA"]
    assert found.table["text"][0].startswith("task ")
    said, problems = analysis.check_study(folder)
    assert not problems
    for part in (
        "400 episodes",
        "3 layers of 16, 32, 64 maps",
        "task, night, speed",
        "2 projections",
        "states of 12",
    ):
        assert part in said


def test_the_checker_says_what_is_wrong(study, tmp_path, capsys):
    _, made, gamma, beta = study
    folder = tmp_path / "study"
    analysis.write_study(folder, made.table[["task"]], gamma, beta, maps=[])
    assert main(["check", str(folder)]) == 0
    assert "no states" in capsys.readouterr().out
    values = np.load(folder / "gamma.npy")
    values[3, 5] += 1
    np.save(folder / "gamma.npy", values)
    assert main(["check", str(folder)]) == 2
    assert "not those that were written" in capsys.readouterr().err
    values[3, 5] = np.nan
    np.save(folder / "gamma.npy", values)
    assert "no numbers" in analysis.check_study(folder)[1][0]
    np.save(folder / "gamma.npy", values[:10])
    assert "should have" in analysis.check_study(folder)[1][0]
    assert main(["check", str(tmp_path)]) == 2


def test_a_number_that_is_none_is_refused_whenever_a_study_is_opened(study, tmp_path, capsys):
    _, made, gamma, beta = study
    folder, rows = tmp_path / "study", np.arange(len(made.table), dtype=float)
    analysis.write_study(folder, made.table[["task"]].assign(size=rows), gamma, beta, maps=[])
    table = pd.read_parquet(folder / "table.parquet")
    table.loc[4, "size"] = np.nan
    table.to_parquet(folder / "table.parquet")
    seal = json.loads((folder / "extraction.json").read_text())
    seal["files"]["table.parquet"] = (folder / "table.parquet").stat().st_size
    (folder / "extraction.json").write_text(json.dumps(seal))
    said = f"size is no number in 1 of {len(rows)} rows, first in row 4"
    with pytest.raises(InputError, match=said):
        analysis.open_extraction(folder)
    assert main(["check", str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_a_study_is_replaced_and_nothing_else_is(study, tmp_path):
    _, made, gamma, beta = study
    table = made.table[["task"]]
    first = analysis.write_study(tmp_path / "s", table, gamma, beta, maps=PCA)
    second = analysis.write_study(tmp_path / "s", table, beta, gamma, maps=[])
    assert first.recipe["weights"] != second.recipe["weights"]
    assert not analysis.layouts_in(tmp_path / "s" / "layouts", second)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="something else"):
        analysis.write_study(tmp_path / "other", table, gamma, beta)


ROWS = 30
TABLE = pd.DataFrame({"kind": ["a", "b"] * 15, "size": np.arange(30.0)})
GOOD = np.random.default_rng(0).normal(size=(ROWS, 4))
BAD = np.where(np.arange(ROWS)[:, None] == 17, np.nan, GOOD)
WRONG_STUDIES: dict[str, Any] = {
    "gamma NaN": ((TABLE, {"b2": BAD}, {"b2": GOOD}), {}, "gamma of b2 is no number .* row 17"),
    "beta infinite": ((TABLE, {"b": GOOD}, {"b": np.where(np.isnan(BAD), np.inf, GOOD)}), {}, "beta of b"),
    "state NaN": ((TABLE, [GOOD], [GOOD]), {"state": BAD}, "state is no number"),
    "label NaN": ((TABLE.assign(size=BAD[:, 0]), [GOOD], [GOOD]), {}, "label size"),
    "rows": ((TABLE, [GOOD[:9]], [GOOD[:9]]), {}, "a row for each row"),
    "layers": ((TABLE, {"a": GOOD}, {"b": GOOD}), {}, "same layers"),
    "no layers": ((TABLE, {}, {}), {}, "No layer"),
    "no such label": ((TABLE, [GOOD], [GOOD]), {"labels": ["mood"]}, "no column 'mood'"),
    "taken": ((TABLE.rename(columns={"kind": "gamma"}), [GOOD], [GOOD]), {}, "rename it"),
    "few": ((TABLE[:5], [GOOD[:5]], [GOOD[:5]]), {}, "too few"),
    "noun": ((TABLE, [GOOD], [GOOD]), {"noun": ""}, "no name"),
    "texts": ((TABLE, [GOOD.astype(str)], [GOOD]), {}, "real numbers"),
}


@pytest.mark.parametrize("what", WRONG_STUDIES)
def test_a_study_that_cannot_be_ends_in_a_sentence(what, tmp_path):
    given, options, said = WRONG_STUDIES[what]
    with pytest.raises(InputError, match=said):
        analysis.write_study(tmp_path / "study", *given, **options)
    assert not (tmp_path / "study" / "extraction.json").exists()


def test_arrays_without_names_and_without_states(tmp_path):
    stack = np.stack([GOOD, 2 * GOOD], 1)
    found = analysis.write_study(tmp_path / "s", TABLE, stack, stack, noun="query", maps=[])
    assert found.schema.layers == analysis.Layers(("layer 1", "layer 2"), (4, 4))
    assert found.schema.nouns == "queries"
    np.testing.assert_allclose(analysis.vectors(found, "beta:2"), 2 * GOOD, rtol=1e-6)
    with pytest.raises(InputError, match="no states"):
        analysis.vectors(found, "state")
    assert analysis.write_study(tmp_path / "t", TABLE, GOOD, GOOD, maps=[]).gamma.shape == (ROWS, 4)


# --- Labels -------------------------------------------------------------------------------------------


def in_memory(table, gamma, beta):
    """A study of two layers, 6 and 10 maps, that is nowhere written."""
    recipe = {
        "weights": "w", "questions": "q", "seed": 0, "layers": [["one", 6], ["two", 10]], "noun": "image",
        "categories": [c for c in table if table[c].dtype.kind == "O"],
        "numbers": [c for c in table if table[c].dtype.kind == "f"], "words": False,
    }  # fmt: skip
    return analysis.Extraction(table.assign(text=""), gamma, beta, None, recipe)


def planted(seed, rows=240):
    rng = np.random.default_rng(seed)
    gamma, beta = rng.normal(size=(2, rows, 16)).astype(np.float32)
    kind, amount = rng.choice(["a", "b", "c"], rows), rng.random(rows)
    gamma[:, 9] += 2.0 * (kind == "b")  # layer two, map 3, is switched by a label
    beta[:, 2] += 3.0 * (amount > 2 / 3)  # layer one, map 2
    return pd.DataFrame({"kind": kind.astype(object), "amount": amount}), gamma, beta


def test_a_label_that_switches_a_map_is_found():
    found = analysis.measure_labels(in_memory(*planted(1, rows=400)))
    best = found.of_label("kind").iloc[0]
    assert (best["layer"], best["map"], best["kind"], best["value"]) == ("two", 3, "gamma", "b")
    assert best["effect"] > 0.5
    assert best["p_family"] <= 0.05
    best = found.of_label("amount").iloc[0]
    assert (best["layer"], best["map"], best["kind"]) == ("one", 2, "beta")
    assert best["value"].startswith("high")
    probes = found.probes.set_index(["target", "space", "block"])
    switched, still = probes.loc[("kind", "gamma", 2)], probes.loc[("kind", "beta", 2)]
    assert switched["low"] > switched["majority"]
    assert switched["low"] > switched["control_high"]
    assert still["low"] <= still["majority"]
    assert not found.recipe["left_out"]


def test_shuffled_labels_are_claimed_at_most_one_time_in_twenty():
    """Studies in which labels mean nothing: the share with any finding, of two labels and 32 numbers."""
    studies, claimed = 200, 0
    for seed in range(studies):
        table, gamma, beta = planted(1000 + seed, rows=90)
        order = np.random.default_rng(seed).permutation(len(table))
        study = in_memory(table.iloc[order].reset_index(drop=True), gamma, beta)
        found = analysis.measure_labels(study, seed=seed, trials=99, probes=False)
        claimed += bool((found.contrasts["p_family"] <= 0.05).any())
    # With a true level of 5 % more than 18 of 200 come about in 1 of 100 runs.
    assert claimed <= 18, claimed


def test_rows_of_one_condition_count_once():
    """Twelve classes, each modulated one way, shown a hundred times: labels of classes are 12 conditions."""
    rng = np.random.default_rng(0)
    which = np.repeat(np.arange(12), 100)
    gamma, beta = (rng.normal(size=(12, 16)).astype(np.float32)[which] for _ in range(2))
    odd = np.where(rng.permutation(12) % 2, "odd", "even")[which].astype(object)
    alone = np.char.mod("class %d", which).astype(object)
    found = analysis.measure_labels(in_memory(pd.DataFrame({"odd": odd, "class": alone}), gamma, beta))
    assert found.recipe["conditions"] == 12
    assert set(found.contrasts["conditions"]) == {12}
    assert (found.contrasts["p_family"] > 0.05).all()
    assert "conditions" in found.left_out("class")
    few = in_memory(pd.DataFrame({"odd": odd[:500]}), gamma[:500], beta[:500])
    assert "differ; there are 5" in analysis.measure_labels(few).left_out("odd")


def test_why_together_tells_of_numbers_and_of_no_question(study):
    folder, made, *_ = study
    fast = (made.table["speed"] > 1).to_numpy()
    layout = analysis.layouts_in(folder / "layouts", made)["All layers, PCA"]
    why = analysis.why_together(made, fast, layout=layout, drawn=True)
    assert "speed is higher" in why.sentence
    row = why.table[why.table["feature"] == "speed"].iloc[0]
    assert row["kind"] == "count"
    assert row["selection"] == pytest.approx(made.table["speed"][fast].mean(), rel=1e-4)
    told = " ".join(said for _, said in why.statements()) + why.describe()
    assert "episodes" in told
    assert "question" not in told
    assert {"early", "middle", "late"} & set(why.table["feature"].str.split(",").str[0])


def test_a_study_without_any_label_still_says_what_can_be_said(tmp_path):
    nothing = pd.DataFrame(index=range(ROWS))
    found = analysis.write_study(tmp_path / "s", nothing, GOOD, GOOD, maps=[LayoutRecipe("both", "pca")])
    layout = next(iter(analysis.layouts_in(tmp_path / "s" / "layouts", found).values()))
    why = analysis.why_together(found, np.arange(10), layout=layout)
    assert why.region is not None
    assert why.baselines is None
    assert dataclasses.asdict(found.schema)["noun"] == "episode"
