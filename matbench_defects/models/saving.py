"""Fitted models on disk: JSON and numpy arrays, nothing pickled, and of scikit-learn only what models here have."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects._version import __version__
from matbench_defects.bounded import LARGEST_ARRAYS, check_plain, decoded, open_zip, read_arrays, read_json, unpacked
from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.files import atomic_folder, check_replaceable, sha256_of_file, write_json

if TYPE_CHECKING:
    from matbench_defects.models.model import Model
    from matbench_defects.models.rows import Background

FORMAT = 1
"""Version of the folder's layout."""
SCHEMA = "schema.json"
"""Where skops says of what types an estimator is."""
LARGEST_SCHEMA = 2**28
"""That file may have this many bytes: it names every tree of a forest."""
_OBJECTS = {
    "sklearn._loss.link": ("IdentityLink", "Interval"),
    "sklearn._loss.loss": ("HalfSquaredError",),
    "sklearn.dummy": ("DummyRegressor",),
    "sklearn.ensemble._forest": ("RandomForestRegressor",),
    "sklearn.ensemble._gb": ("GradientBoostingRegressor",),
    "sklearn.gaussian_process._gpr": ("GaussianProcessRegressor",),
    "sklearn.gaussian_process.kernels": ("ConstantKernel", "Product", "RBF", "Sum", "WhiteKernel"),
    "sklearn.tree._classes": ("DecisionTreeRegressor",),
}
TYPES = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),
        ("ListNode", "builtins.list"),
        ("LossNode", "sklearn._loss._loss.CyHalfSquaredError"),
        ("NdArrayNode", "numpy.float64"),
        ("NdArrayNode", "numpy.ndarray"),
        ("RandomStateNode", "numpy.random.mtrand.RandomState"),
        ("TreeNode", "sklearn.tree._tree.Tree"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),
        *(("ObjectNode", f"{module}.{name}") for module, names in _OBJECTS.items() for name in names),
    }
)
"""All that the regressions here consist of, each with the way in which skops makes it. None is given a function."""


@dataclass(frozen=True)
class SavedModel:
    """A model that was read from a folder, ready to predict.

    Parameters
    ----------
    model : Model
        The model.
    name : str
        Its registered name.
    target : str
        What it predicts.
    quantity : Quantity
        The unit, divisor and reference state of what it predicts.
    dataset : str
        The spec that it was fitted on, ``name@version``.
    """

    model: Model
    name: str
    target: str
    quantity: Quantity
    dataset: str


def save_model(model: Model, folder: str | Path, name: str, background: Background) -> None:
    """Write a fitted model, atomically; a folder that is there already is replaced.

    Parameters
    ----------
    model : Model
        A fitted model.
    folder : path-like
        Gets ``model.json`` and ``arrays.npz``.
    name : str
        The registered name of the model.
    background : Background
        That of the rows which it was fitted on.
    """
    folder = Path(folder)
    check_replaceable(folder, "model.json", "a saved model")
    state = model.state()
    arrays = {key: value for key, value in state.items() if isinstance(value, np.ndarray)}
    with atomic_folder(folder) as temporary:
        np.savez_compressed(temporary / "arrays.npz", allow_pickle=False, **arrays)
        write_json(
            temporary / "model.json",
            {
                "format": FORMAT,
                "name": name,
                "settings": model.settings.model_dump(mode="json"),
                "seed": model.seed,
                "target": background.target,
                "quantity": vars(background.quantity),
                "dataset": f"{background.spec.name}@{background.spec.version}",
                "builder": __version__,
                "arrays": sha256_of_file(temporary / "arrays.npz"),
                "values": {key: value for key, value in state.items() if key not in arrays},
            },
        )


