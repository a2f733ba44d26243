"""The demonstration's ponds as ordinary site files with their series: for ``import``, ``replay`` and ``publish``."""

from __future__ import annotations

import csv
import shutil
from datetime import datetime
from pathlib import Path

from deploy.demo.instruments import record
from deploy.demo.scenario import scenario, site, site_file
from shared.problems import Unavailable

__all__ = ["write_sites"]


def write_sites(directory: Path) -> int:
    """Write every site file and its series into *directory*; return how many sites.

    Series hold what the loggers sent in the end: late readings in their place, lost ones missing.

    Raises
    ------
    Unavailable
        If the directory cannot be written.
    """
    whole = scenario()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for script in whole.pond:
            shutil.copyfile(site_file(script.id), directory / f"{script.id}.toml")
            zone = site(script.id).timezone
            series = {item.sensor.id: item.series for item in site(script.id).sensors}
            for each in record(script, whole):
                spec = series[each.sensor.id]
                if spec is None:
                    continue
                with (directory / spec.file).open("w", encoding="utf-8", newline="") as file:
                    rows = csv.writer(file)
                    rows.writerow((spec.time, spec.value))
                    for time_us, value in zip(each.times_us.tolist(), each.values.tolist(), strict=True):
                        rows.writerow((datetime.fromtimestamp(time_us / 1_000_000, zone).isoformat(), value))
    except OSError as error:
        raise Unavailable("demo.unwritable", directory=str(directory), reason=error.strerror or str(error)) from error
    return len(whole.pond)
