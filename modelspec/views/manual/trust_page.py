"""The page of what a spec may access, and how to allow more."""

from __future__ import annotations

from typing import Final

from modelspec.core.places import ALLOW_HOSTS, DATA_ROOTS, known
from modelspec.core.project import TRUST

from .page import Page, Row, Table

TOPIC: Final = "trust"
_TEXT: Final = """\
A spec, a run folder or a model file may come from an untrusted source. By default none of them can
run Python code, access files outside the project (the working directory if the spec is inside it,
otherwise the folder of the spec), download from the network or send data to a host. You can allow
more, outside of these files:

```sh
modelspec train spec.yaml --data-root /data/images --data-root s3://bucket/tables
```

A data root is a folder or an address (SCHEMES). Everything below it may be read as data or weights;
the target of a link must be in an allowed place too. Files that a spec extends, and vocabularies,
must be in the project. A path in your own `--set` or `--data` is allowed automatically. A run
folder does not store these permissions: pass them again to `resume`, `evaluate` and `reproduce`.

A project can allow more for its specs in `[tool.modelspec]` of its `pyproject.toml`, once you trust
it:

```toml
[tool.modelspec]
data_roots = ["/data/images"]
```

`modelspec trust` stores the folder and a hash of that section in your configuration; if the section
changes, it is ignored until you trust it again."""


def page() -> Page:
    """The page of `modelspec explain trust`."""
    schemes = ", ".join(f"`{scheme}://`" for scheme in known())
    rows = (
        Row("--data-root DIR", "a folder or an address; `data_roots=` of `ms.load_spec`"),
        Row(
            "--allow-host HOST[:PORT]",
            "a host that may receive data; `allow_hosts=` of `ms.load_spec`",
        ),
        Row(DATA_ROOTS, "folders and addresses, separated by `:`"),
        Row(ALLOW_HOSTS, "hosts, separated by commas"),
        Row("data_roots, allow_hosts", "lists in `[tool.modelspec]` of a trusted project"),
        Row(TRUST, "folders of projects to trust, separated by `:`"),
    )
    return Page(
        "Trust",
        "",
        _TEXT.replace("SCHEMES", schemes),
        (Table("Permissions", rows, ("where", "value", "")),),
        ("See `modelspec explain MS210` for paths, and `modelspec explain MS682` for addresses.",),
    )
