"""Parents of the Materials Project: fetched once with the real client, from a server on loopback, then read offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pymatgen.core import Lattice, Structure

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.building import build_dataset
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
)
SPEC = """
name: salt
version: 1.0.0
title: MgO with calcium
parent: {materials_project: mp-1265}
supercell: [1, 1, 1]
sublattices: {Mg: {Ca: 0..2, Mg: rest}}
splits: {random: {train: 0.5, test: 0.5}}
"""


class Database(BaseHTTPRequestHandler):
    """As much of the Materials Project as the client asks for."""

    def do_GET(self):
        url = urlsplit(self.path)
        self.server.requests.append((url.path, self.headers.get("x-api-key")))
        if url.path == "/heartbeat":
            answer = {"db_version": "2025.09.25", "version": "0.87.3", "access_controlled_batch_ids": []}
        elif self.headers.get("x-api-key") != "secret":
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
    noisy = RUTILE.get_primitive_structure()
    noisy.translate_sites([2], [0.004, 0, 0], frac_coords=False)
    server.materials = {
        "mp-1265": material("mp-1265", SALT.get_primitive_structure(), "Fm-3m"),
        "mp-2657": material("mp-2657", noisy, "P4_2/mnm"),
        "mp-1": material("mp-2", SALT, "Fm-3m"),
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def material(id_, structure, symbol):
    return {"material_id": id_, "structure": structure.as_dict(), "symmetry": {"symbol": symbol}}


@pytest.fixture
def fetch(database, tmp_path):
    """Return a function that runs `fetch-parents` on a spec as a user does."""

    def run(text, *options, key="secret", port=None):
        (tmp_path / "spec.yaml").write_text(text)
        command = [sys.executable, "-m", "matbench_defects.cli", "fetch-parents", "spec.yaml", *options]
        endpoint = f"http://127.0.0.1:{port or database.server_address[1]}"
        environment = {**os.environ, "MP_API_ENDPOINT": endpoint, "MP_API_KEY": key, "COLUMNS": "200"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.slow
def test_fetched_once_and_built_without_the_network(fetch, database, tmp_path):
    done = fetch(SPEC)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mp-1265.json: 8 sites, Fm-3m, database 2025.09.25, sites Mg, O\n"
    asked = len(database.requests)
    assert fetch(SPEC).stdout == "mp-1265.json is there already\n"
    assert len(database.requests) == asked

    space = build_spaces(load_spec(tmp_path))["salt"]
    assert (space.parent.space_group, space.parent.declared, space.parent.formula) == ("Fm-3m", False, "MgO")
    assert space.parent.crystal.to_pymatgen().matches(SALT, ltol=1e-6, stol=1e-6, angle_tol=1e-4)
    dataset = build_dataset(load_spec(tmp_path), tmp_path / "out")
    (tmp_path / "mp-1265.json").unlink()
    moved = open_dataset(shutil.move(tmp_path / "out", tmp_path / "elsewhere"))
    assert len(build_spaces(moved.spec)["salt"].parent.species) == 8  # the frozen crystal travels with the dataset
    assert dataset.unverified == []
    card = (moved.folder / "README.md").read_text()
    assert "Materials Project, mp-1265, database 2025.09.25, fetched 20" in card and "10.1063/1.4812323" in card


def test_not_fetched_yet(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(InputError, match=r"spec.yaml:5: parent: mp-1265 was not fetched yet: run `matbench-de"):
        build_spaces(load_spec(tmp_path))


@pytest.mark.slow
def test_the_tolerance_decides_what_is_symmetry(fetch, tmp_path):
    text = SPEC.replace("mp-1265}", "mp-2657, symmetry_tolerance: 0.001}").replace("Mg", "Ti").replace("Ca", "Sn")
    done = fetch(text)
    assert "The Materials Project calls it P4_2/mnm; within 0.001 Å the atoms have" in done.stdout, done.stderr
    wider = text.replace("0.001", "0.05")
    (tmp_path / "spec.yaml").write_text(wider)
    with pytest.raises(InputError, match=r"mp-2657.json:\d+: symmetry_tolerance: is 0.001, the spec's is 0.05; run"):
        build_spaces(load_spec(tmp_path))
    assert "6 sites, P4_2/mnm" in fetch(wider).stdout
    parent = build_spaces(load_spec(tmp_path))["salt"].parent
    assert (parent.space_group, sorted(set(parent.labels))) == ("P4_2/mnm", ["O", "Ti"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id_", "changes", "message"),
    [
        ("mp-1265", {"key": ""}, "put yours into MP_API_KEY"),
        ("mp-1265", {"key": "wrong"}, "mp-1265 cannot be fetched from the Materials Project: "),
        ("mp-1265", {"port": 9}, "mp-1265 cannot be fetched from the Materials Project: "),
        ("mp-9", {}, "the Materials Project has no material mp-9"),
        ("mp-1", {}, "mp-1 is called mp-2 by now; write that into the spec"),
    ],
)
def test_what_cannot_be_fetched(fetch, tmp_path, id_, changes, message):
    done = fetch(SPEC.replace("mp-1265", id_), **changes)
    assert done.returncode == 2 and done.stderr.startswith("matbench-defects: spec.yaml:5: parent.materials_project: ")
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


@pytest.mark.slow
def test_a_frozen_file_is_checked(fetch, tmp_path):
    assert fetch(SPEC).returncode == 0
    path = Path(tmp_path / "mp-1265.json")
    whole = json.loads(path.read_text())
    for change, message in [
        ({"site_labels": ["Mg"]}, "8 species need as many labels and positions"),
        ({"materials_project": "mp-2"}, "is mp-2, but mp-1265 was expected"),
        ({"fetched": "yesterday"}, r"mp-1265.json:\d+: fetched: "),
    ]:
        path.write_text(json.dumps(whole | change))
        with pytest.raises(InputError, match=message):
            build_spaces(load_spec(tmp_path))
