"""Every example of ``docs/configure.md`` is one that works."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopwatch.cli import build
from loopwatch.config import routes, rules
from loopwatch.config.load import read
from loopwatch.config.source import Source

_PAGE = (Path(__file__).parents[3] / "docs/configure.md").read_text(encoding="utf-8")
_EXAMPLE = re.compile(
    r"^```yaml\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
_EXAMPLES = [found.groups() for found in _EXAMPLE.finditer(_PAGE)]
_RIGHT = [example for example, printed in _EXAMPLES if printed is None]
_WRONG = [(example, printed) for example, printed in _EXAMPLES if printed is not None]


@pytest.mark.parametrize("example", _RIGHT)
def test_an_example_is_right(example: str) -> None:
    """A piece of a file is right in a file that has rules."""
    rest = "" if "rules:" in example else "rules: [{name: any, absence: 1h}]\n"
    loaded = read(Source(f"{rest}{example}"), Path("loopwatch.yaml"), {})
    assert [fault.message for fault in loaded.faults] == []
    about_pieces = ("'version' is missing", "there are no 'receivers'")
    told = [each.message for each in loaded.warnings]
    assert [each for each in told if not each.startswith(about_pieces)] == []


@pytest.mark.parametrize(("example", "printed"), _WRONG)
def test_a_wrong_example_prints_what_the_page_says(
    example: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages on the page are the real ones."""
    monkeypatch.chdir(tmp_path)
    Path("loopwatch.yaml").write_text(example, encoding="utf-8")
    result = CliRunner().invoke(build(["check"]), ["check"])
    assert (result.exit_code, result.stderr) == (2, printed)


def test_the_page_shows_something() -> None:
    """A page whose examples are not found would prove nothing."""
    assert len(_RIGHT) > 10
    assert len(_WRONG) == 1


@pytest.mark.parametrize("key", sorted({*rules.KEYS, *routes.KEYS}))
def test_the_page_tells_of_every_key(key: str) -> None:
    """A key that can be written can be looked up."""
    assert f"`{key}`" in _PAGE
