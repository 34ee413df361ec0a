"""The spaces that are timed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.space import Content, Space
from matbench_defects.spec.loading import load_spec

LINIO2 = """
  spacegroup: R-3m
  lattice: {a: 2.88, c: 14.19}
  sites: {Li: [0, 0, 0], Ni: [0, 0, 1/2], O: [0, 0, 0.26]}"""
KFEO2 = """
  spacegroup: Pbca
  lattice: {a: 5.727, b: 11.457, c: 16.207}
  sites: {K1: [.2384, .5091, .9404], K2: [.2800, .2668, .8154], Fe1: [.2281, .5105, .6899], Fe2: [.2665, .2638, .5651],
    O1: [.0506, .4812, .7876], O2: [.0419, .1927, .4941], O3: [.1320, .4062, .6041], O4: [.3369, .3323, .1577]}"""
CSPBI3 = """
  spacegroup: Pnam
  lattice: {a: 8.8561, b: 8.5766, c: 12.4722}
  sites: {Cs: [.45995, .50509, .25], Pb: [0, .5, 0], I1: [.00113, .56202, .25], I2: [.30538, .69731, -.03577]}"""
MOS2 = """
  spacegroup: P-6m2
  lattice: {a: 3.1903157, c: 14.879004}
  sites: {Mo: [0, 0, 0], S: [1/3, 2/3, 0.105]}"""
FCC = """
  spacegroup: Fm-3m
  lattice: {a: 4.0}
  sites: {Au: [0, 0, 0]}"""
CUBIC = """
  spacegroup: Pm-3m
  lattice: {a: 3.3}
  sites: {Po: [0, 0, 0]}"""
ROCK_SALT = """
  spacegroup: Fm-3m
  lattice: {a: 6.4}
  sites: {Pb: [0, 0, 0], Te: [1/2, 1/2, 1/2]}"""
DEFECTS = """{M: {sites: [Mo], species: {vacancy: 0..4, W: 0..4, Mo: rest}},
  X: {sites: [S], species: {vacancy: 0..4, Se: 0..4, S: rest}}}"""


@dataclass(frozen=True)
class Case:
    """One space, or some contents of it.

    Parameters
    ----------
    name : str
        How the table calls it.
    number : int
        How many inequivalent configurations it has.
    parent, supercell, sublattices, more : str
        Parts of the spec.
    contents : list of contents
        Only these; all where empty.
    peers : bool
        Whether other codes need less than a minute or so.
    counted : bool
        Whether its configurations are only counted.
    """

    name: str
    number: int
    parent: str
    supercell: str
    sublattices: str
    more: str = ""
    contents: list[Content] = field(default_factory=list)
    peers: bool = False
    counted: bool = False

    def space(self) -> Space:
        """Build the space."""
        text = (
            f"name: case\nversion: 1.0.0\ntitle: case\nparent:{self.parent}\n  provenance: {{source: a benchmark}}\n"
            f"supercell: {self.supercell}\nsublattices: {self.sublattices}\n{self.more}\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spec.yaml"
            path.write_text(text)
            return build_spaces(load_spec(path))["case"]


def _ferrite(n: int) -> str:
    return f"{{K: {{vacancy: {n}, K: rest}}, Fe: {{Ti: {n}, Fe: rest}}}}"


def _defects(*numbers: tuple[int, int, int, int]) -> list[Content]:
    """Contents by numbers of metal vacancies, metal substituted, chalcogen vacancies, chalcogen substituted."""
    return [((a, b, 64 - a - b), (c, d, 128 - c - d)) for a, b, c, d in numbers]


_CHALCOGEN = [(1, 0), (0, 1), (2, 0), (0, 2), (1, 1)]
LOW_DENSITY = _defects(
    *((0, 0, *x) for x in _CHALCOGEN), *((*m, *x) for m in ((1, 0), (0, 1)) for x in [(0, 0), *_CHALCOGEN])
)
FOUR = _defects(*((a, b, c, 4 - a - b - c) for a in range(5) for b in range(5 - a) for c in range(5 - a - b)))
PATHWAY = "pathway: {species: K, cutoff: 3.9}"
IODIDE = """
  spacegroup: Im-3m
  lattice: {a: 5.07}
  sites: {I: [0, 0, 0], Ag: [1/4, 0, 1/2]}"""
IONS = "{Ag: {Ag: 16, vacancy: rest}}"
NONE_NEAR = "exclude: [{between: [Ag, Ag], closer_than: 2.0}]"
CASES = [
    Case("LNO, all 13 contents", 87, LINIO2, "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}", peers=True),
    Case(
        "NCA, all 13 contents",
        20_760,
        LINIO2,
        "[2, 2, 1]",
        "{Li: {Li: 0..12, vacancy: rest}, Ni: {Ni: 9, Co: 2, Al: 1}}",
        peers=True,
    ),
    Case("KFeO2 n=2", 15_552, KFEO2, "[2, 1, 1]", _ferrite(2), peers=True),
    Case("KFeO2 n=3", 1_537_600, KFEO2, "[2, 1, 1]", _ferrite(3), peers=True),
    Case("KFeO2 n=4", 80_830_016, KFEO2, "[2, 1, 1]", _ferrite(4)),
    Case("KFeO2 pathways n=3", 8_630_400, KFEO2, "[2, 1, 1]", _ferrite(3), PATHWAY),
    *(
        Case(f"CsPbI3 gamma k={k}", n, CSPBI3, "[2, 2, 2]", f"{{Pb: {{Cd: {k}, Pb: rest}}}}", peers=k <= 8)
        for k, n in [(6, 14_509), (8, 165_632), (12, 3_534_424), (16, 9_402_622)]
    ),
    *(
        Case(f"fcc 3x3x3 k={k}", n, FCC, "[3, 3, 3]", f"{{Au: {{Ag: {k}, Au: rest}}}}")
        for k, n in [(5, 23_435), (6, 381_725), (7, 5_441_643)]
    ),
    Case("fcc 4x4x4 k=5", 734_692, FCC, "[4, 4, 4]", "{Au: {Ag: 5, Au: rest}}"),
    Case("simple cubic 4x4x5 k=6", 258_309, CUBIC, "[4, 4, 5]", "{Po: {Ag: 6, Po: rest}}"),
    Case("PbSnTe 2x2x2 k=8", 8043, ROCK_SALT, "[2, 2, 2]", "{Pb: {Sn: 8, Pb: rest}}"),
    Case("MoS2 8x8, the 17 types", 5933, MOS2, "[8, 8, 1]", DEFECTS, contents=LOW_DENSITY),
    Case("MoS2 8x8, all 4-defect sets", 1_170_765, MOS2, "[8, 8, 1]", DEFECTS, contents=FOUR),
    Case(
        "fcc 3x3x3, 27 of each of four",
        18_176_167_032_008_844_814_321_836_081_418_670_599_450_559_744_908_696_335_480,
        FCC,
        "[3, 3, 3]",
        "{Au: {Ag: 27, Cu: 27, Pd: 27, Au: rest}}",
        counted=True,
    ),
    Case(
        "simple cubic 6x6x6, five species",
        27290123417549916474615017129310030987698683419235513276033130030908116160890965326308287988385149002520118918763884757915587285185970153728000,
        CUBIC,
        "[6, 6, 6]",
        "{Po: {Ag: 43, Cu: 43, Pd: 43, Au: 43, Po: rest}}",
        counted=True,
    ),
    Case("AgI 2x2x2, 16 Ag, none adjacent", 2_063_600_120_923, IODIDE, "[2, 2, 2]", IONS, NONE_NEAR, counted=True),
]
