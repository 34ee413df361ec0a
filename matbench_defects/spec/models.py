"""The spec as pydantic models: what a domain is, in plain data."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.document import Document, Route
from matbench_defects.spec.fields import VACANCY, ContentField, Line, Name, Open, Species, StrictModel
from matbench_defects.spec.frozen import read_frozen
from matbench_defects.spec.parents import ParentSpec, Provenance, ReferencePhase
from matbench_defects.spec.spaces import (
    ALL,
    Cell,
    Exchanges,
    Exclusion,
    Groups,
    KindSpec,
    NamedContents,
    PathwaySpec,
    Selection,
    SpaceSpec,
    Sublattices,
    Supercell,
    Ties,
)


def _check_atom(species: str) -> str:
    if species == VACANCY:
        raise ValueError("an element or a species such as Ni2+ was expected, not a vacancy")
    return species


MagneticSpecies = Annotated[Species, AfterValidator(_check_atom)]


def _parse_relaxed_cell(value: Any) -> Any:
    """Read ``true``, ``false``, or the vectors along which a cell relaxes."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and value and all(value.count(v) == 1 and v in ("a", "b", "c") for v in value):
        return sorted(value) if len(value) < 3 else True
    raise ValueError(f"true, false, or vectors of the supercell such as [a, b] were expected, not {value!r:.60}")


_Vectors = list[Literal["a", "b", "c"]]


class Relaxation(StrictModel):
    """How positions, and the cell if asked, are relaxed."""

    cell: Annotated[bool | _Vectors, BeforeValidator(_parse_relaxed_cell, json_schema_input_type=bool | _Vectors)]
    """Whether the cell relaxes with the positions, or along which of the supercell's vectors: ``[a, b]`` strains the
    cell of a layer or a slab in its plane and leaves the vacuum across it as it is."""
    fmax: Annotated[float, Field(gt=0)] = 0.05
    """The relaxation ends when no force exceeds this, eV/Å (the cell's generalised forces included)."""
    steps: Annotated[int, Field(gt=0)] = 500
    """Steps after which it is given up and said not to have converged."""
    optimizer: Literal["LBFGS", "FIRE"] = "LBFGS"
    """ASE's optimizer. On two LixNiO2 structures LBFGS took 10 to 55 % less time than FIRE and ended lower."""
    rattle: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Each attempt starts from the ideal positions moved at random: standard deviation of each Cartesian coordinate, Å.
    Without it a relaxation keeps the symmetry that it starts with, and may end on a saddle point."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    """How many such starts each label is the lowest of; more can be added later, and none is computed again."""
    fixed: list[str] = []
    """Sites of the parent, by label or element, whose atoms stay where they are."""

    @model_validator(mode="after")
    def _several_starts(self) -> Relaxation:
        if self.attempts > 1 and not self.rattle:
            raise ValueError("several attempts from the same start end alike; give `rattle`, such as 0.05")
        return self

    def description(self) -> dict[str, Any]:
        """Return what decides where one attempt ends, as plain data; fields that say nothing are left out."""
        left_out = {"attempts"} | {name for name in ("rattle", "fixed") if not getattr(self, name)}
        return self.model_dump(mode="json", exclude=left_out)


class LabelNoise(StrictModel):
    """From which rows the noise of a label is measured: those whose hashed id and seed come first."""

    rows: Annotated[int, Field(ge=2, le=10_000)] = 50
    """On so many rows as many attempts again are made: how far the lowest of these lies from the lowest of the first is
    noise."""
    tightened: Annotated[int, Field(ge=0, le=10_000)] = 30
    """So many labels are relaxed further: by how much they drop is systematic, and stated apart from the noise."""
    fmax: Annotated[float, Field(gt=0)] = 0.005
    """Until no force exceeds this, eV/Å."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the choice of rows."""


class LabelledPart(StrictModel):
    """Which of the selected configurations get a label that not all do. What targets refer to always has it."""

    count: Annotated[int, Field(gt=0, le=10**9)] | None = None
    """How many are drawn, each with the same probability."""
    content: dict[str, ContentField] = {}
    """Among which they are drawn: how many of a species, ``{X.vacancy: 0}``; all where left out."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draw."""
    also: list[str] = []
    """Ids of configurations besides."""

    @model_validator(mode="after")
    def _some(self) -> LabelledPart:
        if self.count is None and not self.also:
            raise ValueError("name some in `also`, or how many are drawn in `count`")
        return self


