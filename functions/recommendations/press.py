"""Articles over HTTP: taken in, linked to artists, and what is written about most just now."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from functions.recommendations import asked
from functions.recommendations.articles import instant
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.keeping import Keeping
from functions.recommendations.reading import PAGE, Reading
from functions.recommendations.shown import artist_view
from functions.recommendations.store import Store
from functions.recommendations.texts import Article, Feed
from shared.errors import Invalid
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Editor = Annotated[Principal, Depends(requires("catalog:write"))]
Reader = Annotated[Principal, Depends(requires())]

MAX_BODY_BYTES = 2 << 20
MOST_TRENDS = 50
_HTML = ("text/html", "application/xhtml+xml", "text/plain")


class NewArticle(msgspec.Struct, forbid_unknown_fields=True):
    """An article by its address, or whole. `text` may be HTML."""

    url: str | None = None
    text: str | None = None
    title: str | None = None
    language: str | None = None
    published_at: str | None = None


class NewFeed(msgspec.Struct, forbid_unknown_fields=True):
    url: str


def routes(reading: Reading, store: Store, keeping: Keeping, public_url: str) -> APIRouter:
    """`/v1/articles`, its feeds and trends."""
    router = APIRouter()

    @router.post("/v1/articles", status_code=201, openapi_extra=asked.takes(more=_URL))
    async def post_article(request: Request, editor: Editor) -> Response:
        """JSON (`NewArticle`), or the page itself as HTML or plain text in any encoding."""
        content_type = request.headers.get("content-type", "")
        body = await request.body()
        if content_type.partition(";")[0].strip().lower() in _HTML:
            url = request.query_params.get("url")
            made = await reading.article(body, content_type, url=url and url[:2000])
            return answer(_view(made, await keeping.ready()), 201)
        new = _decoded(body, NewArticle)
        if new.text is None:
            if not new.url:
                raise Invalid("give url or text", code="INVALID")
            made = await reading.page(new.url)
            return answer(_view(made, await keeping.ready()), 201)
        at = instant(new.published_at) if new.published_at else None
        if new.published_at and at is None:
            raise Invalid("published_at is no instant", code="INVALID_INSTANT")
        made = await reading.article(
            new.text.encode("utf-8", "replace"), "text/html; charset=utf-8", url=new.url,
            title=new.title, language=new.language and new.language[:40], published_at=at,
        )  # fmt: skip
        return answer(_view(made, await keeping.ready()), 201)

    @router.get("/v1/articles", openapi_extra=asked.takes("page_limit", more=_ARTIST))
    async def get_articles(request: Request, reader: Reader) -> Response:
        artist_id = parse_id(request.query_params.get("artist", ""), "artist id")
        catalogue = await keeping.ready()
        found = await reading.about(catalogue.artist(artist_id), asked.limit_of(request, 50))
        return answer({"articles": [_view(it, catalogue) for it in found]})

    @router.get("/v1/articles/trending")
    async def get_trending(reader: Reader) -> Response:
        catalogue = await keeping.ready()
        found = (await reading.trending())[:MOST_TRENDS]
        views = [
            {"artist": artist_view(public_url, catalogue, it.artist_id), "recent": it.recent,
             "before": it.before, "score": it.score}
            for it in found
            if catalogue.names.get(it.artist_id)
        ]  # fmt: skip
        return answer({"artists": views})

    @router.get("/v1/articles/feeds")
    async def get_feeds(editor: Editor) -> Response:
        found = await store.feeds.scan(limit=PAGE)
        return answer({"feeds": [_feed_view(it) for it in found]})

    @router.post("/v1/articles/feeds", status_code=201)
    async def post_feed(request: Request, editor: Editor) -> Response:
        new = _decoded(await request.body(), NewFeed)
        return answer(_feed_view(await reading.add_feed(new.url)), 201)

    @router.delete("/v1/articles/feeds/{id}")
    async def delete_feed(id: str, editor: Editor) -> Response:
        await store.feeds.delete_many([parse_id(id, "feed id")])
        return Response(status_code=204)

    @router.get("/v1/articles/{id}")
    async def get_article(id: str, reader: Reader) -> Response:
        found = await store.articles.get(parse_id(id, "article id"))
        return answer(_view(found, await keeping.ready()))

    @router.delete("/v1/articles/{id}")
    async def delete_article(id: str, editor: Editor) -> Response:
        await store.articles.delete_many([parse_id(id, "article id")])
        return Response(status_code=204)

    return router


_URL = {"url": {"type": "string", "format": "uri", "maxLength": 2000}}
_ARTIST = {"artist": {"type": "string", "pattern": "^[0-9A-Za-z]{22}$"}}


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(str(error)[:300], code="INVALID") from error


def _view(article: Article, catalogue: Catalogue) -> dict[str, Any]:
    named = [
        {"id": now, "name": name, "mentions": count}
        for id, count in zip(article.mentions, article.counts, strict=True)
        if (name := catalogue.names.get(now := catalogue.artist(id)))
    ]
    return {
        "id": article.article_id,
        "url": article.url,
        "source": article.source,
        "title": article.title,
        "excerpt": article.excerpt,
        "language": article.language,
        "published_at": article.published_at,
        "artists": named,
    }


def _feed_view(feed: Feed) -> dict[str, Any]:
    return {
        "id": feed.feed_id,
        "url": feed.url,
        "added_at": feed.added_at,
        "read_at": feed.read_at,
        "entries": feed.entries,
        "problem": feed.problem,
    }
