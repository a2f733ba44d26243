"""Which pond's telemetry belongs to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.machine import shares
from services.monitor.settings import MonitorSettings
from shared.bus.partitions import PARTITIONS, WHOLE, Share, partition_of, partition_said, telemetry_subject
from shared.problems import BadInput

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)


@pytest.mark.parametrize(
    ("text", "first", "last"), [("0-7/16", 0, 7), ("8-15/16", 8, 15), ("3/16", 3, 3), (" 0-15/16 ", 0, 15)]
)
def test_a_share_is_read_and_said(text: str, first: int, last: int) -> None:
    share = Share.read(text)
    assert (share.first, share.last, Share.read(str(share))) == (first, last, share)
    assert share.whole is (share == WHOLE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "partitions.form"), ("0-7", "partitions.form"), ("a-b/16", "partitions.form"),
        ("-1/16", "partitions.form"), ("０-7/16", "partitions.form"), ("0-7/8", "partitions.total"),
        ("8-7/16", "partitions.range"), ("0-16/16", "partitions.range"),
    ],
)  # fmt: skip
def test_what_is_no_share_is_refused_in_both_languages(text: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        Share.read(text)
    assert refused.value.code == code
    assert "16" in refused.value.words("zh") or "15" in refused.value.words("zh")


@given(ids, st.integers(1, PARTITIONS))
def test_every_pond_has_exactly_one_monitor(pond: str, monitors: int) -> None:
    owners = [share for share in shares(monitors) if share.owns(pond)]
    assert len(owners) == 1
    assert partition_of(pond) in owners[0].numbers
    assert sum(len(share.numbers) for share in shares(monitors)) == PARTITIONS


@given(ids, ids, st.integers(0, PARTITIONS - 1))
def test_a_mapped_subject_says_what_the_logger_said(pond: str, sensor: str, partition: int) -> None:
    for plain in (f"tw.telemetry.{pond}", f"tw.telemetry.{pond}.{sensor}"):
        mapped = plain.replace("tw.telemetry", f"tw.partition.{partition}", 1)
        assert (telemetry_subject(mapped), partition_said(mapped)) == (plain, partition)
        assert (telemetry_subject(plain), partition_said(plain)) == (plain, None)
    assert partition_said(f"tw.partition.x{partition}.{pond}") is None


def test_consumers_of_shares_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [share.suffix for monitors in range(1, PARTITIONS + 1) for share in shares(monitors)]
    assert len(set(names)) == len({str(share) for monitors in range(1, 17) for share in shares(monitors)})
    assert (WHOLE.suffix, WHOLE.subjects) == ("", ())
    monkeypatch.setenv("TAILWARDEN_MONITOR_PARTITIONS", "8-9/16")
    share = MonitorSettings().share
    assert share.subjects == ("tw.telemetry.>", "tw.partition.8.>", "tw.partition.9.>")
