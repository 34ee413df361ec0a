"""A pull request as two folders: what it adds is scored beside the baselines, what it should not bring is refused."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from leaderboard_samples import describe, make_task, place, predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.request import MOST_SUBMISSIONS, Request, request_comment, score_request
from matbench_defects.leaderboard.submission import submission_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path: Path, task: Task, dataset: Dataset) -> tuple[Path, Path]:
    """The base with two baselines and a model, and the same as a request."""
    for model, error in (("mean", -1.0), ("cluster-expansion", 0.05), ("older", 0.03)):
        place(tmp_path / "base", describe(task, model), predict(task, dataset, error, seed=1))
    shutil.copytree(tmp_path / "base", tmp_path / "head")
    return tmp_path / "base", tmp_path / "head"


@pytest.fixture
def ask(folders: tuple[Path, Path], task: Task, dataset: Dataset) -> Callable[[], tuple[Request, str]]:
    def run() -> tuple[Request, str]:
        known, datasets = [task, make_task("lno-low", split="low-lithium")], {task.dataset: dataset}
        request = score_request(*folders, known, datasets)
        return request, request_comment(request, known, datasets)

    return run


Ask = Callable[[], tuple[Request, str]]


def test_nothing_new(ask: Ask) -> None:
    request, comment = ask()
    assert request == Request() and "No submission is added or changed" in comment


def test_added_submission_beside_the_baselines(
    folders: tuple[Path, Path], ask: Ask, task: Task, dataset: Dataset
) -> None:
    place(folders[1], describe(task, "newer"), predict(task, dataset, 0.01, seed=2))
    request, comment = ask()
    assert (request.added, request.changed, request.removed, request.problems) == ([(task.name, "newer")], [], [], [])
    rows = [line.split(" | ") for line in comment.splitlines() if line.startswith("| ")]
    assert rows[0][:3] == ["| place", "model", "MAE ↓ (eV per formula unit)"]
    assert [row[1] for row in rows[2:]] == ["**newer**", "cluster-expansion (baseline)", "mean (baseline)"]
    assert rows[2][0] == "| 1 of 4" and re.match(r"0\.\d+ ± 0\.\d+$", rows[2][2])


def test_changed_submission(folders: tuple[Path, Path], ask: Ask, task: Task, dataset: Dataset) -> None:
    shutil.rmtree(folders[1] / task.name / "older")
    place(folders[1], describe(task, "older", title="Mine now"), predict(task, dataset, 0.02, seed=3))
    request, comment = ask()
    assert (request.added, request.changed) == ([], [(task.name, "older")])
    assert f"Replaces a submission that is there: `{task.name}/older`" in comment
    assert len(request.standings[task.name]) == 3


def test_removed_submission(folders: tuple[Path, Path], ask: Ask, task: Task) -> None:
    shutil.rmtree(folders[1] / task.name / "older")
    request, comment = ask()
    assert request.removed == [(task.name, "older")] and "Takes a submission away" in comment


def test_one_refused_does_not_stop_the_other(
    folders: tuple[Path, Path], ask: Ask, task: Task, dataset: Dataset
) -> None:
    place(folders[1], describe(task, "good"), predict(task, dataset, 0.01, seed=2))
    bad = place(folders[1], describe(task, "bad"), predict(task, dataset, 0.01, seed=2))
    (bad / "setup.py").write_text("raise SystemExit")
    request, comment = ask()
    assert request.added == [(task.name, "good")] and len(request.problems) == 1
    assert f"- `{task.name}/bad: holds 'setup.py'; a submission holds" in comment


def test_links_are_not_followed(folders: tuple[Path, Path], ask: Ask, task: Task, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("swordfish")
    linked = folders[1] / task.name / "older"
    (linked / "submission.yaml").unlink()
    (linked / "submission.yaml").symlink_to(tmp_path / "secret")
    (folders[1] / "lno-low").symlink_to(folders[1] / task.name)
    (folders[1] / task.name / "whole").symlink_to(folders[0])
    request, comment = ask()
    assert request.added == request.changed == request.removed == []
    assert comment.count("is a symbolic link") == 2 and "lno-low: is no plain folder" in comment
    assert "swordfish" not in comment


def test_folder_of_the_request_is_a_link(folders: tuple[Path, Path], ask: Ask) -> None:
    shutil.rmtree(folders[1])
    folders[1].symlink_to(folders[0])
    request, comment = ask()
    assert "holds no plain folder of submissions" in comment and not request.standings


def test_too_many_at_once_are_not_read(folders: tuple[Path, Path], ask: Ask, task: Task) -> None:
    for i in range(MOST_SUBMISSIONS + 1):
        copy = folders[1] / task.name / f"copy-{i}"
        shutil.copytree(folders[1] / task.name / "older", copy)
        (copy / "predictions.parquet").write_bytes(b"never read")
    request, comment = ask()
    assert f"adds or changes {MOST_SUBMISSIONS + 1} submissions; split it" in comment and not request.standings


def test_large_file_is_not_read(folders: tuple[Path, Path], ask: Ask, task: Task) -> None:
    os.truncate(folders[1] / task.name / "older" / "predictions.parquet", 2**40)
    assert "has 1099511627776 bytes; at most" in ask()[1]


def test_comment_holds_no_words_of_a_stranger(
    folders: tuple[Path, Path], ask: Ask, task: Task, dataset: Dataset
) -> None:
    words = "@everyone ![x](https://evil.org/x.png) <img src=x> | `code`"
    place(folders[1], describe(task, "newer", title=words, authors=[words]), predict(task, dataset, 0.01))
    (folders[1] / "`@everyone`\n# Ha <b>").mkdir()
    (folders[1] / task.name / "![x](evil)").mkdir()
    comment = ask()[1]
    outside = re.sub(r"`[^`\n]*`", "", comment)
    assert "evil.org" not in comment and comment.count("`") % 2 == 0
    assert not re.search(r"[@<]|!\[|\n# ", outside), outside


@pytest.mark.parametrize("name", ["score-request.yml", "leaderboard.yml", "ci.yml"])
def test_no_workflow_runs_what_a_request_brings(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / name).read_text()
    flow = yaml.safe_load(text)
    # What a stranger writes (titles, branches, bodies) never becomes part of a command.
    for step in (step for job in flow["jobs"].values() for step in job.get("steps", [])):
        assert "${{" not in step.get("run", ""), step
    assert flow["permissions"] in ({}, {"contents": "read"})
    if "pull_request_target" not in flow[True]:  # YAML 1.1 reads `on` as true
        return
    jobs = flow["jobs"]
    checkouts = [s for job in jobs.values() for s in job["steps"] if s.get("uses", "").startswith("actions/checkout")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    theirs = [step for step in checkouts if "ref" in step["with"]]
    assert [step["with"]["path"] for step in theirs] == ["request"]
    assert theirs[0]["with"]["sparse-checkout"] == "leaderboard/submissions"
    # The job that sees the request may only read; the one that may write sees the comment alone.
    assert jobs["score"]["permissions"] == {"contents": "read"} and "secrets" not in text
    assert not any("checkout" in step.get("uses", "") for step in jobs["comment"]["steps"])
    runs = "\n".join(step.get("run", "") for step in jobs["score"]["steps"])
    used = set(re.findall(r"\S*request\S*", runs))
    assert used == {"score-request", "request/leaderboard/submissions"}


@pytest.fixture
def bring(folders: tuple[Path, Path], task: Task, dataset: Dataset) -> Callable[..., Path]:
    def put(model: str, **fields: object) -> Path:
        return place(folders[1], describe(task, model, **fields), predict(task, dataset, 0.01, seed=5))

    return put


STRANGER = {"authors": ["Mallory"], "title": "Mallory's best"}


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("mean", STRANGER, "model: 'mean' is the name of a baseline, which comes with the base and not with a request"),
        ("cluster-expansion", {}, "'cluster-expansion' is the name of a baseline"),
        ("rnean", STRANGER, "model: 'rnean' looks like 'mean'; take another name"),
        ("mean-", STRANGER, "looks like 'mean'"),
        ("me-an", STRANGER, "looks like 'mean'"),
        ("c1uster-expans1on", STRANGER, "looks like 'cluster-expansion'"),
        ("0lder", STRANGER, "looks like 'older'"),
        ("older", STRANGER, "model: 'older' is the name of a model of other authors; take another name"),
        ("newer", STRANGER | {"title": "Older"}, "title: the title is, or looks like, that of 'older'; take another"),
        ("newer", STRANGER | {"title": "OLDER!"}, "looks like, that of 'older'"),
        ("newer", STRANGER | {"title": "Mean"}, "looks like, that of 'mean'"),
        ("newer", STRANGER | {"title": "Меап"}, "looks like, that of 'mean'"),
        ("newer", STRANGER | {"title": "ΟLDΕR"}, "letters of two scripts stand in one word"),
        ("newer", STRANGER | {"title": "Оlder"}, "letters of two scripts stand in one word"),
        ("newer", STRANGER | {"title": "Öldér"}, "looks like, that of 'older'"),
        ("newer", STRANGER | {"title": "C1uster expansi0n"}, "looks like, that of 'cluster-expansion'"),
    ],
)
def test_names_of_others(
    folders: tuple[Path, Path], ask: Ask, task: Task, model: str, fields: dict[str, object], words: str
) -> None:
    copy = folders[1] / task.name / model
    if not copy.exists():
        shutil.copytree(folders[1] / task.name / "older", copy)
    text = submission_text(describe(task, model))
    for field, value in fields.items():
        given = f'"{value}"' if field == "title" else f"\n  - {value[0]}"  # type: ignore[index]
        text = re.sub(rf"(?m)^{field}:.*(\n  - .*)*", lambda _, f=field, g=given: f"{f}: {g}", text)
    (copy / "submission.yaml").write_text(text.replace("0.1.0", "0.2.0"))
    request, comment = ask()
    assert request.added == request.changed == [] and len(request.problems) == 1
    assert words in str(request.problems[0]) and f"{task.name}/{model}" in comment


def test_names_of_ones_own(bring: Callable[..., Path], ask: Ask, task: Task, folders: tuple[Path, Path]) -> None:
    bring("newer", authors=["Grace Hopper"], title="Newer")
    shutil.rmtree(folders[1] / task.name / "older")
    bring("older", authors=["Someone else", "dorothy  hodgkin"], title="Older and better")
    request, _ = ask()
    assert (request.added, request.changed, request.problems) == ([(task.name, "newer")], [(task.name, "older")], [])


def test_the_name_of_a_model_on_another_task_is_its_authors_too(
    folders: tuple[Path, Path], ask: Ask, task: Task, dataset: Dataset
) -> None:
    other = make_task("lno-low", split="low-lithium")
    for authors, title in ((["Mallory"], "Mine"), (["Ada Lovelace"], "Older")):
        shutil.rmtree(folders[1] / "lno-low", ignore_errors=True)
        place(folders[1], describe(other, "older", authors=authors, title=title), predict(other, dataset, 0.01))
        request, _ = ask()
        assert [len(request.problems), len(request.added)] == ([1, 0] if authors == ["Mallory"] else [0, 1])
