"""The estimate falls fast and rises with care, and renditions follow it."""

from dataclasses import dataclass

import pytest
from segue.bandwidth import DEFAULT_BPS, Bandwidth, Ewma, choose


@dataclass(frozen=True)
class Rung:
    bandwidth_bps: int


LADDER = [Rung(24_000), Rung(96_000), Rung(160_000), Rung(320_000)]


def test_estimate_before_any_sample_is_the_default() -> None:
    assert Bandwidth().bps == DEFAULT_BPS


def test_steady_line_is_measured_exactly() -> None:
    line = Bandwidth()
    for _ in range(5):
        line.sample(1.0, 100_000)
    assert line.bps == pytest.approx(800_000)


def test_half_life_is_in_seconds_of_download() -> None:
    average = Ewma(3.0)
    for _ in range(100):
        average.add(1.0, 1000.0)
    average.add(3.0, 0.0)
    assert average.value() == pytest.approx(500.0, rel=1e-3)


def test_drop_is_believed_sooner_than_a_rise() -> None:
    falling, rising = Bandwidth(), Bandwidth()
    for _ in range(10):
        falling.sample(1.0, 125_000)
        rising.sample(1.0, 12_500)
    falling.sample(4.0, 50_000)  # 100 kbit/s for four seconds
    rising.sample(4.0, 500_000)  # 1 Mbit/s for four seconds
    fell = (1_000_000 - falling.bps) / 900_000
    rose = (rising.bps - 100_000) / 900_000
    assert fell > 0.55 > 0.45 > rose


def test_tiny_answers_do_not_look_infinitely_fast() -> None:
    line = Bandwidth()
    line.sample(0.0, 1000)
    assert line.bps == pytest.approx(8 * 1000 / 0.05)


@pytest.mark.parametrize(
    ("bps", "current", "expected"),
    [
        (1_000_000, None, 320_000),
        (1_000, None, 24_000),
        (170_000, 160_000, 160_000),  # stays: 0.95 of it carries 160
        (170_000, 96_000, 96_000),  # does not go up: 0.7 of it is less than 160
        (230_000, 96_000, 160_000),
        (120_000, 320_000, 96_000),
    ],
)
def test_rendition_follows_the_line(bps: float, current: int | None, expected: int) -> None:
    now = Rung(current) if current else None
    assert choose(list(reversed(LADDER)), bps, now).bandwidth_bps == expected
