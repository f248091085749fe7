"""The page of `$name` and `$(...)`: their names, their values, and their functions."""

from __future__ import annotations

from typing import Final

from modelspec.compiler.expand import limits
from modelspec.compiler.expand.expression_functions import FUNCTIONS

from .page import Page, Row, Table

TOPIC: Final = "expressions"
_TEXT: Final = """\
`$width` stands for a value that has a name, `$(2 * width)` for one that is worked out: for any
value of a spec, and inside a longer text (`run-$(width)`). A whole value keeps its type; `$$`
writes a `$`.

```yaml
vars: {width: 16, sizes: [3, 5, 7]}
name: net-$(width)
model:
  inputs: {x: [32, 8]}
  layers:
    - for: {size: "$(sizes[:2])"}
      do:
        - Conv1D: {filters: $(width * 2 if size > 3 else width), kernel_size: $size, padding: same}
    - GlobalAveragePooling1D
    - Dense: 1
```

Names are those of `vars` (each may use the ones before it), of the parameters of a block in its
layers, and of `for` in what it repeats. Inside `{...}` and `[...]`, one that has a `,`, `[` or `: `
in it needs quotes.

Expressions are a small part of Python's: numbers, texts, `true`, `false`, `null`, lists, `a.b`,
`a[i]`, `a[i:j]`, `+ - * / // % **`, comparisons and `in`, `and`, `or`, `not`, and `x if condition
else y`. Nothing can be called but the functions below, and no value has methods: an expression runs
no code, and always ends."""


def page() -> Page:
    """What `modelspec explain expressions` shows."""
    functions = tuple(
        Row(name, one.words, text=f"Takes {one.takes()}.") for name, one in FUNCTIONS.items()
    )
    return Page(
        "Expressions",
        "",
        _TEXT,
        (Table("Functions", functions, ("function", "gives", "")),),
        (f"An expression has at most {limits.LENGTH:,} characters.",),
    )
