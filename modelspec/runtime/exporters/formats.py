"""The formats that a run can be exported to."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from modelspec.core.diagnostics import listed, nearest

from ..data import RunError

QUANTIZATIONS: Final = {"float16": 2e-3, "dynamic": 5e-2, "int8": 0.15}
"""How LiteRT may keep numbers in fewer bits, with the difference that is let pass."""


@dataclass(frozen=True)
class Format:
    """One format."""

    name: str
    title: str
    endings: tuple[str, ...]
    """Of its files; none for a folder."""
    tolerance: float
    """How far what it gives may be from the run's own predictions: see `compare.difference`."""
    module: str
    """Of this package: it has `write`."""
    packages: tuple[str, ...] = ()
    """What it needs beside TensorFlow, by the names under which Python imports them."""
    extra: str | None = None
    """The extra of modelspec that installs them."""

    def check_path(self, path: Path) -> None:
        """Raises `RunError` (MS760) where an export cannot be put there."""
        if self.endings and not path.name.endswith(self.endings):
            raise RunError.of(
                "MS760",
                f"`{path}` does not end in {listed(self.endings, 'or')}",
                help=f"name it `{path.name.split('.')[0] or 'model'}{self.endings[0]}`",
            )
        if not path.parent.is_dir():
            raise RunError.of("MS760", f"`{path}` would be in a folder that does not exist")
        if path.is_dir() and (self.endings or any(path.iterdir())):
            what = "is a folder" if self.endings else "is a folder with something in it"
            raise RunError.of("MS760", f"`{path}` {what}", help="name another place")
        if not self.endings and path.exists() and not path.is_dir():
            raise RunError.of(
                "MS760",
                f"`{path}` is a file, and `{self.name}` makes a folder",
                help="name a folder",
            )

    def check_installed(self) -> None:
        """Raises `RunError` (MS761) where a package is not installed."""
        lacking = [name for name in self.packages if find_spec(name) is None]
        if lacking:
            raise RunError.of(
                "MS761",
                f"an export to `{self.name}` needs {listed(lacking, 'and')}, which "
                f"{'is' if len(lacking) == 1 else 'are'} not installed",
                help=f'`pip install "modelspec[{self.extra}]"`',
            )


FORMATS: Final = {
    one.name: one
    for one in (
        Format("keras", "a model that plain Keras loads", (".keras",), 1e-5, "keras_file"),
        Format("weights", "the weights as Keras saves them", (".weights.h5",), 1e-5, "weights"),
        Format("safetensors", "the weights by their paths", (".safetensors",), 1e-5, "safetensors"),
        Format(
            "saved_model",
            "a TensorFlow SavedModel with a serving signature",
            (),
            1e-5,
            "saved_model",
        ),
        Format(
            "onnx", "ONNX", (".onnx",), 1e-4, "onnx", ("onnx", "onnxruntime", "tf2onnx"), "onnx"
        ),
        Format("litert", "LiteRT (TensorFlow Lite)", (".tflite", ".litert"), 1e-4, "litert"),
        Format("python", "a Keras script of the same model and training", (".py",), 1e-5, "python"),
    )
}


def format_of(name: str, quantize: str | None) -> Format:
    """The format of a name. Raises `RunError` (MS760) where there is none, or where it cannot be
    quantized.
    """
    if name not in FORMATS:
        near = nearest(name, FORMATS)
        raise RunError.of(
            "MS760",
            f"there is no format `{name}`",
            help=f"did you mean `{near}`?" if near else f"the formats are {listed(list(FORMATS))}",
        )
    if quantize is not None and name != "litert":
        raise RunError.of(
            "MS760",
            f"`{name}` is not quantized",
            help="leave `quantize` out, or export to `litert`",
        )
    if quantize is not None and quantize not in QUANTIZATIONS:
        raise RunError.of(
            "MS760",
            f"there is no quantization `{quantize}`",
            help=f"there are {listed(list(QUANTIZATIONS))}",
        )
    return FORMATS[name]
