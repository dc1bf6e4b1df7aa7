"""`/docs`: the page that lists the endpoints and tries them; it holds no data, and loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from aiohttp import web

_PAGE = files("query_api.openapi").joinpath("docs_page.html").read_text("utf-8")


def _source_hash(tag: str) -> str:
    text = _PAGE.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


# Nothing but the page's own script and style runs, whatever a description of an endpoint holds.
_POLICY = (
    f"default-src 'none'; script-src {_source_hash('script')}; style-src {_source_hash('style')}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def docs_page(_request: web.Request) -> web.Response:
    return web.Response(
        text=_PAGE,
        content_type="text/html",
        charset="utf-8",
        headers={
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-cache",
        },
    )
