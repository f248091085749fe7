"""`modelspec lsp`: diagnostics, shapes and completion in editors."""

from __future__ import annotations

from importlib.util import find_spec

import click

from ..examples import examples
from ..options import plugin_option

ORDER = 194


@click.command(epilog=examples("modelspec lsp"))
@plugin_option
def command() -> None:
    """Show diagnostics, shapes and pages in an editor, over the Language Server Protocol.

    An editor starts the command; `docs/editors.md` has the settings of Neovim, Helix, Emacs and
    JetBrains. The server talks over standard input and output, reads the files that `modelspec
    check` reads, and writes nothing. Ends when its input ends.
    """
    if find_spec("pygls") is None:
        raise click.UsageError(
            'the server requires the package pygls: pip install "modelspec[editor]"'
        )
    from modelspec.editor.server import server

    server().start_io()
