"""Spaces in a spec: supercell, sublattices, kind, and which configurations are labelled."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from matbench_defects.spec.fields import ContentField, Coordinate, FillingField, Line, Name, Open, Species, StrictModel
from matbench_defects.spec.parents import ParentSpec


class SublatticeSpec(StrictModel):
    """A named set of parent sites and what may sit on them."""

    sites: list[str] | None = None
    """Labels or elements of the parent's sites; left out, the sublattice's own name is one."""
    within: Annotated[dict[Literal["a", "b", "c"], tuple[Coordinate, Coordinate]], Field(min_length=1)] | None = None
    """Only those of these sites whose fractional coordinates lie in a range: ``{c: [0.5, 1]}`` for the upper half, from
    the first number on and below the second, at any lattice vector's distance."""
    species: dict[Species, FillingField]
    """How many sites of the supercell's sublattice each species holds, or which fraction of them."""

    @model_validator(mode="after")
    def _one_rest(self) -> SublatticeSpec:
        if not self.species:
            raise ValueError("name at least one species")
        rest = [name for name, content in self.species.items() if content.is_rest]
        if len(rest) > 1:
            raise ValueError(f"only one species can be the rest, not {' and '.join(rest)}")
        for axis, (low, high) in (self.within or {}).items():
            if not low < high <= low + 1:
                raise ValueError(f"`within` goes along {axis} from {low:g} up by at most one cell, not to {high:g}")
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
    dict[Name, SublatticeSpec],
    BeforeValidator(
        _parse_sublattices, json_schema_input_type=dict[Name, SublatticeSpec | dict[Species, FillingField]]
    ),
]


class Distance(StrictModel):
    """How near or far the sites of two species may be, periodic images included."""

    between: tuple[Species, Species]
    """The two species, ``vacancy`` among them; the same one twice for distances among its own sites."""
    at_least: Annotated[float, Field(ge=0)] = 0.0
    """No pair may be nearer than this, Å."""
    at_most: Annotated[float, Field(gt=0)] | None = None
    """No pair may be farther apart than this, Å."""


class Exclusion(StrictModel):
    """Two species that cannot sit on near sites; what breaks it is no configuration of the space."""

    between: tuple[Species, Species]
    """The two species; the same one twice for its own sites."""
    closer_than: Annotated[float, Field(gt=0, le=20)]
    """Sites nearer to each other than this, Å, periodic images included, are not held by both."""


def _parse_exchange(value: Any) -> Any:
    """Read the short form ``[Ag, Au]`` of one set."""
    if isinstance(value, list) and value and not any(isinstance(one, list) for one in value):
        return [value]
    return value


ExchangedSet = Annotated[list[Species], Field(min_length=2, max_length=6)]
Exchanges = Annotated[
    list[ExchangedSet],
    BeforeValidator(_parse_exchange, json_schema_input_type=ExchangedSet | list[ExchangedSet]),
]


class Bounds(StrictModel):
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


def _check_charges(value: Any) -> Any:
    if isinstance(value, str) and value != "neutral":
        raise ValueError(f"'neutral', or the charge of each species, was expected, not '{value}'")
    return value


Charges = Annotated[
    Annotated[
        Annotated[Literal["neutral"], Tag("word")] | Annotated[dict[Species, float], Tag("each")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "each"),
    ],
    BeforeValidator(_check_charges, json_schema_input_type=Literal["neutral"] | dict[Species, float]),
]


class Conditions(StrictModel):
    """What a configuration must fulfil; one that cannot is never generated."""

    distances: list[Distance] = []
    """Limits of the distances between ideal sites of given species."""
    charges: Charges = {}
    """``neutral``: only contents whose oxidation states add up to zero remain. For species that have no oxidation state
    in the spec, the host's fixed ones included, their charges are given instead: ``{Ni: 3, O: -2}``. A vacancy has
    none."""
    symmetry_order: Bounds | None = None
    """How many operations of the space's group (translations among them) must keep the configuration."""


