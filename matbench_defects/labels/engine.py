"""What an engine is: something that turns a crystal into an energy and says where that energy comes from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from matbench_defects.crystal.space import Space
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.files import digest
from matbench_defects.labels.outcome import Band as Band
from matbench_defects.labels.outcome import Outcome as Outcome
from matbench_defects.registry import Registry
from matbench_defects.spec.document import validate
from matbench_defects.spec.fields import StrictModel
from matbench_defects.spec.models import LabelSpec, Relaxation, Spec

Sees = Literal["elements", "moments", "species"]
"""What of its species an engine takes: elements alone; also the moments that a calculation starts from; or all, the
oxidation states included."""


class EngineSettings(StrictModel):
    """Settings of an engine; each engine adds its own fields. Unknown ones are refused."""

    def located(self, folder: Path) -> EngineSettings:
        """Return the settings with files, if there are any, found in the spec's folder.

        Raises
        ------
        InputError
            If one is not there.
        """
        return self

    def check_phases(self, spec: Spec) -> None:
        """Refuse settings that do not say what the energies of the spec's reference phases are of.

        Raises
        ------
        InputError
            Naming a phase.
        """

    def check_space(self, space: Space, phases: Collection[str]) -> None:
        """Refuse settings that do not suit the species of a space.

        Parameters
        ----------
        space : Space
            The space.
        phases : collection of str
            Species of the reference phases.

        Raises
        ------
        InputError
            Naming a species.
        """

    def of_charge(self, charge: int) -> EngineSettings:
        """Return the settings for cells of a charge, elementary charges.

        Raises
        ------
        InputError
            If the engine takes none.
        """
        raise InputError("takes no charge: give energies of charged cells from a table (`engine: table`)")

    def unasked(self, asked: Callable[[], Iterable[str]]) -> str:
        """Return what is given here though nothing asks for it, in words; empty where nothing is.

        Parameters
        ----------
        asked : callable
            Gives the ids that are asked for.
        """
        return ""


class Engine(Protocol):
    """Turns crystals into energies, or hops into barriers. One instance serves one process and many of them."""

    Settings: ClassVar[type[EngineSettings]]
    level_of_theory: str
    """What the energies approximate, and by which means; a machine-learned potential says so. Known of the class too,
    in general terms where settings decide."""
    labels: ClassVar[Literal["structures", "pathways", "rows"]]
    """What its labels are of, and so what `compute` is given: a Crystal, a Hop, or the Job itself, which has an id."""
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]]
    """Whether a label may, must or cannot ask to relax."""
    # Some have more: `sees`, what of the species it takes (elements alone where it is not said); `packages`, those of
    # the optional extra that is called like the engine; `assumed_seconds`, what a label is taken to need while none is
    # known, where a second is far off.

    def __init__(self, settings: Any) -> None: ...

    @property
    def version(self) -> str:
        """The package and its version."""
        ...

    def compute(self, subject: Any, relax: Relaxation | None) -> Outcome:
        """Return what a crystal or hop comes to, relaxed first if asked."""
        ...


@runtime_checkable
class GetsReady(Protocol):
    """What an engine has besides that can fail before it sees a structure."""

    def make_ready(self) -> None:
        """Make what computes, if it is not made yet."""
        ...


@runtime_checkable
class StartsFromMoments(Protocol):
    """What an engine has besides that takes the magnetic moments with which crystals say that calculations start."""

    def start_from(self, moments: Mapping[str, float]) -> None:
        """Take part of that for the level of theory: by species, Bohr magnetons."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """What an engine has besides whose calculations write files: inputs, outputs, logs."""

    def begin(self, folder: Path | None) -> None:
        """Begin a label whose files are kept in this folder, which need not exist; None for a temporary one."""
        ...


@runtime_checkable
class ComputesTogether(Protocol):
    """What an engine has besides that computes several structures in less time than one after another."""

    @classmethod
    def at_once(cls, atoms: int) -> int:
        """Return how many structures of so many atoms it takes at once; one where several gain nothing."""
        ...

    def compute_together(self, subjects: Sequence[Any], relax: Relaxation | None) -> list[Outcome | Exception]:
        """Return what each comes to, as `compute` does; in the place of an outcome what its calculation raised."""
        ...


engines: Registry[type[Engine]] = Registry("engine", "matbench_defects.labels.engines")
"""Every registered engine, by name."""


def labelled_by(engine: type[Engine]) -> str:
    """Return what an engine labels, in the words of `Kind.stands_for`; a row is a structure that is looked up."""
    return "structures" if engine.labels == "rows" else engine.labels


def taken_at_once(engine: str, atoms: int) -> int:
    """Return how many structures of so many atoms an engine takes at once, by its name; one unless it says more."""
    if engine not in engines:  # a calculator that the user named
        return 1
    kind = engines.get(engine)
    return kind.at_once(atoms) if issubclass(kind, ComputesTogether) else 1


def require_extra(engine: str) -> None:
    """Check that the packages of an engine are there that are an optional extra; the extra is called like the engine.

    Parameters
    ----------
    engine : str
        Name of a registered engine. One that needs an extra names its packages in `packages`.

    Raises
    ------
    InputError
        Saying how to install them, if one is not.
    """
    packages: tuple[str, ...] = getattr(engines.get(engine), "packages", ())
    for package in packages:
        from importlib.metadata import PackageNotFoundError, version  # `check` does without it

        try:
            version(package)
        except PackageNotFoundError:
            raise InputError(
                f"the engine {engine} needs the package {package}: pip install 'matbench-defects[{engine}]'"
            ) from None


@dataclass(frozen=True)
class Method:
    """An engine with its settings: everything that decides an energy besides the structure.

    Parameters
    ----------
    name : str
        What the label's columns begin with.
    engine : str
        Name of a registered engine.
    settings : EngineSettings
        The engine's settings.
    relax : Relaxation or None
        How to relax.
    continues : str
        Digest of the method whose relaxed structures it starts from; empty where it starts from ideal ones.
    structures : str
        Name of the label whose relaxed structures it is computed on; empty for the ideal ones.
    keeps_left : bool
        Whether a row counts of which every attempt left its configuration. It decides no energy, so it is no part of
        the description.
    moments : dict of str to float
        Magnetic moments with which calculations start, by species, Bohr magnetons; empty for an engine that takes none.
    charge : int
        Charge of the cell, elementary charges.
    merged : bool
        Whether configurations that differ in oxidation states alone share one calculation, which knows of none.
    """

    name: str
    engine: str
    settings: EngineSettings
    relax: Relaxation | None
    continues: str = ""
    structures: str = ""
    keeps_left: bool = False
    moments: dict[str, float] = dataclasses.field(default_factory=dict, hash=False)
    merged: bool = False
    charge: int = 0

    def description(self) -> dict[str, Any]:
        """Return engine, settings and relaxation as plain data."""
        return {
            "engine": self.engine,
            "settings": self.settings.model_dump(mode="json"),
            "relax": self.relax.description() if self.relax else None,
            **({"continues": self.continues} if self.continues else {}),
            **({"moments": self.moments} if self.moments else {}),
            **({"charge": self.charge} if self.charge else {}),
        }

    @property
    def of_pathways(self) -> bool:
        """Whether its labels are of pathways, not of structures."""
        return labelled_by(engines.get(self.engine)) == "pathways"

    def digest(self) -> str:
        """Return a digest of the description: labels with the same digest are interchangeable."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        return digest(self.description())

    def load(self) -> Engine:
        """Return an engine ready to compute."""
        engine = engines.get(self.engine)(self.settings)
        if self.moments and isinstance(engine, StartsFromMoments):
            engine.start_from(self.moments)
        return engine

    @property
    def sees(self) -> Sees:
        """What of the species its engine takes."""
        return what_it_sees(self.engine, self.settings)


