"""Every text a person sees, in Chinese and English, by key.

One TOML file per part of the product, each entry with ``zh`` and ``en``; a test holds that both exist
and take the same parameters. ``say`` renders one; ``language`` picks the reader's.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["LANGUAGES", "catalogue", "counted", "joined", "language", "say"]

LANGUAGES = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every entry: key → {language: text}. Keys are ``<section>.<name>`` over all ``*.toml`` here."""
    entries: dict[str, dict[str, str]] = {}
    for file in sorted(files(__package__).iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        for section, names in tomllib.loads(file.read_text("utf-8")).items():
            for name, texts in names.items():
                key = f"{section}.{name}"
                if key in entries:
                    raise ValueError(f"word catalogue: {key} is defined twice ({file.name})")
                entries[key] = texts
    return entries


def language(setting: str | None = None) -> str:
    """Return ``zh`` or ``en``: *setting*, else TAILWARDEN_LANGUAGE, else the locale's, else English."""
    for source in (setting, os.environ.get("TAILWARDEN_LANGUAGE"), os.environ.get("LC_ALL"), os.environ.get("LANG")):
        if source:
            return "zh" if source.lower().startswith("zh") else "en"
    return "en"


def say(key: str, language: str, **params: Any) -> str:
    """Render the text *key* in *language* with ``str.format`` parameters.

    A parameter that is a list is said item by item, and items that are keys themselves in the reader's words.

    An unknown key is rendered as itself with its parameters: an error message must never be replaced by
    the error of saying it.
    """
    texts = catalogue().get(key)
    if texts is None:
        return f"{key} {params}" if params else key
    said = {
        name: _listed(value, language) if isinstance(value, list | tuple) else value for name, value in params.items()
    }
    return texts["zh" if language == "zh" else "en"].format(**said)


def counted(key: str, count: int, language: str, **params: Any) -> str:
    """Render the text *key* with ``count``; where it is one and the catalogue has ``<key>_one``, that text."""
    one = f"{key}_one"
    return say(one if count == 1 and one in catalogue() else key, language, count=count, **params)


def joined(words: Iterable[str], language: str) -> str:
    """Return *words* one after the other as they stand, whatever they look like: names of people, say."""
    return ("、" if language == "zh" else ", ").join(words)


def _listed(items: list[Any] | tuple[Any, ...], language: str) -> str:
    return joined((_item(item, language) for item in items), language)


def _item(item: Any, language: str) -> str:
    """Return the text whose key *item* is, unless that text waits for parameters of its own; else *item* itself."""
    texts = catalogue().get(item) if isinstance(item, str) else None
    return str(item) if texts is None or "{" in texts["zh"] else say(item, language)
