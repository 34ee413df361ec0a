"""The inner loop of the compiled search; importing this file imports numba.

A set is one 64-bit word, site i its bit i. Sets grow one site at a time in increasing order. At each set every
operation is compared with it once, by the first site at which its image differs, and forbids in one step all further
sites that would make the image smaller. From then on it waits for the one site that would bring its image up to the
set again, and is dropped for the whole subtree once that site has been passed or forbidden. What is left of the sites
needs no test of its own.
"""

from __future__ import annotations

import numba
import numpy as np

from matbench_defects.enumeration.bits import bit_count, first_bit, last_bit


@numba.njit
def walk_sets(  # type: ignore[no-untyped-def]
    action, inverse, below, descending, still, conflict, order, begin, start, count, size, room,
    direction, position, total, sites, orders, numbers, words,
):  # fmt: skip
    """Walk through the canonical sets that begin with given sites.

    Parameters
    ----------
    action, inverse : pointer to uint8, h rows of n
        The site that each operation sends each site to, and the one that it sends onto each site; as small as can be,
        to stay in the processor's nearest memory.
    below : pointer to uint64, h rows of n + 1
        The sites that each operation sends before each site.
    descending, still : pointer to uint64, h words
        The sites that each operation sends to a smaller site, and those that it keeps.
    conflict : pointer to uint64, n words
        The sites that may not be in one set with each site.
    order : int
        How many operations there are.
    begin : pointer to int64
        The sites that the sets begin with.
    start, count, size, room : int
        How many those are, sites in a set, sites in all, and how many sites must be left after the last.
    direction : int
        1 to write sets from `position` on, -1 to write them in reverse before it, 0 only to count them.
    position, total : int
        Where to write, and the length of a row of `sites`.
    sites : pointer to uint8, count rows of `total`
        Filled with the sites of the sets.
    orders : pointer to int32
        Filled with the number of operations that keep each set.
    numbers, words : pointers to int64 and uint64
        Scratch memory for (count + 1) * (order + 3) + 64 numbers, whose last 64 are zero, and
        (count + 1) * (3 * order + 2) words.

    Returns
    -------
    int
        How many sets there are.
    """
    one = np.uint64(1)
    zero = np.uint64(0)
    everything = ~zero if size == 64 else (one << np.uint64(size)) - one
    # Parts of the scratch memory, a row for each depth: operations that can still matter, their images, the further
    # sites that can still change each one's mind, and that site with the first at which the image differs.
    alive, number, chosen, mark = 0, (count + 1) * order, (count + 1) * (order + 1), (count + 1) * (order + 2)
    extra = (count + 1) * (order + 3)
    image, waits, undecided = 0, (count + 1) * order, 2 * (count + 1) * order
    # Further sites still to be tried at each depth, and those that stay forbidden whatever is chosen before them.
    left, banned = 3 * (count + 1) * order, 3 * (count + 1) * order + count + 1
    for i in range(count + 1):
        words[left + i] = zero
        words[banned + i] = zero
    current = zero
    for g in range(order):
        numbers[alive + g] = g
        words[image + g] = zero
        words[waits + g] = everything
        words[undecided + g] = zero
    numbers[number] = order
    depth = 0
    found = 0
    enter = True
    touched = zero
    while True:
        if enter:
            # Compare every operation with the set, and forbid what would make an image smaller.
            future = everything
            added = zero
            lasting = zero
            last = numbers[chosen + depth - 1] if depth else np.int64(0)
            if depth:
                added = one << np.uint64(last)
                future = everything & ~(added | (added - one))
                lasting = (words[banned + depth - 1] | conflict[last]) & future
            open_now = zero  # forbidden for the next site only
            leaf = depth == count - 1
            n = 0
            source = depth - 1 if depth else 0
            # The last sites cannot be taken where others have to follow.
            limit = np.uint64(size - (count - 1 - depth) - room)
            possible = future & (everything if limit >= np.uint64(64) else (one << limit) - one)
            for i in range(numbers[number + source]):
                bit = words[waits + source * order + i]
                if bit & (future | added) & ~lasting == zero:
                    continue
                g = numbers[alive + source * order + i]
                moved = words[image + source * order + i]
                if depth:
                    moved |= one << np.uint64(action[g * size + last])
                difference = moved ^ current
                both = words[undecided + source * order + i]
                if bit != added and both != zero:
                    after = difference ^ both  # it still waits; what it forbids for good, it has forbidden
                elif difference == zero:
                    open_now |= descending[g]
                    if leaf:
                        fixed = still[g] & future
                        touched |= fixed
                        while fixed != zero:
                            numbers[extra + first_bit(fixed)] += 1
                            fixed &= fixed - one
                    bit = everything
                    both = zero
                    after = zero
                else:
                    d = first_bit(difference)
                    # A site whose image lies before d makes the image smaller, now or later.
                    lasting |= below[g * (size + 1) + d] & future
                    bit = one << np.uint64(inverse[g * size + d])
                    if bit & future & ~lasting == zero:
                        continue  # nothing brings the image up to the set again
                    both = (one << np.uint64(d)) | bit
                    after = difference ^ both
                if both != zero:
                    if after == zero:
                        if leaf:
                            numbers[extra + first_bit(bit)] += 1
                            touched |= bit
                    else:
                        decides = after & (~after + one)
                        if moved & decides != zero:
                            if decides < added:
                                lasting |= bit
                                continue
                            open_now |= bit
                if not leaf:
                    numbers[alive + depth * order + n] = g
                    words[image + depth * order + n] = moved
                    words[waits + depth * order + n] = bit
                    words[undecided + depth * order + n] = both
                    n += 1
            words[banned + depth] = lasting
            forbidden = lasting | open_now
            numbers[number + depth] = n
            words[left + depth] = possible & ~forbidden
            if depth < start:
                words[left + depth] &= one << np.uint64(begin[depth])
            if leaf:
                candidates = words[left + depth]
                n = bit_count(candidates)
                found += n
                if direction != 0 and n:
                    if direction < 0:
                        position -= n
                    for i in range(n):
                        s = first_bit(candidates)
                        candidates &= candidates - one
                        sites[depth * total + position + i] = s
                        orders[position + i] = numbers[extra + s]
                    if direction > 0:
                        position += n
                while touched != zero:
                    numbers[extra + first_bit(touched)] = 0
                    touched &= touched - one
                words[left + depth] = zero
        if words[left + depth] == zero:
            if depth == 0:
                return found
            depth -= 1
            s = numbers[chosen + depth]
            current &= ~(one << np.uint64(s))
            # All sets written since this site was chosen have it.
            behind, ahead = min(numbers[mark + depth], position), max(numbers[mark + depth], position)
            for i in range(depth * total + behind, depth * total + ahead):
                sites[i] = s
            enter = False
            continue
        s = first_bit(words[left + depth]) if direction >= 0 else last_bit(words[left + depth])
        words[left + depth] &= ~(one << np.uint64(s))
        numbers[chosen + depth] = s
        numbers[mark + depth] = position
        current |= one << np.uint64(s)
        depth += 1
        enter = True
