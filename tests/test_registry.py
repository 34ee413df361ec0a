import re
import subprocess
import sys

import pytest

from matbench_defects.errors import InputError
from matbench_defects.registry import ENTRY_POINTS, Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package whose modules register fruit in its own registry."""
    folder = tmp_path / "orchard_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from matbench_defects.registry import Registry\nfruit = Registry('fruit', 'orchard_of_test')\n"
    )
    for name in ("pear", "apple"):
        (folder / f"{name}.py").write_text(
            f"from orchard_of_test import fruit\n\n@fruit.register('{name}')\nclass Fruit:\n    name = '{name}'\n"
        )
    (folder / "dried.py").write_text(
        "from orchard_of_test import fruit\n\n"
        "@fruit.family('dried-', members=lambda: ['pear'])\n"
        "def dried(name):\n"
        "    return type('Dried', (), {'name': f'dried {name}'}) if name in fruit else None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "orchard_of_test"
    for module in [m for m in sys.modules if m.startswith("orchard_of_test")]:
        del sys.modules[module]


@pytest.fixture
def fruit(package):
    return __import__(package).fruit


def test_modules_are_imported_when_a_name_is_first_looked_up(package, fruit):
    assert f"{package}.apple" not in sys.modules
    assert fruit.names() == ["apple", "dried-pear", "pear"]
    assert f"{package}.apple" in sys.modules


def test_the_module_that_is_called_like_the_name_is_enough(package, fruit):
    assert fruit.get("pear").name == "pear"
    assert f"{package}.apple" not in sys.modules
    assert "nut.s" not in fruit  # no module can be called so
    assert f"{package}.apple" in sys.modules


def test_a_family_is_found_by_the_module_that_its_names_end_or_begin_with(package, fruit):
    assert fruit.get("dried-pear").name == "dried pear"
    assert f"{package}.apple" not in sys.modules
    assert fruit.get("dried-pear") is fruit.get("dried-pear")
    assert fruit.name_of(fruit.get("dried-pear")) == "dried-pear"
    assert "dried-" not in fruit and "dried-nut" not in fruit


def test_of_a_family_the_members_are_listed_and_others_found(package, fruit):
    assert fruit.names() == ["apple", "dried-pear", "pear"]
    assert fruit.get("dried-apple").name == "dried apple"
    assert [name for name, _ in fruit.items()] == ["apple", "dried-pear", "pear"]
    with pytest.raises(InputError, match="did you mean 'dried-pear'"):
        fruit.get("dried-paer")


def test_a_thing_is_found_by_name(fruit):
    assert fruit.get("pear").name == "pear"
    assert [name for name, _ in fruit.items()] == ["apple", "dried-pear", "pear"]
    assert all(thing.name == name.replace("-", " ") for name, thing in fruit.items())


def test_a_missing_name_suggests_the_nearest(fruit):
    with pytest.raises(
        InputError, match=r"^no fruit is called 'appel'; did you mean 'apple'\? known: apple, dried-pear, pear$"
    ):
        fruit.get("appel")


def test_a_name_is_given_once():
    things = Registry("thing", "matbench_defects.labels")
    register = things.register("a")
    first = register(object())
    assert things.register("a")(first) is first  # a module that is loaded twice registers the same thing
    with pytest.raises(ValueError, match="two things are registered as 'a'"):
        register(object())


def test_a_name_stands_for_something_else_for_a_while(fruit):
    apple = fruit.get("apple")
    with fruit.temporarily("apple", 1), fruit.temporarily("plum", 2):
        assert (fruit.get("apple"), fruit.get("plum")) == (1, 2) and "plum" in fruit.names()
    assert fruit.get("apple") is apple and "plum" not in fruit


@pytest.fixture
def installed(tmp_path, monkeypatch, fruit):
    """Install a package that offers fruit: what its module holds, by the name that its entry point has."""
    monkeypatch.setitem(ENTRY_POINTS, "fruit", "fruits")

    def install(package, modules):
        folder = tmp_path / f"{package}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        lines = []
        for name, text in modules.items():
            (tmp_path / f"orchard_of_test_{package}_{name}.py").write_text(text)
            lines.append(f"{name} = orchard_of_test_{package}_{name}\n")
        (folder / "entry_points.txt").write_text("[matbench_defects.fruits]\n" + "".join(lines))

    return install


PLUM = "from orchard_of_test import fruit\nfruit.register('plum')('a plum')\n"


def test_an_installed_package_offers_more_and_is_imported_when_that_is_asked_for(installed, fruit):
    installed("stones", {"plum": PLUM, "cherry": PLUM.replace("plum", "cherry")})
    fruit.get("pear")
    assert fruit._plugins is None  # what is ours costs no search
    assert fruit.get("plum") == "a plum" and {"apple", "cherry", "pear", "plum"} <= set(fruit.names())
    assert "orchard_of_test_stones_cherry" not in sys.modules
    assert {"apple", "cherry", "pear", "plum"} <= dict(fruit.items()).keys()
    with pytest.raises(InputError, match="did you mean 'plum'"):
        fruit.get("plom")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nowhere_of_test\n", "ModuleNotFoundError: No module named 'nowhere_of_test'"),
        ("raise SystemExit('no licence')\n", "SystemExit: no licence"),
        (PLUM.replace("'plum'", "'plim'"), "the module orchard_of_test_stones_plum does not register it"),
        (PLUM.replace("'plum'", "'apple'"), "ValueError: two fruits are registered as 'apple'"),
    ],
)
def test_a_broken_package_is_named_and_hinders_nothing_else(installed, fruit, caplog, text, reason):
    installed("stones", {"plum": text})
    assert dict(fruit.items()).keys() >= {"apple", "pear"} and "plum" not in dict(fruit.items())
    said = f"the fruit 'plum' of the package stones 1.5 cannot be loaded: {reason}"
    assert [record.getMessage() for record in caplog.records] == [said]
    with pytest.raises(InputError, match=re.escape(said)):
        fruit.get("plum")
    assert fruit.get("apple").name == "apple" and len(caplog.records) == 1


def test_nothing_of_ours_is_replaced(installed, fruit, caplog):
    installed("stones", {"apple": PLUM.replace("plum", "apple")})
    assert fruit.names().count("apple") == 1 and fruit.get("apple").name == "apple"
    said = "the fruit 'apple' of the package stones 1.5 is not taken: there is one of that name already"
    assert [record.getMessage() for record in caplog.records] == [said]


def test_two_packages_cannot_have_one_name(installed, fruit):
    installed("stones", {"plum": PLUM})
    installed("pits", {"plum": PLUM})
    with pytest.raises(InputError, match=r"of the packages .* and .* 1\.5 cannot be loaded: a name can only be one's"):
        fruit.get("plum")


def test_every_thread_finds_what_is_there():
    """A registry that is being filled by one thread is not taken for a whole one by another."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from matbench_defects.models.model import models\n"
        "names = ['minimum-distances-gaussian-process', 'mean', 'cluster-expansion'] * 4\n"
        "with ThreadPoolExecutor(12) as pool:\n"
        "    print(len(list(pool.map(models.get, names))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "12\n", done.stderr


def test_a_list_of_entry_points_that_cannot_be_read_is_passed_over(tmp_path, monkeypatch, caplog):
    for name, text in (("broken", b"\xff\xfe"), ("good", b"[matbench_defects.policies]\nnone = nothing_of_test\n")):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_bytes(text)
    monkeypatch.syspath_prepend(tmp_path)
    things = Registry("policy", "matbench_defects.labels.engines")
    assert "none" in things.names()
    assert "cannot be read" in caplog.text
