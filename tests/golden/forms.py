"""The definition of Davit's integer arithmetic, written from the project's headers
(host/core/include/davit/quantize.h, requantize.h, quantize_weights.h, quantize_table.h) in exact
arithmetic, and independently of the C code.

Values and types: see ieee.py; a type is "u8", "s8", "u16" or "s16".
"""

from fractions import Fraction

import ieee
import reals
from ieee import INF, MIN_NORMAL, f32, half_even

RANGE = {"u8": (0, 255), "s8": (-128, 127), "u16": (0, 65535), "s16": (-32768, 32767)}
BOUND_LIMIT = 2**20


class Refused(Exception):
    """A factor above 2^64."""


def flush(value):
    return Fraction(0) if abs(value) < MIN_NORMAL else value


def factor(value):
    if value > 2**64:
        raise Refused
    return flush(value)


def scale_of(a, b, y):
    """(a * b) / y"""
    product = ieee.multiply(a, b)
    return factor(Fraction(0) if product < MIN_NORMAL else ieee.divide(product, y))


def term_of(a, y):
    """a / y to 16 significant bits."""
    quotient = ieee.divide(a, y)
    return factor(quotient if quotient == INF else ieee.round_to(quotient, 16))


def clamp(t, low, high):
    return min(max(t, low), high)


def bound_of(bound, y_scale):
    return flush(clamp(ieee.divide(bound, y_scale), Fraction(-BOUND_LIMIT), Fraction(BOUND_LIMIT)))


def finish(t, dtype, zero, low, high):
    """The end of sums with weights: low and high in steps."""
    t = clamp(t, low, high)
    t = ieee.add(t, Fraction(zero))
    least, greatest = RANGE[dtype]
    return half_even(Fraction(clamp(t, least, greatest)))


def finish_zero_last(t, dtype, zero, low, high):
    """The end of every other form."""
    return clamp(half_even(Fraction(clamp(t, low, high))) + zero, *RANGE[dtype])


def requantize(acc, bias, s, previous, r, result):
    """previous: the residual without its zero point. result: what finish needs after t."""
    t = f32(Fraction(acc))
    t = ieee.add(t, f32(Fraction(bias)))
    t = ieee.multiply(t, s)
    t = ieee.add(t, ieee.multiply(Fraction(previous), r))
    return finish(t, *result)


def add(a, ra, b, rb, result):
    """a and b without their zero points."""
    t = ieee.add(ieee.multiply(Fraction(a), ra), ieee.multiply(Fraction(b), rb))
    return finish_zero_last(t, *result)


def rescale(total, m, result):
    return finish_zero_last(ieee.multiply(f32(Fraction(total)), m), *result)


def average_factor(x_scale, y_scale, divisor):
    ratio = factor(ieee.divide(x_scale, y_scale))
    return flush(ieee.divide(ratio, f32(Fraction(divisor)))) if divisor else Fraction(0)


def average_extent(size, kernel, stride, dilation, pad_begin, pad_end, include_pad, o):
    positions = [o * stride - pad_begin + k * dilation for k in range(kernel)]
    if include_pad:
        return sum(-pad_begin <= p < size + pad_end for p in positions)
    return sum(0 <= p < size for p in positions)


def resize_factor(x_scale, y_scale, axes):
    return flush(factor(ieee.divide(x_scale, y_scale)) / 2 ** (11 * axes))


def resize_tap(coordinate, size):
    c = clamp(coordinate, Fraction(0), Fraction(size - 1))
    low = c.numerator // c.denominator
    if low == size - 1:
        return low, low, 0
    return low, low + 1, half_even((c - low) * 2**11)


def resize_sum(weights, corners):
    """corners: values without zero point; bit i of an index set: high along axis i."""
    total = 0
    for index, value in enumerate(corners):
        for axis, weight in enumerate(weights):
            value *= weight if index >> axis & 1 else 2**11 - weight
        total += value
    return total


def quantize(x, dtype, zero, scale):
    least, greatest = RANGE[dtype]
    quotient = ieee.divide(x, scale)
    if quotient in (INF, -INF):
        return greatest if quotient > 0 else least
    return clamp(half_even(quotient) + zero, least, greatest)


def dequantize(q, zero, scale):
    return ieee.multiply(f32(Fraction(q - zero)), scale)


def dynamic(values):
    """scale, zero"""
    low, high = min([Fraction(0), *values]), max([Fraction(0), *values])
    scale = ieee.divide(f32(high - low), Fraction(255))
    if scale < MIN_NORMAL:
        return Fraction(1), 0
    scale = min(scale, ieee.MAX)
    return scale, half_even(Fraction(clamp(-ieee.divide(low, scale), 0, 255)))


def table(function, alpha, beta, x, y):
    """x, y: (type, zero, scale). 256 values in the order of x's bytes."""
    entries = []
    for byte in range(256):
        q = byte - 256 if x[0] == "s8" and byte > 127 else byte
        value = reals.FUNCTIONS[function](dequantize(q, x[1], x[2]), alpha, beta)
        entries.append(quantize(f32(value), *y))
    return entries


def exponentials(x_scale):
    return [half_even(reals.exp(-d * x_scale) * 2**30) for d in range(256)]


def softmax(row, e, y_scale, result):
    terms = [e[max(row) - q] for q in row]
    reciprocal = (2**62 - 1) // sum(terms)
    m = factor(ieee.divide(Fraction(1), y_scale) / 2**24)
    return [rescale((t * reciprocal + 2**37) >> 38, m, result) for t in terms]


def bound(weights, w_zero, x_type, x_zero):
    """sum of w - zero, bound of the accumulator"""
    shifted = [w - w_zero for w in weights]
    compensation = max(abs(x_zero), x_zero - RANGE[x_type][0])
    return sum(shifted), 255 * sum(map(abs, shifted)) + compensation * abs(sum(shifted))


def exactness(accumulator_bound, bias):
    if accumulator_bound + abs(bias) <= 2**24:
        return "f32"
    return "s32" if accumulator_bound < 2**31 else "overflow"
