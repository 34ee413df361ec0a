"""Effective-medium theory that says in a file what it computed: cheap, deterministic, importable by any worker."""

from __future__ import annotations

import os
import time

from ase.calculators.emt import EMT


class Counted(EMT):
    """Appends a line to the file in ``COUNTED`` for each structure, and takes at least ``PAUSE`` seconds."""

    def calculate(self, atoms=None, *arguments):
        super().calculate(atoms, *arguments)
        time.sleep(float(os.environ.get("PAUSE", "0")))
        line = f"{os.getpid()} {hash_of(atoms)}\n"
        with open(os.environ["COUNTED"], "ab", buffering=0) as stream:  # one write: no line of another is cut in two
            stream.write(line.encode())


def hash_of(atoms):
    import hashlib

    return hashlib.sha256(atoms.positions.tobytes() + atoms.numbers.tobytes()).hexdigest()[:16]
