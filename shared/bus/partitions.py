"""Telemetry in partitions: which pond's readings go where, so that several monitors can share the work.

NATS itself puts a reading's pond into one of 16 partitions, by a subject mapping of the server's configuration
(:func:`mappings`): ``tw.telemetry.<pond>…`` is stored as ``tw.partition.<n>.<pond>…``. The same sum is made here, so
that a monitor knows which ponds are its own. Without the mapping everything works as well, only that
each monitor reads all telemetry and leaves what is not its own.

The number is fixed: ponds would change hands without anybody knowing if two parts of a system counted differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from shared.problems import BadInput

__all__ = ["PARTITIONS", "WHOLE", "Share", "mappings", "partition_of", "partition_said", "telemetry_subject"]

PARTITIONS: Final = 16
PLAIN: Final = "tw.telemetry."
MAPPED: Final = "tw.partition."

_SHARE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?/(\d{1,3})", re.ASCII)


def mappings() -> dict[str, str]:
    """Return the ``mappings`` of a NATS account that puts telemetry into partitions by its pond."""
    number = f"{{{{partition({PARTITIONS},1)}}}}"
    return {
        f"{PLAIN}*": f"{MAPPED}{number}.{{{{wildcard(1)}}}}",
        f"{PLAIN}*.*": f"{MAPPED}{number}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}",
    }


def partition_of(pond_id: str) -> int:
    """Return the partition of a pond: FNV-1a of its id (32 bits), modulo 16, as the NATS server reckons it.

    >>> partition_of("xiakou"), partition_of("longwan")
    (2, 11)
    """
    sum_ = 0x811C9DC5
    for byte in pond_id.encode():
        sum_ = ((sum_ ^ byte) * 0x01000193) & 0xFFFFFFFF
    return sum_ % PARTITIONS


def telemetry_subject(subject: str) -> str:
    """Return a reading's subject as its logger gave it, whether it was mapped or not.

    >>> telemetry_subject("tw.partition.2.xiakou.level-1"), telemetry_subject("tw.telemetry.xiakou")
    ('tw.telemetry.xiakou.level-1', 'tw.telemetry.xiakou')
    """
    if not subject.startswith(MAPPED):
        return subject
    return PLAIN + subject.removeprefix(MAPPED).partition(".")[2]


def partition_said(subject: str) -> int | None:
    """Return the partition that a mapped subject names; None for one that was not mapped."""
    said = subject.removeprefix(MAPPED).partition(".")[0] if subject.startswith(MAPPED) else ""
    return int(said) if said.isascii() and said.isdigit() else None


@dataclass(frozen=True, slots=True)
class Share:
    """The partitions ``first`` … ``last`` that one monitor serves.

    >>> Share.read("0-7/16"), Share.read("3/16"), str(Share.read("0-15/16"))
    (Share(first=0, last=7), Share(first=3, last=3), '0-15/16')
    """

    first: int = 0
    last: int = PARTITIONS - 1

    @classmethod
    def read(cls, text: str) -> Share:
        """Return the share that ``FIRST-LAST/16`` names.

        Raises
        ------
        BadInput
            ``partitions.form``, ``partitions.total``, ``partitions.range``.
        """
        match = _SHARE.fullmatch(text.strip())
        if match is None:
            raise BadInput("partitions.form", field="partitions", got=text[:80], total=PARTITIONS)
        first, last, total = match[1], match[1] if match[2] is None else match[2], match[3]
        if int(total) != PARTITIONS:
            raise BadInput("partitions.total", field="partitions", got=total, total=PARTITIONS)
        if not int(first) <= int(last) < PARTITIONS:
            raise BadInput("partitions.range", field="partitions", got=text[:80], last=PARTITIONS - 1)
        return cls(int(first), int(last))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}/{PARTITIONS}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """The partitions, ascending."""
        return tuple(range(self.first, self.last + 1))

    @property
    def whole(self) -> bool:
        """Whether nothing is left for others."""
        return len(self.numbers) == PARTITIONS

    @property
    def suffix(self) -> str:
        """What tells this share's consumers from others': nothing for the whole."""
        return "" if self.whole else f"-p{self.first}-{self.last}"

    @property
    def subjects(self) -> tuple[str, ...]:
        """Where this share's telemetry is; empty: everything. What was stored unmapped is everybody's to look at."""
        return () if self.whole else (f"{PLAIN}>", *(f"{MAPPED}{number}.>" for number in self.numbers))

    def owns(self, pond_id: str) -> bool:
        """Tell whether a pond belongs to this share."""
        return self.first <= partition_of(pond_id) <= self.last


WHOLE: Final = Share()
