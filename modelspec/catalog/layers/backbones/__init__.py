"""What the backbones of KerasHub take and give, and their weights, without Keras.

    backbone    the description of one backbone
    config      the configuration of a preset, read and checked: it is as untrusted as a spec
    known       the classes that a preset may name
    parts       the weights of layers that several families have
    encoders    Bert and its relatives
    decoders    GPT-2, Llama and their relatives
    images      backbones of images
    families    which function describes which class
    asked       the description of any other backbone, from KerasHub in a separate process

A family is a function from the settings of a backbone to its description. `test_hub_runs` compares
each with KerasHub.
"""

from .backbone import Backbone, InputOf, OutputOf
from .config import Config
from .families import described

__all__ = ["Backbone", "Config", "InputOf", "OutputOf", "described"]
