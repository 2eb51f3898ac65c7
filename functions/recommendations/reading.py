"""Articles taken in, feeds read, and the model of all words fitted anew."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from functions.recommendations import articles, texts
from functions.recommendations.fetching import Fetcher
from functions.recommendations.keeping import Keeping
from functions.recommendations.known import stamp
from functions.recommendations.mentions import BEFORE, RECENT, Names, Trend, mentioned, trending
from functions.recommendations.store import Store
from functions.recommendations.texts import CURRENT, Article, Feed, Text
from shared.errors import Conflict, Invalid, SegueError
from shared.events import LyricsChanged, PlaylistChanged
from shared.ids import derived_id

log = logging.getLogger(__name__)

PAGE = 300
MOST_TEXTS = 200_000
MOST_ARTICLES = 20_000
MOST_FEEDS = 500
EXCERPT = 280
FITTED_ARTICLES = timedelta(days=365)


class Reading:
    """Whatever is written. Every call may be repeated."""

    def __init__(
        self, store: Store, keeping: Keeping, fetch: Fetcher, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._fetch = fetch
        self._now = now
        self._names: tuple[int, Names] | None = None

    async def lyrics(self, event: LyricsChanged) -> None:
        """The words of a track, in place of those that were known."""
        made = texts.packed(event.text, event.language)
        await self._put(Text(f"lyrics~{event.track_id}", "lyrics", event.revision,
                             (event.track_id,), made))  # fmt: skip

    async def playlist(self, event: PlaylistChanged) -> None:
        """What a list is called says something of what is on it. Only what its owner made public
        is read, and no list of ours."""
        id = f"playlist~{event.playlist_id}"
        if event.removed or event.visibility != "public" or event.kind == "mix":
            await self._put(Text(id, "playlist", event.revision, (), texts.packed("")))
            return
        made = texts.packed(f"{event.name}\n{event.description}")
        await self._put(Text(id, "playlist", event.revision, event.track_ids[:500], made))

    async def _put(self, text: Text) -> None:
        await self._store.texts.update(
            text.text_id,
            lambda known: None if known is not None and known.revision >= text.revision else text,
        )

    async def article(
        self,
        data: bytes,
        content_type: str,
        *,
        url: str | None,
        title: str | None = None,
        language: str | None = None,
        published_at: datetime | None = None,
        source: str | None = None,
    ) -> Article:
        """Take in a page: its words, and which artists they are about. The same again is no other
        article.

        Raises:
            Invalid: there are no words in it (code NO_TEXT).
        """
        read = articles.readable(articles.decoded(data, content_type))
        title = (title or read.title or read.text[:80]).strip()[: articles.MOST_TITLE]
        at = self._now()
        published_at = min(published_at or at, at)
        what = url or hashlib.sha256(f"{title}\n{read.text}".encode()).hexdigest()
        found = mentioned(title, read.text, await self._artists())
        best = sorted(found, key=lambda id: (-found[id], id))[:50]
        article_id = derived_id("article", what)
        made = Article(
            article_id=article_id,
            stamp=stamp(published_at, article_id),
            url=url,
            source=(source or (urlsplit(url).hostname if url else None) or "upload")[:200],
            title=title,
            excerpt=read.text[:EXCERPT],
            language=language or read.language,
            published_at=published_at,
            mentions=tuple(best),
            counts=tuple(found[id] for id in best),
            terms=texts.packed(f"{title}\n{read.text}", language or read.language),
        )
        await self._store.articles.put(article_id, made)
        return made

    async def page(self, url: str) -> Article:
        """The article at an address of the open internet."""
        page = await self._fetch(url)
        return await self.article(page.data, page.content_type, url=page.url)

    async def add_feed(self, url: str) -> Feed:
        """Remember a feed; it is read at once, and then by the hour.

        Raises:
            Conflict: there are too many (code TOO_MANY_FEEDS).
            Invalid: what is there is no feed.
        """
        if await self._store.feeds.count() >= MOST_FEEDS:
            raise Conflict(f"at most {MOST_FEEDS} feeds are read", code="TOO_MANY_FEEDS")
        feed = Feed(derived_id("feed", url), url, self._now())
        count = await self._read(feed)
        made = Feed(feed.feed_id, url, feed.added_at, self._now(), count)
        await self._store.feeds.put(feed.feed_id, made)
        return made

    async def import_feeds(self) -> int:
        """Read every feed once; how many articles they held. One that fails harms no other."""
        total, after = 0, None
        while feeds := await self._store.feeds.scan(after=after, limit=PAGE):
            for feed in feeds:
                count, problem = 0, None
                try:
                    count = await self._read(feed)
                except SegueError as error:
                    problem = f"{error.code}: {error.message}"[:300]
                    log.warning("feed %s: %s", feed.url, problem)
                total += count
                made = Feed(feed.feed_id, feed.url, feed.added_at, self._now(), count, problem)
                await self._store.feeds.put(feed.feed_id, made)
            after = feeds[-1].feed_id
        return total

    async def _read(self, feed: Feed) -> int:
        page = await self._fetch(feed.url)
        entries = articles.feed(articles.decoded(page.data, page.content_type))
        count = 0
        for entry in entries:
            url = urljoin(page.url, entry.url) if entry.url else None
            try:
                await self.article(
                    (entry.html or entry.title).encode(), "text/html; charset=utf-8",
                    url=url if url and url.startswith(("http://", "https://")) else None,
                    title=entry.title or None, published_at=entry.published_at,
                    source=urlsplit(page.url).hostname,
                )  # fmt: skip
                count += 1
            except Invalid as error:
                log.info("an entry of %s is left out: %s", feed.url, error)
        return count

    async def about(self, artist_id: str, limit: int) -> list[Article]:
        """Articles that mention the artist, the newest first."""
        having = ("mentions", [artist_id])
        return await self._store.articles.scan(
            having, order_by="stamp", descending=True, after="~", limit=limit
        )

    async def trending(self) -> list[Trend]:
        """Artists who are written about more than they used to be."""
        at = self._now()
        found = await self._articles((at - RECENT - BEFORE).isoformat())
        return trending(((it.published_at, it.source, it.mentions) for it in found), at)

    async def fit(self) -> int:
        """Fit the model of all words, and let instances take it over; how many tracks it holds."""
        at = self._now()
        catalogue = await self._keeping.ready()
        await self._keeping.refresh()
        found: list[Text] = []
        after = None
        while some := await self._store.texts.scan(after=after, limit=PAGE):
            found += [it for it in some if it.track_ids]
            after = some[-1].text_id
            if len(found) >= MOST_TEXTS:
                log.warning("only the first %d texts are learned from", MOST_TEXTS)
                break
        written = await self._articles((at - FITTED_ARTICLES).isoformat())
        model = at.strftime("%Y%m%dT%H%M%S")
        made = await asyncio.to_thread(
            lambda: texts.fitted(texts.documents(catalogue, found, written), model, at)
        )
        if made is None:
            return 0
        before = await self._store.text_models.find(CURRENT)
        document, parts = made
        for id, part in parts.items():
            await self._store.text_vectors.put(id, part)
        await self._store.text_models.put(CURRENT, document)
        if before is not None and before.model != model:
            # Instances that still hold the old one keep it in memory: nobody reads it again.
            old = [texts.part_document(before.model, it) for it in range(before.parts)]
            await self._store.text_vectors.delete_many(old)
        await self._keeping.refresh()
        return document.tracks

    async def _articles(self, since: str) -> list[Article]:
        found: list[Article] = []
        after: str = since
        while some := await self._store.articles.scan(order_by="stamp", after=after, limit=PAGE):
            found += some
            after = some[-1].stamp
            if len(found) >= MOST_ARTICLES:
                break
        return found

    async def _artists(self) -> Names:
        catalogue = await self._keeping.ready()
        size = len(catalogue.names)
        if self._names is None or self._names[0] != size:
            names = {id: catalogue.names[id] for id in catalogue.artist_ids()}
            self._names = size, Names.of(names)
        return self._names[1]
