"""The configuration file: read with positions, every fault at once."""

from loopwatch.config.faults import Fault
from loopwatch.config.load import Config, Loaded, Topics, load

__all__ = ["Config", "Fault", "Loaded", "Topics", "load"]
