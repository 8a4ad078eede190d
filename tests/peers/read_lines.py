#!/usr/bin/env python3
"""Reads rendered lines of text with a recognition network before and after `davit quantize`.

    read_lines.py --davit PROGRAM [--method METHOD]... [--davit-option OPTION]...

Draws 100 lines: words of this project's licence, numbers and prices, in Pillow's own font, at some
size, contrast, blur and noise (seeded). PP-OCRv4's recognition network reads them with davit, in
f32 and quantised with each method; the text is what greedy CTC decoding gives, with the characters
that the model's metadata lists. Other lines of the same kind calibrate.

At least 95 of 100 lines must read the same. Texts are compared without their spaces, as the
network's authors do (ignore_space of PaddleOCR's RecMetric): f32 itself misses spaces in one line
of ten and decides others by hairs. What is the same with spaces is printed beside it, and how many
lines f32 reads as they were drawn, of which at least 95 of 100 must be right too. Needs
tests/peers/requirements.txt and models/fetch. Exit status: 0 all hold, 1 not, 2 usage.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from compare import ROOT, CaseError, run_davit
from quantize_accuracy import METHODS

HEIGHT, WIDTH = 48, 320
LEAST_SHARE = 0.95
BATCH = 20
BLANK = 0


# ---- lines ----

def vocabulary():
    with open(os.path.join(ROOT, "LICENSE"), encoding="utf-8") as file:
        return sorted(set(re.findall(r"\b[A-Za-z]{3,9}\b", file.read())))


def text_of(random, words):
    """One to three words or numbers."""
    parts = []
    for _ in range(int(random.integers(1, 4))):
        kind = random.integers(5)
        if kind == 0:
            parts.append(str(random.integers(10, 100000)))
        elif kind == 1:
            parts.append("%.2f" % (random.integers(100, 100000) / 100))
        else:
            word = words[random.integers(len(words))]
            parts.append(word.upper() if kind == 2 else word)
    return " ".join(parts)


def draw(random, text):
    """The line as the network takes it, [3, HEIGHT, WIDTH], -1 to 1, 0 beside the line as in PaddleOCR;
    None where it is too wide."""
    dark, light = int(random.integers(0, 100)), int(random.integers(160, 256))
    if random.integers(4) == 0:
        dark, light = light, dark
    font = ImageFont.load_default(size=int(random.integers(24, 40)))
    left, top, right, bottom = font.getbbox(text)
    margin = int(random.integers(3, 8))
    picture = Image.new("L", (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin), light)
    ImageDraw.Draw(picture).text((margin - left, margin - top), text, fill=dark, font=font)
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 0.8))))
    width = round(picture.width * HEIGHT / picture.height)
    if width > WIDTH:
        return None
    picture = picture.resize((width, HEIGHT), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32) + random.normal(0, 4, (HEIGHT, width))
    line = np.zeros((3, HEIGHT, WIDTH), np.float32)
    line[:, :, :width] = (pixels.clip(0, 255) / 255 - 0.5) / 0.5
    return line


def lines(seed, count):
    """Texts and their pictures."""
    random, words = np.random.default_rng(seed), vocabulary()
    texts, pictures = [], []
    while len(texts) < count:
        text = text_of(random, words)
        picture = draw(random, text)
        if picture is not None:
            texts.append(text)
            pictures.append(picture)
    return texts, np.stack(pictures)


# ---- reading ----

def characters(path):
    """What each class means: the blank, the listed characters, the space."""
    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return ["", *properties["character"].splitlines(), " "]


def decode(scores, listed):
    """scores [time][class]: repeated classes are one, blanks are nothing."""
    best = scores.argmax(-1)
    kept = best[np.append(True, best[1:] != best[:-1])]
    return "".join(listed[i] for i in kept if i != BLANK)


def read(path, pixels, listed, folder, options):
    """The text of each line."""
    texts = []
    for first in range(0, len(pixels), BATCH):
        _, load = run_davit(path, {"x": pixels[first:first + BATCH]}, folder, options)
        (name,) = [output.name for output in onnx.load(path).graph.output]
        texts += [decode(scores, listed) for scores in load(name)]
    return texts


def quantise(path, method, calibration, folder, options):
    output = os.path.join(folder, "quantised.onnx")
    subprocess.run([options.davit, "quantize", path, "--calibration", calibration, "-o", output,
                    "--method", method, "--json", *options.quantize_option],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return output


def same(a, b, spaces=False):
    """How many texts are the same."""
    return sum(x == y if spaces else x.replace(" ", "") == y.replace(" ", "") for x, y in zip(a, b))


def compare(options, folder):
    """Whether f32 reads what was drawn and each method what f32 reads."""
    path = os.path.join(options.models, "ppocrv4-rec.onnx")
    if not os.path.exists(path):
        raise CaseError("%s is missing; type: models/fetch ppocrv4-rec" % path)
    listed = characters(path)
    calibration = os.path.join(folder, "calibration.npy")
    np.save(calibration, lines(1, options.calibration)[1])
    drawn, pixels = lines(2, options.lines)
    before = read(path, pixels, listed, folder, options)
    least = LEAST_SHARE * len(drawn)
    print("f32         %d of %d lines as drawn, %d with spaces"
          % (same(before, drawn), len(drawn), same(before, drawn, True)), flush=True)
    good = same(before, drawn) >= least
    for method in options.method or METHODS:
        after = read(quantise(path, method, calibration, folder, options), pixels, listed, folder, options)
        enough = same(before, after) >= least
        good = good and enough
        print("%-10s  %d of %d lines as f32, %d with spaces; %d as drawn%s"
              % (method, same(before, after), len(drawn), same(before, after, True), same(after, drawn),
                 "" if enough else "   BELOW"), flush=True)
        for a, b in zip(before, after):
            if same([a], [b]) == 0:
                print("    %-32s %s" % (a, b))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True)
    parser.add_argument("--models", default=os.path.join(ROOT, "build", "models"))
    parser.add_argument("--method", choices=METHODS, action="append")
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--calibration", type=int, default=32, help="lines to calibrate with")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("--quantize-option", action="append", default=[], metavar="OPTION",
                        help="as --quantize-option=--keep-type=Softmax")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return 0 if compare(options, folder) else 1
    except (CaseError, OSError, subprocess.CalledProcessError) as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
