"""A Hub on loopback, and fresh processes whose real clients talk to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_hub import WRITER, LoopbackHub

Process = subprocess.CompletedProcess[str]


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    server = LoopbackHub()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def environment(hub: LoopbackHub, tmp_path: Path) -> dict[str, str]:
    """What a user of that Hub has set; HF_ENDPOINT is read when the clients are imported."""
    return os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "huggingface"),
        "HF_TOKEN": WRITER,
        "MATBENCH_DEFECTS_HUB": "loopback",
        "MATBENCH_DEFECTS_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "150",
    }


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Callable[..., Process]:
    """Return a function that runs the command line as a user does, in an empty folder."""

    def run(*arguments: object, **changes: str) -> Process:
        line = [sys.executable, "-m", "matbench_defects.cli", *map(str, arguments)]
        return subprocess.run(
            line, env=environment | changes, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def program(environment: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs Python in a fresh process and returns what it leaves in `result`."""

    def run(text: str, **changes: str) -> Any:
        whole = f"import json\n{text}\nprint(json.dumps(result))\n"
        done = subprocess.run(
            [sys.executable, "-c", whole],
            env=environment | changes,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
