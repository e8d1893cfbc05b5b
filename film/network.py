"""The FiLM network (Perez et al., AAAI 2018, section 2 and Figure 3).

    question --GRU--> state --linear--> gamma, beta of every block          (`read`, `modulate`)
    picture  --stem--> feature maps                                         (`see`)
    feature maps --FiLM-ed residual blocks--> --classifier--> logits        (`answer`)

The halves are separate on purpose: gamma and beta can be given instead of predicted, and a
picture is seen once however many questions are asked about it. What the first block does before
its FiLM does not depend on the question (paper Figure 14), so it too is computed once a picture.

Letters in shape comments: Q questions, T tokens, P pictures, B blocks, C maps, h x w the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from film.config import NetworkConfig
from film.errors import InputError
from film.layer import FiLM
from film.modulation import Modulation

# How questions share pictures: None, one question a picture; k, every picture serves the next k
# questions; a tensor (Q,), the index of each question's picture.
PictureOf = Tensor | int | None

# What may stand in an activation's place: values, one row a question or one for all, or a function of it.
Replacement = Tensor | Callable[[Tensor], Tensor]


def activation_names(config: NetworkConfig) -> dict[str, tuple[int, int, int]]:
    """Every activation that can be recorded, with its shape for one question.

    In a block: `input` with its coordinate maps, `conv1` after ReLU-1 (the skip starts here),
    `conv2` as it leaves the second convolution, `norm` after batch norm, `film` after FiLM,
    `relu` after ReLU-2, `out` after the addition. A network without a part passes on what came
    before it. `classifier.maps` is what the max-pooling chooses from (paper Figure 4).
    """
    columns, rows = config.grid
    names = {"stem": (config.maps, rows, columns)}
    for block in range(1, config.blocks + 1):
        for part in ("input", "conv1", "conv2", "norm", "film", "relu", "out"):
            maps = config.maps + 2 * (config.coordinates and part == "input")
            names[f"block{block}.{part}"] = (maps, rows, columns)
    names["classifier.maps"] = (config.classifier_maps, rows, columns)
    return names


class Hooks:
    """Records activations by name, one row a question, and puts others in the place of some."""

    def __init__(
        self,
        config: NetworkConfig,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
        picture_of: PictureOf = None,
    ):
        self.replace = replace or {}
        known = activation_names(config)
        if unknown := sorted({*record, *self.replace} - set(known)):
            raise InputError(f"There is no activation {unknown[0]!r}; choose from {', '.join(known)}.")
        self.record = frozenset(record)
        self.picture_of = picture_of
        self.kept: dict[str, Tensor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.record or name in self.replace

    def __call__(self, name: str, value: Tensor, per_picture: bool = False) -> tuple[Tensor, bool]:
        """What to go on with in place of an activation, and whether it still has one row a picture."""
        if name in self.replace:
            value, per_picture = spread(value, self.picture_of if per_picture else None), False
            value = _replaced(name, value, self.replace[name])
        if name in self.record:
            self.kept[name] = spread(value, self.picture_of if per_picture else None)
        return value, per_picture


def _replaced(name: str, value: Tensor, by: Replacement) -> Tensor:
    new = by(value) if callable(by) else by.to(value)
    try:
        return new.expand_as(value)
    except RuntimeError:
        raise InputError(
            f"{name} has the shape {tuple(value.shape)} (questions, maps, rows, columns), and what is to "
            f"replace it {tuple(new.shape)}; give the same, or one row for all questions."
        ) from None


def spread(x: Tensor, picture_of: PictureOf) -> Tensor:
    """Give every question its picture's maps: (P, C, h, w) -> (Q, C, h, w)."""
    if picture_of is None:
        return x
    if isinstance(picture_of, Tensor):
        return x[picture_of]
    # Repeating in the channels-last layout keeps that layout, which convolutions run fastest in.
    last = x.permute(0, 2, 3, 1)  # (P, h, w, C)
    repeated = last[:, None].expand(-1, picture_of, -1, -1, -1).flatten(0, 1)  # (Q, h, w, C)
    return repeated.permute(0, 3, 1, 2)  # (Q, C, h, w)


def coordinate_maps(x: Tensor) -> Tensor:
    """Two maps beside x: column and row of each place, from -1 to 1: (N, 2, h, w)."""
    rows, columns = x.shape[-2:]
    across = torch.linspace(-1, 1, columns, device=x.device, dtype=x.dtype).expand(rows, -1)
    down = torch.linspace(-1, 1, rows, device=x.device, dtype=x.dtype)[:, None].expand(-1, columns)
    return torch.stack((across, down), -1).permute(2, 0, 1).expand(len(x), -1, -1, -1)


