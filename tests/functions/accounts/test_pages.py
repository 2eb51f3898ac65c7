"""Pages that everybody can use: labelled, readable, complete without scripts."""

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from functions.accounts.browser import STYLE, STYLE_PATH, describe_agent
from tests.functions.accounts.service import Person, Service, register


class Outline(HTMLParser):
    """What a screen reader hears of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lang = ""
        self.headings: list[str] = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.fields: list[dict[str, str]] = []
        self.described: set[str] = set()
        self.buttons = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.lang = found.get("lang", "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "label":
            self.labels.add(found["for"])
        if tag in ("input", "select") and found.get("type") != "hidden" and "hidden" not in found:
            self.fields.append(found)
        if "id" in found:
            self.ids.append(found["id"])
        if "aria-describedby" in found:
            self.described.add(found["aria-describedby"])
        if "aria-labelledby" in found:
            self.described.add(found["aria-labelledby"])
        self.buttons += tag == "button"


async def every_page(person: Person) -> dict[str, str]:
    """Each page once, with its mistakes where it has any."""
    shown: dict[str, str] = {}

    async def keep(name: str, response) -> None:
        shown[name] = response.text

    await keep("login", await person.client.get("/login"))
    await keep("login, wrong", await person.sign_in(password="wrong password"))
    await keep("signup", await person.client.get("/signup"))
    await keep("signup, wrong", await person.sign_up("no", name="", password="x", country=""))
    application = await register(person.client)
    television = await register(person.client, public=True, name="TV", redirect_uris=[])
    await person.sign_up()
    query = urlencode(application.asks())
    await keep("consent", await person.client.get(f"/authorize?{query}"))
    none = urlencode(application.asks(scope=""))
    await keep("consent to nothing", await person.client.get(f"/authorize?{none}&show_dialog=true"))
    await keep("error", await person.client.get("/authorize"))
    await keep("device", await person.client.get("/device?user_code=bcdf-ghjk"))
    await keep("device, wrong", await person.submit("/device", user_code="x"))
    for decision in ("allow", "deny"):
        started = await person.client.post(
            "/oauth/device_authorization",
            data={"client_id": television.client_id, "scope": "streaming"},
        )
        confirm = await person.submit("/device", user_code=started.json()["user_code"])
        await keep("device, confirm", confirm)
        done = await person.submit("/device", page=confirm, decision=decision)
        await keep(f"device, {decision}", done)
    await keep("account", await person.client.get("/account"))
    wrong = await person.submit("/account", action="/account/password", current="x", new="y")
    await keep("account, wrong", wrong)
    saved = await person.submit("/account", action="/account/profile", name="Grace", country="US")
    await keep("account, saved", saved)
    await keep(
        "deleted",
        await person.submit("/account", action="/account/delete", password="correct horse battery"),
    )
    return shown


async def test_every_page_is_labelled_and_in_order():
    async with Service().browser() as person:
        for name, html in (await every_page(person)).items():
            page = Outline(html)
            assert page.lang == "en", name
            assert page.headings.count("h1") == 1, name
            assert page.headings[0] == "h1", name
            assert re.search(r"<title>[^<]+ · Segue</title>", html), name
            assert len(page.ids) == len(set(page.ids)), name
            assert page.described <= set(page.ids), name
            for field in page.fields:
                assert field.get("id") in page.labels, (name, field)
                assert field.get("type") == "checkbox" or "autocomplete" in field, (name, field)
            assert "{{" not in html, name
            if name.endswith("wrong"):
                assert 'role="alert"' in html, name


async def test_the_style_sheet_is_served_and_may_be_kept_for_ever():
    async with Service().browser() as person:
        html = (await person.client.get("/login")).text
        assert STYLE_PATH in html
        served = await person.client.get(STYLE_PATH)
        assert served.content == STYLE
        assert "immutable" in served.headers["cache-control"]
        assert served.headers["content-type"].startswith("text/css")


def _palettes() -> list[dict[str, str]]:
    found = re.findall(r":root \{(.*?)\}", STYLE.decode(), re.S)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in found]


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", _palettes(), ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [("ink", "bg"), ("ink", "card"), ("quiet", "bg"), ("quiet", "card"), ("accent", "card"),
     ("on-accent", "accent"), ("wrong", "card"), ("wrong", "wrong-soft"), ("ink", "soft"),
     ("ink", "field")],
)  # fmt: skip
def test_texts_have_the_contrast_that_wcag_asks_for(
    palette: dict[str, str], text: str, ground: str
):
    lighter, darker = sorted((_luminance(palette[text]), _luminance(palette[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Firefox/120.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120 Safari/537.36 Edg/120", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("curl/8", "A browser"),
        ("", "A browser"),
    ],
)  # fmt: skip
def test_browsers_are_named_as_their_owners_know_them(agent: str, shown: str):
    assert describe_agent(agent) == shown
