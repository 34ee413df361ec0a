"""A Hub of datasets on loopback: what `huggingface_hub` and `datasets` ask for over HTTP, kept in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WRITER, READER = "hf_writer", "hf_reader"
"""Tokens: one may write, the other may only read."""


@dataclass
class Repository:
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits[sha] = files
        self.refs["main"] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        sha = self.refs.get(revision) or self.tags.get(revision) or revision
        return sha if sha in self.commits else None


class LoopbackHub(ThreadingHTTPServer):
    """Serves on a free port; what it was asked for is in `requests`, and it fails where it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.cut: set[str] = set()
        """Files whose next download ends half-way."""
        self.corrupt: set[str] = set()
        """Files that are served with one byte changed."""
        self.longer: set[str] = set()
        """Files whose body goes on for ever, whatever was declared."""
        self.short: set[str] = set()
        """Files of which nothing is sent, though more is declared."""
        self.throttled: set[str] = set()
        """Files that come in pieces of 64 kB, a hundredth of a second apart."""
        self.slow: set[str] = set()
        """Files that come a byte at a time."""
        self.sent = 0
        """Bytes of such bodies that were sent."""
        self.broken: set[str] = set()
        """Files that the server fails to serve."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def gets(self, path: str) -> list[str | None]:
        """Return the Range header of every download of a file."""
        return [range_ for method, asked, range_ in self.requests if method == "GET" and asked.endswith(path)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LoopbackHub

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = b""
            while length := int(self.rfile.readline(), 16):
                self.body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            self.body = self.rfile.read(size)
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        self.server.requests.append((self.command, unquote(url.path), self.headers.get("Range")))
        self.query = parse_qs(url.query)
        match parts:
            case ["api", "validate-yaml"]:
                self._json({"errors": [], "warnings": []})
            case ["api", "repos", "create"]:
                self._create()
            case ["api", "datasets", owner, name, *rest]:
                self._api(f"{owner}/{name}", rest)
            case ["datasets", owner, name, "info", "lfs", "objects", "batch"]:
                self._lfs(f"{owner}/{name.removesuffix('.git')}")
            case ["lfs", oid] if self.command == "PUT" and hashlib.sha256(self.body).hexdigest() == oid:
                self.server.objects[oid] = self.body
                self._json({})
            case ["datasets", owner, name, "resolve", revision, *path]:
                self._resolve(f"{owner}/{name}", revision, "/".join(path))
            case _:
                self._error(404, "EntryNotFound", "no such page")

    do_GET = do_POST = do_PUT = do_HEAD = _handle  # noqa: N815

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, data: Any) -> None:
        self._send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json"}
        self._send(status, json.dumps({"error": message}).encode(), headers)

    @property
    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _may_write(self) -> bool:
        if self._token == WRITER:
            return True
        known = self._token == READER
        self._error(403 if known else 401, "", "You have read access only" if known else "Invalid username or password")
        return False

    def _found(self, repo: str, revision: str = "main") -> tuple[Repository, str] | None:
        repository = self.server.repositories.get(repo)
        if repository is None or (repository.private and self._token not in (WRITER, READER)):
            self._error(401 if not self._token else 404, "RepoNotFound", "Repository not found")
        elif (sha := repository.resolve(revision)) is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repository, sha
        return None

    def _create(self) -> None:
        asked = json.loads(self.body)
        repo = f"{asked.get('organization')}/{asked['name']}"
        if not self._may_write():
            return
        if repo in self.server.repositories:
            self._error(409, "", "You already created this dataset repo")
            return
        repository = self.server.repositories[repo] = Repository(asked.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"})
        self._json({"url": f"{self.server.endpoint}/datasets/{repo}", "name": repo, "id": repo})

    def _api(self, repo: str, rest: list[str]) -> None:
        action, revision, *path = [*rest, "", ""][: max(len(rest), 2)]
        if (found := self._found(repo, "main" if action in ("", "refs") else revision)) is None:
            return
        repository, sha = found
        files = repository.commits[sha]
        if action in ("preupload", "commit", "tag") and not self._may_write():
            return
        if action in ("", "revision"):
            siblings = [{"rfilename": name} for name in files]
            self._json({"id": repo, "sha": sha, "private": repository.private, "siblings": siblings, "tags": []})
        elif action == "refs":
            kinds = {"branches": ("heads", repository.refs), "tags": ("tags", repository.tags)}
            listed = {
                kind: [{"name": n, "ref": f"refs/{ref}/{n}", "targetCommit": s} for n, s in refs.items()]
                for kind, (ref, refs) in kinds.items()
            }
            self._json(listed | {"converts": []})
        elif action == "tree":
            self._json(_tree(files, "/".join(path), "true" in self.query.get("recursive", [])))
        elif action == "paths-info":
            form = parse_qs(self.body.decode())
            asked = form.get("paths") or json.loads(self.body)["paths"]
            entries = {entry["path"]: entry for entry in _tree(files, "", True)}
            self._json([entries[path] for path in asked if path in entries])
        elif action == "preupload":
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith((".parquet", ".png")) else "regular"}
                | {"shouldIgnore": False}
                for f in json.loads(self.body)["files"]
            ]
            self._json({"files": modes})
        elif action == "commit":
            self._commit(repo, repository, sha, dict(files))
        elif action == "tag":
            name = json.loads(self.body)["tag"]
            if name in repository.tags:
                self._error(409, "", "Tag reference exists already")
                return
            repository.tags[name] = sha
            self._json({})
        else:
            self._error(404, "EntryNotFound", f"no such action: {action}")

    def _commit(self, repo: str, repository: Repository, sha: str, files: dict[str, bytes]) -> None:
        for line in self.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header" and value.get("parentCommit") not in (None, sha):
                self._error(412, "", "A commit has happened since. Please refresh and try again.")
                return
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        oid = repository.commit(files)
        url = f"{self.server.endpoint}/datasets/{repo}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})

    def _lfs(self, repo: str) -> None:
        if self._found(repo) is None or not self._may_write():
            return
        objects = []
        for each in json.loads(self.body)["objects"]:
            upload = {"upload": {"href": f"{self.server.endpoint}/lfs/{each['oid']}"}}
            objects.append(each if each["oid"] in self.server.objects else each | {"actions": upload})
        self._json({"transfer": "basic", "objects": objects})

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        if (found := self._found(repo, revision)) is None:
            return
        repository, sha = found
        if path not in repository.commits[sha]:
            self._error(404, "EntryNotFound", "Entry not found")
            return
        if path in self.server.broken:
            self._error(500, "", "Internal error")
            return
        body = repository.commits[sha][path]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{_oids(body)[1]}"', "Accept-Ranges": "bytes"}
        if path in self.server.corrupt:
            body = bytes([body[0] ^ 1]) + body[1:]
        status, total = 200, len(body)
        if wanted := self.headers.get("Range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            start, stop = int(first), min(int(last or total - 1), total - 1) + 1
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
            status, body = 206, body[start:stop]
        if path in self.server.cut and self.command == "GET":
            self.server.cut.discard(path)
            headers["Content-Length"] = str(len(body))
            self.close_connection = True
            self._send(status, body[: len(body) // 2], headers)
            return
        if self.command == "GET":
            if path in self.server.short:
                body = b""
            if path in self.server.longer:
                self._drip(status, chain([body], repeat(bytes(65536))), headers, 0.0)
                return
            if path in self.server.slow | self.server.throttled:
                size = 1 if path in self.server.slow else 65536
                self._drip(status, (body[i : i + size] for i in range(0, len(body), size)), headers, 0.01)
                return
        self._send(status, body, headers)

    def _drip(self, status: int, pieces: Iterable[bytes], headers: dict[str, str], pause: float) -> None:
        self.send_response(status)
        for key, value in {"Transfer-Encoding": "chunked", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.server.sent += len(piece)
                time.sleep(pause)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:  # whoever asked has heard enough
            self.close_connection = True


def _oids(body: bytes) -> tuple[str, str]:
    """Return the hashes by which git and LFS know a file."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest(), hashlib.sha256(body).hexdigest()


def _tree(files: dict[str, bytes], below: str, recursive: bool) -> list[dict[str, Any]]:
    prefix = f"{below}/" if below else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, body in sorted(files.items()):
        if not path.startswith(prefix):
            continue
        steps = path.removeprefix(prefix).split("/")
        for depth in range(1, len(steps) if recursive else min(len(steps), 2)):
            folder = prefix + "/".join(steps[:depth])
            entries[folder] = {"type": "directory", "path": folder, "oid": _oids(folder.encode())[0], "size": 0}
        if recursive or len(steps) == 1:
            git, sha256 = _oids(body)
            entries[path] = {"type": "file", "path": path, "oid": git, "size": len(body)}
            if path.endswith((".parquet", ".png")):
                entries[path]["lfs"] = {"oid": sha256, "size": len(body), "pointerSize": 130}
    return list(entries.values())
