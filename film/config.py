"""What a network is made of, as one frozen value that can be printed, stored and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from film.errors import InputError

FilmAt = Literal["input", "conv", "norm", "relu", "output"]
GammaForm = Literal["free", "one", "sigmoid", "tanh", "exp"]
BetaForm = Literal["free", "zero", "sigmoid", "tanh", "exp"]
PictureKind = Literal["pixels", "features"]


@dataclass(frozen=True)
class NetworkConfig:
    """A FiLM network. The defaults are the paper's best model from raw pixels (section 4.1).

    Everything that the paper's Tables 2 and 3 vary is a field here.
    """

    # Question reader: embedding -> GRU -> linear -> gamma and beta of every block.
    words: int = 93  # question tokens, special ones included
    embedding: int = 200
    gru: int = 4096
    gru_layers: int = 1
    two_way: bool = False

    # What the network looks at. Pixels are RGB in [0, 1]; features are ResNet-101's layer3.
    picture: PictureKind = "pixels"
    width: int = 224  # columns of the picture or of the feature grid
    height: int = 224
    channels: int = 3
    stem: tuple[tuple[int, int, int], ...] = ((128, 4, 2),) * 4  # (maps, kernel, stride) of each convolution
    stem_coordinates: bool = False  # coordinate maps beside the stem's input

    # FiLM-ed residual blocks.
    maps: int = 128
    blocks: int = 4
    modulated: tuple[bool, ...] = (True,) * 4
    film_at: FilmAt = "norm"  # before Conv-1, after Conv-2, after its norm, after ReLU-2, after the addition
    gamma: GammaForm = "free"
    beta: BetaForm = "free"
    gamma_offset: float = 1.0  # added to the reader's raw output (paper eq. 3)
    generator_norm: bool = False  # batch norm on the reader's raw output
    batch_norm: bool = True
    residual: bool = True
    coordinates: bool = True  # two maps, x then y, in -1..1, beside every block's and the classifier's input
    inner_coordinates: bool = False  # and beside Conv-2's input
    kernel: int = 3
    dropout: float = 0.0  # of whole maps, after FiLM

    # Classifier: 1x1 convolution -> max over all places -> linear layers -> logits.
    classifier_maps: int = 512
    classifier_units: tuple[int, ...] = (1024,)
    pooling: Literal["max", "mean"] = "max"
    answers: int = 28

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, bool):
                _require(isinstance(value, bool), field.name, value, "true or false")
            elif isinstance(field.default, int):
                whole = isinstance(value, int) and not isinstance(value, bool)
                _require(whole and 0 < value <= 1 << 20, field.name, value, "a whole number above 0")
        for name, choices in (
            ("film_at", get_args(FilmAt)),
            ("gamma", get_args(GammaForm)),
            ("beta", get_args(BetaForm)),
            ("picture", get_args(PictureKind)),
            ("pooling", ("max", "mean")),
        ):
            _require(
                getattr(self, name) in choices, name, getattr(self, name), "one of " + ", ".join(choices)
            )
        _require(
            len(self.modulated) == self.blocks and all(isinstance(m, bool) for m in self.modulated),
            "modulated", self.modulated, f"one true or false for each of the {self.blocks} blocks",
        )  # fmt: skip
        layers_fit = all(
            len(layer) == 3 and all(isinstance(n, int) and n > 0 for n in layer) for layer in self.stem
        )
        _require(bool(self.stem) and layers_fit, "stem", self.stem, "at least one (maps, kernel, stride)")
        _require(self.kernel % 2 == 1, "kernel", self.kernel, "an odd number")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "a number in [0, 1)")
        columns, rows = self.grid
        _require(
            columns >= 1 and rows >= 1,
            "stem",
            self.stem,
            f"strides that leave something of {self.width}x{self.height}",
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Columns and rows of the feature maps."""
        columns, rows = self.width, self.height
        for _, kernel, stride in self.stem:
            padding = stem_padding(kernel, stride)
            columns = (columns + 2 * padding - kernel) // stride + 1
            rows = (rows + 2 * padding - kernel) // stride + 1
        return columns, rows

    @property
    def state(self) -> int:
        """Width of the question state that gamma and beta are a linear function of."""
        return self.gru * (2 if self.two_way else 1)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Read what `to_dict` wrote, after JSON has made lists of its tuples.

        Raises:
            InputError: a field is unknown or its value cannot be.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"A network's configuration is a table of fields, not {type(values).__name__}.")
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


def _require(holds: bool, name: str, value: Any, expected: str) -> None:
    if not holds:
        raise InputError(f"The configuration's {name} is {value!r}; it must be {expected}.")
