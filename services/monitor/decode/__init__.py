"""Telemetry messages in, columns of readings out (pure: numpy and orjson).

``types`` the interface · ``shapes`` the three shapes of JSON · ``times`` many times at once · ``columns`` the whole.
"""

from services.monitor.decode.columns import decode
from services.monitor.decode.types import Decoded, DecodeLimits, Former, SensorDirectory, SensorEntry

__all__ = ["DecodeLimits", "Decoded", "Former", "SensorDirectory", "SensorEntry", "decode"]
