"""tailwarden: the console command over services, shared and deploy."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("tailwarden")
except PackageNotFoundError:  # run from a bare checkout, before `make install`
    __version__ = "0.0.0"
