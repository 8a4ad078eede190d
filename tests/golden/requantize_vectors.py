"""Vectors of the requantisation: cases at the edges of the definition, and random ones that were
kept because a plausible other definition gives another byte."""

from dataclasses import dataclass, replace
from fractions import Fraction

import forms
import ieee
from ieee import INF, f32, half_even
from random64 import Random

HEADER = """Requantisation of one accumulator (davit/requantize.h), one vector a line:

 0 y_type  1 y_zero  2 y_scale  3 low  4 high     the result; low, high: real bounds
 5 x_scale  6 w_scale  7 bias
 8 r_type (- for no residual)  9 r_scale  10 r_zero  11 r_q
12 acc (beyond s32: an s64 accumulator)
made of these: 13 s  14 r  15 low and 16 high in steps  17 q
18 what the vector is for"""


@dataclass
class Vector:
    y_type: str = "u8"
    y_zero: int = 0
    y_scale: Fraction = Fraction(1)
    low: object = -INF
    high: object = INF
    x_scale: Fraction = Fraction(1)
    w_scale: Fraction = Fraction(1)
    bias: int = 0
    r_type: str = "-"
    r_scale: Fraction = Fraction(1)
    r_zero: int = 0
    r_q: int = 0
    acc: int = 0
    purpose: str = ""

    def previous(self):
        return self.r_q - self.r_zero if self.r_type != "-" else 0

    def s(self):
        return forms.scale_of(self.x_scale, self.w_scale, self.y_scale)

    def r(self):
        return forms.term_of(self.r_scale, self.y_scale) if self.r_type != "-" else Fraction(0)

    def result(self):
        low, high = (forms.bound_of(b, self.y_scale) for b in (self.low, self.high))
        return self.y_type, self.y_zero, low, high

    def q(self):
        return forms.requantize(
            self.acc, self.bias, self.s(), self.previous(), self.r(), self.result()
        )

    def line(self):
        t = ieee.text
        _, _, low, high = self.result()
        fields = [self.y_type, self.y_zero, t(self.y_scale), t(self.low), t(self.high)]
        fields += [t(self.x_scale), t(self.w_scale), self.bias]
        fields += [self.r_type, t(self.r_scale), self.r_zero, self.r_q, self.acc]
        fields += [t(self.s()), t(self.r()), t(low), t(high), self.q(), self.purpose]
        return " ".join(map(str, fields))


# ---- other definitions: each takes a vector and gives the byte it would make ----


def saturate(v, q):
    least, greatest = forms.RANGE[v.y_type]
    return min(max(q, least), greatest)


def before_zero(v):
    """t before the zero point."""
    t = ieee.multiply(ieee.add(f32(Fraction(v.acc)), f32(Fraction(v.bias))), v.s())
    t = ieee.add(t, ieee.multiply(Fraction(v.previous()), v.r()))
    return forms.clamp(t, *v.result()[2:])


def half_away(v):
    t = ieee.add(before_zero(v), Fraction(v.y_zero))
    whole = int(abs(t) + Fraction(1, 2))
    return saturate(v, whole if t > 0 else -whole)


