"""What is refused before anything is opened: exports that cannot be asked for, or not here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from modelspec.core.diagnostics import listed, nearest

from ..data import RunError
from .formats import Format, formats


def format_of(name: str, quantize: str | None) -> Format:
    """The format of a name. Raises `RunError` (MS760) where there is none, or where it cannot be
    quantized so.
    """
    found = formats().get(name)
    if found is None:
        near = nearest(name, formats())
        hint = f"did you mean `{near}`?" if near else f"the formats are {listed([*formats()])}"
        raise RunError.of("MS760", f"there is no format `{name}`", help=hint)
    if quantize is not None:
        _check_quantization(found, quantize)
    return found


def _check_quantization(form: Format, quantize: str) -> None:
    if not form.quantizations:
        others = [one.name for one in formats().values() if one.quantizations]
        raise RunError.of(
            "MS760",
            f"`{form.name}` is not quantized",
            help=f"leave `quantize` out, or export to {listed(others, 'or')}",
        )
    if quantize not in form.quantizations:
        raise RunError.of(
            "MS760",
            f"there is no quantization `{quantize}`",
            help=f"there are {listed([*form.quantizations])}",
        )


def check_tolerance(tolerance: float | None) -> None:
    """Raises `RunError` (MS760) where no difference can be that large."""
    if tolerance is not None and not tolerance >= 0:
        raise RunError.of("MS760", f"a tolerance is a number from 0 on, found {tolerance:g}")


def check_path(form: Format, path: Path) -> None:
    """Raises `RunError` (MS760) where an export cannot be put there."""
    if form.endings and not path.name.endswith(form.endings):
        raise RunError.of(
            "MS760",
            f"`{path}` does not end in {listed(form.endings, 'or')}",
            help=f"name it `{path.name.split('.')[0] or 'model'}{form.endings[0]}`",
        )
    if not path.parent.is_dir():
        raise RunError.of("MS760", f"`{path}` would be in a folder that does not exist")
    _check_replaced(form, path)


def _check_replaced(form: Format, path: Path) -> None:
    """What is there already must be a file where a file is written, and an empty folder where a
    folder is.
    """
    if path.is_dir() and (form.endings or any(path.iterdir())):
        what = "is a folder" if form.endings else "is a folder with something in it"
        raise RunError.of("MS760", f"`{path}` {what}", help="name another place")
    if not form.endings and path.exists() and not path.is_dir():
        raise RunError.of(
            "MS760",
            f"`{path}` is a file, and `{form.name}` makes a folder",
            help="name a folder",
        )


def check_installed(form: Format) -> None:
    """Raises `RunError` (MS761) where a package is not installed."""
    lacking = [name for name in form.packages if find_spec(name) is None]
    if lacking:
        raise RunError.of(
            "MS761",
            f"an export to `{form.name}` needs {listed(lacking, 'and')}, which "
            f"{'is' if len(lacking) == 1 else 'are'} not installed",
            help=f'`pip install "modelspec[{form.extra}]"`',
        )
