"""A session without a cost is priced from its model and tokens, or not at all."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from genai_prices import Usage, calc_price
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.metrics import COLUMN
from streams.events.pricing import price
from streams.events.session import Session, decode_session


def at(text: str) -> int:
    """Epoch microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def read(**fields: Any) -> Session:
    """The session that an event of these fields is."""
    event = {"session_id": "s", "agent": "a", "ended_at": "2026-02-14T12:00:00Z"}
    return decode_session(msgspec.json.encode(event | fields), (1.0, 10.0), None)


def cost(session: Session) -> float:
    """What it cost."""
    return session.values[COLUMN["cost_usd"]]


MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-4o", 12.5),
        ("gpt-4o-mini", 0.75),
        ("openai/gpt-4o-mini", 0.75),
        ("claude-3-5-sonnet", 18.0),
        ("anthropic/claude-3-5-haiku-latest", 4.8),
        ("gemini-2.0-flash", 0.5),
    ],
)
def test_list_prices(model: str, usd: float) -> None:
    """A million tokens each way cost what the providers' lists say."""
    assert price(model, MILLION, MILLION, 1, at("2026-02-14")) == pytest.approx(usd)


def test_the_price_of_the_day_holds() -> None:
    """A model that became cheaper costs what it cost when the session ended."""
    before = price("o3", MILLION, 0, 1, at("2025-01-10"))
    after = price("o3", MILLION, 0, 1, at("2026-02-14"))
    assert [before, after] == pytest.approx([10.0, 2.0])


def test_many_small_calls_are_not_one_large_one() -> None:
    """A price that rises with the size of a call looks at calls, not at the sum."""
    small = price("gemini-2.5-pro", MILLION, 0, 10, at("2026-02-14"))
    large = price("gemini-2.5-pro", MILLION, 0, 1, at("2026-02-14"))
    assert [small, large] == pytest.approx([1.25, 2.5])


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "claude-sonnet-4-5", "gpt-4o"])
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 9))
@example(200_001, 7, 0)
@example(200_000, 7, 1)
@example(200_001, 7, 1)
@example(400_000, 7, 2)
@example(400_001, 7, 2)
def test_what_is_worked_out_is_what_the_list_says(
    model: str, tokens_in: int, tokens_out: int, calls: int
) -> None:
    """Rates that are remembered give the price of each call, times the calls."""
    spread = max(calls, 1)
    usage = Usage(
        input_tokens=Decimal(tokens_in) / spread,
        output_tokens=Decimal(tokens_out) / spread,
    )
    when = datetime(2026, 2, 14, tzinfo=UTC)
    asked = calc_price(usage, model, genai_request_timestamp=when).total_price * spread
    found = price(model, tokens_in, tokens_out, calls, at("2026-02-14"))
    assert (found or 0.0) == pytest.approx(float(asked), rel=1e-12)


@pytest.mark.parametrize(
    "model", ["my-own-model", "ollama/llama3", "google/gemma-3", "", "\0", "x" * 1_000]
)
def test_an_unknown_model_has_no_price(model: str) -> None:
    """No price is no cost, never 0 USD."""
    assert price(model, MILLION, MILLION, 1, at("2026-02-14")) is None


def test_a_session_is_priced_where_no_cost_was_reported() -> None:
    """Tokens and a model make a cost."""
    session = read(model="gpt-4o", input_tokens=1_000, output_tokens=100)
    assert cost(session) == pytest.approx(0.0035)
    assert not session.unpriced


@pytest.mark.parametrize("name", ["cost_usd", "tool_cost_usd"])
def test_a_reported_cost_wins(name: str) -> None:
    """What was reported is never priced again, not even a 0."""
    tokens = {"model": "gpt-4o", "input_tokens": 1_000, "output_tokens": 100}
    assert cost(read(**tokens, **{name: 0})) == 0


def test_tokens_without_a_price_are_counted() -> None:
    """An unknown model's session has no cost and says so."""
    session = read(model="my-own-model", input_tokens=1_000, output_tokens=100)
    assert math.isnan(cost(session))
    assert session.unpriced


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "gpt-4o"},
        {"model": "gpt-4o", "input_tokens": 1_000},
        {"model": "gpt-4o", "output_tokens": 1_000},
        {"model": "gpt-4o", "input_tokens": 0, "output_tokens": 0},
    ],
)
def test_half_a_bill_is_no_cost(fields: dict[str, Any]) -> None:
    """Without both counts of tokens there is nothing to be priced."""
    session = read(**fields)
    assert math.isnan(cost(session))
    assert not session.unpriced