def half_up(v):
    t = ieee.add(before_zero(v), Fraction(v.y_zero)) + Fraction(1, 2)
    return saturate(v, t.numerator // t.denominator)


def zero_after_rounding(v):
    return saturate(v, half_even(before_zero(v)) + v.y_zero)


def bias_after_scaling(v):
    t = ieee.multiply(f32(Fraction(v.acc)), v.s())
    t = ieee.add(t, ieee.multiply(f32(Fraction(v.bias)), v.s()))
    t = ieee.add(t, ieee.multiply(Fraction(v.previous()), v.r()))
    return forms.finish(t, *v.result())


def bias_in_accumulator(v):
    t = ieee.multiply(f32(Fraction(v.acc + v.bias)), v.s())
    t = ieee.add(t, ieee.multiply(Fraction(v.previous()), v.r()))
    return forms.finish(t, *v.result())


def sum_in_f32(v):
    t = ieee.add(f32(Fraction(v.acc)), f32(Fraction(v.bias)))
    return t


def fused_unrounded_residual(v):
    r = ieee.divide(v.r_scale, v.y_scale) if v.r_type != "-" else Fraction(0)
    t = f32(ieee.multiply(sum_in_f32(v), v.s()) + v.previous() * r)
    return forms.finish(t, *v.result())


def fused_scale(v):
    t = f32(sum_in_f32(v) * v.s() + v.previous() * v.r())
    return forms.finish(t, *v.result())


def fused_zero_point(v):
    if v.r_type != "-":
        return v.q()
    dtype, zero, _, _ = v.result()
    return forms.finish(f32(sum_in_f32(v) * v.s() + zero), dtype, 0, *forms.RANGE[dtype])


def with_scale(v, s):
    t = ieee.multiply(sum_in_f32(v), s)
    t = ieee.add(t, ieee.multiply(Fraction(v.previous()), v.r()))
    return forms.finish(t, *v.result())


def quotient_first(v):
    return with_scale(v, ieee.multiply(v.x_scale, ieee.divide(v.w_scale, v.y_scale)))


def reciprocal_of_result(v):
    reciprocal = ieee.divide(Fraction(1), v.y_scale)
    return with_scale(v, ieee.multiply(ieee.multiply(v.x_scale, v.w_scale), reciprocal))


def activation_before_residual(v):
    t = forms.clamp(ieee.multiply(sum_in_f32(v), v.s()), *v.result()[2:])
    t = ieee.add(t, ieee.multiply(Fraction(v.previous()), v.r()))
    return forms.finish(t, v.y_type, v.y_zero, -(2**20), 2**20)


OTHERS = [
    half_away,
    half_up,
    zero_after_rounding,
    bias_after_scaling,
    bias_in_accumulator,
    fused_unrounded_residual,
    fused_scale,
    fused_zero_point,
    quotient_first,
    reciprocal_of_result,
    activation_before_residual,
]
KEPT_EACH = 16  # vectors that tell an other definition apart, for each of them


# ---- cases at the edges ----


def ties():
    """t = n + 1/2 exactly, on both sides of 0, with even and odd zero points."""
    for y_type, zeros in (("u8", (0, 1, 127, 128, 255)), ("s8", (-128, -127, -1, 0, 1, 127))):
        for zero in zeros:
            for twice in (-513, -255, -5, -3, -1, 1, 3, 5, 7, 255, 511):
                yield Vector(y_type, zero, w_scale=Fraction(1, 2), acc=twice, purpose="tie")
            half = Fraction(1, 2)
            yield Vector(y_type, zero, w_scale=half, acc=8, bias=-3, purpose="tie_bias")
            residual = Vector(y_type, zero, r_type="u8", r_scale=half, r_zero=3, r_q=8, acc=9)
            yield replace(residual, purpose="tie_residual")


def saturation():
    for y_type in ("u8", "s8"):
        for zero in forms.RANGE[y_type]:
            for acc in (-(2**31), -300, -129, -128, -1, 0, 1, 127, 128, 255, 256, 2**31 - 1):
                yield Vector(y_type, zero, acc=acc, purpose="saturation")


def limits_of_f32():
    smallest, greatest = ieee.MIN_NORMAL, ieee.MAX
    two = Fraction(2)
    base = Vector("s8", 3, purpose="f32_limit")
    for acc in (-(2**31), -1, 0, 1, 77, 2**31 - 1):
        # s = 2^64, 2^-126, the product of scales denormal, 0, and greatest over greatest
        yield replace(base, x_scale=two**63, w_scale=two, acc=acc)
        yield replace(base, x_scale=smallest, acc=acc)
        yield replace(base, x_scale=smallest, w_scale=1 - two**-24, acc=acc)
        yield replace(base, x_scale=smallest, w_scale=two**-20, y_scale=smallest, acc=acc)
        yield replace(base, x_scale=two**-70, w_scale=two**-70, y_scale=smallest, acc=acc)
        yield replace(base, x_scale=greatest, y_scale=greatest, acc=acc)
        yield replace(base, x_scale=smallest, y_scale=greatest, acc=acc)
        yield replace(base, x_scale=smallest, y_scale=smallest, low=Fraction(0), acc=acc)
        bounds = {"low": -smallest, "high": ieee.MAX}
        yield replace(base, y_scale=greatest, x_scale=greatest, acc=acc, **bounds)
        residual = {"r_type": "s8", "r_zero": -128, "r_q": 127}
        yield replace(base, x_scale=two**63, r_scale=two**64, acc=acc, **residual)
        yield replace(base, x_scale=two**-9, r_scale=smallest, y_scale=two, acc=acc, **residual)


def wide_accumulators():
    for acc in (2**31, -(2**31) - 1, 2**40 + 1, -(2**52) - 1, 2**63 - 1, -(2**63)):
        for shift in (30, 38, 48, 56):
            scale = Fraction(3, 2 ** (shift + 1))
            yield Vector("s8", -5, x_scale=scale, acc=acc, bias=2**31 - 1, purpose="s64")


def activations():
    for low, high in ((0, INF), (0, 6), (-1, 1), (5, 2), (-INF, 0), (INF, INF)):
        for acc in (-4000, -300, -1, 0, 1, 100, 230, 4000):
            scale = Fraction(1677721, 2**26)  # about 0.025
            bounds = [b if b in (INF, -INF) else Fraction(b) for b in (low, high)]
            yield Vector("s8", -11, scale, *bounds, scale, acc=acc, purpose="activation")


# ---- random cases near ties ----


def random_vector(random):
    y_type = random.pick(["u8", "s8"])
    v = Vector(y_type, random.between(*forms.RANGE[y_type]), random.scale(-8, -3))
    v.x_scale = random.scale(-8, -3)
    v.w_scale = random.scale(-random.pick([12, 17, 22, 25]), -9)
    if random.between(0, 1):
        v.bias = random.between(-(2**20), 2**20) * random.pick([1, 1, 512])
    if random.between(0, 1):
        v.r_type = random.pick(["u8", "s8"])
        v.r_scale = random.scale(-8, -3)
        v.r_zero = random.between(*forms.RANGE[v.r_type])
        v.r_q = random.between(*forms.RANGE[v.r_type])
    if random.between(0, 3) == 0:
        v.low, v.high = Fraction(0), random.pick([INF, Fraction(6)])
    # The accumulator that brings t closest to the middle of two steps.
    middle = random.between(*forms.RANGE[y_type]) + Fraction(1, 2) - v.y_zero
    v.acc = half_even((middle - v.previous() * v.r()) / v.s()) - v.bias
    v.acc = min(max(v.acc, -(2**31)), 2**31 - 1)
    return v


def random_vectors():
    random = Random(1)
    kept = {other: 0 for other in OTHERS}
    for attempt in range(4000):
        v = random_vector(random)
        q = v.q()
        told = [other for other in OTHERS if kept[other] < KEPT_EACH and other(v) != q]
        for other in told:
            kept[other] += 1
        if told:
            yield replace(v, purpose="not_" + told[0].__name__)
        elif attempt < 400:
            yield replace(v, purpose="random")
    short = [other.__name__ for other, count in kept.items() if count < KEPT_EACH]
    assert not short, f"too few vectors against {short}"


def lines():
    parts = (ties, saturation, limits_of_f32, wide_accumulators, activations, random_vectors)
    return [v.line() for part in parts for v in part()]
