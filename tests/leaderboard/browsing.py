"""A headless Chromium, and a server on loopback that remembers what it was asked for."""

from __future__ import annotations

import contextlib
import functools
import http.server
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REASON = "needs Chromium: apt-get install --no-install-recommends chromium"
SLOW = 1.5
"""Seconds that the server takes for an address that ends in ``slow``: until then a page is not loaded."""


def browse(address: str, profile: Path, width: int = 1200, *, virtual: bool = True) -> tuple[str, str]:
    """Return the page's DOM after its scripts ran, and what the browser logged.

    With `virtual` time no script waits; without, the clock of the page is that of the wall.
    """
    assert CHROMIUM is not None
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}", f"--window-size={width},900"),
        *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--enable-logging=stderr"),
        *(["--virtual-time-budget=5000"] if virtual else []),
        *("--dump-dom", address),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def said(dom: str) -> list[str]:
    """Return the lines that a driver page wrote."""
    found = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


@contextlib.contextmanager
def serve(site: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; give its address and the list of what was asked for, with status."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("slow"):
                time.sleep(SLOW)
                self.path = "/assets/icon.svg"
            super().do_GET()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            asked.append(f"{self.path} {int(code)}")  # type: ignore[call-overload]

    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
