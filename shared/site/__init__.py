"""Site files: one TOML file describes a pond, its sensors, its limits and where its recorded series are.

The same file registers a pond (``tailwarden import``), drives a replay and feeds ``tailwarden publish``.
``load_site`` reads and judges the file, ``read_series`` one sensor's recorded series; every refusal names
file, line and what to do.
"""

from shared.site.load import load_site
from shared.site.model import SeriesSpec, Site, SiteSensor
from shared.site.series import SeriesData, read_series
from shared.site.units import canonical_of, canonical_unit, to_canonical

__all__ = [
    "SeriesData",
    "SeriesSpec",
    "Site",
    "SiteSensor",
    "canonical_of",
    "canonical_unit",
    "load_site",
    "read_series",
    "to_canonical",
]
