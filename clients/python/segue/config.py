"""Where to talk to and as whom: flags, environment, profile file or the local cloud beside us."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from segue.errors import ConfigError

LOCAL_RUN = Path(".local") / "run"


@dataclass(frozen=True, slots=True)
class Profile:
    """A host (`https://…`, no trailing slash) and a client's credentials on it."""

    host: str
    client_id: str
    client_secret: str
    local_run: Path | None = None
    """The local cloud's `run` folder, where the profile came from one; else None."""


def find_local_run(start: Path) -> Path | None:
    """The nearest `.local/run` with a client.json, from `start` upwards."""
    for folder in (start, *start.parents):
        if (folder / LOCAL_RUN / "client.json").is_file():
            return folder / LOCAL_RUN
    return None


def state_dir(profile: Profile) -> Path:
    """Where this profile's small state files live; made on demand, readable by its owner only."""
    if profile.local_run is not None:
        folder = profile.local_run.parent / "segue"
    else:
        folder = Path(platformdirs.user_state_dir("segue"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _read(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold one JSON object")
    return {key: str(value) for key, value in data.items()}


def load(
    *,
    host: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    profile: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Profile:
    """Settings from, in this order: arguments, SEGUE_HOST / SEGUE_CLIENT_ID / SEGUE_CLIENT_SECRET,
    the profile file named by the argument or SEGUE_PROFILE, the local cloud's
    `.local/run/client.json` in this folder or above, the user's own `profile.json`.

    A profile file is `{"host", "client_id", "client_secret"}`.

    Raises:
        ConfigError: nothing names a host, or it comes without credentials.
    """
    local_run = None
    found: dict[str, str] = {}
    named = profile or (Path(p) if (p := environ.get("SEGUE_PROFILE")) else None)
    own = Path(platformdirs.user_config_dir("segue")) / "profile.json"
    if named is not None:
        found = _read(named)
        local_run = named.parent if (named.parent / "state.json").is_file() else None
    elif (local_run := find_local_run(cwd or Path.cwd())) is not None:
        found = _read(local_run / "client.json")
    elif own.is_file():
        found = _read(own)
    chosen = {
        "host": host or environ.get("SEGUE_HOST") or found.get("host"),
        "client_id": client_id or environ.get("SEGUE_CLIENT_ID") or found.get("client_id"),
        "client_secret": (
            client_secret or environ.get("SEGUE_CLIENT_SECRET") or found.get("client_secret")
        ),
    }
    if not chosen["host"]:
        raise ConfigError(
            "no host: give --host or SEGUE_HOST, or run inside a project whose local cloud is up"
            " (make run)",
            code="NO_HOST",
        )
    if not chosen["host"].startswith(("http://", "https://")):
        raise ConfigError(f"the host must be an http(s) address: {chosen['host']}", code="BAD_HOST")
    if not chosen["client_id"] or not chosen["client_secret"]:
        raise ConfigError(
            f"no credentials for {chosen['host']}: set SEGUE_CLIENT_ID and SEGUE_CLIENT_SECRET,"
            f" or write what `segue clients create` printed to {own}",
            code="NO_CREDENTIALS",
        )
    if local_run is not None and chosen["host"].rstrip("/") != found.get("host", "").rstrip("/"):
        local_run = None  # told to talk elsewhere: the local cloud's state is not about that host
    return Profile(
        chosen["host"].rstrip("/"), chosen["client_id"], chosen["client_secret"], local_run
    )
