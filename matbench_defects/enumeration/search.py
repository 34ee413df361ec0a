"""The inner loop of the compiled search; importing this file imports numba.

A set is one 64-bit word, site i its bit i. Sets grow one site at a time in increasing order. At each set every
operation is compared with it once, by the first site at which its image differs, and forbids in one step all further
sites that would make the image smaller. From then on it waits for the one site that would bring its image up to the
set again, and is dropped for the whole subtree once that site has been passed or forbidden. What is left of the sites
needs no test of its own.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from matbench_defects.compiling import compiled


def _bit_operation(name: str) -> Any:
    """Return LLVM's count of the zeros after (``cttz``) or before (``ctlz``) the bits of a word, or of its bits."""

    @intrinsic  # type: ignore[untyped-decorator]
    def operation(typing_context, word):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            flag = [ir.Constant(ir.IntType(1), 0)] if name != "ctpop" else []  # a word without a bit has 64 zeros
            kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64), *(f.type for f in flag)])
            function = builder.module.declare_intrinsic(f"llvm.{name}", (ir.IntType(64),), kind)
            return builder.call(function, [arguments[0], *flag])

        return numba.types.uint64(numba.types.uint64), generate

    return operation


first_bit = _bit_operation("cttz")
_leading_zeros = _bit_operation("ctlz")


bit_count = _bit_operation("ctpop")


@compiled
def last_bit(word):  # type: ignore[no-untyped-def]
    """Return the highest site of a word."""
    return np.uint64(63) - _leading_zeros(word)


@compiled
def walk_sets(  # type: ignore[no-untyped-def]
    action, inverse, below, descending, still, conflict, begin, count, size, room, direction, position, sites, orders
):
    """Walk through the canonical sets that begin with given sites.

    Parameters
    ----------
    action, inverse : ndarray of uint8, shape (h, n)
        The site that each operation sends each site to, and the one that it sends onto each site; as small as can be,
        to stay in the processor's nearest memory.
    below : ndarray of uint64, shape (h, n + 1)
        The sites that each operation sends before each site.
    descending, still : ndarray of uint64, shape (h,)
        The sites that each operation sends to a smaller site, and those that it keeps.
    conflict : ndarray of uint64, shape (n,)
        The sites that may not be in one set with each site.
    begin : ndarray of int64, shape (b,)
        The sites that the sets begin with.
    count, size, room : int
        Sites in a set, sites in all, and how many sites must be left after the last.
    direction : int
        1 to write sets from `position` on, -1 to write them in reverse before it, 0 only to count them.
    position : int
        Where to write.
    sites : ndarray, shape (count, t)
        Filled with the sites of the sets.
    orders : ndarray of int32, shape (t,)
        Filled with the number of operations that keep each set.

    Returns
    -------
    int
        How many sets there are.
    """
    one = np.uint64(1)
    zero = np.uint64(0)
    order = action.shape[0]
    everything = ~zero if size == 64 else (one << np.uint64(size)) - one
    # Unsigned indices spare numba the test for negative ones.
    alive = np.empty((count + 1, order), dtype=np.uint32)
    image = np.empty((count + 1, order), dtype=np.uint64)
    number = np.zeros(count + 1, dtype=np.int64)
    left = np.zeros(count + 1, dtype=np.uint64)  # further sites still to be tried at each depth
    waits = np.empty((count + 1, order), dtype=np.uint64)  # the further sites that can still change an operation's mind
    undecided = np.zeros((count + 1, order), dtype=np.uint64)  # that site, and the first at which the image differs
    banned = np.zeros(count + 1, dtype=np.uint64)  # further sites that stay forbidden, whatever is chosen before them
    chosen = np.zeros(count + 1, dtype=np.uint64)
    mark = np.zeros(count + 1, dtype=np.int64)  # where the sets with a chosen site begin
    extra = np.zeros(64, dtype=np.int32)
    current = zero
    for g in range(order):
        alive[0, g] = g
        image[0, g] = zero
        waits[0, g] = everything
    number[0] = order
    depth = 0
    start = len(begin)
    found = 0
    enter = True
    touched = zero
    while True:
        if enter:
            # Compare every operation with the set, and forbid what would make an image smaller.
            future = everything
            added = zero
            lasting = zero
            last = chosen[depth - 1] if depth else zero
            if depth:
                added = one << np.uint64(last)
                future = everything & ~(added | (added - one))
                lasting = (banned[depth - 1] | conflict[last]) & future
            open_now = zero  # forbidden for the next site only
            leaf = depth == count - 1
            n = 0
            source = depth - 1 if depth else 0
            # The last sites cannot be taken where others have to follow.
            limit = np.uint64(size - (count - 1 - depth) - room)
            possible = future & (everything if limit >= np.uint64(64) else (one << limit) - one)
            for i in range(number[source]):
                bit = waits[source, i]
                if bit & (future | added) & ~lasting == zero:
                    continue
                g = alive[source, i]
                moved = image[source, i]
                if depth:
                    moved |= one << np.uint64(action[g, last])
                difference = moved ^ current
                both = undecided[source, i]
                if bit != added and both != zero:
                    after = difference ^ both  # it still waits; what it forbids for good, it has forbidden
                elif difference == zero:
                    open_now |= descending[g]
                    if leaf:
                        fixed = still[g] & future
                        touched |= fixed
                        while fixed != zero:
                            extra[first_bit(fixed)] += 1
                            fixed &= fixed - one
                    bit = everything
                    both = zero
                    after = zero
                else:
                    d = first_bit(difference)
                    # A site whose image lies before d makes the image smaller, now or later.
                    lasting |= below[g, d] & future
                    bit = one << np.uint64(inverse[g, d])
                    if bit & future & ~lasting == zero:
                        continue  # nothing brings the image up to the set again
                    both = (one << np.uint64(d)) | bit
                    after = difference ^ both
                if both != zero:
                    if after == zero:
                        if leaf:
                            extra[first_bit(bit)] += 1
                            touched |= bit
                    else:
                        decides = after & (~after + one)
                        if moved & decides != zero:
                            if decides < added:
                                lasting |= bit
                                continue
                            open_now |= bit
                if not leaf:
                    alive[depth, n] = g
                    image[depth, n] = moved
                    waits[depth, n] = bit
                    undecided[depth, n] = both
                    n += 1
            banned[depth] = lasting
            forbidden = lasting | open_now
            number[depth] = n
            left[depth] = possible & ~forbidden
            if depth < start:
                left[depth] &= one << np.uint64(begin[depth])
            if leaf:
                candidates = left[depth]
                n = int(bit_count(candidates))
                found += n
                if direction != 0 and n:
                    if direction < 0:
                        position -= n
                    for i in range(n):
                        s = first_bit(candidates)
                        candidates &= candidates - one
                        sites[depth, position + i] = s
                        orders[position + i] = extra[s]
                    if direction > 0:
                        position += n
                while touched != zero:
                    extra[first_bit(touched)] = 0
                    touched &= touched - one
                left[depth] = zero
        if left[depth] == zero:
            if depth == 0:
                return found
            depth -= 1
            current &= ~(one << chosen[depth])
            # All sets written since this site was chosen have it.
            for i in range(min(mark[depth], position), max(mark[depth], position)):
                sites[depth, i] = chosen[depth]
            enter = False
            continue
        s = first_bit(left[depth]) if direction >= 0 else last_bit(left[depth])
        left[depth] &= ~(one << np.uint64(s))
        chosen[depth] = s
        mark[depth] = position
        current |= one << np.uint64(s)
        depth += 1
        enter = True
