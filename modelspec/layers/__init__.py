"""Every layer that a spec may name: one file for each family, imported when a spec names one of its layers."""

from ..catalogue import Catalogue

LAYERS = Catalogue(
    "layer", "modelspec.layers",
    {
        "core": ("Dense", "Embedding", "Masking", "Activation"),
        "convolution": ("Conv1D", "Conv2D", "Conv3D"),
        "transposed": ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
        "depthwise": ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        "pooling": (
            "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
            "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
            "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
            "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
        ),
        "spatial": (
            "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
            "Cropping1D", "Cropping2D", "Cropping3D",
        ),
        "normalization": ("BatchNormalization", "LayerNormalization"),
        "image": ("Rescaling", "Resizing"),
    },
    {
        **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
        **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
        **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
        **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
        **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
        **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
        **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    },
)  # fmt: skip
