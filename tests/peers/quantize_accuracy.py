#!/usr/bin/env python3
"""Compares `davit quantize` with onnxruntime.quantization.quantize_static.

    quantize_accuracy.py --davit PROGRAM --davit-models PROGRAM [--short] [NETWORK...]

Each network is quantised by both, from the same calibration samples with the same settings (u8
activations, s8 weights with one scale a channel, the same way to choose ranges; "default": what
either does when it is not told how), once for each of three calibration sets. onnxruntime gets its own preparation first (onnx.version_converter up to
opset 13 where scales per channel need it, then quant_pre_process). Both files then run in
onnxruntime, on samples that are not among the calibration ones; the error of a file is the relative
L2 distance of its outputs from those of the f32 model. Davit's must be at most 1.02 times
onnxruntime's, and its files must pass onnx.checker's full check. The last lines give the median and
the range of the ratios over the sets of each network and method: errors of small networks differ
much from set to set, the classifier's by a fifth. Needs tests/peers/requirements.txt.
Exit status: 0 all hold, 1 not, 2 usage.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image, ImageDraw

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT = 1.02
CALIBRATION_SAMPLES = 16
TEST_SAMPLES = {"resnet20": 256, "mobilenetv2-64": 128, "ppocr-cls": 512, "ppocrv4-rec": 96,
                "ppocrv4-det": 64}

# name -> input, shape of one sample, what samples are, how the model is got
NETWORKS = {
    "resnet20": ("input", (3, 32, 32), "noise", ["resnet20"]),
    "mobilenetv2-64": ("input", (3, 64, 64), "noise", ["mobilenetv2", "--size", "64"]),
    "ppocr-cls": ("x", (3, 48, 192), "turned text", None),
    "ppocrv4-rec": ("x", (3, 48, 160), "text", None),
    "ppocrv4-det": ("x", (3, 160, 192), "page", None),
}
METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    "entropy": (CalibrationMethod.Entropy, {}),
    "default": (CalibrationMethod.MinMax, {}),
}
SHORT = ["resnet20", "mobilenetv2-64"]


# ---- samples ----

def text_line(random, height, width):
    """A line of words in a plain font, at some size and contrast."""
    dark, light = int(random.integers(0, 90)), int(random.integers(160, 256))
    picture = Image.new("L", (width * 2, height * 2), light)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    words = " ".join("".join(random.choice(list(letters), int(random.integers(2, 8))))
                     for _ in range(6))
    ImageDraw.Draw(picture).text((8, height * 0.4), words, fill=dark,
                                 font_size=int(random.integers(height * 8 // 10, height * 3 // 2)))
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(picture, np.float32)[None], 3, 0)


def crop(random, picture, height, width):
    """A window of a picture, resized to the shape."""
    scale = random.uniform(0.4, 1.0)
    w = max(8, int(picture.width * scale))
    h = max(8, min(picture.height, int(w * height / width)))
    x = int(random.integers(0, picture.width - w + 1))
    y = int(random.integers(0, picture.height - h + 1))
    window = picture.crop((x, y, x + w, y + h)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(window, np.float32).transpose(2, 0, 1)


def photographs(models):
    """The pictures of models/manifest.json; none where they have not been fetched."""
    with open(os.path.join(ROOT, "models", "manifest.json"), encoding="utf-8") as file:
        files = {entry["name"]: entry["file"] for entry in json.load(file)["files"]}
    pictures = []
    for picture in ("page", "rocket"):
        path = os.path.join(models, files[picture])
        if os.path.exists(path):
            with Image.open(path) as opened:
                pictures.append(opened.convert("RGB"))
    return pictures


def samples(kind, shape, seed, count, pictures):
    random = np.random.default_rng(seed)
    made = []
    for i in range(count):
        if kind == "noise":
            made.append(random.standard_normal(shape).astype(np.float32))
            continue
        if kind != "page":
            pixels = text_line(random, *shape[1:])
            if kind == "turned text" and random.integers(2):
                pixels = pixels[:, ::-1, ::-1]
        else:
            pixels = crop(random, pictures[i % len(pictures)], *shape[1:])
        pixels = pixels + random.normal(0, 4, pixels.shape).astype(np.float32)
        made.append(((pixels / 255 - 0.5) / 0.5).astype(np.float32))
    return np.stack(made)


# ---- both tools ----

class Reader(quantization.CalibrationDataReader):
    def __init__(self, name, array):
        self.left = [{name: sample[None]} for sample in array]

    def get_next(self):
        return self.left.pop(0) if self.left else None


def prepare(path, folder):
    """The model as onnxruntime's documentation says to prepare it."""
    model = onnx.load(path)
    if max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < 13:
        model = onnx.version_converter.convert_version(model, 13)
    raised = os.path.join(folder, "raised.onnx")
    prepared = os.path.join(folder, "prepared.onnx")
    onnx.save(model, raised)
    quant_pre_process(raised, prepared, skip_symbolic_shape=True)
    return prepared


