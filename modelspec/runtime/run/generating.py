"""The method of a run in Python that generates text or examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack, overload

from ..backend.process_state import own_state
from ..data.table import Array
from .open_run import SavedRun

if TYPE_CHECKING:
    import keras


class Generating(TypedDict, total=False):
    """The options of `Run.generate`, described at `generation.options.Generated`."""

    temperature: float | None
    top_k: int | None
    top_p: float | None
    stop: str | Sequence[str]
    start: str | None
    beams: int | None
    length_penalty: float | None
    seed: int | None
    batch_size: int | None


class Generates:
    """A run that generates."""

    @property
    def model(self) -> keras.Model:
        raise NotImplementedError

    @property
    def _saved(self) -> SavedRun:
        raise NotImplementedError

    @overload
    def generate(  # type: ignore[overload-overlap]  # one string is one prompt
        self, prompts: str, *, length: int, **options: Unpack[Generating]
    ) -> str: ...

    @overload
    def generate(
        self, prompts: object, *, length: int, **options: Unpack[Generating]
    ) -> list[str]: ...

    @overload
    def generate(
        self, prompts: object = None, *, examples: int, **options: Unpack[Generating]
    ) -> dict[str, Array]: ...

    @own_state()
    def generate(
        self,
        prompts: object = None,
        *,
        length: int | None = None,
        examples: int | None = None,
        **options: Unpack[Generating],
    ) -> str | list[str] | dict[str, Array]:
        """Text of at most `length` tokens for each prompt, by a run that predicts the next token: a
        string for a string, otherwise a list. Or `examples` by the `generate` section of the spec,
        as arrays by name.

        `prompts` are strings, or rows as in `predict` (a path is a `pathlib.Path`), for which as
        many `examples` are made each. `options`: `temperature`, `top_k`, `top_p`, `stop`, `start`,
        `beams`, `length_penalty`, `seed` (by default that of the spec), `batch_size`. Raises
        `RunError`: MS792 to MS796, MS798, and the errors of rows.
        """
        from .generation.python import of_run

        return of_run(self._saved, prompts, length, examples, options, self.model)
