"""What the rows and the formula of a CIF file say: elements, occupancies, hydrogens that are not located."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from matbench_defects.crystal.occupancies import ALWAYS, Share, share_of
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import ELEMENTS, LARGEST_COORDINATE

Values = dict[str, list[str]]
"""The values of a block by tag: in lower case, dots of DDLm tags as underscores, unknown values empty."""
_SITE = "_atom_site_"
_NOT_OF_ROWS = ("aniso_", "moment", "fourier", "displace", "occ_fourier", "rot_", "phason")
"""What other lists than that of the sites say of a site begins with these."""
_ISOTOPES = {"D": "H", "T": "H"}


@dataclass(frozen=True)
class CifSite:
    """One row of the list of sites.

    Parameters
    ----------
    label : str
        What the file calls it.
    element : str
        What sits there.
    position : tuple of float
        Fractional coordinates.
    multiplicity : int or None
        How many sites of the cell the file says it stands for.
    hydrogens : int
        Hydrogens that are attached to it and not located.
    share : Share
        How often it is there; others may share its position.
    """

    label: str
    element: str
    position: tuple[float, float, float]
    multiplicity: int | None
    hydrogens: int
    share: Share = ALWAYS


def number(text: str, what: str) -> float:
    """Return a number of a CIF file, its uncertainty in brackets left aside."""
    value = _number(text)
    if value != value:
        raise InputError(f"{what} is '{text:.40}'; a number was expected")
    return value


def whole_number(text: str, what: str, least: int) -> int:
    """Return a whole number of a CIF file that is not below `least`."""
    value = number(text, what)
    if not value.is_integer() or value < least:
        raise InputError(f"{what} is {text:.40}; a whole number from {least} on was expected")
    return int(value)


@functools.cache
def grammar() -> Any:
    """Return gemmi's module for CIF; its import is put off until a file is read."""
    from gemmi import cif

    return cif


@functools.lru_cache(maxsize=10_000)
def _number(text: str) -> float:
    return float(grammar().as_number(text))


def sites_of(values: Values) -> tuple[list[CifSite], list[str]]:
    """Return every row of the list of sites, and what was decided on the way.

    Raises
    ------
    InputError
        If a row has no position, is of no element, has an occupancy that is none, or belongs to one of several
        alternatives.
    """
    others = tuple(_SITE + name for name in _NOT_OF_ROWS)
    columns = {
        name.removeprefix(_SITE): column
        for name, column in values.items()
        if name.startswith(_SITE) and not name.startswith(others)
    }
    missing = [f"{_SITE}fract_{axis}" for axis in "xyz" if f"fract_{axis}" not in columns]
    if missing:
        raise InputError(f"{missing[0]} is missing; fractional coordinates of each site were expected")
    if len(lengths := {len(column) for column in columns.values()}) > 1:
        raise InputError(
            f"lists sites in several loops, of {' and '.join(map(str, sorted(lengths)))} rows; one was expected"
        )
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    # Some rows are marks for a picture, which the dictionary calls dummies.
    real = [row for row in rows if row.get("calc_flag", "").lower() != "dum"]
    notes = [f"{len(rows) - len(real)} sites are marked as dummies and left out"] if len(real) < len(rows) else []
    declared = frozenset(formula_of(values) or {})
    sites = [_site(row, declared) for row in real]
    groups = {row.get("disorder_group", "") for row in real} - {""}
    if len(groups) > 1:
        raise InputError(f"lists alternative sites (disorder groups {', '.join(sorted(groups))}); give one crystal")
    heavy = {s.label for s, row in zip(sites, real, strict=True) if s.element == "H" and _is_heavy(row)}
    if heavy:
        notes.append(f"deuterium or tritium is taken as hydrogen, H: {', '.join(sorted(heavy)[:5])}")
    named = {site.label for site in sites}
    if lost := [label for label in values.get(f"{_SITE}aniso_label", []) if label not in named]:
        notes.append(f"gives displacement parameters of {lost[0]:.40}, which is not among its sites")
    if hydrogens := [site for site in sites if site.hydrogens]:
        notes.append(
            f"hydrogens are attached to {', '.join(s.label for s in hydrogens[:5])}"
            f"{' and others' if len(hydrogens) > 5 else ''} and not located: this host lacks them"
        )
    return sites, notes


