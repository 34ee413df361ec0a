"""What a new spec says of partly occupied sites: contents, how they are rounded, and what is too near."""

from __future__ import annotations

from dataclasses import dataclass

from matbench_defects.crystal.occupancies import shown_occupancy
from matbench_defects.crystal.parent import Parent
from matbench_defects.dataset.first_spec.contents import MOST_OFF, Proposal
from matbench_defects.dataset.first_spec.exclusions import NearSites
from matbench_defects.dataset.first_spec.sublattices import SuggestedSublattice
from matbench_defects.dataset.first_spec.supercell import LARGEST_FOR_OCCUPANCIES
from matbench_defects.dataset.first_spec.yaml_text import commented, scalar, sublattice_entry
from matbench_defects.plotting import shown_number
from matbench_defects.spec.fields import VACANCY

MOST_LABELLED = 500
"""Of more configurations than this, so many are drawn."""


@dataclass(frozen=True)
class OccupiedText:
    """The lines about a proposal.

    Parameters
    ----------
    proposal : Proposal
        The contents.
    source : str
        What the occupancies are of: ``CIF`` or ``file``.
    """

    proposal: Proposal
    source: str

    def composition(self, parent: Parent) -> str:
        """Return the formula that the occupancies make, of one formula unit of the host."""
        found: dict[str, float] = {}
        for occupancy in parent.occupancies:
            for element, share in occupancy:
                found[element] = found.get(element, 0.0) + share / parent.formula_units
        return "".join(element + ("" if abs(n - 1) < 5e-4 else f"{n:.3g}") for element, n in found.items())

    def selection(self) -> str:
        """Return which configurations are labelled."""
        differ = self.proposal.inequivalent
        if differ is not None and differ <= MOST_LABELLED:
            return "{select: all}"
        return f"{{select: uniform, count: {MOST_LABELLED}, seed: 0}}"

    def rounding(self) -> list[str]:
        """Return comments on how the numbers are rounded."""
        lines = [line for one in self._rounded() for line in commented(one)]
        off = self.proposal.off
        if off > MOST_OFF:
            lines += commented(
                f"No supercell of up to {LARGEST_FOR_OCCUPANCIES} sites that was tried comes within {MOST_OFF} of the "
                f"occupancies; this one is off by up to {off:.3f}."
            )
        if self.proposal.inequivalent is not None:
            lines += commented(f"{shown_number(self.proposal.inequivalent)} arrangements of these numbers differ.")
        return ["# Whole numbers nearest to the occupancies:", *lines]

    def said(self) -> list[str]:
        """Return what the user should know at once."""
        said = self._rounded()
        if self.proposal.off > MOST_OFF:
            said.append(f"these numbers are off the occupancies by up to {self.proposal.off:.3f}")
        for one in self.proposal.exclusions:
            a, b = one.between
            said.append(
                f"taken to be too near to be filled together, which is yours to confirm in `exclude`: {a} and {b} "
                f"closer than {one.closer_than:g} Å, which are at {_distances(one.excluded)}"
            )
        return said

    def _rounded(self) -> list[str]:
        said = []
        proposal = self.proposal
        for sublattice, numbers in zip(proposal.sublattices, proposal.counts, strict=True):
            parts = [
                self._number(species, number, sum(numbers), share)
                for (species, share), number in zip(sublattice.shares.items(), numbers, strict=True)
                if species != VACANCY
            ]
            said.append(f"{sublattice.name}: {', '.join(parts)}{_of_parts(sublattice)}")
        for species, where in proposal.shared.items():
            held = [(proposal.sublattices[i], proposal.counts[i]) for i in where]
            number = sum(dict(zip(s.shares, numbers, strict=True))[species] for s, numbers in held)
            sites = sum(sum(numbers) for _, numbers in held)
            share = sum(s.shares[species] * sum(numbers) for s, numbers in held) / sites
            said.append(f"{' and '.join(s.name for s, _ in held)}: {self._number(species, number, sites, share)}")
        return said

    def _number(self, species: str, number: int, sites: int, share: float) -> str:
        return f"{species} {number} of {sites} = {number / sites:.3f} ({self.source} {share:.4g})"

    def sublattices(self) -> list[str]:
        """Return the lines of the sublattices."""
        lines = []
        for sublattice, numbers in zip(self.proposal.sublattices, self.proposal.counts, strict=True):
            if sublattice.parts:
                lines += commented(
                    f"{_and([part.name for part in sublattice.parts])} exclude each other, so their total is fixed, "
                    "and how they share it is part of the arrangement. Sublattices of their own would fix it for each.",
                    "  ",
                )
            elif sublattice.orbits > 1:
                lines += commented(
                    f"{sublattice.name}: {sublattice.orbits} symmetry-inequivalent sets of sites, occupied alike",
                    "  ",
                )
            lines.append(f"  {_entry(sublattice, numbers)}   # {sum(numbers)} sites")
        return lines + self._together()

    def _together(self) -> list[str]:
        """Return how to leave open how sublattices of the same species share them."""
        alike: dict[frozenset[str], list[int]] = {}
        for i, sublattice in enumerate(self.proposal.sublattices):
            alike.setdefault(frozenset(sublattice.shares), []).append(i)
        lines = []
        for where in alike.values():
            if len(where) < 2:
                continue
            members = [self.proposal.sublattices[i] for i in where]
            totals: dict[str, int] = {}
            for i, sublattice in zip(where, members, strict=True):
                for species, number in zip(sublattice.shares, self.proposal.counts[i], strict=True):
                    totals[species] = totals.get(species, 0) + number
            sites = [site for s in members for site in (s.sites or (s.name,))]
            name = "".join(species for species in members[0].shares if species != VACANCY)
            species = ", ".join(f"{one}: {number}" for one, number in totals.items())
            lines += [
                f"  # To leave open how {' and '.join(s.name for s in members)} share these, one sublattice instead:",
                f"  # {scalar(name)}: {{sites: [{', '.join(map(scalar, sites))}], species: {{{species}}}}}",
            ]
        return lines

    def exclusions(self) -> list[str]:
        """Return `exclude`, with what was decided."""
        lines: list[str] = []
        for one in self.proposal.exclusions:
            a, b = one.between
            asked = next(near for near in self.proposal.near if near.between == one.between)
            allowed = [each for each in asked.distances if each not in one.excluded]
            text = f"{a} and {b}: {_distances(one.excluded)} is too near."
            text += f" Allowed are {_distances(tuple(allowed))}." if allowed else ""
            lines += commented(text)
        forced = [one for one in self.proposal.near if one.excluded and not self._as_asked(one)]
        for one in forced:
            a, b = one.between
            lines += commented(
                f"{a} and {b} nearer than {one.touching:.2f} Å leave no room for the occupancies if they exclude each "
                "other, and are allowed."
            )
        left = [one for one in self.proposal.near if not one.excluded]
        for one in left:
            a, b = one.between
            lines += commented(f"{a} and {b} are allowed at {_distances(one.distances)}.")
        if not lines:
            return []
        listed = [
            f"  - {{between: [{', '.join(one.between)}], closer_than: {one.closer_than:g}}}   # Å"
            for one in self.proposal.exclusions
        ]
        return [
            *commented(
                "Which sites are too near to be filled together is a choice for you to confirm, or to change: what is "
                "nearer than two radii, ionic or atomic, whichever are less, was taken to be."
            ),
            *lines,
            *(["exclude:", *listed] if listed else []),
            "",
        ]

    def _as_asked(self, near: NearSites) -> bool:
        return near in self.proposal.exclusions


def _of_parts(sublattice: SuggestedSublattice) -> str:
    """Return the occupancies of what a sublattice was joined from."""
    if not sublattice.parts:
        return ""
    each = [f"{shown_occupancy(part.occupancy)} on {part.name}" for part in sublattice.parts]
    return f": {_and(each)}"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _entry(sublattice: SuggestedSublattice, numbers: tuple[int, ...]) -> str:
    held = ", ".join(f"{species}: {number}" for species, number in zip(sublattice.shares, numbers, strict=True))
    return sublattice_entry(sublattice, f"{{{held}}}")


def _distances(distances: tuple[tuple[float, str], ...]) -> str:
    shown = [f"{distance:.2f} Å ({where})" for distance, where in distances[:6]]
    return ", ".join(shown) + (", ..." if len(distances) > 6 else "")
