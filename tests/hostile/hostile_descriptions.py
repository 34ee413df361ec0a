"""Descriptions that want more than to be read: YAML's tricks, numbers, addresses, texts."""

from __future__ import annotations

import re

from hostile_case import Case, Place, cases_of

DESCRIPTIONS: list[Case] = []
case = cases_of(DESCRIPTIONS)


def _append(name: str, text: str, words: str) -> None:
    def spoil(place: Place) -> None:
        place.description.write_text(place.description.read_text(encoding="utf-8") + text, encoding="utf-8")

    case(name, words)(spoil)


def _field(name: str, field: str, value: str, words: str) -> None:
    """Write something else for a field, two blanks before it where it is one of the cost."""

    def spoil(place: Place) -> None:
        text = place.description.read_text(encoding="utf-8")
        changed, count = re.subn(rf"(?m)^{field}:.*$", lambda _: f"{field}: {value}", text)
        assert count == 1
        place.description.write_text(changed, encoding="utf-8")

    case(name, words)(spoil)


def _whole(name: str, content: bytes, words: str) -> None:
    def spoil(place: Place) -> None:
        place.description.write_bytes(content)

    case(name, words)(spoil)


BOMB = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n"

_whole("a billion laughs", BOMB.encode(), "anchors and aliases are not used here ('a')")
_append(
    "a Python object", "evil: !!python/object/apply:os.system ['touch /tmp/owned']\n", "python/object/apply:os.system"
)
_append("a tag of its own", "evil: !include /etc/passwd\n", "the tag '!include' is not allowed; write plain values")
_append("a key given twice", 'model: "other"\n', "the key 'model' is given twice (first on line 3)")
_append("a merge key with an alias", "<<: *other\n", "anchors and aliases are not used here ('other')")
_append("a merge key", "<<: {model: other}\n", "<<: unknown field")
_append("a field of Python's", "__class__: Submission\n", "__class__: unknown field")
_append("its own rank", "rank: 1\n", "rank: unknown field")
_append("a claim to be a baseline", "baseline: true\n", "baseline: unknown field")
_append("its own scores", "scores: {mae: 0.0}\n", "scores: unknown field")
_append("a second document", "---\nmodel: other\n", "not valid YAML: a second document begins; a file holds one")
_append("tabs", "evil:\n\tdeep: 1\n", "a tab is used for indentation; YAML allows only spaces there")
_append("ten thousand brackets", "evil: " + "[" * 10_000 + "\n", "is nested more than 32 levels deep")
_append("a number of a hundred digits", f"evil: {'9' * 100}\n", "a whole number may have 30 digits, not 100")
_append("half a character", 'evil: "\\ud800"\n', "an escape stands for half a character")
_whole("nothing", b"", "is empty")
_whole("a list", b"- 1\n- 2\n", "a mapping of fields was expected at the top")
_whole("bytes that are no text", b"title: \xff\xfe\n", "is not UTF-8 text")
_whole("a byte of zero", b"title: \x00\n", "not valid YAML")
_field("another task", "task", '"lno-other"', "task: is 'lno-other', but it is checked for 'lno-energy'")
_field("a task that climbs out", "task", '"../../../etc"', "task: string should match pattern")
_field("another version of the dataset", "dataset", '"lno-cathode@9.9.9"', "the task is about 'lno-cathode@1.0.0'")
_field("another model's name", "model", '"mean"', "model: is 'mean', but its folder is called 'schnet'")
_field("a version that is a number", "version", "1.10", "version: input should be a valid string, not 1.1")
_field("not-a-number as a cost", "  train_seconds", ".nan", "cost.train_seconds: input should be")
_field("infinity as a cost", "  train_seconds", "1e999", "cost.train_seconds: input should be")
_field(
    "a negative cost", "  predict_seconds", "-1.0", "cost.predict_seconds: input should be greater than or equal to 0"
)
_field(
    "parameters beyond 64 bits", "  parameters", "99999999999999999999", "cost.parameters: input should be less than"
)
_field("a text as a count", "  structures", '"20"', "cost.structures: input should be a valid integer, not '20'")
_field("fewer seeds", "seeds", "[0, 1]", "seeds: are [0, 1], but the task asks for [0, 1, 2]; give all of them")
_field("more seeds", "seeds", "[0, 1, 2, 3]", "but the task asks for [0, 1, 2]")
_field("a seed twice", "seeds", "[0, 1, 2, 2]", "seeds: names a seed twice")
_field("seeds that are words", "seeds", "[true, false, null]", "seeds.0: input should be a valid integer")
_field("a link that is a script", "code", '"javascript:alert(1)"', "code: an address that begins with https://")
_field("a link that holds a page", "code", '"data:text/html,<script>alert(1)</script>"', "code: an address that begins")
_field(
    "a link that ends its attribute", "code", "'https://a.org/\" onclick=\"alert(1)'", "code: an address that begins"
)
_field("a link with a password", "code", '"https://github.com@evil.org/"', "code: an address that begins with https://")
_field("a link without a host", "code", '"https:///etc/passwd"', "code: an address that begins with https://")
_field("a file as a paper", "paper", '"file:///etc/passwd"', "paper: a DOI such as 10.1021/jacs.5b00001 or an address")
_field("a DOI that is a page", "paper", '"10.1000/ <script>"', "paper: a DOI such as 10.1021/jacs.5b00001")
_field(
    "a title that reads backwards",
    "title",
    '"Model \\u202eteN"',
    "title: one line of plain text was expected; it holds",
)
_field("a title without width", "title", '"\\u200b"', "it holds the character U+200B")
_field("a title of two lines", "title", '"a\\nb"', "it holds the character U+000A")
_field("a title that colours the terminal", "title", '"\\e[31m"', "it holds the character U+001B")
_field("a title that climbs", "title", '"Z' + "\\u0335" * 40 + '"', "more than 4 accents stand on one letter")
_field("a title of spaces", "title", '"   "', "title: is empty")
for _code in (0x3164, 0x2800, 0x115F, 0x1160, 0xFFA0, 0x034F, 0x17B4, 0x180B, 0xFE0F, 0xE0100, 0x1D159, 0x16FE4):
    _shown = f"U+{_code:04X}"
    _field(f"a title of nothing but {_shown}", "title", f'"\\U{_code:08X}"', f"it holds the character {_shown}")
