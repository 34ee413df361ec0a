"""The compiled loops of the search for sets under large groups; importing this file imports numba.

Everything is handed over as plain pointers to rows that follow each other; `pair_cosets` says what they hold. Sets of
sites are rows of 64-bit words, site i bit i % 64 of word i // 64.
"""

from __future__ import annotations

import numba
import numpy as np

from matbench_defects.enumeration.bits import first_bit, last_bit

inlined = numba.njit(inline="always")
ONE, ZERO, SIX, LOW = np.uint64(1), np.uint64(0), np.uint64(6), np.uint64(63)
SMALLER, SAME, LATER = 0, 1, 2
"""How the image of a set compares with it: it is smaller, the same, or larger unless further sites change that."""


@inlined
def put(words, row, site):  # type: ignore[no-untyped-def]
    """Add a site to a set."""
    words[row + (site >> 6)] |= ONE << (np.uint64(site) & LOW)


@inlined
def drop(words, row, site):  # type: ignore[no-untyped-def]
    """Take a site out of a set."""
    words[row + (site >> 6)] &= ~(ONE << (np.uint64(site) & LOW))


@inlined
def has(words, row, site):  # type: ignore[no-untyped-def]
    """Return whether a set holds a site."""
    return (words[row + (site >> 6)] >> (np.uint64(site) & LOW)) & ONE != ZERO


@numba.njit
def tabulate(rows, order, size, words, action, inverse, descending, still):  # type: ignore[no-untyped-def]
    """Fill what does not depend on where sets begin; return how many operations leave every site where it is."""
    for i in range(order * words):
        descending[i] = ZERO
        still[i] = ZERO
    identities = 0
    for g in range(order):
        kept = 0
        for z in range(size):
            image = np.int64(rows[g * size + z])
            action[g * size + z] = image
            inverse[g * size + image] = z
            if image < z:
                put(descending, g * words, z)
            elif image == z:
                put(still, g * words, z)
                kept += 1
        identities += 1 if kept == size else 0
    return identities


@numba.njit
def prepare(  # type: ignore[no-untyped-def]
    action, onto_first, onto_second, least, order, size, words, first, second,
    blocks, members, starts, conflict, ties, nearest,
):  # fmt: skip
    """Fill the tables for sets that begin with two sites; return how many operations keep both."""
    pairs = size * size
    for i in range(pairs):
        starts[i] = 0
        blocks[i] = -1
    for g in range(order):
        starts[np.int64(onto_first[g]) * size + np.int64(onto_second[g])] += 1
    block = np.int64(starts[first * size + second])  # as many for every pair that there are operations for
    for i in range(size * words):
        conflict[i] = ZERO
        ties[i] = ZERO
    number = 0
    for x in range(size):
        for y in range(size):
            i = x * size + y
            if starts[i]:
                blocks[i] = number
                starts[i] = number * block
                number += 1
                put(ties, x * words, y)
                put(ties, y * words, x)
            if least[i] < second:
                put(conflict, x * words, y)
                put(conflict, y * words, x)
    for g in range(order):
        pair = np.int64(onto_first[g]) * size + np.int64(onto_second[g])
        members[starts[pair]] = g
        starts[pair] += 1
    # The least image of each site under the operations that keep both.
    for z in range(size):
        nearest[z] = z
    keep = np.int64(blocks[first * size + second]) * block
    for i in range(keep, keep + block):
        row = np.int64(members[i]) * size
        for z in range(size):
            nearest[z] = min(nearest[z], action[row + z])
    nearest[first] = size
    nearest[second] = size
    return block


@numba.njit
def between(low, high):  # type: ignore[no-untyped-def]
    """Return a word with the bits from one on and before another; either may lie outside of the word."""
    low, high = max(low, 0), min(high, 64)
    if low >= high:
        return ZERO
    below = ~ZERO if high == 64 else (ONE << np.uint64(high)) - ONE
    return below & ~((ONE << np.uint64(low)) - ONE)


@numba.njit
def fill(sites, row, one, other, site):  # type: ignore[no-untyped-def]
    """Write a site between two places of a row, in whichever order they are."""
    for i in range(row + min(one, other), row + max(one, other)):
        sites[i] = site


@numba.njit
def is_identity(action, size, operation):  # type: ignore[no-untyped-def]
    """Return whether an operation leaves every site where it is."""
    for z in range(size):  # noqa: SIM110 - numba has no `all`
        if np.int64(action[operation * size + z]) != z:
            return False
    return True


