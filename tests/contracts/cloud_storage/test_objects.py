"""Objects as resources: what is stored is what is told, and preconditions hold everywhere."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import google_crc32c
import pytest
from google.api_core import exceptions
from google.cloud import storage

ODD_NAMES = [
    "../../etc/passwd",
    "a//b",
    "/leading",
    "trailing/",
    "with space+plus%2Fpercent?question#hash",
    "ünïcödé/日本語/🎵.flac",
    "nul\x00byte",
    "tab\tand \x7f",
    "..a/./b/..",
    "x" * 900,
]


def test_upload_tells_size_type_checksums_and_versions(blob: storage.Blob) -> None:
    data = b"the master"
    blob.cache_control = "public, max-age=31536000, immutable"
    blob.metadata = {"upload_id": "7", "ünï": "cödé"}
    blob.upload_from_string(data, content_type="audio/flac")
    blob.reload()
    assert blob.size == len(data)
    assert blob.content_type == "audio/flac"
    assert blob.cache_control == "public, max-age=31536000, immutable"
    assert blob.metadata == {"upload_id": "7", "ünï": "cödé"}
    assert blob.md5_hash == base64.b64encode(hashlib.md5(data).digest()).decode()
    checksum = google_crc32c.value(data).to_bytes(4, "big")
    assert blob.crc32c == base64.b64encode(checksum).decode()
    assert blob.generation > 0
    assert blob.metageneration == 1
    assert abs(blob.time_created - datetime.now(UTC)) < timedelta(minutes=5)
    assert blob.storage_class == "STANDARD"


def test_overwriting_gives_a_higher_generation_and_hides_the_old(blob: storage.Blob) -> None:
    blob.upload_from_string(b"one")
    first = blob.generation
    blob.upload_from_string(b"two")
    assert blob.generation > first
    assert blob.metageneration == 1
    assert blob.download_as_bytes() == b"two"
    with pytest.raises(exceptions.NotFound):
        blob.bucket.blob(blob.name, generation=first).download_as_bytes()
    assert blob.bucket.blob(blob.name, generation=blob.generation).download_as_bytes() == b"two"


@pytest.mark.parametrize("odd", ODD_NAMES, ids=lambda name: ascii(name[:20]))
def test_any_legal_name_is_just_a_name(bucket: storage.Bucket, prefix: str, odd: str) -> None:
    blob = bucket.blob(prefix + odd)
    blob.upload_from_string(odd.encode())
    assert bucket.blob(prefix + odd).download_as_bytes() == odd.encode()
    assert [found.name for found in bucket.list_blobs(prefix=prefix)] == [prefix + odd]
    blob.delete()
    assert not blob.exists()


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "x" * 1025, "é" * 513], ids=ascii)
def test_illegal_names_are_refused(bucket: storage.Bucket, bad: str) -> None:
    with pytest.raises(exceptions.BadRequest):
        bucket.blob(bad).upload_from_string(b"x")


def test_an_object_and_objects_below_it_live_together(bucket: storage.Bucket, prefix: str) -> None:
    for name in ("p", "p/q", "p/q/r"):
        bucket.blob(prefix + name).upload_from_string(name.encode())
    bucket.blob(f"{prefix}p/q").delete()
    assert bucket.blob(f"{prefix}p").download_as_bytes() == b"p"
    assert bucket.blob(f"{prefix}p/q/r").download_as_bytes() == b"p/q/r"


def test_missing_objects_and_buckets_are_not_found(
    client: storage.Client, blob: storage.Blob
) -> None:
    assert not blob.exists()
    for act in (blob.reload, blob.delete, blob.download_as_bytes, blob.patch):
        with pytest.raises(exceptions.NotFound):
            act()
    if not str(client.api_endpoint).startswith("https"):
        with pytest.raises(exceptions.NotFound):
            client.bucket("segue-no-such-bucket").blob("x").upload_from_string(b"x")


def test_patch_changes_only_what_it_names(blob: storage.Blob) -> None:
    blob.metadata = {"a": "1", "b": "2"}
    blob.upload_from_string(b"x", content_type="text/plain")
    generation = blob.generation
    blob.metadata = {"a": "3", "b": None}
    blob.content_language = "de"
    blob.patch()
    blob.reload()
    assert blob.metadata == {"a": "3"}
    assert blob.content_language == "de"
    assert blob.content_type == "text/plain"
    assert (blob.generation, blob.metageneration) == (generation, 2)


def test_update_replaces_all_that_may_be_set(blob: storage.Blob) -> None:
    blob.metadata = {"a": "1"}
    blob.content_language = "de"
    blob.upload_from_string(b"x", content_type="text/plain")
    blob.content_language = None
    blob.metadata = {"b": "2"}
    blob.update()
    blob.reload()
    assert blob.metadata == {"b": "2"}
    assert blob.content_language is None


def test_if_generation_match_zero_creates_only_once(blob: storage.Blob) -> None:
    blob.upload_from_string(b"first", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"second", if_generation_match=0)
    assert blob.download_as_bytes() == b"first"


def test_wrong_preconditions_refuse_every_operation(
    bucket: storage.Bucket, blob: storage.Blob
) -> None:
    blob.upload_from_string(b"data")
    now, other = blob.generation, blob.generation + 1
    target = bucket.blob(f"{blob.name}-copy")
    wrong = [
        {"if_generation_match": other},
        {"if_generation_not_match": now},
        {"if_metageneration_match": 9},
        {"if_metageneration_not_match": 1},
    ]
    for condition in wrong:
        with pytest.raises(exceptions.PreconditionFailed):
            blob.upload_from_string(b"new", **condition)
        with pytest.raises(exceptions.PreconditionFailed):
            blob.patch(**condition)
        with pytest.raises(exceptions.PreconditionFailed):
            blob.delete(**condition)
    for condition in (wrong[0], wrong[2]):
        with pytest.raises(exceptions.PreconditionFailed):
            blob.download_as_bytes(**condition)
        with pytest.raises(exceptions.PreconditionFailed):
            blob.reload(**condition)
    with pytest.raises(exceptions.PreconditionFailed):
        target.rewrite(blob, if_source_generation_match=other)
    with pytest.raises(exceptions.PreconditionFailed):
        target.rewrite(blob, if_generation_match=other)
    with pytest.raises(exceptions.PreconditionFailed):
        target.compose([blob], if_generation_match=other)
    with pytest.raises(exceptions.PreconditionFailed):
        target.compose([blob], if_source_generation_match=[other])
    assert not target.exists()
    blob.reload()
    assert (blob.generation, blob.metageneration) == (now, 1)
    assert blob.download_as_bytes() == b"data"


def test_right_preconditions_let_every_operation_pass(blob: storage.Blob) -> None:
    blob.upload_from_string(b"one")
    blob.upload_from_string(b"two", if_generation_match=blob.generation)
    blob.content_language = "en"
    blob.patch(if_generation_match=blob.generation, if_metageneration_match=1)
    held = {"if_generation_match": blob.generation, "if_metageneration_match": 2}
    assert blob.download_as_bytes(**held) == b"two"
    blob.delete(**held)
    assert not blob.exists()


def test_reading_what_the_caller_has_already_answers_not_modified(blob: storage.Blob) -> None:
    blob.upload_from_string(b"data")
    for condition in (
        {"if_generation_not_match": blob.generation},
        {"if_etag_not_match": blob.etag},
    ):
        with pytest.raises(exceptions.GoogleAPICallError) as caught:
            blob.reload(**condition)
        assert caught.value.code == 304
    blob.reload(if_etag_match=blob.etag)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.reload(if_etag_match="CAE=")


def test_compose_joins_objects_in_order(bucket: storage.Bucket, prefix: str) -> None:
    parts = []
    for number in range(3):
        part = bucket.blob(f"{prefix}{number}")
        part.upload_from_string(bytes([number]) * 1000, content_type="audio/mp4")
        parts.append(part)
    whole = bucket.blob(f"{prefix}whole")
    whole.content_type = "audio/mp4"
    whole.compose(parts, if_generation_match=0)
    expected = b"".join(bytes([number]) * 1000 for number in range(3))
    assert whole.download_as_bytes() == expected
    assert whole.component_count == 3
    assert whole.md5_hash is None
    checksum = google_crc32c.value(expected).to_bytes(4, "big")
    assert whole.crc32c == base64.b64encode(checksum).decode()
    whole.compose([whole, parts[0]])
    assert whole.size == 4000
    assert whole.component_count == 4


def test_compose_refuses_missing_and_too_many_sources(bucket: storage.Bucket, prefix: str) -> None:
    part = bucket.blob(f"{prefix}part")
    part.upload_from_string(b"x")
    target = bucket.blob(f"{prefix}whole")
    with pytest.raises(exceptions.NotFound):
        target.compose([part, bucket.blob(f"{prefix}missing")])
    with pytest.raises(exceptions.BadRequest):
        target.compose([part] * 33)
    assert not target.exists()


def test_copy_and_rewrite_carry_data_and_metadata(bucket: storage.Bucket, prefix: str) -> None:
    source = bucket.blob(f"{prefix}source")
    source.metadata = {"kept": "yes"}
    source.upload_from_string(b"data", content_type="audio/ogg")
    copied = bucket.copy_blob(source, bucket, f"{prefix}copied")
    rewritten = bucket.blob(f"{prefix}rewritten")
    token, done, total = rewritten.rewrite(source)
    assert (token, done, total) == (None, 4, 4)
    source.delete()
    for target in (copied, rewritten):
        target.reload()
        assert target.content_type == "audio/ogg"
        assert target.metadata == {"kept": "yes"}
        assert target.metageneration == 1
        assert target.download_as_bytes() == b"data"


def test_batch_makes_many_calls_in_one_request(bucket: storage.Bucket, prefix: str) -> None:
    blobs = [bucket.blob(f"{prefix}{number} ü") for number in range(10)]
    for blob in blobs:
        blob.upload_from_string(b"x")
    with bucket.client.batch():
        blobs[0].metadata = {"touched": "yes"}
        blobs[0].patch()
        for blob in blobs[1:]:
            blob.delete()
    assert blobs[0].metageneration == 2
    assert [b.name for b in bucket.list_blobs(prefix=prefix)] == [blobs[0].name]


def test_batch_reports_the_call_that_failed(bucket: storage.Bucket, prefix: str) -> None:
    present = bucket.blob(f"{prefix}present")
    present.upload_from_string(b"x")
    batch = bucket.client.batch()
    bucket.client._push_batch(batch)
    bucket.delete_blob(f"{prefix}missing")
    bucket.delete_blob(present.name)
    bucket.client._pop_batch()
    with pytest.raises(exceptions.NotFound):
        batch.finish()
    assert not present.exists()


def test_a_hold_protects_from_deletion_and_overwriting(blob: storage.Blob) -> None:
    blob.upload_from_string(b"kept")
    blob.temporary_hold = True
    blob.patch()
    with pytest.raises(exceptions.Forbidden):
        blob.delete()
    with pytest.raises(exceptions.Forbidden):
        blob.upload_from_string(b"gone")
    assert blob.download_as_bytes() == b"kept"
    blob.reload()
    blob.temporary_hold = False
    blob.patch()
    blob.delete()


def test_custom_time_only_moves_forward(blob: storage.Blob) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    blob.custom_time = at
    blob.upload_from_string(b"x")
    blob.reload()
    assert blob.custom_time == at
    blob.custom_time = at - timedelta(days=1)
    with pytest.raises(exceptions.BadRequest):
        blob.patch()
    blob.custom_time = at + timedelta(days=1)
    blob.patch()
    blob.reload()
    assert blob.custom_time == at + timedelta(days=1)


def test_a_corrupted_upload_is_refused(blob: storage.Blob) -> None:
    blob.md5_hash = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(exceptions.BadRequest):
        blob.upload_from_string(b"data", checksum=None)
    assert not blob.exists()


def test_bucket_changes_keep_preconditions_too(bucket: storage.Bucket) -> None:
    bucket.reload()
    before = bucket.metageneration
    bucket.labels = {"touched": "yes"}
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.patch(if_metageneration_match=before + 1)
    bucket.patch(if_metageneration_match=before)
    assert bucket.metageneration == before + 1
    assert bucket.labels == {"touched": "yes"}
