"""Google's Firestore and Pub/Sub emulators: where they are, and how to start them.

Java is started directly. The `gcloud` wrapper leaves its Java child behind on the port when it
is stopped, and costs a second of Python.
"""

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emulators.ports import free_port

IMAGE = "google/cloud-sdk:emulators"
JAVA_MINIMUM = 17
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


class MissingEmulator(Exception):
    """Something the emulators need is not installed; the message names what installs it."""


def firestore_argv(port: int) -> list[str]:
    """The command that serves Firestore (gRPC and its REST) on 127.0.0.1:`port`.

    Raises:
        MissingEmulator: no Java or no jar, and no Docker engine that could stand in.
    """
    try:
        jar = _jar("cloud-firestore-emulator", "cloud-firestore-emulator.jar")
        return [
            java(), *_JVM, "-cp", str(jar), _FIRESTORE_MAIN, "start",
            "--host=127.0.0.1", f"--port={port}", "--database-mode=firestore-native",
        ]  # fmt: skip
    except MissingEmulator:
        if docker_answers():
            return _container("firestore", port, "--database-mode=firestore-native")
        raise


def pubsub_argv(port: int) -> list[str]:
    """The command that serves Pub/Sub (gRPC) on 127.0.0.1:`port`.

    Raises:
        MissingEmulator: no Java or no jar, and no Docker engine that could stand in.
    """
    try:
        jar = _jar("pubsub-emulator", "lib/cloud-pubsub-emulator-*-all.jar")
        return [java(), *_JVM, "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"]
    except MissingEmulator:
        if docker_answers():
            return _container("pubsub", port, "--project=local")
        raise


@contextmanager
def running(argv_of: Callable[[int], list[str]]) -> Iterator[str]:
    """The address of an emulator by itself, until the block is left: for tests and benchmarks.

    Raises:
        MissingEmulator: as `argv_of`, which is `firestore_argv` or `pubsub_argv`.
    """
    port = free_port()
    process = subprocess.Popen(
        argv_of(port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@functools.cache
def java() -> str:
    """The path of a Java of at least version 17: `JAVA_HOME` first, then the search path.

    Raises:
        MissingEmulator: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found: str | None = str(Path(home) / "bin" / "java") if home else None
    for candidate in (found, shutil.which("java")):
        if candidate and os.access(candidate, os.X_OK) and _version(candidate) >= JAVA_MINIMUM:
            return candidate
    raise MissingEmulator(
        f"the emulators need Java {JAVA_MINIMUM} or newer: "
        "apt-get install openjdk-17-jre-headless (macOS: brew install openjdk@17)"
    )


@functools.cache
def sdk_root() -> Path:
    """The folder of the Google Cloud SDK.

    Raises:
        MissingEmulator: it is not installed.
    """
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise MissingEmulator(
            "the emulators come with the Google Cloud SDK, and gcloud is not on the path: "
            "see https://cloud.google.com/sdk/docs/install, then "
            "gcloud components install cloud-firestore-emulator pubsub-emulator"
        )
    near = Path(gcloud).resolve().parents[1]
    if (near / "platform").is_dir():
        return near
    asked = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return Path(asked.stdout.strip() or near)


@functools.cache
def docker_answers() -> bool:
    """Whether a Docker engine is there to run the emulators' container image."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    return asked.returncode == 0


def _version(path: str) -> int:
    """The feature release that `java -version` tells on stderr: 17 of `"17.0.15"`; 0 if none."""
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(\d+)', told.stderr)
    return int(match[1]) if match else 0


def _jar(component: str, pattern: str) -> Path:
    found = sorted((sdk_root() / "platform" / component).glob(pattern))
    if not found:
        package = f"google-cloud-cli-{component.removeprefix('cloud-')}"
        raise MissingEmulator(
            f"{component} is not installed: gcloud components install {component} "
            f"(where gcloud came from apt: apt-get install {package})"
        )
    return found[-1]


def _container(emulator: str, port: int, *options: str) -> list[str]:
    # --init hands SIGTERM on, so that stopping `docker run` stops the emulator.
    return [
        "docker", "run", "--rm", "--init", "--network=host", f"--name=segue-{emulator}-{port}",
        IMAGE, "gcloud", "emulators", emulator, "start", f"--host-port=127.0.0.1:{port}", *options,
    ]  # fmt: skip
