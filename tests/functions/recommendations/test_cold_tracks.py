"""What nobody has played reaches the right listeners by its words, and by its sound, alone."""

from pathlib import Path

import pytest

from benchmarks.cold_tracks import by_sound, by_words


def test_sound_alone_finds_the_listeners_of_a_new_track() -> None:
    """Made-up listeners; four times random is asked for, and six are had."""
    found = by_sound(listeners=150, tracks=900)
    assert found["audio"] > 4 * found["random"]


@pytest.mark.slow
def test_words_alone_find_the_listeners_of_new_artists(data_dir: Path) -> None:
    """426 artists of HetRec held out; ten times random is asked for, and twelve are had."""
    folder = data_dir / "listening" / "hetrec-lastfm-2k"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    found = by_words(folder, ridge=False)
    assert found["text"] > 10 * found["random"]
    assert found["text"] > 0.5
