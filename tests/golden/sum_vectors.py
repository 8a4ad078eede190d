"""Vectors of add, multiply, average pooling and linear resize: one function and one header for each
file."""

from fractions import Fraction

import forms
import ieee
from choosing import fields, random_bounds, random_type, result_of
from ieee import MIN_NORMAL, half_even
from random64 import Random


def middles(result):
    """Odd numbers j with j / 2 between two steps that the result (see forms.finish_zero_last) can have."""
    dtype, zero, low, high = result
    least, greatest = forms.RANGE[dtype]
    every = range(2 * (least - zero) + 1, 2 * (greatest - zero), 2)
    return [j for j in every if 2 * low < j < 2 * high]


def near_ties(m, result, count):
    """Integers n with n * m closest to the middle of two steps, the closest first; or [0]."""
    top, bottom = m.numerator, m.denominator
    numbers = {(j * bottom + top) // (2 * top) for j in middles(result)} if m else {0}
    return sorted(numbers or {0}, key=lambda n: (abs(2 * n * top % (2 * bottom) - bottom), n))[
        :count
    ]


ADD = """Add (davit/requantize.h), one vector a line:

 0 a_type  1 a_zero  2 a_scale  3 b_type  4 b_zero  5 b_scale
 6 y_type  7 y_zero  8 y_scale  9 low  10 high    low, high: real bounds
11 qa  12 qb
made of these: 13 ra  14 rb  15 q"""


def add():
    random = Random(5)
    one, tiny = Fraction(1), MIN_NORMAL
    extremes = [(tiny, tiny), (one * 2**50, tiny), (tiny, one)]
    for i in range(500):
        y = random_type(random)
        scales = extremes[i] if i < len(extremes) else (None, None)
        a, b = random_type(random, scales[0]), random_type(random, scales[1])
        if i % 4 == 3:  # powers of two: ties
            y, a, b = ((*t[:2], Fraction(1, 2**k)) for t, k in ((y, 4), (a, 5), (b, 6)))
        bounds = random_bounds(random)
        result = result_of(y, bounds)
        ra, rb = forms.term_of(a[2], y[2]), forms.term_of(b[2], y[2])
        pairs = [
            (random.between(*forms.RANGE[a[0]]), random.between(*forms.RANGE[b[0]]))
            for _ in range(1 if i % 4 == 3 else 400)
        ]
        qa, qb = min(pairs, key=tie_distance((*a[:2], ra), (*b[:2], rb), result))
        q = forms.add(qa - a[1], ra, qb - b[1], rb, result)
        yield fields(a, b, y, bounds, qa, qb, ra, rb, q)


def tie_distance(a, b, result):
    """How far a pair's sum is from the middle of two steps that the result can have."""
    unit = max(a[2].denominator, b[2].denominator)
    ra, rb = int(a[2] * unit), int(b[2] * unit)
    wanted = middles(result) or [0]
    least, greatest = wanted[0] * unit, wanted[-1] * unit

    def distance(pair):
        twice = 2 * ((pair[0] - a[1]) * ra + (pair[1] - b[1]) * rb)
        if not least - unit < twice < greatest + unit:
            return 4 * unit
        return abs(twice % (2 * unit) - unit)

    return distance


MULTIPLY = """Multiply (davit/requantize.h), one vector a line:

 0 a_type  1 a_zero  2 a_scale  3 b_type  4 b_zero  5 b_scale
 6 y_type  7 y_zero  8 y_scale  9 low  10 high    low, high: real bounds
11 qa  12 qb
made of these: 13 m  14 q"""


def telling(totals, others, m, result):
    """The first of these sums whose byte one of the other forms (t of a sum) does not give, or
    None."""
    for total in totals:
        q = forms.rescale(total, m, result)
        if any(forms.finish_zero_last(other(total), *result) != q for other in others):
            return total
    return None


def operands(product, a, b):
    """qa, qb with (qa - za) * (qb - zb) = product, or None."""
    for qa in range(forms.RANGE[a[0]][0], forms.RANGE[a[0]][1] + 1):
        if qa != a[1] and product % (qa - a[1]) == 0:
            qb = product // (qa - a[1]) + b[1]
            if forms.clamp(qb, *forms.RANGE[b[0]]) == qb:
                return qa, qb
    return None


def multiply():
    random = Random(6)
    for i in range(1600):
        kind = ("near", "near", "tie", "tiny")[i % 4]
        if i < 250 or kind == "near":
            vector = product_vector(random, kind, i < 250)
            if vector is not None:
                yield vector


def product_vector(random, kind, always):
    """None where no product tells another form apart, unless always."""
    a, b, y = random_type(random), random_type(random), random_type(random)
    if kind == "tie":
        y, a, b = ((*t[:2], Fraction(1, 2**k)) for t, k in ((y, 4), (a, 4), (b, 3)))
    elif kind == "tiny":
        a, b = (*a[:2], Fraction(1, 2**70)), (*b[:2], Fraction(1, 2**70))
    else:  # the whole range of products
        y = (*y[:2], ieee.f32(a[2] * b[2] * random.scale(7, 9)))
    bounds = random_bounds(random)
    result = result_of(y, bounds)
    m = forms.scale_of(a[2], b[2], y[2])
    qa, qb = random.between(*forms.RANGE[a[0]]), random.between(*forms.RANGE[b[0]])
    if kind == "near":
        quotient_first = ieee.multiply(a[2], ieee.divide(b[2], y[2]))
        fused = [lambda p: p * m]
        others = random.pick([fused, [lambda p: ieee.multiply(p, quotient_first)]])
        near = [p for p in near_ties(m, result, 30) if operands(p, a, b)]
        told = telling(near[:8], others, m, result)
        if told is None and not always:
            return None
        if near:
            qa, qb = operands(near[0] if told is None else told, a, b)
    q = forms.rescale((qa - a[1]) * (qb - b[1]), m, result)
    return fields(a, b, y, bounds, qa, qb, m, q)


AVERAGE = """Average pooling of one window (davit/requantize.h), one vector a line:

 0 x_type  1 x_zero  2 x_scale  3 y_type  4 y_zero  5 y_scale  6 low  7 high
 8 divisor  9 sum (of q - x_zero over the elements inside the input)
made of these: 10 m  11 q"""


def average_others(x, y, divisor):
    """Division of the sum, the divisor times y's scale, the reciprocal of the divisor."""
    if divisor == 0:
        return []
    count = ieee.f32(Fraction(divisor))
    ratio = ieee.divide(x[2], y[2])
    first = ieee.divide(x[2], ieee.multiply(y[2], count))
    reciprocal = ieee.multiply(ratio, ieee.divide(Fraction(1), count))
    return [
        lambda n: ieee.divide(ieee.multiply(ieee.f32(Fraction(n)), ratio), count),
        lambda n: ieee.multiply(ieee.f32(Fraction(n)), first),
        lambda n: ieee.multiply(ieee.f32(Fraction(n)), reciprocal),
    ]


def average():
    random = Random(7)
    for divisor in (0, 1, 2, 3, 4, 6, 7, 9, 16, 49, 196, 3136, 2**20 + 1, 2**24 + 1, 2**33 + 3):
        for i in range(16):
            x, y = random_type(random), random_type(random)
            y = (*y[:2], ieee.f32(x[2] * (1 if i % 4 == 0 else random.scale(-1, -1))))
            bounds = random_bounds(random)
            m = forms.average_factor(x[2], y[2], divisor)
            result = result_of(y, bounds)
            near = near_ties(m, result, 40)
            total = telling(near, average_others(x, y, divisor), m, result) or near[0]
            total = forms.clamp(total, -255 * divisor, 255 * divisor)
            q = forms.rescale(total, m, result)
            yield fields(x, y, bounds, divisor, total, m, q)


EXTENT = """How many positions of a pooling window count along one axis (davit/requantize.h):

0 in  1 kernel  2 stride  3 dilation  4 pad_begin  5 pad_end  6 include_pad  7 output index
made of these: 8 count"""


def extent():
    random = Random(8)
    for _ in range(150):
        axis = [random.between(1, 9), random.between(1, 4), random.between(1, 3)]
        axis += [random.between(1, 2), random.between(0, 3), random.between(0, 3)]
        axis += [random.between(0, 1), random.between(0, 4)]
        yield fields(*axis, forms.average_extent(*axis))


RESIZE = """Linear resize of one element (davit/requantize.h), one vector a line:

 0 x_type  1 x_zero  2 x_scale  3 y_type  4 y_zero  5 y_scale  6 low  7 high
 8 axes, then the weight of high along each axis, then 2^axes corners q: bit i of a corner's
 number is 1 for high along axis i
made of these: the sum  m  q"""


def resize():
    random = Random(9)
    for i in range(240):
        axes = random.pick([1, 2, 2, 2, 3, 4])
        x, y = random_type(random), random_type(random)
        if i % 2:
            y = (*y[:2], x[2])
        bounds = random_bounds(random)
        some = [0, 512, 1024, 2**11]
        weights = [random.pick([*some, random.between(0, 2**11)]) for _ in range(axes)]
        corners = [random.between(*forms.RANGE[x[0]]) for _ in range(2**axes)]
        if i % 5 == 0:
            corners = [random.pick(forms.RANGE[x[0]])] * 2**axes
        total = forms.resize_sum(weights, [q - x[1] for q in corners])
        m = forms.resize_factor(x[2], y[2], axes)
        q = forms.rescale(total, m, result_of(y, bounds))
        yield fields(x, y, bounds, axes, *weights, *corners, total, m, q)


TAP = """Neighbours and weight of a source coordinate (davit/requantize.h), one vector a line:

0 coordinate as numerator  1 and as binary logarithm of the denominator  2 size
made of these: 3 low  4 high  5 weight"""


def tap():
    random = Random(10)
    for size in (1, 2, 3, 7, 640, 2**20 + 1):
        for _ in range(20):
            shift = random.pick([0, 1, 2, 11, 12, 13, 30])
            numerator = random.between(-(2**shift), (size + 1) << shift)
            taps = forms.resize_tap(Fraction(numerator, 2**shift), size)
            yield fields(numerator, shift, size, *taps)
