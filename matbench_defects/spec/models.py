"""The spec as pydantic models: what a domain is, in plain data."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from ase.data import chemical_symbols
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    model_validator,
)

from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.document import Document, Route

VACANCY = "vacancy"
ELEMENTS = frozenset(chemical_symbols[1:])
LARGEST_SUPERCELL = 100_000
LARGEST_COORDINATE = 1000


class Model(BaseModel):
    """A part of a spec: unknown fields are refused, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, protected_namespaces=()
    )


class Open(Model):
    """A part whose further fields belong to the engine, quantity or operator that it names."""

    model_config = ConfigDict(extra="allow")

    @property
    def options(self) -> dict[str, Any]:
        """The further fields, as plain data."""
        return dict(self.model_extra or {})


def _check_species(symbol: str) -> str:
    if symbol != VACANCY and symbol not in ELEMENTS:
        raise ValueError(f"'{symbol}' is neither an element nor '{VACANCY}'; {_near_element(symbol)}")
    return symbol


def _near_element(symbol: str) -> str:
    if symbol.lower() in {"vac", "va", "x", "empty", "none"}:
        return f"write '{VACANCY}'"
    suggestion = nearest(symbol, ELEMENTS | {VACANCY})
    return suggestion.partition("? known:")[0] + "?" if suggestion.startswith("did") else "use a chemical symbol"


Species = Annotated[str, BeforeValidator(lambda s: _check_species(str(s)))]


def _check_filled(symbol: str) -> str:
    if symbol == VACANCY:
        raise ValueError("the ideal host has every site filled; say in `sublattices` what leaves")
    return symbol


def _parse_number(value: Any) -> Any:
    """Accept ``1/3`` for a coordinate: rounded thirds put atoms beside their own images."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([-+]?\d+)\s*/\s*(\d+)\s*", value)):
        numerator, denominator = int(match[1]), int(match[2])
        if denominator and abs(numerator) <= LARGEST_COORDINATE * denominator:
            return numerator / denominator
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a number or a fraction such as 1/3 was expected, not {value!r}")
    if not abs(value) <= LARGEST_COORDINATE:  # not-a-number included
        raise ValueError(f"a number between -{LARGEST_COORDINATE} and {LARGEST_COORDINATE} was expected, not {value!r}")
    return value


Coordinate = Annotated[
    float,
    BeforeValidator(_parse_number, json_schema_input_type=float | Annotated[str, Field(pattern=r"^[-+]?\d+/\d+$")]),
]


class Content(Model):
    """How many of one species a sublattice may hold: a number, a range, a list, or the rest of its sites."""

    counts: tuple[int, ...] | None
    """The allowed numbers, increasing; None for the rest of the sites."""

    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read ``9``, ``0..12``, ``[0, 2, 4]`` or ``rest``."""
        expected = f"a number, a range such as 0..12, a list of numbers or 'rest' was expected, not {value!r}"
        if isinstance(value, Content):
            return value
        if value == "rest":
            return {"counts": None}
        if isinstance(value, bool):
            raise ValueError(expected)
        if isinstance(value, int):
            counts = [value]
        elif isinstance(value, list) and value and all(type(v) is int for v in value):
            counts = sorted(set(value))
        elif isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*\.\.\s*(\d+)\s*", value)):
            low, high = int(match[1]), int(match[2])
            if low > high:
                raise ValueError(f"the range {value} runs backwards; write {high}..{low}")
            if high > LARGEST_SUPERCELL:
                raise ValueError(f"{high} is more than any supercell's sites ({LARGEST_SUPERCELL})")
            counts = list(range(low, high + 1))
        else:
            raise ValueError(expected)
        if counts[0] < 0:
            raise ValueError(f"a number of sites cannot be negative: {counts[0]}")
        return {"counts": tuple(counts)}


ContentField = Annotated[
    Content,
    BeforeValidator(
        Content.parse,
        json_schema_input_type=Annotated[int, Field(ge=0)]
        | Annotated[str, Field(pattern=r"^(rest|\d+\.\.\d+)$")]
        | list[int],
    ),
]


class Provenance(Model):
    """Where numbers come from."""

    source: str
    """The paper, database or calculation, as a reader would look it up."""
    verified: bool = False
    """Whether someone of this project has read the numbers in that source or computed them again."""
    doi: str | None = None
    """The source's DOI, where it has one."""