def with_coordinates(x: Tensor, wanted: bool) -> Tensor:
    """x with the coordinate maps as its last two, in the memory layout of x."""
    if not wanted:
        return x
    layout = (
        torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    )
    return torch.cat((x, coordinate_maps(x).contiguous(memory_format=layout)), dim=1)


def _drawn(*shape: int) -> Tensor:
    """Standard normal, as PyTorch draws an embedding's weights; on no device nothing is drawn.

    Drawing there would load PyTorch's compiler, 1.6 seconds that whoever opens a checkpoint would wait.
    """
    weight = torch.empty(shape)
    return weight if weight.is_meta else weight.normal_()


class QuestionEncoder(nn.Module):
    """Words -> embedding -> GRU -> linear -> gamma and beta (paper section 2.2, "FiLM generator")."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(
            config.words, config.embedding, _weight=_drawn(config.words, config.embedding)
        )
        cell = nn.GRU if config.cell == "gru" else nn.LSTM
        self.gru = cell(
            config.embedding,
            config.hidden_size,
            config.gru_layers,
            batch_first=True,
            bidirectional=config.bidirectional,
        )
        self.to_film = nn.Linear(config.state, config.blocks * 2 * config.maps)
        if config.generator_norm:
            self.norm = nn.BatchNorm1d(config.blocks * 2 * config.maps)

    def states(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The GRU's state after every token: (Q, T, state), zero after a question's end."""
        count = tokens.shape[1]
        read = lengths
        if self.config.padded_to:  # some padding is read as if it were words
            read = lengths.clamp(min=self.config.padded_to)
            tokens = nn.functional.pad(tokens, (0, max(0, self.config.padded_to - count)))
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), read.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.gru(packed)
        states = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])[0]
        ended = torch.arange(count, device=states.device) >= lengths.to(states.device)[:, None]
        return states[:, :count].masked_fill(ended[..., None], 0)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The state at each question's last token, <END>: (Q, state)."""
        if self.config.bidirectional or self.config.padded_to:
            return _at_the_end(self.states(tokens, lengths), lengths)
        if torch.is_grad_enabled() and tokens.device.type == "cpu":
            # Of a packed batch PyTorch learns slowly on a CPU: for every step it goes back, it fills and adds
            # a whole batch of zeros. Reading the padding too, which comes after <END>, costs less.
            return _at_the_end(self.gru(self.embedding(tokens))[0], lengths)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        state = self.gru(packed)[1]
        result: Tensor = (state if self.config.cell == "gru" else state[0])[-1]
        return result

    def modulation(self, state: Tensor) -> Modulation:
        """Gamma and beta as applied, from states (Q, state)."""
        config = self.config
        raw = self.to_film(state)
        if config.generator_norm:
            raw = self.norm(raw)
        gamma, beta = raw.view(-1, config.blocks, 2, config.maps).unbind(2)  # (Q, B, C) each
        return Modulation(
            torch.ones_like(gamma)
            if config.gamma == "one"
            else _formed(gamma, config.gamma) + config.gamma_offset,
            torch.zeros_like(beta) if config.beta == "zero" else _formed(beta, config.beta),
        )


def _at_the_end(states: Tensor, lengths: Tensor) -> Tensor:
    """Of the states after every token (Q, T, state), each question's last: (Q, state)."""
    return states[torch.arange(len(states), device=states.device), (lengths - 1).to(states.device)]


def _formed(raw: Tensor, form: str) -> Tensor:
    match form:
        case "sigmoid":
            return raw.sigmoid()
        case "tanh":
            return raw.tanh()
        case "exp":
            return raw.exp()
    return raw


