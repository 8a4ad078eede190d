#!/usr/bin/env python3
"""Compares `davit run` with onnxruntime on whole networks.

    compare.py --davit PROGRAM --davit-models PROGRAM [CASE...]

Each case of cases.json names a network (of models/manifest.json, or options of davit-models), and
for each input its shape and how it is filled. Both programs get the same .npy files. Per output it
prints the relative L2 distance |davit - onnxruntime| / |onnxruntime| and how many argmaxes along
the last axis agree, and fails above 1e-4 or when one differs. onnxruntime also runs without its
graph optimisations, to see how well it agrees with itself: where that is worse than 1e-4 (a map of
probabilities near 0, whose rounding is absolute), twice its own distance is the limit. An argmax
that its numbers do not decide (within 1e-6 of the largest, or twice its own greatest difference)
agrees with either choice. Integer outputs must be equal. Needs tests/peers/requirements.txt.
Exit status: 0 all agree, 1 not, 2 usage.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import onnxruntime
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MAX_RELATIVE_L2 = 1e-4
TIE = 1e-6
DAVIT_LIMIT_S = 900


class CaseError(Exception):
    pass


def image(recipe, shape, models):
    """The picture, cropped and resized, as the PP-OCR networks take it: BGR, -1 to 1, NCHW."""
    with open(os.path.join(ROOT, "models", "manifest.json"), encoding="utf-8") as file:
        files = {entry["name"]: entry["file"] for entry in json.load(file)["files"]}
    with Image.open(os.path.join(models, files[recipe["image"]])) as opened:
        picture = opened.convert("RGB")
    if "crop" in recipe:
        picture = picture.crop(recipe["crop"])
    picture = picture.resize((shape[3], shape[2]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32)[:, :, ::-1] / 255
    return np.ascontiguousarray(((pixels - 0.5) / 0.5).transpose(2, 0, 1)[None])


def fill(recipe, random, models):
    """The contents of one input, by its recipe in cases.json."""
    shape = recipe["shape"]
    if recipe["fill"] == "normal":
        return random.standard_normal(shape).astype(np.float32)
    if recipe["fill"] == "integers":
        return random.integers(0, recipe["below"], shape)
    if recipe["fill"] == "mask":  # the first sentence is only half as long
        mask = np.ones(shape, np.int64)
        mask[0, shape[1] // 2:] = 0
        return mask
    if recipe["fill"] == "image":
        return image(recipe, shape, models)
    raise CaseError("cases.json: no filling %s" % recipe["fill"])


def model_path(case, folder, options):
    if "model" in case:
        path = os.path.join(options.models, case["model"] + ".onnx")
        if not os.path.exists(path):
            raise CaseError("%s is missing; type: models/fetch %s" % (path, case["model"]))
        return path
    path = os.path.join(folder, "model.onnx")
    subprocess.run([options.davit_models, *case["generate"], "-o", path], check=True)
    return path


def run_onnxruntime(path, inputs):
    """Per output: its array, and the same without graph optimisations."""
    results = []
    for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        results.append(session.run(names, inputs))
    return dict(zip(names, zip(*results)))


def run_davit(path, inputs, folder, options):
    """The command that was run, and its outputs: a function from a name to an array."""
    command = [options.davit, "run", path]
    for i, (name, contents) in enumerate(inputs.items()):
        file = os.path.join(folder, "input%d.npy" % i)
        np.save(file, contents)
        command += ["--input", "%s=%s" % (name, file)]
        command += ["--shape", "%s=%s" % (name, "x".join(map(str, contents.shape)))]
    outputs = os.path.join(folder, "outputs")
    command += ["--output", outputs, *options.davit_option]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=DAVIT_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise CaseError("no result within %d s: %s" % (DAVIT_LIMIT_S, " ".join(command))) from error
    if done.returncode != 0:
        raise CaseError("exit %d from: %s\n%s" % (done.returncode, " ".join(command), done.stderr.strip()))

    def load(name):
        file = os.path.join(outputs, re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".npy")
        if not os.path.exists(file):
            raise CaseError("%s is missing after: %s" % (file, " ".join(command)))
        return np.load(file)
    return command, load


def relative_l2(array, wanted):
    return np.linalg.norm(array - wanted) / max(np.linalg.norm(wanted), 1e-30)


def argmax_agreement(ours, theirs, noise):
    """How many rows there are along the last axis, and in how many the argmax agrees."""
    ours, theirs = (array.reshape(-1, array.shape[-1]) for array in (ours, theirs))
    at_ours = np.take_along_axis(theirs, ours.argmax(1)[:, None], 1)[:, 0]
    slack = max(TIE * np.abs(theirs).max(), noise)
    return len(theirs), int((at_ours >= theirs.max(1) - slack).sum())


def compare_output(name, ours, theirs, unoptimised):
    """Prints one line; returns whether the output agrees."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        print("  %-32s %s %s instead of %s %s" % (name, ours.dtype, ours.shape, theirs.dtype, theirs.shape))
        return False
    if theirs.dtype.kind != "f":
        same = bool((ours == theirs).all())
        print("  %-32s %s" % (name, "equal" if same else "differs"))
        return same
    ours, theirs, unoptimised = (a.astype(np.float64) for a in (ours, theirs, unoptimised))
    distance, own = relative_l2(ours, theirs), relative_l2(unoptimised, theirs)
    rows, agreeing = argmax_agreement(ours, theirs, 2 * np.abs(unoptimised - theirs).max())
    good = bool(distance <= max(MAX_RELATIVE_L2, 2 * own)) and agreeing == rows and bool(np.isfinite(ours).all())
    print("  %-32s %-18s relative L2 %.2e (onnxruntime to itself %.2e)  argmax %d/%d%s"
          % (name, "x".join(map(str, theirs.shape)), distance, own, agreeing, rows, "" if good else "  DIFFERS"))
    return good


