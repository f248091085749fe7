"""`dataset`: data sets by their names."""

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import listed, nearest
from modelspec.core.paths import ProjectPath
from modelspec.core.settings import Unfit, refuse

from .common.source import Source

EMBEDDED: Final = ("digits", "iris", "wine", "breast_cancer", "diabetes")
"""What comes with scikit-learn."""
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
"""What Keras fetches from a pinned address."""
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
"""How many classes their column `target` has; the others have numbers there."""


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
    """A data set by its name.

    ```yaml
    source: {dataset: digits}
    ```

    These come with scikit-learn: `digits` (1,797 images of 8x8), `iris`, `wine`, `breast_cancer`,
    `diabetes`. Keras fetches these, once, from addresses and with hashes that it pins, and keeps
    them below `~/.keras/datasets`: `mnist`, `fashion_mnist`, `cifar10`, `cifar100`, `imdb`,
    `reuters`, `california_housing`, `boston_housing`.

    ```yaml
    train: {dataset: mnist}
    test: {dataset: {name: mnist, part: test}}
    ```

    Columns: `target`, and `image` for images, `tokens` (lists of word indices) for `imdb` and
    `reuters`, `features` for the others; `cifar100` has `coarse` too.
    """

    own_target: ClassVar = True

    name: Annotated[str, PlainValidator(_dataset_name, json_schema_input_type=Literal[DATASETS])]
    part: Literal["train", "test"] | None = None
    """Which part of a data set that Keras fetches, as Keras cuts it; `train` by default."""
    path: ProjectPath | None = None
    """The file that Keras would fetch (`mnist.npz`), or for `fashion_mnist` the folder with its
    four, where they are on this machine already.
    """

    @model_validator(mode="after")
    def _parts_of_fetched(self) -> Self:
        for setting in ("part", "path"):
            if self.name in EMBEDDED and getattr(self, setting) is not None:
                refuse(
                    f"`{self.name}` comes with scikit-learn, whole: it has no `{setting}`",
                    "MS208",
                    setting,
                    help=f"remove `{setting}`" if setting == "path" else "cut it with `split`",
                )
        return self

    @property
    def shown_name(self) -> str:
        return self.name

    @property
    def class_count(self) -> int:
        return _CLASSES.get(self.name, 0)

    def settings_like(self, path: str) -> dict[str, Any]:
        return {"name": path}
