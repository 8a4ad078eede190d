#!/usr/bin/env python3
"""Placement never changes an integer network's result: random placements of quantised networks over all
kinds of devices there are here, the real and the emulated ones, give the same bytes.

usage: placements.py BUILD [--count N] [--seed N] [--devices LIST] [--network NAME]... [--models FOLDER]

Quantises ResNet-20, MobileNetV2 and PP-OCRv4's text detection (that one where build/models has it), runs N
random placements (default 200) of each at small inputs with BUILD/tests/placements/placements, and of a
MobileNetV2 of which four layers stay f32, those on one device (cpu). Exit 1 when a byte differs.
"""
import argparse
import array
import os
import random
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEVICES = "reference,cpu,cuda:emu,opencl:0,fpga:emu"
KEEP = ["/features.2.conv.1.0/Conv", "/features.3.conv.2/Conv", "/features.5.conv.2/Conv",
        "/features.9.conv.0.0/Conv"]


def write_samples(path, shape):
    """Seeded values in [-1, 1] as .npy."""
    count = 1
    for dim in shape:
        count *= dim
    draw = random.Random(1)
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (tuple(shape),)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        array.array("f", (draw.uniform(-1, 1) for _ in range(count))).tofile(file)


class Networks:
    def __init__(self, build, models):
        self.davit = os.path.join(build, "host/cli/davit")
        self.generator = os.path.join(build, "models/davit-models")
        self.program = os.path.join(build, "tests/placements/placements")
        self.folder = os.path.join(build, "tests/placements")
        self.models = models
        self.environment = dict(os.environ, OMP_WAIT_POLICY="passive",
                                POCL_CACHE_DIR=os.path.join(build, "pocl"),
                                XDG_CACHE_HOME=os.path.join(build, "cache"))

    def call(self, *words):
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            sys.exit("%s: %s" % (" ".join(words), (done.stderr or done.stdout).strip()))

    def path(self, name):
        return os.path.join(self.folder, name)

    def generated(self, network, *options):
        self.call(self.generator, network, "--batch", "1", *options, "-o", self.path(network + ".onnx"))
        write_samples(self.path("samples.npy"), [4, 3, 32, 32])
        return self.path(network + ".onnx"), self.path("samples.npy")

    def quantised(self, name, model, samples, *options):
        self.call(self.davit, "quantize", model, "-c", samples, *options, "-o", self.path(name + ".q.onnx"))
        return self.path(name + ".q.onnx")

    def resnet20(self):
        return [self.quantised("resnet20", *self.generated("resnet20"))]

    def mobilenetv2(self):
        return [self.quantised("mobilenetv2", *self.generated("mobilenetv2", "--size", "32"))]

    def mobilenetv2_kept(self):
        keep = [word for name in KEEP for word in ("--keep", name)]
        return [self.quantised("mobilenetv2_kept", *self.generated("mobilenetv2", "--size", "32"), *keep), "cpu"]

    def ppocrv4_det(self):
        page = os.path.join(self.models, "page.png")
        shape = ["--shape", "x=1x3x64x64", "--preprocess", "0.5,0.5,bgr"]
        os.makedirs(self.path("pages"), exist_ok=True)
        link = self.path("pages/page.png")
        if not os.path.exists(link):
            os.symlink(page, link)
        model = self.quantised("ppocrv4_det", os.path.join(self.models, "ppocrv4-det.onnx"),
                               self.path("pages"), *shape)
        return [model, "--input", "x=" + page, *shape]

    def reproducible(self, model, devices):
        """Whether davit's own plans over these lists of devices give the same bytes, floats on the CPU."""
        results = set()
        for index, names in enumerate(["cpu,reference", devices, ",".join(reversed(devices.split(",")))]):
            folder = self.path("reproducible-%d" % index)
            self.call(self.davit, "run", model, "--devices", names, "--objective", "throughput",
                      "--reproducible", "--pin", KEEP[0] + "=cpu", "-o", folder)
            with open(os.path.join(folder, "output.npy"), "rb") as file:
                results.add(file.read())
        print("davit run --reproducible: %d results of 3 runs" % len(results), flush=True)
        return len(results) == 1

    def run(self, name, args):
        if name == "ppocrv4_det" and not os.path.exists(os.path.join(self.models, "ppocrv4-det.onnx")):
            print("%s is left out: models/fetch gets it" % name)
            return True
        command = [self.program, *getattr(self, name)(), "--devices", args.devices, "--repeat",
                   str(args.count), "--seed", str(args.seed)]
        if "fpga:emu" in args.devices.split(","):
            command = [self.davit, "emulate", "--", *command]
        print("$ " + " ".join(command), flush=True)
        same = subprocess.run(command, check=False, env=self.environment).returncode == 0
        if name == "mobilenetv2_kept" and "cpu" in args.devices.split(","):
            same = self.reproducible(command[command.index("--devices") - 2], args.devices) and same
        return same


def main():
    names = ["resnet20", "mobilenetv2", "mobilenetv2_kept", "ppocrv4_det"]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", default=DEVICES)
    parser.add_argument("--network", action="append", choices=names)
    parser.add_argument("--models", default=os.path.join(ROOT, "build/models"))
    args = parser.parse_args()
    networks = Networks(args.build, os.path.abspath(args.models))
    failed = [name for name in args.network or names if not networks.run(name, args)]
    print("differing: " + (" ".join(failed) or "none"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
