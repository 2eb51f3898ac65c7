"""What every subcommand shares: the global options, a client made from them, the consoles."""

from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from segue import config
from segue.client import RETRY, Client, Retry


@dataclass(frozen=True, slots=True)
class Options:
    host: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    profile: Path | None = None

    def load(self) -> config.Profile:
        return config.load(
            host=self.host,
            client_id=self.client_id,
            client_secret=self.client_secret,
            profile=self.profile,
        )


def profile_of(ctx: typer.Context) -> config.Profile:
    return ctx.find_object(Options).load()  # pyright: ignore[reportOptionalMemberAccess]


def client_for(profile: config.Profile, *, retry: Retry = RETRY) -> Client:
    return Client(profile.host, profile.client_id, profile.client_secret, retry=retry)


def plain(text: str) -> str:
    """`text` without control characters: a title must not steer the terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def counted(number: int, thing: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


class Screen(Console):
    """A console that shows any text as it is: no markup, no colour rules, no control codes."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        self.print(plain(line))


class Amount(DownloadColumn):
    """Bytes; or what the task counts instead, its field `unit`."""

    def render(self, task: Task) -> Text:
        if unit := task.fields.get("unit"):
            return Text(f"{task.completed:,.0f}/{task.total:,.0f} {unit}")
        return super().render(task)


class Speed(TransferSpeedColumn):
    """Bytes a second; nothing where something else is counted."""

    def render(self, task: Task) -> Text:
        return Text() if task.fields.get("unit") else super().render(task)


def bars(screen: Screen, speed: ProgressColumn, *, hidden: bool) -> Progress:
    """Progress with `speed`, and what each task says of itself in its field `said`."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Amount(),
        speed,
        TextColumn("{task.fields[said]}", markup=False),
        console=screen,
        disable=hidden,
        transient=True,
    )


def out() -> Screen:
    """Results: standard output."""
    return Screen()


def err() -> Screen:
    """Progress and errors: standard error."""
    return Screen(stderr=True)
