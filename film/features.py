"""Picture -> network input: raw pixels in [0, 1], or the layer3 features of a ResNet-101.

Our own networks see a picture with its middle cut to their aspect; published ones were trained
on pictures stretched to 224x224, and see them so (`Fit`).
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from film.clevr.pictures import fit, open_picture, rgb
from film.config import Fit, NetworkConfig
from film.errors import InputError

Picture = str | Path | bytes | np.ndarray | Image.Image  # a str is a path

RESNET_SIDE = 224  # pixels
RESNET_FEATURES = (1024, 14, 14)  # of layer3, for a picture of that side
# As the published code has them; its third deviation is 0.224, not ImageNet's 0.225.
RESNET_MEAN, RESNET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.224)


def read_picture(picture: Picture | BinaryIO) -> np.ndarray:
    """Any picture as 8-bit RGB, uint8 (height, width, 3).

    `picture`: a path, the bytes of a file, a Pillow picture, or an array: uint8 0..255 or float
    0..1, of shape (height, width), (height, width, 3) or (height, width, 4).

    Raises:
        InputError: it is missing, broken, far too large or no picture.
    """
    match picture:
        case str() | Path():
            return open_picture(picture)
        case bytes() | bytearray() | memoryview():
            return open_picture(io.BytesIO(picture))
        case Image.Image():
            try:
                return rgb(picture)
            except (OSError, ValueError, SyntaxError) as error:
                raise InputError(f"The picture cannot be read ({error}); give another one.") from None
        case np.ndarray():
            return rgb(_from_array(picture))
    if callable(getattr(picture, "read", None)):
        return open_picture(picture)
    raise InputError(
        "A picture is a path, the bytes of a file, a Pillow picture or an array, "
        f"not {type(picture).__name__}."
    )


def _from_array(array: np.ndarray) -> Image.Image:
    described = f"The array has shape {array.shape} and type {array.dtype}"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or 0 in array.shape:
        raise InputError(f"{described}; a picture is (height, width, 3).")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise InputError(f"{described}, with values outside 0..1; give floats in 0..1, or uint8.")
        array = (array * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"{described}; give uint8 in 0..255, or floats in 0..1.")
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array))


def keyed(picture: Picture) -> tuple[str, Picture | BinaryIO]:
    """A name for what is in a picture, and the picture in a form that `read_picture` takes.

    A file is read once and not decoded: its bytes are its name, wherever it lies.
    """
    if isinstance(picture, (str, Path)):
        try:
            if not Path(picture).is_file():
                raise FileNotFoundError
            content = io.BytesIO(Path(picture).read_bytes())
        except (OSError, ValueError):
            return "", open_picture(picture)  # which says what is wrong with it
        content.name = str(picture)
        return _digest(content.getbuffer()), content
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return _digest(picture), picture
    pixels = read_picture(picture)
    return _digest(str(pixels.shape).encode() + pixels.tobytes()), pixels


def _digest(content: bytes | bytearray | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def to_size(picture: np.ndarray, width: int, height: int, how: Fit = "crop") -> np.ndarray:
    """A picture, uint8 (h, w, 3), brought to (height, width, 3).

    Args:
        how: "crop" cuts its middle to the shape (`fit`), "stretch" keeps all of it and changes the shape.

    Raises:
        InputError: `how` is neither, or the picture is not 8-bit RGB.
    """
    if how == "crop":
        return fit(picture, width, height)
    if how != "stretch":
        raise InputError(f"A picture is brought to size by {' or '.join(get_args(Fit))}, not {how!r}.")
    stretched = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(stretched)  # (height, width, 3)


def as_pixels(picture: np.ndarray, width: int, height: int, how: Fit = "crop") -> Tensor:
    """Pixels in [0, 1], float32 (3, height, width)."""
    sized = torch.from_numpy(np.array(to_size(picture, width, height, how)))  # (height, width, 3)
    return sized.permute(2, 0, 1).float().div_(255)


class PictureReader:
    """Turns pictures into what a network looks at; loads the ResNet when a network needs it.

    Args:
        config: of the network.
        how: how pictures are brought to size.
        resnet: a file with ResNet-101's ImageNet weights, for networks that look at features; None
            takes torchvision's, which it fetches once.
    """

    def __init__(
        self,
        config: NetworkConfig,
        how: Fit = "crop",
        resnet: str | Path | None = None,
        device: torch.device | str = "cpu",
    ):
        self.config, self.how, self.resnet, self.device = config, how, resnet, torch.device(device)
        self._trunk: nn.Module | None = None
        self._loading = threading.Lock()

    def __call__(self, picture: np.ndarray) -> Tensor:
        """uint8 (h, w, 3) -> network input (1, channels, height, width) on the reader's device."""
        config = self.config
        if config.picture == "pixels":
            return as_pixels(picture, config.width, config.height, self.how)[None].to(self.device)
        if (config.channels, config.height, config.width) != RESNET_FEATURES:
            raise InputError(
                f"The network looks at {config.channels} maps of {config.width}x{config.height}, which no "
                "picture gives: ResNet-101 has 1024 of 14x14. Ask one that was trained on pictures."
            )
        pixels = as_pixels(picture, RESNET_SIDE, RESNET_SIDE, self.how).to(self.device)
        mean, std = (torch.tensor(v, device=self.device)[:, None, None] for v in (RESNET_MEAN, RESNET_STD))
        with torch.inference_mode():
            result: Tensor = self.trunk(((pixels - mean) / std)[None])  # (1, 1024, 14, 14)
            return result

    @property
    def trunk(self) -> nn.Module:
        with self._loading:
            if self._trunk is None:
                self._trunk = resnet_trunk(self.resnet).to(self.device)
            return self._trunk


