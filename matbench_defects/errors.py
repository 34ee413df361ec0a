"""The one error that a user's input can raise, and how it reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 1500
"""Characters of a message. Lists of known names are long; what a file repeats of itself may be endless."""


class InputError(Exception):
    """Something the user supplied cannot be used as it is.

    The command line prints it as one message and exits with code 2; no traceback is shown.

    Parameters
    ----------
    message : str
        What is wrong and what was expected.
    file : str, optional
        The file it stands in.
    line : int, optional
        The line in that file, counted from one.
    field : str, optional
        The dotted path of the field in that file.

    Examples
    --------
    >>> import matbench_defects as md
    >>> try:
    ...     md.load_spec("lno-cathod")
    ... except md.InputError as error:
    ...     print(error.message.partition(";")[2].partition("?")[0])
     did you mean 'lno-cathode'
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.field = field
        super().__init__(str(self))

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}"
            place += ": "
        if self.field:
            place += f"{self.field}: "
        text = one_line(place + self.message)
        return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def one_line(text: str) -> str:
    """Return a text with escapes for what a terminal would carry out or not show.

    Names and values of a stranger's file stand in messages: line ends, colours, marks that turn the direction of text.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


class NotServedError(InputError):
    """A model cannot serve the rows that it is asked about, such as those of an element that training did not have.

    A limit of the model, not a mistake: `evaluate` goes on with other models and keeps the reason.

    Examples
    --------
    >>> import matbench_defects as md
    >>> issubclass(md.NotServedError, md.InputError)
    True
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that suggests the nearest of the known names, and lists them.

    Parameters
    ----------
    name : str
        The name that was not found.
    known : iterable of str
        The names that would have been.

    Returns
    -------
    str
        Such as ``did you mean 'random'? known: content, random``.
    """
    names = sorted(known)
    lowered = {n.lower(): n for n in names}
    close = difflib.get_close_matches(str(name).lower(), list(lowered), n=3, cutoff=0.5)
    # Of equally near names the one that begins alike is the likelier: 'Lj' is Li and not Tl.
    close.sort(key=lambda n: n[:1] != str(name).lower()[:1])
    listing = "known: " + ", ".join(names) if names else "none is known"
    return f"did you mean '{lowered[close[0]]}'? {listing}" if close else listing
