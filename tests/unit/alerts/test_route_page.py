"""What ``docs/route.md`` shows is what arrives."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from alerts.delivery import Action
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.slack import slack_message
from alerts.messages.webhook import webhook_body
from alerts.messages.wording import why
from alerts.notifications import Reason
from detectors.transitions import (
    Transition,
    decode_line,
    encode_line,
    microseconds,
)

_PAGE = (Path(__file__).parents[3] / "docs/route.md").read_text(encoding="utf-8")


def _block(language: str, begins: str = "") -> str:
    """The first example of the page that begins so."""
    shape = rf"^```{language}\n({begins}.*?)^```"
    found = re.search(shape, _PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """The body on the page."""
    body: dict[str, Any] = json.loads(_block("json"))
    return body


@pytest.fixture
def delivery(shown: dict[str, Any], scene: Any) -> Any:
    """The delivery that the page tells of."""
    import msgspec

    return scene.delivery(
        id=shown["id"],
        receiver=shown["receiver"],
        action=Action.UPDATE,
        group=shown["group"],
        dedup_key=shown["dedup_key"],
        reason=Reason.ESCALATED,
        news={one: Reason(why) for one, why in shown["news"].items()},
        before={
            one: (told["value"], told["sessions"])
            for one, told in shown["before"].items()
        },
        firing=shown["firing"],
        severity_before="warning",
        alerts=(msgspec.convert(shown["alerts"][0], Transition),),
        at_us=microseconds(shown["time"]),
    )


def test_the_webhook_body_is_the_real_one(shown: dict[str, Any], delivery: Any) -> None:
    """Every member, in its order."""
    sent = json.loads(webhook_body(delivery))
    assert json.dumps(sent) == json.dumps(shown)


def test_the_slack_message_is_the_real_one(scene: Any, delivery: Any) -> None:
    """Each line and each field of the picture stands in the message."""
    first = scene.delivery(alerts=delivery.alerts)
    message = slack_message(first)
    picture = _block("text", "🔴")
    assert picture.startswith(message.text + "\n")
    blocks = message.attachments[0]["blocks"]
    told = blocks[0]["text"]["text"].replace("*", "").splitlines()
    context = re.sub(r"<[^|]*\|([^>]*)>|[*`]", r"\1", blocks[-1]["elements"][0]["text"])
    for line in [*told, context]:
        assert f"┃ {line}\n" in picture
    for field in blocks[1]["fields"]:
        name, _, value = field["text"].replace("*", "").partition("\n")
        assert name in picture
        if not value.startswith("<!date"):
            assert re.sub(r"<[^|]*\|([^>]*)>|`", r"\1", value) in picture


def test_the_title_of_the_incident_is_the_real_one(scene: Any, delivery: Any) -> None:
    """As PagerDuty shows it."""
    event = pagerduty_event(scene.delivery(alerts=delivery.alerts))
    assert event["payload"]["summary"] in " ".join(_PAGE.split())


def test_the_causes_in_words_are_the_real_ones(delivery: Any) -> None:
    """As the page on configuration shows them, for the same alert."""
    page = Path(__file__).parents[3] / "docs/configure.md"
    assert f"\nWhy: {why(delivery.alerts[0])}\n" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", [str(reason) for reason in Reason])
def test_the_reasons_are_ours(reason: str) -> None:
    """The page names what lines carry."""
    assert Reason(reason)
    assert f"| `{reason}` |" in _PAGE


def test_the_census_is_the_real_one() -> None:
    """Every member, in its order."""
    text = _block("jsonl").strip().encode()
    assert encode_line(decode_line(text)) == text