class Stem(nn.Module):
    """Picture -> feature maps: convolution, batch norm, ReLU, as often as the config lists."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.coordinates = config.stem_coordinates
        layers: list[nn.Module] = []
        channels = config.channels + 2 * config.stem_coordinates
        for maps, kernel, stride, padding in config.stem_layers:
            layers.append(nn.Conv2d(channels, maps, kernel, stride, padding))
            if config.batch_norm:
                layers.append(nn.BatchNorm2d(maps))
            layers.append(nn.ReLU())
            channels = maps
        if channels != config.maps:
            raise InputError(
                f"The stem ends with {channels} maps but the blocks have {config.maps}; make them equal."
            )
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        result: Tensor = self.layers(with_coordinates(pictures, self.coordinates))
        return result


class FiLMBlock(nn.Module):
    """A FiLM-ed residual block (paper Figure 3, right).

    Conv-1 (1x1) -> ReLU-1 -> Conv-2 -> batch norm -> FiLM -> ReLU-2 -> add what ReLU-1 gave.
    FiLM may sit elsewhere (`film_at`, paper Table 2).
    """

    def __init__(self, config: NetworkConfig, number: int):
        super().__init__()
        self.config = config
        self.name = f"block{number}"
        self.modulated = config.modulated[number - 1]
        maps = config.maps
        self.conv1 = nn.Conv2d(
            maps + 2 * config.coordinates, maps, config.entry_kernel, padding=config.entry_kernel // 2
        )
        joined = 2 * maps if config.film_at == "concat" and self.modulated else 0  # gamma and beta as maps
        self.conv2 = nn.Conv2d(
            maps + 2 * config.inner_coordinates + joined,
            maps,
            config.kernel,
            padding=config.kernel // 2,
        )
        # A modulated map has its scale and shift from the question; others learn their own.
        affine = config.norm_affine or not self.modulated
        self.norm = nn.BatchNorm2d(maps, affine=affine) if config.batch_norm else nn.Identity()
        self.film = FiLM(maps)  # gammas and betas are given: the question encoder makes those of all blocks
        self.dropout = nn.Dropout2d(config.dropout)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor, picture_of: PictureOf, hooks: Hooks) -> Tensor:
        """x: (P, C, h, w), where `picture_of` says whose; gamma, beta: (Q, C). Returns (Q, C, h, w)."""
        film_at = self.config.film_at if self.modulated else None
        shared = picture_of is not None  # x is still one row a picture

        def note(part: str, value: Tensor) -> Tensor:
            nonlocal shared
            value, shared = hooks(f"{self.name}.{part}", value, shared)
            return value

        def film(value: Tensor) -> Tensor:
            nonlocal shared
            value = spread(value, picture_of if shared else None)
            shared = False
            scaled = self.film.apply(value, gamma, beta)
            return note("film", self.dropout(scaled))

        x = note("input", with_coordinates(x, self.config.coordinates))
        if film_at == "input":
            # The coordinate maps are not modulated: they are joined to what FiLM gives.
            maps = self.config.maps
            places = spread(x[:, maps:], picture_of if shared else None)
            x = torch.cat((film(x[:, :maps]), places), dim=1)
        x = note("conv1", F.relu(self.conv1(x)))
        skip, skip_shared = x, shared
        if film_at == "concat":
            told = torch.cat((gamma, beta), dim=1).to(x.dtype)[:, :, None, None]  # (Q, 2C, 1, 1)
            x = spread(x, picture_of if shared else None)
            x = torch.cat((x, told.expand(-1, -1, *x.shape[2:])), dim=1)
            shared = False
        x = note("conv2", self.conv2(with_coordinates(x, self.config.inner_coordinates)))
        if film_at == "conv":
            x = film(x)
        x = note("norm", self.norm(x))
        if film_at == "norm":
            x = film(x)
        x = note("relu", F.relu(x))
        if film_at == "relu":
            x = film(x)
        if self.config.residual:
            x = x + spread(skip, picture_of if skip_shared and not shared else None)
        if film_at == "output":
            x = film(x)
        if film_at in (None, "concat"):
            x = note("film", x)
        if shared:
            x = spread(x, picture_of)
            shared = False
        return note("out", x)


def greatest_of_each_map(x: Tensor) -> Tensor:
    """The maximum over all places: (Q, C, h, w) -> (Q, C)."""
    size = x.shape[2:]
    if not x.requires_grad:
        return F.max_pool2d(x, size).flatten(1)
    # The gradient of max_pool2d is made in another memory layout and copied; that of an index is not.
    places = F.max_pool2d(x.detach(), size, return_indices=True)[1].flatten(1)  # (Q, C)
    questions, maps = (torch.arange(count, device=x.device) for count in x.shape[:2])
    return x.permute(0, 2, 3, 1).flatten(1, 2)[questions[:, None], places, maps]


class Classifier(nn.Module):
    """Maps -> 1x1 convolution -> pooling over all places -> linear layers -> logits."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config

        def norm(layer: type[nn.Module], units: int) -> nn.Module:
            return layer(units) if config.batch_norm else nn.Identity()

        self.project = nn.Conv2d(config.maps + 2 * config.coordinates, config.classifier_maps, 1)
        self.project_norm = norm(nn.BatchNorm2d, config.classifier_maps)
        layers: list[nn.Module] = []
        units = config.classifier_maps
        if config.window is not None:
            for side in config.grid:
                units *= (side + 2 * self.padding - config.window) // config.window + 1
        for width in config.classifier_units:
            layers += [nn.Linear(units, width), norm(nn.BatchNorm1d, width), nn.ReLU()]
            units = width
        self.layers = nn.Sequential(*layers, nn.Linear(units, config.answers))

    def forward(self, x: Tensor, hooks: Hooks) -> Tensor:
        x = self.project_norm(self.project(with_coordinates(x, self.config.coordinates)))
        window, greatest = self.config.window, self.config.pooling == "max"
        if window is None and greatest and "classifier.maps" not in hooks:
            # ReLU leaves the order as it is, so it may come after the maximum, of so many fewer values.
            return self._logits(F.relu(greatest_of_each_map(x)))
        x, _ = hooks("classifier.maps", F.relu(x))
        if self.config.pooling == "max-mean":
            pooled = F.max_pool2d(x, 2).mean((2, 3))
        elif window is None:
            pooled = greatest_of_each_map(x) if greatest else x.mean((2, 3))  # (Q, classifier_maps)
        else:
            pool = F.max_pool2d if greatest else F.avg_pool2d
            pooled = pool(x, window, padding=self.padding).flatten(1)  # (Q, classifier_maps * windows)
        return self._logits(pooled)

    def _logits(self, pooled: Tensor) -> Tensor:
        result: Tensor = self.layers(pooled)
        return result

    @property
    def padding(self) -> int:
        """Of the pooling, where its windows do not divide the grid (published code)."""
        return int(
            self.config.window is not None and any(side % self.config.window for side in self.config.grid)
        )


