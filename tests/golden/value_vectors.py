"""Vectors of the standalone operators, tables, softmax and weights: one function and one header for
each file."""

from fractions import Fraction

import forms
import ieee
from choosing import fields, random_type
from ieee import INF
from random64 import Random

SMALLEST, GREATEST = ieee.MIN_NORMAL, ieee.MAX
BOUNDS_OFF = (Fraction(-(2**20)), Fraction(2**20))

QUANTIZE = """QuantizeLinear of one value (davit/quantize.h), one vector a line:

0 type (u8 s8 u16 s16)  1 zero  2 scale  3 x
made of these: 4 q"""


def quantize():
    random = Random(2)
    for dtype, (least, greatest) in forms.RANGE.items():
        for zero in sorted({least, greatest, 0, 1, (least + greatest) // 2 | 1}):
            vectors = [(Fraction(1), Fraction(twice, 2)) for twice in range(-7, 8)]
            vectors += [(Fraction(1), x) for x in (INF, -INF, GREATEST, -GREATEST, Fraction(0))]
            vectors += [(SMALLEST, GREATEST), (SMALLEST, -SMALLEST), (GREATEST, -GREATEST)]
            vectors += [(GREATEST, SMALLEST), (SMALLEST, SMALLEST * 3 / 2)]
            for _ in range(12):  # closest to the middle of two steps
                scale = random.scale(-8, 2)
                middle = random.between(-140, 140) + Fraction(1, 2)
                vectors.append((scale, ieee.f32(middle * scale)))
            for scale, x in vectors:
                yield fields(dtype, zero, scale, x, forms.quantize(x, dtype, zero, scale))


DEQUANTIZE = """DequantizeLinear of one value (davit/quantize.h), one vector a line:

0 type (u8 s8 u16 s16 s32)  1 zero  2 scale  3 q
made of these: 4 x"""


def dequantize():
    random = Random(3)
    for dtype, (least, greatest) in {**forms.RANGE, "s32": (-(2**31), 2**31 - 1)}.items():
        for _ in range(40):
            zero = 0 if dtype == "s32" else random.between(least, greatest)
            q = random.pick([least, greatest, random.between(least, greatest)])
            scale = random.pick([random.scale(-20, 10), SMALLEST, GREATEST])
            yield fields(dtype, zero, scale, q, forms.dequantize(q, zero, scale))


DYNAMIC = """DynamicQuantizeLinear's scale and zero point (davit/quantize.h), one vector a line:

0 count  1... the values x
made of these: scale  zero"""


def dynamic():
    random = Random(4)
    rows = [[], [Fraction(0)], [SMALLEST / 4], [GREATEST, -GREATEST], [-GREATEST]]
    rows += [[Fraction(-3)], [Fraction(5)], [Fraction(-255), Fraction(255)]]
    for _ in range(40):
        signs = random.pick([(1,), (-1,), (-1, 1)])
        count = random.between(1, 6)
        rows.append([random.scale(-9, 4) * random.pick(signs) for _ in range(count)])
    for row in rows:
        yield fields(len(row), tuple(row), forms.dynamic(row)).replace("  ", " ")


SOFTMAX = """Softmax of a row (davit/quantize_table.h), one vector a line:

0 x_type  1 x_scale  2 y_type  3 y_zero  4 y_scale  5 n, then n values x
made of these: n values y"""


def softmax():
    random = Random(11)
    for i in range(120):
        x_type = random.pick(["u8", "s8"])
        x_scale = random.pick([random.scale(-9, -1), Fraction(1), SMALLEST, GREATEST])
        e = forms.exponentials(x_scale)
        y_type, y_zero, y_scale = random.pick(
            [
                ("u8", 0, Fraction(1, 256)),
                ("u8", 0, ieee.divide(Fraction(1), Fraction(255))),
                ("s8", -128, Fraction(1, 256)),
                random_type(random, random.scale(-9, -5)),
            ]
        )
        least, greatest = forms.RANGE[x_type]
        low = random.pick([least, greatest - 40])
        row = [random.between(low, greatest) for _ in range(random.pick([1, 2, 3, 10, 37]))]
        if i % 6 == 0:
            row = [row[0]] * len(row)
        y = forms.softmax(row, e, y_scale, (y_type, y_zero, *BOUNDS_OFF))
        yield fields(x_type, x_scale, y_type, y_zero, y_scale, len(row), *row, *y)


EXPONENTIAL = """Softmax's table E (davit/quantize_table.h), one vector a line:

0 x_scale
made of it: 1...256 E[0]...E[255]"""


def exponential():
    random = Random(12)
    scales = [Fraction(1), SMALLEST, GREATEST, Fraction(1, 16), random.scale(-3, -3)]
    for scale in scales + [random.scale(-9, -5) for _ in range(5)]:
        yield fields(scale, *forms.exponentials(scale))


BOUND = """Weights and their accumulator's bound (davit/quantize_weights.h), one channel a line:

0 w_type  1 w_zero  2 x_type  3 x_zero  4 bias  5 repeat  6 n, then n weights
All weights stand repeat times: a channel of repeat * n weights.
made of these: sum of w - w_zero, bound, class (f32, s32, overflow), type that holds w - w_zero"""


def bound():
    random = Random(13)
    cases = [("s8", 0, "u8", 0, 0, 1, [])]
    for repeat, bias in ((514, 4), (514, 5), (514, -5), (65793, 0), (66000, 0), (1, -(2**31))):
        cases.append(("s8", 0, "u8", 0, bias, repeat, [-128]))
        cases.append(("s8", 0, "s8", -128, bias, repeat, [127, -127]))
    cases += [("u8", 0, "u8", 255, 0, 33025, [255]), ("u8", 0, "u8", 255, 0, 16513, [255])]
    for _ in range(100):
        w_type, w_zero, _ = random_type(random)
        x_type, x_zero, _ = random_type(random)
        least, greatest = forms.RANGE[w_type]
        spread = random.pick([10, 100, 255])
        low, high = max(least, w_zero - spread), min(greatest, w_zero + spread)
        weights = [random.between(low, high) for _ in range(random.between(1, 9))]
        bias = random.between(-(2**24), 2**24)
        cases.append((w_type, w_zero, x_type, x_zero, bias, random.pick([1, 30, 5000]), weights))
    for w_type, w_zero, x_type, x_zero, bias, repeat, weights in cases:
        total, limit = forms.bound(weights, w_zero, x_type, x_zero)
        shape = (w_type, w_zero, x_type, x_zero, bias, repeat, len(weights), *weights)
        fit = "s8" if all(-128 <= w - w_zero <= 127 for w in weights) else "s16"
        limit *= repeat
        yield fields(*shape, total * repeat, limit, forms.exactness(limit, bias), fit)


TABLE = """Functions of one value as tables (davit/quantize_table.h), one table a line:

0 function  1 alpha  2 beta  3 x_type  4 x_zero  5 x_scale  6 y_type  7 y_zero  8 y_scale
made of these: 9 the bytes of y for x's bytes 00...ff, as 512 hexadecimal digits"""

# What alpha and beta are where a function reads them; else 0.
PARAMETERS = {
    "clip": (Fraction(-1), Fraction(6)),
    "leaky_relu": (Fraction(13421773, 2**27), Fraction(0)),  # f32(0.1)
    "elu": (Fraction(1), Fraction(0)),
    "linear": (Fraction(-3, 2), Fraction(1, 4)),
    "hardsigmoid": (Fraction(13421773, 2**26), Fraction(1, 2)),  # f32(0.2)
}


def table():
    random = Random(14)
    for function in forms.reals.FUNCTIONS:
        alpha, beta = PARAMETERS.get(function, (Fraction(0), Fraction(0)))
        pairs = [
            (("u8", 128, Fraction(1, 16)), ("u8", 0, ieee.divide(Fraction(1), Fraction(255)))),
            (("s8", 0, Fraction(1, 16)), ("s8", 0, Fraction(1, 16))),
            (random_type(random, GREATEST), random_type(random)),
            (random_type(random, SMALLEST), random_type(random, SMALLEST)),
        ]
        for _ in range(6):
            pairs.append((random_type(random, random.scale(-7, -3)), random_type(random)))
        for x, y in pairs:
            entries = forms.table(function, alpha, beta, x, (y[0], y[1], y[2]))
            digits = "".join(f"{q & 255:02x}" for q in entries)
            yield fields(function, alpha, beta, x, y, digits)
