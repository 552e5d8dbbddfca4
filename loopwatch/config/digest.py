"""A name for what a configuration means, whatever its comments and layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b

import msgspec

from alerts.receivers import Secret
from detectors.metrics import Metric

_encode = msgspec.json.Encoder(order="sorted").encode


def digest(*parts: object) -> str:
    """32 hexadecimal digits of BLAKE2b; secrets and their places are left out."""
    return blake2b(
        _encode([_canonical(part) for part in parts]), digest_size=16
    ).hexdigest()


def _canonical(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case Metric():
            return value.name
        case Secret() | re.Pattern():
            return None
        case Mapping():
            return {str(key): _canonical(each) for key, each in value.items()}
        case tuple() | list():
            return [_canonical(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        content = {
            part.name: _canonical(getattr(value, part.name))
            for part in fields(value)
            if part.compare
        }
        return [type(value).__name__, content]
    raise TypeError(f"{type(value).__name__} has no canonical form")
