"""Specs, spoilt: what `check` does with them, in this process."""

from __future__ import annotations

import copy
import io
import marshal
import random
from pathlib import Path
from typing import Any

from nasty import spoil_bytes, spoil_data
from rich.console import Console

from matbench_defects.cli.commands.crystal import show_check
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.dataset.label_estimate import estimate_labels
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.document import Document, Mark, Route, dump_yaml
from matbench_defects.spec.loading import load_spec, spec_of

TEXT = 0.05
"""Share of the cases that are spoilt as text and go the whole way of `check`, from the file to what is shown."""
WHOLE, PARTS = 0.02, 0.2
"""Shares of the others that are a whole shipped spec, and one of its spaces with all else; most are lean."""
LEFT_OUT = ("reference_phases", "targets", "comparisons", "schemes", "references", "description")
"""What a lean spec does not have: reference phases take longer than all else."""


class FuzzedSpecs:
    """Cases by number: the same seed and number give the same case for ever.

    Parameters
    ----------
    seed : int
        What all cases depend on.
    folder : path
        Where files may be written.
    """

    suffix = ".yaml"

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.path = seed, folder / "spec.yaml"
        files = [p for spec in shipped_specs().values() for p in sorted(spec.parent.glob("*.yaml"))]
        self.whole = [load_spec(path).document.data for path in files]  # demo.yaml extends a spec
        self.parts = [part for data in self.whole for part in _parts(data)]
        self.texts = [path.read_bytes() for path in files] + [dump_yaml(part).encode() for part in self.parts]
        self.lean = [{k: v for k, v in part.items() if k not in LEFT_OUT} for part in self.parts]
        every = [*self.whole, *self.parts, *self.lean]
        self.packed = {id(data): marshal.dumps(data) for data in every}  # copies are quickly made of these

    def case(self, number: int) -> tuple[Any, list[int]]:
        """Return what is spoilt, and a seed for each time that it is."""
        chance = random.Random(f"{self.seed}:{number}")
        seeds: list[Any] = self.texts
        if chance.random() >= TEXT:
            share = chance.random()
            seeds = self.whole if share < WHOLE else self.parts if share < WHOLE + PARTS else self.lean
        times = chance.choice([1, 1, 2, 2, 3, 4, 6])
        return chance.choice(seeds), [chance.getrandbits(32) for _ in range(times)]

    def spoilt(self, what: Any, steps: list[int]) -> Any:
        """Return the data or text of a case."""
        if not isinstance(what, bytes):
            what = marshal.loads(self.packed[id(what)])
        for step in steps:
            if isinstance(what, bytes):
                what = spoil_bytes(what, random.Random(step))
            else:
                spoil_data(what, random.Random(step))
        return what

    def run(self, spoilt: Any) -> None:
        """Do what `check` does.

        Raises
        ------
        InputError
            Where the spec is refused.
        """
        if isinstance(spoilt, bytes):
            self.path.write_bytes(spoilt)
            show_check(check_spec(str(self.path)), Console(file=io.StringIO(), width=120))
            return
        if "extends" in spoilt:  # only a file can extend another
            self.run(dump_yaml(spoilt).encode())
            return
        spec = spec_of(Document(spoilt, marks_of(spoilt)))
        spaces = estimate_spaces(spec)
        estimate_labels(spec, sum(space.labelled for space in spaces), {})

    def written(self, spoilt: Any) -> bytes:
        """Return a case as the file that a user would have."""
        return spoilt if isinstance(spoilt, bytes) else dump_yaml(spoilt).encode()


def marks_of(data: dict[str, Any]) -> dict[Route, Mark]:
    """Return a place for every value, as reading gives it."""
    marks: dict[Route, Mark] = {(): _MARK}

    def visit(value: Any, route: Route) -> None:
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in inside:
            here = (*route, key)
            marks[here] = _MARK
            if isinstance(inner, dict | list):
                visit(inner, here)

    visit(data, ())
    return marks


_MARK = Mark("spec.yaml", 1)


def _parts(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a spec with each of its spaces alone, and its first phases only."""
    result = []
    for name, space in (data.get("spaces") or {"": None}).items():
        part = copy.deepcopy(data)
        if space is not None:
            part["spaces"] = {name: copy.deepcopy(space)}
        if (part.get("configurations") or {}).get("also"):
            part["configurations"]["also"] = part["configurations"]["also"][:2]
        if space and (part["spaces"][name].get("configurations") or {}).get("also"):
            part["spaces"][name]["configurations"]["also"] = part["spaces"][name]["configurations"]["also"][:2]
        result.append(part)
    return result
