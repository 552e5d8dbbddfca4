"""What a session must have cost, from its model and tokens.

List prices of genai-prices, which carries them in its wheel: nothing is fetched.
Discounts, batches and caches are not in it, so a reported cost always wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per token, the same for every call of a day."""

    input_usd: float
    output_usd: float


class _Varying:
    """A price that hangs on the time of day or on the size of a call."""


_VARYING: Final = _Varying()
_MILLION: Final = Decimal(1_000_000)


def price(
    model: str, input_tokens: int, output_tokens: int, calls: int, at_us: int
) -> float | None:
    """USD for a session's tokens, or None if nobody knows a price.

    Args:
        model: As the provider spells it, or ``provider/model``.
        input_tokens: Of the whole session, cached ones included.
        output_tokens: Of the whole session, reasoning included.
        calls: Over how many LLM calls the tokens were spread, at least 1: some
            prices rise with the size of a call, which a session's sum is not.
        at_us: When, in epoch microseconds; prices of that day count.

    A model whose list price is 0 counts as unknown: 0 USD for real tokens is a gap
    in a price list far more often than a gift.
    """
    rates = _rates(model, at_us // DAY_US)
    if rates is None:
        return None
    if isinstance(rates, Rates):
        return input_tokens * rates.input_usd + output_tokens * rates.output_usd
    return _ask(model, input_tokens, output_tokens, calls, at_us)


@lru_cache(maxsize=10_000)
def _rates(model: str, day: int) -> Rates | _Varying | None:
    from genai_prices.types import (  # noqa: PLC0415 - a slow import, seldom needed
        ModelPrice,
        TieredPrices,
        TimeOfDateConstraint,
    )

    at_us = day * DAY_US
    reading = _calculate(model, _MILLION, Decimal(0), at_us)
    writing = _calculate(model, Decimal(0), _MILLION, at_us)
    if reading is None or writing is None:
        return None
    prices = reading.model.prices
    hourly = not isinstance(prices, ModelPrice) and any(
        isinstance(each.constraint, TimeOfDateConstraint) for each in prices
    )
    parts = vars(reading.model_price)
    tiered = any(isinstance(part, TieredPrices) for part in parts.values())
    if hourly or tiered or parts.get("requests_kcount") is not None:
        return _VARYING
    if not reading.total_price and not writing.total_price:
        return None
    return Rates(
        float(reading.total_price / _MILLION), float(writing.total_price / _MILLION)
    )


def _ask(
    model: str, input_tokens: int, output_tokens: int, calls: int, at_us: int
) -> float | None:
    each = Decimal(max(calls, 1))
    found = _calculate(model, input_tokens / each, output_tokens / each, at_us)
    if found is None or not found.total_price:
        return None
    return float(found.total_price * each)


def _calculate(
    model: str, input_tokens: Decimal, output_tokens: Decimal, at_us: int
) -> PriceCalculation | None:
    """Ask genai-prices: by the name alone, then by the provider that it begins with.

    No further guess: the same model is resold at other prices.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    when = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    provider, slash, rest = model.partition("/")
    for name, whose in ((model, None), (rest, provider)) if slash else ((model, None),):
        try:
            return calc_price(
                usage, name, provider_id=whose, genai_request_timestamp=when
            )
        except (LookupError, ValueError):
            continue
    return None
