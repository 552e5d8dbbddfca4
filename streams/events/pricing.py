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

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per token, the same for every call of a day."""

    input_usd: float
    output_usd: float


@dataclass(frozen=True, slots=True)
class Bands:
    """Rates that rise with the size of a call: all of its tokens cost the same.

    Attributes:
        starts: Input tokens of a call above which the rates of each band hold,
            ascending; the first is -1.
        rates: Of each band.
    """

    starts: tuple[int, ...]
    rates: tuple[Rates, ...]

    def of(self, input_tokens: int, calls: int) -> Rates:
        """The rates for calls that share so many tokens evenly."""
        band = len(self.starts) - 1
        while input_tokens <= self.starts[band] * max(calls, 1):
            band -= 1
        return self.rates[band]


class _Varying:
    """A price that hangs on the time of day, or on more than tokens."""


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
    if isinstance(rates, Bands):
        band = rates.of(input_tokens, calls)
        cost_usd = input_tokens * band.input_usd + output_tokens * band.output_usd
        return cost_usd or None
    return _ask(model, input_tokens, output_tokens, calls, at_us)


def prices(
    model: str,
    input_tokens: NDArray[np.float64],
    output_tokens: NDArray[np.float64],
    calls: NDArray[np.float64],
    at_us: NDArray[np.int64],
) -> NDArray[np.float64]:
    """What ``price`` says for many sessions of one model and day; NaN is no price.

    Args:
        model: As for ``price``.
        input_tokens: Of each session, whole numbers.
        output_tokens: Likewise.
        calls: Likewise.
        at_us: When each ended, all on one day.
    """
    rates = _rates(model, int(at_us[0]) // DAY_US)
    if rates is None:
        return np.full(len(at_us), np.nan)
    if isinstance(rates, Rates):
        return input_tokens * rates.input_usd + output_tokens * rates.output_usd
    if isinstance(rates, Bands):
        costs_usd = np.zeros(len(at_us))
        for start, band in zip(rates.starts, rates.rates, strict=True):
            above = input_tokens > start * np.maximum(calls, 1)
            costs_usd[above] = (
                input_tokens[above] * band.input_usd
                + output_tokens[above] * band.output_usd
            )
        return np.where(costs_usd == 0, np.nan, costs_usd)
    rows = zip(
        *(input_tokens.tolist(), output_tokens.tolist(), calls.tolist()),
        at_us.tolist(),
        strict=True,
    )
    asked = [
        _ask(model, int(tokens_in), int(tokens_out), int(spread), us)
        for tokens_in, tokens_out, spread, us in rows
    ]
    return np.array(asked, np.float64)


@lru_cache(maxsize=10_000)
def _rates(model: str, day: int) -> Rates | Bands | _Varying | None:
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
    if hourly or parts.get("requests_kcount") is not None:
        return _VARYING
    tiers = [part.tiers for part in parts.values() if isinstance(part, TieredPrices)]
    if tiers:
        starts = sorted({-1, *(tier.start for each in tiers for tier in each)})
        rates = [_band(model, start, at_us) for start in starts]
        return Bands(tuple(starts), tuple(rates))
    if not reading.total_price and not writing.total_price:
        return None
    return Rates(
        float(reading.total_price / _MILLION), float(writing.total_price / _MILLION)
    )


def _band(model: str, start: int, at_us: int) -> Rates:
    """The rates of calls of a few more input tokens than ``start``."""
    size = Decimal(start + 2)
    read = _calculate(model, size, Decimal(0), at_us)
    both = _calculate(model, size, _MILLION, at_us)
    read_usd = Decimal(0) if read is None else read.total_price
    both_usd = read_usd if both is None else both.total_price
    return Rates(float(read_usd / size), float((both_usd - read_usd) / _MILLION))


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
