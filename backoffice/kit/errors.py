"""What can go wrong, as one tree; each leaf becomes an `application/problem+json` answer.

Problem
├── Invalid            422  what was sent cannot be meant
├── Unauthenticated    401  who is asking is not known
├── Forbidden          403  known, but not allowed
├── NotFound           404  not there, or not yours: the two look the same
├── Conflict           409  not in this state
│   └── StaleTurn      409  the conversation has passed to somebody else
├── TooMany            429  too often
└── Unavailable        503  something we need is away
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class Problem(Exception):
    """An error with a stable `code`; `extra` fields travel beside it on the wire."""

    status = 500
    headers: Mapping[str, str] | None = None

    def __init__(self, code: str, detail: str = "", **extra: Any) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail, self.extra = code, detail, extra


class Invalid(Problem):
    status = 422


class Unauthenticated(Problem):
    status = 401


class Forbidden(Problem):
    status = 403


class NotFound(Problem):
    status = 404


class Conflict(Problem):
    status = 409


class StaleTurn(Conflict):
    def __init__(self) -> None:
        super().__init__("stale_turn", "the conversation has been handed over since this turn began")


class TooMany(Problem):
    """`retry_after`: seconds, when that is known."""

    status = 429

    def __init__(self, code: str, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(code, detail)
        if retry_after is not None:
            self.headers = {"Retry-After": str(retry_after)}


class Unavailable(Problem):
    status = 503


def problem_response(
    status: int, code: str, detail: str = "", headers: Mapping[str, str] | None = None, **extra: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code}
    if detail:
        body["detail"] = detail
    return JSONResponse(body | extra, status, headers, media_type="application/problem+json")


PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, to be told apart by programs"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "description": "which parts cannot be meant, and why"},
    },
}
INVALID = {
    "type": "about:blank",
    "title": "invalid request",
    "status": 422,
    "code": "invalid_request",
    "errors": [{"where": "query.limit", "what": "Input should be less than or equal to 100"}],
}


def answer_problems(app: FastAPI) -> None:
    """Make `app` answer every error as a problem document, and tell so of every route that it takes in."""
    content = {"application/problem+json": {"schema": PROBLEM, "example": INVALID}}
    told = "what was asked is not done; `code` says why"
    app.router.responses["4XX"] = {"description": told, "content": content}

    @app.exception_handler(Problem)
    async def ours(_: Request, error: Problem) -> JSONResponse:
        return problem_response(error.status, error.code, error.detail, error.headers, **error.extra)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        where = [
            {"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"]}
            for item in error.errors()
        ]
        return problem_response(422, "invalid_request", errors=where)

    @app.exception_handler(HTTPException)
    async def starlette(_: Request, error: HTTPException) -> JSONResponse:
        codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
        return problem_response(
            error.status_code, codes.get(error.status_code, "http_error"), str(error.detail)
        )
