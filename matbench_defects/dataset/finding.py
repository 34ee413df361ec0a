"""Which configuration of a spec a structure is: one that its dataset may hold, under the id that it has there."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Mapping

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Content, Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.identity import structure_keys
from matbench_defects.dataset.references import reference_contents
from matbench_defects.dataset.targets import targets_of
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.hosts import hosts_of
from matbench_defects.enumeration.identified import Identified
from matbench_defects.enumeration.identify import DISPLACEMENT, STRAIN, identify_among
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.models import Spec

LARGEST_STRAIN = 0.3
"""More strain than this makes one lattice of nearly any other."""


def check_limits(displacement: float, strain: float) -> None:
    """Refuse limits within which nothing or everything is a configuration.

    Raises
    ------
    InputError
        If they are not positive, or the strain is above `LARGEST_STRAIN`.
    """
    if not 0 < displacement <= 10:
        raise InputError(f"a displacement above 0 and up to 10 Å can be allowed, not {displacement:g}")
    if not 0 < strain <= LARGEST_STRAIN:
        raise InputError(f"a strain above 0 and up to {LARGEST_STRAIN:g} can be allowed, not {strain:g}")


class Finder:
    """Finds the configurations of structures among all that are meant by a spec.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space, optional
        Its spaces, where they are built already.

    Raises
    ------
    InputError
        If the spec cannot be built.
    """

    def __init__(self, spec: Spec, spaces: Mapping[str, Space] | None = None) -> None:
        self.spec = spec
        self.spaces = dict(build_spaces(spec) if spaces is None else spaces)
        self._hosts = hosts_of(self.spaces.values())
        self._checks: dict[str, tuple[Checks, Checks]] = {}

    def find(
        self,
        crystal: Crystal,
        *,
        displacement: float = DISPLACEMENT,
        strain: float = STRAIN,
        among: Collection[str] = (),
    ) -> Identified:
        """Return the configuration of a structure, or why it is none that is meant.

        Parameters
        ----------
        crystal : Crystal
            The structure, in any setting of its cell.
        displacement : float
            An atom may lie so far from its site, Å.
        strain : float
            The cell may be so much longer or shorter than the ideal one in any direction, relatively.
        among : collection of str, optional
            Only these spaces.
        """
        check_limits(displacement, strain)
        hosts = [host for host in self._hosts if not among or any(s.name in among for s in host.spaces.values())]
        found = identify_among(hosts, crystal, displacement, strain=strain, keys=structure_keys)
        if found.configuration is None:
            return found
        every = [found, *found.same]
        if among and not (inside := [one for one in every if _of(one).space.name in among]):
            return found.refused(f"it is of another supercell than {', '.join(sorted(among))}")
        every = inside if among else every
        if self.spec.rules > 1:  # one crystal is one row, that of the first space
            order = list(self.spaces)
            every = sorted(every, key=lambda one: order.index(_of(one).space.name))[:1]
        reasons = [self.refused(_of(one)) for one in every]
        meant = [one for one, reason in zip(every, reasons, strict=True) if not reason]
        if not meant:
            return every[0].refused(reasons[0])
        return dataclasses.replace(meant[0], same=tuple(meant[1:]))

    def configuration(self, id_: str) -> Configuration:
        """Return the configuration that an id names.

        Parameters
        ----------
        id_ : str
            Such as ``lno-cathode:Li6Va6:4f``.

        Raises
        ------
        InputError
            If it is of no space, or not meant: excluded, a repetition of a smaller cell, or against the conditions.
        """
        name = id_.partition(":")[0]
        if name not in self.spaces:
            raise InputError(f"'{id_:.100}' is of no space of {self.spec.name}; {nearest(name, self.spaces)}")
        space = self.spaces[name]
        found = Configuration.canonical(space, configuration_of(space, id_), id=id_)
        if reason := self.refused(found):
            raise InputError(f"'{id_}' is not meant: {reason}")
        return found

    def refused(self, configuration: Configuration) -> str:
        """Return why a configuration of some space is not meant; empty where it is."""
        space = configuration.space
        own, asked = self._checks_of(space)
        order = configuration.stabiliser_order if asked.by_symmetry else 1  # of no matter else
        if reason := own.refused(configuration.canonical_occupation, order):
            return reason
        reason = asked.refused(configuration.canonical_occupation, order)
        # What targets refer to is labelled though conditions leave it out.
        return "" if reason and configuration.content in self._references.get(space.name, ()) else reason

    def _checks_of(self, space: Space) -> tuple[Checks, Checks]:
        """Return the checks of a space by itself, and those that the conditions of its selection ask for besides."""
        if space.name not in self._checks:
            part, route = self.spec.all_spaces()[space.family or space.name]
            with self.spec.at((*route, "configurations", "where")):
                self._checks[space.name] = Checks.of(space, None), Checks.of(space, part.configurations.where)
        return self._checks[space.name]

    @functools.cached_property
    def _references(self) -> dict[str, set[Content]]:
        if self.spec.rules == 1:
            return {}
        targets = targets_of(self.spec, self.spaces)
        return {
            name: reference_contents(self.spec, space, targets)
            for name, space in self.spaces.items()
            if not space.family
        }


def _of(one: Identified) -> Configuration:
    assert one.configuration is not None
    return one.configuration
