"""Segue's SDK: upload masters, play tracks, run the library from Python or the `segue` command."""

__version__ = "0.1.0"
