"""What every source declares besides its settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape
from modelspec.core.source import Value


class ColumnType(NamedTuple):
    """The declared type of a column."""

    dtype: str
    shape: Shape = ()
    """The shape of an example; `()` is a single value."""


class Source(Settings):
    """The settings of one source, and how it is inferred from the path of a file."""

    aliases: ClassVar[tuple[str, ...]] = ()
    """Alternative names."""
    endings: ClassVar[tuple[str, ...]] = ()
    """The extensions from which it is inferred, in lower case; `.gz` may follow."""
    shared_endings: ClassVar[tuple[str, ...]] = ()
    """Extensions from which it is inferred only if the spec already uses this source."""
    file_name: ClassVar[re.Pattern[str] | None] = None
    """Parts of file names from which it is inferred, with any extension."""
    of_folders: ClassVar[bool] = False
    """Whether it is inferred from a folder if the spec already uses this source."""
    one_value_cells: ClassVar[bool] = False
    """Whether a column has one value for each example; otherwise its shape is only known from the
    data.
    """
    has_named_columns: ClassVar[bool] = False
    """Whether `columns_in` reads the names of the columns of a file."""
    own_target: ClassVar[bool] = False
    """Whether it may include a target, which a single output uses by default."""

    @property
    def shown_name(self) -> str:
        """Its name in messages."""
        return self.kind()

    @property
    def mask_columns(self) -> frozenset[str]:
        """Its columns with class indices, one for each pixel of an image."""
        return frozenset()

    def picture_shape(self, column: str) -> Shape | None:
        """The height, width and channels of a column of images, as far as known; None for any other
        column.
        """
        return None

    def sound_shape(self, column: str) -> Shape | None:
        """The shape of an example of a column of sounds, as far as known; None for any other
        column.
        """
        return None

    @property
    def column_types(self) -> Mapping[str, ColumnType] | None:
        """The declared types of all columns; None if they are only known from the data. Raises
        `Fault` if the declaration is wrong.
        """
        return None

    @property
    def known_types(self) -> Mapping[str, ColumnType]:
        """The same; empty if they are unknown, or if the declaration is wrong."""
        return {}

    @property
    def value_columns(self) -> tuple[str, ...] | None:
        """Its columns with one value for each example, if the settings define its columns; None if
        they are only known from the data.
        """
        return None

    def columns_in(self, file: Path) -> tuple[str, ...] | None:
        """The names of the columns of a file, read without the packages for data; None if its
        beginning does not determine them.
        """
        return None

    @property
    def class_count(self) -> int:
        """The number of classes of its column `target`, if known from its name; else 0."""
        return 0

    @classmethod
    def settings_for(cls, path: str) -> Value:
        """Its value in a spec for a file of which only the path is known."""
        return path

    def settings_like(self, path: str) -> dict[str, Any]:
        """The same settings for another file."""
        return {**self.written(), "path": path}

    def beside_path(self) -> dict[str, Any]:
        """The settings that affect what is read from its files: all that differ from the defaults,
        except the path.
        """
        return self.model_dump(exclude={"path"}, exclude_defaults=True)

    def written(self) -> dict[str, Any]:
        """The settings written in the spec."""
        return {name: getattr(self, name) for name in self.model_fields_set}