def _site(row: dict[str, str], declared: frozenset[str]) -> CifSite:
    symbol, label = row.get("type_symbol", ""), row.get("label", "")
    row["label"] = label = label or symbol
    if not label:
        raise InputError("a site has neither a label nor a type symbol")
    element, hydrogens = _element(symbol, label[:2], declared) if symbol else _element_of_label(label, declared)
    occupancy = row.get("occupancy", "")
    share = share_of(number(occupancy, f"the occupancy of {label}"), occupancy, label) if occupancy else ALWAYS
    coordinates = []
    for axis in "xyz":
        text = row[f"fract_{axis}"]
        if not text:
            raise InputError(f"{label} has no position: {_SITE}fract_{axis} is not given")
        coordinates.append(number(text, f"{_SITE}fract_{axis} of {label}"))
        if abs(coordinates[-1]) > LARGEST_COORDINATE:
            raise InputError(f"{_SITE}fract_{axis} of {label} is {text:.40}; at most {LARGEST_COORDINATE} was expected")
    if attached := row.get("attached_hydrogens", ""):
        hydrogens = max(hydrogens, whole_number(attached, f"{_SITE}attached_hydrogens of {label}", 0))
    stated = row.get("site_symmetry_multiplicity") or row.get("symmetry_multiplicity")
    multiplicity = whole_number(stated, f"the multiplicity of {label}", 1) if stated else None
    return CifSite(label, element, (coordinates[0], coordinates[1], coordinates[2]), multiplicity, hydrogens, share)


def _isotope(symbol: str) -> str:
    """Return a symbol without charge; D and T for isotopes of hydrogen however they are written."""
    found = re.match(r"\s*(\d*)\s*([A-Za-z]*)", symbol)
    mass, letters = (found[1], found[2]) if found else ("", "")
    if letters in ("H", "h") and mass in ("2", "3"):
        return {"2": "D", "3": "T"}[mass]
    return letters.upper() if letters in ("d", "t") else letters


def _is_heavy(row: dict[str, str]) -> bool:
    return _isotope(row.get("type_symbol") or row.get("label", "")) in _ISOTOPES


@functools.lru_cache(maxsize=1000)
def _element(symbol: str, start: str, declared: frozenset[str]) -> tuple[str, int]:
    """Return the element of a type symbol, and how many hydrogens it says to be attached.

    The site's label starts with `start`, which helps where the symbol is in capitals.
    Charges (``Fe3+``, ``O2-``) and isotopes (``7Li``, ``2H``, ``D``) are left aside; ``OH`` and ``OH2`` carry oxygens.
    """
    found = re.fullmatch(r"\s*\d*\s*([A-Za-z]+)\s*(\d*)\s*(?:[-+]\s*\d*|\d+[-+]|[-+]*)?\s*", symbol)
    letters = _isotope(symbol)
    if found and letters:
        if letters in _ISOTOPES:
            return "H", 0
        if letters in ELEMENTS:
            return letters, 0
        bearing = re.fullmatch(r"(O|N|C|B|S|P|F|Cl)(?:H|D)", letters)
        capital = letters.capitalize()
        several = len(letters) == 2 and all(c in ELEMENTS for c in letters.upper())
        meant = capital in declared or start.capitalize() == capital
        if capital in ELEMENTS and (meant or not several):
            return capital, 0
        if capital in ELEMENTS and not bearing:  # such as HO, which may be holmium or a hydroxide's oxygen
            raise InputError(
                f"the type symbol '{symbol:.40}' of the site '{start}...' may be {capital} or {' and '.join(letters)}"
            )
        if bearing and bearing[1] in ELEMENTS:
            # `OH2`, but `OH1-`: the number before a sign is a charge.
            count = int(found[2]) if found[2] and not re.search(r"[-+]", symbol) else 1
            return bearing[1], count
    raise InputError(f"holds '{symbol:.40}', which is no element")


def _element_of_label(label: str, declared: frozenset[str]) -> tuple[str, int]:
    """Return the element that a label begins with, where the file gives no type symbols."""
    found = re.match(r"\s*([A-Za-z])([A-Za-z]?)([a-z]?)", label)
    candidates: list[str] = []
    if found:
        first, second, third = found[1].upper(), found[2], found[3]
        pair = (first + second.lower()) if second else ""
        if _isotope(label)[:1] in _ISOTOPES and not second:
            return "H", 0
        if second.islower():
            candidates = [pair] if pair in ELEMENTS and not third else []
        else:  # capitals: `CA1` may be calcium, or a carbon with a letter of its own
            candidates = [e for e in (pair, first) if e in ELEMENTS]
    if len(candidates) > 1:
        candidates = [e for e in candidates if e in declared] or candidates
    if len(candidates) == 1:
        return candidates[0], 0
    reason = f"may be {' or '.join(candidates)}" if candidates else "names no element"
    raise InputError(f"the label '{label:.40}' {reason}; give _atom_site_type_symbol")