class LabelSpec(Open):
    """One kind of label: an engine, its settings, and whether it relaxes. Further fields are the engine's own."""

    engine: str
    """Name of a registered engine."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    """What the label's columns begin with; left out, the engine and ``relaxed`` or ``static``."""
    relax: Relaxation | None = None
    """How to relax; left out, one energy of the ideal positions."""
    structures: str | None = None
    """Name of an earlier label, on whose relaxed structures this one is computed; left out, on the ideal ones."""
    configurations: LabelledPart | None = None
    """Which configurations have this label; left out, all that are selected. Goes with ``structures``."""
    reconstructed: Literal["left out", "kept"] = "left out"
    """What becomes of a row of which every attempt left its configuration: it has no value, or it has that of the
    lowest of them and is marked, since its energy is what the configuration comes to."""
    oxidation_states: Literal["merged"] | None = None
    """``merged``: an engine that sees elements alone computes configurations that differ in oxidation states alone
    once, and the rows that share a calculation are marked; left out, such an engine is refused where there are some."""
    charge_states: Annotated[list[Annotated[int, Field(ge=-9, le=9)]], Field(min_length=1)] | None = None
    """Charges of the whole cell in which each configuration is computed, elementary charges, zero among them:
    ``[0, 1, 2]``. Each is a label of its own: ``dft``, ``dft_plus_1``, ``dft_minus_1``."""
    state_of: str | None = None
    """Of a charged one, the label of the neutral cell; written by the program, which makes one of each charge state."""
    noise: LabelNoise | None = None
    """How the noise of the label is measured; left out, it is not. Goes with ``relax`` and its ``rattle``."""

    @model_validator(mode="after")
    def _noise_of_attempts(self) -> LabelSpec:
        if self.noise is not None:
            if self.relax is None or not self.relax.rattle:
                raise ValueError("`noise` compares attempts from several starts; give `relax` with a `rattle`")
            if self.structures is not None:
                raise ValueError("`noise` is of labels that start from ideal structures; this one has `structures`")
            if self.noise.tightened and self.noise.fmax >= self.relax.fmax:
                raise ValueError(f"`noise.fmax` {self.noise.fmax:g} is not below the label's own, {self.relax.fmax:g}")
        return self

    @model_validator(mode="after")
    def _merged_alone(self) -> LabelSpec:
        for field in ("noise", "structures"):
            if self.oxidation_states is not None and getattr(self, field) is not None:
                raise ValueError(f"`oxidation_states: merged` does not go with `{field}`")
        return self

    @model_validator(mode="after")
    def _part_of_relaxed(self) -> LabelSpec:
        if self.configurations is not None and self.structures is None:
            raise ValueError("`configurations` of a label goes with `structures`; a spec's own says what is selected")
        if self.structures is not None and self.relax is not None and self.relax.rattle:
            raise ValueError("`rattle` starts from ideal structures; this label has `structures`")
        return self

    @property
    def label_name(self) -> str:
        """What the label's columns begin with."""
        return self.name or f"{self.engine.replace('-', '_')}_{'relaxed' if self.relax else 'static'}"

    @property
    def charge(self) -> int | None:
        """The charge of the cell; None where nothing is said of charge states."""
        return self.charge_states[0] if self.charge_states else None


class TargetSpec(Open):
    """One quantity to predict. Further fields belong to the quantity."""

    quantity: str | None = None
    """Name of a registered quantity; left out, the target's own name."""
    label: str | None = None
    """Name of the label it is computed from; left out, the first."""
    unit: str
    """Unit; must be the quantity's own."""
    per: str | None = None
    """What the value is divided by, for a quantity that offers a choice."""


