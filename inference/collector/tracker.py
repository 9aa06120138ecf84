"""The browser tracker: one file, served as it is."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

_HOUR = "public, max-age=3600"


def tracker_call() -> APIRouter:
    """The call that gives the tracker to any page; without a key, as there is nothing in it to hide."""
    router = APIRouter(tags=["tracker"])
    text = (Path(__file__).parent / "tracker.js").read_bytes()
    headers = {
        "Cache-Control": _HOUR,
        "ETag": f'"{hashlib.sha256(text).hexdigest()[:16]}"',
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }

    @router.get(
        "/v1/tracker.js",
        summary="The browser tracker",
        response_class=Response,
        responses={200: {"content": {"text/javascript": {}}}, 304: {"description": "Not changed"}},
    )
    async def tracker(request: Request) -> Response:
        """For a script element; what to write on it stands in docs/backend.md."""
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(text, headers=headers, media_type="text/javascript")

    return router