class Lattice(Model):
    """Lattice parameters; those that the crystal system fixes may be left out."""

    a: Annotated[float, Field(gt=0)]
    """Length of the first lattice vector, Å."""
    b: Annotated[float, Field(gt=0)] | None = None
    """Length of the second lattice vector, Å."""
    c: Annotated[float, Field(gt=0)] | None = None
    """Length of the third lattice vector, Å."""
    alpha: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the second and third lattice vectors, degrees."""
    beta: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the first and third lattice vectors, degrees."""
    gamma: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the first and second lattice vectors, degrees."""


class Site(Model):
    """One Wyckoff site of the parent; the space group makes the others."""

    species: Annotated[Species, AfterValidator(_check_filled)]
    """The element that sits there in the ideal host."""
    position: tuple[Coordinate, Coordinate, Coordinate]
    """Fractional coordinates; ``1/3`` may be written as such."""


def _parse_sites(value: Any) -> Any:
    """Read ``{O1: [0, 0, 0.26]}``: the element is what the label begins with."""
    if not isinstance(value, dict):
        return value
    result = {}
    for label, site in value.items():
        if isinstance(site, list):
            match = re.match(r"[A-Z][a-z]?", str(label))
            symbol = match[0] if match else str(label)
            if symbol not in ELEMENTS and symbol[:1] in ELEMENTS:
                symbol = symbol[:1]
            site = {"species": symbol, "position": site}
        result[label] = site
    return result


_SITES_SCHEMA = dict[str, tuple[Coordinate, Coordinate, Coordinate] | Site]


class ParentSpec(Model):
    """The ideal host crystal: by space group and sites, by CIF file, or by Materials Project id."""

    spacegroup: str | None = None
    """Hermann-Mauguin symbol; its operations are the ones that count."""
    lattice: Lattice | None = None
    """Lattice parameters of the conventional cell of that space group."""
    sites: Annotated[dict[str, Site], BeforeValidator(_parse_sites, json_schema_input_type=_SITES_SCHEMA)] | None = None
    """One site of each Wyckoff orbit, by label: ``O1: [0, 0, 0.26]``, or with its species said."""
    cif: str | None = None
    """A CIF file, relative to this one; its symmetry is found from the atoms."""
    materials_project: Annotated[str, Field(pattern=r"^mp-\d+$")] | None = None
    """A Materials Project id such as ``mp-25411``."""
    symmetry_tolerance: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """How far an atom may lie from its symmetry image, Å, where symmetry is found from the atoms."""
    provenance: Provenance
    """Where lattice parameters and positions come from."""

    @model_validator(mode="after")
    def _one_way(self) -> ParentSpec:
        by_group = {"spacegroup": self.spacegroup, "lattice": self.lattice, "sites": self.sites}
        given = [n for n, v in by_group.items() if v is not None]
        ways = (bool(given), self.cif is not None, self.materials_project is not None)
        if sum(ways) != 1:
            raise ValueError("give exactly one of: spacegroup with lattice and sites; cif; materials_project")
        if self.sites is not None and not self.sites:
            raise ValueError("name at least one site")
        if given and len(given) < 3:
            absent = " and ".join(n for n in by_group if n not in given)
            raise ValueError(f"{' and '.join(given)} given without {absent}")
        return self


class SublatticeSpec(Model):
    """A named set of parent sites and what may sit on them."""

    sites: list[str] | None = None
    """Labels or elements of the parent's sites; left out, the sublattice's own name is one."""
    species: dict[Species, ContentField]
    """How many sites of the supercell's sublattice each species holds."""

    @model_validator(mode="after")
    def _one_rest(self) -> SublatticeSpec:
        if not self.species:
            raise ValueError("name at least one species")
        rest = [name for name, content in self.species.items() if content.counts is None]
        if len(rest) > 1:
            raise ValueError(f"only one species can be the rest, not {' and '.join(rest)}")
        return self


def _parse_sublattices(value: Any) -> Any:
    """Read the short form ``Li: {Li: 0..12, vacancy: rest}``."""
    if not isinstance(value, dict):
        return value
    short = {n: isinstance(v, dict) and "species" not in v and "sites" not in v for n, v in value.items()}
    if not value:
        raise ValueError("name at least one sublattice")
    return {n: {"species": v} if short[n] else v for n, v in value.items()}


