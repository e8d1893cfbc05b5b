"""The FiLM layer is gamma * x + beta, whatever surrounds it."""

import copy
import shutil

import pytest
import torch
from torch import nn

from film.errors import InputError
from film.layer import FiLM, Generator, scale_and_shift

# PyTorch's own, from its forward mode and its compiler.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")

SHAPES = [(4, 6), (4, 6, 5), (4, 6, 3, 5), (4, 6, 2, 3, 5)]
# x, gamma and beta: by map, by place, by some places, one row for all
CASES = [(shape, shape[:2], shape[:2]) for shape in SHAPES] + [
    (SHAPES[1], SHAPES[1], SHAPES[1]),
    (SHAPES[2], SHAPES[2], SHAPES[2][:2]),
    (SHAPES[2], (4, 6, 1, 5), (4, 6, 3, 1)),
    (SHAPES[3], (1, 6), (4, 6, 2, 1, 1)),
]


def plain(x, gamma, beta):
    gamma, beta = (v.reshape(*v.shape, *(1,) * (x.ndim - 2)) if v.ndim == 2 else v for v in (gamma, beta))
    return gamma * x + beta


def material(shapes, dtype=torch.double, last=False):
    """Random tensors of these shapes; `last` lays the maps of the first innermost (channels last)."""
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(s, generator=generator, dtype=dtype) for s in shapes]
    if last:
        made[0] = made[0].movedim(1, -1).contiguous().movedim(-1, 1)
    return [values.requires_grad_() for values in made]


def gradients(function, inputs):
    out = function(*inputs)
    weights = torch.linspace(-1, 2, out.numel()).view(out.shape)
    return out, *torch.autograd.grad((out.double() * weights).sum(), inputs)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.double])