def resnet_trunk(weights: str | Path | None = None) -> nn.Module:
    """ResNet-101 up to layer3, in eval mode: (N, 3, 224, 224) -> (N, 1024, 14, 14).

    `weights`: a .pth or .safetensors file of torchvision's ResNet-101; None asks torchvision.
    """
    models = _torchvision().models
    network = models.resnet101(weights=None)
    if weights is not None:
        state = _resnet_state(Path(weights))
    else:
        try:
            # The first ImageNet weights: those the published networks were trained on.
            state = models.ResNet101_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
        except Exception as error:  # every kind of network and disk trouble
            raise InputError(
                f"ResNet-101's ImageNet weights could not be fetched ({error}); get resnet101-63fe2227.pth "
                "where you have a connection and name it with --resnet, or use a network that sees pixels."
            ) from None
    try:
        missing, _ = network.load_state_dict(state, strict=False)
    except (RuntimeError, AttributeError) as error:
        raise InputError(
            f"{weights} does not hold ResNet-101 ({str(error).splitlines()[0]}); name torchvision's file."
        ) from None
    if lacking := [name for name in missing if not name.startswith(("layer4", "fc"))]:
        raise InputError(
            f"{weights} does not hold ResNet-101: {lacking[0]} is missing; name torchvision's file."
        )
    kept = [
        network.conv1,
        network.bn1,
        network.relu,
        network.maxpool,
        network.layer1,
        network.layer2,
        network.layer3,
    ]
    return nn.Sequential(*kept).eval().requires_grad_(False)


def _resnet_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"The ResNet-101 weights {path} do not exist; check the path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        result: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return result
    except Exception as error:  # unpickling fails in many ways
        raise InputError(
            f"The ResNet-101 weights {path} cannot be read ({type(error).__name__}); "
            "fetch torchvision's resnet101-63fe2227.pth again."
        ) from None


@contextmanager
def _tolerant_registration() -> Iterator[None]:
    """Let torchvision's Python part import where its compiled operators do not match torch.

    They are for detection and file decoding, neither of which is used here.
    """
    register = torch.library.register_fake

    def forgiving(name: Any, *arguments: Any, **options: Any) -> Any:
        def decorate(function: Any) -> Any:
            try:
                return register(name, *arguments, **options)(function)
            except RuntimeError:
                if str(name).startswith("torchvision::"):
                    return function
                raise

        return decorate

    torch.library.register_fake = forgiving
    try:
        yield
    finally:
        torch.library.register_fake = register


def _torchvision() -> Any:
    try:
        with _tolerant_registration(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the image extension, which is not used
            import torchvision.models
    except Exception as error:
        raise InputError(
            f"This network looks at ResNet-101 features, and torchvision cannot be imported ({error}); "
            "install the torchvision that belongs to your torch, or use a network that sees pixels."
        ) from None
    return torchvision
