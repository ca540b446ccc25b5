"""How articles are used: answers given, people helped, and which articles want an editor."""

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.paging import Page
from backoffice.kit.time import now, shop_date
from backoffice.knowledge import repository
from backoffice.knowledge.measuring import RECENT, Use, monday, stale
from backoffice.knowledge.schemas import ArticleInUse, ArticleList, ArticleVersionView, ArticleWeekView, Show

TOLD = timedelta(weeks=12)


async def count_shown(session: WriteSession, slugs: Collection[str]) -> None:
    """Count articles that the bot just answered with."""
    await repository.count_shown(session, slugs, monday(shop_date(now())))


async def articles(session: ReadSession, page: Page, q: str = "", show: Show = "all") -> ArticleList:
    """The newest versions with how they do, those shown most lately first.

    `q` is to be found in title, questions or answer; `show`: only articles with an unpublished newer version
    (`drafts`), that shoppers do not get (`unpublished`), or that want an editor (`stale`).
    """
    found = [
        each
        for each in await in_use(session)
        if contains(each, q.strip().lower()) and (show == "all" or show in kinds(each))
    ]
    return ArticleList(articles=found[page.offset : page.offset + page.limit], total=len(found))


def kinds(article: ArticleInUse) -> list[Show]:
    """Under which of the partial lists an article stands."""
    found: dict[Show, bool] = {
        "drafts": article.number != article.live,
        "unpublished": not article.live,
        "stale": bool(article.stale),
    }
    return [name for name, so in found.items() if so]


def contains(article: ArticleInUse, q: str) -> bool:
    return any(
        q in text.lower() for text in (article.title, article.slug, article.answer, *article.questions)
    )


async def in_use(session: ReadSession) -> list[ArticleInUse]:
    """Every article with how it does, those shown most lately first."""
    today = shop_date(now())
    weeks: defaultdict[str, list[repository.Week]] = defaultdict(list)
    for week in await repository.weeks(session, monday(today) - TOLD):
        weeks[week.slug].append(week)
    last = await repository.last_shown(session)
    written = await repository.published_at(session)
    found = []
    for version, live in await repository.heads(session):
        told = weeks[version.slug]
        recent = [each for each in told if each.week > today - RECENT]
        use = Use(
            shown=sum(each.shown for each in recent),
            last_shown=last.get(version.slug),
            helpful=sum(each.helpful for each in recent),
            unhelpful=sum(each.unhelpful for each in recent),
        )
        at = written.get(version.slug)
        found.append(
            ArticleInUse(
                **ArticleVersionView.model_validate(version, from_attributes=True).model_dump(),
                live=live,
                shown=use.shown,
                helpful=use.helpful,
                unhelpful=use.unhelpful,
                stale=list(stale(use, shop_date(at), today)) if at else [],
                weeks=[ArticleWeekView.model_validate(each, from_attributes=True) for each in told],
            )
        )
    return sorted(found, key=lambda each: (-each.shown, each.slug))
