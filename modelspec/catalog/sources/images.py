"""`images`: image files, of class folders or of a table that names them."""

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
    """Image files: a folder for each class, or a table that names files and what belongs to them.

    ```yaml
    source: {images: {path: photos, size: [224, 224]}}
    ```

    Of folders, the columns are `image` ([height, width, channels]) and `label`, the name of the
    folder; images directly in `path` are all there are where it has no folders. Of a table,
    they are `image` and the table's others:

    ```yaml
    source: {images: {csv: labels.csv, column: file, root: photos, size: 224}}
    ```

    Images of 8 bits per channel are uint8, with the values 0 to 255. PNG files of 16 bits are
    uint16 and keep all of their levels, up to 65535; 10 or 12 bits that are stored in 16 stay as
    they are (0 to 4095). Where both are in one source, the values of 8 bits are multiplied by 257,
    with a warning. The model gets these values in the dtype of its input: a float32 input holds
    each of them, and in a uint8 input a value above 255 is an error. Nothing is scaled:
    `transform: [{Rescaling: $(1 / 65535)}]` brings 16 bits to 0 to 1, and layers with a
    `value_range` take `[0, 65535]` there. Images are resized in their own number of bits.

    PNG, JPEG, BMP, GIF, WebP and TIFF of any colors are read, of an animation its first frame; a
    TIFF file of several pages is a fault. The rotation that a camera noted is carried out. The
    file's content says what it is, not its ending. Hidden files are passed over, and a link that
    leads out of the folder is a fault. The settings have Keras's terms
    (`image_dataset_from_directory`).

    With `masks`, each image has a mask of the same name in another folder, whatever its ending:

    ```yaml
    source: {images: {path: photos, masks: masks, size: 224, mask_values: [0, 255]}}
    ```

    The column `mask` is uint8 ([height, width, 1]): the grey values or palette indices that the
    file stores, not its colors, resized by nearest neighbour. A mask has the proportions of its
    image.
    """

    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPath | None = None
    """A folder with a folder for each class."""
    csv: ProjectPath | None = None
    """A table that names an image in each row."""
    column: str | None = None
    """The column of the table with the paths; by default the first."""
    root: ProjectPath | None = None
    """The folder that paths in the table are relative to; by default the table's own."""
    size: PictureSize | None = None
    """The height and width that every image is resized to; without it all must be of one size."""
    masks: ProjectPath | None = None
    """A folder with a mask for each image, of the same name but for the ending."""
    mask_values: MaskValues | None = None
    """The values of a mask that mean the classes 0, 1, ..., in this order; any other value is a
    fault. Without it, a value is the class itself.
    """
    color_mode: Literal["rgb", "grayscale", "rgba"] = "rgb"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3"] = "bilinear"
    """How Pillow resizes: it averages where an image becomes smaller."""
    crop_to_aspect_ratio: bool = False
    """Cut the middle out rather than distort, where the shape differs."""
    pad_to_aspect_ratio: bool = False
    """Add black borders rather than distort, where the shape differs."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that do not decode: `skip` leaves them out, with a warning that counts
    them.
    """
    max_pixels: Annotated[int, Field(ge=1, le=170_000_000)] = 50_000_000
    """An image that claims more is refused before it is decoded."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.csv is None):
            refuse(
                "`images` takes a folder (`path`) or a table (`csv`)",
                "MS203" if self.path is None else "MS208",
                *(("csv",) if self.path is not None else ()),
            )
        if self.masks is not None and self.path is None:
            refuse(
                "`masks` belongs to a folder of images, and there is no `path`",
                "MS208",
                "masks",
                help="a column of the table names them: `{column: mask, read: mask}`",
            )
        if self.mask_values is not None and self.masks is None:
            refuse("`mask_values` belongs to `masks`", "MS208", "mask_values")
        for setting in ("column", "root"):
            if self.csv is None and getattr(self, setting) is not None:
                refuse(
                    f"`{setting}` belongs to a table of images, and there is no `csv`",
                    "MS208",
                    setting,
                )
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            refuse("an image is cropped or padded, not both", "MS208", "pad_to_aspect_ratio")
        return self

    def picture_shape(self, column: str) -> Shape | None:
        if column not in (IMAGE, *self.mask_columns):
            return None
        channels = 1 if column == MASK else CHANNELS[self.color_mode]
        return (*(self.size or (None, None)), channels)

    @property
    def mask_columns(self) -> frozenset[str]:
        return frozenset((MASK,) if self.masks is not None else ())

    def settings_like(self, path: str) -> dict[str, Any]:
        of_table = PurePath(path).suffix.lower() == ".csv"
        others = ("path", "csv") if of_table else ("path", "csv", "column", "root")
        if path != self.path:  # other images have other masks, and what is predicted has none
            others = (*others, "masks", "mask_values")
        kept = {name: value for name, value in self.written().items() if name not in others}
        return {**kept, "csv" if of_table else "path": path}
