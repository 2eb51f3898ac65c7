"""Archives are unpacked once, whole, and never outside their folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from emulators.archives import NoSource, source_of, unpack
from tests.emulators.tiny import archive, resource, tiny_graph


def test_archive_is_unpacked_into_a_folder_of_its_content(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"\x00bytes")
    it = archive("page", main_py="print(1)")
    it.properties["source"]["files"]["functions/page/data.bin"] = {"path": str(outside)}
    folder = unpack(it, tmp_path / "archives")
    assert folder == tmp_path / "archives" / "page-0123456789abcdef"
    assert (folder / "main.py").read_text() == "print(1)"
    assert (folder / "functions" / "page" / "data.bin").read_bytes() == b"\x00bytes"


def test_archive_is_unpacked_once(tmp_path: Path) -> None:
    it = archive("page", main_py="print(1)")
    folder = unpack(it, tmp_path)
    (folder / "left.txt").write_text("still here")
    assert unpack(it, tmp_path) == folder
    assert (folder / "left.txt").exists()


def test_half_unpacked_archive_is_not_taken_for_whole(tmp_path: Path) -> None:
    part = tmp_path / "page-0123456789abcdef.part"
    part.mkdir()
    (part / "stale.py").write_text("old")
    folder = unpack(archive("page", main_py="print(1)"), tmp_path)
    assert [it.name for it in folder.iterdir()] == ["main.py"]


@pytest.mark.parametrize("name", ["../out.py", "/tmp/out.py", "a/../../out.py", "a/../.."])
def test_path_that_leaves_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    it = archive("page", main_py="print(1)")
    it.properties["source"]["files"][name] = {"text": "gotcha"}
    with pytest.raises(ValueError, match="leaves the archive"):
        unpack(it, tmp_path / "archives")
    assert not list(tmp_path.rglob("out.py"))
    assert not (tmp_path / "archives" / "page-0123456789abcdef").exists()


def test_source_of_service_and_job_is_found_through_the_image() -> None:
    graph = tiny_graph()
    for type_, name in (("service:Service", "page"), ("job:Job", "sweep")):
        (it,) = graph.all(f"gcp:cloudrunv2/{type_}")
        assert source_of(graph, it).name == f"{name}-source"


def test_image_that_nothing_builds_is_named() -> None:
    graph = tiny_graph()
    built = tuple(it for it in graph.resources if "ContainerImage" not in it.type)
    (service,) = graph.all("gcp:cloudrunv2/service:Service")
    with pytest.raises(NoSource, match="image/page@sha256:0"):
        source_of(replace(graph, resources=built), service)


def test_function_whose_object_is_missing_is_named() -> None:
    function = resource(
        "gcp:cloudfunctionsv2/function:Function",
        "f",
        buildConfig={"source": {"storageSource": {"bucket": "source", "object": "gone.zip"}}},
    )
    with pytest.raises(NoSource, match=r"gone\.zip"):
        source_of(tiny_graph(function), function)
