"""Predicted against measured times of whole networks, on this machine's CPU.

usage: predict.py DAVIT DAVIT_MODELS FOLDER [--det PPOCRV4_DET.onnx] [--rounds N] [--seconds S]
                  [--threads N] [--cpu-clock] [--only NAME]...

Makes ResNet-50, MobileNetV2, BERT-base and their 8-bit forms in FOLDER where they are missing (BERT
by onnxruntime.quantization: run by a Python that has it) and measures each model at batch 1 and 8
(`davit calibrate`), each network into a store of its own. Then, round by round, measures the built-in
networks anew and each model again, runs it, and compares with what two stores let expect: its own
("own"), and one of the built-in networks and the other models without it ("left out"), each with the
kernels that the store chooses. Prints the median and the spread over rounds; exit 1 when one is beyond its limit.

Run it on a machine without other work, with OpenMP's own way of waiting: where OMP_WAIT_POLICY=passive
lets threads sleep between steps, waking takes as long as a step of MobileNetV2.
--cpu-clock: for a machine that others use: one thread, times are processor times (cpu_clock.c).
"""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys

import networks

OWN_TOTAL, OWN_UNIT, LEFT_OUT_TOTAL = 0.10, 0.20, 0.25
NETWORKS = {
    "resnet50": lambda b: ["input=%dx3x224x224" % b],
    "mobilenetv2": lambda b: ["input=%dx3x224x224" % b],
    "ppocrv4-det": lambda b: ["x=%dx3x320x640" % b],
    "bert-base": lambda b: ["input_ids=%dx128" % b, "attention_mask=%dx128" % b],
}


class Bench:
    def __init__(self, args):
        self.args = args
        self.environment = dict(os.environ)
        self.threads = ["-t", str(args.threads)] if args.threads else []
        if args.cpu_clock:
            library = os.path.join(args.folder, "cpu_clock.so")
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cpu_clock.c")
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
            self.environment["LD_PRELOAD"] = library
            self.threads = ["-t", "1"]

    def store(self, name):
        return os.path.join(self.args.folder, "stores", name)

    def davit(self, store, *words):
        done = subprocess.run([self.args.davit, *words], check=False, capture_output=True, text=True,
                              env=dict(self.environment, XDG_CACHE_HOME=self.store(store)))
        if done.returncode != 0:
            sys.exit("davit %s: %s" % (" ".join(words), done.stderr))
        return done.stdout

    def model(self, name, int8):
        return networks.path(self.args.folder, name, int8)

    def shapes(self, name, batch):
        return [word for shape in NETWORKS[name](batch) for word in ("-s", shape)]

    def calibrate(self, store, name, int8, batch):
        self.davit(store, "calibrate", "-d", "cpu", "--only-models", "--seconds",
                   str(self.args.seconds), *self.threads, self.model(name, int8),
                   *self.shapes(name, batch))

    def bench(self, store, name, int8, batch, *options):
        text = self.davit(store, "bench", "-d", "cpu,reference", "--predict", "--no-learn", "--json", *options,
                          *self.threads, self.model(name, int8), *self.shapes(name, batch))
        return json.loads(text)["prediction"]


def merge(bench, target, sources):
    """A store with all measurements of the sources, the later ones on top."""
    folder = os.path.join(bench.store(target), "davit")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    files = {}
    for source in sources:
        for path in glob.glob(os.path.join(bench.store(source), "davit", "times-*.json")):
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            known = files.setdefault(os.path.basename(path), content)
            known["entries"].update(content["entries"])
    for name, content in files.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.chmod(path, 0o600)


def measure(bench, args):
    cases = [(name, int8, batch) for name in args.names for int8 in (False, True)
             for batch in (1, 8)]
    for case in cases:
        bench.calibrate(case[0], *case)
    results = {case: [] for case in cases}
    for number in range(args.rounds):
        shutil.rmtree(bench.store("built-in"), ignore_errors=True)
        bench.davit("built-in", "calibrate", "-d", "cpu", *bench.threads)
        for name in args.names:
            shutil.rmtree(bench.store("without-" + name), ignore_errors=True)
            merge(bench, "without-" + name,
                  ["built-in"] + [other for other in args.names if other != name])
        for case in cases:
            bench.calibrate(case[0], *case)
            own = bench.bench(case[0], *case, "-n", "20", "--warmup", "2")
            other = bench.bench("without-" + case[0], *case, "-n", "20", "--warmup", "2")
            unit_sum = sum(unit["measured_s"] for unit in own["units"])
            results[case].append((own["predicted_s"] / own["measured_s"] - 1,
                                  own["median_unit_error"],
                                  other["predicted_s"] / other["measured_s"] - 1,
                                  own["measured_s"], unit_sum, other["sources"]["measured"]))
        print("round %d of %d, load %.1f" % (number + 1, args.rounds, os.getloadavg()[0]),
              file=sys.stderr)
    return results


def middle(rows, column):
    values = sorted(row[column] for row in rows)
    return statistics.median(values), values[0], values[-1]


def report(results):
    good = True
    print("%-18s %-5s %5s %9s %6s  %-24s %-18s %s" % (
        "model", "type", "batch", "ms", "units", "own: total", "own: median unit",
        "left out: total"))
    for (name, int8, batch), rows in results.items():
        total, unit, left = (middle(rows, column) for column in range(3))
        ok = (abs(total[0]) <= OWN_TOTAL and unit[0] <= OWN_UNIT and
              abs(left[0]) <= LEFT_OUT_TOTAL)
        good = good and ok
        print("%-18s %-5s %5d %9.2f %5.0f%%  %+6.1f%% (%+5.1f %+5.1f)   %5.1f%% (%4.1f %4.1f) "
              "%+6.1f%% (%+5.1f %+5.1f)%s" % (
                  name, "int8" if int8 else "f32", batch, 1e3 * middle(rows, 3)[0],
                  100 * middle(rows, 4)[0] / middle(rows, 3)[0],
                  *(100 * v for v in total), *(100 * v for v in unit),
                  *(100 * v for v in left), "" if ok else "  BEYOND A LIMIT"))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("davit")
    parser.add_argument("models")
    parser.add_argument("folder")
    parser.add_argument("--det", help="ppocrv4-det.onnx, where models/fetch put it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each calibration of a model")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cpu-clock", action="store_true")
    parser.add_argument("--only", action="append", choices=sorted(NETWORKS), dest="names")
    args = parser.parse_args()
    args.names = args.names or [name for name in NETWORKS
                                if name != "ppocrv4-det" or args.det or
                                os.path.exists(os.path.join(args.folder, name + ".onnx"))]
    os.makedirs(args.folder, exist_ok=True)
    shutil.rmtree(os.path.join(args.folder, "stores"), ignore_errors=True)
    networks.make(args.folder, args.names, args.davit, args.models,
                  os.path.dirname(args.det or ""))
    sys.exit(0 if report(measure(Bench(args), args)) else 1)


if __name__ == "__main__":
    main()
