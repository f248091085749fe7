"""The page of `$name` and `$(...)`: their names, their values, and their functions."""

from __future__ import annotations

from typing import Final

from modelspec.compiler.expand import limits
from modelspec.compiler.expand.expression_functions import FUNCTIONS

from .page import Page, Row, Table

TOPIC: Final = "expressions"
_TEXT: Final = """\
`$width` is replaced by a named value, and `$(2 * width)` by a computed value: for any value of a
spec, and inside a longer string (`run-$(width)`). An expression that is the whole value keeps its
type; `$$` is a literal `$`.

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

Available names are those of `vars` (each may use the previous ones), the parameters of a block in
its layers, and the names of `for` in its body. Inside `{...}` and `[...]`, quote an expression that
contains `,`, `[` or `: `.

Expressions are a small subset of Python: numbers, strings, `true`, `false`, `null`, lists, `[f for
x in xs if c]`, `a.b`, `a[i]`, `a[i:j]`, `+ - * / // % **`, comparisons and `in`, `and`, `or`,
`not`, and `x if condition else y`. Only the functions below can be called, and values have no
methods: an expression cannot run other code, and always terminates."""


def page() -> Page:
    """The page of `modelspec explain expressions`."""
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