def test_equal_to_a_plain_broadcast_with_every_gradient(case, dtype, last):
    inputs = material(case, dtype, last)
    for ours, theirs in zip(gradients(scale_and_shift, inputs), gradients(plain, inputs), strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert (ours - theirs).abs().max() <= 1e-6 * theirs.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_of_first_and_second_order_and_forward_mode(case, last):
    inputs = material(case, last=last)
    assert torch.autograd.gradcheck(scale_and_shift, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(scale_and_shift, inputs)


def test_channels_last_stays_channels_last():
    x, gamma, beta = material(CASES[2])
    last = x.detach().contiguous(memory_format=torch.channels_last)
    out = scale_and_shift(last, gamma, beta)
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, plain(x, gamma, beta))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_result_has_the_dtype_of_x(dtype):
    x, gamma, beta = material(CASES[2], torch.float32)
    half = x.detach().to(dtype).requires_grad_()
    out, *grads = gradients(scale_and_shift, (half, gamma, beta))
    assert [out.dtype, *(g.dtype for g in grads)] == [dtype, dtype, torch.float32, torch.float32]
    expected = gradients(plain, (x, gamma, beta))
    for ours, theirs in zip((out, *grads), expected, strict=True):
        assert (ours - theirs).abs().max() <= 0.03 * theirs.abs().max()


def test_under_autocast():
    layer = FiLM(6, 7)
    x, condition = material([(4, 6, 3, 5), (4, 7)], torch.float32)
    expected = gradients(layer, (x, condition))
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16):  # the linear layer's gammas are bfloat16
            out, *grads = gradients(layer, (x.to(dtype), condition))
        assert out.dtype == dtype
        for ours, theirs in zip((out, *grads), expected, strict=True):
            assert (ours - theirs).abs().max() <= 0.05 * theirs.abs().max()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_func(case, last):
    inputs = tuple(v.detach() for v in material(case, last=last))
    tangents = tuple(torch.ones_like(v) for v in inputs)
    for ours, theirs in zip(
        torch.func.jvp(scale_and_shift, inputs, tangents),
        torch.func.jvp(plain, inputs, tangents),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(
            transform(scale_and_shift, (0, 1, 2))(*inputs), transform(plain, (0, 1, 2))(*inputs)
        )
    stacked = torch.stack((inputs[0], 2 * inputs[0], -inputs[0]))
    torch.testing.assert_close(
        torch.func.vmap(scale_and_shift, (0, None, None))(stacked, *inputs[1:]),
        torch.func.vmap(plain, (0, None, None))(stacked, *inputs[1:]),
    )


def test_gradients_of_each_sample_by_torch_func():
    layer = FiLM(6, 7)
    x, condition = (v.detach() for v in material([(4, 6, 3, 5), (4, 7)], torch.float32))

    def loss(weights, x, condition):
        out = torch.func.functional_call(layer, weights, (x[None], condition[None]))
        return out.square().sum()

    weights = {name: value.detach() for name, value in layer.named_parameters()}
    together = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(weights, x, condition)
    for row in range(4):
        layer.zero_grad()
        layer(x[row : row + 1], condition[row : row + 1]).square().sum().backward()
        for name, value in layer.named_parameters():
            torch.testing.assert_close(together[name][row], value.grad, rtol=1e-4, atol=1e-4)


def test_export():
    layer = FiLM(6, 7)
    x, condition = (v.detach() for v in material([(4, 6, 3, 5), (4, 7)], torch.float32))
    rows = torch.export.Dim("rows")
    program = torch.export.export(layer, (x, condition), dynamic_shapes=({0: rows}, {0: rows}))
    torch.testing.assert_close(program.module()(x[:3], condition[:3]), layer(x[:3], condition[:3]))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compile():
    layer = FiLM(6, 7)
    inputs = material([(4, 6, 3, 5), (4, 7)], torch.float32)
    compiled = torch.compile(layer, fullgraph=True)
    for ours, theirs in zip(gradients(compiled, inputs), gradients(layer, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_networks_apart_shared_and_alone():
    f, h = nn.Linear(7, 6), nn.Linear(7, 6)
    x, condition = (v.detach() for v in material([(4, 6, 5), (4, 7)], torch.float32))
    both = FiLM(6, shared=lambda c: torch.cat((f(c), h(c)), 1))
    torch.testing.assert_close(FiLM(6, f=f, h=h)(x, condition), both(x, condition))
    torch.testing.assert_close(both(x, condition), plain(x, 1 + f(condition), h(condition)))
    torch.testing.assert_close(FiLM(6, f=f, offset=0.0)(x, condition), f(condition)[..., None] * x)
    torch.testing.assert_close(FiLM(6, h=h, offset=0.0)(x, condition), x + h(condition)[..., None])
    assert len(list(FiLM(6, f=f, h=h).parameters())) == 4
    by_step = FiLM(6, shared=nn.Conv1d(2, 12, 3, padding=1))
    assert by_step(x, torch.randn(4, 2, 5)).shape == x.shape


@pytest.mark.parametrize(
    ("network", "condition"),
    [
        (lambda: {"condition": 7}, torch.ones(4, 7)),
        (lambda: {"shared": nn.Embedding(10, 12)}, torch.tensor([1, 9, 0, 3])),
        (lambda: {"f": nn.Sequential(nn.Linear(7, 6)), "h": nn.Linear(7, 6)}, torch.ones(4, 7)),
    ],
)
def test_zero_init_starts_as_the_identity_and_learns(network, condition):
    layer = FiLM(6, **network(), zero_init=True)
    x = torch.randn(4, 6, 5)
    out = layer(x, condition)
    assert torch.equal(out, x)
    out.square().sum().backward()
    assert all(value.grad.abs().sum() > 0 for value in layer.parameters())
    assert not torch.equal(FiLM(6, **network())(x, condition), x)


@pytest.mark.parametrize("options", [{}, {"offset": 0.5}, {"zero_init": True}], ids=str)
def test_a_generator_makes_unequal_layers(options):
    generator = Generator([3, 8, 5], 7, **options)
    condition = torch.randn(4, 7)
    raw = generator.shared(condition)
    assert (raw == 0).all() == ("zero_init" in options)
    start = 0
    for (gamma, beta), maps in zip(generator(condition), (3, 8, 5), strict=True):
        torch.testing.assert_close(gamma, raw[:, start : start + maps] + options.get("offset", 1.0))
        torch.testing.assert_close(beta, raw[:, start + maps : start + 2 * maps])
        x = torch.randn(4, maps, 2, 2)
        torch.testing.assert_close(FiLM(maps).apply(x, gamma, beta), plain(x, gamma, beta))
        start += 2 * maps


def test_apply_of_a_function_is_that_of_every_module():
    seen = []
    network = nn.Sequential(FiLM(6, 7), nn.ReLU())
    assert network.apply(seen.append) is network
    assert [type(module) for module in seen] == [nn.Linear, FiLM, nn.ReLU, nn.Sequential]
    assert copy.deepcopy(network)[0].channels == 6


X = torch.zeros(4, 6, 3, 5)
WRONG = {
    "maps": lambda: FiLM(6, 7)(torch.zeros(4, 5), torch.zeros(4, 7)),
    "condition": lambda: FiLM(6, 7)(X, torch.zeros(4, 8)),
    "rows": lambda: FiLM(6, 7)(X, torch.zeros(3, 7)),
    "gamma": lambda: scale_and_shift(X, torch.zeros(4, 1), torch.zeros(4, 6)),
    "beta": lambda: scale_and_shift(X, torch.zeros(4, 6), torch.zeros(4, 6, 5, 3)),
    "dimensions": lambda: scale_and_shift(X, torch.zeros(4, 6, 3), torch.zeros(4, 6)),
    "whole numbers": lambda: scale_and_shift(X.long(), torch.zeros(4, 6), torch.zeros(4, 6)),
    "no network": lambda: FiLM(6)(X, torch.zeros(4, 7)),
    "half given": lambda: FiLM(6).apply(X, torch.zeros(4, 6)),  # type: ignore[call-overload]
    "two ways": lambda: FiLM(6, 7, f=nn.Linear(7, 6)),
    "output": lambda: FiLM(6, f=nn.Linear(7, 12))(X, torch.zeros(4, 7)),
    "no tensor": lambda: FiLM(6, shared=lambda c: (c, c))(X, torch.zeros(4, 7)),  # type: ignore
    "end": lambda: FiLM(6, f=nn.Sequential(nn.Linear(7, 6), nn.Tanh()), zero_init=True),
    "channels": lambda: FiLM(0, 7),
    "generator": lambda: Generator([3, 4]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_ends_in_a_sentence(what):
    with pytest.raises(InputError, match=r"^[^\n]{20,300}\.$"):
        WRONG[what]()
