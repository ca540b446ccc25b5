"""Tables over HTTP: uploaded as the bytes of a CSV alone, downloaded a chunk at a time."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from backoffice.kit.database import Database, database_of
from backoffice.kit.sheets import Report, Sheet, spooled, take_in

PATHS = re.compile(r"/api/staff/sheets/[a-z]+")
CSV: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}
AtDatabase = Annotated[Database, Depends(database_of)]


class Upload:
    """`dry_run`: tell what would be, keep nothing. `all_or_nothing`: one bad line and nothing is kept."""

    def __init__(
        self, request: Request, database: AtDatabase, dry_run: bool = False, all_or_nothing: bool = False
    ) -> None:
        self._request, self._database = request, database
        self._mode: Any = "dry" if dry_run else "all" if all_or_nothing else "each"

    async def take_in(self, sheet: Sheet[Any]) -> Report:
        """Raises `Invalid` as `sheets.take_in` and for a file that is too large."""
        with await spooled(self._request.stream()) as file:
            return await take_in(self._database, sheet, file, self._mode)


Uploading = Annotated[Upload, Depends()]


class Download(StreamingResponse):
    """A table as a file."""

    media_type = "text/csv"


def download(name: str, chunks: AsyncIterator[bytes]) -> Download:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Download(chunks, headers=headers)
