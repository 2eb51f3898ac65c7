"""Tokens and passwords: ours, the peers, the floor.

`python -m benchmarks.accounts`: CPU time on one core, rounds alternating, best round counts.

- A token check: `shared.web.principal.Verifier`, for a token that it sees for the first time, and
  again, as nearly every request is; peers: PyJWT and Authlib's own JWT, which verify every time.
  The floor is the bare ECDSA verification by `cryptography`; of a token that was seen, its SHA-256
  and a look-up.
- A sign-in through the whole of accounts: form, limits, argon2id, session; peer: argon2-cffi's own
  defaults for the password alone; floor: argon2id with our parameters for the password alone.
- A code exchanged for tokens and a refresh, through the whole token endpoint.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable

import httpx
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from benchmarks.report import emit
from functions.accounts.mail import NoMail
from functions.accounts.main import Settings, build
from functions.accounts.passwords import MEMORY_KIB, PARALLELISM, TIME_COST
from functions.accounts.signing import Signer
from functions.accounts.surroundings import Surroundings
from shared.gcp.memory import MemoryDocuments
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier
from shared.web.push import Caller

ISSUER = "https://segue.example"
ROUNDS, CHECKS, SIGN_INS = 7, 500, 20
PASSWORD = "correct horse battery"
SECRET = "operator"


def _pem() -> str:
    from joserfc.jwk import ECKey

    return ECKey.generate_key("P-256").as_pem(private=True).decode()


PEM = _pem()
SIGNER = Signer.from_pem(PEM)
CLAIMS = {
    "iss": ISSUER, "aud": "segue", "sub": "4uLU6hMCjMI75M1A2tKUQC", "client_id": "web-player",
    "iat": int(time.time()), "exp": int(time.time()) + 900, "jti": "4uLU6hMCjMI75M1A2tKUQC",
    "sid": "4uLU6hMCjMI75M1A2tKUQC", "plan": "premium", "territory": "SE",
    "scope": "streaming user-library-read user-library-modify user-read-private",
}  # fmt: skip


def token_checks() -> dict[str, Callable[[], object]]:
    """Each verifies the same token."""
    token = SIGNER.sign(CLAIMS)
    loop = asyncio.new_event_loop()
    public = SIGNER.key.public_key
    assert isinstance(public, ec.EllipticCurvePublicKey)
    keys = StaticKeys(SIGNER.live)
    warm = Verifier(keys, ISSUER)
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    signed, scheme = f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())
    seen = {hashlib.sha256(token.encode()).digest(): CLAIMS}

    def run(verifier: Verifier) -> object:
        # Driven by hand: starting a task would cost more than the check.
        try:
            verifier.verify(token).send(None)  # type: ignore[attr-defined]
        except StopIteration as done:
            return done.value
        raise AssertionError("a check waited for something")

    def pyjwt() -> object:
        import jwt

        return jwt.decode(token, public, algorithms=["ES256"], audience="segue", issuer=ISSUER)

    def authlib() -> object:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from authlib.jose import JsonWebToken
        claims = JsonWebToken(["ES256"]).decode(token, SIGNER.key.as_pem(private=False).decode())
        claims.validate()
        return claims

    loop.close()
    run(warm)
    return {
        "seen": lambda: run(warm),
        "first": lambda: run(Verifier(keys, ISSUER)),
        "pyjwt": pyjwt,
        "authlib": authlib,
        "floor_first": lambda: public.verify(der, signed, scheme),
        "floor_seen": lambda: seen[hashlib.sha256(token.encode()).digest()],
    }


def seconds(runs: dict[str, Callable[[], object]], calls: int) -> dict[str, float]:
    """CPU seconds of one call of each, best of the alternating rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.process_time()
            for _ in range(calls):
                run()
            best[name] = min(best[name], (time.process_time() - started) / calls)
    return best


