"""Task documents of VASP runs, as atomate2 and the Materials Project store them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.bounded import decoded, parsed_json
from matbench_defects.errors import InputError
from matbench_defects.exchange.finished_runs import Run, Theory, output_of, published_runs
from matbench_defects.exchange.formats.vasp import element_of_title, mesh_spacing
from matbench_defects.exchange.source import Published, SourceSettings, formats
from matbench_defects.exchange.structure_text import crystal_of_structure, plain_structure


@formats.register("atomate2")
class TaskDocuments:
    """A JSON file, plain or compressed, of one task document, a list of them, or jobflow's outputs that hold them.

    They are plain data here; pymatgen's own decoder is not used, because it imports whatever class a file names.
    Energy, settings and refusals are those of the format `vasp`.
    """

    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    title: ClassVar[str] = "JSON of task documents, as atomate2 and jobflow store them"
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: SourceSettings = settings

    def read(self, path: Path) -> Published:
        """Return the tasks of a file."""
        file = str(path)
        data = parsed_json(decoded(output_of(path), file), file)
        documents = data if isinstance(data, list) else [data]
        if not documents:
            raise InputError("holds no task document", file=file)
        return published_runs(_runs(documents, file), file)


def _runs(documents: list[Any], file: str) -> Iterator[tuple[str, Run]]:
    for position, document in enumerate(documents):
        given = document if isinstance(document, dict) else {}
        name = str(given.get("task_id") or given.get("uuid") or given.get("dir_name") or position)
        task = given.get("output") if "uuid" in given else given  # jobflow keeps what a job gave under `output`
        if not isinstance(task, dict) or not isinstance(task.get("output"), dict) or "input" not in task:
            raise InputError(
                "a task document was expected, with `input` and `output`", file=file, field=f"document {position}"
            )
        try:
            yield name, _run(task)
        except InputError as error:
            yield name, Run(None, None, None, error.message)
        except Exception as error:  # whatever a document that lacks something leads to
            yield name, Run(None, None, None, f"it cannot be read: {type(error).__name__} {error!s:.100}")


def _run(task: dict[str, Any]) -> Run:
    last: dict[str, Any] = next(iter(task.get("calcs_reversed") or []), {})
    steps = (last.get("output") or {}).get("ionic_steps") or []
    energy = (steps[-1].get("e_0_energy") if steps else None) or task["output"].get("energy")
    if energy is None:
        return Run(None, None, None, "it holds no energy")
    structure = plain_structure(task["output"].get("structure") or task.get("structure"))
    state = task.get("state") or last.get("has_vasp_completed")
    problem = ""
    # A document without a state is one of the Materials Project, which keeps finished tasks alone.
    if state not in (None, True, "successful", "success"):
        problem = f"its state is '{state}'"
    return Run(crystal_of_structure(structure), float(energy), _theory(task, last, structure), problem)


def _theory(task: dict[str, Any], last: dict[str, Any], structure: Any) -> Theory:
    made = {**(last.get("input") or {}), **{k: v for k, v in (task.get("input") or {}).items() if v is not None}}
    parameters = {**(made.get("parameters") or {}), **(made.get("incar") or {})}
    titles = [str(one.get("titel")) for one in made.get("potcar_spec") or []]
    kpoints = made.get("kpoints") or {}
    style = str(kpoints.get("generation_style", ""))
    mesh = kpoints["kpoints"][0] if style in ("Gamma", "Monkhorst") and kpoints.get("kpoints") else None
    functional = str(task.get("run_type") or last.get("run_type") or "unknown functional")
    return Theory(
        f"VASP {task.get('vasp_version') or last.get('vasp_version') or 'of unknown version'}",
        re.sub(r"\+U$", "", functional.rpartition(".")[2]),
        float(parameters.get("ENCUT") or parameters.get("ENMAX") or 0.0),
        int(parameters.get("ISPIN") or 1),
        {element: float(u) for element, u in (made.get("hubbards") or {}).items() if u},
        {element_of_title(title): title for title in titles},
        mesh_spacing(structure, mesh),
    )
