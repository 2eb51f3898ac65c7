"""The port that letters leave by, and what may go wrong on the way."""

from dataclasses import dataclass
from typing import Protocol

from shared.errors import Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one address, saying the same in plain text and in HTML.

    `mail_id` stays the same when it is sent again: receivers drop a second copy by it.
    """

    mail_id: str
    to: str
    subject: str
    text: str
    html: str


class Undeliverable(Invalid):
    """This letter will never be taken: no such mailbox, or an address that cannot be written."""

    code = "UNDELIVERABLE"


class NotNow(Unavailable):
    """This letter was not taken; the same one may be later."""

    code = "MAIL_NOT_NOW"


class RelayDown(Unavailable):
    """The relay answers nobody: no use in trying another letter."""

    code = "MAIL_RELAY_DOWN"


class Mail(Protocol):
    """Takes letters. `is_on`: False where no relay is configured, and nothing may be promised."""

    @property
    def is_on(self) -> bool: ...

    async def send(self, letter: Letter) -> None:
        """Hand the letter to the relay, which answers for it from then on.

        Raises:
            Undeliverable, NotNow, RelayDown
        """
        ...


class NoMail:
    """Where no relay is configured: sends none, and says so."""

    is_on = False

    async def send(self, letter: Letter) -> None:
        raise RelayDown("no mail relay is configured (segue:smtpHost)")
