"""What ``loopwatch check`` prints, byte for byte: one YAML and one text a case.

With ``UPDATE_GOLDEN=1`` in the environment the texts are written anew; read the
difference before committing it.
"""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopwatch.cli import build

_FOLDER = Path(__file__).parent / "golden"
_CASES = sorted(path.stem for path in _FOLDER.glob("*.yaml"))
_ENVIRONMENT = {
    "EMPTY": "",
    "NUMBER": "0.5",
    "SECRET": "canary",
    "SET": "canary",
    "T": "canary",
    "TWO_HOURS": "2h",
    "U": "https://hooks.slack.com/services/T/B/canary",
}


def _check(case: str) -> str:
    result = CliRunner().invoke(
        build(["check"]),
        ["check", "-c", f"{case}.yaml"],
        env={"UNSET": None, "UNSET_TOKEN": None, **_ENVIRONMENT},
    )
    assert result.stdout == ""
    return f"{result.stderr}exit {result.exit_code}\n"


@pytest.mark.parametrize("case", _CASES)
def test_every_fault_has_its_place_and_says_what_would_be_right(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages of a faulty file are those of its golden text, and no secret's."""
    monkeypatch.chdir(_FOLDER)
    printed = _check(case)
    golden = _FOLDER / f"{case}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")
    assert "canary" not in printed


def test_every_golden_text_has_its_case() -> None:
    """A text without a YAML file would never be compared with anything."""
    assert sorted(path.stem for path in _FOLDER.glob("*.txt")) == _CASES
