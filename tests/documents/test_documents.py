"""Documents enter in one place: whatever is in a file, it is a value of the type or one line that says why not."""

import os
import socket
import tracemalloc
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from froude.documents import DocumentKind
from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.documents.toml_text import LARGEST_TOML
from froude.documents.values import DEEPEST
from froude.errors import InputError, shown

MENU = DocumentKind(what="menu", remedy="give a menu", missing="write one")
JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@dataclass(frozen=True, kw_only=True)
class Dish:
    """What a menu of these tests holds."""

    name: Annotated[str, Meta(min_length=1)]
    price: Annotated[float, Meta(gt=0)] = 1.0
    stars: Annotated[int, Meta(ge=0, le=3)] | None = None
    kind: Literal["soup", "cake"] = "soup"
    grams: dict[str, list[float]] = field(default_factory=dict)
    span: tuple[float, float] = (0, 1)


def complaint(body: bytes | str, form: str = "json", kind: Any = Dish) -> str:
    """The one line about a document that is none."""
    with pytest.raises(InputError) as caught:
        (MENU.parse_json if form == "json" else MENU.parse_toml)(body, "m", kind)
    line = str(caught.value)
    assert len(line) < 400
    assert line.isprintable()
    assert line.endswith(": give a menu")
    return line.removeprefix("'m' is no menu (").removesuffix("): give a menu")


def test_a_document_becomes_a_value_of_its_type(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('\ufeff{"name": "Suppe", "price": 3, "grams": {"salt": [1, 2.5]}, "span": [1, 2], "more": 1}')
    dish = Dish(name="Suppe", price=3.0, grams={"salt": [1.0, 2.5]}, span=(1, 2))
    assert MENU.read_json(path, Dish) == dish
    path.write_text('name = "Suppe"\nprice = 3\nspan = [1, 2]\ngrams.salt = [1, 2.5]')
    assert MENU.read_toml(path, Dish) == dish
    assert MENU.read_toml(path, dict)["grams"] == {"salt": [1, 2.5]}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('{"name": 3}', "name is 3, not a text"),
        ('{"name": ""}', "name is '', not a text of at least 1 long"),
        ('{"price": 3}', "name is missing"),
        ('{"name": "a", "price": "3"}', "price is '3', not a number"),
        ('{"name": "a", "price": true}', "price is True, not a number"),
        ('{"name": "a", "price": 0}', "price is 0, not a number above 0"),
        ('{"name": "a", "price": 1e999}', "price is inf, not a finite number"),
        ('{"name": "a", "price": NaN}', "price is nan, not a finite number"),
        ('{"name": "a", "stars": 4}', "stars is 4, not a whole number of at most 3"),
        ('{"name": "a", "stars": 1.5}', "stars is 1.5, not a whole number or null"),
        ('{"name": "a", "kind": "tea"}', "kind is 'tea', which cannot be"),
        ('{"name": "a", "grams": {"x": [1], "y z": [1, {}]}}', "grams.'y z'[1] is {}, not a number"),
        ('{"name": "a", "grams": {"x": [1], "y": 2}}', "grams.y is 2, not a list"),
        ('{"name": "a", "span": [1]}', "span is [1], not a list of 2"),
        ('{"name": "a", "name": "b"}', "the key 'name' stands twice in one object"),
        ('{"name": "\\ud800"}', "name is '\\ud800', which is half a character"),
        ('{"name": "\\u001b[31m"}[', "it is no JSON: Extra data at line 1 column 23"),
        ("[1]", "its content is [1], not a table of keys and values"),
        ("null", "its content is None, not a table of keys and values"),
        ("", "it is empty"),
        (b"\xff{}", "it is not UTF-8: byte 1 is 0xff"),
        ('{"name": ' + "9" * 5000 + "}", "it holds an integer of thousands of digits"),
        ('{"name": 1' + "0" * 400 + "}", "name is an integer of 401 digits, which is beyond all numbers"),
    ],
)
def test_a_fault_in_json_is_said_with_key_and_value(body: bytes | str, fault: str) -> None:
    assert complaint(body)[: len(fault)] == fault


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('name = "a"\nprice = inf', "price is inf, not a finite number"),
        ('name = "a"\nprice = nan', "price is nan, not a finite number"),
        ('name = "a"\nprice = 0x' + "f" * 6000, "price is an integer of about 7225 digits, which is beyond all"),
        ("name = " + "9" * 5000, "it holds a number or date that cannot be read"),
        ("name = 2024-13-45", "it is no TOML: Expected newline or end of document after a s"),
        ("name = 2024-01-02", "name is datetime.date(2024, 1, 2), not a text"),
        ('name = "a"\nname = "b"', "it is no TOML: Cannot overwrite a value"),
        ("[[name]]", "name is [{}], not a text"),
        ("name = '\x1b'", "it is no TOML: Found invalid character '\\x1b'"),
        ("a = " + "[" * 50_000, "it is nested too deeply"),
        ("a = " + "{a=" * 9_000 + "1" + "}" * 9_000, "it is nested too deeply"),
        (".".join(["a"] * 20_000) + " = 1", "the key 'a.a.a.a"),
        ("[" + " . ".join(['"b c"'] * 20_000) + "]", 'the key \'"b c" . '),
        ("\n".join(".".join([f"a{i}", *"b" * 30]) + "=1" for i in range(5000)), "the key 'a344.b"),
        ("#" * LARGEST_TOML + "#", f"it has {LARGEST_TOML + 1} bytes, at most {LARGEST_TOML} are read"),
        (b"[[case]]\nname='\xff'", "it is not UTF-8: byte 16 is 0xff"),
    ],
)
def test_a_fault_in_toml_is_said_with_key_and_value(body: bytes | str, fault: str) -> None:
    assert complaint(body, "toml")[: len(fault)] == fault


