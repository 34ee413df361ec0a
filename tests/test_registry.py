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
    monkeypatch.syspath_prepend(tmp_path)
    yield "orchard_of_test"
    for module in [m for m in sys.modules if m.startswith("orchard_of_test")]:
        del sys.modules[module]


@pytest.fixture
def fruit(package):
    return __import__(package).fruit


def test_modules_are_imported_when_a_name_is_first_looked_up(package, fruit):
    assert f"{package}.apple" not in sys.modules
    assert fruit.names() == ["apple", "pear"]
    assert f"{package}.apple" in sys.modules


def test_the_module_that_is_called_like_the_name_is_enough(package, fruit):
    assert fruit.get("pear").name == "pear"
    assert f"{package}.apple" not in sys.modules
    assert "nut.s" not in fruit  # no module can be called so
    assert f"{package}.apple" in sys.modules


def test_a_thing_is_found_by_name(fruit):
    assert fruit.get("pear").name == "pear"
    assert [name for name, _ in fruit.items()] == ["apple", "pear"]
    assert all(thing.name == name for name, thing in fruit.items())


def test_a_missing_name_suggests_the_nearest(fruit):
    with pytest.raises(InputError, match=r"^no fruit is called 'appel'; did you mean 'apple'\? known: apple, pear$"):
        fruit.get("appel")


def test_a_name_is_given_once():
    things = Registry("thing", "matbench_defects.labels")
    register = things.register("a")
    first = register(object())
    assert things.register("a")(first) is first  # a module that is loaded twice registers the same thing
    with pytest.raises(ValueError, match="two things are registered as 'a'"):
        register(object())
