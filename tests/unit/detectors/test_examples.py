"""The examples in the docstrings of the detectors."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import detectors

MODULES = [
    found.name for found in pkgutil.walk_packages(detectors.__path__, "detectors.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    """Each does what it says."""
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
