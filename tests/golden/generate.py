#!/usr/bin/env python3
"""Writes the golden vectors of the integer arithmetic: `generate.py [--check] [FOLDER]`.

FOLDER is where the files *.txt go, this script's own without it. --check writes nothing and fails
when a file is not what would be written. The expected values come from forms.py: the definition in
exact arithmetic, with Python's standard library alone.

Format: text, one vector a line, fields separated by one space; lines that start with # are comments
and say what the fields are. An f32 is eight hexadecimal digits of its bits, the rest is decimal
unless the file says otherwise.
"""

import sys
from pathlib import Path

import requantize_vectors
import sum_vectors
import value_vectors

FILES = {
    "requantize.txt": (requantize_vectors.HEADER, requantize_vectors.lines),
    "quantize.txt": (value_vectors.QUANTIZE, value_vectors.quantize),
    "dequantize.txt": (value_vectors.DEQUANTIZE, value_vectors.dequantize),
    "dynamic.txt": (value_vectors.DYNAMIC, value_vectors.dynamic),
    "add.txt": (sum_vectors.ADD, sum_vectors.add),
    "multiply.txt": (sum_vectors.MULTIPLY, sum_vectors.multiply),
    "average.txt": (sum_vectors.AVERAGE, sum_vectors.average),
    "extent.txt": (sum_vectors.EXTENT, sum_vectors.extent),
    "resize.txt": (sum_vectors.RESIZE, sum_vectors.resize),
    "tap.txt": (sum_vectors.TAP, sum_vectors.tap),
    "softmax.txt": (value_vectors.SOFTMAX, value_vectors.softmax),
    "exponential.txt": (value_vectors.EXPONENTIAL, value_vectors.exponential),
    "bound.txt": (value_vectors.BOUND, value_vectors.bound),
    "table.txt": (value_vectors.TABLE, value_vectors.table),
}


def content(header, lines):
    comment = [f"# {line}".rstrip() for line in header.splitlines()]
    comment.append("# Made by generate.py; f32 as hexadecimal bits.")
    return "\n".join([*comment, *lines()]) + "\n"


def main(arguments):
    check = "--check" in arguments
    folders = [a for a in arguments if a != "--check"]
    folder = Path(folders[0]) if folders else Path(__file__).parent
    wrong = []
    for name, (header, lines) in FILES.items():
        wanted = content(header, lines)
        path = folder / name
        if not check:
            path.write_text(wanted, encoding="ascii")
        elif not path.is_file() or path.read_text(encoding="ascii") != wanted:
            wrong.append(name)
    if wrong:
        print(f"generate.py: not what the script makes: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
