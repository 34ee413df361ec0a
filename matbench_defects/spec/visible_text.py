"""Texts of one line that are what they look like: nothing unseen in them, and no letter that passes for another."""

from __future__ import annotations

import unicodedata

# Control, format (marks that turn the direction of text, spaces without width), half and private characters, line ends:
# with them a title could show other words than it holds.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U00016fe4\U0001d159"
    + "".join(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)]))
)
"""Letters, marks and signs that are drawn as nothing: those that Unicode's property Default_Ignorable_Code_Point lists
besides format characters, the Braille pattern without a dot, and a note without a head."""
_JOINERS = frozenset("\u200c\u200d")
"""Join or part the letters of several scripts of Asia; between others they are unseen."""
_ALPHABETS = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "GEORGIAN", "DESERET"})
"""Scripts whose letters are told apart at a glance only where they stand among their own."""
_ALONE = _ALPHABETS - {"LATIN", "GREEK"}
"""Of these, the ones that no word of science shares with Latin letters."""
_GREEK = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧον")
"""Greek letters that are drawn as Latin ones; ΔE and σGP hold none."""
_SPACES = frozenset({"Zs"})
_MARKS = frozenset({"Mn", "Mc", "Me"})
MOST_MARKS = 4
"""How many accents may stand on one letter; more of them climb over the lines above."""

_SHAPES = {
    "ABEZHIKMNOPTYX": "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aovpikuyntxyw": "αονρικυγητχψω",
    "ABEKMHOPCTYXIJSGQWVF": "АВЕКМНОРСТУХІЈЅԌԚԜѴҒ",
    "aeopcyxijsdqwhlrkvmntb": "аеорсухіјѕԁԛԝһӏгкѵмптв",
    "ABCDEGHJKLMPSTVWZ": "ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᏚᎢᏙᏔᏃ",
    "ouhnqgf": "օսհոզցֆ",
    "iaglo": "ıɑɡɩꬽ",
}
_LATIN = {ord(other): latin for latins, others in _SHAPES.items() for latin, other in zip(latins, others, strict=True)}
"""Latin letters for those that are drawn alike, after Unicode Technical Standard 39 (confusables)."""


def check_line(text: str) -> str:
    """Refuse what is not one line of visible text, or has letters in a word that pass for those of another script."""
    if not text.strip():
        raise ValueError("is empty")
    if text.isascii() and text.isprintable():
        return text
    marks = 0
    for i, character in enumerate(text):
        category = unicodedata.category(character)
        unseen = character in _BLANK or category in _UNSEEN
        if unseen and not (character in _JOINERS and _joins(text[i - 1 : i], text[i + 1 : i + 2])):
            raise ValueError(f"one line of plain text was expected; it holds the character U+{ord(character):04X}")
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > MOST_MARKS:
            raise ValueError(f"more than {MOST_MARKS} accents stand on one letter; write it plainly")
    if all(unicodedata.category(c) in _SPACES | _MARKS for c in text):
        raise ValueError("is empty")
    _check_letters(text)
    return text


def _joins(before: str, after: str) -> bool:
    """Return whether a joiner between two characters has anything to join."""
    return all(
        c and unicodedata.category(c)[0] in "LM" and _script(c) not in _ALPHABETS and ord(c) < 0x10000
        for c in (before, after)
    )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _passes_for_ascii(letter: str) -> bool:
    """Return whether a letter is a plain one in another width or font, or several of them in one."""
    if letter.isascii() or not unicodedata.normalize("NFKC", letter).isascii():
        return False
    return not unicodedata.decomposition(letter).startswith(("<super>", "<sub>"))


def _check_letters(text: str) -> None:
    latin, others = "", ""
    for character in [*text, " "]:
        category = unicodedata.category(character)
        if category[0] not in "LM":
            latin, others = "", ""
            continue
        if category[0] == "M":
            continue
        if _passes_for_ascii(character):
            raise ValueError(f"the letter U+{ord(character):04X} passes for a plain one; write that")
        script = _script(character)
        latin = latin or (character if script == "LATIN" else "")
        others = others or (character if script in _ALONE or character in _GREEK else "")
        if latin and others:
            raise ValueError(
                f"letters of two scripts stand in one word (U+{ord(latin):04X} and U+{ord(others):04X}); use one"
            )


def skeleton(text: str) -> str:
    """Return the same text for all that look alike: without accents, blanks and case, in Latin letters where it can be.

    Digits that pass for letters, and pairs of letters that pass for one, are taken for these.
    """
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = unicodedata.normalize("NFKD", text.translate(_LATIN).casefold().translate(_LATIN))
    text = "".join(c for c in text if c.isalnum())
    for shape, letter in (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l")):
        text = text.replace(shape, letter)
    return text
