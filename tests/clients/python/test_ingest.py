"""Files in: uploaded once, licensed once, resumed, and judged one by one."""

import itertools
import threading
from pathlib import Path

import pytest
from segue.client import Client
from segue.errors import ConfigError
from segue.ingest import Event, Ingest, Outcome, scan
from segue.journal import Journal, Step

from tests.clients.fake import FakeSegue


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "deep").mkdir(parents=True)
    for n in range(4):
        (folder / f"{n} Tråck.flac").write_bytes(b"fLaC" + bytes([n]) * 300_000)
    (folder / "deep" / "5.MP3").write_bytes(b"ID3" + b"x" * 1000)
    (folder / "notes.txt").write_text("not music")
    return folder


def run(
    client: Client, journal_path: Path, paths: list[Path], **options: object
) -> dict[str, Outcome]:
    journal = Journal(journal_path)
    ingest = Ingest(client, journal, sleep=lambda s: None, **options)  # type: ignore[arg-type]
    outcomes = ingest.run(scan(paths), lambda outcome: None)
    journal.close()
    return {outcome.path.name: outcome for outcome in outcomes}


def test_folder_is_searched_for_audio(music: Path) -> None:
    names = [path.name for path in scan([music, music / "notes.txt"])]
    assert names == [f"{n} Tråck.flac" for n in range(4)] + ["5.MP3", "notes.txt"]


def test_file_named_twice_is_taken_once(music: Path) -> None:
    assert len(scan([music / "deep", music / "deep" / "5.MP3"])) == 1


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        scan([tmp_path / "nowhere"])


def test_every_file_becomes_a_licensed_track(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    outcomes = run(client, tmp_path / "j", [music])
    assert {outcome.kind for outcome in outcomes.values()} == {"ready"}
    assert sorted(itertools.chain(*fake.licences)) == sorted(o.track_id for o in outcomes.values())
    assert {u.filename for u in fake.uploads.values()} == set(outcomes)
    assert all(len(u.data) == u.size for u in fake.uploads.values())


def test_second_run_sends_and_licenses_nothing(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    run(client, tmp_path / "j", [music])
    uploads, licences = len(fake.uploads), len(fake.licences)
    outcomes = run(client, tmp_path / "j", [music])
    assert {outcome.kind for outcome in outcomes.values()} == {"unchanged"}
    assert (len(fake.uploads), len(fake.licences)) == (uploads, licences)


def test_known_bytes_are_skipped_without_any_state(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    run(client, tmp_path / "j", [music])
    outcomes = run(client, tmp_path / "other", [music])
    assert {outcome.kind for outcome in outcomes.values()} == {"duplicate"}


def test_equal_files_are_sent_once(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    (music / "copy.flac").write_bytes((music / "0 Tråck.flac").read_bytes())
    outcomes = run(client, tmp_path / "j", [music])
    kinds = {outcomes["copy.flac"].kind, outcomes["0 Tråck.flac"].kind}
    assert kinds == {"ready", "duplicate"}
    assert len(fake.uploads) == 5


def test_failures_are_told_and_spoil_nothing_else(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    (music / "bad.mp3").write_bytes(b"this is not audio")
    (music / "empty.wav").write_bytes(b"")
    outcomes = run(client, tmp_path / "j", [music])
    assert (outcomes["bad.mp3"].kind, outcomes["bad.mp3"].reason) == ("failed", "NOT_AUDIO")
    assert outcomes["bad.mp3"].message == "this is not audio"
    assert outcomes["empty.wav"].reason == "EMPTY_FILE"
    assert sum(outcome.kind == "ready" for outcome in outcomes.values()) == 5


def test_failed_file_is_tried_again_by_the_next_run(
    client: Client, fake: FakeSegue, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"this is not audio")
    run(client, tmp_path / "j", [bad])
    run(client, tmp_path / "j", [bad])
    assert len(fake.uploads) == 2


def test_interrupted_upload_goes_on_in_its_session(
    client: Client, fake: FakeSegue, tmp_path: Path
) -> None:
    master = tmp_path / "long.flac"
    master.write_bytes(b"fLaC" + b"y" * 20_000_000)
    journal = Journal(tmp_path / "j")

    def interrupt(event: Event) -> None:
        if event.stage == "sending" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ingest(client, journal, progress=interrupt).run([master], lambda outcome: None)
    journal.close()
    (upload,) = fake.uploads.values()
    assert 0 < len(upload.data) < upload.size

    outcomes = run(client, tmp_path / "j", [master])
    assert outcomes["long.flac"].kind == "ready"
    assert len(fake.uploads) == 1
    assert bytes(upload.data) == master.read_bytes()


def test_session_that_ended_meanwhile_is_begun_anew(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    fake.trouble.lose_sessions = 1
    first = run(client, tmp_path / "j", [music / "0 Tråck.flac"])
    assert first["0 Tråck.flac"].reason == "SESSION_GONE"
    fake.trouble.lose_sessions = 1
    again = run(client, tmp_path / "j", [music / "0 Tråck.flac"])
    assert again["0 Tråck.flac"].kind == "ready"


def test_state_of_a_wiped_host_is_no_obstacle(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    run(client, tmp_path / "j", [music])
    fake.uploads.clear()
    outcomes = run(client, tmp_path / "j", [music])
    assert {outcome.kind for outcome in outcomes.values()} == {"ready"}


def test_unlicensed_tracks_are_licensed_by_a_later_run(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    run(client, tmp_path / "j", [music], license_worldwide=False)
    assert fake.licences == []
    run(client, tmp_path / "j", [music])
    assert len(list(itertools.chain(*fake.licences))) == 5


def test_host_that_stumbles_costs_no_file(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    def stumble(event: Event) -> None:
        if event.stage == "transcoding":
            fake.trouble.api_errors = 12  # more than one call's attempts

    outcomes = run(client, tmp_path / "j", [music], progress=stumble, jobs=1)
    assert {outcome.kind for outcome in outcomes.values()} <= {"ready", "failed"}
    again = run(client, tmp_path / "j", [music])
    assert {outcome.kind for outcome in again.values()} <= {"ready", "unchanged", "duplicate"}
    assert len(set(itertools.chain(*fake.licences))) == 5


def test_watching_outlives_an_outage(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    def stumble(event: Event) -> None:
        if event.stage == "transcoding":
            fake.trouble.api_errors = 12

    outcomes = run(client, tmp_path / "j", [music / "deep"], progress=stumble)
    assert outcomes["5.MP3"].kind == "ready"


def test_uploads_run_side_by_side(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(event: Event) -> None:
        if event.stage == "reading" and event.path.suffix == ".flac":
            together.wait()

    outcomes = run(client, tmp_path / "j", [music], jobs=4, progress=meet)
    assert len(outcomes) == 5


def test_patience_ends_with_a_named_failure(
    client: Client, fake: FakeSegue, music: Path, tmp_path: Path
) -> None:
    outcomes = run(client, tmp_path / "j", [music / "deep"], timeout_s=-1.0)
    assert outcomes["5.MP3"].reason == "TIMEOUT"


def test_journal_forgets_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    journal.put(Step("a", "u", "t", "open", "http://s"))
    journal.put(Step("a", "u", "t", "sent"))
    journal.close()
    with path.open("a") as file:
        file.write('{"sha256": "b", "upl')
    again = Journal(path)
    assert (again.find("a"), again.find("b")) == (Step("a", "u", "t", "sent"), None)
    again.close()
    assert path.stat().st_mode & 0o077 == 0
