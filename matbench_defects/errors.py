"""The one error that a user's input can raise, and how it reads."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST = 1500
"""Characters of a line. Lists of known names are long; what a file repeats of itself may be endless."""
MOST_SHOWN = 100
"""Mistakes that are told at once."""


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
    others : sequence of InputError
        What else is wrong there and can be put right at the same time; the first is the one to begin with.

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
        others: Sequence[InputError] = (),
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.field = field
        self.others = tuple(others)
        super().__init__(str(self))

    @property
    def each(self) -> list[str]:
        """What is wrong, the first to begin with, a line each."""
        return [self._line(), *map(str, self.others)]

    def changed(self, change: Callable[[InputError], InputError]) -> InputError:
        """Return the same mistakes, changed one by one, such as to say another place."""
        first = change(self)
        first.others = tuple(map(change, self.others))
        return first

    def __str__(self) -> str:
        text = "; ".join(self.each)
        return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."

    def _line(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}"
            place += ": "
        if self.field:
            place += f"{self.field}: "
        text = one_line(place + self.message)
        return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


class Mistakes:
    """Mistakes of parts that do not depend on each other, to be told at once."""

    def __init__(self) -> None:
        self._found: list[InputError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, error: InputError) -> None:
        """Note one."""
        self._found.append(error)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is wrong within the block, and go on after it."""
        try:
            yield
        except NotServedError:
            raise
        except InputError as error:
            self.add(error)

    def tell(self) -> None:
        """Raise what was found, if anything was: the first, with the others."""
        if not self._found:
            return
        every = [one for error in self._found for one in (error, *error.others)]
        for error in every:
            error.others = ()
        first, *others = {str(one): one for one in every}.values()
        first.others = tuple(others[: MOST_SHOWN - 1])
        if len(others) >= MOST_SHOWN:
            first.others += (InputError(f"and {len(others) - MOST_SHOWN + 1} more mistakes", file=first.file),)
        raise first


DIGIT_GROUPS = "\u202f"
"""The narrow no-break space between groups of digits in tables."""


def one_line(text: str) -> str:
    """Return a text with escapes for what a terminal would carry out or not show.

    Names and values of a stranger's file stand in messages: line ends, colours, marks that turn the direction of text.
    The narrow space that groups the digits of a number stays.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == DIGIT_GROUPS else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )


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
