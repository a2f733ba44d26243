"""Where Chinese glyphs come from on a machine that may have none.

The ``zhplot`` package from PyPI carries Noto Sans SC (SIL Open Font License). Only its font file is used: importing
the package would change matplotlib's settings for the whole process. A system font is the second choice.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["chinese_font", "embedded_font", "has_chinese"]

PACKAGED = (("zhplot", "fonts/NotoSansSC-Regular.ttf"),)
SYSTEM_NAMES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
)


def has_chinese(text: str) -> bool:
    """Return whether *text* needs glyphs that Latin fonts lack."""
    return any("\u2e80" <= letter <= "\u9fff" or "\uf900" <= letter <= "\uffef" for letter in text)


@cache
def chinese_font() -> Path | None:
    """Return the file of a font with Chinese glyphs, or None when this machine has none."""
    for package, inside in PACKAGED:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            file = Path(folder) / inside
            if file.is_file():
                return file
    from matplotlib import font_manager

    known = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    return next((Path(known[name]) for name in SYSTEM_NAMES if name in known), None)


def embedded_font(text: str) -> str | None:
    """Return a CSS ``@font-face`` holding only the Chinese glyphs of *text*; None if none are needed or none are there.

    A few kilobytes make a page readable on any machine, without a request to anywhere.
    """
    letters = {letter for letter in text if has_chinese(letter)}
    file = chinese_font() if letters else None
    if file is None or file.suffix.lower() == ".ttc":
        return None
    from fontTools import subset

    options = subset.Options(hinting=False, layout_features=[], notdef_outline=True)
    out = io.BytesIO()
    with subset.load_font(str(file), options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[ord(letter) for letter in letters])
        cutter.subset(font)
        font.save(out)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    return f"@font-face{{font-family:'TailwardenHan';src:url(data:font/ttf;base64,{data})}}"
