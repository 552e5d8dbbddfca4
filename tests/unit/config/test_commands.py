"""``loopwatch init`` and ``loopwatch check`` as a user meets them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from detectors.rules import Drift, Silence, Threshold
from loopwatch.cli import build
from loopwatch.config import load


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, without secrets in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "PAGERDUTY_ROUTING_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(build(arguments), arguments)


class TestInit:
    def test_what_it_writes_is_right(self) -> None:
        """After `init`, `check` complains of nothing but unset secrets."""
        assert run("init").exit_code == 0
        result = run("check")
        assert result.exit_code == 0
        *warnings, verdict = result.stderr.splitlines()
        assert [each.partition("variable ")[2] for each in warnings] == [
            "SLACK_BOT_TOKEN is not set",
            "PAGERDUTY_ROUTING_KEY is not set",
        ]
        assert verdict == "loopwatch.yaml: valid: 17 rules, 2 receivers"

    def test_what_it_writes_is_what_people_want(self) -> None:
        """Rules of the kinds that know what is usual, and what to say of each."""
        run("init")
        config = load(Path("loopwatch.yaml"), {}).config
        assert config is not None
        kinds = {type(each.kind) for each in config.book.rules}
        assert kinds == {Threshold, Drift, Silence}
        assert all(each.summary for each in config.book.rules)

    def test_it_never_overwrites(self) -> None:
        """A file that is there stays as it is."""
        file = Path("loopwatch.yaml")
        file.write_text("mine", encoding="utf-8")
        result = run("init")
        assert result.exit_code == 1
        assert result.stderr == "loopwatch.yaml: is there already and stays as it is\n"
        assert file.read_text(encoding="utf-8") == "mine"

    def test_it_says_what_to_do_next(self) -> None:
        """The commands it names take the file it has written."""
        Path("rules").mkdir()
        result = run("init", "rules")
        assert result.exit_code == 0
        assert result.stdout == ""
        assert "loopwatch check -c rules/loopwatch.yaml" in result.stderr
        assert Path("rules/loopwatch.yaml").is_file()

    def test_a_folder_that_is_not_there_is_said(self) -> None:
        """No stack trace where nothing can be written."""
        result = run("init", "nowhere/loopwatch.yaml")
        assert result.exit_code == 1
        assert "nowhere/loopwatch.yaml: cannot be written" in result.stderr


class TestCheck:
    def test_a_missing_file_is_wrong_usage(self) -> None:
        """Exit code 2, and how to get a file."""
        result = run("check")
        assert result.exit_code == 2
        assert result.stderr == (
            "loopwatch.yaml: no such file: name one with -c, or write one with"
            " `loopwatch init`\n"
        )

    def test_set_secrets_are_not_mentioned(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With its variables set, what `init` writes has no warning at all."""
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "canary")
        run("init")
        assert run("check").stderr == "loopwatch.yaml: valid: 17 rules, 2 receivers\n"
