"""What a network is made of, as one frozen value that can be printed, stored and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from film.clevr.json_values import brief
from film.errors import InputError

FilmAt = Literal["input", "conv", "norm", "relu", "output", "concat"]
GammaForm = Literal["free", "one", "sigmoid", "tanh", "exp"]
BetaForm = Literal["free", "zero", "sigmoid", "tanh", "exp"]
Cell = Literal["gru", "lstm"]
Optimizer = Literal["adam", "adamw"]
Pooling = Literal["max", "mean", "max-mean"]
PictureKind = Literal["pixels", "features"]
Fit = Literal["crop", "stretch"]  # how a picture of another size becomes one of the network's

# Largest values of whole numbers: beyond them no file is meant, and even the empty network takes memory.
MOST = 1 << 16
_MOST = {
    "words": 1 << 20,
    "blocks": 64,
    "gru_layers": 16,
    "kernel": 63,
    "entry_kernel": 63,
    "width": 4096,
    "height": 4096,
}
LAYERS = 32  # at most, of the stem and of the classifier

# What fields were called in cards and training states of earlier versions, which are still read.
_FORMER_NETWORK_FIELDS = {"gru": "hidden_size", "two_way": "bidirectional"}
_FORMER_TRAINING_FIELDS = {"clip": "max_grad_norm", "averaging": "ema_decay", "mirror": "horizontal_flip"}


@dataclass(frozen=True)
class NetworkConfig:
    """A FiLM network. The defaults are the paper's best model from raw pixels (section 4.1).

    Everything that the paper's Tables 2 and 3 vary is a field here.
    """

    # Question encoder: embedding -> GRU -> linear -> gamma and beta of every block.
    words: int = 93  # question tokens, special ones included
    embedding: int = 200
    cell: Cell = "gru"
    hidden_size: int = 4096
    gru_layers: int = 1
    bidirectional: bool = False
    # Questions of fewer tokens are read with padding up to so many, as the published code's two-way encoders
    # read them; None reads no padding.
    padded_to: int | None = None

    # What the network looks at. Pixels are RGB in [0, 1]; features are ResNet-101's layer3.
    picture: PictureKind = "pixels"
    width: int = 224  # columns of the picture or of the feature grid
    height: int = 224
    channels: int = 3
    # Each convolution of the stem: (maps, kernel, stride), and its padding where it is not the usual one.
    stem: tuple[tuple[int, ...], ...] = ((128, 4, 2),) * 4
    stem_coordinates: bool = False  # coordinate maps beside the stem's input

    # FiLM-ed residual blocks.
    maps: int = 128
    blocks: int = 4
    modulated: tuple[bool, ...] = (True,) * 4
    film_at: FilmAt = "norm"  # before Conv-1, after Conv-2, after its norm, after ReLU-2, after the addition;
    # "concat" is no FiLM: gamma and beta become maps beside Conv-2's input (published code)
    gamma: GammaForm = "free"
    beta: BetaForm = "free"
    gamma_offset: float = 1.0  # added to the generator's raw output (paper eq. 3)
    generator_norm: bool = False  # batch norm on the generator's raw output
    batch_norm: bool = True
    residual: bool = True
    coordinates: bool = True  # two maps, x then y, in -1..1, beside every block's and the classifier's input
    inner_coordinates: bool = False  # and beside Conv-2's input
    kernel: int = 3
    entry_kernel: int = 1  # of Conv-1
    norm_affine: bool = False  # modulated blocks' batch norm keeps a learned scale and shift too
    dropout: float = 0.0  # of whole maps, after FiLM

    # Classifier: 1x1 convolution -> max over all places -> linear layers -> logits.
    classifier_maps: int = 512
    classifier_units: tuple[int, ...] = (1024,)
    pooling: Pooling = "max"  # "max-mean": maxima of 2x2 places, then their mean
    window: int | None = None  # side of the pooling windows, all of which are kept; None: one over all places
    answers: int = 28

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, bool):
                _require(isinstance(value, bool), field.name, value, "true or false")
            elif isinstance(field.default, int):
                whole = isinstance(value, int) and not isinstance(value, bool)
                most = _MOST.get(field.name, MOST)
                _require(whole and 0 < value <= most, field.name, value, f"a whole number from 1 to {most:,}")
        for name, choices in (
            ("film_at", get_args(FilmAt)),
            ("gamma", get_args(GammaForm)),
            ("beta", get_args(BetaForm)),
            ("picture", get_args(PictureKind)),
            ("cell", get_args(Cell)),
            ("pooling", get_args(Pooling)),
        ):
            _require(
                getattr(self, name) in choices, name, getattr(self, name), "one of " + ", ".join(choices)
            )
        _require(
            isinstance(self.modulated, tuple)
            and len(self.modulated) == self.blocks
            and all(isinstance(m, bool) for m in self.modulated),
            "modulated", self.modulated, f"one true or false for each of the {self.blocks} blocks",
        )  # fmt: skip
        for name in ("modulated", "stem", "classifier_units"):
            _require(isinstance(getattr(self, name), tuple), name, getattr(self, name), "a list")
        for name in ("stem", "classifier_units"):
            _require(len(getattr(self, name)) <= LAYERS, name, "long", f"a list of at most {LAYERS} layers")
        layers_fit = all(
            isinstance(layer, tuple)
            and len(layer) in (3, 4)
            and all(_is_count(n) and n >= (i < 3) for i, n in enumerate(layer))
            for layer in self.stem
        )
        _require(bool(self.stem) and layers_fit, "stem", self.stem, "at least one (maps, kernel, stride)")
        for name in ("kernel", "entry_kernel"):
            _require(getattr(self, name) % 2 == 1, name, getattr(self, name), "an odd number")
        _require(
            all(_is_count(units) and units > 0 for units in self.classifier_units),
            "classifier_units", self.classifier_units, f"whole numbers from 1 to {MOST:,}",
        )  # fmt: skip
        _require(
            self.padded_to is None or (_is_count(self.padded_to) and self.padded_to > 0),
            "padded_to", self.padded_to, "a whole number above 0, or null",
        )  # fmt: skip
        for name in ("dropout", "gamma_offset"):
            number = getattr(self, name)
            fits = isinstance(number, (int, float)) and not isinstance(number, bool) and abs(number) <= MOST
            _require(fits, name, number, "a number")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "a number in [0, 1)")
        columns, rows = self.grid
        _require(
            columns >= 1 and rows >= 1,
            "stem",
            self.stem,
            f"strides that leave something of {self.width}x{self.height}",
        )
        _require(
            self.window is None or (isinstance(self.window, int) and 0 < self.window <= min(self.grid)),
            "window",
            self.window,
            f"a side that fits into the {columns}x{rows} grid, or null",
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Columns and rows of the feature maps."""
        columns, rows = self.width, self.height
        for _, kernel, stride, padding in self.stem_layers:
            columns = (columns + 2 * padding - kernel) // stride + 1
            rows = (rows + 2 * padding - kernel) // stride + 1
        return columns, rows

    @property
    def stem_layers(self) -> tuple[tuple[int, int, int, int], ...]:
        """(maps, kernel, stride, padding) of each convolution of the stem."""
        return tuple(
            (maps, kernel, stride, padding[0] if padding else stem_padding(kernel, stride))
            for maps, kernel, stride, *padding in self.stem
        )

    @property
    def state(self) -> int:
        """Width of the question state that gamma and beta are a linear function of."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, which `from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Read what `to_dict` wrote, after JSON has made lists of its tuples.

        Raises:
            InputError: a field is unknown or its value cannot be.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"A network's configuration is a table of fields, not {type(values).__name__}.")
        values = {_FORMER_NETWORK_FIELDS.get(name, name): value for name, value in values.items()}
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(
                f"The configuration has the unknown field {unknown[0]!r}; it may come from a newer version."
            )
        try:
            return cls(**{name: _tuples(value) for name, value in values.items()})
        except TypeError as error:
            raise InputError(f"The configuration cannot be read: {error}.") from error


def stem_padding(kernel: int, stride: int) -> int:
    """Padding that makes a layer's output as near to input / stride as can be."""
    return max(0, (kernel - stride + 1) // 2)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _require(holds: bool, name: str, value: Any, expected: str) -> None:
    if not holds:
        raise InputError(f"The configuration's {name} is {brief(value)}; it must be {expected}.")


@dataclass(frozen=True)
class LossWeights:
    """What a network is taught, and how much of each; 0 leaves it out (`film.training.auxiliary`)."""

    answer: float = 1.0
    sets: float = 0.0
    slots: float = 0.0
    maps: float = 0.0


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained. The defaults are the paper's (section 2.2)."""

    samples: int = 56_000_000  # (picture, question) pairs to see: 80 epochs of CLEVR's 700,000
    pictures: int = 64  # pictures in a batch, over all processes
    questions: int = 1  # questions asked about each of them
    learning_rate: float = 3e-4
    final_rate: float = 1.0  # share of the learning rate left at the end of a half cosine; 1 keeps it
    warm_up: int = 0  # samples over which the learning rate rises from 0
    weight_decay: float = 1e-5
    optimizer: Optimizer = "adam"  # adam: weight decay as L2 in the gradient; adamw: decoupled from it
    max_grad_norm: float = 0.0  # largest norm of the gradient; 0 leaves it
    ema_decay: float = 0.0  # decay per step of the averaged weights that are kept; 0 keeps the last ones
    fit: Fit = "stretch"  # how pictures of another size than the network's are brought to it
    horizontal_flip: bool = False  # half of the batches mirrored, left and right swapped in the words
    shift: float = 0.0  # batches moved by up to this share of the picture's width and height
    front: int = 0  # convolutions of the stem that are asked for the scene's attribute maps
    frozen: tuple[str, ...] = ()  # parts that do not learn: stem, front, question_encoder, blocks, classifier
    loss: LossWeights = LossWeights()
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("samples", "pictures", "questions"):
            value = getattr(self, name)
            _require(isinstance(value, int) and value > 0, name, value, "a whole number above 0")
        for name in (
            "learning_rate",
            "final_rate",
            "weight_decay",
            "max_grad_norm",
            "ema_decay",
            "warm_up",
            "front",
            "shift",
        ):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            _require(number and 0 <= value <= 1e12, name, value, "a number from 0 to 1e12")
        _require(
            self.optimizer in get_args(Optimizer),
            "optimizer",
            self.optimizer,
            " or ".join(get_args(Optimizer)),
        )
        _require(self.fit in get_args(Fit), "fit", self.fit, " or ".join(get_args(Fit)))
        _require(isinstance(self.front, int), "front", self.front, "a whole number, 0 or more")
        _require(self.ema_decay < 1, "ema_decay", self.ema_decay, "below 1")
        _require(self.shift <= 0.2, "shift", self.shift, "0.2 at most, or objects leave the picture")

    def to_dict(self) -> dict[str, Any]:
        """As plain values, which `from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Read what `to_dict` wrote. Raises InputError as `NetworkConfig.from_dict` does."""
        values = {_FORMER_TRAINING_FIELDS.get(name, name): value for name, value in values.items()}
        if "decoupled" in values:
            values["optimizer"] = "adamw" if values.pop("decoupled") else "adam"
        if "reader" in values.get("frozen", ()):
            values["frozen"] = ["question_encoder" if part == "reader" else part for part in values["frozen"]]
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(f"The training recipe has the unknown field {unknown[0]!r}.")
        values = {name: _tuples(value) for name, value in values.items()}
        if isinstance(values.get("loss"), Mapping):
            try:
                values["loss"] = LossWeights(**values["loss"])
            except TypeError as error:
                raise InputError(f"The training recipe's loss cannot be read: {error}.") from error
        return cls(**values)

    def rate(self, samples: int) -> float:
        """The learning rate after so many samples."""
        if samples < self.warm_up:
            return self.learning_rate * (samples + 1) / (self.warm_up + 1)
        done = min(1.0, (samples - self.warm_up) / max(1, self.samples - self.warm_up))
        share = self.final_rate + (1 - self.final_rate) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share
