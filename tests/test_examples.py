"""Networks of other fields: the layer in them, the worked example run small, the authors' published data."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import analysis
from analysis.__main__ import main
from examples import digits
from film import FiLM, Generator, InputError


def learns(network, given, wanted, steps=150):
    """Loss before and after some steps of Adam."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(steps):
        loss = nn.functional.mse_loss(network(*given), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


class ByClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.after = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 1)
        self.film = FiLM(8, shared=nn.Embedding(4, 16), zero_init=True)

    def forward(self, x, label):
        return self.after(torch.relu(self.film(self.before(x), label))).mean((1, 2, 3))


class BySentence(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.reader = nn.Embedding(12, 8), nn.GRU(8, 16, batch_first=True)
        self.generator = Generator([6, 10], 16)
        self.first, self.second, self.out = nn.Linear(5, 6), nn.Linear(6, 10), nn.Linear(10, 1)
        self.one, self.two = FiLM(6), FiLM(10)

    def forward(self, x, sentence):
        (g1, b1), (g2, b2) = self.generator(self.reader(self.words(sentence))[1][-1])
        x = torch.relu(self.one.apply(self.first(x), g1, b1))
        return self.out(torch.relu(self.two.apply(self.second(x), g2, b2)))[:, 0]


class ByStep(nn.Module):
    def __init__(self):
        super().__init__()
        rates = torch.exp(-torch.arange(8) / 2)
        sines = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 16))
        self.sines = lambda t: torch.cat([(t[:, None] * rates).sin(), (t[:, None] * rates).cos()], 1)
        self.film = FiLM(8, shared=sines, zero_init=True)
        self.before, self.after = nn.Conv1d(1, 8, 3, padding=1), nn.Conv1d(8, 1, 1)

    def forward(self, x, step):
        return self.after(torch.tanh(self.film(self.before(x), self.sines(step)))).mean((1, 2))


def test_the_layer_in_a_class_conditional_network():
    torch.manual_seed(0)
    label = torch.arange(4).repeat(16)
    before, after = learns(ByClass(), (torch.randn(64, 1, 6, 6), label), label.float())
    assert after < 0.1 < before


def test_the_layer_in_a_sentence_conditional_network():
    torch.manual_seed(0)
    sentence = torch.randint(12, (64, 5))
    x = torch.randn(64, 5)
    wanted = torch.where((sentence == 3).any(1), x[:, 0], x[:, 1])  # a word says which input counts
    before, after = learns(BySentence(), (x, sentence), wanted)
    assert after < 0.3 * before


def test_the_layer_in_a_diffusion_step_conditional_network():
    torch.manual_seed(0)
    step = torch.arange(0, 64).float()
    before, after = learns(ByStep(), (torch.randn(64, 1, 12), step), (step / 20).sin())
    assert after < 0.3 * before


@pytest.mark.parametrize("network", [ByClass, ByStep])
def test_zero_init_leaves_a_network_as_it_was_before_the_layer(network):
    torch.manual_seed(0)
    model = network()
    x = torch.randn(4, 1, 6, 6) if network is ByClass else torch.randn(4, 1, 12)
    told = torch.tensor([0, 1, 2, 3]) if network is ByClass else torch.tensor([0.0, 9.0, 99.0, 999.0])
    plain = model(x, told)
    model.film.forward = lambda x, condition: x
    torch.testing.assert_close(model(x, told), plain)


def test_the_worked_example_run_small(tmp_path, capsys):
    folder = tmp_path / "digits"
    digits.main([str(folder), "--small"])
    said = capsys.readouterr().out
    assert "told as it is" in said
    share = float(said.split("told as it is: ")[1].split("%")[0])
    assert share > 50
    about, problems = analysis.check_study(folder)
    assert not problems
    assert "120 conditions; 3 layers of 16, 32, 64 maps; states of 64" in about
    study = analysis.open_extraction(folder)
    found = analysis.read_labels(folder, study)
    assert found.of_label("digit").iloc[0]["p_family"] <= 0.05
    assert (found.of_label("coin")["p_family"] > 0.05).all()


def test_pictures_are_turned_as_the_network_is_told():
    picture = np.zeros((1, 8, 8))
    picture[0, 3:5, 6] = 16
    turned = digits.turn(np.repeat(picture, 3, 0), np.array([0.0, 90.0, -90.0]))[:, 0]
    torch.testing.assert_close(turned[0], torch.tensor(picture[0] / 16, dtype=torch.float32))
    for one in turned[1:]:
        assert one.sum() == pytest.approx(2, abs=1e-3)
        assert one[:, 6].sum() == pytest.approx(0, abs=1e-3)
    assert not torch.allclose(turned[1], turned[2])


def test_the_authors_published_maps_open_as_a_study(shared_data, tmp_path):
    folder = shared_data / "distill-film"
    if not folder.is_dir():
        pytest.skip("the article's data is not here")
    assert main(["import-article", str(folder), "--out", str(tmp_path)]) == 0
    studies = {path.name: analysis.open_extraction(path) for path in sorted(tmp_path.glob("map-*"))}
    assert list(studies) == ["map-26", "map-76", "map-92"]
    for name, study in studies.items():
        assert len(study) == 1024
        assert study.schema.layers.names == (name.replace("-", " "),)
        assert not analysis.check_study(tmp_path / name)[1]
    # As the article shows them: map 26 tells behind from front, map 76 whether a color is asked about.
    one, other = studies["map-26"], studies["map-76"]
    front_or_behind, color = (study.schema.layers.of(study.gamma, 0)[:, 0] for study in (one, other))
    assert front_or_behind[one.has_word("behind")].mean() > 2
    assert front_or_behind[one.has_word("front")].mean() < -2
    assert color[other.has_word("color")].mean() > 4
    first = analysis.read_labels(tmp_path / "map-76", other).of_label("attribute").iloc[0]
    assert first["value"] == "color"


def test_files_that_are_not_the_articles_are_refused(tmp_path):
    with pytest.raises(InputError, match="has no files"):
        analysis.import_article(tmp_path, tmp_path / "out")
    bad = tmp_path / "clevr_gamma_beta_words_subcluster_fm_1.json"
    row = {"gamma": 1.0, "beta": 0.0, "type": 99, "question": ["a"], "feature_map": 1}
    for content in ("{", "[]", json.dumps([row])):
        bad.write_text(content)
        with pytest.raises(InputError, match="not a file of the article"):
            analysis.import_article(tmp_path, tmp_path / "out")
