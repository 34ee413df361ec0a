"""Bits of 64-bit words in compiled loops; importing this file imports numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic


def _bit_operation(name: str) -> Any:
    """Return LLVM's count of the zeros after (``cttz``) or before (``ctlz``) the bits of a word, or of its bits."""

    @intrinsic  # type: ignore[untyped-decorator]
    def operation(typing_context, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            flag = [ir.Constant(ir.IntType(1), 0)] if name != "ctpop" else []  # a word without a bit has 64 zeros
            kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64), *(f.type for f in flag)])
            function = builder.module.declare_intrinsic(f"llvm.{name}", (ir.IntType(64),), kind)
            return builder.call(function, [arguments[0], *flag])

        return numba.types.int64(numba.types.uint64), generate

    return operation


first_bit = _bit_operation("cttz")
leading_zeros = _bit_operation("ctlz")
bit_count = _bit_operation("ctpop")


@numba.njit
def last_bit(word):  # type: ignore[no-untyped-def]
    """Return the highest site of a word."""
    return np.int64(63) - leading_zeros(word)
