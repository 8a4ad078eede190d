"""What the families of vectors share: random types and bounds, and the fields of a line."""

from fractions import Fraction

import forms
import ieee
from ieee import INF


def random_type(random, scale=None):
    """(type, zero, scale)"""
    dtype = random.pick(["u8", "s8"])
    least, greatest = forms.RANGE[dtype]
    zero = random.pick([least, greatest, 0, random.between(least, greatest) | 1])
    return dtype, min(zero, greatest), scale or random.scale(-8, -3)


def random_bounds(random):
    return random.pick([(-INF, INF), (-INF, INF), (Fraction(0), INF), (Fraction(0), Fraction(6))])


def result_of(y, bounds):
    return y[0], y[1], *(forms.bound_of(b, y[2]) for b in bounds)


def fields(*items):
    """Types, Fractions and integers as the fields of a line."""
    out = []
    for item in items:
        if isinstance(item, tuple):
            out += fields(*item).split(" ")
        else:
            out.append(ieee.text(item) if isinstance(item, (Fraction, float)) else str(item))
    return " ".join(out)
