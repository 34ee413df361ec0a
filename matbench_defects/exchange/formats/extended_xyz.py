"""Extended XYZ files, as ASE writes them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.bounded import read_text
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.exchange.source import (
    TOTAL_ENERGY,
    Published,
    PublishedStructure,
    SourceSettings,
    formats,
)
from matbench_defects.exchange.structure_text import check_crystal
from matbench_defects.exchange.tables import Column, finite_number, parse_column

MOST_COLUMNS = 1000
"""A line of an atom may hold this many numbers."""
LONGEST_HEAD = 100_000
"""The line that says what a frame is may have this many characters."""


class ExtendedXyzSettings(SourceSettings):
    """Settings of the extended XYZ format."""

    units: dict[str, str] = {}
    """Further labels among the keys of the comment lines, with their units: ``{gap: eV}``. ``energy`` is one
    wherever a frame has it, in eV per cell, which is ASE's unit, unless it is said to be another:
    ``{energy: eV per atom}``."""
    name: str | None = None
    """The key that names a structure; left out, its number in the file."""


@formats.register("extxyz")
class ExtendedXyz:
    """Every frame of an extended XYZ file."""

    Settings: ClassVar[type[SourceSettings]] = ExtendedXyzSettings
    title: ClassVar[str] = "extended XYZ file, as ASE writes it"
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: ExtendedXyzSettings = settings

    def read(self, path: Path) -> Published:
        """Return the frames of a file."""
        frames = _frames(path)
        known = {key for frame in frames for key in _labels(frame)}
        columns = {"energy": Column("energy", TOTAL_ENERGY)} if "energy" in known or not self.settings.units else {}
        columns |= {name: parse_column(unit, name, str(path)) for name, unit in self.settings.units.items()}
        for name in columns:
            if name not in known:
                raise InputError(f"no frame has '{name}'; {nearest(name, known)}", file=str(path))
        quantities = {name: column.quantity for name, column in columns.items()}
        return Published(quantities, len(frames), self._structures(frames, columns, str(path)))

    def _structures(self, frames: list[Any], columns: dict[str, Column], file: str) -> Iterator[PublishedStructure]:
        for position, frame in enumerate(frames):
            labels = _labels(frame)
            numbers = {name: finite_number(labels.get(name), f"frame {position}.{name}", file) for name in columns}
            name = str(labels.get(self.settings.name, position)) if self.settings.name else str(position)
            crystal = Crystal.from_ase(frame)
            values = {key: column.value(numbers[key], crystal) for key, column in columns.items()}
            try:
                check_crystal(crystal)
            except InputError as error:
                yield PublishedStructure(name, None, values, problem=error.message)
                continue
            lacks = "energy" in values and values["energy"] is None
            yield PublishedStructure(name, crystal, values, note="no total energy" if lacks else "")


def _frames(path: Path) -> list[Any]:
    import ase.io

    text = read_text(path)
    _check_frames(text, str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = list(ase.io.iread(io.StringIO(text), index=":", format="extxyz"))
    except Exception as error:  # ASE raises whatever the file's fault led to
        message = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"cannot be read as extended XYZ: {message[0]}", file=str(path)) from None
    if not frames:
        raise InputError("holds no frame", file=str(path))
    return frames


def _check_frames(text: str, file: str) -> None:
    """Refuse frames that promise more atoms than there are lines, or more columns than any atom has.

    ASE would read on behind the end of the file, and make room for every column, before it looks.
    """
    lines = text.removesuffix("\n").split("\n")
    at = 0
    while at < len(lines) and lines[at].strip():
        count = lines[at].strip()
        left = len(lines) - at - 2
        if not re.fullmatch(r"[0-9]{1,12}", count) or int(count) > left:
            what = f"{count[:20]!r} atoms, which {max(left, 0)} further lines do not hold"
            raise InputError(f"cannot be read as extended XYZ: a frame of {what}", file=file, line=at + 1)
        head = lines[at + 1]
        properties = re.findall(r"[0-9]+", "".join(re.findall(r"(?i)properties\s*=\s*(\S*)", head)))
        if len(head) > LONGEST_HEAD or any(len(n) > 6 for n in properties) or sum(map(int, properties)) > MOST_COLUMNS:
            message = "cannot be read as extended XYZ: it says more of a frame than any frame has"
            raise InputError(message, file=file, line=at + 2)
        at += 2 + int(count)
        while at < len(lines) and lines[at].lstrip().startswith("VEC"):
            at += 1


def _labels(frame: Any) -> dict[str, Any]:
    results = frame.calc.results if frame.calc is not None else {}
    return {**frame.info, **{k: v for k, v in results.items() if k == "energy"}}
