"""All SQL of training data."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.kit.paging import Page
from backoffice.training.datasets.models import DatasetFile, DatasetRevision


async def newest(session: ReadSession) -> DatasetRevision | None:
    return await session.scalar(select(DatasetRevision).order_by(DatasetRevision.number.desc()).limit(1))


async def revision(session: ReadSession, number: int) -> DatasetRevision | None:
    return await session.get(DatasetRevision, number)


async def revisions(session: ReadSession, page: Page) -> list[DatasetRevision]:
    found = select(DatasetRevision).order_by(DatasetRevision.number.desc())
    return list(await session.scalars(found.limit(page.limit).offset(page.offset)))


async def texts(session: ReadSession, hashes: Collection[str]) -> dict[str, str]:
    """By their hashes."""
    found = select(DatasetFile.sha256, DatasetFile.text).where(DatasetFile.sha256.in_(hashes))
    return {row.sha256: row.text for row in await session.execute(found)}


async def claim(session: WriteSession, number: int, **told: Any) -> bool:
    """Write a revision unless its number is taken; who has written one is alone until the session ends."""
    return await insert_once(session, DatasetRevision, number=number, **told)


async def keep(session: WriteSession, texts: Mapping[str, str]) -> None:
    """Store files by their hashes, those that are there already as they are."""
    for sha256, text in texts.items():
        await insert_once(session, DatasetFile, sha256=sha256, text=text)