def what_it_sees(engine: str, settings: EngineSettings) -> Sees:
    """Return what of the species an engine takes; elements alone unless it says more."""
    found: Any = getattr(engines.get(engine), "sees", "elements")
    sees: Sees = found(settings) if callable(found) else found
    return sees


def methods_of(spec: Spec) -> list[Method]:
    """Return the methods that a spec's labels ask for.

    Raises
    ------
    InputError
        Naming file and line, if an engine or one of its settings is not known.
    """
    mistakes, methods = Mistakes(), []
    for position in range(len(spec.labels)):
        with mistakes.noted():
            method = method_of(spec, position)
            with spec.at(("labels", position)):
                method.settings.check_phases(spec)
            _check_cells_of_phases(spec, position)
            methods.append(method)
    mistakes.tell()
    return methods


def _check_cells_of_phases(spec: Spec, position: int) -> None:
    """Refuse a cell that relaxes along some of its vectors, where a reference phase says nothing of its own."""
    relax = spec.labels[position].relax
    if relax is None or isinstance(relax.cell, bool):
        return
    for name, phase in spec.reference_phases.items():
        if phase.cell is None:
            raise spec.error(
                ("reference_phases", name),
                f"`cell` is missing: {spec.labels[position].label_name} relaxes cells along {' and '.join(relax.cell)} "
                "alone, so say `true` for a bulk phase, whose whole cell relaxes, or `false`",
            )


