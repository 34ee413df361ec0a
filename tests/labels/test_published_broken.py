"""Published sets with something wrong: one message each that names the file, and nothing is written."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
import zipfile

import pytest
from published_samples import (
    cif,
    samples,
    table,
    tar,
    write_2dmd,
    write_csv,
    write_entries,
    write_extxyz,
    write_pilot,
)
from specs_for_tests import SMALL_SHEET

from matbench_defects.cli.settings import parse_settings
from matbench_defects.errors import InputError
from matbench_defects.exchange import archives
from matbench_defects.exchange.importing import import_published


@pytest.fixture
def refused(tmp_path):
    (tmp_path / "spec.yaml").write_text(SMALL_SHEET)

    def refuse(message, format_, path, **given):
        out = tmp_path / "out" / "published.parquet"
        with pytest.raises(InputError, match=message) as caught:
            import_published(format_, path, str(tmp_path), out, given)
        assert "\n" not in str(caught.value)
        assert not out.parent.exists()
        return caught.value

    return refuse


def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


def changed(path, old, new):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    assert old in text
    text = text.replace(old, new, 1)
    path.write_bytes(packed(text) if path.suffix == ".gz" else text.encode())


def link(name, kind=tarfile.SYMTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    return stream.getvalue()


FULL = {
    "no such folder": (lambda f: f.rename(f.parent / "away"), "there is no such folder or ZIP archive"),
    "no rows": (lambda f: (f / "defects.csv.gz").unlink(), r"holds no defects\.csv\.gz and no defects\.csv"),
    "no types": (lambda f: (f / "descriptors.csv").unlink(), r"holds no descriptors\.csv"),
    "no structures": (lambda f: (f / "initial.tar.gz").unlink(), r"holds no initial\.tar\.gz and no initial/"),
    "no energy column": (
        lambda f: changed(f / "defects.csv.gz", "energy", "energi"),
        r"defects\.csv\.gz: lacks the column 'energy'; did you mean 'energi'",
    ),
    "energy is nan": (
        lambda f: changed(f / "defects.csv.gz", "-70.0", "nan"),
        r"gz:2: energy: 'nan' is no finite number",
    ),
    "energy is inf": (lambda f: changed(f / "defects.csv.gz", "-70.0", "-inf"), "'-inf' is no finite number"),
    "energy is text": (lambda f: changed(f / "defects.csv.gz", "-70.0", "minus"), "'minus' is no finite number"),
    "twice the same": (lambda f: changed(f / "defects.csv.gz", "s1", "s0"), "two rows have the _id 's0'"),
    "a cell too many": (lambda f: changed(f / "defects.csv.gz", "-70.0", "-70.0,1"), "gz:2: has more or fewer cells"),
    "cut short": (
        lambda f: (f / "defects.csv.gz").write_bytes((f / "defects.csv.gz").read_bytes()[:-20]),
        r"defects\.csv\.gz: cannot be read: Compressed file ended",
    ),
    "no gzip": (lambda f: (f / "defects.csv.gz").write_text("_id"), r"cannot be read: Not a gzipped file"),
    "no text": (lambda f: (f / "descriptors.csv").write_bytes(b"\xff\xfe\x00"), "is not UTF-8 text"),
    "tar cut short": (
        lambda f: (f / "initial.tar.gz").write_bytes((f / "initial.tar.gz").read_bytes()[:-200]),
        r"initial\.tar\.gz: cannot be read as a tar archive",
    ),
    "no tar": (lambda f: (f / "initial.tar.gz").write_bytes(b"no archive" * 200), "cannot be read as a tar archive"),
    "out of the tar": (
        lambda f: (f / "initial.tar.gz").write_bytes(tar({"../s0.cif": "x"})),
        r"holds '\.\./s0\.cif', a name that leads out of the archive",
    ),
    "absolute in the tar": (lambda f: (f / "initial.tar.gz").write_bytes(tar({"/s0.cif": "x"})), "leads out of the"),
    "a link": (lambda f: (f / "initial.tar.gz").write_bytes(link("s0.cif")), "which is no file but a link"),
    "a hard link": (lambda f: (f / "initial.tar.gz").write_bytes(link("s0.cif", tarfile.LNKTYPE)), "but a link"),
    "code for defects": (
        lambda f: changed(f / "descriptors.csv", "[{'type': 'vacancy', 'element': 'S'}]", "__import__('os')"),
        r"descriptors\.csv:2: defects: a list such as .* was expected, not __import__",
    ),
    "another defect": (lambda f: changed(f / "descriptors.csv", "'vacancy'", "'adatom'"), "defects: a list such as"),
    "potential is nan": (lambda f: changed(f / "elements.csv", "-10.0", "nan"), "chemical_potential: 'nan' is no"),
}


@pytest.mark.parametrize("case", FULL)
def test_2dmd(case, refused, tmp_path):
    break_it, message = FULL[case]
    folder = write_2dmd(tmp_path / "set")
    break_it(folder)
    refused(message, "2dmd", folder)


def test_pilot_rows_that_do_not_belong_together(refused, tmp_path):
    folder = write_pilot(tmp_path / "set")
    lines = gzip.decompress((folder / "targets.csv.gz").read_bytes()).decode().splitlines()
    (folder / "targets.csv.gz").write_bytes(packed("\n".join(lines[:-1])))
    refused(r"has \d rows, .*targets\.csv\.gz \d; they go row by row", "2dmd", folder)
    (folder / "targets.csv.gz").write_bytes(packed("\n".join([lines[0], *lines[:0:-1]])))
    refused("is of the defect type", "2dmd", folder)


@pytest.mark.parametrize("name", ["../defects.csv.gz", "/defects.csv.gz", "a/../../b", "..\\b", "C:/b"])
def test_zip_names_that_lead_out(name, refused, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(name, "x")
    refused("leads out of the archive", "2dmd", tmp_path / "set.zip")


def test_sizes_are_limited(refused, tmp_path, monkeypatch):
    folder = write_2dmd(tmp_path / "set")
    (folder / "defects.csv.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    read = archives.Members.read
    monkeypatch.setattr(archives.Members, "read", lambda self, name: read(self, name, 1_000_000))
    refused("holds more than 1,000,000 bytes", "2dmd", folder)


def test_large_members_of_a_tar_archive(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_STRUCTURE", 10)
    refused("holds too much: 's0.cif'", "2dmd", write_2dmd(tmp_path / "set"))


def test_one_structure_that_cannot_be_read_is_only_reported(tmp_path):
    (tmp_path / "spec.yaml").write_text(SMALL_SHEET)
    folder = write_2dmd(tmp_path / "set")
    texts = {f"s{i}.cif": cif(crystal) for i, (_, _, crystal, _) in enumerate(samples())}
    texts["s0.cif"] = "no structure"
    (folder / "initial.tar.gz").write_bytes(tar(texts))
    mapped, report = import_published("2dmd", folder, str(tmp_path), tmp_path / "o.parquet", {})
    assert mapped.mapped == len(samples()) - 1
    assert "s0,not mapped,,cannot be read as CIF" in report.read_text()


def test_entries(refused, tmp_path):
    path = write_entries(tmp_path / "entries.json")
    data = json.loads(path.read_text())

    def write(entries):
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))

    write([{**data[0], "@module": "os", "@class": "system"}])
    refused(r"entry 0: pymatgen.*ComputedStructureEntry was expected, not os\.system", "computed-entries", path)
    write([3])
    refused("was expected, not int", "computed-entries", path)
    write([])
    refused("a list of entries was expected", "computed-entries", path)
    write("[{")
    refused("cannot be read: Expecting property name", "computed-entries", path)
    write([{**data[0], "energy": float("nan")}])
    refused("entry 0.energy: 'nan' is no finite number", "computed-entries", path)
    write([{**data[0], "energy": "-3"}])
    refused("'-3' is no finite number", "computed-entries", path)
    refused("No such file", "computed-entries", tmp_path / "none.json")


def test_nothing_that_an_entry_names_is_imported(tmp_path):
    (tmp_path / "spec.yaml").write_text(SMALL_SHEET)
    path = write_entries(tmp_path / "entries.json")
    data = json.loads(path.read_text())
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')")
    trap = {"@module": "trap_module", "@class": "Trap", "@version": "1"}
    for entry in data:
        entry["parameters"] = entry["data"] = {"x": trap}
        entry["energy_adjustments"] = [trap]
        entry["structure"]["properties"] = {"x": trap}
        for site in entry["structure"]["sites"]:
            site["properties"] = {"x": trap}
    path.write_text(json.dumps(data))
    sys.path.insert(0, str(tmp_path))
    try:
        mapped, _ = import_published("computed-entries", path, str(tmp_path), tmp_path / "o.parquet", {})
    finally:
        sys.path.remove(str(tmp_path))
    assert mapped.mapped == len(data) and "trap_module" not in sys.modules


def test_extended_xyz(refused, tmp_path):
    path = write_extxyz(tmp_path / "frames.xyz")
    whole = path.read_text()
    refused("no frame has 'gaps'; did you mean 'gap'", "extxyz", path, units={"gaps": "eV"})
    refused("gap: 'eVs' is no unit known here; did you mean 'eV'", "extxyz", path, units={"gap": "eVs"})
    path.write_text(whole[: len(whole) // 2])
    refused("cannot be read as extended XYZ", "extxyz", path)
    path.write_text(re.sub(r"energy=\S+", "energy=nan", whole, count=1))
    refused("energy: 'nan' is no finite number", "extxyz", path)
    path.write_text("")
    refused("cannot be read as extended XYZ|holds no frame", "extxyz", path)


def test_csv(refused, tmp_path):
    path = write_csv(tmp_path / "table.csv")
    whole = path.read_text()
    refused("lacks the column 'file'", "csv", path, structures="file")
    refused("lacks the column 'gpa'; did you mean 'gap'", "csv", path, units={"gpa": "eV"})
    refused("energy: has its unit in the head already", "csv", path, units={"energy": "eV per cell"})
    for head, message in {
        "energy [eV]": "energy: is a total energy in eV or meV, per cell or per atom; not eV",
        "energy [Å per cell]": "not Å per cell",
        "energy [eV per site]": "not eV per site",
        "energy [Ev per cell]": "'Ev' is no unit known here; did you mean 'eV'",
        "energy [eV per cell": "a unit stands in brackets",
        "energy": "no column states a unit",
        "id [eV]": "a column of labels cannot be called 'id'",
    }.items():
        path.write_text(whole.replace("energy [eV per cell]", head))
        refused(re.escape(message), "csv", path)
    path.write_text(whole.replace("cifs/s1.cif", "../s1.cif"))
    refused(r"table\.csv:3: '\.\./s1\.cif' is no file in the table's folder", "csv", path)
    path.write_text(whole.replace("s0.vasp", "s0.txt").replace("cifs/s1.cif", "../s1.cif"))
    refused(r"table\.csv:2: .*table\.csv:3: '\.\./s1\.cif' is no file", "csv", path)
    path.write_text(whole.replace("cifs/s1.cif", "/etc/passwd"))
    refused("is no file in the table's folder", "csv", path)
    path.write_text(whole.replace("cifs/s1.cif", "s1.json"))
    refused("'s1.json' is of no format that is read", "csv", path)
    path.write_text("")
    refused("lacks the column 'structure'", "csv", path)


def test_perovskites(refused, tmp_path):
    path = tmp_path / "table.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    refused("a pickle runs code when it is opened, so it is not; convert it", "cspbi3", path)
    path = tmp_path / "table.csv"
    path.write_text(table([{"phase": "gamma", "dopant": "Cd", "structure": "", "enrgy": 1}]))
    refused("lacks the column 'energy'; did you mean 'enrgy'", "cspbi3", path)
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    refused("cannot be read as Parquet", "cspbi3", tmp_path / "table.parquet")
    refused("No such file", "cspbi3", tmp_path / "none.csv")


def test_settings_as_the_command_line_gives_them():
    assert parse_settings(["units={gap: eV}", "name=label"]) == {"units": {"gap": "eV"}, "name": "label"}
    for wrong in ("units", "units={"):
        with pytest.raises(InputError, match="NAME=VALUE was expected"):
            parse_settings([wrong])
