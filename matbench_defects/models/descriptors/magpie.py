"""Properties of the elements, averaged over the composition (magpie), by matminer."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.descriptor import CrystalDescriptor, descriptors


@descriptors.register("magpie")
class Magpie(CrystalDescriptor):
    """Magpie's statistics of elements, stoichiometry and valence orbitals; blind to the arrangement."""

    title: ClassVar[str] = "Magpie"
    description: ClassVar[str] = "magpie's statistics of the elements in the composition"
    references: ClassVar[tuple[str, ...]] = ("10.1038/npjcompumats.2016.28", "10.1016/j.commatsci.2018.05.018")
    needs: ClassVar[str] = "matminer"
    extensive: ClassVar[bool] = False
    new_elements: ClassVar[bool] = True

    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the statistics; equal compositions are looked up once."""
        from pymatgen.core import Composition

        featurizers = self._of_composition()
        known: dict[tuple[tuple[str, int], ...], list[float]] = {}
        result = []
        for crystal in crystals:
            key = tuple(sorted((s, crystal.species.count(s)) for s in set(crystal.species)))
            if key not in known:
                composition = Composition(dict(key))
                known[key] = [float(x) for f in featurizers for x in quietly(f, composition)]
            result.append(known[key])
        return finite(result)

    def names(self) -> list[str]:
        """Return matminer's labels."""
        return [label for featurizer in self._of_composition() for label in featurizer.feature_labels()]

    def _of_composition(self) -> list[Any]:
        from matminer.featurizers.composition import ElementProperty, Stoichiometry, ValenceOrbital

        return [ElementProperty.from_preset("magpie"), Stoichiometry(), ValenceOrbital()]


def quietly(featurizer: Any, thing: Any) -> list[Any]:
    """Return the features of one composition or structure without matminer's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that its tables lack
        return list(featurizer.featurize(thing))


def finite(rows: list[list[float]]) -> NDArray[np.float64]:
    """Return rows as an array, zero where a table of matminer has no value."""
    return np.nan_to_num(np.array(rows, dtype=np.float64), posinf=0.0, neginf=0.0)
