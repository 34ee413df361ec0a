"""Models that are not ours but a user names: a class of a file of their own, or an ASE calculator.

Trust: a file is run, and a calculator imported, only because the user typed its name, on the command line or as the
argument of `allow_model`. Of a spec, task, dataset, saved model, result or submission nothing comes here: whatever such
a file names is looked up among the registered models alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from matbench_defects.bounded import read_bytes
from matbench_defects.errors import InputError, nearest
from matbench_defects.models.model import CALCULATOR, Model, models

LONGEST_NAME = 63
"""Characters of a name, as submissions may have them."""
FILE = re.compile(r"(?P<file>.+\.py)(:(?P<kind>\w*))?", re.DOTALL)
"""How a class of a file is named: ``path/to/file.py:Class``."""


@dataclass(frozen=True)
class Allowed:
    """A model that the user named, for other processes of theirs.

    Parameters
    ----------
    typed : str
        The name, a file with its whole path.
    digest : str
        SHA-256 of the file; empty for a calculator.
    """

    typed: str
    digest: str = ""


_allowed: dict[str, Allowed] = {}
"""By registered name, what the user named in this process."""


def allowed(model: str) -> tuple[Allowed, ...]:
    """Return what the user named of a registered model; nothing for one of ours."""
    return tuple(one for name, one in _allowed.items() if name in model)


@contextmanager
def faults_of(model: str) -> Iterator[None]:
    """Say of what the user's own file raises where in that file it was; what ours raises goes on as it is.

    Raises
    ------
    InputError
        Naming file and line, if a model of a file that the user named fails.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever somebody's code raises
        files = {one.typed.rpartition(":")[0] for one in allowed(model) if one.digest}
        every = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in every if str(Path(frame.filename).resolve()) in files]
        if not frames:
            raise
        message = f"the model {model} failed: {type(error).__name__}: {error}"
        raise InputError(message, file=frames[-1].filename, line=frames[-1].lineno) from error


def allow_again(given: tuple[Allowed, ...]) -> None:
    """Let what the user named in the process that started this one be models here too.

    Raises
    ------
    InputError
        If a file is not there, or is another one by now.
    """
    for one in given:
        name = allow_model(one.typed)
        if _allowed[name] != one:
            raise InputError("has been changed since the model was fitted", file=one.typed.rpartition(":")[0])


def allow_model(typed: str) -> str:
    """Let what a user names be a model of this process, and return the name it has among all models.

    Parameters
    ----------
    typed : str
        ``path/to/file.py:Class``, which is run; ``ase:module.Class``, which is imported; ``ase:NAME`` of the user's
        list; or the name of a registered model, which is returned as it is, known or not. What makes a model of another
        one may stand before: ``ensemble-path/to/file.py:Class``. Pass on what the user typed, never what a file says.

    Returns
    -------
    str
        Of a file's class its registered name, if the file registers it, else file and class in lower case and with
        dashes, as results and submissions are called: ``mine-nearest-content``.

    Raises
    ------
    InputError
        If there is no such file, class or calculator, the file cannot be run, or the name is that of another model.
    """
    if typed.startswith(CALCULATOR):
        from matbench_defects.models.potentials.named_calculators import allow_calculator

        allow_calculator(typed)
        _allowed[typed] = Allowed(typed)
        return typed
    named = FILE.fullmatch(typed)
    if named is None:
        return typed
    prefix = "" if Path(named["file"]).is_file() else models.prefix_of(typed)
    return prefix + _allow_file(Path(named["file"].removeprefix(prefix)), named["kind"])


def _allow_file(path: Path, class_name: str | None) -> str:
    source = read_bytes(path)
    one = Allowed(f"{path.resolve()}:{class_name}", hashlib.sha256(source).hexdigest())
    known = next((name for name, other in _allowed.items() if other.typed == one.typed), None)
    if known is not None and _allowed[known] == one:
        return known
    ours = set(models.names())  # all are there before the file is run, so that it can take the name of none
    module = _run(path, source, one.digest)
    kind = _class_of(module, class_name, path)
    name = models.name_of(kind)
    if name is None:
        name = _safe_name(path, class_name or "")
        if name in models:
            raise InputError(
                f"the name of {class_name} would be '{name}', which another model has; rename the class or the file",
                file=str(path),
            )
        models.register(name)(kind)
    if name not in ours or kind.__module__ == module.__name__:
        _allowed[name] = one
    return name


def _safe_name(path: Path, class_name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", f"{path.stem}-{class_name}")
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not re.search("[a-z]", name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"results of {class_name} would be called '{name[:80]}'; file and class need Latin letters, and at most "
            f"{LONGEST_NAME} of them",
            file=str(path),
        )
    return name


def _run(path: Path, source: bytes, digest: str) -> ModuleType:
    """Run a file as a module, which may import what lies beside it; once, as long as it is not edited."""
    file = str(path.resolve())
    name = re.sub(r"\W", "_", path.stem) + f"_{digest[:16]}"
    if (there := _modules.get(file)) is not None:
        if there.__name__ == name:
            return there
        _forget(_modules.pop(file))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        exec(compile(source, path, "exec"), module.__dict__)  # what the user named, and these very bytes
    except (Exception, SystemExit) as error:  # whatever the file raises
        _forget(module)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(f"cannot be loaded: {type(error).__name__}: {message}", file=str(path), line=line) from error
    _modules[file] = module
    return module


_modules: dict[str, ModuleType] = {}
"""What was run in this process, by file."""


def _forget(module: ModuleType) -> None:
    del sys.modules[module.__name__]
    for name in models.names_in(module.__name__):
        models.forget(name)
        _allowed.pop(name, None)


def _class_of(module: ModuleType, class_name: str | None, path: Path) -> type[Model]:
    kinds = [name for name, thing in vars(module).items() if _is_model(thing) and thing.__module__ == module.__name__]
    found = getattr(module, class_name or "", None)
    if found is None:
        asked = f"holds no class '{class_name}'" if class_name else "say which class of it is meant, as FILE.py:Class"
        raise InputError(f"{asked}; {nearest(class_name or '', kinds)}", file=str(path))
    if not _is_model(found):
        raise InputError(f"{class_name} is no subclass of matbench_defects.models.model.Model", file=str(path))
    if lacks := sorted(found.__abstractmethods__):
        raise InputError(f"{class_name} has no {' and no '.join(lacks)}", file=str(path))
    return found


def _is_model(thing: Any) -> TypeGuard[type[Model]]:
    return inspect.isclass(thing) and issubclass(thing, Model)
