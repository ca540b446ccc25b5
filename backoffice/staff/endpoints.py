"""Staff sign-in over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backoffice.kit.database import Database, database_of
from backoffice.staff import service
from backoffice.staff.identity import Issuing
from backoffice.staff.schemas import StaffSignedIn, StaffSignIn

router = APIRouter(prefix="/api/staff", tags=["staff"])


@router.post("/session")
async def sign_in(
    asked: StaffSignIn, database: Annotated[Database, Depends(database_of)], issued: Issuing
) -> StaffSignedIn:
    member = await service.sign_in(database, asked.login, asked.password)
    return StaffSignedIn(token=issued.sign(member.id), name=member.name, role=member.role)