class SplitSpec(Open):
    """One way to part the dataset. Further fields belong to the operator."""

    by: str = "random"
    """Name of a registered operator, with what it acts on after a dot: ``random``, ``content.Li``."""
    keep_apart: list[str] = []
    """Groups such as ``content`` or ``host``: no value of them may be both in the test part and in what models are
    fitted on. A dataset in which one is cannot be built."""


class Thermodynamics(StrictModel):
    """Free energies of the compositions of spaces that are labelled whole."""

    label: str | None = None
    """Name of the label whose energies count; left out, the first."""
    temperatures: Annotated[list[Annotated[float, Field(ge=0, le=10_000)]], Field(min_length=1, max_length=100)]
    """At which temperatures, K; at 0 the lowest energy."""

    @model_validator(mode="after")
    def _increasing(self) -> Thermodynamics:
        if sorted(set(self.temperatures)) != self.temperatures:
            raise ValueError("temperatures must increase")
        return self


class Comparison(StrictModel):
    """How far a label was found from a better one. Measured, never guessed: a test computes it again."""

    label: str
    """Name of the label that was compared."""
    against: Line
    """What it was compared with, and where that comes from."""
    rows: Annotated[int, Field(gt=0)]
    """How many structures."""
    mae: float
    """Mean absolute difference, in the unit given."""
    unit: str
    """Unit of the difference, with what it is per."""
    spearman: float
    """Rank correlation over all structures (Spearman)."""
    note: str = ""
    """What a reader must know to judge the numbers."""


