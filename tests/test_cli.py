"""The command line as a user runs it: what is printed, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from matbench_defects.shipped import shipped_specs, shipped_tasks


def run(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "matbench_defects.cli", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "150", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_counts_exactly(tmp_path):
    done = run("check", "lno-cathode", cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["all", "4,096", "87"] in rows
    assert ["Li6Va6", "924", "17"] in rows
    assert any(line.startswith("label sevennet_relaxed: 88 wanted, 88 present") for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_check_passes_over_what_a_star_names_besides_specs(tmp_path):
    (tmp_path / "README.md").write_text("`not YAML`")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "spec.yaml").write_text("extends: lno-cathode\nname: mine\n")
    done = run("check", "README.md", "mine", cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr
    assert "README.md is no YAML file and is passed over" in done.stdout
    assert ["all", "4,096", "87"] in [line.split() for line in done.stdout.splitlines()]
    assert run("check", "README.md", cwd=tmp_path).returncode == 2


def test_check_counts_reference_phases_whose_cell_relaxes_while_the_others_do_not(tmp_path):
    said = run("check", "2dmd-low", cwd=tmp_path).stdout.splitlines()
    assert [line.partition(";")[0] for line in said if line.startswith("label ")] == [
        "label sevennet_relaxed: 604 wanted, 604 present",
        "label chgnet_relaxed: 604 wanted, 604 present",
    ]


def test_check_warns_of_more_symmetry_than_declared(tmp_path):
    (tmp_path / "spec.yaml").write_text(
        """
name: salt
version: 1.0.0
title: Rock salt in a group that is too low
parent:
  spacegroup: Pmmm
  lattice: {a: 4.2, b: 4.2, c: 4.2}
  sites: {Po: [0, 0, 0]}
  provenance: {source: a test}
