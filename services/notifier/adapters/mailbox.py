"""A directory that stands for a provider: each message a file, to be looked at (demonstrations, drills, tests)."""

from __future__ import annotations

import os
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from uuid import uuid4

from services.notifier.ports import Length, Text

__all__ = ["put_into"]


def put_into(directory: Path, person_id: str, text: Text, length: Length, now: datetime) -> Path:
    """Write a message below *directory*, one folder a person: whole texts as .eml, short ones as .txt.

    The person's id stands for the address, so that the directory may be shown.
    """
    folder = directory / person_id
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{now:%Y%m%dT%H%M%S.%f}Z-{uuid4().hex[:8]}"
    if length == "full":
        mail = EmailMessage(policy=SMTP.clone(utf8=True))
        mail["From"] = "tailwarden"
        mail["To"] = person_id
        mail["Date"] = now
        mail["Subject"] = " ".join(text.subject.split())
        mail.set_content(text.body, cte="8bit")
        path, content = folder / f"{name}.eml", mail.as_bytes()
    else:
        path, content = folder / f"{name}.txt", (text.body.rstrip("\n") + "\n").encode()
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return path
