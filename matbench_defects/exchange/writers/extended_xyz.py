"""Extended XYZ: all configurations in one file, with id, content and multiplicity."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from matbench_defects.exchange.writers.writer import CollectionWriter, Exported, writers


@writers.register("extxyz")
class ExtendedXyzWriter(CollectionWriter):
    """Extended XYZ, a frame a configuration."""

    title: ClassVar[str] = "extended XYZ, one file, a frame a configuration"
    name: ClassVar[str] = "structures.xyz"

    @contextlib.contextmanager
    def opened(self, path: Path) -> Iterator[Callable[[Exported], None]]:
        """Give what adds a frame."""
        from ase.io.extxyz import write_extxyz

        with open(path, "w", encoding="utf-8") as stream:

            def add(one: Exported) -> None:
                atoms = one.crystal.to_ase()
                atoms.info.update(one.facts)
                write_extxyz(stream, [atoms])

            yield add