@numba.njit
def compare(action, size, words, numbers, count, extra, operation, sets, current, image):  # type: ignore[no-untyped-def]
    """Write the image of a set; return how it compares with the set, and the first site at which the two differ."""
    for w in range(words):
        image[w] = ZERO
    row = operation * size
    for j in range(count):
        put(image, 0, np.int64(action[row + numbers[j]]))
    if extra >= 0:
        put(image, 0, np.int64(action[row + extra]))
    for w in range(words):
        difference = image[w] ^ sets[current + w]
        if difference != ZERO:
            lowest = difference & (~difference + ONE)
            return (SMALLER if image[w] & lowest != ZERO else LATER), 64 * w + first_bit(difference)
    return SAME, np.int64(0)


@numba.njit
def keepers(  # type: ignore[no-untyped-def]
    action, size, words, blocks, members, block, ties, nearest, numbers, sets, current, image,
    depth, site, symmetric, until_symmetric, waiting, until_waiting,
):  # fmt: skip
    """Return how many operations keep a set with one more site, or 0 if one makes it smaller."""
    keeping = 1
    for i in range(symmetric, until_symmetric):
        if np.int64(action[numbers[i] * size + site]) == site:
            keeping += 1
    third = numbers[2] if depth > 2 else site
    put(sets, current, site)
    for i in range(until_waiting):
        if keeping and numbers[waiting + 2 * i + 1] == site:
            outcome, _ = compare(
                action, size, words, numbers, depth, site, numbers[waiting + 2 * i], sets, current, image
            )
            keeping = 0 if outcome == SMALLER else keeping + (1 if outcome == SAME else 0)
    for e in range(depth):
        if keeping and has(ties, site * words, numbers[e]):
            for swapped in range(2):
                b = np.int64(blocks[numbers[e] * size + site] if swapped else blocks[site * size + numbers[e]])
                if not keeping or b < 0:
                    continue
                # How far down the block brings any site decides alone, where it is not exactly onto the third.
                row = np.int64(members[b * block]) * size
                reached = np.int64(nearest[np.int64(action[row + site])])
                for j in range(depth):
                    reached = min(reached, np.int64(nearest[np.int64(action[row + numbers[j]])]))
                if reached < third:
                    keeping = 0
                if reached != third:
                    continue
                for i in range(b * block, (b + 1) * block):
                    outcome, _ = compare(
                        action, size, words, numbers, depth, site, np.int64(members[i]), sets, current, image
                    )
                    if outcome == SMALLER:
                        keeping = 0
                        break
                    keeping += 1 if outcome == SAME else 0
    drop(sets, current, site)
    return keeping


