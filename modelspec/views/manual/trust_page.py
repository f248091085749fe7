"""The page of what a spec may reach, and of what lets it reach more."""

from __future__ import annotations

from typing import Final

from modelspec.core.places import ALLOW_HOSTS, DATA_ROOTS, known
from modelspec.core.project import TRUST

from .page import Page, Row, Table

TOPIC: Final = "trust"
_TEXT: Final = """\
A spec, a run folder and a model file may come from a stranger: nothing in them names Python code,
leads out of the project (the working directory where the spec is inside it, otherwise the spec's
folder), fetches from the network or sends to a host. You grant more, outside of them:

```sh
modelspec train spec.yaml --data-root /data/images --data-root s3://bucket/tables
```

A data root is a folder or an address (SCHEMES). All below it may be read as data or weights; links
lead where they lead, and must lead to a granted place too. Files that a spec extends, and
vocabularies, stay in the project. A path that your own `--set` or `--data` names is granted by
that. A run folder keeps no grants: `resume`, `evaluate` and `reproduce` need them again.

A project may grant for its specs, in `[tool.modelspec]` of its `pyproject.toml`, once you trust it:

```toml
[tool.modelspec]
data_roots = ["/data/images"]
```

`modelspec trust` keeps the folder with a hash of that section in your configuration; when the
section changes, it is ignored until you trust it again."""


def page() -> Page:
    """What `modelspec explain trust` shows."""
    schemes = ", ".join(f"`{scheme}://`" for scheme in known())
    rows = (
        Row("--data-root DIR", "a folder or an address; `data_roots=` of `ms.load_spec`"),
        Row("--allow-host HOST[:PORT]", "a host to send to; `allow_hosts=` of `ms.load_spec`"),
        Row(DATA_ROOTS, "folders and addresses, separated by `:`"),
        Row(ALLOW_HOSTS, "hosts, separated by commas"),
        Row("data_roots, allow_hosts", "lists in `[tool.modelspec]` of a trusted project"),
        Row(TRUST, "folders of projects to trust, separated by `:`"),
    )
    return Page(
        "Trust",
        "",
        _TEXT.replace("SCHEMES", schemes),
        (Table("What grants", rows, ("where", "what it takes", "")),),
        ("See `modelspec explain MS210` for paths, and `modelspec explain MS682` for addresses.",),
    )
