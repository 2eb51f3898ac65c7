"""What people prove by reading their mail: that an address is theirs, and so is the account."""

from functions.accounts import letters, proofs, users
from functions.accounts.attempts import Throttle
from functions.accounts.mail import Letter
from functions.accounts.outbox import Errand, Outbox
from functions.accounts.passwords import Passwords, check_strength
from functions.accounts.proofs import LinkDead, Proof, Purpose, proof_id
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.users import User
from shared.errors import Conflict, Invalid, NotFound


class Mailboxes:
    """Asks for mails, writes them, and takes back what their links prove."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        throttle: Throttle,
        outbox: Outbox,
        around: Surroundings,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._throttle = throttle
        self._outbox = outbox
        self._around = around

    @property
    def is_on(self) -> bool:
        """Whether mail is sent at all."""
        return self._outbox.is_on

    # Asked for.

    async def ask_reset(self, email: str, address: str) -> None:
        """Have a link to set a new password sent, if someone has that email address.

        Nothing here depends on whether someone has: that is looked up when the mail is sent.

        Raises:
            Invalid: INVALID_EMAIL, MAIL_OFF.
            TooManyAttempts
        """
        self._check_on()
        email = users.parse_email(email)
        await self._throttle.spend("mail", email, address)
        await self._outbox.put("reset", email, None)

    async def ask_again(self, user: User, address: str) -> str:
        """Have the link to confirm sent again; to which address.

        Raises:
            Invalid: MAIL_OFF; nothing is to be confirmed (NOTHING_TO_CONFIRM).
            TooManyAttempts
        """
        self._check_on()
        to = user.pending_email or (user.email if user.email_verified_at is None else None)
        if to is None:
            raise Invalid("your email address is confirmed", code="NOTHING_TO_CONFIRM")
        await self._throttle.spend("mail", to, address)
        await self._outbox.put("confirm", to, user.user_id)
        return to

    async def ask_change(self, user: User, email: str, address: str) -> User:
        """Move to another address, once its owner has confirmed it. The user gave their password.

        Nothing here tells whether another account has it.

        Raises:
            Invalid: INVALID_EMAIL, SAME_EMAIL, MAIL_OFF.
            TooManyAttempts
        """
        self._check_on()
        email = users.parse_email(email)
        if email == user.email:
            raise Invalid("that is your email address already", code="SAME_EMAIL")
        # By the user too: else one account could write to any number of strangers.
        await self._throttle.spend("mail", f"user {user.user_id}", address)
        await self._throttle.spend("mail", email, address)
        changed = await self._store.users.change(
            user.user_id, lambda it: users.await_email(it, email)
        )
        await self._outbox.put("confirm", email, user.user_id)
        return changed

    async def keep_address(self, user_id: str) -> User:
        """Forget the address that was to come."""
        return await self._store.users.change(user_id, lambda it: users.await_email(it, None))

    # Written, when it is sent.

    async def write(self, errand: Errand) -> Letter | None:
        """The letter of `errand` with a fresh link; None when it is called for no more."""
        if errand.whose:
            user = await self._store.users.find(errand.whose[0])
        else:
            user = await self._store.users.find_by_email(errand.to)
        if user is None or user.removed_at is not None:
            return None
        secret = ""
        if errand.kind in ("confirm", "reset"):
            purpose: Purpose = "confirm" if errand.kind == "confirm" else "reset"
            settled = errand.to == user.email and user.email_verified_at is not None
            if purpose == "confirm" and (
                settled or errand.to not in (user.email, user.pending_email)
            ):
                return None
            secret = self._around.new_secret()
            proof = proofs.issue(purpose, user.user_id, errand.to, self._around.now())
            await self._store.proofs.create(proof_id(secret), proof)
        return letters.write(errand, user, self._around.issuer, secret)

    # Brought back.

    async def find(self, secret: str, purpose: Purpose) -> tuple[str, User]:
        """The address that the link of `secret`, any text, proves, and whose. Uses nothing up.

        Raises:
            LinkDead
        """
        proof = await self._store.proofs.find(proof_id(secret))
        user = await self._store.users.find(proof.user_id) if proof else None
        email = proofs.check(proof, purpose, user, self._around.now())
        assert user is not None
        return email, user

    async def reset(self, secret: str, password: str) -> None:
        """Set a new password by a link. Ends every session, every app password, and every other
        link of this kind; whoever changed the address in the meantime does not get it.

        Raises:
            LinkDead
            Invalid: WEAK_PASSWORD; the link is good still.
        """
        _, user = await self.find(secret, "reset")
        check_strength(password, user.email, user.email.partition("@")[0], user.display_name)
        hashed = await self._passwords.hash(password)
        await self._use(secret, "reset", user)
        at = self._around.now()
        await self._store.users.change(
            user.user_id, lambda it: users.reset_password(it, hashed, at)
        )
        await self._store.sessions.forget(user.user_id)
        await self._outbox.put("password-changed", user.email, user.user_id)

    async def confirm(self, secret: str) -> User:
        """The user with the address confirmed, or moved to.

        Raises:
            LinkDead
            Conflict: another account has the address (EMAIL_TAKEN). Whoever learns it reads its
                mail.
        """
        email, user = await self.find(secret, "confirm")
        at, before = self._around.now(), user.email
        if email != before:
            await self._store.users.claim_email(email, user.user_id, at)
        await self._use(secret, "confirm", user)
        try:
            changed = await self._store.users.change(
                user.user_id, lambda it: users.prove_email(it, email, at)
            )
        except (NotFound, Conflict) as error:
            raise LinkDead from error
        if changed.email != before:
            await self._store.users.release_email(before, user.user_id)
            await self._outbox.put("address-changed", before, user.user_id)
        return changed

    async def _use(self, secret: str, purpose: Purpose, user: User) -> None:
        at = self._around.now()
        won = [False]

        def use(found: Proof | None) -> Proof | None:
            try:
                proofs.check(found, purpose, user, at)
            except LinkDead:
                won[0] = False
                return None
            won[0] = True
            return proofs.use(found, at) if found else None

        await self._store.proofs.update(proof_id(secret), use)
        if not won[0]:
            raise LinkDead

    def _check_on(self) -> None:
        if not self.is_on:
            raise Invalid("this service sends no email", code="MAIL_OFF")
