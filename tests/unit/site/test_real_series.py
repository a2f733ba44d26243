"""Site files for the real series: each is read whole, with the facts its SOURCE.md gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.site import canonical_of, load_site, read_series

CASES = {
    "tailings": (
        "tailings_pond_ca_2020/pp_station.csv",
        "Etc/GMT+7",
        'kind = "water_level"\nunit = "m"\nexpected_interval = "5min"',
        'time = "Time"\nvalue = "Primary Pond Level[m]"',
        (26_478, 0, "2020-06-01T07:00:00", 338.22, 338.90),
    ),
    "daily-rain": (
        "tailings_pond_ca_2020/envcanada_rainfall.csv",
        "Etc/GMT+7",
        'kind = "rain"\nunit = "mm"\nexpected_interval = "1d"',
        'time = "date"\nvalue = "total_rain_mm"',
        (347, 19, "2020-01-01T07:00:00", 0.0, 34.2),
    ),
    "kenduskeag": (
        "kenduskeag_us_2014_2016/keag_small.csv",
        "Etc/GMT+4",
        'kind = "water_level"\nunit = "ft"\nexpected_interval = "1h"',
        'time = "datetime"\nvalue = "65565_00065"',
        (8_696, 0, "2014-05-01T05:00:00", 2.68 * 0.3048, 9.18 * 0.3048),
    ),
    "trout-creek": (
        "trout_creek_us_2021/Log00017.txt",
        "Etc/UTC",
        'kind = "water_distance"\nunit = "cm"\nexpected_interval = "5min"\nzero_level = 10.0',
        'time = "Time [UTC]"\nvalue = "Range [cm]"\nskip_rows = 1',
        (15_780, 0, "2021-08-18T20:55:54", None, None),
    ),
    "mukilteo": (
        "mukilteo_us_piezo_2015/waMVD116_14d.txt",
        "America/Los_Angeles",
        'kind = "rain"\nunit = "mm"\nexpected_interval = "15min"',
        'time = 0\nvalue = 5\ndelimiter = "\\t"\nscale = 0.254',
        (1_344, 0, "2015-12-18T08:00:00", 0.0, None),
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_real_series_is_read_whole(name: str, shared_data: Path, tmp_path: Path) -> None:
    file, zone, sensor, series, (rows, skipped, first, low, high) = CASES[name]
    path = tmp_path / f"{name}.toml"
    path.write_text(
        f'[pond]\nid = "{name}"\ntimezone = "{zone}"\n[[sensor]]\nid = "s"\n{sensor}\n'
        f'[sensor.series]\nfile = "{shared_data / file}"\n{series}\n',
        "utf-8",
    )
    site = load_site(path)
    data = read_series(site.directory, site.sensors[0], site.timezone)
    assert (data.values.size, data.skipped, data.duplicates) == (rows, skipped, 0)
    assert str(data.times_us[:1].astype("datetime64[us]")[0]).startswith(first)
    factor, offset = canonical_of(site.sensors[0].sensor)
    values = data.values * factor + offset
    if low is not None:
        assert values.min() == pytest.approx(low)
    if high is not None:
        assert values.max() == pytest.approx(high, abs=0.3 if name == "daily-rain" else 1e-9)
