"""The network does what the paper says, however it is asked."""

from dataclasses import replace

import pytest
import torch

from film.config import NetworkConfig, TrainingConfig
from film.errors import InputError
from film.modulation import Modulation
from film.network import FiLMNetwork, activation_names, coordinate_maps

TINY = NetworkConfig(
    words=20,
    embedding=8,
    hidden_size=16,
    width=60,
    height=40,
    stem=((8, 5, 3), (8, 4, 2), (8, 4, 2)),
    maps=8,
    classifier_maps=12,
    classifier_units=(10,),
)


def network(**changes) -> FiLMNetwork:
    torch.manual_seed(0)
    built = FiLMNetwork(replace(TINY, **changes)).eval()
    for module in built.modules():  # running statistics as if trained, so that nothing is trivially 0 or 1
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
    return built


def material(pictures: int = 3, questions: int = 6):
    generator = torch.Generator().manual_seed(1)
    seen = torch.rand((pictures, 3, 40, 60), generator=generator)
    tokens = torch.randint(1, 20, (questions, 9), generator=generator)
    lengths = torch.tensor([9, 5, 9, 7, 8, 3][:questions])
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = 0
    return seen, tokens, lengths


VARIANTS = [
    *({"film_at": place} for place in ("input", "conv", "norm", "relu", "output")),
    {"modulated": (True, False, True, False)},
    {"modulated": (False,) * 4},
    {"film_at": "concat"},
    {"film_at": "concat", "modulated": (True, False, True, False)},
    {"batch_norm": False},
    {"residual": False},
    {"coordinates": False, "kernel": 1},
    {"inner_coordinates": True},
    {"bidirectional": True},
    {"gru_layers": 2},
    {"generator_norm": True},
    {"gamma": "tanh", "gamma_offset": 0.0, "beta": "zero"},
    {"blocks": 1, "modulated": (True,)},
    {"pooling": "mean"},
]


