"""The examples in the docstrings of the detectors."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import detectors

MODULES = [found.name for found in pkgutil.iter_modules(detectors.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    """Each does what it says."""
    module = importlib.import_module(f"detectors.{name}")
    assert doctest.testmod(module).failed == 0
