"""Whatever stands in a file, it is read to the end and no secret comes out."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopwatch.config import Loaded, load
from loopwatch.config.faults import Position
from loopwatch.config.load import read
from loopwatch.config.source import NoTextError, Source, decode

CONTRACT = (Path(__file__).parent / "contract.yaml").read_text(encoding="utf-8")
KEPT = ("everything", "tool-errors", "tenant-budget", "fleet-drift", "odd-stretch")
# Several rules of the same keys would only make each example slower.
TEXT = "".join(
    line
    for line in CONTRACT.splitlines(keepends=True)
    if "metric: " not in line or "{name: " not in line or line.split()[2][:-1] in KEPT
)
WORDS = sorted(set(re.findall(r"[\w./:$@#%-]+|[^\w\s]", TEXT)))
# Names are left out: they are meant to be read by everybody.
SCALARS = [
    found.span()
    for found in re.finditer(
        r'(?<=[:,\[] )(?<!name: )"[^"]*"|(?<=[:,\[] )(?<!name: )[\w./-]+', TEXT
    )
]
NONSENSE = [
    *(
        "",
        "~",
        "null",
        "true",
        "yes",
        "-1",
        "0",
        "1e999",
        ".nan",
        "99999999999999999999",
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a: b}",
        "&x 5",
        "*x",
        "!!float 1",
        '"',
        "'",
        "|",
        "\t",
        "#",
    ),
    *("${UNSET}", "$${", "${", '"${SET}"', "<<: {}", "? ", "- ", "---", "...", "\x00"),
    *("\u2028", "\x85", "\ufeff", '"\\UFFFFFFFF"', '"\\ud800"', "%YAML 9.9", "0x1F"),
]


def check(text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read a text; every place that is named must lie inside it."""
    loaded = read(Source(text), Path("x.yaml"), environ or {"SET": "1"})
    named = [*loaded.faults, *loaded.warnings, *loaded.unset]
    lines = re.split(r"\r\n|\n|\r", text)
    for fault in named:
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 2
        assert str(fault).startswith("x.yaml:")
        assert "\n" not in fault.message
    assert (loaded.config is None) is bool(loaded.faults)
    return loaded


@settings(deadline=None)
@given(st.text(max_size=200))
@example('version: 1\nrules: [{name: a, absence: 1h, labels: {b: "\\ud800"}}]')
@example("\ufeff")
@example('"\\ud800"')
@example("%TAG ! tag:x,2000:\n---\na")
def test_any_text_is_read(text: str) -> None:
    """A text is right, or it has faults; it is never a crash."""
    check(text)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*WORDS, *NONSENSE, " ", "\n", "\n  ", "\n- "]), max_size=40
    )
)
def test_any_heap_of_yaml_is_read(words: list[str]) -> None:
    """Words of a configuration in any order are never a crash."""
    check("version: 1\n" + " ".join(words))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SCALARS),
    st.sampled_from([*NONSENSE, *WORDS]) | st.text(max_size=20),
)
def test_any_value_in_place_of_a_right_one_is_read(
    place: tuple[int, int], value: str
) -> None:
    """A right file with one wrong value is right, or it has faults."""
    check(TEXT[: place[0]] + value + TEXT[place[1] :])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_read(data: st.DataObject) -> None:
    """A right file from which a piece was cut or doubled is never a crash."""
    begin = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(begin, min(len(TEXT), begin + 300)))
    times = data.draw(st.sampled_from([0, 2, 3]))
    check(TEXT[:begin] + TEXT[begin:end] * times + TEXT[end:])


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read(content: bytes) -> None:
    """Bytes are a text, or they are refused."""
    with suppress(NoTextError):
        check(decode(content).text)


def test_a_byte_that_is_no_text_is_named_with_its_place() -> None:
    """An editor finds it by line and column, counted in characters."""
    with pytest.raises(NoTextError, match="no UTF-8") as caught:
        decode("version: 1\r\n# caf\u00e9 ".encode() + b"\xff\n")
    assert caught.value.at == Position(2, 8)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SCALARS),
    st.sampled_from(["${HOLDER}", "x${HOLDER}y"]),
    st.sampled_from(["canary", "5canary", "https://canary.example", "canary x"]),
)
def test_no_message_holds_what_a_variable_holds(
    place: tuple[int, int], reference: str, value: str
) -> None:
    """A variable in the wrong place is named, and its value stays unsaid."""
    text = f'{TEXT[: place[0]]}"{reference}"{TEXT[place[1] :]}'
    loaded = check(text, {"HOLDER": value})
    assert "canary" not in repr((loaded.faults, loaded.warnings, loaded.unset))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SCALARS),
    st.sampled_from(["xoxb-17-canary", "https://canary.example/T/B/X", "canary0" * 5]),
)
def test_no_message_holds_what_looks_like_a_secret(
    place: tuple[int, int], secret: str
) -> None:
    """A token or a URL in the wrong place is not repeated into a log."""
    loaded = check(f'{TEXT[: place[0]]}"{secret}"{TEXT[place[1] :]}')
    assert "canary" not in repr((loaded.faults, loaded.warnings, loaded.unset))


def test_a_small_file_cannot_unfold_into_a_large_one() -> None:
    """Aliases of aliases are counted, not followed."""
    laughs = ["a0: &a0 [x]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (fault,) = check("\n".join(laughs)).faults
    assert "too large" in fault.message


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    """A file that was never meant as a configuration is not parsed for minutes."""
    file = tmp_path / "sessions.jsonl"
    file.write_bytes(b"{}\n" * 400_000)
    (fault,) = load(file, {}).faults
    assert str(fault) == f"{file}: too large: more than 1024 KiB"


def test_a_file_that_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    """Neither a missing file nor a folder is a crash."""
    (missing,) = load(tmp_path / "nothing.yaml", {}).faults
    (folder,) = load(tmp_path, {}).faults
    assert "no such file" in str(missing)
    assert "this is a folder" in str(folder)