def run_case(case, options):
    folder = os.path.join(options.work, case["name"])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    random = np.random.default_rng(1)
    inputs = {name: fill(recipe, random, options.models) for name, recipe in case["inputs"].items()}
    path = model_path(case, folder, options)
    started = time.monotonic()
    theirs = run_onnxruntime(path, inputs)
    between = time.monotonic()
    command, load = run_davit(path, inputs, folder, options)
    print("%s (onnxruntime %.1f s, davit %.1f s, both with loading)"
          % (case["name"], between - started, time.monotonic() - between))
    agree = [compare_output(name, load(name), *expected) for name, expected in theirs.items()]
    if not all(agree):
        print("  again: %s" % " ".join(command))
        return False
    shutil.rmtree(folder)
    return True


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all that are not long")
    parser.add_argument("--davit", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-models", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION",
                        help="passed on to davit run, as --davit-option=--devices=cpu")
    parser.add_argument("--models", default=os.path.join(ROOT, "build", "models"), metavar="DIR",
                        help="where models/fetch put its files")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "compare"), metavar="DIR",
                        help="for inputs and outputs; kept for cases that fail")
    parser.add_argument("--long", action="store_true", help="all cases, the long ones too")
    options = parser.parse_args(arguments)
    with open(os.path.join(HERE, "cases.json"), encoding="utf-8") as file:
        table = {case["name"]: case for case in json.load(file)}
    for name in options.cases:
        if name not in table:
            parser.error("no case %s; there are: %s" % (name, " ".join(table)))
    chosen = [table[name] for name in options.cases] or \
        [case for case in table.values() if options.long or not case.get("long")]
    return options, chosen


def main(arguments):
    options, chosen = parse(arguments)
    failed = []
    for case in chosen:
        try:
            agrees = run_case(case, options)
        except (CaseError, OSError, subprocess.CalledProcessError) as error:
            print("%s: %s" % (case["name"], error))
            agrees = False
        if not agrees:
            failed.append(case["name"])
        sys.stdout.flush()
    print("%d of %d cases agree%s" % (len(chosen) - len(failed), len(chosen),
                                      "; not: " + " ".join(failed) if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
