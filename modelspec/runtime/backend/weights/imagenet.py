"""The weights that Keras offers for its applications: the same URLs, hashes and cache, read from
Keras itself.

Every module of `keras.applications` contains the URLs of its files and their hashes, as constants
or in its calls of `get_file`. Which file belongs to which settings is a rule of each family, see
`_files`.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import keras

from modelspec.runtime.data.errors import RunError

CLASSES = 1000
"""The number of classes of the pretrained heads."""
_TF = "weights_tf_dim_ordering_tf_kernels"
_FIRST_NAMES = {
    "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2",
    "NASNetMobile": "nasnet_mobile",
    "NASNetLarge": "nasnet_large",
}
_WIDTHS = {"MobileNet": (0.25, 0.5, 0.75, 1.0), "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)}
_SIZES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}
_MOBILE_NAMES = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


class Offered(NamedTuple):
    """A file that Keras offers."""

    name: str
    address: str
    hash: str | None


def fetched(kind: str, settings: Mapping[str, Any]) -> Path:
    """The file in the Keras cache, downloaded if it is not there yet.

    Raises `RunError`: MS754 if Keras has no weights for these settings, MS753 if they cannot be
    downloaded.
    """
    one = offered(kind, settings)
    try:
        with redirect_stdout(sys.stderr):  # Keras prints its progress to standard output
            return Path(
                keras.utils.get_file(
                    one.name, one.address, cache_subdir="models", file_hash=one.hash
                )
            )
    except Exception as error:  # network errors have many types
        place = cache() / one.name
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError.of(
            "MS753",
            f"the weights of `{kind}` cannot be downloaded from {one.address}: {reason}",
            help=f"without network access, copy the file to {place}, or write `weights: null`",
        ) from error


def cache() -> Path:
    """The folder in which Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def offered(kind: str, settings: Mapping[str, Any]) -> Offered:
    """The file for a kind and its settings. Raises `RunError` (MS754) if Keras has none."""
    if not hasattr(keras.applications, kind):
        raise _none(kind, "no weights for it", "write `weights: null`, or the path of a file")
    top = bool(settings.get("include_top", True))
    if top and settings.get("classes", CLASSES) != CLASSES:
        raise _none(
            kind,
            f"only a head of {CLASSES} classes, not {settings['classes']}",
            "write `include_top: false` and add your own head",
        )
    module = _module(kind)
    name, found = _files(kind, settings, top, module)
    return Offered(name, _address(module, name), found)


def _none(kind: str, what: str, help: str) -> RunError:
    return RunError.of("MS754", f"`weights: imagenet` of `{kind}`: Keras offers {what}", help=help)


def _module(kind: str) -> ModuleType:
    """The module of `keras.applications` that defines the files; both versions of ResNet share
    one.
    """
    first = kind.removesuffix("V2") if kind.startswith("ResNet") else kind
    return import_module(getattr(keras.applications, first).__module__)


def _files(
    kind: str, settings: Mapping[str, Any], top: bool, module: ModuleType
) -> tuple[str, str | None]:
    """The name of the file, and its hash if Keras has one."""
    for prefix, files in _FAMILIES.items():
        if kind.startswith(prefix):
            return files(kind, settings, top, module)
    name = f"{_FIRST_NAMES.get(kind, kind.lower())}_{_TF}{_ending(top)}.h5"
    return name, _hash_in(module, name)


def _ending(top: bool) -> str:
    return "" if top else "_notop"


def _nasnet(kind: str, _: Mapping[str, Any], top: bool, module: ModuleType) -> tuple[str, Any]:
    name = f"{_FIRST_NAMES[kind]}{'' if top else '_no_top'}.h5"
    return name, _hash_in(module, name)


def _resnet(kind: str, _: Mapping[str, Any], top: bool, module: ModuleType) -> tuple[str, Any]:
    low = kind.lower()
    return f"{low}_{_TF}{_ending(top)}.h5", module.WEIGHTS_HASHES[low][not top]


def _efficientnet(
    kind: str, _: Mapping[str, Any], top: bool, module: ModuleType
) -> tuple[str, Any]:
    low = kind.lower()
    hashes = module.WEIGHTS_HASHES[low.removeprefix("efficientnet")]
    return f"{low}{_ending(top)}.h5", hashes[not top]


def _efficientnet_v2(
    kind: str, _: Mapping[str, Any], top: bool, module: ModuleType
) -> tuple[str, Any]:
    part = kind.lower().removeprefix("efficientnetv2")
    hashes = module.WEIGHTS_HASHES[part if part[0] == "b" else f"-{part}"]
    return f"efficientnetv2-{part}{_ending(top)}.h5", hashes[not top]


