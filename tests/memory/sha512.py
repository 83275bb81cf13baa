# SPDX-License-Identifier: GPL-2.0
"""SHA-512 from the inside: what hashlib does not show of HMAC, FIPS 180-4."""

MASK = 2**64 - 1


def primes(count):
    found, candidate = [], 2
    while len(found) < count:
        if all(candidate % p for p in found):
            found.append(candidate)
        candidate += 1
    return found


def root(value, power):
    """The integer part of a root, by bisection."""
    low, high = 0, 1 << (value.bit_length() // power + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= value else (low, middle - 1)
    return low


# The first 64 bits of the fractional parts of roots of primes.
K = [root(p << 192, 3) & MASK for p in primes(80)]
INITIAL = [root(p << 128, 2) & MASK for p in primes(8)]


def rotate(x, n):
    return (x >> n | x << (64 - n)) & MASK


def schedule(block):
    """The 80 words of one block of 128 bytes."""
    w = [int.from_bytes(block[i:i + 8], "big") for i in range(0, 128, 8)]
    for t in range(16, 80):
        s0 = rotate(w[t - 15], 1) ^ rotate(w[t - 15], 8) ^ w[t - 15] >> 7
        s1 = rotate(w[t - 2], 19) ^ rotate(w[t - 2], 61) ^ w[t - 2] >> 6
        w.append((w[t - 16] + s0 + w[t - 7] + s1) & MASK)
    return w


def compress(state, w):
    """The state after a block whose schedule is @w."""
    a, b, c, d, e, f, g, h = state
    for t in range(80):
        s1 = rotate(e, 14) ^ rotate(e, 18) ^ rotate(e, 41)
        t1 = (h + s1 + (e & f ^ ~e & g) + K[t] + w[t]) & MASK
        s0 = rotate(a, 28) ^ rotate(a, 34) ^ rotate(a, 39)
        t2 = (s0 + (a & b ^ a & c ^ b & c)) & MASK
        a, b, c, d, e, f, g, h = (t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g
    return [(x + y) & MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def be(words):
    return b"".join(word.to_bytes(8, "big") for word in words)


def pad(message, before):
    """The last block, of a message that @before bytes go before."""
    return (message + b"\x80" + bytes(111 - len(message)) +
            (8 * (before + len(message))).to_bytes(16, "big"))


def hmac(key, message):
    """HMAC of a message of at most 111 bytes: the output, and all there was on the way."""
    states, blocks = [], []

    def hash_block(state, block):
        blocks.append(schedule(block))
        states.append(compress(state, blocks[-1]))
        return states[-1]

    key = key.ljust(128, b"\0")
    inner = hash_block(INITIAL, bytes(b ^ 0x36 for b in key))
    digest = be(hash_block(inner, pad(message, 128)))
    outer = hash_block(INITIAL, bytes(b ^ 0x5C for b in key))
    return be(hash_block(outer, pad(digest, 128))), states, blocks
