"""`dataset`: data sets by name."""

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import listed, nearest
from modelspec.core.paths import ProjectPath
from modelspec.core.settings import Unfit, refuse

from .common.source import Source

EMBEDDED: Final = ("digits", "iris", "wine", "breast_cancer", "diabetes")
"""Data sets included in scikit-learn."""
FETCHED: Final = (
    "mnist",
    "fashion_mnist",
    "cifar10",
    "cifar100",
    "imdb",
    "reuters",
    "california_housing",
    "boston_housing",
)
"""Data sets that Keras downloads from a pinned address."""
DATASETS: Final = (*EMBEDDED, *FETCHED)
_CLASSES: Final = {
    "digits": 10,
    "iris": 3,
    "wine": 3,
    "breast_cancer": 2,
    "mnist": 10,
    "fashion_mnist": 10,
    "cifar10": 10,
    "cifar100": 100,
    "imdb": 2,
    "reuters": 46,
}
"""The number of classes of their column `target`; the others have numbers there."""


def _dataset_name(value: Any) -> str:
    if value in DATASETS:
        return str(value)
    near = nearest(value, DATASETS) if isinstance(value, str) else None
    raise Unfit(
        f"a data set that modelspec knows ({listed(DATASETS, 'or')})",
        code="MS205",
        suggestion=near,
        help=f"did you mean `{near}`?" if near else None,
    )


class dataset(Source):
    """A data set by name.

    ```yaml
    source: {dataset: digits}
    ```

    These are included in scikit-learn: `digits` (1,797 images of 8x8), `iris`, `wine`,
    `breast_cancer`, `diabetes`. Keras downloads these once, verifies their hashes, and caches them
    in `~/.keras/datasets`: `mnist`, `fashion_mnist`, `cifar10`, `cifar100`, `imdb`, `reuters`,
    `california_housing`, `boston_housing`.

    ```yaml
    train: {dataset: mnist}
    test: {dataset: {name: mnist, part: test}}
    ```

    Columns: `target`, and `image` for images, `tokens` (lists of word indices) for `imdb` and
    `reuters`, `features` for the others; `cifar100` also has `coarse`.
    """

    own_target: ClassVar = True

    name: Annotated[str, PlainValidator(_dataset_name, json_schema_input_type=Literal[DATASETS])]
    part: Literal["train", "test"] | None = None
    """The part of the data set, as Keras splits it; by default `train`."""
    path: ProjectPath | None = None
    """The file that Keras would download (`mnist.npz`), or for `fashion_mnist` the folder of its
    four files, if it already exists on this machine.
    """

    @model_validator(mode="after")
    def _parts_of_fetched(self) -> Self:
        for setting in ("part", "path"):
            if self.name in EMBEDDED and getattr(self, setting) is not None:
                refuse(
                    f"`{self.name}` is included in scikit-learn as a whole: it has no `{setting}`",
                    "MS208",
                    setting,
                    help=f"remove `{setting}`" if setting == "path" else "use `split` to divide it",
                )
        return self

    @property
    def shown_name(self) -> str:
        return self.name

    @property
    def value_columns(self) -> tuple[str, ...] | None:
        if self.name in EMBEDDED or not self.class_count:
            return None  # their features are columns too
        return ("target", "coarse") if self.name == "cifar100" else ("target",)

    @property
    def class_count(self) -> int:
        return _CLASSES.get(self.name, 0)

    def settings_like(self, path: str) -> dict[str, Any]:
        return {"name": path}
