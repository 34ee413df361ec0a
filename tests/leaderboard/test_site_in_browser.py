"""The site in a real browser: it sorts, says nothing on the console, and runs nothing that a submission holds."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.site import build_site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install --no-install-recommends chromium"),
]
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

DRIVER = """<!DOCTYPE html><title>driver</title><iframe src="tasks/lno-energy.html"></iframe><pre id="said"></pre>
<script>
const frame = document.querySelector("iframe"), said = document.getElementById("said");
frame.onload = () => {
  const inside = frame.contentDocument;
  const header = (key) => inside.querySelector(`table.scores th[data-key=${key}]`);
  const order = () => [...inside.querySelectorAll("table.scores tbody tr th")].map((th) => th.dataset.sort).join(",");
  const say = (...words) => said.append(words.join(" ") + "\\n");
  say("start", order());
  for (const key of ["mae", "mae", "r2", "spearman_within_content", "model", "parameters", "parameters"]) {
    const button = header(key).querySelector("button");
    button.focus();
    button.click();
    say(key, header(key).getAttribute("aria-sort"), inside.activeElement === button, order());
  }
  say("sorted", inside.querySelectorAll("th[aria-sort=ascending], th[aria-sort=descending]").length);
  say("address", frame.contentWindow.location.hash);
  say("hacked", String(frame.contentWindow.hacked));
  say("wide", inside.documentElement.scrollWidth > inside.documentElement.clientWidth);
};
</script>
"""


def browse(address: str, profile: Path, width: int = 1200) -> tuple[str, str]:
    """Return the page's DOM after its scripts ran, and what the browser logged."""
    assert CHROMIUM is not None
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}", f"--window-size={width},900"),
        *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--enable-logging=stderr"),
        *("--virtual-time-budget=5000", "--dump-dom", address),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.fixture
def site(submit: Callable[..., Path], tmp_path: Path, dataset: Dataset, task: Task) -> Path:
    submit("best", error=0.01, title="Zeta", cost=cost(None))
    submit("worst", error=0.2, title="alpha", cost=cost(900))
    submit("cluster-expansion", error=0.05, title="Beta", cost=cost(1000), description=HOSTILE)
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task]) == []
    return tmp_path / "site"


def cost(parameters: int | None) -> dict[str, object]:
    seconds = {"train_seconds": 1.0, "predict_seconds": 0.5}
    return {**seconds, "structures": 20, "parameters": parameters, "device": "cpu"}


@pytest.fixture
def served(site: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            asked.append(f"{self.path} {int(code)}")  # type: ignore[call-overload]

    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_sorts_when_a_header_is_pressed(site: Path, served: tuple[str, list[str]], tmp_path: Path) -> None:
    (site / "driver.html").write_text(DRIVER)
    address, asked = served
    dom, console = browse(f"{address}/driver.html", tmp_path / "profile")
    found = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None and found[1].splitlines() == [
        "start Zeta,Beta,alpha",
        "mae ascending true Zeta,Beta,alpha",
        "mae descending true alpha,Beta,Zeta",
        "r2 descending true Zeta,Beta,alpha",
        "spearman_within_content descending true Zeta,Beta,alpha",
        "model ascending true alpha,Beta,Zeta",
        "parameters ascending true alpha,Beta,Zeta",
        "parameters descending true Beta,alpha,Zeta",
        "sorted 1",
        "address #sort=parameters&amp;order=descending",
        "hacked undefined",
        "wide false",
    ]
    assert console == ""
    assert [line for line in asked if not line.endswith(" 200") and "favicon" not in line] == []


@pytest.mark.parametrize("page", ["index.html", "tasks/lno-energy.html"])
@pytest.mark.parametrize("width", [1200, 500])
def test_quiet_from_a_file(site: Path, tmp_path: Path, page: str, width: int) -> None:
    dom, console = browse((site / page).as_uri(), tmp_path / "profile", width)
    assert console == "" and "</html>" in dom


def test_sort_stands_in_the_address(site: Path, tmp_path: Path) -> None:
    address = (site / "tasks" / "lno-energy.html").as_uri() + "#sort=mae&order=descending"
    dom, console = browse(address, tmp_path / "profile")
    titles = re.findall(r'<th scope="row" class="sticky" data-sort="([^"]*)"', dom)
    assert titles == ["alpha", "Beta", "Zeta"] and console == ""