Sublattices = Annotated[
    dict[str, SublatticeSpec],
    BeforeValidator(_parse_sublattices, json_schema_input_type=dict[str, SublatticeSpec | dict[Species, ContentField]]),
]


class Distance(Model):
    """How near or far the sites of two species may be, periodic images included."""

    between: tuple[Species, Species]
    """The two species, ``vacancy`` among them; the same one twice for distances among its own sites."""
    at_least: Annotated[float, Field(ge=0)] = 0.0
    """No pair may be nearer than this, Å."""
    at_most: Annotated[float, Field(gt=0)] | None = None
    """No pair may be farther apart than this, Å."""


class Bounds(Model):
    """A smallest and a largest number."""

    at_least: Annotated[int, Field(ge=1)] = 1
    """Not fewer."""
    at_most: Annotated[int, Field(ge=1)] | None = None
    """Not more; without limit where left out."""

    @model_validator(mode="after")
    def _in_order(self) -> Bounds:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(f"at_least {self.at_least} is more than at_most {self.at_most}")
        return self


class Conditions(Model):
    """What a configuration must fulfil; one that cannot is never generated."""

    distances: list[Distance] = []
    """Limits of the distances between ideal sites of given species."""
    charges: dict[Species, float] = {}
    """Charge of each species, the host's fixed ones included; only neutral contents remain. A vacancy has none."""
    symmetry_order: Bounds | None = None
    """How many operations of the space's group (translations among them) must keep the configuration."""


class Selection(Model):
    """Which inequivalent configurations are labelled."""

    select: Literal["all", "uniform", "by-multiplicity"] = "all"
    """``all``; ``uniform``: each inequivalent configuration with the same probability; ``by-multiplicity``: each with
    a probability that grows with the number of its equivalents. None is chosen twice."""
    count: Annotated[int, Field(gt=0)] | None = None
    """How many are drawn in all."""
    per_content: Annotated[int, Field(gt=0)] | None = None
    """How many are drawn of each content instead, or all of it where it holds no more."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the choice."""
    where: Conditions | None = None
    """Conditions; what does not fulfil them is left out of the selection."""

    @model_validator(mode="after")
    def _count_where_needed(self) -> Selection:
        given = (self.count is not None) + (self.per_content is not None)
        if given != (self.select != "all"):
            raise ValueError("`count` or `per_content`, one of them, goes with `uniform` and `by-multiplicity` only")
        return self


class PathwaySpec(Model):
    """Makes a space one of pathways: an edge whose two ends share one mobile ion and one vacancy."""

    species: Species
    """The mobile species."""
    sublattice: str | None = None
    """The sublattice on which it moves; left out, the one that bears the species' name."""
    cutoff: Annotated[float, Field(gt=0, le=20)]
    """Sites at most this far apart are joined by an edge, Å, in the ideal host."""


LARGEST_SIZE = 64
"""Shapes of supercells are enumerated up to this many parent cells."""


class Sizes(Model):
    """Every inequivalent shape of supercell of some sizes; on each, what no smaller cell repeats."""

    sizes: ContentField
    """How many primitive cells of the parent: a number, a range such as ``1..8``, or a list."""

    @model_validator(mode="after")
    def _possible(self) -> Sizes:
        counts = self.sizes.counts
        if counts is None or counts[0] < 1 or counts[-1] > LARGEST_SIZE:
            raise ValueError(f"sizes from 1 to {LARGEST_SIZE} were expected")
        return self


def _check_supercell(value: Any) -> Any:
    rows = value if isinstance(value, list) else []
    if len(rows) == 3 and all(type(r) is int for r in rows):
        return value
    if len(rows) == 3 and all(isinstance(r, list) and len(r) == 3 and all(type(x) is int for x in r) for r in rows):
        return value
    raise ValueError(f"three integers or three rows of three integers were expected, not {value!r}")


Supercell = Annotated[
    Annotated[list[int] | list[list[int]], BeforeValidator(_check_supercell), Tag("rows")]
    | Annotated[Sizes, Tag("sizes")],
    Discriminator(lambda value: "sizes" if isinstance(value, dict | Sizes) else "rows"),
]


