"""Odd stretches of a busy series: values that are odd where they stand."""

from detectors.stretches.channel import Stretches

__all__ = ["Stretches"]