def quantize_onnxruntime(prepared, output, name, array, method):
    how, extra = METHODS[method]
    quantization.quantize_static(
        prepared, output, Reader(name, array), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=how,
        extra_options=extra)


def quantize_davit(options, path, output, array, method, folder):
    file = os.path.join(folder, "calibration.npy")
    np.save(file, array)
    words = [] if method == "default" else ["--method", method]
    subprocess.run([options.davit, "quantize", path, "--calibration", file, "-o", output, "--json",
                    *words, *options.davit_option], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    onnx.checker.check_model(output, full_check=True)


def run(path, name, array):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return np.stack([np.concatenate([o.ravel() for o in session.run(None, {name: sample[None]})])
                     for sample in array])


def distance(got, want):
    return float(np.linalg.norm((got - want).astype(np.float64)) /
                 np.linalg.norm(want.astype(np.float64)))


# ---- the table ----

def model_path(network, recipe, folder, options):
    if recipe is None:
        return os.path.join(options.models, network + ".onnx")
    path = os.path.join(folder, "model.onnx")
    subprocess.run([options.davit_models, *recipe, "-o", path], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def compare(network, methods, pictures, options):
    """Rows of (network, method, set, onnxruntime's error, Davit's error)."""
    name, shape, kind, recipe = NETWORKS[network]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = model_path(network, recipe, folder, options)
        prepared = prepare(path, folder)
        tests = samples(kind, shape, 1000, TEST_SAMPLES[network], pictures)
        want = run(path, name, tests)
        for method in methods:
            for number in range(options.sets):
                array = samples(kind, shape, number, CALIBRATION_SAMPLES, pictures)
                theirs = os.path.join(folder, "theirs.onnx")
                ours = os.path.join(folder, "ours.onnx")
                quantize_onnxruntime(prepared, theirs, name, array, method)
                quantize_davit(options, path, ours, array, method, folder)
                row = (network, method, number, distance(run(theirs, name, tests), want),
                       distance(run(ours, name, tests), want))
                print("%-15s %-10s set %d   onnxruntime %.5f   davit %.5f   ratio %.3f%s" % (
                    *row, row[4] / row[3], "" if row[4] <= LIMIT * row[3] else "   ABOVE"),
                      flush=True)
                rows.append(row)
    return rows


def summarise(rows):
    for network, method in dict.fromkeys(row[:2] for row in rows):
        ratios = [row[4] / row[3] for row in rows if row[:2] == (network, method)]
        print("%-15s %-10s ratio %.3f (%.3f to %.3f)" % (
            network, method, np.median(ratios), min(ratios), max(ratios)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True)
    parser.add_argument("--davit-models", required=True)
    parser.add_argument("--models", default=os.path.join(ROOT, "build", "models"))
    parser.add_argument("--method", choices=METHODS, action="append")
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION",
                        help="passed on to davit quantize")
    parser.add_argument("--short", action="store_true", help="what CI runs")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    options = parser.parse_args()
    unknown = set(options.networks) - set(NETWORKS)
    if unknown:
        parser.error("no such network: %s" % ", ".join(sorted(unknown)))
    logging.getLogger().setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(3)
    pictures = photographs(options.models)
    wanted = options.networks or list(NETWORKS)
    if options.short:
        wanted = SHORT
    rows = []
    for network in wanted:
        methods = options.method or (["minmax"] if options.short else list(METHODS))
        if NETWORKS[network][3] is None and not pictures:
            print("%s: skipped, models/fetch has not been run" % network)
            continue
        rows += compare(network, methods, pictures, options)
    summarise(rows)
    above = sum(row[4] > LIMIT * row[3] for row in rows)
    print("%d comparisons, %d above %.2f times onnxruntime's error" % (len(rows), above, LIMIT))
    return 1 if above or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
