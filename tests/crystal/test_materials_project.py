"""Parents of the Materials Project: fetched once with the real client, from a server on loopback, then read offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pymatgen.core import Lattice, Structure
from specs_for_tests import FETCHED

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.materials_project import _labels, _standardised, fetch_parents
from matbench_defects.crystal.parent import build_parent
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.errors import InputError
from matbench_defects.files import write_json
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.parents import ParentSpec

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
)
KEY = "k" * 32
"""As long as the client wants it."""


class Database(BaseHTTPRequestHandler):
    """As much of the Materials Project as the client asks for."""

    def do_GET(self):
        url = urlsplit(self.path)
        self.server.requests.append((url.path, self.headers.get("x-api-key")))
        if url.path == "/heartbeat":
            answer = {"db_version": "2025.09.25", "version": "0.87.3", "access_controlled_batch_ids": []}
        elif self.headers.get("x-api-key") != KEY:
            self.reply(403, {"detail": "Invalid API key"})
            return
        else:
            asked = parse_qs(url.query)["material_ids"][0]
            found = [self.server.materials[asked]] if asked in self.server.materials else []
            answer = {"data": found, "meta": {"total_doc": len(found)}}
        self.reply(200, answer)

    def reply(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep the tests' output clean."""


@pytest.fixture
def database():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    server.requests = []
    server.materials = {
        "mp-1265": material("mp-1265", SALT.get_primitive_structure(), "Fm-3m"),
        "mp-2657": material("mp-2657", noisy_rutile(), "P4_2/mnm"),
        "mp-1": material("mp-2", SALT, "Fm-3m"),
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def noisy_rutile():
    noisy = RUTILE.get_primitive_structure()
    noisy.translate_sites([2], [0.004, 0, 0], frac_coords=False)
    return noisy


def material(id_, structure, symbol):
    return {"material_id": id_, "structure": structure.as_dict(), "symmetry": {"symbol": symbol}}


@pytest.fixture
def run(database, tmp_path):
    """Return a function that runs Python in a fresh process: the client reads its endpoint when it is imported."""

    def start(*arguments, **changes):
        endpoint = f"http://127.0.0.1:{database.server_address[1]}"
        environment = {**os.environ, "MP_API_ENDPOINT": endpoint, "MP_API_KEY": KEY, "COLUMNS": "200", **changes}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return start


@pytest.mark.slow
def test_fetched_once_and_built_without_the_network(run, database, tmp_path):
    (tmp_path / "spec.yaml").write_text(FETCHED)
    done = run("-m", "matbench_defects.cli", "fetch-parents", "spec.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mp-1265.json: 8 sites, Fm-3m, database 2025.09.25, sites Mg, O\n"
    asked = len(database.requests)
    assert fetch_parents(load_spec(tmp_path), (lines := []).append) == 1
    assert lines == [f"{tmp_path}/mp-1265.json is there already"] and len(database.requests) == asked

    space = build_spaces(load_spec(tmp_path))["salt"]
    assert (space.parent.space_group, space.parent.declared, space.parent.formula) == ("Fm-3m", False, "MgO")
    assert space.parent.crystal.to_pymatgen().matches(SALT, ltol=1e-6, stol=1e-6, angle_tol=1e-4)


@pytest.mark.slow
def test_what_is_said_of_each_material(run, database, tmp_path):
    rutile = FETCHED.replace("Mg", "Ti").replace("Ca", "Sn")
    cases = [
        (FETCHED, "", "put yours into MP_API_KEY"),
        (
            FETCHED,
            "0" * 32,
            "mp-1265 cannot be fetched from the Materials Project: REST query returned with error status",
        ),
        (FETCHED.replace("mp-1265", "mp-9"), KEY, "the Materials Project has no material mp-9"),
        (FETCHED.replace("mp-1265", "mp-1"), KEY, "mp-1 is called mp-2 by now; write that into the spec"),
        (rutile.replace("mp-1265", "mp-2657"), KEY, "calls it P4_2/mnm; within 0.001 Å the atoms have"),
        (rutile.replace("mp-1265", "mp-2657, symmetry_tolerance: 0.05"), KEY, "6 sites, P4_2/mnm, database 2025.09.25"),
    ]
    said = run("-c", MANY, json.dumps([(text, key) for text, key, _ in cases]))
    assert said.returncode == 0, said.stderr
    for (_, _, expected), found in zip(cases, json.loads(said.stdout), strict=True):
        assert expected in found, found
        assert "mp-2657.json" in found or found.startswith("spec.yaml:5: parent.materials_project: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mp-2657.json", "spec.yaml"]
    unreachable = run("-c", MANY, json.dumps([(FETCHED, KEY)]), MP_API_ENDPOINT="http://127.0.0.1:9")
    assert "mp-1265 cannot be fetched from the Materials Project: " in json.loads(unreachable.stdout)[0]


MANY = """
import json, os, sys
from pathlib import Path
from matbench_defects.crystal.materials_project import fetch_parents
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec
said = []
for text, key in json.loads(sys.argv[1]):
    Path("spec.yaml").write_text(text)
    os.environ["MP_API_KEY"] = key
    lines = []
    try:
        fetch_parents(load_spec("spec.yaml"), lines.append)
        said.append(" ".join(lines))
    except InputError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def freeze(folder, structure=SALT, tolerance=1e-3, id_="mp-1265"):
    """Write what `fetch-parents` writes."""
    frozen = _standardised(structure.as_dict(), id_, "2025.09.25", tolerance)
    write_json(folder / f"{id_}.json", frozen.model_dump(mode="json"))
    return frozen


def test_the_frozen_crystal_travels_with_the_dataset(tmp_path):
    (tmp_path / "spec.yaml").write_text(FETCHED)
    freeze(tmp_path)
    dataset = build_dataset(load_spec(tmp_path), tmp_path / "out")
    assert dataset.unverified == []
    card = (dataset.folder / "README.md").read_text()
    assert "Materials Project, mp-1265, database 2025.09.25, fetched 20" in card and "10.1063/1.4812323" in card
    (tmp_path / "mp-1265.json").unlink()
    moved = open_dataset(shutil.move(tmp_path / "out", tmp_path / "elsewhere"))
    assert len(build_spaces(moved.spec)["salt"].parent.species) == 8


def test_not_fetched_yet(tmp_path):
    (tmp_path / "spec.yaml").write_text(FETCHED)
    with pytest.raises(InputError, match=r"spec.yaml:5: parent: mp-1265 was not fetched yet: run `matbench-de"):
        build_spaces(load_spec(tmp_path))


def test_a_frozen_crystal_is_the_conventional_cell(tmp_path):
    for given, cell in ((SALT, SALT), (RUTILE, RUTILE)):
        turned = given.get_primitive_structure().get_reduced_structure()
        turned.add_oxidation_state_by_guess()
        frozen = freeze(tmp_path, turned)
        parent = build_parent(ParentSpec(materials_project="mp-1265"), tmp_path)
        assert len(parent.species) == len(cell) and parent.space_group == frozen.space_group
        assert parent.crystal.to_pymatgen().matches(cell, ltol=1e-6, stol=1e-6, angle_tol=1e-4)
        assert parent.labels == parent.species  # one orbit an element
    assert _labels(["Cs", "I", "I", "I"], [0, 4, 7, 4]) == ["Cs", "I1", "I2", "I1"]


def test_the_tolerance_is_part_of_what_was_frozen(tmp_path):
    freeze(tmp_path, noisy_rutile(), 1e-3, "mp-2657")
    with pytest.raises(InputError, match=r"mp-2657.json:\d+: symmetry_tolerance: is 0.001, the spec's is 0.05; run"):
        build_parent(ParentSpec(materials_project="mp-2657", symmetry_tolerance=0.05), tmp_path)
    lower = build_parent(ParentSpec(materials_project="mp-2657"), tmp_path)
    freeze(tmp_path, noisy_rutile(), 0.05, "mp-2657")
    higher = build_parent(ParentSpec(materials_project="mp-2657", symmetry_tolerance=0.05), tmp_path)
    assert higher.space_group == "P4_2/mnm" and len(lower.rotations) < len(higher.rotations) == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"site_labels": ["Mg"]}, "8 species need as many labels and positions"),
        ({"materials_project": "mp-2"}, "is mp-2, but mp-1265 was expected"),
        ({"fetched": "yesterday"}, r"mp-1265.json:\d+: fetched: "),
    ],
)
def test_a_frozen_file_is_checked(tmp_path, change, message):
    freeze(tmp_path)
    path = tmp_path / "mp-1265.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        build_parent(ParentSpec(materials_project="mp-1265"), tmp_path)
