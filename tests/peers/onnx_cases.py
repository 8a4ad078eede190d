#!/usr/bin/env python3
"""Writes the node cases of the installed onnx package for the operator sets that Debian's
libonnx-testdata (onnx 1.12) lacks, in the same layout, for `davit check`.

    onnx_cases.py FOLDER        FOLDER/NAME/{model.onnx,test_data_set_0/{input,output}_N.pb}

Cases whose default-domain operator set is 18 to 21. The cases' own random numbers are seeded, so
two runs write the same. A folder that this very script and package wrote is left alone.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import warnings

OPSETS = range(18, 22)
STAMP = ".onnx-cases"


def default_opset(model):
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)


def transform_in_double(numpy):
    """Makes numpy's Fourier transforms compute in double, as before numpy 2: in single precision
    the expected values carry noise, where the result is 0, above the cases' own tolerance."""
    def wrap(transform):
        return lambda x, *args, **kwargs: transform(
            x.astype(numpy.complex128 if numpy.iscomplexobj(x) else numpy.float64), *args, **kwargs)

    for name in ("fft", "ifft", "rfft", "irfft"):
        setattr(numpy.fft, name, wrap(getattr(numpy.fft, name)))


def collect():
    import numpy
    from onnx.backend.test.case.node import collect_testcases

    numpy.random.seed(0)
    transform_in_double(numpy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their divisions by zero are meant
        cases = collect_testcases()
    return [case for case in cases
            if case.kind == "node" and case.model and default_opset(case.model) in OPSETS]


def write(cases, folder):
    """Writes the cases with the package's own tool, and moves them into place when complete."""
    from onnx.backend.test import cmd_tools

    parent = os.path.dirname(os.path.abspath(folder))
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as scratch:
        cmd_tools.model_test.collect_testcases = lambda: cases
        cmd_tools.generate_data(argparse.Namespace(output=scratch))
        made = os.path.join(scratch, "node")
        os.chmod(made, 0o755)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(made, folder)


def stamp_text():
    from importlib.metadata import version

    with open(__file__, "rb") as file:
        return "onnx %s, script %s\n" % (version("onnx"), hashlib.sha256(file.read()).hexdigest())


def main(arguments):
    if len(arguments) != 1:
        print("usage: onnx_cases.py FOLDER", file=sys.stderr)
        return 2
    folder = arguments[0]
    stamp_path = os.path.join(folder, STAMP)
    wanted = stamp_text()
    if os.path.exists(stamp_path):
        with open(stamp_path, encoding="utf-8") as file:
            if file.read() == wanted:
                print("%s: there" % folder)
                return 0
    cases = collect()
    write(cases, folder)
    with open(stamp_path, "w", encoding="utf-8") as file:
        file.write(wanted)
    print("%s: %d cases of opsets %d to %d" % (folder, len(cases), OPSETS[0], OPSETS[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