class SpaceSpec(Model):
    """One space of configurations: a parent, a supercell, sublattices and a selection."""

    parent: ParentSpec
    """The ideal host crystal."""
    supercell: Supercell
    """Three repetitions, or three rows that give the supercell's vectors in the parent's."""
    sublattices: Sublattices
    """What substitutes or leaves where."""
    pathway: PathwaySpec | None = None
    """Where given, configurations are pathways of a mobile ion; a content counts the ion and vacancy that jump."""
    configurations: Selection = Selection()
    """Which configurations are labelled."""

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The sizes of supercell whose every shape is meant; None where there is one supercell."""
        return self.supercell.sizes.counts if isinstance(self.supercell, Sizes) else None

    @property
    def supercell_rows(self) -> list[list[int]]:
        """The supercell's vectors in the parent's, one row each."""
        assert not isinstance(self.supercell, Sizes)
        rows: list[Any] = list(self.supercell)
        return [r if isinstance(r, list) else [r if i == j else 0 for j in range(3)] for i, r in enumerate(rows)]


class Relaxation(Model):
    """How positions, and the cell if asked, are relaxed."""

    cell: bool
    """Whether the cell relaxes with the positions."""
    fmax: Annotated[float, Field(gt=0)] = 0.05
    """The relaxation ends when no force exceeds this, eV/Å (the cell's generalised forces included)."""
    steps: Annotated[int, Field(gt=0)] = 500
    """Steps after which it is given up and said not to have converged."""
    optimizer: Literal["LBFGS", "FIRE"] = "LBFGS"
    """ASE's optimizer. On LixNiO2 LBFGS needed half the time of FIRE and ended lower."""


class LabelSpec(Open):
    """One kind of label: an engine, its settings, and whether it relaxes. Further fields are the engine's own."""

    engine: str
    """Name of a registered engine."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    """What the label's columns begin with; left out, the engine and ``relaxed`` or ``static``."""
    relax: Relaxation | None = None
    """How to relax; left out, one energy of the ideal positions."""

    @property
    def label_name(self) -> str:
        """What the label's columns begin with."""
        return self.name or f"{self.engine.replace('-', '_')}_{'relaxed' if self.relax else 'static'}"


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


class Comparison(Model):
    """How far a label was found from a better one. Measured, never guessed: a test computes it again."""

    label: str
    """Name of the label that was compared."""
    against: str
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


class Spec(Model):
    """A domain: its spaces of configurations, labels, targets and splits."""

    extends: str | None = None
    """A spec to lay this one over: a file relative to this one, or a shipped name."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Lower-case letters, digits and dashes."""
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    """Version of the dataset, ``major.minor.patch``; a published one never changes."""
    title: str
    """One line for people."""
    description: str = ""
    """A paragraph for the dataset's card."""
    references: list[str] = []
    """DOIs of the work this rests on."""
    license: str = "CC-BY-4.0"
    """SPDX identifier under which the dataset is given out."""
    parent: ParentSpec | None = None
    """The ideal host crystal of the only space."""
    supercell: Supercell | None = None
    """The supercell of the only space."""
    sublattices: Sublattices | None = None
    """The sublattices of the only space."""
    pathway: PathwaySpec | None = None
    """The pathways of the only space."""
    configurations: Selection = Selection()
    """The selection of the only space."""
    spaces: dict[str, SpaceSpec] | None = None
    """Several spaces by name; what they share stands at the top level and is laid under each."""
    reference_phases: dict[str, ParentSpec] = {}
    """Crystals outside the spaces whose energies targets or pictures need, such as lithium metal."""
    labels: list[LabelSpec] = []
    """What is computed for each selected configuration."""
    targets: dict[str, TargetSpec] = {}
    """What models predict."""
    comparisons: list[Comparison] = []
    """How far the labels were found from better ones; printed in the card."""
    splits: dict[str, SplitSpec] = {}
    """How the dataset is parted; the first is the one that ``load_dataset`` shows."""

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
            sublattices=self.sublattices,
            pathway=self.pathway,
            configurations=self.configurations,
        )
        return {self.name: (only, ())}

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

    @property
    def document(self) -> Document:
        """The plain data of the spec and where each value stands."""
        return self._document