@pytest.mark.parametrize("change", VARIANTS, ids=str)
def test_sharing_a_picture_changes_no_answer(change):
    model = network(**change)
    pictures, tokens, lengths = material()
    with torch.inference_mode():
        apart = model(pictures[[0, 0, 1, 1, 2, 2]], tokens, lengths)
        grouped = model(pictures, tokens, lengths, 2)
        indexed = model(pictures, tokens, lengths, torch.tensor([0, 0, 1, 1, 2, 2]))
    assert apart.std() > 0.01
    torch.testing.assert_close(grouped, apart, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(indexed, apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", VARIANTS, ids=str)
def test_every_activation_named_is_recorded_with_its_shape(change):
    model = network(**change)
    pictures, tokens, lengths = material()
    names = activation_names(model.config)
    with torch.inference_mode():
        modulation = model.modulate(tokens, lengths)
        _, kept = model.classify(model.encode_picture(pictures), modulation, 2, record=names)
    assert {name: tuple(value.shape) for name, value in kept.items()} == {
        name: (6, *shape) for name, shape in names.items()
    }


def test_film_scales_and_shifts_each_map():
    model = network()
    pictures, tokens, lengths = material()
    with torch.inference_mode():
        modulation = model.modulate(tokens, lengths)
        _, kept = model.classify(
            model.encode_picture(pictures), modulation, 2, record=["block2.norm", "block2.film"]
        )
    gamma, beta = (values[:, 1, :, None, None] for values in (modulation.gamma, modulation.beta))
    assert torch.equal(kept["block2.film"], torch.addcmul(beta, gamma, kept["block2.norm"]))


def test_block_one_before_film_does_not_depend_on_the_question():
    model = network()
    pictures, tokens, lengths = material(1, 6)
    with torch.inference_mode():
        _, kept = model.classify(
            model.encode_picture(pictures),
            model.modulate(tokens, lengths),
            6,
            record=["block1.norm", "block2.norm"],
        )
    assert (kept["block1.norm"] - kept["block1.norm"][:1]).abs().max() == 0
    assert (kept["block2.norm"] - kept["block2.norm"][:1]).abs().max() > 1e-3


def test_without_modulation_the_network_is_blind_to_the_question():
    model = network(modulated=(False,) * 4)
    pictures, tokens, lengths = material(1, 6)
    with torch.inference_mode():
        logits = model(pictures, tokens, lengths, 6)
    assert (logits - logits[:1]).abs().max() < 1e-5


def test_padding_and_company_do_not_change_a_question():
    model = network()
    _, tokens, lengths = material()
    with torch.inference_mode():
        together = model.modulate(tokens, lengths).gamma
        alone = model.modulate(tokens[5:, :3], lengths[5:]).gamma
        states = model.question_encoder.states(tokens, lengths)
        last = model.question_encoder(tokens, lengths)
    torch.testing.assert_close(together[5:], alone)
    torch.testing.assert_close(states[torch.arange(6), lengths - 1], last)


def _gradient(encoder: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
    """Of the sum of squared states, by the GRU's recurrent weights."""
    return torch.autograd.grad(states.square().sum(), encoder.get_parameter("gru.weight_hh_l0"))[0]


@pytest.mark.parametrize("change", [{}, {"cell": "lstm"}, {"gru_layers": 2}])
def test_questions_are_learned_from_as_they_are_read(change):
    """What is computed for a gradient gives the same states, and padding adds nothing to the gradient."""
    model = network(**change)
    _, tokens, lengths = material()
    with torch.inference_mode():
        read = model.question_encoder(tokens, lengths)
    learned = model.question_encoder(tokens, lengths)
    torch.testing.assert_close(learned, read)
    encoder = model.question_encoder
    together = _gradient(encoder, learned)
    alone = sum(
        _gradient(encoder, encoder(tokens[i : i + 1, : lengths[i]], lengths[i : i + 1]))
        for i in range(len(tokens))
    )
    torch.testing.assert_close(together, alone)


def test_coordinates_are_x_then_y_from_left_to_right_and_top_to_bottom():
    across, down = coordinate_maps(torch.zeros(1, 1, 3, 5))[0]
    assert across[0].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert down[:, 0].tolist() == [-1, 0, 1]


def test_the_paper_s_network_has_the_paper_s_size():
    with torch.device("meta"):
        model = FiLMNetwork(replace(NetworkConfig(), answers=32))
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert model.config.grid == (14, 14)
    assert round(count["question_encoder"] / 1e6, 2) == 57.03
    assert round(sum(n for name, n in count.items() if name != "question_encoder") / 1e6, 2) == 2.08


def test_edits_leave_what_they_came_from():
    before = Modulation.identity(2, 4, 8)
    after = before.with_value(1, [0, 3], gamma=0.0).scaled(beta=2.0)
    assert before.gamma.min() == 1
    assert after.gamma[:, 1, [0, 3]].abs().sum() == 0
    assert after.gamma.sum() == 2 * 4 * 8 - 4
    noisy = before.with_noise(1.0, seed=3)
    assert torch.equal(noisy.gamma, before.with_noise(1.0, seed=3).gamma)
    assert torch.equal(noisy.beta, before.beta)
    torch.testing.assert_close(before.blended(after, 0.5).gamma[0, 1, 0], torch.tensor(0.5))
    with pytest.raises(InputError, match="no feature map 8"):
        before.with_value(0, 8, gamma=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": 0}, "maps is 0"),
        ({"maps": True}, "maps is True"),
        ({"film_at": "here"}, "film_at"),
        ({"modulated": (True,)}, "modulated"),
        ({"kernel": 2}, "odd"),
        ({"stem": ((8, 90, 64),)}, "stem"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_impossible_networks_are_refused_in_words(change, message):
    with pytest.raises(InputError, match=message):
        replace(TINY, **change)


def test_configurations_survive_json():
    import json

    again = NetworkConfig.from_dict(json.loads(json.dumps(TINY.to_dict())))
    assert again == TINY
    recipe = TrainingConfig(samples=5, horizontal_flip=True, frozen=("stem",))
    assert TrainingConfig.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    with pytest.raises(InputError, match="unknown field 'mops'"):
        NetworkConfig.from_dict({"mops": 3})


def test_learning_rate_rises_then_falls_along_a_half_cosine():
    recipe = TrainingConfig(samples=1000, warm_up=100, learning_rate=1.0, final_rate=0.1)
    rates = [recipe.rate(samples) for samples in range(0, 1001, 50)]
    assert rates[0] < 0.01
    assert max(rates) == rates[2] == 1.0
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
