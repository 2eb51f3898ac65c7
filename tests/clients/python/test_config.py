"""Where settings come from, and in which order."""

import json
from pathlib import Path

import pytest
from segue import config
from segue.errors import ConfigError

VALUES = {"host": "http://local:1", "client_id": "operator", "client_secret": "s"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run = tmp_path / "project" / ".local" / "run"
    run.mkdir(parents=True)
    (run / "client.json").write_text(json.dumps(VALUES))
    (tmp_path / "project" / "music").mkdir()
    return tmp_path / "project"


def test_local_cloud_is_found_from_a_folder_below(project: Path) -> None:
    found = config.load(environ={}, cwd=project / "music")
    assert (found.host, found.client_id) == ("http://local:1", "operator")
    assert found.local_run == project / ".local" / "run"


def test_environment_goes_before_the_local_cloud(project: Path) -> None:
    environ = {"SEGUE_HOST": "https://h/", "SEGUE_CLIENT_ID": "c", "SEGUE_CLIENT_SECRET": "x"}
    found = config.load(environ=environ, cwd=project)
    assert found == config.Profile("https://h", "c", "x", None)


def test_arguments_go_before_the_environment(project: Path) -> None:
    found = config.load(client_id="me", environ={"SEGUE_CLIENT_ID": "c"}, cwd=project)
    assert found.client_id == "me"


def test_profile_in_a_run_folder_knows_its_local_cloud(project: Path, tmp_path: Path) -> None:
    run = project / ".local" / "run"
    (run / "state.json").write_text("{}")
    found = config.load(profile=run / "client.json", environ={}, cwd=tmp_path)
    assert found.local_run == run


def test_state_of_the_local_cloud_is_kept_with_it(project: Path) -> None:
    found = config.load(environ={}, cwd=project)
    assert config.state_dir(found) == project / ".local" / "segue"


def test_nothing_set_names_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        config.load(environ={}, cwd=tmp_path)
    assert caught.value.code == "NO_HOST"
    assert "SEGUE_HOST" in caught.value.message


def test_host_without_credentials_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        config.load(host="https://h", environ={}, cwd=tmp_path)
    assert caught.value.code == "NO_CREDENTIALS"


def test_host_must_be_an_address(project: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(host="localhost:80", environ={}, cwd=project)
    assert caught.value.code == "BAD_HOST"


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_broken_profile_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"p\.json"):
        config.load(profile=path, environ={}, cwd=tmp_path)
