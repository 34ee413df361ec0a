"""Declarative datasets and benchmarks for disordered, doped and defective crystals.

One road leads through the package, and each stage imports only those before it::

    spec -> parent -> configurations -> labels -> dataset -> task -> result -> leaderboard

``import matbench_defects`` is light: neither torch nor pymatgen is loaded until something needs it.
"""

__version__ = "0.1.0"