supercell: [2, 2, 1]
sublattices: {Po: {Bi: 2, Po: rest}}
"""
    )
    done = run("check", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert (
        "the atoms have Pm-3m with 48 operations, more than the declared Pmmm with 8: 2 configurations would differ"
        in (" ".join(done.stdout.split()))
    )
    assert "instead of 3." in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("specs", "lno-cathode"),
        ("tasks", "lno-formation-energy-low-lithium"),
        ("models", "schnet"),
        ("engines", "sevennet"),
        ("metrics", "ground_state_hit"),
        ("splits", "content"),
        ("quantities", "formation_energy"),
        ("policies", "expected-improvement"),
    ],
)
def test_list(what, expected, tmp_path):
    done = run("list", what, cwd=tmp_path)
    assert done.returncode == 0
    assert expected in [line.split()[0] for line in done.stdout.splitlines()]


def test_the_road(tmp_path, lno):
    """Build, evaluate, submit, leaderboard: with the committed labels."""
    done = run("build", "lno-cathode", "--out", "lno", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "87 inequivalent of 4,096 configurations" in done.stdout
    assert (tmp_path / "lno" / "manifest.json").read_bytes() == (lno.folder / "manifest.json").read_bytes()
    done = run("evaluate", "lno-formation-energy", "--model", "mean", "--model", "cluster-expansion", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert shown.index("cluster-expansion") < shown.index("mean")
    assert "NLL" not in done.stdout  # neither model gives deviations
    done = run("compare", "results/lno-formation-energy", "--resamples", "500", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "17 test configurations" in done.stdout
    compared = json.loads((tmp_path / "results/lno-formation-energy/comparison.json").read_text())
    assert [pair["tie"] for pair in compared["differences"]] == [False]
    result = "results/lno-formation-energy/cluster-expansion"
    done = run("submit", result, "--author", "A. Chemist", "--check", cwd=tmp_path)
    assert done.returncode == 0 and "nothing was written" in done.stdout
    assert not (tmp_path / "leaderboard").exists()
    done = run("submit", result, "--author", "A. Chemist", "--name", "my-expansion", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    submission = "leaderboard/submissions/lno-formation-energy/my-expansion"  # a baseline's name is refused below
    assert sorted(p.name for p in (tmp_path / submission).iterdir()) == ["predictions.parquet", "submission.yaml"]
    done = run("submit", submission, "--check", cwd=tmp_path)
    assert done.returncode == 0 and "is a valid submission" in done.stdout
    done = run("leaderboard", "build", "--task", "lno-formation-energy", "--out", "site", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "A. Chemist" in "".join(p.read_text() for p in (tmp_path / "site").rglob("*.html"))
    done = run("leaderboard", "rescore", "--write", cwd=tmp_path)
    assert done.returncode == 0 and "1 submissions scored, 0 scores moved, 1 new" in done.stdout
    recorded = tmp_path / "leaderboard" / "scores.json"
    recorded.write_text(recorded.read_text().replace('"mae": 0.', '"mae": 1.'))
    done = run("leaderboard", "rescore", cwd=tmp_path)
    assert done.returncode == 1 and "mae moved from 1.0" in done.stdout and "by -1: the code changed" in done.stdout
    (tmp_path / "base").mkdir()
    request = ("leaderboard", "score-request", "--base", "base", "--head", "leaderboard/submissions")
    done = run(*request, "--comment", "comment.md", cwd=tmp_path)
    assert done.returncode == 0 and "| **my-expansion** |" in (tmp_path / "comment.md").read_text()
    (tmp_path / submission / "more.py").touch()
    done = run(*request, cwd=tmp_path)
    assert done.returncode == 2 and "holds 'more.py'" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "lno-cathod"], "no spec is called 'lno-cathod'; did you mean 'lno-cathode'?"),
        (["check", "missing/spec.yaml"], "missing/spec.yaml: no spec file there"),
        (["evaluate", "lno-formation-enrgy", "--model", "mean"], "did you mean 'lno-formation-energy'"),
        (["evaluate", "lno-formation-energy", "--model", "maen"], "no model is called 'maen'; did you mean 'mean'?"),
        (["compare", "results"], "results: holds no result.json, and no folders that do"),
        (["discover", "lno-formation-energy", "--policy", "greed"], "no policy is called 'greed'"),
        (["discover", "lno-formation-energy", "--model", "maen"], "did you mean 'mean'"),
        (["submit", "results/lno-formation-energy/mean", "--author", "A"], "holds no result.json"),
        (["schema", "specs"], "there is no schema of 'specs'; did you mean 'spec'?"),
        (["init", "missing.cif"], "missing.cif"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments, message, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_writes_a_spec_that_checks(tmp_path):
    from pymatgen.core import Lattice, Structure

    host = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    host.to(str(tmp_path / "MgO.cif"))
    done = run("init", "MgO.cif", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("check", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "MgO, Fm-3m" in done.stdout
    done = run("init", "MgO.cif", cwd=tmp_path)
    assert done.returncode == 2 and "exists already" in done.stderr
    done = run("init", "MgO.cif", "--out", "specs/mine/spec.yaml", "--name", "mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run("check", "specs/mine", cwd=tmp_path).returncode == 0


def test_init_says_what_it_decided_and_what_is_missing(tmp_path):
    from pymatgen.core import Lattice, Structure

    host = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.147, 4.769), ["Mg", "O"], [[0, 0, 0], [1 / 3, 2 / 3, 0.22]]
    )
    host.to(str(tmp_path / "brucite.cif"))
    text = (tmp_path / "brucite.cif").read_text()
    (tmp_path / "brucite.cif").write_text(text.replace("'Mg1 O2'", "'Mg1 O2 H2'"))
    done = run("init", "brucite.cif", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lacking = "2 hydrogens in the cell are declared ('Mg1 O2 H2') and not located"
    assert lacking in done.stdout and lacking in (tmp_path / "spec.yaml").read_text()
    # With an energy, a structure that lacks atoms would be another one: it is no configuration.
    done = run("identify", "brucite.cif", "--spec", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "lacks hydrogens that it declares" in done.stderr
    (tmp_path / "POSCAR").write_text(host.to(fmt="poscar"))
    done = run("init", "POSCAR", "--out", "other/spec.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "structure: POSCAR" in (tmp_path / "other" / "spec.yaml").read_text()
    assert (tmp_path / "other" / "POSCAR").exists()


def test_init_of_an_element_writes_a_spec_that_checks(tmp_path):
    (tmp_path / "POSCAR").write_text("Cu\n1\n0 1.8 1.8\n1.8 0 1.8\n1.8 1.8 0\nCu\n1\nDirect\n0 0 0\n")
    assert run("init", "POSCAR", cwd=tmp_path).returncode == 0
    done = run("check", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "Fm-3m" in done.stdout, done.stderr


def test_schema_accepts_what_is_shipped(tmp_path):
    import jsonschema
    import yaml

    schemas = {kind: json.loads(run("schema", kind, cwd=tmp_path).stdout) for kind in ("spec", "task", "submission")}
    for path in [*shipped_specs().values(), *(p.parent / "demo.yaml" for p in shipped_specs().values())]:
        if path.exists():
            jsonschema.validate(yaml.safe_load(path.read_text()), schemas["spec"])
    for path in shipped_tasks().values():
        jsonschema.validate(yaml.safe_load(path.read_text()), schemas["task"])
    wrong = yaml.safe_load(shipped_specs()["lno-cathode"].read_text())
    wrong["labels"][0]["modle"] = "7net-0"
    with pytest.raises(jsonschema.ValidationError, match="modle"):
        jsonschema.validate(wrong, schemas["spec"])


def test_enumerate_and_identify(tmp_path, lno):
    import pyarrow.parquet as pq

    from matbench_defects.exchange.export import to_pymatgen

    done = run("enumerate", "lno-cathode", "--out", "index", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sum(pq.read_table(tmp_path / "index" / "lno-cathode.parquet")["multiplicity"].to_pylist()) == 4096
    row = lno.structures.to_pylist()[50]
    to_pymatgen(row, "sevennet_relaxed").to(str(tmp_path / "relaxed.cif"))
    done = run("identify", "relaxed.cif", "--spec", "lno-cathode", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{row['id']}, largest displacement ")
    structure = to_pymatgen(row)
    structure.replace_species({"Ni": "Co"})
    structure.to(str(tmp_path / "other.cif"))
    done = run("identify", "other.cif", "--spec", "lno-cathode", cwd=tmp_path)
    assert done.returncode == 1
    assert "no configuration: the space has no Co" in done.stdout
    (tmp_path / "broken.cif").write_text("not a structure")
    done = run("identify", "broken.cif", "--spec", "lno-cathode", cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


def test_models_on_tasks(tmp_path):
    """Several tasks and models in one command; what one model cannot serve stops no other."""
    tasks = ("lno-formation-energy", "lno-formation-energy-low-lithium")
    models = ("--model", "pathway-ridge", "--model", "mean")
    done = run("evaluate", *tasks, *models, "--seed", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    refused = done.stderr.strip().splitlines()
    assert len(refused) == 2 and all(line.startswith("not served: lno-formation-energy") for line in refused)
    for task in tasks:
        folder = tmp_path / "results" / task
        assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.json")) == [
            "dataset.json",
            "mean/result.json",
            "pathway-ridge/refusal.json",
        ]
    assert "Gap in MAE: divided by that on lno-formation-energy" in done.stdout and "1.27" in done.stdout
    done = run("evaluate", tasks[0], *models[:2], "--seed", "0", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("not served: ")  # nothing at all was produced


def test_settings_of_a_model(tmp_path):
    command = ("evaluate", "lno-formation-energy", "--model", "cluster-expansion", "--model", "mean", "--seed", "0")
    done = run(*command, "--set", "cluster-expansion.cutof=4", cwd=tmp_path)
    assert done.returncode == 2 and "has no setting 'cutof'; did you mean 'cutoff'?" in done.stderr
    done = run(*command, "--set", "cutoff=4", cwd=tmp_path)
    assert done.returncode == 2 and "the model mean has no setting 'cutoff'" in done.stderr
    done = run(*command, "--set", "cluster-expansion.cutoff=-4", cwd=tmp_path)
    assert done.returncode == 2 and "model cluster-expansion, setting cutoff: " in done.stderr
    assert list(tmp_path.iterdir()) == []
    done = run(*command, "--set", "cluster-expansion.cutoff=4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "results/lno-formation-energy/cluster-expansion/result.json").read_text())
    assert record["model"]["settings"]["cutoff"] == 4


def test_discover(tmp_path):
    done = run("discover", "lno-formation-energy", "--model", "mean", "--seed", "0", "--seed", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2" in done.stdout
    found = json.loads((tmp_path / "discovery" / "discovery.json").read_text())
    assert (found["configurations"], found["unit"]) == (87, "eV per formula unit")
    assert {(s["policy"], s["seed"]) for s in found["searches"]} == {
        (policy, seed) for policy in ("diverse", "greedy", "random") for seed in (0, 1)
    }
    lines = (tmp_path / "discovery" / "discovery.csv").read_text().splitlines()
    assert len(lines) == 1 + sum(s["labels_needed"] for s in found["searches"])
    assert (tmp_path / "discovery" / "regret.png").read_bytes().startswith(b"\x89PNG")
    done = run("discover", "lno-formation-energy", "--model", "mean", "--policy", "expected-improvement", cwd=tmp_path)
    assert done.returncode == 2 and "which the model mean does not give" in done.stderr
