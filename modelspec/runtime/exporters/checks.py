"""Checks before any file is opened: exports that are unsupported, or not possible here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from modelspec.core.diagnostics import listed, nearest

from ..data import RunError
from .formats import Format, formats


def format_of(name: str, quantize: str | None) -> Format:
    """The format with a name. Raises `RunError` (MS760) if it does not exist, or does not support
    the quantization.
    """
    found = formats().get(name)
    if found is None:
        near = nearest(name, formats())
        hint = f"did you mean `{near}`?" if near else f"the formats are {listed([*formats()])}"
        raise RunError.of("MS760", f"unknown format `{name}`", help=hint)
    if quantize is not None:
        _check_quantization(found, quantize)
    return found


def _check_quantization(form: Format, quantize: str) -> None:
    if not form.quantizations:
        others = [one.name for one in formats().values() if one.quantizations]
        raise RunError.of(
            "MS760",
            f"`{form.name}` does not support quantization",
            help=f"remove `quantize`, or export to {listed(others, 'or')}",
        )
    if quantize not in form.quantizations:
        raise RunError.of(
            "MS760",
            f"unknown quantization `{quantize}`",
            help=f"use one of {listed([*form.quantizations])}",
        )


def check_tolerance(tolerance: float | None) -> None:
    """Raises `RunError` (MS760) for an invalid tolerance."""
    if tolerance is not None and not tolerance >= 0:
        raise RunError.of("MS760", f"the tolerance must be at least 0, found {tolerance:g}")


def check_path(form: Format, path: Path) -> None:
    """Raises `RunError` (MS760) if an export cannot be written there."""
    if form.endings and not path.name.endswith(form.endings):
        raise RunError.of(
            "MS760",
            f"`{path}` must end in {listed(form.endings, 'or')}",
            help=f"name it `{path.name.split('.')[0] or 'model'}{form.endings[0]}`",
        )
    if not path.parent.is_dir():
        raise RunError.of("MS760", f"the folder of `{path}` does not exist")
    _check_replaced(form, path)


def _check_replaced(form: Format, path: Path) -> None:
    """An existing path must be a file for a format that writes a file, and an empty folder for one
    that writes a folder.
    """
    if path.is_dir() and (form.endings or any(path.iterdir())):
        what = "is a folder" if form.endings else "is a folder that is not empty"
        raise RunError.of("MS760", f"`{path}` {what}", help="use another path")
    if not form.endings and path.exists() and not path.is_dir():
        raise RunError.of(
            "MS760",
            f"`{path}` is a file, but `{form.name}` writes a folder",
            help="use a folder",
        )


def check_installed(form: Format) -> None:
    """Raises `RunError` (MS761) if a package is not installed."""
    lacking = [name for name in form.packages if find_spec(name) is None]
    if lacking:
        raise RunError.of(
            "MS761",
            f"an export to `{form.name}` requires {listed(lacking, 'and')}, which "
            f"{'is' if len(lacking) == 1 else 'are'} not installed",
            help=f'`pip install "modelspec[{form.extra}]"`',
        )
