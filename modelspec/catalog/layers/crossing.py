"""Crosses the values of several features: HashedCrossing."""

from typing import ClassVar, Literal

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor, show

from .categories import OwnDtype, encoded
from .common import need_equal
from .layer import Argument, Example, Inputs, need_rank
from .setting_types import Count


class HashedCrossing(OwnDtype):
    """Hashes each pair of values of two features into one of `num_bins` bins.

    ```yaml
    - HashedCrossing: {num_bins: 100, output_mode: one_hot, from: [country, language]}
    ```

    Takes two tensors (batch) or (batch, 1) of strings or integers; gives the bins (`int`) or
    (batch, num_bins). In a `transform` it crosses the columns of its feature, two or more: (batch,
    columns) becomes (batch, 1) or (batch, num_bins).

    ```yaml
    transform: [{HashedCrossing: {num_bins: 100, output_mode: one_hot}}]
    ```
    """

    prepares_data = True
    crosses_columns = True

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs", many=True, least=2, most=2),)

    num_bins: Count
    output_mode: Literal["int", "one_hot"] = "int"
    sparse: bool = False

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_bins": 10}, ((None, 1), (None, 1)), "string"),
        Example({"num_bins": 10, "output_mode": "one_hot"}, ((None,), (None,)), "int64"),
    )

    def column_types(self) -> tuple[str, ...]:
        return ("string", "int64")

    def output(self, inputs: Inputs) -> Tensor:
        given = next(iter(inputs.tensors.values()))
        if isinstance(given, Tensor):
            return self._of_columns(given)
        first, second = inputs.many
        for x in (first, second):
            need_rank(self, x, 1, 2)
            if x.rank == 2 and x.shape[-1] != 1:
                raise Fault(
                    "MS403",
                    f"`HashedCrossing` takes one value for each example, found {show(x.shape)}",
                    help="take one column at a time",
                )
            self._check_dtype(x)
        need_equal(
            first.rank,
            second.rank,
            "the numbers of axes that `HashedCrossing` crosses",
            (first.shape, second.shape),
        )
        return self._crossed(first)

    def _of_columns(self, x: Tensor) -> Tensor:
        """The result in a `transform`, for columns side by side."""
        self._check_dtype(x)
        if x.rank != 2 or x.shape[-1] == 1:
            raise Fault(
                "MS692",
                f"`HashedCrossing` crosses two or more columns, found {show(x.shape)}",
                help="name them in the feature: `columns: [a, b]`; use `Hashing` for one column",
            )
        return self._crossed(x._replace(shape=(x.shape[0], 1)))

    def _check_dtype(self, x: Tensor) -> None:
        if x.dtype != "string" and "int" not in x.dtype:
            raise Fault(
                "MS404",
                f"`HashedCrossing` takes strings or integers, found {x}",
                help="convert it to integers first, with `Discretization`",
            )

    def _crossed(self, x: Tensor) -> Tensor:
        dtype = "int64" if self.output_mode == "int" else "float32"
        policy = (self.dtype or dtype).removeprefix("mixed_")
        return Tensor(encoded(self, x, self.output_mode, self.num_bins), policy)
