"""Magpie's statistics and those of matminer's features of structures that cost milliseconds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.descriptor import descriptors
from matbench_defects.models.descriptors.magpie import Magpie, finite, quietly
from matbench_defects.models.model import INVARIANCES, SUPERCELL


@descriptors.register("matminer")
class Matminer(Magpie):
    """Magpie's statistics with density, packing, symmetry and complexity of the ideal structure.

    Those of local environments (orbital fields, CrystalNN fingerprints) are left out: 1.7 s a structure of 160 atoms.
    """

    title: ClassVar[str] = "matminer"
    description: ClassVar[str] = "matminer's features of composition, density, symmetry and complexity"
    references: ClassVar[tuple[str, ...]] = ("10.1016/j.commatsci.2018.05.018",)
    invariances: ClassVar[frozenset[str]] = INVARIANCES - {SUPERCELL}
    """Operations and complexity are counted by the cell."""

    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the features of the composition, then those of the structure."""
        featurizers = self._of_structure()
        rows = []
        for crystal in crystals:
            structure = crystal.to_pymatgen()
            rows.append([float(x) for f in featurizers for x in quietly(f, structure)])
        return np.concatenate([super().vectors(crystals), finite(rows)], axis=1)

    def names(self) -> list[str]:
        """Return matminer's labels."""
        return super().names() + [label for f in self._of_structure() for label in f.feature_labels()]

    def _of_structure(self) -> list[Any]:
        from matminer.featurizers.structure import DensityFeatures, GlobalSymmetryFeatures, StructuralComplexity

        symmetry = GlobalSymmetryFeatures(["spacegroup_num", "is_centrosymmetric", "n_symmetry_ops"])
        return [DensityFeatures(), symmetry, StructuralComplexity()]
