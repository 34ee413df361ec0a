import sys

import pytest

from matbench_defects.errors import InputError
from matbench_defects.registry import Registry


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