def formula_of(values: Values) -> dict[str, float] | None:
    """Return the numbers of each element in the formula sum that a file declares; none where it cannot be read."""
    text = (values.get("_chemical_formula_sum") or [""])[0].strip()
    if not text:
        return None
    parts = text.split() if " " in text else re.findall(r"[A-Z][a-z]?[\d.]*|.+", text)
    found: Counter[str] = Counter()
    for part in parts:
        match = re.fullmatch(r"([A-Za-z]{1,2})((?:[0-9]+\.?[0-9]*|\.[0-9]+)?)", part.rstrip(","))
        symbol = match[1].capitalize() if match else ""
        symbol = _ISOTOPES.get(symbol, symbol)
        if match is None or symbol not in ELEMENTS:
            return {}
        found[symbol] += float(match[2] or 1)  # type: ignore[assignment]
    return {e: n for e, n in found.items() if n > 0}


def check_formula(
    values: Values, species: Mapping[str, float], hydrogens: int, partly: Collection[str] = ()
) -> list[str]:
    """Compare what the cell holds with the formula sum and the number of formula units that a file declares.

    Parameters
    ----------
    values : dict of str to list of str
        The values of the block.
    species : mapping of str to float
        How many atoms of each element the cell holds.
    hydrogens : int
        How many hydrogens are said to be attached to sites of the cell, and are not among them.
    partly : collection of str
        Elements on partly occupied sites: refined occupancies need not make the formula that is declared.

    Returns
    -------
    list of str
        Notes: hydrogens that the formula has and the sites lack, and elements whose occupancies make another number.

    Raises
    ------
    InputError
        If they differ in anything but hydrogens that are not located.
    """
    declared = formula_of(values)
    if declared is None:
        return []
    text = values["_chemical_formula_sum"][0]
    if not declared:
        return [f"its formula sum '{text:.80}' cannot be read, so it is not compared with the sites"]
    units = (values.get("_cell_formula_units_z") or [""])[0]
    heavy = {e: n for e, n in species.items() if e != "H"} or dict(species)
    counted = {e: n for e, n in heavy.items() if e in declared and e not in partly} or heavy
    ratio = sum(counted.values()) / (sum(n for e, n in declared.items() if e in counted) or 1)
    held = "".join(f"{e}{n:.6g} " for e, n in sorted(species.items())).strip()
    differ = [e for e, n in declared.items() if abs(heavy.get(e, 0) - n * ratio) > 0.01 * max(n * ratio, 1)]
    differ = [e for e in differ if e != "H"] + [e for e in heavy if e not in declared]
    if any(e not in partly or e not in declared for e in differ):
        raise InputError(f"its formula sum is '{text:.80}', but its sites make {held} in the cell")
    notes = [f"its formula sum is '{text:.80}', but its occupancies make {held} in the cell"] if differ else []
    if units:
        stated = whole_number(units, "_cell_formula_units_Z", 1)
        # Some programs give the whole cell as the sum, and count its reduced formula units besides.
        whole = abs(ratio - 1) < 0.01 and math.gcd(*map(round, declared.values())) % stated == 0
        if abs(stated - ratio) > 0.01 * ratio and not whole:
            raise InputError(
                f"_cell_formula_units_Z is {stated}, but its sites make {ratio:.4g} formula units of '{text:.80}' in "
                "the cell"
            )
    lacking = declared.get("H", 0.0) * ratio - species.get("H", 0)
    if lacking < -0.01 * max(species.get("H", 0), 1):
        raise InputError(f"its formula sum is '{text:.80}', but its sites make {held} in the cell")
    if lacking > 0.01 * max(species.get("H", 0), 1) and "H" in declared:
        if abs(lacking - hydrogens) < 0.5:
            return notes
        said = f"{hydrogens} are attached to sites" if hydrogens else "no site says that it carries them"
        return [*notes, f"{lacking:g} hydrogens in the cell are declared ('{text:.80}') and not located, and {said}"]
    return notes
