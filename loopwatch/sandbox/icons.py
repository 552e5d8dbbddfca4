"""The page's drawings."""

from __future__ import annotations

from typing import Final

from loopwatch.sandbox.markup import Markup

LOOP: Final = Markup(
    '<svg viewBox="0 0 36 36" aria-hidden="true"><rect width="36" height="36" rx="9" '
    'fill="#2b3a67"/><path d="M25.6 14.2A8.6 8.6 0 1 0 26.6 18" fill="none" '
    'stroke="#fff" stroke-width="2.6" stroke-linecap="round"/>'
    '<path d="M26.9 9.2v5.6h-5.6" fill="none" stroke="#fff" stroke-width="2.6" '
    'stroke-linecap="round" stroke-linejoin="round"/>'
    '<circle cx="18" cy="18" r="2.9" fill="#ffb454"/></svg>'
)
HASH: Final = Markup(
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M7.5 3 6 17M14 3l-1.5 14'
    'M3.5 7.2h13.4M3 12.8h13.4" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round"/></svg>'
)
BELL: Final = Markup(
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M10 2.6c-3.1 0-5 2.3-5 5.2 '
    "0 4-1.7 5.2-1.7 5.2h13.4S15 11.8 15 7.8c0-2.9-1.9-5.2-5-5.2ZM8.3 "
    '16.2a1.8 1.8 0 0 0 3.4 0" fill="none" stroke="currentColor" '
    'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
PLUG: Final = Markup(
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 10h4m6 0h4M7 6.5h3.5'
    'a3.5 3.5 0 0 1 0 7H7Z" fill="none" stroke="currentColor" stroke-width="1.8" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
