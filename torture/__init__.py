"""The reliability suite: each promise of hocket, and what tries to break it.

``make test`` runs the small size of every suite, ``make torture`` the large one. A trial is made
from its seed alone, so that ``make torture SUITE=name SEED=n TRIALS=1`` repeats it.
"""
