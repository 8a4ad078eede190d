"""Real functions to 20 digits and more, in decimal arithmetic (its operations, exp and ln are
correctly rounded). Arguments are Fractions or infinite; results are Fractions, or infinite.

What is certain to leave binary32 is cut short: above 2^128 to INF, below 2^-150 to TINY.
"""

from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

from ieee import INF

getcontext().prec = 60
SERIES_DIGITS = 150  # where 1/2 + a series cancels
TINY = Fraction(1, 2**300)
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def decimal(q):
    return Decimal(q.numerator) / Decimal(q.denominator)


def exp(x):
    if x > 120:
        return INF
    if x < -200:
        return TINY
    return Fraction(decimal(x).exp())


def sigmoid(x):
    return Fraction(1) if x > 120 else 1 - 1 / (1 + exp(x))


def tanh(x):
    if abs(x) > 200:
        return Fraction(1 if x > 0 else -1)
    e = exp(2 * x) if x < 55 else 1 / exp(-2 * x)
    return (e - 1) / (e + 1)


def odd_factorial_series(x, square):
    """sum of square^n x / (1 * 3 * ... * (2n + 1)) in Decimal."""
    term = total = x
    n = 0
    while abs(term) > abs(total) * Decimal(10) ** -SERIES_DIGITS:
        n += 1
        term = term * square / (2 * n + 1)
        total += term
    return total


def erf(x):
    if abs(x) > 14:
        return Fraction(1 if x > 0 else -1)
    if x == 0:
        return x
    d = decimal(x)
    return Fraction(2 / PI.sqrt() * (-d * d).exp() * odd_factorial_series(d, 2 * d * d))


def normal(x):
    """(1 + erf(x / sqrt 2)) / 2"""
    if abs(x) > 20:
        return Fraction(1) if x > 0 else TINY
    with localcontext() as context:
        context.prec = SERIES_DIGITS
        d = decimal(x)
        density = (-d * d / 2).exp() / (2 * PI).sqrt()
        return Fraction(Decimal("0.5") + density * odd_factorial_series(d, d * d))


def gelu_tanh(x):
    if abs(x) > 200:
        return x if x > 0 else -TINY
    u = (2 / PI).sqrt() * decimal(x + Fraction(44715, 1000000) * x**3)
    return x * sigmoid(2 * Fraction(u))


def softplus(x):
    if abs(x) > 120:
        return x if x > 0 else exp(x)
    return Fraction((1 + decimal(x).exp()).ln())


def mish(x):
    if x > 120:
        return x
    e = exp(x)
    n = e * (e + 2)
    return times(x, n / (n + 2))


def times(x, g):
    """x * g, where an infinite x and a vanishing g give 0."""
    if x in (INF, -INF):
        return Fraction(0) if abs(g) < Fraction(1, 2**150) else (x if g > 0 else -x)
    return x * g


def clip(x, low, high):
    return min(max(x, low), high)


FUNCTIONS = {
    "identity": lambda x, a, b: x,
    "relu": lambda x, a, b: max(x, Fraction(0)),
    "clip": clip,
    "leaky_relu": lambda x, a, b: times(x, a) if x < 0 else x,
    "elu": lambda x, a, b: a * (exp(x) - 1) if x < 0 else x,
    "linear": lambda x, a, b: times(x, a) + b,
    "hardsigmoid": lambda x, a, b: clip(times(x, a) + b, Fraction(0), Fraction(1)),
    "hardswish": lambda x, a, b: times(x, clip(x + 3, Fraction(0), Fraction(6))) / 6,
    "exp": lambda x, a, b: exp(x),
    "sigmoid": lambda x, a, b: sigmoid(x),
    "tanh": lambda x, a, b: tanh(x),
    "silu": lambda x, a, b: times(x, sigmoid(x)),
    "erf": lambda x, a, b: erf(x),
    "gelu_erf": lambda x, a, b: times(x, normal(x)),
    "gelu_tanh": lambda x, a, b: gelu_tanh(x),
    "softplus": lambda x, a, b: softplus(x),
    "mish": lambda x, a, b: mish(x),
}
