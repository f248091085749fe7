"""The contract test: what modelspec says of a layer against what Keras makes of it.

A `Case` is one call of one layer, in plain values. `strategies` draws cases from a layer's examples
and the types of its settings, `our_side` and `keras_side` answer them, `compare` says where the
answers differ.
"""
