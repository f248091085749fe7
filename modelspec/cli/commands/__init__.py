"""The commands, one per module: `check.py` is `modelspec check`.

A module declares

    ORDER     its position in `modelspec --help`: smaller numbers come first
    command   the function with its arguments and options; the first sentence of its docstring is
              its line in `modelspec --help`

and imports nothing heavy before the command runs, since `modelspec --help` imports all of them. A
name that is a keyword of Python ends in `_`: `import_.py`.
"""
