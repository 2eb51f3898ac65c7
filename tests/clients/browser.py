"""A headless Chromium that remembers every complaint of the page it shows."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "clients" / "web" / "dist"
MODULES = ROOT / "clients" / "web" / "node_modules"
SCREENSHOTS = ROOT / ".build" / "screenshots"
"""Where journeys leave what they saw, to be looked at."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for one test: a playwright that stays open would keep its event
    loop running, and the asyncio tests after it would find it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--autoplay-policy=no-user-gesture-required",
                # A page that a test makes up has no address, so this machine's other ports would
                # count as a stranger's private network to it.
                "--disable-features=LocalNetworkAccessChecks",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


def need_page() -> None:
    """Skip where the page has not been built."""
    if not (DIST / "index.html").is_file():
        pytest.skip("needs the built player page: make page")


@dataclass
class Watched:
    """A page and what went wrong on it: console errors and warnings, exceptions, dialogs."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    _devtools: CDPSession | None = None

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("dialog", self._dialog)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location})")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def throttle(self, kbps: float, latency_ms: float = 20) -> None:
        """Hold the line to `kbps` down from now on; 0 lifts the limit."""
        # One session for all: what an earlier one set would stay in force beside it.
        if self._devtools is None:
            self._devtools = self.page.context.new_cdp_session(self.page)
        self._devtools.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": latency_ms if kbps else 0,
                "downloadThroughput": kbps * 125 if kbps else -1,
                "uploadThroughput": -1,
            },
        )

    def seconds(self) -> float:
        """Where the audio element is."""
        return self.page.evaluate("document.getElementById('audio').currentTime")

    def wait_seconds(self, seconds: float, timeout_s: float = 30) -> None:
        """Until the audio element has passed `seconds`."""
        self.page.wait_for_function(
            "s => document.getElementById('audio').currentTime > s",
            arg=seconds,
            timeout=timeout_s * 1000,
        )

    def kbps(self) -> int:
        return int(self.page.get_attribute("#delivery", "data-kbps") or 0)


@contextlib.contextmanager
def watched(browser: Browser, **context: Any) -> Iterator[Watched]:
    """A fresh page of its own, e.g. `viewport={"width": 390, "height": 780}`."""
    made = browser.new_context(**({"viewport": {"width": 1200, "height": 800}} | context))
    page = Watched(made.new_page())
    page.watch()
    try:
        yield page
    finally:
        made.close()


def sign_in(page: Page, host: str, email: str, password: str, *, shown: str) -> None:
    """From the player page to the sign-in page and back, until `shown` is there."""
    page.goto(host)
    page.click("#sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.click("button.primary")
    page.wait_for_selector(shown)
