"""The results of `modelspec check`, kept for files that have not changed.

    quick     answers from the cache before anything else is imported
    entry     an entry: what a check depended on, and its result; found, verified, written
    state     the state of one dependency: a file, a folder, a variable of the environment
    recorder  observes what a check reads and looks for
    stored    diagnostics as JSON
    results   the results of the files of one command, cached or computed

A check is a function of its arguments and of what it reads. So that no dependency is forgotten, the
recorder observes the functions of the operating system rather than the code of the check: every
file that is opened, looked for, or not found, every folder that is listed, every variable of the
environment. An entry is used if all of them, and the files of the program itself, have the same
state. Checks that could depend on more (plugins, the network, other processes) have no entry.
"""
