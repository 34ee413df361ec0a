"""What the parts of a spec are made of: strict models, species, coordinates, contents."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import re
import textwrap
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from matbench_defects.errors import nearest
from matbench_defects.spec.plain_numbers import PlainNumbers
from matbench_defects.spec.species import element_of, oxidation_state, respelled
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
        if not issubclass(kind, BaseModel) or kind in (BaseModel, PlainNumbers):
            continue
        try:
            source = inspect.getsource(kind)
        except OSError:
            continue  # made at run time: all its fields are those of classes before it
        (definition,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(definition, ast.ClassDef)
        for field, below in itertools.pairwise(definition.body):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                said = field_name(kind, ast.unparse(field.target))
                described = schema.get("properties", {}).get(said)
                if described is not None and isinstance(below.value, ast.Constant):
                    described.setdefault("description", inspect.cleandoc(str(below.value.value)))


def field_name(model: type[BaseModel], name: str) -> str:
    """Return what a field is called in a spec: its own name, unless that is a word of Python such as ``from``."""
    field = model.model_fields.get(name)
    return name if field is None or field.alias is None else field.alias


class StrictModel(PlainNumbers):
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
    if symbol != VACANCY and element_of(symbol) not in ELEMENTS:
        raise ValueError(f"'{symbol}' is neither an element nor '{VACANCY}'; {_near_element(symbol)}")
    return symbol


def _check_element(symbol: str) -> str:
    if oxidation_state(symbol) is not None:
        raise ValueError(f"an element was expected, without an oxidation state: {element_of(symbol)}, not {symbol}")
    return _check_species(symbol)


def _near_element(symbol: str) -> str:
    if (spelled := respelled(symbol)) and element_of(spelled) in ELEMENTS:
        return f"write '{spelled}'"
    if symbol.lower() in {"vac", "va", "x", "empty", "none"}:
        return f"write '{VACANCY}'"
    suggestion = nearest(symbol, ELEMENTS | {VACANCY})
    return suggestion.partition("? known:")[0] + "?" if suggestion.startswith("did") else "use a chemical symbol"


Species = Annotated[str, BeforeValidator(lambda s: _check_species(str(s)))]
"""An element, an element with an oxidation state such as ``Ni2+``, or a vacancy."""
PlainSpecies = Annotated[str, BeforeValidator(lambda s: _check_element(str(s)))]
"""An element or a vacancy."""


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

    @property
    def is_rest(self) -> bool:
        """Whether it is what the other species leave."""
        return self.counts is None

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
        elif isinstance(value, dict) and "fraction" in value:
            raise ValueError(f"{expected}; a fraction of the sites can be said in `sublattices` alone")
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


class Filling(Content):
    """How many sites of its sublattice a species holds, also as fractions of them: what that is depends on the size."""

    counts: tuple[int, ...] | None = None
    """The allowed numbers, increasing; None for the rest of the sites, and where there are fractions."""
    fractions: tuple[str, ...] | None = None
    """The allowed fractions, as they are written; where they are a range, its two ends."""
    is_range: bool = False
    """Whether all fractions between two ends are allowed."""

    @property
    def is_rest(self) -> bool:
        """Whether it is what the other species leave."""
        return self.counts is None and self.fractions is None

    def numbers(self, sites: int) -> tuple[int, ...] | None:
        """Return the allowed numbers of a sublattice of so many sites; None for the rest of them.

        Of a fraction, only what is a whole number of sites, exactly: 1/3 of three is one, and 0.333 of them is none.
        """
        if self.fractions is None:
            return self.counts
        shares = [share_of(text) * sites for text in self.fractions]
        if self.is_range:
            return tuple(range(math.ceil(shares[0]), math.floor(shares[1]) + 1))
        return tuple(sorted({int(share) for share in shares if share.denominator == 1}))

    def not_whole(self, sites: int) -> list[str]:
        """Return the fractions, as they are written, that are no whole number of so many sites."""
        if self.fractions is None:
            return []
        if self.is_range:
            return [] if self.numbers(sites) else ["..".join(self.fractions)]
        return [text for text in self.fractions if (share_of(text) * sites).denominator > 1]

    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read ``40 %``, ``0.4``, ``25 % .. 75 %``, ``{fraction: 1/3}``, ``{fraction: [1/3, 2/3]}``, and contents."""
        if isinstance(value, dict) and list(value) != ["fraction"]:
            hint = "".join(f"; {nearest(str(key), ['fraction'])}" for key in value if key != "fraction")
            raise ValueError(
                f"a number, a range, a list, 'rest' or {{fraction: 0.4}} was expected, not {value!r}{hint}"
            )
        if isinstance(value, Filling) or not (isinstance(value, dict) or _is_fraction(value)):
            return Content.parse(value)
        given = value["fraction"] if isinstance(value, dict) else value
        is_range = isinstance(given, str) and ".." in given
        written = given.split("..") if is_range else given if isinstance(given, list) else [given]
        if not written or (is_range and len(written) != 2):
            raise ValueError(f"{_FRACTION_EXPECTED}, not {given!r}")
        if not isinstance(value, dict) and any(type(one) is int and one for one in written):
            raise ValueError(f"{given!r} mixes numbers of sites and fractions of them; write all as one or the other")
        if is_range and "%" in written[1] and "%" not in written[0]:
            written[0] += "%"  # 25..75 %
        texts = [_checked_fraction(one) for one in written]
        if is_range and share_of(texts[0]) > share_of(texts[1]):
            raise ValueError(f"the range {given} runs backwards; write {texts[1]}..{texts[0]}")
        return {"fractions": tuple(texts), "is_range": is_range}


def _is_fraction(value: Any) -> bool:
    """Return whether a content is written as a fraction: a number with a point, of thirds, or in per cent."""
    if isinstance(value, list):
        return any(map(_is_fraction, value))
    if isinstance(value, str):
        return "%" in value or "/" in value or re.search(r"\d\.\d", value) is not None
    return isinstance(value, float)


def share_of(text: str) -> Fraction:
    """Return what a checked fraction is, exactly."""
    return Fraction(text[:-1].strip()) / 100 if text.endswith("%") else Fraction(text)


_FRACTION_EXPECTED = (
    "a fraction such as 0.4, 1/3 or 40 %, a range such as 0.25..0.75 or a list of fractions was expected"
)


def _checked_fraction(value: Any) -> str:
    """Return a fraction between zero and one as it is written."""
    text = value.strip() if isinstance(value, str) else "" if isinstance(value, bool) else repr(value)
    if not re.fullmatch(r"\d{1,9}(\.\d{0,18})?( ?%)?|\d{1,9}/0*[1-9]\d{0,8}", text):
        raise ValueError(f"{_FRACTION_EXPECTED}, not {value!r}")
    if share_of(text) > 1:
        raise ValueError(
            f"a fraction of the sites is at most 1, not {text}; a number of sites is written without point or sign"
        )
    return text


_FRACTION = Annotated[float, Field(ge=0, le=1)] | Annotated[str, Field(pattern=r"^[0-9./ %]+$")]


class _Fractions(StrictModel):
    """Fractions of a sublattice's sites, as a spec says them; for the JSON Schema."""

    fraction: _FRACTION | list[_FRACTION]
    """One, a range such as ``0.25..0.75``, or several."""


FillingField = Annotated[
    Filling,
    BeforeValidator(
        Filling.parse,
        json_schema_input_type=Annotated[int, Field(ge=0)]
        | Annotated[str, Field(pattern=r"^(rest|\d+\.\.\d+)$")]
        | list[int]
        | _FRACTION
        | list[_FRACTION]
        | _Fractions,
    ),
]
