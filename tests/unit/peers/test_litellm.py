"""What users of LiteLLM's alerts complain of, by its number, does not happen here."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.messages.slack import slack_message
from tests.unit.alerts.conftest import a_delivery, line
from tests.unit.peers.nights import course, night
from tests.unit.peers.test_alertmanager import SOON

BUDGET = """\
version: 1
rules:
  - name: daily
    metric: cost_usd
    by: [agent]
    budget: {amount: 10, period: day, at: [0.8, 1.0]}
"""


@pytest.mark.parametrize("issue", [3738, 3113])
def test_a_budget_is_not_told_with_every_request__litellm_3738(
    tmp_path: Path, issue: int
) -> None:
    """Once at each of its levels, however many sessions follow."""
    dollar = 0.1 if issue == 3738 else 1.0
    spent = course("a", {n / 4: dollar for n in range(400)})
    found = night(tmp_path, "", spent, rules=BUDGET, until=120)
    reasons = [reason for _, _, reason, _ in found]
    assert reasons == ["firing", "escalated"]


@pytest.mark.parametrize("count", [2, 300])
def test_hundreds_of_alerts_are_one_message__litellm_21683(
    tmp_path: Path, count: int
) -> None:
    """Grouped without being asked, by rule."""
    agents = [course(f"a{n}", {0: 0.1, 10: 2.0}) for n in range(count)]
    assert night(tmp_path, "", *agents) == [(10 + SOON, "team", "firing", count)]


@pytest.mark.parametrize("issue", [1821, 3209])
def test_the_trace_is_a_link_in_the_message__litellm_1821(issue: int) -> None:
    """Of the session that shows it best."""
    trace = f"https://traces.example.com/run/{issue}"
    (attachment,) = slack_message(
        a_delivery(alerts=(line(100, "firing", trace=trace),))
    ).attachments
    assert f"<{trace}|" in str(attachment["blocks"])