Number = Annotated[int, Field(gt=0, le=10**9)]
"""How many configurations are drawn."""


class Stratum(StrictModel):
    """Some contents of a space, and how many configurations are labelled among all of theirs together."""

    contents: list[str] | None = None
    """Names of the space's `contents`; all where left out."""
    content: dict[str, ContentField] = {}
    """How many of a species: ``{Cd: 3}``, or ``sublattice.species`` where several sublattices hold it."""
    defects: ContentField | None = None
    """How many sites differ from the ideal host."""
    count: Number | Literal["all"]
    """How many are drawn, or all."""


class Selection(StrictModel):
    """Which inequivalent configurations are labelled."""

    select: Literal["all", "uniform", "by-multiplicity"] = "all"
    """``all``; ``uniform``: each inequivalent configuration with the same probability; ``by-multiplicity``: each with
    a probability that grows with the number of its equivalents. None is chosen twice."""
    count: Number | None = None
    """How many are drawn in all."""
    per_content: Number | None = None
    """How many are drawn of each content instead, or all of it where it holds no more."""
    strata: list[Stratum] | None = None
    """How many are drawn of some contents; a content belongs to one stratum at most, and to none is not labelled."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the choice."""
    also: list[str] = []
    """Ids of configurations that are labelled besides, such as those of a published set."""
    from_file: Annotated[str | None, Field(alias="from")] = None
    """A file beside the spec with a column ``id`` (Parquet, CSV or JSON), such as what `import` writes: its rows are
    the selection, and nothing else of the space is enumerated, however large it is."""
    where: Conditions | None = None
    """Conditions; what does not fulfil them is left out of the selection."""

    @model_validator(mode="after")
    def _from_alone(self) -> Selection:
        if self.from_file is not None and (self.select != "all" or self.also):
            raise ValueError("`from` names every configuration itself; only `where` goes with it")
        return self

    @model_validator(mode="after")
    def _count_where_needed(self) -> Selection:
        given = [self.count, self.per_content, self.strata]
        if sum(value is not None for value in given) != (self.select != "all"):
            names = "`count`, `per_content` or `strata`"
            raise ValueError(f"{names}, one of them, goes with `uniform` and `by-multiplicity` only")
        return self


ALL = Selection.model_construct()
"""Every configuration; made without validation, so that nothing is built when this file is imported."""


class PathwaySpec(StrictModel):
    """Makes a space one of pathways: an edge whose two ends share one mobile ion and one vacancy."""

    species: Species
    """The mobile species."""
    sublattice: str | None = None
    """The sublattice on which it moves; left out, the one that bears the species' name."""
    cutoff: Annotated[float, Field(gt=0, le=20)]
    """Sites at most this far apart are joined by an edge, Å, in the ideal host."""


class KindSpec(Open):
    """Makes a space one of another kind than structures. Further fields are the kind's own."""

    name: str
    """Name of a registered kind of space."""


class KindBlock(NamedTuple):
    """A part of a spec that says of which kind a space is: its field, the kind's name, and what it says of it."""

    field: str
    name: str
    settings: Any


LARGEST_SIZE = 64
"""Shapes of supercells are enumerated up to this many parent cells."""


class Sizes(StrictModel):
    """Every inequivalent shape of supercell of some sizes; on each, what no smaller cell repeats."""

    sizes: ContentField
    """How many primitive cells of the parent: a number, a range such as ``1..8``, or a list."""
    directions: Annotated[list[Literal["a", "b", "c"]], Field(min_length=1)] | None = None
    """Along which vectors of the parent's cell it grows: ``[a, b]`` for a layer, ``[c]`` for a chain. Along the others,
    such as across a vacuum, it stays one cell. Left out, along all."""

    @model_validator(mode="after")
    def _possible(self) -> Sizes:
        if self.directions is not None and len(set(self.directions)) < len(self.directions):
            raise ValueError(f"a direction is named twice in {', '.join(self.directions)}")
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
    | Annotated[Sizes, Tag("every shape")],
    Discriminator(lambda value: "every shape" if isinstance(value, dict | Sizes) else "rows"),
]


