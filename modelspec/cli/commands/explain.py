"""`modelspec explain TOPIC`: the manual page of a purpose, a code, a layer or a key."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..compiling import own_plugins
from ..examples import examples
from ..options import plugin_option
from ..output import write

if TYPE_CHECKING:
    from modelspec.views.manual import Page

ORDER = 150


@click.command(
    epilog=examples(
        "modelspec explain finetune",
        "modelspec explain Conv2D",
        "modelspec explain training.loss",
        "modelspec explain MS402",
        'modelspec explain "learning rate"',
    )
)
@click.argument("topic", required=False)
@click.option("--markdown", is_flag=True, help="Print the page as Markdown.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format; the texts in json are Markdown.",
)
@click.option("--all", "everything", is_flag=True, help="Print every page, as Markdown.")
@plugin_option
@click.pass_context
def command(
    ctx: click.Context, topic: str | None, markdown: bool, form: str, everything: bool
) -> None:
    """Show the manual page of a purpose, a code, a layer, a component or a key.

    TOPIC is a purpose (finetune, gan, kfold; `topics` lists them), a code (MS402), a layer
    (Conv2D), a component (Adam), a key (training.loss), a command (predict) or a list (layers,
    optimizers, codes, keys). Other words ("learning rate") list the topics that contain them.
    Without TOPIC, shows the available lists.
    """
    if form == "json" and (markdown or everything):
        raise click.UsageError("`--format json` cannot be combined with `--markdown` or `--all`")
    with own_plugins():
        _explain(ctx, topic, "markdown" if markdown else form, everything=everything)


def _explain(ctx: click.Context, topic: str | None, form: str, *, everything: bool) -> None:
    if everything:
        from modelspec.views.manual.reference import text

        write(text())
        return
    from modelspec.views.manual import as_markdown, as_text, find, overview

    pages = [overview()] if topic is None else find(topic)
    help = None if topic is None else _help(topic, ctx)
    if not pages and help is None:
        assert topic is not None
        pages = _by_words(topic, ctx)
    if form == "json":
        write(json.dumps(_as_json(topic, pages, help), indent=2))
    elif form == "markdown":
        texts = [as_markdown(page, level=1) for page in pages]
        texts += [] if help is None else [f"# modelspec {topic}\n\n```text\n{help}\n```\n"]
        write("\n".join(texts))
    else:
        texts = [as_text(page, width=_width()) for page in pages]
        write(f"\n{'-' * 40}\n\n".join([*texts, *([] if help is None else [help])]))


def _as_json(topic: str | None, pages: list[Page], help: str | None) -> dict[str, Any]:
    return {"topic": topic, "pages": [asdict(page) for page in pages], "help": help}


def _commands(ctx: click.Context) -> click.Group:
    found = ctx.find_root().command
    return found if isinstance(found, click.Group) else click.Group()


def _help(topic: str, ctx: click.Context) -> str | None:
    """The output of `modelspec TOPIC --help`; None for an unknown command."""
    found = _commands(ctx).get_command(ctx, topic)
    if found is None:
        return None
    return found.get_help(found.make_context(topic, [], ctx.find_root(), resilient_parsing=True))


def _by_words(topic: str, ctx: click.Context) -> list[Page]:
    """The topics that contain these words."""
    from modelspec.views.manual.search import page

    group = _commands(ctx)
    known = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
    commands = {name: one.get_short_help_str(200) for name, one in known if one is not None}
    if found := page(topic, commands):
        return [found]
    raise click.UsageError(_unknown(topic, list(commands)))


def _unknown(topic: str, commands: list[str]) -> str:
    from modelspec.core.diagnostics import nearest
    from modelspec.views.manual import is_code, near
    from modelspec.views.manual.search import setting_names

    meant = near(topic) or nearest(topic, commands)
    if meant is None and not is_code(topic):
        meant = nearest(topic, setting_names())
    if meant:
        return f"no page about `{topic}`: did you mean `{meant}`?"
    return f"no page about `{topic}`: `modelspec explain` lists the topics"


def _width() -> int:
    """The width in columns: that of the terminal, up to a readable length; 100 for a file or a
    pipe.
    """
    import shutil

    return (
        min(110, max(60, shutil.get_terminal_size((100, 24)).columns))
        if sys.stdout.isatty()
        else 100
    )
