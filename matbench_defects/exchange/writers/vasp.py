"""A folder for VASP with pymatgen's input sets: POSCAR, INCAR, KPOINTS, and which potentials are meant."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from matbench_defects.errors import InputError, nearest
from matbench_defects.exchange.writers.poscar import poscar_text
from matbench_defects.exchange.writers.settings_of_programs import FileName, Options
from matbench_defects.exchange.writers.writer import Exported, Writer, WriterSettings, writers


class VaspSettings(WriterSettings):
    """Settings of VASP inputs."""

    input_set: str = "MPRelaxSet"
    """A class of ``pymatgen.io.vasp.sets``, such as ``MPRelaxSet``, ``MPStaticSet``, ``MPScanRelaxSet``."""
    incar: Options = {}
    """INCAR tags that differ from the set's."""
    kpoints: Options = {}
    """pymatgen's ``user_kpoints_settings``, such as ``{reciprocal_density: 64}``."""
    potentials: dict[str, FileName] = {}
    """POTCAR symbols that differ from the set's, such as ``{Li: Li_sv}``."""


@writers.register("vasp")
class VaspWriter(Writer):
    """Inputs of VASP by one of pymatgen's sets.

    POTCAR files are licensed and not written: ``POTCAR.spec`` names the potential of each element, in the order of the
    POSCAR, one a line, as pymatgen and atomate2 read it.
    """

    Settings: ClassVar[type[WriterSettings]] = VaspSettings
    title: ClassVar[str] = "VASP inputs by a set of pymatgen's: POSCAR, INCAR, KPOINTS, POTCAR.spec"

    def __init__(self, settings: VaspSettings) -> None:
        super().__init__(settings)
        from pymatgen.io.vasp import sets

        known = {
            name: kind
            for name, kind in vars(sets).items()
            if isinstance(kind, type) and issubclass(kind, sets.VaspInputSet) and name.endswith("Set")
        }
        known.pop("VaspInputSet", None)
        if settings.input_set not in known:
            message = f"pymatgen has no input set '{settings.input_set}'; {nearest(settings.input_set, known)}"
            raise InputError(message, field="input_set")
        self._set = known[settings.input_set]

    def files(self, one: Exported) -> dict[str, str]:
        """Return the files of one calculation."""
        options: dict[str, Any] = {"user_incar_settings": self.settings.incar, "sort_structure": False}
        if self.settings.kpoints:
            options["user_kpoints_settings"] = self.settings.kpoints
        if self.settings.potentials:
            options["user_potcar_settings"] = self.settings.potentials
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a set was made for older potentials, once a structure
                made = self._set(one.crystal.to_pymatgen(), **options)
                kpoints = made.kpoints
                files = {"POSCAR": poscar_text(one), "INCAR": f"{made.incar}\n"}
                symbols = made.potcar_symbols
        except Exception as error:  # whatever a set has against a structure or a setting
            raise InputError(f"{self.settings.input_set} makes no inputs of {one.id}: {error!s:.300}") from None
        if kpoints is not None:  # an INCAR may say KSPACING instead
            files["KPOINTS"] = f"{kpoints}\n"
        return {**files, "POTCAR.spec": "\n".join([*symbols, ""])}