class FiLMNetwork(nn.Module):
    """The whole model. Call it for logits, or use its halves."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.question_encoder = QuestionEncoder(config)
        self.stem = Stem(config)
        self.blocks = nn.ModuleList(FiLMBlock(config, number) for number in range(1, config.blocks + 1))
        self.classifier = Classifier(config)
        for module in self.modules():
            # Kaiming for weights; biases, GRU and embedding keep PyTorch's own (published code).
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_uniform_(module.weight)

    def modulate(self, tokens: Tensor, lengths: Tensor) -> Modulation:
        """Token ids (Q, T), padded with 0, and their lengths (Q,) -> gamma and beta (Q, B, C)."""
        return self.question_encoder.modulation(self.question_encoder(tokens, lengths))

    def encode_picture(self, pictures: Tensor) -> Tensor:
        """Pictures (P, channels, height, width) -> stem maps (P, C, h, w).

        Raises:
            InputError: the pictures are of another shape than the network looks at.
        """
        expected = (self.config.channels, self.config.height, self.config.width)
        if pictures.ndim != 4 or tuple(pictures.shape[1:]) != expected:
            raise InputError(
                f"The network looks at pictures of shape {expected} (channels, height, width), "
                f"not {tuple(pictures.shape[1:])}."
            )
        result: Tensor = self.stem(pictures)
        return result

    def classify(
        self,
        maps: Tensor,
        modulation: Modulation,
        picture_of: PictureOf = None,
        record: Collection[str] = (),
        replace: Mapping[str, Replacement] | None = None,
        first_block: int = 0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Stem maps (P, C, h, w) and gammas and betas (Q, B, C) -> logits (Q, answers).

        Also returns the activations named in `record` (see `activation_names`), one row a question.

        Args:
            replace: what stands in the place of some activations.
            first_block: where to begin, from 0; `maps` then are what the block before it gave, and no
                activation before it is recorded or replaced.
        """
        hooks = Hooks(self.config, record, replace, picture_of)
        x, per_picture = maps, picture_of is not None
        if first_block == 0:
            x, per_picture = hooks("stem", maps, per_picture)
        for block in range(first_block, self.config.blocks):
            gamma, beta = modulation.gamma[:, block], modulation.beta[:, block]
            x = self.blocks[block](x, gamma, beta, picture_of if per_picture else None, hooks)
            per_picture = False
        return self.classifier(x, hooks), hooks.kept

    def forward(
        self, pictures: Tensor, tokens: Tensor, lengths: Tensor, picture_of: PictureOf = None
    ) -> Tensor:
        """Pictures (P, channels, height, width) and questions -> logits (Q, answers).

        Args:
            tokens, lengths: as of `modulate`, (Q, T) and (Q,).
            picture_of: which picture each question is about; None: its own, in order.
        """
        return self.classify(self.encode_picture(pictures), self.modulate(tokens, lengths), picture_of)[0]
