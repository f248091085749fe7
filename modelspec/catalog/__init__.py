"""What a spec may name, as declarations: layers, components, sources of data, functions of
formulas, architectures.
"""
