"""Hiding credentials: what the sandbox keeps or shows has at most their end."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

_SHOWN = 4
# Below this, four characters would give away too much of a secret.
_LONG_ENOUGH = 12
_TOKEN: Final = re.compile(r"\bx(?:ox[a-z]|app)-[\w-]+")
_HOOK: Final = re.compile(r"(/services/[^/\s]+/[^/\s]+/)([^/\s?#\"'<>|]+)")
_SECRET_HEADER: Final = re.compile(
    r"auth|token|key|secret|cookie|signature|password", re.IGNORECASE
)


def mask(secret: str) -> str:
    """An ellipsis and the last four characters; of a short secret only the former."""
    return "…" + (secret[-_SHOWN:] if len(secret) >= _LONG_ENOUGH else "")


def mask_text(text: str, secrets: Collection[str] = ()) -> str:
    """The text without the given secrets, Slack tokens and Slack webhook URLs."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, mask(secret))
    text = _TOKEN.sub(lambda found: mask(found[0]), text)
    return _HOOK.sub(lambda found: found[1] + mask(found[2]), text)


def mask_all(value: Any, secrets: Collection[str] = ()) -> Any:  # noqa: ANN401 - any JSON
    """A JSON value with ``mask_text`` applied to every string in it, keys too."""
    match value:
        case str():
            return mask_text(value, secrets)
        case Mapping():
            return {
                mask_text(str(name), secrets): mask_all(inner, secrets)
                for name, inner in value.items()
            }
        case list() | tuple():
            return [mask_all(inner, secrets) for inner in value]
        case _:
            return value


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with the values masked of those whose names speak of credentials."""
    return {
        name: mask(value) if _SECRET_HEADER.search(name) else mask_text(value)
        for name, value in headers.items()
    }
