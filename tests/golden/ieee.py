"""IEEE 754 binary32 by exact rational arithmetic: no floating-point operation decides anything.

A value is a Fraction, or INF, -INF (Python's infinite floats, which compare with Fractions).
Zeros have no sign and NaN does not exist: the integer forms make neither matter.
"""

from fractions import Fraction

INF = float("inf")
MIN_NORMAL = Fraction(1, 2**126)
MAX = Fraction(2**24 - 1) * 2**104


def half_even(q):
    """The integer nearest to a Fraction, the even one of two."""
    whole, rest = divmod(q.numerator, q.denominator)
    twice = 2 * rest
    if twice > q.denominator or (twice == q.denominator and whole % 2 == 1):
        whole += 1
    return whole


def binade(q):
    """e with 2^e <= |q| < 2^(e+1), q not 0."""
    n, d = abs(q.numerator), q.denominator
    e = n.bit_length() - d.bit_length()
    below = n < d << e if e >= 0 else n << -e < d
    return e - 1 if below else e


def round_to(q, bits):
    """Nearest even with that many significant bits, no limit on the exponent."""
    if q == 0:
        return Fraction(0)
    unit = Fraction(2) ** (binade(q) - bits + 1)
    return half_even(q / unit) * unit


def f32(q):
    """A Fraction rounded to binary32: denormal below 2^-126, infinite from 2^128 - 2^103 on."""
    if q in (INF, -INF) or q == 0:
        return q
    unit = Fraction(2) ** (max(binade(q), -126) - 23)
    value = half_even(q / unit) * unit
    if abs(value) > MAX:
        return INF if value > 0 else -INF
    return value


def divide(a, b):
    """f32(a / b), b finite and not 0."""
    if a in (INF, -INF):
        return a
    return f32(a / b)


def multiply(a, b):
    return f32(a * b)


def add(a, b):
    return f32(a + b)


def to_bits(value):
    if value in (INF, -INF):
        return 0x7F800000 if value > 0 else 0xFF800000
    sign = 1 << 31 if value < 0 else 0
    if value == 0:
        return sign
    exponent = max(binade(value), -126)
    significand = abs(value) / Fraction(2) ** (exponent - 23)
    assert significand.denominator == 1 and significand < 2**24, "not a binary32 number"
    field = exponent + 127 if significand >= 2**23 else 0
    return sign | field << 23 | (int(significand) & (2**23 - 1))


def from_bits(bits):
    sign = -1 if bits >> 31 else 1
    field, fraction = bits >> 23 & 255, bits & (2**23 - 1)
    if field == 255:
        assert fraction == 0, "NaN"
        return sign * INF
    if field == 0:
        return Fraction(sign * fraction, 2**149)
    return Fraction(sign * (fraction | 2**23)) * Fraction(2) ** (field - 150)


def text(value):
    """Eight hexadecimal digits."""
    return f"{to_bits(value):08x}"
