"""`images`: image files, from class folders or listed in a table."""

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.paths import ProjectPath
from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape

from .common.picture_settings import CHANNELS, MaskValues, PictureSize
from .common.source import Source

IMAGE, MASK = "image", "mask"
"""The columns of images, and of masks."""


class images(Source):
    """Image files: one folder per class, or a table with the paths of the files and further
    columns.

    ```yaml
    source: {images: {path: photos, size: [224, 224]}}
    ```

    With folders, the columns are `image` ([height, width, channels]) and `label`, the name of the
    folder; without folders, the images are those directly in `path`. With a table, the columns are
    `image` and the other columns of the table:

    ```yaml
    source: {images: {csv: labels.csv, column: file, root: photos, size: 224}}
    ```

    Images of 8 bits per channel are uint8, with the values 0 to 255. PNG files of 16 bits are
    uint16 and keep all levels, up to 65535; 10 or 12 bits stored in 16 are unchanged (0 to 4095).
    If a source contains both, 8-bit values are multiplied by 257, with a warning. The model gets
    these values in the dtype of its input: float32 represents all of them, and in a uint8 input a
    value above 255 is an error. Values are not scaled: `transform: [{Rescaling: $(1 / 65535)}]`
    scales 16 bits to 0 to 1, and layers with a `value_range` take `[0, 65535]` there. Images are
    resized in their own bit depth.

    PNG, JPEG, BMP, GIF, WebP and TIFF files in any color mode are supported; of an animation, the
    first frame is used; a TIFF file with several pages is an error. The EXIF orientation is
    applied. The format is inferred from the content of a file, not from its extension. Hidden files
    are ignored, and a link to a path outside of the folder is an error. The settings have the same
    names as in Keras (`image_dataset_from_directory`).

    With `masks`, each image has a mask of the same name in another folder, with any extension:

    ```yaml
    source: {images: {path: photos, masks: masks, size: 224, mask_values: [0, 255]}}
    ```

    The column `mask` is uint8 ([height, width, 1]): the stored gray values or palette indices, not
    colors, resized by nearest neighbor. A mask must have the aspect ratio of its image.
    """

    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPath | None = None
    """The folder with one folder of images per class."""
    csv: ProjectPath | None = None
    """The CSV table with the path of one image in each row."""
    column: str | None = None
    """The column of the table with the paths; by default the first one."""
    root: ProjectPath | None = None
    """The folder that paths in the table are relative to; by default the folder of the table."""
    size: PictureSize | None = None
    """The `[height, width]` that every image is resized to; without it all images must have the
    same size.
    """
    masks: ProjectPath | None = None
    """The folder with one mask per image, which has the same name except for the extension."""
    mask_values: MaskValues | None = None
    """The values in a mask of the classes 0, 1, ..., in this order; any other value is an error. By
    default the values are the class indices.
    """
    color_mode: Literal["rgb", "grayscale", "rgba"] = "rgb"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3"] = "bilinear"
    """The resampling method of Pillow, which averages pixels when it shrinks an image."""
    crop_to_aspect_ratio: bool = False
    """Whether to crop the center of an image of another aspect ratio rather than distort it."""
    pad_to_aspect_ratio: bool = False
    """Whether to add black borders to an image of another aspect ratio rather than distort it."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with files that cannot be decoded: `error`, or `skip`, which omits them and shows
    a warning with their number.
    """
    max_pixels: Annotated[int, Field(ge=1, le=170_000_000)] = 50_000_000
    """The largest number of pixels of an image; a larger image is refused before it is decoded."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.csv is None):
            refuse(
                "`images` requires either a folder (`path`) or a table (`csv`)",
                "MS203" if self.path is None else "MS208",
                *(("csv",) if self.path is not None else ()),
            )
        if self.masks is not None and self.path is None:
            refuse(
                "`masks` requires a folder of images (`path`)",
                "MS208",
                "masks",
                help="with a table, read a column of paths of masks: `{column: mask, read: mask}`",
            )
        if self.mask_values is not None and self.masks is None:
            refuse("`mask_values` requires `masks`", "MS208", "mask_values")
        for setting in ("column", "root"):
            if self.csv is None and getattr(self, setting) is not None:
                refuse(
                    f"`{setting}` requires a table of images (`csv`)",
                    "MS208",
                    setting,
                )
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            refuse(
                "`crop_to_aspect_ratio` and `pad_to_aspect_ratio` cannot be used together",
                "MS208",
                "pad_to_aspect_ratio",
            )
        return self

    def picture_shape(self, column: str) -> Shape | None:
        if column not in (IMAGE, *self.mask_columns):
            return None
        channels = 1 if column == MASK else CHANNELS[self.color_mode]
        return (*(self.size or (None, None)), channels)

    @property
    def value_columns(self) -> tuple[str, ...] | None:
        return ("label",) if self.path is not None else None

    @property
    def mask_columns(self) -> frozenset[str]:
        return frozenset((MASK,) if self.masks is not None else ())

    def settings_like(self, path: str) -> dict[str, Any]:
        of_table = PurePath(path).suffix.lower() == ".csv"
        others = ("path", "csv") if of_table else ("path", "csv", "column", "root")
        if path != self.path:  # other images have other masks, and predictions need none
            others = (*others, "masks", "mask_values")
        kept = {name: value for name, value in self.written().items() if name not in others}
        return {**kept, "csv" if of_table else "path": path}
