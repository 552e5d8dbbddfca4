"""Tails of the standard normal distribution: how far out, and how improbable."""

from __future__ import annotations

from math import erfc, log, sqrt
from typing import Final

from detectors.compiled import compiled

LEAST: Final = 1e-15
"""The smallest probability told apart."""

_MOST: Final = 1 - 1e-12
_ROOT: Final = sqrt(2.0)

# Wichura 1988, algorithm AS241 (PPND16): numerator and denominator of the quantile
# near the middle, in the tails, and far out in them; the highest power first.
_MIDDLE: Final = (
    2.5090809287301226727e3,
    3.3430575583588128105e4,
    6.7265770927008700853e4,
    4.5921953931549871457e4,
    1.3731693765509461125e4,
    1.9715909503065514427e3,
    1.3314166789178437745e2,
    3.3871328727963666080,
)
_MIDDLE_BELOW: Final = (
    5.2264952788528545610e3,
    2.8729085735721942674e4,
    3.9307895800092710610e4,
    2.1213794301586595867e4,
    5.3941960214247511077e3,
    6.8718700749205790830e2,
    4.2313330701600911252e1,
    1.0,
)
_TAIL: Final = (
    7.74545014278341407640e-4,
    2.27238449892691845833e-2,
    2.41780725177450611770e-1,
    1.27045825245236838258,
    3.64784832476320460504,
    5.76949722146069140550,
    4.63033784615654529590,
    1.42343711074968357734,
)
_TAIL_BELOW: Final = (
    1.05075007164441684324e-9,
    5.47593808499534494600e-4,
    1.51986665636164571966e-2,
    1.48103976427480074590e-1,
    6.89767334985100004550e-1,
    1.67638483018380384940,
    2.05319162663775882187,
    1.0,
)
_FAR: Final = (
    2.01033439929228813265e-7,
    2.71155556874348757815e-5,
    1.24266094738807843860e-3,
    2.65321895265761230930e-2,
    2.96560571828504891230e-1,
    1.78482653991729133580,
    5.46378491116411436990,
    6.65790464350110377720,
)
_FAR_BELOW: Final = (
    2.04426310338993978564e-15,
    1.42151175831644588870e-7,
    1.84631831751005468180e-5,
    7.86869131145613259100e-4,
    1.48753612908506148525e-2,
    1.36929880922735805310e-1,
    5.99832206555887937690e-1,
    1.0,
)


@compiled
def tail(deviations: float) -> float:
    """The probability of a value at least so far above the mean.

    >>> round(tail(1.645), 3)
    0.05
    """
    return max(LEAST, 0.5 * erfc(deviations / _ROOT))


@compiled
def _polynomial(coefficients: tuple[float, ...], place: float) -> float:
    found = 0.0
    for coefficient in coefficients:
        found = found * place + coefficient
    return found


@compiled
def deviations(probability: float) -> float:
    """The inverse of ``tail``, to the bit what ``statistics.NormalDist`` has.

    >>> round(deviations(0.05), 3)
    1.645
    """
    p = min(max(probability, LEAST), _MOST)
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return -(_polynomial(_MIDDLE, r) * q / _polynomial(_MIDDLE_BELOW, r))
    r = sqrt(-log(p if q <= 0.0 else 1.0 - p))
    if r <= 5.0:
        found = _polynomial(_TAIL, r - 1.6) / _polynomial(_TAIL_BELOW, r - 1.6)
    else:
        found = _polynomial(_FAR, r - 5.0) / _polynomial(_FAR_BELOW, r - 5.0)
    return found if q < 0.0 else -found