def method_of(spec: Spec, position: int) -> Method:
    """Return the method of the label at one position of a spec."""
    label: LabelSpec = spec.labels[position]
    route = ("labels", position)
    try:
        kind = engines.get(label.engine)
    except InputError as error:
        raise spec.error((*route, "engine"), error.message) from None
    settings = validate(kind.Settings, label.options, spec.document, route)
    with spec.at((*route, "file")):
        settings = settings.located(spec.document.folder(route))
    if label.charge is not None:
        with spec.at((*route, "charge_states")):
            try:
                settings = settings.of_charge(label.charge)
            except InputError as error:
                raise error.changed(lambda one: InputError(f"{label.engine} {one.message}")) from None
    if kind.relaxation == "needed" and label.relax is None:
        raise spec.error((*route, "relax"), f"is missing; {label.engine} needs to know how to relax the end points")
    if kind.relaxation == "impossible" and label.relax is not None:
        raise spec.error((*route, "relax"), f"{label.engine} knows no forces and cannot relax")
    continues = _continued(spec, position)
    starts = hasattr(kind, "start_from")  # and not what it sees: that of a user's calculator is known on one machine
    if spec.moments and starts and getattr(settings, "moments", None):
        raise spec.error((*route, "moments"), "the spec gives `moments` already; leave out one of the two")
    return Method(
        label.label_name,
        label.engine,
        settings,
        label.relax,
        continues=continues,
        structures=label.structures or "",
        keeps_left=label.reconstructed == "kept",
        moments=dict(sorted(spec.moments.items())) if starts else {},
        merged=label.oxidation_states == "merged",
        charge=label.charge or 0,
    )


def _continued(spec: Spec, position: int) -> str:
    """Return the digest of the method on whose structures a label is computed; empty where on ideal ones."""
    label, route = spec.labels[position], ("labels", position, "structures")
    if label.structures is None:
        return ""
    earlier = {one.label_name: i for i, one in enumerate(spec.labels[:position])}
    if label.structures not in earlier:
        known = nearest(label.structures, earlier) if earlier else "it is the first"
        raise spec.error(route, f"no earlier label is called '{label.structures}'; {known}")
    source = method_of(spec, earlier[label.structures])
    if source.relax is None or source.continues:
        raise spec.error(route, f"{source.name} has no structures that were relaxed from ideal ones")
    if source.of_pathways:
        raise spec.error(route, f"{source.name} is of pathways")
    return source.digest()


def reference_method(spec: Spec, name: str, method: Method) -> Method:
    """Return how a reference phase is labelled: as the configurations are, its cell relaxed or not as the spec says."""
    cell = spec.reference_phases[name].cell
    if cell is None or method.relax is None:
        return method
    return dataclasses.replace(method, relax=method.relax.model_copy(update={"cell": cell}))
