"""The GitHub workflows: pinned actions, least rights, and a request whose own code is never run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from matbench_defects.cli import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))
MAY_WRITE = {
    "ci.yml": {},
    "leaderboard.yml": {"publish": {"pages": "write", "id-token": "write"}},
    "publish.yml": {"publish": {"contents": "read", "id-token": "write"}},
    "score-request.yml": {"score": {"contents": "read"}, "comment": {"pull-requests": "write"}},
}
"""The rights of each job that has other ones than to read the repository."""


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_and_keep_no_credentials(name: str) -> None:
    for step in steps(name):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    for line in (FOLDER / name).read_text().splitlines():
        assert "uses:" not in line or re.search(r"# v\d+\.\d+\.\d+$", line), f"no version beside the digest: {line}"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_job_has_the_rights_that_it_needs_and_no_more(name: str) -> None:
    known = workflow(name)
    assert known["permissions"] in ({}, {"contents": "read"})
    assert {job: of["permissions"] for job, of in known["jobs"].items() if "permissions" in of} == MAY_WRITE[name]
    assert "secrets." not in (FOLDER / name).read_text()
    assert all(job["timeout-minutes"] <= 60 for job in known["jobs"].values())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_word_of_an_event_becomes_shell(name: str) -> None:
    for step in steps(name):
        assert "${{" not in step.get("run", ""), "hand it over in the environment"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_and_option_is_there(name: str) -> None:
    called = 0
    for step in steps(name):
        for line in step.get("run", "").splitlines():
            if "matbench-defects " not in line:
                continue
            words = shlex.split(line.partition("matbench-defects ")[2].partition("|")[0])
            plain = [word for word in words if not word.startswith(("-", "$")) and "/" not in word]
            command = plain[: 2 if plain[0] == "leaderboard" else 1]
            shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
            assert shown.exit_code == 0, shown.output
            assert all(word in shown.output for word in words if word.startswith("--")), line
            called += 1
    assert called or name == "ci.yml"


def test_a_request_is_scored_by_the_code_of_the_base() -> None:
    jobs = workflow("score-request.yml")["jobs"]
    base, request = [step["with"] for step in jobs["score"]["steps"] if "checkout" in step.get("uses", "")]
    # In `pull_request_target` a checkout without a ref is the base branch.
    assert "ref" not in base and "repository" not in base and "path" not in base
    assert request["path"] == "request" and request["sparse-checkout"] == "leaderboard/submissions"
    assert request["sparse-checkout-cone-mode"] is False and "submodules" not in request and "lfs" not in request
    commands = [step["run"] for step in jobs["score"]["steps"] if "run" in step]
    assert [command for command in commands if "request/" in command] == [commands[-1]] and len(commands) == 2
    said = commands[-1].split()
    assert [word for word in said if "request/" in word] == ["request/leaderboard/submissions"]
    assert said[said.index("request/leaderboard/submissions") - 1] == "--head"
    # Whoever may write a comment never has the request.
    assert not [step for step in jobs["comment"]["steps"] if "checkout" in step.get("uses", "")]


def test_a_tag_names_a_shipped_dataset_and_its_version() -> None:
    (pattern,) = workflow("publish.yml")[True]["push"]["tags"]  # YAML 1.1 reads the key `on` as true
    assert pattern == "*-[0-9]+.[0-9]+.[0-9]+"
    for spec in (ROOT / "specs").glob("*/spec.yaml"):
        assert re.search(r"^version: [0-9]+\.[0-9]+\.[0-9]+$", spec.read_text(), re.MULTILINE), spec