@numba.njit
def walk(  # type: ignore[no-untyped-def]
    action, inverse, descending, still, order, size, words,
    blocks, members, block, conflict, ties, nearest, excluded,
    first, second, begin, end, count, direction, position, total, sites, orders, times,
    numbers, sets, image,
):  # fmt: skip
    """Walk through the canonical sets with given first two sites, the third in a range; return their number."""
    # Parts of the scratch memory: numbers of sites and operations, and sets of sites by depth.
    mark, symmetric_end, waiting_end = count, 2 * count, 3 * count  # offsets in `numbers`, which begin with the sites
    symmetric = 4 * count
    waiting = symmetric + order * count  # an operation, and the site that it waits for
    left, banned, tied, awaited = 0, count * words, 2 * count * words, 3 * count * words  # offsets in `sets`
    current, open_now, special = 4 * count * words, (4 * count + 1) * words, (4 * count + 2) * words
    found = 0
    for w in range(words):
        sets[current + w] = ZERO
        sets[banned + words + w] = excluded[w] | conflict[first * words + w]
        sets[tied + words + w] = ties[first * words + w]
        sets[awaited + words + w] = ZERO
    numbers[0] = first
    numbers[1] = second
    for j in range(2):
        put(sets, current, numbers[j])
        numbers[symmetric_end + j] = 0
        numbers[waiting_end + j] = 0
        numbers[mark + j] = position
    depth = 2
    enter = True
    while True:
        if enter:
            # Enter a set of `depth` sites, of which the last is new.
            last = numbers[depth - 1]
            leaf = depth == count - 1
            here, parent = depth * words, (depth - 1) * words
            for w in range(words):
                sets[banned + here + w] = sets[banned + parent + w] | conflict[last * words + w]
                sets[tied + here + w] = sets[tied + parent + w] | ties[last * words + w]
                sets[awaited + here + w] = sets[awaited + parent + w]
                sets[open_now + w] = ZERO
                sets[special + w] = ZERO
            n_symmetric = numbers[symmetric_end + depth - 1]
            n_waiting = numbers[waiting_end + depth - 1]
            rejected = False
            # Three kinds of operations can matter: symmetric ones of the set before, those that waited for the last
            # site, and those that send it and another chosen site to the first two.
            kind, i, stop = 0, numbers[symmetric_end + depth - 2], n_symmetric
            e, swapped = -1, False
            while True:
                if kind == 0:
                    if i >= stop:
                        kind, i, stop = 1, 0, (n_waiting if has(sets, awaited + parent, last) else 0)
                        continue
                    g = numbers[symmetric + i]
                    i += 1
                    outcome, site = (SAME if np.int64(action[g * size + last]) == last else LATER), last
                elif kind == 1:
                    while i < stop and numbers[waiting + 2 * i + 1] != last:
                        i += 1
                    if i >= stop:
                        kind, i, stop = 2, 0, 0
                        continue
                    g = numbers[waiting + 2 * i]
                    i += 1
                    outcome, site = compare(action, size, words, numbers, depth, -1, g, sets, current, image)
                else:
                    if i >= stop:
                        # The next block: of (last, e), then of (e, last), for each chosen e that is tied to the last.
                        if swapped:
                            b = blocks[numbers[e] * size + last]
                        else:
                            e += 1
                            while e < depth - 1 and not has(ties, last * words, numbers[e]):
                                e += 1
                            if e >= depth - 1:
                                break
                            b = blocks[last * size + numbers[e]]
                        swapped = not swapped
                        i = 0 if b < 0 else b * block
                        stop = i + (0 if b < 0 else block)
                        continue
                    g = np.int64(members[i])
                    i += 1
                    outcome, site = compare(action, size, words, numbers, depth, -1, g, sets, current, image)
                if outcome == SAME:
                    if kind == 0 or not is_identity(action, size, g):
                        numbers[symmetric + n_symmetric] = g
                        n_symmetric += 1
                        for w in range(words):
                            sets[open_now + w] |= descending[g * words + w]
                            sets[special + w] |= still[g * words + w]
                elif outcome == SMALLER:
                    rejected = True
                    break
                else:
                    # Sites whose image lies before the difference make the image smaller, now or later.
                    for z in range(second + 1, site):
                        before = np.int64(inverse[g * size + z])
                        if before > last:
                            put(sets, banned + here, before)
                    before = np.int64(inverse[g * size + site])
                    if before > last and not has(sets, banned + here, before):
                        numbers[waiting + 2 * n_waiting] = g
                        numbers[waiting + 2 * n_waiting + 1] = before
                        n_waiting += 1
                        put(sets, awaited + here, before)
            numbers[symmetric_end + depth] = n_symmetric
            numbers[waiting_end + depth] = n_waiting
            # The sites that may follow: behind the last, and leaving room for those that have to come after them.
            low, high = last + 1, size - (count - depth) + 1
            if depth == 2:
                low, high = max(low, begin), min(high, end)
            for w in range(words):
                open_sites = ZERO if rejected else ~(sets[banned + here + w] | sets[open_now + w])
                sets[left + here + w] = open_sites & between(low - 64 * w, high - 64 * w)
            if leaf:
                for w in range(words):
                    sets[special + w] |= sets[tied + here + w] | sets[awaited + here + w]
                row = depth * total - (1 if direction < 0 else 0)
                for v in range(words):
                    w = v if direction >= 0 else words - 1 - v
                    candidates = sets[left + here + w]
                    tested = sets[special + w]
                    while candidates != ZERO:
                        bit = first_bit(candidates) if direction >= 0 else last_bit(candidates)
                        mask = ONE << np.uint64(bit)
                        candidates &= ~mask
                        site = 64 * w + bit
                        keeping = 1
                        if tested & mask != ZERO:
                            keeping = keepers(
                                action, size, words, blocks, members, block, ties, nearest, numbers, sets, current,
                                image, depth, site, symmetric + numbers[symmetric_end + depth - 1],
                                symmetric + n_symmetric, waiting, n_waiting if has(sets, awaited + here, site) else 0,
                            )  # fmt: skip
                            if not keeping:
                                continue
                        found += 1
                        if direction != 0:
                            sites[row + position] = site
                            orders[row + position - depth * total] = keeping * times
                            position += direction
                for w in range(words):
                    sets[left + here + w] = ZERO
        site = np.int64(-1)
        for v in range(words):
            w = v if direction >= 0 else words - 1 - v
            following = sets[left + depth * words + w]
            if following != ZERO:
                site = 64 * w + (first_bit(following) if direction >= 0 else last_bit(following))
                drop(sets, left + depth * words, site)
                break
        enter = site >= 0
        if enter:
            numbers[depth] = site
            numbers[mark + depth] = position
            put(sets, current, site)
            depth += 1
            continue
        # All sets that were written since the last site was chosen have it.
        depth -= 1
        drop(sets, current, numbers[depth])
        fill(sites, depth * total, numbers[mark + depth], position, numbers[depth])
        if depth == 1:
            break
    fill(sites, 0, numbers[mark], position, first)
    return found
