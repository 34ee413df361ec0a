"""What a submission says of itself: ``submission.yaml``, its fields and how it is written."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from matbench_defects.spec.visible_text import check_line

SUBMISSION_FILE = "submission.yaml"
"""Name of the file that describes a submission."""
PREDICTIONS_FILE = "predictions.parquet"
"""Name of the file that holds its predictions."""
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""What a task's and a model's name look like; both are folder names and parts of addresses."""

_DOI = re.compile(r"10\.\d{4,9}/[!-~]+")


_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
"""The name of a host of the web: at least two labels, the last of which is no number, for a browser reads numbers in
any of several ways as the address of a machine."""
_NEARBY = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "arpa"}
)
"""Last labels of names that mean the reader's own machine or network."""


def _check_address(text: str) -> str:
    """Refuse what is not a plain web address that means the same for everyone."""
    check_line(text)
    try:
        parts = urlsplit(text)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        plain = False
    if not plain or re.search(r"[\s\\<>\"'`]", text):
        raise ValueError("an address that begins with https:// was expected")
    host = (parts.hostname or "").removesuffix(".")
    if not _HOST.fullmatch(host) or host.rpartition(".")[2] in _NEARBY:
        raise ValueError("an address that begins with https:// and the name of a public host was expected")
    try:
        possible = parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        possible = False
    if not possible:
        raise ValueError("an address with a port from 1 to 65535, or none, was expected")
    return text


def _check_paper(text: str) -> str:
    """Refuse what is neither a DOI nor a plain web address."""
    if _DOI.fullmatch(text):
        return text
    try:
        return _check_address(text)
    except ValueError as error:
        raise ValueError(f"a DOI such as 10.1021/jacs.5b00001 or {error}") from None


Short = Annotated[str, Field(max_length=120), AfterValidator(check_line)]
Long = Annotated[str, Field(max_length=1000), AfterValidator(check_line)]
Seconds = Annotated[float, Field(ge=0, le=1e10, strict=True)]
Count = Annotated[int, Field(ge=0, le=10**15, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]


class Cost(BaseModel):
    """What the model took, on the hardware that the submission names."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    train_seconds: Seconds
    """Wall time of one fit, mean over the seeds."""
    predict_seconds: Seconds
    """Wall time of predicting the test part once, mean over the seeds."""
    structures: Count
    """How many structures were predicted in that time."""
    parameters: Count | None = None
    """Number of fitted numbers; null where there is none to speak of."""
    peak_memory_bytes: Count | None = None
    """Most memory while fitting and predicting, of the process or of the accelerator; null where it is not known."""
    device: Short
    """``cpu``, or the accelerator's name."""


class Submission(BaseModel):
    """One model on one task. Whether it is a baseline is for the task to say, never for the submission."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    task: Annotated[str, Field(pattern=NAME_PATTERN)]
    """Name of the task; the folder above is called so too."""
    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*@\d+\.\d+\.\d+$", max_length=100)]
    """Name and version of the dataset, as in the task: ``lno-cathode@1.0.0``."""
    model: Annotated[str, Field(pattern=NAME_PATTERN)]
    """Name of the model: lower-case letters, digits and dashes; the folder is called so too."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$")]
    """Version of the model's code, such as ``0.1.0``; in quotes where YAML would read a number."""
    title: Short
    """The model's name for people."""
    description: Long
    """One line on what the model is."""
    authors: Annotated[list[Short], Field(min_length=1, max_length=100)]
    """Who made the submission."""
    code: Annotated[str, Field(max_length=300), AfterValidator(_check_address)] | None = None
    """Address of the code, or null."""
    paper: Annotated[str, Field(max_length=300), AfterValidator(_check_paper)] | None = None
    """DOI or address of the paper, or null."""
    training_data: Long
    """Everything that the model was fitted on, pretraining included."""
    training_overlap: Literal["none", "structures", "unknown"]
    """Whether any of it, pretraining included, is a test configuration: ``none``; ``structures``, some are, with labels
    of another kind or level of theory; ``unknown``. A model that has seen the test labels has no place here."""
    engine: Annotated[str, Field(max_length=100), AfterValidator(check_line)] | None = None
    """Of a model that gives an engine's energies and fits nothing, that engine, such as ``sevennet``; null for others.
    On labels by the same engine it is shown and not ranked."""
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=100)]
    """The seeds that the predictions hold, each once."""
    cost: Cost
    """What the model took."""
    hardware: Short
    """Where that was measured, such as ``2 cores, x86_64``."""
    license: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{1,49}$")]
    """SPDX identifier under which the predictions are given, such as ``CC-BY-4.0``."""

    @property
    def paper_address(self) -> str | None:
        """Web address of the paper."""
        if self.paper is None or self.paper.startswith("http"):
            return self.paper
        return f"https://doi.org/{self.paper}"


def submission_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``submission.yaml``, for editors that complete and check it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SUBMISSION_FILE}
    return schema | {k: v for k, v in Submission.model_json_schema().items() if k not in schema}


def submission_text(submission: Submission) -> str:
    """Return a submission as YAML; equal submissions give equal text.

    Every string is quoted, so that a title such as ``1e5`` or ``null`` stays one.
    """
    lines = []
    without = {"engine"} if submission.engine is None else set()
    for name, value in submission.model_dump(mode="json", exclude=without).items():
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {_scalar(inner)}" for key, inner in value.items())]
        elif name == "authors":
            lines += [f"{name}:", *(f"  - {_scalar(inner)}" for inner in value)]
        else:
            lines.append(f"{name}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
