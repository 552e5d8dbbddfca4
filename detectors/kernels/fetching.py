"""Ask the machine for a line of memory before it is needed."""

# What numba calls with types of its own has no better names for them.
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

_BIT32, _EVERYWHERE = ir.IntType(32), 3


@intrinsic  # type: ignore[untyped-decorator]
def fetch(_typing: Any, words: Any, _place: Any) -> Any:
    """Ask for the line of a word; nothing else happens, whatever the place."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = arrayobj.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(array.data, [args[1]]), cgutils.voidptr_t)
        kind = ir.FunctionType(
            ir.VoidType(), [cgutils.voidptr_t, _BIT32, _BIT32, _BIT32]
        )
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be written, kept in all caches, data.
        options = [_BIT32(number) for number in (1, _EVERYWHERE, 1)]
        builder.call(fetch, [pointer, *options])
        return context.get_dummy_value()

    return types.void(words, types.intp), generate
