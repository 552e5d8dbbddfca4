"""Plain webhooks and refused requests as the page shows them."""

from __future__ import annotations

import msgspec

from loopwatch.sandbox.clock import show_time
from loopwatch.sandbox.markup import Markup, element
from loopwatch.sandbox.records import Request, Webhook

_BODY_SHOWN = 4_000


def webhook_card_id(hook: Webhook) -> str:
    """The card's id in the page."""
    return f"webhook-{hook.number}"


def webhook_card(hook: Webhook) -> Markup:
    """What a plain webhook took."""
    body = hook.body
    text = (
        body
        if isinstance(body, str)
        else msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
    )
    if len(text) > _BODY_SHOWN:
        text = text[:_BODY_SHOWN] + "\n…"
    return element(
        "article",
        element(
            "div",
            element("code", f"{hook.method} /hook/{hook.name}"),
            show_time(hook.time_s),
            class_="byline",
        ),
        element("pre", text),
        id=webhook_card_id(hook),
        class_="card webhook",
    )


def refusal_card_id(request: Request) -> str:
    """The row's id in the page."""
    return f"request-{request.number}"


def refusal_card(request: Request) -> Markup:
    """A request that was not accepted: when, where, why."""
    status = "reset" if request.status is None else str(request.status)
    return element(
        "article",
        show_time(request.time_s),
        element("code", request.endpoint),
        element("span", status, class_="code"),
        element("span", request.refusal or request.fault or "", class_="reason"),
        element("span", request.about, class_="about") if request.about else None,
        element("span", "scripted", class_="tag") if request.fault else None,
        element("span", "before Retry-After", class_="tag bad")
        if request.too_early
        else None,
        id=refusal_card_id(request),
        class_="refusal",
    )
