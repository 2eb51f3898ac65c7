import os
from pathlib import Path

import pytest

from emulators import java


@pytest.fixture(autouse=True)
def forget():
    """What was found is remembered for the process's life; not across tests."""

    def clear() -> None:
        for remembered in (java.java, java.sdk_root, java.docker_answers):
            remembered.cache_clear()

    clear()
    yield
    clear()


def _program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on its search path but the shell."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def _java(machine: Path, version: str) -> None:
    _program(machine / "bin" / "java", f"echo 'openjdk version \"{version}\"' >&2")


def _sdk(machine: Path) -> None:
    _program(machine / "sdk" / "bin" / "gcloud", "exit 1")
    (machine / "bin").mkdir(exist_ok=True)
    os.symlink(machine / "sdk" / "bin" / "gcloud", machine / "bin" / "gcloud")
    (machine / "sdk" / "platform").mkdir()


def _jar(machine: Path, path: str) -> None:
    jar = machine / "sdk" / "platform" / path
    jar.parent.mkdir(parents=True)
    jar.touch()


def test_emulators_start_as_java_itself(machine):
    _java(machine, "17.0.15")
    _sdk(machine)
    _jar(machine, "cloud-firestore-emulator/cloud-firestore-emulator.jar")
    _jar(machine, "pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar")
    assert java.firestore_argv(8081)[0] == str(machine / "bin" / "java")
    assert "--port=8081" in java.firestore_argv(8081)
    assert java.pubsub_argv(8082)[-3].endswith("cloud-pubsub-emulator-0.8.20-all.jar")


@pytest.mark.parametrize("version", [None, "11.0.2", "1.8.0_402"])
def test_missing_or_old_java_names_what_installs_it(machine, version):
    _sdk(machine)
    _jar(machine, "pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar")
    if version is not None:
        _java(machine, version)
    with pytest.raises(java.MissingEmulator, match="apt-get install openjdk-17-jre-headless"):
        java.pubsub_argv(1)


def test_missing_sdk_names_where_to_get_it(machine):
    _java(machine, "21")
    with pytest.raises(java.MissingEmulator, match="gcloud components install"):
        java.pubsub_argv(1)


def test_missing_component_names_the_command(machine):
    _java(machine, "21.0.1")
    _sdk(machine)
    command = "gcloud components install cloud-firestore-emulator"
    with pytest.raises(java.MissingEmulator, match=command):
        java.firestore_argv(1)


def test_a_docker_engine_stands_in(machine):
    _program(machine / "bin" / "docker", "exit 0")
    argv = java.firestore_argv(8081)
    assert argv[:2] == ["docker", "run"]
    assert java.IMAGE in argv
    assert "--host-port=127.0.0.1:8081" in argv


def test_a_docker_client_without_an_engine_does_not(machine):
    _program(machine / "bin" / "docker", "exit 1")
    with pytest.raises(java.MissingEmulator):
        java.pubsub_argv(1)
