"""What a descriptor is: it turns rows into numbers that a regression of scikit-learn can be fitted on."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import OXIDATION_STATES, Crystal, crystal_of_species
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.dependencies import depends_on
from matbench_defects.errors import InputError, NotServedError
from matbench_defects.models.descriptors.cache import cached_vectors
from matbench_defects.models.element_properties import element_properties
from matbench_defects.models.model import INVARIANCES, ModelSettings, State
from matbench_defects.models.per import divisors, is_excess
from matbench_defects.models.rows import Rows
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import VACANCY

DescriptorSettings = ModelSettings


class Descriptor(ABC):
    """Numbers that describe a row.

    Parameters
    ----------
    settings : DescriptorSettings
        Settings of the class's type `Settings`.
    device : str
        ``cpu`` or ``cuda``; descriptors that do not use torch ignore it.
    """

    Settings: ClassVar[type[ModelSettings]] = DescriptorSettings
    title: ClassVar[str]
    """What it is called in a model's title."""
    description: ClassVar[str]
    """The same in a model's description, after ``on``, without a full stop."""
    references: ClassVar[tuple[str, ...]] = ()
    """DOIs."""
    needs: ClassVar[str] = ""
    """The optional package that it needs."""
    new_elements: ClassVar[bool] = False
    """Whether it describes an element that no training row had as well as any other, by what is known of elements."""
    of: ClassVar[str] = "structures"
    """What it describes, in the words of `Kind.stands_for`."""
    invariances: ClassVar[frozenset[str]] = INVARIANCES
    trained_on: ClassVar[str] = ""
    """What a network that gives the features was trained on."""

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        self.settings = settings
        self.device = device
        if self.needs and importlib.util.find_spec(self.needs) is None:
            raise InputError(
                f"{self.title} needs the package {self.needs}: pip install 'matbench-defects[descriptors]'"
            )

    def learn(self, rows: Rows) -> None:  # noqa: B027 - not every descriptor needs it
        """Learn from the training rows which features there are, such as those of each element."""

    def check_serves(self, rows: Rows) -> None:
        """Refuse rows that stand for something else than it describes.

        Raises
        ------
        NotServedError
            Naming the first space that holds them.
        """
        for name in sorted(set(rows.column("space"))):
            check_stands_for(rows.background.spaces[name], self.of)

    @abstractmethod
    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the features of each row, shape (n, f).

        Raises
        ------
        InputError
            If a row holds what no training row held, or is not of the kind that the descriptor describes.
        """

    def timed_features(self, rows: Rows) -> tuple[NDArray[np.float64], float | None]:
        """Return the features and the seconds that they took, where a cache makes the clock say less."""
        return self.features(rows), None

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the features; only called after `features`."""

    def state(self) -> State:
        """Return what was learnt."""
        return {}

    def restore(self, state: State) -> None:  # noqa: B027 - not every descriptor learns something
        """Take what was learnt."""


def check_stands_for(space: Space, of: str) -> None:
    """Refuse a space whose configurations do not stand for what a descriptor describes.

    Raises
    ------
    NotServedError
        If they do not.
    """
    if space.kind.stands_for != of:
        raise NotServedError(f"{space.name} holds {space.kind.stands_for}; these descriptors are of {of}")


descriptors: Registry[type[Descriptor]] = Registry("descriptor", "matbench_defects.models.descriptors")
"""Every registered descriptor, by name."""


class CrystalDescriptor(Descriptor):
    """A descriptor of ideal structures; what it gives for each is kept on disk."""

    extensive: ClassVar[bool]
    """Whether it is a sum over the cell. Such a sum is taken relative to that of the ideal host, where the target is,
    and divided by what the target is per."""
    sees_states: ClassVar[bool] = False
    """Whether it takes oxidation states, where the spec's species have some; others take elements alone."""

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self.elements: list[str] = []

    @abstractmethod
    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the numbers of each crystal, shape (n, f)."""

    def learn(self, rows: Rows) -> None:
        """Take the elements of the training rows and of their hosts."""
        found = set(_elements(rows))
        for name in set(rows.column("space")):
            found.update(rows.background.spaces[name].host_elements)
        self.elements = sorted(found)

    def identity(self) -> dict[str, Any]:
        """Return what the numbers depend on besides the crystal, as JSON can hold it."""
        return {
            "descriptor": type(self).__name__,
            "settings": self.Settings(**{k: getattr(self.settings, k) for k in self.Settings.model_fields}).model_dump(
                mode="json"
            ),
            "elements": self.elements,
            **depends_on(type(self)),
        }

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the numbers of each row's ideal structure, per what the target is per."""
        self.check_serves(rows)
        names = rows.column("space")
        spaces = {name: rows.background.spaces[name] for name in sorted(set(names))}
        unknown = sorted(set(_elements(rows)) - set(self.elements))
        if unknown and not self.new_elements:
            raise NotServedError(f"no training row had {', '.join(unknown)}")
        for element in unknown:
            element_properties(element)  # refuses one of which nothing is known
        columns = ["lattice_vectors", "cartesian_site_positions", "species_at_sites"]
        if self.sees_states and OXIDATION_STATES in rows.table.schema.names:
            columns.append(OXIDATION_STATES)
        crystals = [row_crystal(row) for row in rows.table.select(columns).to_pylist()]
        result = cached_vectors(self.identity(), crystals, self.vectors)
        if not self.extensive:
            return result
        if is_excess(rows) or rows.background.quantity.per == "cell":  # as formation energies of defects are
            hosts = [self._host(space) for space in spaces.values()]
            pristine = cached_vectors(self.identity(), hosts, self.vectors)
            result = result - pristine[np.searchsorted(list(spaces), names)]
        return np.asarray(result / divisors(rows)[:, None])

    def _host(self, space: Space) -> Crystal:
        species = space.host_species if self.sees_states else space.host_elements
        return crystal_of_species(space.lattice, species, space.positions)

    def state(self) -> State:
        """Return the elements."""
        return {"elements": self.elements}

    def restore(self, state: State) -> None:
        """Take the elements."""
        self.elements = list(state["elements"])


def _elements(rows: Rows) -> list[str]:
    flat = pc.unique(pc.list_flatten(rows.table["species_at_sites"].combine_chunks()))
    return [str(s) for s in flat.to_pylist() if s != VACANCY]
