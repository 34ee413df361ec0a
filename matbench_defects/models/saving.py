"""Fitted models on disk: JSON and numpy arrays, nothing pickled."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects._version import __version__
from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.files import atomic_folder, check_replaceable, sha256_of_file, write_json

if TYPE_CHECKING:
    from matbench_defects.models.model import Model
    from matbench_defects.models.rows import Background

FORMAT = 1
"""Version of the folder's layout."""


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
        The folder. Nothing in it is executed; still, read only what you or somebody you trust has written, since
        the trees of a forest are handed to compiled code as they are.
    device : str
        ``cpu`` or ``cuda``, whichever it was fitted on.

    Raises
    ------
    InputError
        If the folder holds no model, one of another format or one whose arrays were altered.
    """
    from matbench_defects.models.model import make_model

    folder = Path(folder)
    try:
        record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("is not a saved model: it has no model.json", file=str(folder)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=str(folder / "model.json")) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"is not a model of format {FORMAT}", file=str(folder / "model.json"))
    path = folder / "arrays.npz"
    try:
        if sha256_of_file(path) != record["arrays"]:
            raise InputError("is not the file that model.json names (its SHA-256 differs)", file=str(path))
        with np.load(path, allow_pickle=False) as stored:
            state: dict[str, Any] = {key: stored[key] for key in stored.files}
        state |= record["values"]
        model = make_model(record["name"], seed=record["seed"], device=device, settings=record["settings"])
        model.restore(state)
        return SavedModel(model, record["name"], record["target"], Quantity(**record["quantity"]), record["dataset"])
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
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
        If it holds anything that is not scikit-learn's or numpy's.
    """
    from skops.io import get_untrusted_types, loads

    data = stored.tobytes()
    types = get_untrusted_types(data=data)
    foreign = [name for name in types if not name.startswith(("sklearn.", "numpy."))]
    if foreign:
        raise InputError(f"the saved model holds {', '.join(foreign)}, which is not scikit-learn's")
    return loads(data, trusted=types)
