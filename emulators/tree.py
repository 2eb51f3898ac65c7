"""Where the project lies: what runs here is run from its own files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
