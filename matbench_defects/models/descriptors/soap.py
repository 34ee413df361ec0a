"""Smooth overlap of atomic positions (SOAP), by dscribe.

dscribe's many-body tensor representation (MBTR) is not offered: with ase 3.27 and later, dscribe 2.1.2 fails in it with
"Use only one of momenta and velocities". Distances and angles between defects (`defect`) are the same idea.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.descriptor import CrystalDescriptor, descriptors
from matbench_defects.models.model import ModelSettings

MOST_ELEMENTS = 5
"""With more of them, ``auto`` compresses."""


class SOAPSettings(ModelSettings):
    """Settings of SOAP."""

    cutoff: Annotated[float, Field(gt=1, le=15)] = 6.0
    """Atoms up to this distance are seen, Å."""
    radial: Annotated[int, Field(ge=1, le=20)] = 6
    """How many radial functions."""
    angular: Annotated[int, Field(ge=0, le=15)] = 4
    """Largest degree of the spherical harmonics."""
    width: Annotated[float, Field(gt=0, le=2)] = 0.5
    """Standard deviation of the Gaussian that stands for an atom, Å."""
    compression: Literal["auto", "off", "mu1nu1", "mu2", "crossover"] = "auto"
    """Modes of dscribe; ``auto`` takes every pair of elements up to five elements, and ``mu1nu1`` beyond."""


@descriptors.register("soap")
class SOAP(CrystalDescriptor):
    """The SOAP power spectrum of every atom, summed."""

    Settings: ClassVar[type[ModelSettings]] = SOAPSettings
    title: ClassVar[str] = "SOAP"
    description: ClassVar[str] = "the SOAP power spectra of the ideal structure's atoms, summed"
    references: ClassVar[tuple[str, ...]] = ("10.1103/PhysRevB.87.184115", "10.1016/j.cpc.2019.106949")
    needs: ClassVar[str] = "dscribe"
    extensive: ClassVar[bool] = True

    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the summed power spectra."""
        soap = self._soap()
        return np.array([soap.create(crystal.to_ase()).sum(axis=0) for crystal in crystals])

    def names(self) -> list[str]:
        """Return the elements, or their share of the spectrum, with a number."""
        soap = self._soap()
        width = soap.get_number_of_features()
        result = [f"component {i + 1}" for i in range(width)]
        if self._compression() == "off":
            for i, a in enumerate(self.elements):
                for b in self.elements[i:]:
                    where = soap.get_location((a, b))
                    for k, at in enumerate(range(width)[where]):
                        result[at] = f"{a}, {b}, component {k + 1}"
        return result

    def _compression(self) -> str:
        if self.settings.compression != "auto":
            return str(self.settings.compression)
        return "off" if len(self.elements) <= MOST_ELEMENTS else "mu1nu1"

    def _soap(self) -> Any:
        from dscribe import descriptors as library

        return library.SOAP(
            species=self.elements,
            r_cut=self.settings.cutoff,
            n_max=self.settings.radial,
            l_max=self.settings.angular,
            sigma=self.settings.width,
            periodic=True,
            compression={"mode": self._compression()},
        )
