"""Functions that are compiled to machine code, once for each version of the code.

What runs for every session is written as arithmetic on numbers in arrays and compiled
by numba; what has to say something stays Python. The results are the same to the bit:
no reordering, no fused operations. Compiling takes about half a minute, so the code is
kept on disk, beside the package if that can be written, else in the user's cache.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeVar, cast

import numba
from numba.core.options import DefaultOptions

Function = TypeVar("Function", bound=Callable[..., object])

_HERE: Final = Path(__file__).parent
_PACKAGES: Final = ("detectors", "streams")
"""Where compiled functions are."""


def _version() -> str:
    """Sixteen digits for all that the machine code hangs on.

    numba itself asks the file of a function, but not those of the functions it calls.
    """
    digest = blake2b(numba.__version__.encode(), digest_size=8)
    for package in _PACKAGES:
        for path in sorted(_HERE.with_name(package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _folder() -> Path | None:
    """Where machine code is kept; None if nothing can be written."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = f"compiled-{_version()}"
    for parent in (_HERE / "__pycache__", Path(caches) / "loopwatch"):
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


_FOLDER: Final = _folder()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)


def kept() -> bool:
    """Whether there is machine code of this version."""
    return _FOLDER is not None and any(_FOLDER.iterdir())


# Each call counts the references to its arrays otherwise, atomically, and that takes
# three times as long as the arithmetic.
_UNCOUNTED: Final = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def compiled(function: Function) -> Function:
    """Compile a function when it is first called with arguments of some types.

    A division by zero gives an infinity or NaN, as in numpy. An index is not checked.
    No array can be made within, only views of those that are handed in.
    """
    return cast(
        "Function",
        numba.njit(
            cache=_FOLDER is not None,
            error_model="numpy",
            forceinline=True,
            **_UNCOUNTED,
        )(function),
    )