def load_model(folder: str | Path, *, device: str = "cpu") -> SavedModel:
    """Read a model that `save_model` wrote.

    Parameters
    ----------
    folder : path-like
        The folder. Nothing in it is executed.
    device : str
        ``cpu`` or ``cuda``, whichever it was fitted on.

    Raises
    ------
    InputError
        If the folder holds no model, one of another format or one whose arrays were altered.
    """
    from matbench_defects.models.model import make_model

    folder = Path(folder)
    if not (folder / "model.json").exists():
        raise InputError("is not a saved model: it has no model.json", file=str(folder))
    record = read_json(folder / "model.json")
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"is not a model of format {FORMAT}", file=str(folder / "model.json"))
    path = folder / "arrays.npz"
    try:
        check_plain(path, LARGEST_ARRAYS)
        if sha256_of_file(path) != record["arrays"]:
            raise InputError("is not the file that model.json names (its SHA-256 differs)", file=str(path))
        state: dict[str, Any] = read_arrays(path)
        state |= record["values"]
        model = make_model(record["name"], seed=record["seed"], device=device, settings=record["settings"])
        model.restore(state)
        return SavedModel(model, record["name"], record["target"], Quantity(**record["quantity"]), record["dataset"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise InputError(f"does not hold a whole model: {error}", file=str(folder)) from None


def estimator_bytes(estimator: Any) -> NDArray[np.uint8]:
    """Return a fitted scikit-learn estimator as bytes, for a model's state."""
    from skops.io import dumps

    return np.frombuffer(dumps(estimator), dtype=np.uint8)


def estimator_of(stored: NDArray[np.uint8]) -> Any:
    """Return the estimator that `estimator_bytes` stored.

    Raises
    ------
    InputError
        If it holds anything but `TYPES`, a tree that leads out of itself, or too little to predict a number.
    """
    from skops.io import loads

    data = stored.tobytes()
    foreign = sorted({name for way, name in _types_in(data) if (way, name) not in TYPES})
    if foreign:
        raise InputError(f"the saved model holds {', '.join(foreign)[:200]}, which no model here consists of")
    try:
        estimator = loads(data, trusted=sorted(name for _, name in TYPES))
        for tree in _trees(estimator):
            _check_tree(tree)
        with np.errstate(all="ignore"):
            predicted = np.asarray(estimator.predict(np.zeros((1, estimator.n_features_in_))), dtype=np.float64)
    except InputError:
        raise
    except Exception as error:  # scikit-learn trusts what it fitted: of a broken one anything may be raised
        raise InputError(f"the saved model does not hold a whole estimator: {error}") from None
    if predicted.shape != (1,) or not np.isfinite(predicted).all():
        raise InputError("the saved model holds an estimator that predicts no number")
    return estimator


def _types_in(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield how each part of an estimator is made, and its type; nothing is made here."""
    with open_zip(io.BytesIO(data), "the saved model") as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_ARRAYS:
            raise InputError(f"the saved model unpacks to more than {LARGEST_ARRAYS:,} bytes")
        with archive.open(SCHEMA) as stream:
            text = decoded(unpacked(stream, SCHEMA, "the saved model", LARGEST_SCHEMA), "the saved model")
    parts = [json.loads(text)]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if not {"__loader__", "__class__", "__module__"}.isdisjoint(part):
                yield str(part.get("__loader__")), f"{part.get('__module__')}.{part.get('__class__')}"
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _trees(estimator: Any) -> Iterator[Any]:
    yield from np.ravel(np.asarray(getattr(estimator, "estimators_", []), dtype=object))


def _check_tree(fitted: Any) -> None:
    """Refuse a tree whose nodes lead elsewhere than further down, or ask for a feature that there is not.

    Compiled code follows them as they are.
    """
    tree = fitted.tree_
    left, right = tree.children_left, tree.children_right
    inner = np.flatnonzero(left != -1)
    down = (inner < left[inner]) & (inner < right[inner]) & (np.maximum(left, right)[inner] < tree.node_count)
    asked = (tree.feature[inner] >= 0) & (tree.feature[inner] < min(tree.n_features, fitted.n_features_in_))
    if not (down & asked).all():
        raise InputError("the saved model holds a tree whose nodes lead out of it")
