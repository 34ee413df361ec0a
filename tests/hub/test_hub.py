"""Publishing and loading with the real clients: what goes well, what is refused, what is resumed."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from loopback_hub import READER, WRITER, Repository
from specs_for_tests import MAGNESIA

from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.reading import Dataset, manifest_digest, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.hub import find
from matbench_defects.hub.find import load_dataset
from matbench_defects.hub.publish import check_against_lock, publish_dataset
from matbench_defects.spec.loading import load_spec

LOAD = "import matbench_defects\ndataset = matbench_defects.load_dataset('salt', version='1.0.0')\n"
TRIED = LOAD.replace("dataset =", "result = ''\ntry:\n    dataset =") + "except Exception as e:\n    result = str(e)\n"


@pytest.fixture(scope="session")
def salt(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("salt")
    (folder / "spec.yaml").write_text(MAGNESIA)
    return build_dataset(load_spec(folder), folder / "salt")


@pytest.fixture
def published(hub, salt):
    """The dataset as it lies on the Hub after it was published."""
    repository = hub.repositories["loopback/salt"] = Repository()
    files = [*salt.manifest["files"], "manifest.json"]
    sha = repository.commit({name: (salt.folder / name).read_bytes() for name in files})
    repository.tags["1.0.0"] = sha
    return repository


def changed(dataset: Dataset, folder: Path, **fields: object) -> Path:
    """Return a copy of a dataset whose manifest says something else."""
    shutil.copytree(dataset.folder, folder)
    manifest = dataset.manifest | fields
    (folder / "manifest.json").write_text(json.dumps(manifest | {"digest": manifest_digest(manifest)}))
    return folder


@pytest.mark.slow
def test_published_listed_loaded_and_streamed(hub, lno, command, program):
    done = command("publish", lno.folder, "--repo", "loopback/lno-cathode")
    assert done.returncode == 0, done.stderr
    assert f"published: {hub.endpoint}/datasets/loopback/lno-cathode/tree/1.0.0" in done.stdout
    repository = hub.repositories["loopback/lno-cathode"]
    files = repository.commits[repository.tags["1.0.0"]]
    assert set(files) == {*lno.manifest["files"], "manifest.json", ".gitattributes"}
    assert all(files[name] == (lno.folder / name).read_bytes() for name in lno.manifest["files"])

    again = command("publish", lno.folder, "--repo", "loopback/lno-cathode")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        "matbench-defects: lno-cathode 1.0.0 is published in loopback/lno-cathode already, and a published version "
        "never changes; bump `version`\n"
    )

    load = "import matbench_defects\ndataset = matbench_defects.load_dataset('lno-cathode', version='1.0.0')\n"
    found = program(load + "result = [str(dataset.folder), len(dataset.structures), len(dataset.index)]")
    assert found[1:] == [87, 87] and "hub/loopback--lno-cathode/1.0.0" in found[0]
    asked = len(hub.requests)
    assert program(load + "result = dataset.version", HF_HUB_OFFLINE="1") == "1.0.0"
    assert program(load + "result = dataset.version") == "1.0.0"
    assert len(hub.requests) == asked  # a version that is in the cache is not asked for

    plain = program(
        "from datasets import load_dataset\n"
        "where = dict(path='loopback/lno-cathode', revision='1.0.0')\n"
        "parts = load_dataset(**where)\n"
        "index = load_dataset(**where, name='index')\n"
        "row = next(iter(load_dataset(**where, split='test', streaming=True)))\n"
        "result = [{p: len(t) for p, t in parts.items()}, len(index['full']), row['id'] in parts['test']['id']]"
    )
    assert plain == [{p: len(lno.part("random", p)) for p in ("train", "validation", "test")}, 87, True]


@pytest.mark.slow
def test_what_cannot_be_published(hub, salt, lno, program, tmp_path):
    later = changed(salt, tmp_path / "later", version="1.1.0")
    other = changed(salt, tmp_path / "other", name="pepper", version="1.2.0")
    altered = changed(salt, tmp_path / "altered")
    (altered / "spec.yaml").write_text("name: salt")
    hub.repositories["someone/thesis"] = Repository()
    hub.repositories["someone/thesis"].commit({"thesis.tex": b"years of work"})
    unlocked = json.loads(json.dumps(lno.manifest["lock"]))
    unlocked["splits"]["random"]["digest"] = "0"
    cases = [
        (salt.folder, "loopback/salt", "", False, "there is no token for the Hub; set HF_TOKEN or run"),
        (salt.folder, "loopback/salt", "hf_wrong", False, "the Hub does not accept the token; make a new one"),
        (salt.folder, "loopback/salt", READER, False, "the token may not do this to loopback/salt; it needs the right"),
        (salt.folder, "lo op/salt", WRITER, False, "'lo op/salt' is no repository of the Hub"),
        (later, "loopback/salt", WRITER, False, None),
        (later, "loopback/salt", WRITER, False, "salt 1.1.0 is published in loopback/salt already"),
        (later, "loopback/salt", WRITER, True, "loopback/salt exists and is public; --private only makes a new"),
        (salt.folder, "loopback/salt", WRITER, False, "loopback/salt has the later version 1.1.0; salt 1.0.0 would"),
        (other, "loopback/salt", WRITER, False, "loopback/salt holds the dataset salt, not pepper; give another"),
        (salt.folder, "someone/thesis", WRITER, False, "holds something that is not a dataset of this kind (the"),
        (altered, "loopback/salt", WRITER, False, "spec.yaml: is not the file that manifest.json lists"),
        (changed(lno, tmp_path / "lno", lock=unlocked), "loopback/lno", WRITER, False,
         "lno-cathode 1.0.0 differs from its lock (splits.random.digest was 69f6ac6d8196c750, is 0). Build it from"),
        (salt.folder, "hidden/salt", WRITER, True, None),
    ]  # fmt: skip
    messages = program(
        "import os\n"
        "from matbench_defects.hub.publish import publish_dataset\n"
        "result = []\n"
        f"for folder, repo, token, private in {[(str(f), r, t, p) for f, r, t, p, _ in cases]}:\n"
        "    os.environ['HF_TOKEN'] = token\n"
        "    try:\n        publish_dataset(folder, repo, private=private)\n        result.append(None)\n"
        "    except Exception as error:\n        result.append(f'{type(error).__name__}: {error}')\n"
    )
    for (_, repo, token, _, expected), found in zip(cases, messages, strict=True):
        if expected is None:
            assert found is None
        else:
            assert found.startswith(("HubError: ", "InputError: ")) and expected in found, (repo, token, found)
            assert "\n" not in found
    assert hub.repositories["hidden/salt"].private
    assert list(hub.repositories["loopback/salt"].tags) == ["1.1.0"]
    assert list(hub.repositories["someone/thesis"].commits.values()) == [{"thesis.tex": b"years of work"}]


@pytest.mark.slow
def test_the_known_organisation_is_where_a_bare_name_goes(hub, salt, command):
    for arguments in ((), ("--repo", "pepper-mill")):
        done = command("publish", salt.folder, *arguments)
        assert done.returncode == 0, done.stderr
    assert set(hub.repositories) == {"loopback/salt", "loopback/pepper-mill"}


def test_without_an_organisation_it_is_said_what_to_set(salt, monkeypatch):
    monkeypatch.delenv("MATBENCH_DEFECTS_HUB", raising=False)
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", "/nowhere")
    with pytest.raises(InputError, match=r"publish salt where\? no organisation .* set MATBENCH_DEFECTS_HUB to the"):
        publish_dataset(salt.folder)
    with pytest.raises(
        InputError, match=r"lno-cathode 9\.0\.0 is not here \(the shipped spec is .*set MATBENCH_DEFECTS_HUB"
    ):
        load_dataset("lno-cathode", "9.0.0")
    with pytest.raises(
        InputError, match=r"lno-cathod is no shipped dataset; did you mean 'lno-cathode'\?.*say the ver"
    ):
        load_dataset("lno-cathod")
    with pytest.raises(InputError, match=r"^Of a published one say the version, such as version='1\.0\.0'$"):
        load_dataset("somebody/salt")


@pytest.mark.slow
def test_a_publishing_that_broke_off_is_taken_up(hub, salt, command):
    """The commit is there, its tag is not: the version is not published yet."""
    assert command("publish", salt.folder, "--repo", "loopback/salt").returncode == 0
    hub.repositories["loopback/salt"].tags.clear()
    assert command("publish", salt.folder, "--repo", "loopback/salt").returncode == 0
    assert list(hub.repositories["loopback/salt"].tags) == ["1.0.0"]


@pytest.mark.slow
def test_a_new_version_takes_the_place_of_the_old(hub, salt, command, tmp_path):
    assert command("publish", salt.folder, "--repo", "loopback/salt").returncode == 0
    files = {name: sha for name, sha in salt.manifest["files"].items() if not name.endswith(".png")}
    folder = changed(salt, tmp_path / "next", version="1.1.0", files=files)
    (folder / "notes.txt").write_text("not for the world")
    done = command("publish", folder, "--repo", "loopback/salt")
    assert done.returncode == 0, done.stderr
    repository = hub.repositories["loopback/salt"]
    assert set(repository.commits[repository.tags["1.1.0"]]) == {*files, "manifest.json", ".gitattributes"}
    assert set(repository.commits[repository.tags["1.0.0"]]) > set(files)


@pytest.mark.slow
def test_without_the_hub_one_clear_message(salt, command, program):
    for changes, reason in [
        ({"HF_HUB_OFFLINE": "1"}, "the Hub is not asked, because HF_HUB_OFFLINE is set"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "the Hub (http://127.0.0.1:9) cannot be reached: "),
    ]:
        done = command("publish", salt.folder, "--repo", "loopback/salt", **changes)
        assert done.returncode == 2 and done.stderr.startswith(f"matbench-defects: {reason}"), done.stderr
        assert len(done.stderr.splitlines()) == 1
        message = program(TRIED, **changes)
        assert message.startswith("salt 1.0.0 is not in the cache (") and reason in message
    message = program(TRIED, MATBENCH_DEFECTS_HUB="")
    assert message.startswith("salt 1.0.0 is not here (known: ") and "set MATBENCH_DEFECTS_HUB, or give" in message


@pytest.mark.slow
def test_a_version_that_is_not_there(published, program):
    assert "the dataset loopback/salt has no version 1.0.1; did you mean '1.0.0'?" in program(
        TRIED.replace("1.0.0", "1.0.1")
    )
    assert "the Hub has no dataset loopback/pepper" in program(TRIED.replace("'salt'", "'pepper'"))
    published.tags["2.0.0"] = published.tags["1.0.0"]
    assert "the tag 2.0.0 of loopback/salt holds salt 1.0.0" in program(TRIED.replace("1.0.0", "2.0.0"))


@pytest.mark.slow
def test_a_download_that_is_cut_goes_on(hub, published, program):
    path = "data/index/salt.parquet"
    hub.cut.add(path)
    assert program(LOAD + "result = len(dataset.index)") == 5
    first, second = hub.gets(path)
    assert first is None and second is not None and int(second.removeprefix("bytes=").rstrip("-")) > 0


@pytest.mark.slow
def test_a_download_that_failed_is_taken_up_by_the_next(hub, published, program, tmp_path):
    path = "data/index/salt.parquet"
    hub.broken.add(path)
    assert "the Hub answered 500 for loopback/salt" in program(TRIED)
    assert not (tmp_path / "cache" / "hub" / "loopback--salt" / "1.0.0").exists()
    hub.broken.clear()
    whole = {name for method, name, _ in hub.requests if method == "GET" and "/resolve/" in name}
    hub.requests.clear()
    assert program(LOAD + "result = dataset.version") == "1.0.0"
    again = {name for method, name, _ in hub.requests if method == "GET" and "/resolve/" in name}
    (twice,) = again & whole
    assert twice.endswith(path) and len(whole) > 1


@pytest.mark.slow
def test_a_corrupted_file_is_refused(hub, published, program, tmp_path):
    hub.corrupt.add("data/index/salt.parquet")
    message = program(TRIED)
    assert message.startswith("what the Hub sent of loopback/salt 1.0.0 was thrown away: salt.parquet is not the file")
    assert not list((tmp_path / "cache").rglob("*.parquet"))
    hub.corrupt.clear()
    assert program(LOAD + "result = len(dataset.index)") == 5
    (kept,) = (tmp_path / "cache").rglob("salt.parquet")
    kept.write_bytes(b"rot")  # on this disk, later: downloaded again
    assert program(LOAD + "result = len(dataset.index)") == 5


def commit(repository: Repository, **files: bytes) -> None:
    """Change files of the published version."""
    repository.tags["1.0.0"] = repository.commit(repository.commits[repository.tags["1.0.0"]] | files)


def manifest_with(repository: Repository, **fields: object) -> bytes:
    manifest = json.loads(repository.commits[repository.tags["1.0.0"]]["manifest.json"]) | fields
    return json.dumps(manifest | {"digest": manifest_digest(manifest)}).encode()


def without(dataset: Dataset, *names: str) -> dict[str, str]:
    return {name: sha for name, sha in dataset.manifest["files"].items() if name not in names}


@pytest.fixture
def large(published, salt):
    """A file of 3 MB that the dataset holds besides, beside the data."""
    body = random.Random(0).randbytes(3_000_000)
    files = salt.manifest["files"] | {"large.bin": hashlib.sha256(body).hexdigest()}
    commit(published, **{"large.bin": body, "manifest.json": manifest_with(published, files=files)})
    return body


KILLED = """
import os, signal, threading, time
from pathlib import Path
def kill():
    while True:
        for path in Path("cache").rglob("large.bin.incomplete"):
            if path.stat().st_size >= 1_000_000:
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.001)
threading.Thread(target=kill, daemon=True).start()
"""


@pytest.mark.slow
def test_the_next_download_goes_on_in_the_middle_of_a_file(hub, large, program, tmp_path):
    """The first process is killed; the second asks for the rest alone."""
    hub.throttled.add("large.bin")
    with pytest.raises(AssertionError):
        program(KILLED + LOAD + "result = 1")
    (unfinished,) = (tmp_path / "cache").rglob("large.bin.incomplete")
    held = unfinished.stat().st_size
    assert 1_000_000 <= held < 3_000_000
    hub.throttled.clear()
    folder = Path(program(LOAD + "result = str(dataset.folder)"))
    assert (folder / "large.bin").read_bytes() == large
    assert hub.gets("large.bin") == [None, f"bytes={held}-"]


@pytest.mark.slow
def test_what_the_manifest_does_not_list_is_not_asked_for(hub, published, program, tmp_path):
    commit(published, **{"data/index/more.parquet": b"PAR1", "run_me.py": b"evil", "notes.txt": b"x"})
    folder = Path(program(LOAD + "result = str(dataset.folder)"))
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {*listed, "manifest.json"}
    assert not hub.gets("more.parquet") and not hub.gets("run_me.py")
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.slow
def test_a_manifest_that_leaves_something_out(published, salt, program, tmp_path):
    part = min(name for name in salt.manifest["files"] if name.startswith("data/structures/"))
    pq.write_table(pq.read_table(salt.folder / part).slice(1), tmp_path / "fewer.parquet")
    fewer = (tmp_path / "fewer.parquet").read_bytes()
    whole = dict(published.commits[published.tags["1.0.0"]])
    listed, index = salt.manifest["files"], "data/index/salt.parquet"
    cases = [
        (without(salt, part), {}, f"README.md tells of {part}, which manifest.json does not list"),
        (without(salt, "README.md"), {}, "manifest.json does not list README.md"),
        (without(salt, "spec.yaml"), {}, "manifest.json does not list spec.yaml"),
        (listed | {part: hashlib.sha256(fewer).hexdigest()}, {part: fewer}, "README.md tells of the rows "),
        (listed | {"data/index/b.parquet": listed[index]}, {"data/index/b.parquet": whole[index]},
         "README.md tells of the rows full 5 in index, there are full 10"),
        (listed | {"elsewhere/../../x": "0"}, {}, "which is not within the dataset"),
        (listed | {"data/more/x.parquet": listed[index]}, {"data/more/x.parquet": whole[index]},
         "README.md does not tell of data/more/x.parquet, which manifest.json lists"),
    ]  # fmt: skip
    for files, changes, message in cases:
        commit(published, **changes, **{"manifest.json": manifest_with(published, files=files)})
        said = program(TRIED)
        assert said.startswith("what the Hub sent of loopback/salt 1.0.0 was thrown away: ") and message in said, said
        assert not list((tmp_path / "cache").rglob("*.parquet"))
        published.tags["1.0.0"] = published.commit(whole)
    plain = {key: value for key, value in salt.manifest.items() if key != "digest"}
    commit(published, **{"manifest.json": json.dumps(plain).encode()})
    assert "manifest.json has no digest of itself" in program(TRIED)


@pytest.mark.slow
def test_a_body_longer_than_declared_is_cut_off(hub, published, program):
    for path in ("data/index/salt.parquet", "manifest.json"):
        hub.longer, hub.sent = {path}, 0
        assert program(LOAD + "import shutil\nresult = len(dataset.index)\nshutil.rmtree(dataset.folder)") == 5
        assert 0 < hub.sent < 20_000_000  # what the buffers of the sockets take


@pytest.mark.slow
def test_a_body_that_comes_too_slowly(hub, published, program, tmp_path):
    path = "data/index/salt.parquet"
    hub.slow.add(path)
    hurry = "import matbench_defects.hub.bodies as bodies\nbodies.PATIENCE, bodies.SLOWEST = 1.0, 1e9\n"
    said = program(hurry + TRIED)
    assert re.search(r"salt\.parquet comes too slowly: \d+ of \d+ bytes in 1 s\. They are kept, and the next", said)
    held = next((tmp_path / "cache").rglob("*.incomplete")).stat().st_size
    hub.slow.clear()
    assert program(LOAD + "result = len(dataset.index)") == 5
    assert hub.gets(path) == [None, f"bytes={held}-"]


@pytest.mark.slow
def test_a_body_that_ends_early_each_time(hub, published, program):
    hub.short.add("data/index/salt.parquet")
    said = program(TRIED)
    assert re.search(r"salt\.parquet ends after 0 of the \d+ bytes that the Hub declares", said), said
    assert len(hub.gets("data/index/salt.parquet")) == 5


def test_every_field_of_a_manifest_is_covered(salt, tmp_path):
    manifest, path = salt.manifest, tmp_path / "copy" / "manifest.json"
    shutil.copytree(salt.folder, tmp_path / "copy")
    assert manifest["digest"] == manifest_digest(manifest)
    for field in set(manifest) - {"digest"}:
        fewer = {key: value for key, value in manifest.items() if key != field}
        for changed_manifest in (manifest | {field: None}, manifest | {field: [manifest[field]]}, fewer):
            path.write_text(json.dumps(changed_manifest))
            with pytest.raises(InputError):
                open_dataset(path.parent, verify=False)
    for field in ("spaces", "labels", "targets", "lock"):
        path.write_text(json.dumps(manifest | {field: {**manifest[field], "more": {}}}))
        with pytest.raises(InputError, match="is not what `build` wrote: its digest of itself differs"):
            open_dataset(path.parent, verify=False)


def test_a_file_beside_the_data_that_is_not_listed(salt, tmp_path):
    """`datasets` reads whatever the card's patterns match."""
    folder = shutil.copytree(salt.folder, tmp_path / "copy")
    (folder / "notes.txt").write_text("my own")
    open_dataset(folder)
    (folder / "data" / "index" / "more.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"more\.parquet: is listed in no manifest, yet `datasets` would read it"):
        open_dataset(folder)


@pytest.mark.slow
def test_a_folder_and_a_repository_are_loaded_as_they_are(published, salt, program, tmp_path):
    shutil.copytree(salt.folder, tmp_path / "mine")
    found = program(
        "from matbench_defects import load_dataset\n"
        "result = [str(load_dataset('mine').folder), load_dataset('loopback/salt', '1.0.0').name]\n"
        "try:\n    load_dataset('mine', '2.0.0')\nexcept Exception as error:\n    result.append(str(error))\n",
        MATBENCH_DEFECTS_HUB="",
    )
    assert found == ["mine", "salt", "mine: is salt@1.0.0, not version 2.0.0"]


def test_a_cached_build_depends_on_the_files_that_its_spec_names(tmp_path, monkeypatch):
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path / "cache"))
    text = MAGNESIA[: MAGNESIA.index("parent:")] + "parent: {cif: mgo.cif, provenance: {source: a test}}\n"
    (tmp_path / "spec.yaml").write_text(text + "supercell: [1, 1, 1]\nsublattices: {Mg: {Ca: 0..4, Mg: rest}}\n")
    found = set()
    for content in ("data_a", "data_b"):
        (tmp_path / "mgo.cif").write_text(content)
        found.add(find._built_folder(load_spec(tmp_path)))
    assert len(found) == 2


def test_a_manifest_cannot_reach_outside(salt, tmp_path):
    for name in ("../secret", "/etc/hostname"):
        folder = changed(salt, tmp_path / name.strip("/."), files={name: "0"})
        with pytest.raises(InputError, match="which is not within the dataset"):
            open_dataset(folder)


def test_a_build_is_what_its_lock_says(lno, tmp_path):
    check_against_lock(lno)
    cases = [
        ({"version": "1.1.0"}, r"lock.json: locks version 1\.0\.0, the dataset is lno-cathode 1\.1\.0"),
        ({"lock": None}, r"manifest.json: does not say what it holds; build it again"),
    ]
    for number, (fields, message) in enumerate(cases):
        with pytest.raises(InputError, match=message):
            check_against_lock(open_dataset(changed(lno, tmp_path / str(number), **fields)))
