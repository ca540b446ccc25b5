"""Tables of stock over HTTP, for supervisors and admins."""

from fastapi import APIRouter

from backoffice.inventory import sheets
from backoffice.inventory.keyed import Supervisor
from backoffice.kit.sheet_endpoints import CSV, AtDatabase, Download, Uploading, download
from backoffice.kit.sheets import Report

router = APIRouter(prefix="/staff/sheets", tags=["inventory"])


@router.get("/stock", response_class=Download)
async def export_stock(_: Supervisor, database: AtDatabase) -> Download:
    """Every level as CSV, as the import takes it in."""
    return download("stock", sheets.exported(database))


@router.post("/stock", openapi_extra=CSV)
async def import_counts(member: Supervisor, upload: Uploading) -> Report:
    """Adjust levels to what was counted by a CSV; every bad line is told."""
    return await upload.take_in(sheets.counts(member.id))


@router.post("/receipts", openapi_extra=CSV)
async def import_receipts(member: Supervisor, upload: Uploading) -> Report:
    """Book what arrived by a CSV, once for each document; every bad line is told."""
    return await upload.take_in(sheets.receipts(member.id))
