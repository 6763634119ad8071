"""The tests: package, notebooks, labs, grading, targets, system; tools are what they share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
