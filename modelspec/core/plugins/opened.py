"""The plugins of a folder: those that can be loaded, and diagnostics about the others."""

from __future__ import annotations

from pathlib import Path

from ..diagnostics import Diagnostic, Fault, Note
from ..records import NamedTuple
from .plugin import NO_PLUGINS, Plugin, Plugins
from .requests import Request, requests_for


class OpenedPlugins(NamedTuple):
    """The plugins of a folder, and what is wrong with them."""

    plugins: Plugins = NO_PLUGINS
    diagnostics: tuple[Diagnostic, ...] = ()


def plugins_for(*folders: Path) -> OpenedPlugins:
    """The plugins that specs in a folder may use: of the command line, of the project if it is
    trusted, of installed packages. Of a run, the plugins of several folders.
    """
    requests = requests_for(*folders)
    if not requests:
        return OpenedPlugins()
    from .loading import load

    found: list[Plugin] = []
    diagnostics: list[Diagnostic] = []
    for request in requests:
        try:
            plugin = load(request)
            _need_new_names(plugin, found)
        except Fault as fault:
            diagnostics.append(placed(fault, request))
            continue
        found.append(plugin)
        diagnostics += plugin.remarks
    return OpenedPlugins(Plugins(tuple(found)), tuple(diagnostics))


def placed(fault: Fault, request: Request) -> Diagnostic:
    """A broken package that is only installed does not make every spec wrong."""
    severity = "warning" if request.origin == "entry point" else fault.severity
    if request.span is None:
        notes = (*fault.notes, f"{request.where} names the plugin")
    else:
        notes = fault.notes
    return Diagnostic(
        fault.code, severity, fault.message, request.span, tuple(map(Note, notes)), fault.help
    )


def _need_new_names(plugin: Plugin, others: list[Plugin]) -> None:
    """Raises `Fault` (MS851) if an earlier plugin adds the same name."""
    for other in others:
        for noun, kinds in plugin.members.items():
            for kind in kinds:
                if other.members.get(noun, {}).get(kind, kinds[kind]) is not kinds[kind]:
                    raise Fault(
                        "MS851",
                        f"the plugins `{other.module}` and `{plugin.module}` both add the {noun}"
                        f" `{kind}`; `{plugin.module}` is not used",
                        help="rename one of the classes, or remove one of the plugins",
                    )
