"""The entry point: light to import, opening nothing, deaf to what is not a master."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions.transcode import main
from shared.settings import MissingSetting, load

ROOT = Path(__file__).resolve().parents[3]


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_import_loads_no_client_and_needs_no_environment():
    loaded = in_a_fresh_process(
        "import sys, functions.transcode.main;"
        "print([name for name in ('google.cloud.storage', 'google.cloud.firestore', 'numpy',"
        " 'google.cloud.run_v2', 'google.cloud.pubsub_v1', 'pydub', 'PIL', 'mutagen')"
        " if name in sys.modules])"
    )
    assert loaded == "[]"


def test_start_to_first_answer_takes_little_cpu():
    # The framework as it is started in the cloud, and an event that is not for us.
    cpu_s = in_a_fresh_process(
        "import time\n"
        "from functions_framework import create_app\n"
        "app = create_app('transcode', 'functions/transcode/main.py', 'cloudevent')\n"
        "answer = app.test_client().post('/', json={'name': 'other/x', 'bucket': 'b'}, headers={"
        "'ce-id': '1', 'ce-source': '//storage', 'ce-specversion': '1.0',"
        "'ce-type': 'google.cloud.storage.object.v1.finalized'})\n"
        "assert answer.status_code == 200, answer.data\n"
        "print(time.process_time())"
    )
    assert float(cpu_s) <= 0.7


def test_an_event_is_an_object_in_a_generation():
    found = main.finalized({"name": "masters/x", "generation": "17", "size": "5", "bucket": "b"})
    assert found is not None
    assert (found.name, found.generation, found.size_bytes) == ("masters/x", 17, 5)
    assert main.finalized({"name": "other/x"}) is None
    assert main.finalized({}) is None


def test_what_is_missing_is_named():
    with pytest.raises(MissingSetting, match="MASTERS_BUCKET is not set"):
        load(main.Settings, {"GOOGLE_CLOUD_PROJECT": "p"})
