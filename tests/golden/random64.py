"""Seeded numbers for choosing vectors: splitmix64, as in tests/support/unit_test.h."""

from fractions import Fraction

from ieee import f32


class Random:
    def __init__(self, seed):
        self.state = seed

    def word(self):
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    def between(self, low, high):
        """An integer in low..high."""
        return low + self.word() % (high - low + 1)

    def pick(self, items):
        return items[self.word() % len(items)]

    def scale(self, low_exponent, high_exponent):
        """A positive f32 of 24 random significant bits, 2^low_exponent <= scale."""
        significand = Fraction(self.between(2**23, 2**24 - 1), 2**23)
        return f32(significand * Fraction(2) ** self.between(low_exponent, high_exponent))
