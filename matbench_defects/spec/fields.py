"""What the parts of a spec are made of: strict models, species, coordinates, contents."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from matbench_defects.errors import nearest
from matbench_defects.spec.visible_text import check_line

VACANCY = "vacancy"
_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc
Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi
Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
ELEMENTS = frozenset(_SYMBOLS.split())
LARGEST_SUPERCELL = 100_000
LARGEST_COORDINATE = 1000


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give each field of a JSON Schema the docstring below it as its description.

    pydantic's own ``use_attribute_docstrings`` reads the source of every model each time the program starts.
    """
    for kind in model.__mro__:
        if not issubclass(kind, BaseModel) or kind is BaseModel:
            continue
        try:
            source = inspect.getsource(kind)
        except OSError:
            continue  # made at run time: all its fields are those of classes before it
        (definition,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(definition, ast.ClassDef)
        for field, below in itertools.pairwise(definition.body):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                described = schema.get("properties", {}).get(ast.unparse(field.target))
                if described is not None and isinstance(below.value, ast.Constant):
                    described.setdefault("description", inspect.cleandoc(str(below.value.value)))


class StrictModel(BaseModel):
    """A part of a spec: unknown fields are refused, numbers are finite. Attribute docstrings describe its fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        json_schema_extra=_describe,
        defer_build=True,  # only what is validated is built, and each part once
    )


class Open(StrictModel):
    """A part whose further fields belong to the engine, quantity or operator that it names."""

    model_config = ConfigDict(extra="allow")

    @property
    def options(self) -> dict[str, Any]:
        """The further fields, as plain data."""
        return dict(self.model_extra or {})


def is_label(text: str) -> bool:
    """Return whether a text can name a site, sublattice, content or reference phase."""
    return re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 _+'()*-]{0,61}[A-Za-z0-9_+'()*-])?", text) is not None


def _check_label(text: str) -> str:
    """Refuse what cannot be part of a file's name, a column's name and a message, or looks like another name."""
    if not is_label(text):
        raise ValueError(
            f"a name of up to 63 letters (a to z, A to Z), digits and _ + - ' ( ) * was expected, not {text!a:.80}"
        )
    return text


Line = Annotated[str, Field(max_length=1000), AfterValidator(check_line)]
"""One line of visible text, in any script."""
Name = Annotated[str, AfterValidator(_check_label)]
"""The name of a site, sublattice, content or reference phase: such as CIF files give, in letters that are what they
look like, without dots, slashes and line ends."""


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


def check_filled(symbol: str) -> str:
    """Refuse a vacancy where the ideal host is described."""
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


class Content(StrictModel):
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