def _check_cell(value: Any) -> Any:
    if value == "conventional":
        raise ValueError(
            "'primitive' was expected, not 'conventional': left out, the parent's cell counts as it is given, which of "
            "a space group is the conventional one"
        )
    return value


Cell = Annotated[Literal["primitive"], BeforeValidator(_check_cell, json_schema_input_type=Literal["primitive"])]


NamedContents = Annotated[dict[Name, dict[str, ContentField]], Field(min_length=1)]
Ties = list[Annotated[list[Annotated[str, BeforeValidator(str)]], Field(min_length=2)]]
"""Numbers that are equal, several times: names of species, or multiples such as ``2 vacancy``."""
Groups = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Line]


class SpaceSpec(StrictModel):
    """One space of configurations: a parent, a supercell, sublattices and a selection."""

    parent: ParentSpec
    """The ideal host crystal."""
    supercell: Supercell
    """Three repetitions, or three rows that give the supercell's vectors in the parent's."""
    cell: Cell | None = None
    """Whether `supercell` counts and combines primitive cells of the parent, also where that is given in a centred one.
    Left out, cells as they are given; sizes are of primitive cells always."""
    sublattices: Sublattices
    """What substitutes or leaves where."""
    contents: NamedContents | None = None
    """The only contents that are meant, by name, such as defect types: ``X2: {S.vacancy: 2}``. A species that is not
    mentioned is absent, or fills the rest."""
    defects: ContentField | None = None
    """How many sites may differ from the ideal host; contents with another number are not meant."""
    tied: Ties = []
    """Numbers that are equal in every content: ``[A.vacancy, B.vacancy]``, ``[Ti, 2 vacancy]``; other contents are not
    meant."""
    exclude: list[Exclusion] = []
    """Pairs of species that cannot be near each other, such as ions on split sites. Exact numbers and draws leave out
    what breaks it."""
    exchange: Exchanges = []
    """Species of one sublattice that nothing tells apart, such as spin up and down: ``[Ag, Au]``, or several such sets.
    Configurations and contents that exchanging them makes equal are one."""
    groups: Groups = {}
    """What the space belongs to, such as ``{host: MoS2}``; splits and pictures go by it."""
    pathway: PathwaySpec | None = None
    """Where given, configurations are pathways of a mobile ion; a content counts the ion and vacancy that jump."""
    kind: KindSpec | None = None
    """What configurations are, where they are neither structures nor pathways."""
    configurations: Selection = ALL
    """Which configurations are labelled."""

    @property
    def kind_blocks(self) -> list[KindBlock]:
        """The parts that say of which kind the space is; none of one of structures, and only one makes sense."""
        blocks = []
        if self.pathway is not None:
            blocks.append(KindBlock("pathway", "pathways", self.pathway))
        if self.kind is not None:
            blocks.append(KindBlock("kind", self.kind.name, self.kind.options))
        return blocks

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The sizes of supercell whose every shape is meant; None where there is one supercell."""
        return self.supercell.sizes.counts if isinstance(self.supercell, Sizes) else None

    @property
    def directions(self) -> tuple[int, ...]:
        """Along which of the parent's vectors supercells of several sizes grow."""
        named = self.supercell.directions if isinstance(self.supercell, Sizes) else None
        return tuple(i for i, axis in enumerate("abc") if named is None or axis in named)

    @property
    def supercell_rows(self) -> list[list[int]]:
        """The supercell's vectors in the parent's, one row each."""
        assert not isinstance(self.supercell, Sizes)
        rows: list[Any] = list(self.supercell)
        return [r if isinstance(r, list) else [r if i == j else 0 for j in range(3)] for i, r in enumerate(rows)]
