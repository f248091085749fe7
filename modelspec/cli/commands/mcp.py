"""`modelspec mcp`: checks, pages and runs for assistants."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from ..examples import examples
from ..options import plugin_option

ORDER = 195


@click.command(
    epilog=examples(
        "modelspec mcp",
        "modelspec mcp --allow-train",
    )
)
@click.option(
    "--allow-train", is_flag=True, help="Offer a tool that trains specs; without it, none does."
)
@plugin_option
def command(allow_train: bool) -> None:
    """Serve specs and runs to assistants, over the Model Context Protocol.

    An assistant that writes specs gets the same diagnostics, shapes and manual pages as a user: the
    tools `check`, `show`, `explain`, `schema`, `fix` and `runs`. The server talks over standard
    input and output, reads only below the working directory, and writes nothing; with
    --allow-train, the tool `train` runs `modelspec train` there. Ends when its input ends.
    """
    if find_spec("mcp") is None:
        raise click.UsageError('the server requires the package mcp: pip install "modelspec[mcp]"')
    from modelspec.mcp.server import server

    server(Path.cwd(), allow_train=allow_train).run("stdio")
