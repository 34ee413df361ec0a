"""Specs that someone wrote by mistake or in malice: one line with file, line and field, soon and in little memory."""

from __future__ import annotations

import io
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from matbench_defects.cli.commands.crystal import show_check
from matbench_defects.dataset.check import check_spec
from matbench_defects.errors import InputError
from matbench_defects.spec.document import LARGEST_BYTES, read_document

SPEC = """\
name: rock-salt
version: 1.0.0
title: Rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites:
    Na: [0, 0, 0]
    Cl: [1/2, 1/2, 1/2]
  provenance: {source: textbook}
supercell: [1, 1, 2]
sublattices:
  Na: {Na: rest, vacancy: 0..2}
splits:
  random: {train: 0.6, test: 0.4}
"""
"""Apart from `specs_for_tests`, since tests count its lines."""
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
LABEL = "a name of up to 63 letters (a to z, A to Z), digits and _ + - ' ( ) * was expected, not "


@pytest.fixture
def check(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Do what `check` does with a spec, and return what it shows."""

    def check(spec: str | bytes) -> str:
        path = tmp_path / "spec.yaml"
        path.write_bytes(spec if isinstance(spec, bytes) else spec.encode())
        shown = io.StringIO()
        show_check(check_spec(str(path)), Console(file=shown, width=120))
        return shown.getvalue()

    return check


def changed(before: str, after: str) -> str:
    assert SPEC.count(before) == 1
    return SPEC.replace(before, after)


def p1(sites: str, lattice: str = "{a: 5, b: 5, c: 5, alpha: 90, beta: 90, gamma: 90}") -> str:
    text = changed("    Na: [0, 0, 0]\n    Cl: [1/2, 1/2, 1/2]\n", sites).replace("Fm-3m", "P1")
    return text.replace("{a: 5.6}", lattice)


def many_sites(number: int) -> str:
    return p1("".join(f"    Na{i}: [{i / number}, 0, 0]\n" for i in range(number)), lattice="{a: 9000, b: 9, c: 9, "
              "alpha: 90, beta: 90, gamma: 90}")  # fmt: skip


CASES: list[tuple[str, str | bytes, int | None, str | None, str]] = [
    # what, spec, line, field, the message's beginning
    ("million sites", changed("[1, 1, 2]", "[50, 50, 50]"), 11, "supercell",
     "125000 cells of 8 atoms exceed the 100000 sites that are handled"),
    ("a group without end", changed("[1, 1, 2]", "[20, 20, 20]"), 11, "supercell",
     "1536000 operations on 64000 sites exceed the 200,000,000 numbers that are handled; take a smaller supercell"),
    ("thin supercell", changed("[1, 1, 2]", "[1, 1, 10000]"), 11, "supercell",
     "640000 operations on 80000 sites exceed"),
    ("beyond the sites", changed("vacancy: 0..2", "vacancy: 9").replace("Na: rest", "Na: 0"), 13, "sublattices.Na",
     "the species add up to 9, but the supercell has 8 of these sites"),
    ("beyond any sites", changed("vacancy: 0..2", f"vacancy: {10**29}").replace("Na: rest", "Na: 0"), 13,
     "sublattices.Na", f"the species add up to {10**29}, but the supercell has 8 of these sites"),
    ("contents without end", changed("[1, 1, 2]", "[4, 4, 4]").replace(
        "{Na: rest, vacancy: 0..2}", "{Na: rest, " + ", ".join(f"{s}: 0..256" for s in ("Li", "K", "Rb")) + "}"),
     13, "sublattices.Na", "allows more than the 1,000,000 contents that are handled; narrow the numbers"),
    ("contents that lead nowhere", changed("[1, 1, 2]", "[4, 4, 4]").replace(
        "{Na: rest, vacancy: 0..2}", "{" + ", ".join(f"{s}: [{', '.join(map(str, range(0, 256, 2)))}]"
            for s in ("Li", "K", "Rb", "Cs")) + ", Na: [1, 3]}"),
     13, "sublattices.Na", "the species add up to 1 to 1019, but the supercell has 256 of these sites"),
    ("shapes without end", changed("[1, 1, 2]", "{sizes: 1..64}").replace("Fm-3m", "P-1").replace(
        "{a: 5.6}", "{a: 5.6, b: 6, c: 7, alpha: 80, beta: 85, gamma: 95}"), 11, "supercell",
     "there are more than the 2,000 shapes that are handled; take smaller sizes"),
    ("configurations without end", changed("[1, 1, 2]", "{sizes: 32}").replace("0..2", "0..32"), 11, "supercell",
     "the shapes up to rock-salt-32-"),
    ("lines in a title", changed("title: Rock salt", 'title: "Rock\\nsalt"'), 3, "title",
     "one line of plain text was expected; it holds the character U+000A"),
    ("title from right to left", changed("title: Rock salt", "title: Rock \u202etlas"), 3, "title",
     "one line of plain text was expected; it holds the character U+202E"),
    ("colours in a title", changed("title: Rock salt", 'title: "\\e[31mRock"'), 3, "title",
     "one line of plain text was expected; it holds the character U+001B"),
    ("a tower of accents", changed("title: Rock salt", "title: R" + "\u0301" * 50), 3, "title",
     "more than 4 accents stand on one letter; write it plainly"),
    ("Cyrillic Na", SPEC.replace("Na:", "N\u0430:"), 8, "parent.sites.N\u0430", LABEL + r"'N\u0430'"),
    ("full-width name", changed("name: rock-salt", "name: \uff52ock"), 1, "name", "string should match pattern"),
    ("name with a path", changed("name: rock-salt", "name: ../../etc/passwd"), 1, "name",
     "string should match pattern"),
    ("name with a line", changed("name: rock-salt", 'name: "rock\\n"'), 1, "name", "string should match pattern"),
    ("sublattice with a path", changed("  Na: {Na", "  ../Na: {Na"), 13, "sublattices.../Na", LABEL + "'../Na'"),
    ("sublattice with a line", changed("  Na: {Na", '  "N\\na": {Na'), 13, "sublattices.N\na", LABEL + r"'N\na'"),
    ("sublattice of 100 letters", changed("  Na: {Na", f"  {'N' * 100}: {{Na"), 13, "sublattices." + "N" * 100, LABEL),
    ("phase with a path", SPEC + "reference_phases: {../../x: {cif: a.cif, provenance: {source: a}}}\n", 16,
     "reference_phases.../../x", LABEL + "'../../x'"),
    ("unknown field from right to left", changed("title: Rock salt", "\u202eeltit: Rock salt"), 3, "\u202eeltit",
     "unknown field; "),
    ("YAML bomb", LAUGHS + SPEC, 1, None, "anchors and aliases are not used here ('a'); say what is shared once with"),
    ("merge keys", "x: &x {a: 1}\n" + SPEC, 1, None, "anchors and aliases are not used here ('x')"),
    ("a key twice", SPEC + "title: Salt\n", 16, None, "the key 'title' is given twice (first on line 3)"),
    ("a tab", changed("  lattice:", "\tlattice:"), 6, None, "a tab is used for indentation; YAML allows only spaces"),
    ("deep nesting", SPEC + "description: " + "[" * 100_000, 16, None, "is nested more than 32 levels deep"),
    ("deep blocks", SPEC + "x:\n" + "".join(" " * i + "-\n" for i in range(1, 500)), 48, None, "is nested more than"),
    ("an enormous file", SPEC + "#" * LARGEST_BYTES, None, None, f"bytes; at most {LARGEST_BYTES} are read"),
    ("an enormous line", changed("Rock salt", "x" * 900_000), 3, "title", "string should have at most 1000 characters"),
    ("many fields", SPEC + "".join(f"f{i}: 1\n" for i in range(50_000)), 16, "f0", "unknown field; "),
    ("an image", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), None, None, "is not UTF-8 text"),
    ("zeros", b"\x00" * 1000, None, None, "not valid YAML: unacceptable character #x0000"),
    ("a program", b"#!/bin/sh\nrm -rf /\n", 1, None, "a mapping of fields was expected at the top"),
    ("code", changed("Rock salt", "!!python/object/apply:os.system [touch /tmp/owned]"), 3, None,
     "the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed; write plain values"),
    ("a number that is none", changed("a: 5.6", "a: .nan"), 6, "parent.lattice.a",
     "input should be a finite number, not nan"),
    ("an endless lattice", changed("a: 5.6", "a: .inf"), 6, "parent.lattice.a",
     "input should be a finite number, not inf"),
    ("a number of 300 digits", changed("a: 5.6", "a: 1e300"), 4, "parent", "at most 10000 Å and"),
    ("beyond floating point", changed("a: 5.6", "a: 1e999"), 6, "parent.lattice.a",
     "input should be a finite number, not inf"),
    ("in metres", changed("a: 5.6", "a: 5.6e-10"), 4, "parent", "these angles make no cell"),
    ("in nanometres", changed("a: 5.6", "a: 0.56"), 4, "parent",
     "the cell has a volume of 0.176 Å³, which does not hold an atom. Are the lengths in Å?"),
    ("in picometres", changed("a: 5.6", "a: 560"), 4, "parent",
     "the cell is 560 Å long and has 1.756e+08 Å³; at most 10000 Å and 1e+07 Å³ are handled. Are the lengths in Å?"),
    ("a length of zero", changed("a: 5.6", "a: 0"), 6, "parent.lattice.a", "input should be greater than 0, not 0"),
    ("no volume", p1("    Na: [0, 0, 0]\n", "{a: 5, b: 5, c: 5, alpha: 60, beta: 60, gamma: 120}"), 4, "parent",
     "these angles make no cell: 60.0, 60.0, 120.0"),
    ("nearly no volume", p1("    Na: [0, 0, 0]\n", "{a: 5, b: 5, c: 5, alpha: 60, beta: 60, gamma: 119.9999}"), 4,
     "parent", "which does not hold an atom"),
    ("a needle", p1("    Na: [0, 0, 0]\n", "{a: 0.01, b: 100, c: 100, alpha: 90, beta: 90, gamma: 90}"), 4, "parent",
     "two atoms are 0.01 Å apart (Na and its own image); at least 0.7 was expected"),
    ("atoms on top of each other", changed("Cl: [1/2, 1/2, 1/2]", "Cl: [0, 0, 0]"), 4, "parent",
     "two atoms are 0.00 Å apart ("),
    ("an atom beside its image", changed("Na: [0, 0, 0]", "Na: [0.01, 0, 0]"), 4, "parent",
     "two atoms are 0.08 Å apart"),
    ("too many atoms", many_sites(6000), 4, "parent", "its cell holds 5001 atoms; a parent has at most 5000"),
    ("too many images", changed("    Na: [0, 0, 0]\n", "".join(
        f"    Na{i}: [0.{i + 10}, 0.{i + 30:02}1, 0.{i + 50:02}2]\n" for i in range(40))).replace(
            "a: 5.6", "a: 200"), 4, "parent", "its cell holds 5184 atoms; a parent has at most 5000"),
    ("a crystal for a supercell", changed("[1, 1, 2]", f"[{{a: [{', '.join(['1'] * 2000)}]}}, 1, 1]"), 11, "supercell",
     "three integers or three rows of three integers were expected, not [{'a': [1, 1, 1, 1, 1, 1, 1, 1, 1"),
    ("pathways without end", changed("[1, 1, 2]", "[1, 1, 150]") + "pathway: {species: Na, cutoff: 5}\n", 16,
     "pathway.cutoff", "two edges up to 5.0 Å join the same pair of sites"),
    ("edges without end", p1("    Na: [0, 0, 0]\n").replace("[1, 1, 2]", "[12, 12, 12]") + (
        "pathway: {species: Na, cutoff: 12}\n"), 15, "pathway.cutoff",
     "there are more than the 28,935 edges up to 12.0 Å that are handled in a supercell of this size; take a smaller"),
    ("more than any draw", SPEC + "configurations: {select: uniform, count: 1000000000000}\n", 16,
     "configurations.count", "input should be less than or equal to 1000000000"),
    ("extends itself", SPEC + "extends: spec.yaml\n", 16, "extends", "goes round in a circle through spec.yaml"),
    ("extends a folder", SPEC + "extends: ..\n", 16, "extends", "no spec file there"),
    ("extends a device", SPEC + "extends: /dev/zero\n", 16, "extends", "it is a pipe or a device"),
    ("extends what is no spec", SPEC + "extends: /etc/passwd\n", None, None, ""),
    ("extends half a character", SPEC + 'extends: "a\\0b"\n', 16, "extends", ""),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "line", "field", "message"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_one_line_soon_and_in_little_memory(
    check: Callable[[str | bytes], str],
    tmp_path: Path,
    spec: str | bytes,
    line: int | None,
    field: str | None,
    message: str,
) -> None:
    begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        check(spec)
    error = caught.value
    if message:
        assert message in error.message
        assert (error.file, error.line, error.field or None) == (str(tmp_path / "spec.yaml"), line, field)
    assert str(error).isprintable() and len(error.message) < 1000
    assert time.process_time() - begun < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB
    assert not Path("/tmp/owned").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_the_spec_that_is_spoilt_is_right(check: Callable[[str | bytes], str]) -> None:
    assert "rock-salt 1.0.0: Rock salt" in check(SPEC)


def test_honest_words_in_any_script(check: Callable[[str | bytes], str]) -> None:
    for title in ("Каменная соль", "食塩", "Sel gemme d’Aïn", "\u0646\u0645\u06a9\u200c\u0647\u0627", "[bold]x[/] {y}"):
        assert f"rock-salt 1.0.0: {title}\n" in check(changed("Rock salt", f"'{title}'"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "spec.yaml")
    with pytest.raises(InputError, match="it is a pipe or a device"):
        show_check(check_spec(str(tmp_path / "spec.yaml")), Console(file=io.StringIO()))


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(InputError, match="/dev/zero: cannot be read: it is a pipe or a device"):
        read_document("/dev/zero")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "/proc/self/mem", "\udcff", ""])
def test_names_that_no_file_has(name: str) -> None:
    with pytest.raises(InputError) as caught:
        show_check(check_spec(name), Console(file=io.StringIO()))
    assert str(caught.value).isprintable()