for _code in (0x200B, 0x200C, 0x200D, 0x2060, 0x2063, 0x202A, 0x2066, 0x2069, 0x061C, 0xFEFF, 0xAD, 0x115F, 0xE0041):
    _shown = f"U+{_code:04X}"
    _field(f"a name with {_shown} in it", "title", f'"Me\\U{_code:08X}an"', f"it holds the character {_shown}")
_field("a title of other blanks", "title", '"\\u00a0\\u2003\\u3000"', "title: is empty")
_field("a title of an accent alone", "title", '" \\u0301"', "title: is empty")
_field("a joiner behind a letter of Asia", "title", '"\\u0646\\u200ca"', "it holds the character U+200C")
_TWO = "title: letters of two scripts stand in one word ("
_field("a Cyrillic letter in a Latin word", "title", '"M\\u0435an"', f"{_TWO}U+004D and U+0435); use one")
_field("a Greek capital in a Latin word", "title", '"\\u039dode"', f"{_TWO}U+006F and U+039D); use one")
_field("a Cherokee letter in a Latin word", "title", '"\\u13deinear"', _TWO)
_field(
    "wide letters", "title", '"\\uff2d\\uff45\\uff41\\uff4e"', "the letter U+FF2D passes for a plain one; write that"
)
_field("mathematical letters", "title", '"\\U0001d40cean"', "title: the letter U+1D40C passes for a plain one; write")
_field("two letters in one", "title", '"\\ufb01t"', "title: the letter U+FB01 passes for a plain one")
_field("an unseen author", "authors", '\n  - "\\u3164"', "it holds the character U+3164")
_HOSTS = """
localhost LOCALHOST localhost. a.localhost 127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 0x7f.0.0.1 a.0x7f [::1]
[::ffff:127.0.0.1] 0.0.0.0 10.0.0.1 192.168.1.1 169.254.169.254 8.8.8.8 printer.local metadata.google.internal
router.lan x.home.arpa intranet -a.org a..org a_b.org xn--.com- a.1 bücher.de пример.рф
"""
_PUBLIC = "code: an address that begins with https:// and the name of a public host was expected"
for _host in [*_HOSTS.split(), "x" * 64 + ".org"]:
    _field(f"a link to {_host:.40}", "code", f'"https://{_host}/x"', _PUBLIC)
_field("a link to another apple", "code", '"https://\\u0430pple.com/"', "letters of two scripts stand in one word")
_field("a link in wide letters", "code", '"https://\\uff4cocalhost/"', "the letter U+FF4C passes for a plain one")
_PORT = "code: an address with a port from 1 to 65535, or none, was expected"
for _port in ("0", "65536", "99999999", "", "00", "8o", "-1", "1.5"):
    _field(f"a link to port {_port!r}", "code", f'"https://a.org:{_port}/x"', _PORT)
_field(
    "a paper on one's own machine",
    "paper",
    '"http://localhost:8888/"',
    "paper: a DOI such as 10.1021/jacs.5b00001 or an",
)
_field("a long title", "title", f'"{"x" * 5000}"', "title: string should have at most 120 characters")
_field("a title that is a date", "title", "null", "title: input should be a valid string, not None")
_field("a thousand authors", "authors", "\n" + '  - "A"\n' * 1000, "authors: list should have at most 100 items")
_field("no word on overlap", "training_overlap", "null", "training_overlap: input should be 'none', 'structures' or")
_field("fitted on the test labels", "training_overlap", '"labels"', "training_overlap: input should be 'none', 'struct")
_field("a licence that is a page", "license", '"<b>MIT</b>"', "license: string should match pattern")
