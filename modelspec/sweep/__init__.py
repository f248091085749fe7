"""Sweeps: searches over the values of a spec, and cross-validation.

folder     Compiled          -> SweepFolder   `runs/<name>/sweep-<n>`, by the identity of the sweep
storage    SweepFolder, URL  -> Storage       the trials: a journal file, or a database
proposal   Storage, number   -> Proposal      the values of a trial, from the trials before it
worker     Storage           -> trials        proposes, trains or resumes, prunes, stops
running    Proposal          -> Outcome       the runs of one trial: one, or one for each fold
processes  worker            -> workers       several at once, on this host or on a Ray cluster
report     trials            -> `report.html`, `trials.csv`, `trials.json`

Optuna is imported only where trials are proposed or stored: the files of a sweep are read without
it. With one worker a sweep is a pure function of its spec: the values of a trial follow from the
seed, its number and the trials before it, and never from the state of a process.
"""
