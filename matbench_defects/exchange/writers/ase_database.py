"""ASE's database: all configurations in one SQLite file, found by id, content and multiplicity."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from matbench_defects.exchange.writers.writer import CollectionWriter, Exported, writers


@writers.register("ase-db")
class AseDatabaseWriter(CollectionWriter):
    """ASE's database, a row a configuration."""

    title: ClassVar[str] = "ASE database, one SQLite file, a row a configuration"
    name: ClassVar[str] = "structures.db"

    @contextlib.contextmanager
    def opened(self, path: Path) -> Iterator[Callable[[Exported], None]]:
        """Give what adds a row; all are kept at the end, at once."""
        from ase.db import connect

        with connect(path) as database:

            def add(one: Exported) -> None:
                database.write(one.crystal.to_ase(), key_value_pairs=one.facts)

            yield add