def _convnext(kind: str, _: Mapping[str, Any], top: bool, module: ModuleType) -> tuple[str, Any]:
    name = f"convnext_{kind.lower().removeprefix('convnext')}"
    return f"{name}{_ending(top)}.h5", module.WEIGHTS_HASHES[name][not top]


def _mobile(
    kind: str, settings: Mapping[str, Any], top: bool, _: ModuleType
) -> tuple[str, str | None]:
    alpha = float(settings.get("alpha", 1.0))
    if alpha not in _WIDTHS[kind]:
        raise _none(
            kind,
            f"`alpha` of {', '.join(map(str, _WIDTHS[kind]))}, not {alpha}",
            "use one of these",
        )
    if settings.get("depth_multiplier", 1) != 1:
        raise _none(kind, "`depth_multiplier: 1` only", "omit it")
    size, ends = _size(kind, settings), "" if top else "_no_top"
    if kind == "MobileNet":
        return f"mobilenet_{_MOBILE_NAMES[alpha]}_{size}_tf{ends}.h5", None
    return f"mobilenet_v2_{_TF}_{alpha}_{size}{ends}.h5", None


def _size(kind: str, settings: Mapping[str, Any]) -> int:
    """The image size that the weights were trained with: that of the input if such weights exist,
    otherwise 224.
    """
    shape = [size for size in settings.get("input_shape") or () if size not in (1, 3)]
    if len(shape) == 2 and shape[0] == shape[1] and shape[0] in _SIZES[kind]:
        return int(shape[0])
    return 224


def _mobile_v3(
    kind: str, settings: Mapping[str, Any], top: bool, module: ModuleType
) -> tuple[str, str]:
    size, alpha = kind.removeprefix("MobileNetV3").lower(), float(settings.get("alpha", 1.0))
    plain = bool(settings.get("minimalistic"))
    name = f"{size}{'_minimalistic' if plain else ''}_224_{alpha}_float"
    if name not in module.WEIGHTS_HASHES:
        raise _none(
            kind,
            "`alpha` of 0.75 or 1.0 (1.0 with `minimalistic`)" + f", not {alpha}",
            "use one of these",
        )
    ends = ".h5" if top else "_no_top_v2.h5"
    return f"weights_mobilenet_v3_{name}{ends}", module.WEIGHTS_HASHES[name][not top]


_FAMILIES: Mapping[
    str, Callable[[str, Mapping[str, Any], bool, ModuleType], tuple[str, str | None]]
] = {
    "MobileNetV3": _mobile_v3,
    "MobileNet": _mobile,
    "NASNet": _nasnet,
    "ResNet": _resnet,
    "EfficientNetV2": _efficientnet_v2,
    "EfficientNet": _efficientnet,
    "ConvNeXt": _convnext,
}
"""The rule of each family by name prefix, longer prefixes first."""


# The modules of Keras -----------------------------------------------------------------------------


def _address(module: ModuleType, name: str) -> str:
    """The URL that the module has for a file: in its call of `get_file`, or as the folder of all
    files.
    """
    given = _call(module, name)
    if given is not None and isinstance(given.args[1], ast.Name):
        return str(getattr(module, given.args[1].id))
    constants = [value for value in vars(module).values() if isinstance(value, str)]
    folders = (text for text in constants if text.startswith("https://") and text.endswith("/"))
    return next(folders) + name


def _hash_in(module: ModuleType, name: str) -> str | None:
    """The hash that the module passes to `get_file` for a file, if it is in the call itself."""
    given = _call(module, name)
    for word in given.keywords if given is not None else ():
        if word.arg == "file_hash":
            return str(word.value.value) if isinstance(word.value, ast.Constant) else None
    return None


def _call(module: ModuleType, name: str) -> ast.Call | None:
    """The module's call of `get_file` for a file; the name of the file is in the call or in the
    assignment before it.
    """
    tree = ast.parse(inspect.getsource(module))
    parts = [node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.Call))]
    named: dict[str, object] = {}
    for node in sorted(parts, key=lambda node: node.lineno):
        if isinstance(node, ast.Assign):
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            targets = [target for target in node.targets if isinstance(target, ast.Name)]
            named.update({target.id: value for target in targets})
        elif _gets_file(node) and name == _value(node.args[0], named):
            return node
    return None


def _gets_file(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "get_file"


def _value(node: ast.expr, named: Mapping[str, object]) -> object:
    """The value of a constant, or of a name that was assigned one."""
    if isinstance(node, ast.Constant):
        return node.value
    return named.get(node.id) if isinstance(node, ast.Name) else None