class Spec(StrictModel):
    """A domain: its spaces of configurations, labels, targets and splits."""

    extends: str | None = None
    """A spec to lay this one over: a file relative to this one, or a shipped name."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Lower-case letters, digits and dashes."""
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    """Version of the dataset, ``major.minor.patch``; a published one never changes."""
    rules: Literal[1, 2] = 2
    """Rules that rows and splits follow. 2: configurations that values refer to are always labelled and train in every
    fold, and a crystal that several spaces hold is one row. 1, for datasets given out before: they are treated like
    any other, and each space has its own row."""
    title: Line
    """One line for people."""
    description: str = ""
    """A paragraph for the dataset's card."""
    references: list[Line] = []
    """DOIs of the work this rests on."""
    license: Line = "CC-BY-4.0"
    """SPDX identifier under which the dataset is given out."""
    parent: ParentSpec | None = None
    """The ideal host crystal of the only space."""
    supercell: Supercell | None = None
    """The supercell of the only space."""
    cell: Cell | None = None
    """The cell that the supercell of the only space is made of."""
    sublattices: Sublattices | None = None
    """The sublattices of the only space."""
    contents: NamedContents | None = None
    """The named contents of the only space."""
    defects: ContentField | None = None
    """How many sites of the only space may differ from the ideal host."""
    tied: Ties = []
    """Numbers that are equal in every content of the only space."""
    exclude: list[Exclusion] = []
    """Pairs of species that cannot be near each other in the only space."""
    exchange: Exchanges = []
    """Species of the only space that nothing tells apart."""
    groups: Groups = {}
    """What the only space belongs to."""
    pathway: PathwaySpec | None = None
    """The pathways of the only space."""
    kind: KindSpec | None = None
    """What configurations of the only space are, where they are neither structures nor pathways."""
    configurations: Selection = ALL
    """The selection of the only space."""
    spaces: dict[str, SpaceSpec] | None = None
    """Several spaces by name; what they share stands at the top level and is laid under each."""
    reference_phases: dict[Name, ReferencePhase] = {}
    """Crystals outside the spaces whose energies targets or pictures need, such as lithium metal."""
    schemes: dict[Line, Provenance] = {}
    """Choices that follow a source without being numbers of it, such as which configurations a published set holds."""
    labels: list[LabelSpec] = []
    """What is computed for each selected configuration."""
    targets: dict[str, TargetSpec] = {}
    """What models predict."""
    moments: dict[MagneticSpecies, Annotated[float, Field(ge=-20, le=20)]] = {}
    """Magnetic moments with which calculations start, Bohr magnetons, by species: ``{Ni2+: 1.7, Mn4+: 3}``, or by
    element. Engines that take them and exported inputs start from them; what is not named starts from zero."""
    thermodynamics: Thermodynamics | None = None
    """Free energies from the partition function over all arrangements, and the hull that they span; for spaces of which
    every configuration is labelled. The reference phases compete."""
    comparisons: list[Comparison] = []
    """How far the labels were found from better ones; printed in the card."""
    splits: dict[str, SplitSpec] = {}
    """How the dataset is parted; the first one without folds is what ``load_dataset`` shows."""

    _document: Document = PrivateAttr(default_factory=lambda: Document({}))

    @model_validator(mode="after")
    def _short_or_long(self) -> Spec:
        if self.spaces is not None and not self.spaces:
            raise ValueError("name at least one space")
        short = [self.parent, self.supercell, self.sublattices]
        if self.spaces is None and None in short:
            raise ValueError("parent, supercell and sublattices are needed, or spaces that have them")
        return self

    @model_validator(mode="after")
    def _names(self) -> Spec:
        labels = [label.label_name for label in self.labels]
        for name in labels:
            if labels.count(name) > 1:
                raise ValueError(f"two labels are called '{name}'; give each its own `name`")
        for name in [*self.targets, *self.splits]:
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
                raise ValueError(f"'{name}' must be lower-case letters, digits, _ and -")
        for name in self.spaces or {}:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", name):
                raise ValueError(f"the space '{name}' must be letters, digits and dashes")
        return self

    def all_spaces(self) -> dict[str, tuple[SpaceSpec, Route]]:
        """Return every space by name, with its route in the spec."""
        if self.spaces is not None:
            return {name: (space, ("spaces", name)) for name, space in self.spaces.items()}
        assert self.parent is not None and self.supercell is not None and self.sublattices is not None
        only = SpaceSpec.model_construct(
            parent=self.parent,
            supercell=self.supercell,
            cell=self.cell,
            sublattices=self.sublattices,
            contents=self.contents,
            defects=self.defects,
            tied=self.tied,
            exclude=self.exclude,
            exchange=self.exchange,
            groups=self.groups,
            pathway=self.pathway,
            kind=self.kind,
            configurations=self.configurations,
        )
        return {self.name: (only, ())}

    @property
    def kinds(self) -> list[str]:
        """The names of the kinds of its spaces, where they are not structures."""
        return sorted({block.name for part, _ in self.all_spaces().values() for block in part.kind_blocks})

    def all_parents(self) -> list[tuple[ParentSpec, Route]]:
        """Return the parent of every space and every reference phase, each with its route in the spec."""
        parents = [(part.parent, (*route, "parent")) for part, route in self.all_spaces().values()]
        phases = [(phase, ("reference_phases", name)) for name, phase in self.reference_phases.items()]
        return [*parents, *phases]

    def provenances(self) -> dict[str, Provenance]:
        """Return where each parent, reference phase and scheme comes from, by what it is called.

        Raises
        ------
        InputError
            If a parent of the Materials Project was not fetched yet.
        """
        names = [f"parent {name}" for name in self.all_spaces()]
        names += [f"reference phase {name}" for name in self.reference_phases]
        found = {}
        for name, (parent, route) in zip(names, self.all_parents(), strict=True):
            folder = self.document.folder((*route, parent.file_field))
            found[name] = parent.provenance or read_frozen(parent, folder).provenance
        return found | {f"scheme {name}": scheme for name, scheme in self.schemes.items()}

    def label(self, name: str | None) -> LabelSpec:
        """Return the label called `name`, or the first.

        Raises
        ------
        InputError
            If there is none.
        """
        for label in self.labels:
            if name is None or label.label_name == name:
                return label
        raise InputError(f"no label is called '{name}'; {nearest(name or '', [x.label_name for x in self.labels])}")

    def error(self, route: Route, message: str) -> InputError:
        """Return an error that names the file and line of the field at `route`."""
        return self._document.error(route, message)

    def at(self, route: Route, *, keep_file: bool = False) -> AbstractContextManager[None]:
        """Return a block of which each `InputError` is about the field at `route`, as `Document.at` says."""
        return self._document.at(route, keep_file=keep_file)

    @property
    def document(self) -> Document:
        """The plain data of the spec and where each value stands."""
        return self._document