async def _client() -> httpx.AsyncClient:
    settings = Settings(
        "p", ISSUER, PEM, "", SECRET, "whsec", "A" * 43 + "=", "mark", "SE", "https://x", "a", "e",
        "", 0, "none", "", "", "",
    )  # fmt: skip

    async def publish(event: object) -> None:
        pass

    app = build(
        settings,
        lambda name, cls, what: MemoryDocuments(cls, what),
        publish,
        Surroundings(ISSUER),
        Caller(StaticKeys({}), "a", "e"),
        NoMail(),
        on_stop=[],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


async def whole() -> dict[str, float]:
    """CPU seconds of a sign-in, an authorization code, its exchange and a refresh, end to end."""
    client = await _client()
    addresses = iter(range(10**6))

    async def post(path: str, form: dict[str, str]) -> httpx.Response:
        # From another address each: the limits are not what is measured.
        number = next(addresses)
        headers = {"x-forwarded-for": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}, x"}
        return await client.post(path, data=form, headers=headers)

    async def csrf(path: str) -> str:
        text = (await client.get(path)).text
        return text.partition('name="csrf" value="')[2].partition('"')[0]

    form = {"csrf": await csrf("/signup"), "email": "ada@example.com", "name": "Ada",
            "password": PASSWORD, "country": "SE"}  # fmt: skip
    assert (await post("/signup", form)).status_code == 303
    verifier = "v" * 43
    challenge = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": "web-player", "response_type": "code", "redirect_uri": f"{ISSUER}/",
        "scope": "streaming", "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
    }  # fmt: skip
    refresh = [""]

    async def sign_in() -> None:
        client.cookies.delete("__Host-segue_session")
        form = {"csrf": token, "email": "ada@example.com", "password": PASSWORD}
        assert (await post("/login", form)).status_code == 303

    async def exchange() -> None:
        answer = await client.get("/authorize", params=query)
        code = answer.headers["location"].partition("code=")[2].partition("&")[0]
        issued = await post(
            "/api/token",
            {"grant_type": "authorization_code", "code": code, "client_id": "web-player",
             "redirect_uri": f"{ISSUER}/", "code_verifier": verifier},
        )  # fmt: skip
        refresh[0] = issued.json()["refresh_token"]

    async def rotate() -> None:
        form = {"grant_type": "refresh_token", "client_id": "web-player",
                "refresh_token": refresh[0]}  # fmt: skip
        refresh[0] = (await post("/api/token", form)).json()["refresh_token"]

    client.cookies.delete("__Host-segue_session")
    token = await csrf("/login")
    best: dict[str, float] = {}
    works: dict[str, Callable[[], Awaitable[None]]] = {
        "sign_in": sign_in, "code_and_tokens": exchange, "refresh": rotate,
    }  # fmt: skip
    for _ in range(3):
        for name, work in works.items():
            started = time.process_time()
            for _ in range(SIGN_INS):
                await work()
            spent = (time.process_time() - started) / SIGN_INS
            best[name] = min(best.get(name, spent), spent)
    await client.aclose()
    return best


def main() -> None:
    """Measure and print; the last line is JSON."""
    checks = seconds(token_checks(), CHECKS)
    for name, spent in checks.items():
        print(f"token check, {name:<12} {spent * 1e6:>9.1f} µs")
    ours, defaults = PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM), PasswordHasher()
    hashed, default_hashed = ours.hash(PASSWORD), defaults.hash(PASSWORD)
    argon2 = seconds(
        {
            "ours": lambda: ours.verify(hashed, PASSWORD),
            "argon2_defaults": lambda: defaults.verify(default_hashed, PASSWORD),
        },
        1,
    )
    for name, spent in argon2.items():
        print(f"argon2id, {name:<15} {spent * 1e3:>9.1f} ms")
    spent = asyncio.run(whole())
    for name, each in spent.items():
        print(f"{name:<25} {each * 1e3:>9.1f} ms  {1 / each:>8.1f} /s/core")
    sign_in = {
        "per_s_core": round(1 / spent["sign_in"], 1),
        "ratio_argon2_defaults": round(argon2["argon2_defaults"] / spent["sign_in"], 2),
        "ratio_floor": round(argon2["ours"] / spent["sign_in"], 3),
        "bound": 10,
    }
    emit(
        "accounts",
        "µs CPU a token check",
        checks["first"] * 1e6,
        peers={name: checks[name] * 1e6 for name in ("pyjwt", "authlib")},
        floor=checks["floor_first"] * 1e6,
        higher_is_better=False,
        bound_us=100,
        seen_before_us=round(checks["seen"] * 1e6, 2),
        seen_before_floor_us=round(checks["floor_seen"] * 1e6, 2),
        sign_in=sign_in,
        refresh_per_s_core=round(1 / spent["refresh"], 1),
    )


if __name__ == "__main__":
    main()