def test_dots_and_brackets_in_texts_and_comments_are_no_keys() -> None:
    dots, brackets = ".".join(["a"] * 100), "[" * 100
    texts = [f'"{dots}{brackets}"', f"'{dots}{brackets}'", f'"""\n{dots}{brackets}"""', f"'''\n{dots}{brackets}'''"]
    body = f"# {dots} {brackets}\nvalues = [{', '.join(texts)}]\nx = 1.5 # {dots}"
    assert len(MENU.parse_toml(body, "m", dict)["values"]) == 4


@pytest.mark.parametrize("body", ["[" * 200_000, '{"a":' * 200_000, "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)])
def test_deep_json_is_refused_however_deep(body: str) -> None:
    assert complaint(body, kind=object) == "it is nested too deeply"


@pytest.mark.parametrize("bit", ["a.b.", '"\\"', "'", '"""\\', "[[", "a = [", "'''", "\\", "a . ", "1e", "{", '"a".'])
def test_a_long_toml_of_nothing_but_one_bit_is_refused_in_little_memory(bit: str) -> None:
    tracemalloc.start()
    complaint(bit * (LARGEST_TOML // 4 // len(bit)), "toml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


PLAIN = "give a plain file that you may read"


def refusal(path: Path | str) -> str:
    """The one line about a file that cannot be read."""
    with pytest.raises(InputError) as caught:
        MENU.read_json(path, Dish)
    return str(caught.value)


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("link").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    Path("file").touch()
    assert refusal("pipe") == f"'pipe' cannot be read (it is a pipe): {PLAIN}"
    assert refusal(".") == f"'.' cannot be read (Is a directory): {PLAIN}"
    assert refusal("/dev/zero") == f"'/dev/zero' cannot be read (it is a device): {PLAIN}"
    assert refusal("link") == "there is no file 'link': write one"
    assert refusal("loop") == f"'loop' cannot be read (Too many levels of symbolic links): {PLAIN}"
    assert refusal("file/x") == f"'file/x' cannot be read (Not a directory): {PLAIN}"
    assert (
        refusal("a\0b") == f"'a\\x00b' cannot be read (its name holds a character that no name of a file can): {PLAIN}"
    )
    assert len(refusal("x" * 5000)) < 400
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "'socket' cannot be read" in refusal("socket")


def test_a_file_without_rights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: str, flags: int, mode: int = 0) -> int:  # as for others than root, whom rights do not bind
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", closed)
    assert refusal("m.json") == f"'m.json' cannot be read (Permission denied): {PLAIN}"


def test_a_refused_file_is_closed_again(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        refusal(tmp_path)
        refusal("/dev/zero")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b"12345")
    assert bytes_of(path, most=5) == b"12345"
    with pytest.raises(DocumentError, match="at most 0 are read"):
        bytes_of(path, most=4)


def test_a_document_has_a_size_that_its_kind_may_have(tmp_path: Path) -> None:
    path = tmp_path / "100%s.json"
    with open(path, "wb") as file:
        file.truncate(17 * 2**20)
    assert refusal(path).endswith(f"100%s.json' cannot be read (it has 17 MiB, at most 16 are read): {PLAIN}")
    assert "100%s.json' is no menu (it is no JSON" in refusal_of_json(path, replace(MENU, largest=2**25))


def refusal_of_json(path: Path, kind: DocumentKind) -> str:
    """The one line about a file that is no document of this kind."""
    with pytest.raises(InputError) as caught:
        kind.read_json(path, Dish)
    return str(caught.value)


def test_numbers_that_are_not_finite_are_read_where_they_may_be() -> None:
    lenient = DocumentKind(what="log", remedy="give a log", finite=False)
    assert lenient.parse_json('[Infinity, -1e999, {"loss": 1}]', "m", list)[:2] == [float("inf"), -float("inf")]


@settings(max_examples=50)
@given(JSON_TEXTS)
def test_any_value_is_shown_in_a_short_printable_line(value: object) -> None:
    assert len(shown(value)) <= 80
    assert shown(value).isprintable()


def test_values_that_are_hard_to_write_are_shown() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "[[[[...]]]]"
    assert shown(16**5000) == "an integer of about 6021 digits"
    assert shown("a" * 10_000 + "z").endswith("aaz'")
    while deep:  # taken apart, as the collector would call itself for each
        deep = deep[0]
