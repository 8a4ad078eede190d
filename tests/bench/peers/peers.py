#!/usr/bin/env python3
"""Davit, ONNX Runtime and OpenVINO in turn on the same files and inputs, on this machine's CPU.

usage: peers.py [--build build/release] [--folder build/peers-bench] [--rows NAME,...]
                [--threads 1,2] [--batch 1,8] [--rounds N] [--slice SECONDS] [--starts N]
                [--engines davit,onnxruntime,openvino] [--json FILE] [--plot FILE.svg]

One process per engine (C, over the library's C API: *_engine.c and driver.c) loads the model and
stays. Round by round each runs inferences for a slice of time while the others wait; a ratio is the
median of one engine's slice by that of davit's in the same round. Printed are medians, ratios as
their median and quartiles over the rounds (above 1: davit is faster), peak resident memory, the
time from the start of the process to the first result (median of --starts), and how far each
engine's outputs are from onnxruntime's (relative L2).

The folder gets the models, the drivers and a virtual environment with what requirements.txt pins
(--python: one that has it already). Run it on a machine without other work.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
IMAGE = {"input": ("f32", (3, 224, 224))}
TOKENS = {"input_ids": ("i64", (128,)), "attention_mask": ("i64", (128,))}
NETWORKS = {
    "resnet50": IMAGE,
    "mobilenetv2": IMAGE,
    "vgg16": IMAGE,
    "ppocrv4-det": {"x": ("f32", (3, 640, 640))},
    "ppocrv4-rec": {"x": ("f32", (3, 48, 320))},
    "bert-base": TOKENS,
}
ROWS = [name + kind for name in NETWORKS for kind in ("-f32", "-int8")
        if name + kind != "ppocrv4-rec-int8"]
ENGINES = ("davit", "onnxruntime", "openvino")


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    def words(text):
        return text.split(",")

    def numbers(text):
        return [int(word) for word in text.split(",")]
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--folder", default=os.path.join(ROOT, "build", "peers-bench"))
    parser.add_argument("--ocr", default=os.path.join(ROOT, "build", "models"),
                        help="where models/fetch put the PP-OCRv4 networks")
    parser.add_argument("--python", help="a Python that has what requirements.txt pins")
    parser.add_argument("--rows", type=words, default=ROWS, help=",".join(ROWS))
    parser.add_argument("--engines", type=words, default=list(ENGINES))
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batch", type=numbers, default=[1, 8])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--slice", type=float, default=0.2, help="of one engine in one round")
    parser.add_argument("--starts", type=int, default=0, help="of each engine, to take their time")
    parser.add_argument("--json", help="where the results go too")
    parser.add_argument("--plot", help="an SVG of the ratios")
    args = parser.parse_args()
    wrong = [row for row in args.rows if row not in ROWS]
    wrong += [engine for engine in args.engines if engine not in ENGINES]
    if wrong:
        parser.error("unknown: %s; known are %s" % (wrong[0], ", ".join(ROWS + list(ENGINES))))
    return args


def enter_environment(args):
    """Goes on in the Python that has the peers, which is made where it is missing."""
    home = os.path.join(args.folder, "venv")
    wanted = open(os.path.join(HERE, "requirements.txt"), encoding="utf-8").read()
    stamp = os.path.join(home, "requirements.txt")
    python = args.python or os.path.join(home, "bin", "python")
    if os.path.abspath(sys.executable) == os.path.abspath(python):
        return
    if not args.python and (not os.path.exists(stamp) or
                            open(stamp, encoding="utf-8").read() != wanted):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
                        "--quiet", "--no-deps", "--only-binary=:all:", "-r",
                        os.path.join(HERE, "requirements.txt")], check=True)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


def library(module, pattern):
    """The folder of a wheel's libraries, and the one library wanted."""
    import glob
    import importlib.util
    home = os.path.dirname(importlib.util.find_spec(module).origin)
    found = glob.glob(os.path.join(home, pattern))
    if len(found) != 1:
        sys.exit("%s: %d files are %s" % (home, len(found), pattern))
    return os.path.dirname(found[0]), found[0]


def build_drivers(args):
    """A program per engine; returns their paths."""
    drivers = {}
    for engine in args.engines:
        out = os.path.join(args.folder, engine + "-driver")
        command = ["cc", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", out,
                   os.path.join(HERE, "driver.c"), os.path.join(HERE, engine + "_engine.c")]
        if engine == "davit":
            folder = os.path.join(args.build, "host", "api")
            for layer in ("api", "core"):
                command += ["-I", os.path.join(ROOT, "host", layer, "include")]
            command += ["-L" + folder, "-ldavit"]
        elif engine == "onnxruntime":
            folder, file = library("onnxruntime", "capi/libonnxruntime.so.*")
            link = os.path.join(args.folder, "libonnxruntime.so.1")  # as its soname is
            if os.path.lexists(link):
                os.remove(link)
            os.symlink(file, link)
            folder = args.folder
            command += [link]
        else:
            folder, file = library("openvino", "libs/libopenvino_c.so.*")
            command += ["-I", os.path.join(os.path.dirname(folder), "include"), file]
            command += ["-Wl,-rpath-link," + folder]
        subprocess.run(command + ["-Wl,-rpath," + os.path.abspath(folder)], check=True)
        drivers[engine] = out
    return drivers


class Case:
    """A row at one batch size: the model, its inputs and its open dimensions."""

    def __init__(self, args, row, batch):
        import networks
        self.name, kind = row.rsplit("-", 1)
        self.row, self.batch, self.folder = row, batch, args.folder
        self.model = networks.path(args.folder, self.name, kind == "int8")
        self.words = []
        for name, (dtype, dims) in NETWORKS[self.name].items():
            dims = (batch, *dims)
            self.words += ["-i", "%s=%s:%s:%s" % (name, dtype, "x".join(str(d) for d in dims),
                                                  self.input_file(name, dtype, dims))]
        for symbol, value in self.symbols().items():
            self.words += ["-s", "%s=%d" % (symbol, value)]

    def input_file(self, name, dtype, dims):
        import numpy as np
        path = os.path.join(self.folder, "%s-%s-%d.bin" % (self.name, name, self.batch))
        random = np.random.default_rng(1)
        if name == "attention_mask":
            values = np.ones(dims, "i8")
        elif dtype == "i64":
            values = random.integers(0, 30000, dims)
        elif name == "x":
            values = random.uniform(-1, 1, dims).astype("f4")
        else:
            values = random.standard_normal(dims).astype("f4")
        values.tofile(path)
        return path

    def symbols(self):
        """What the symbolic dimensions of the inputs are set to; kept next to the model."""
        path = self.model + ".symbols.json"
        if not os.path.exists(path):
            import onnx
            graph = onnx.load(self.model, load_external_data=False).graph
            dims = {i.name: [d.dim_param for d in i.type.tensor_type.shape.dim]
                    for i in graph.input}
            with open(path, "w", encoding="utf-8") as file:
                json.dump(dims, file)
        with open(path, encoding="utf-8") as file:
            names = json.load(file)
        values = {}
        for name, (_, dims) in NETWORKS[self.name].items():
            values.update({symbol: value for symbol, value in zip(names[name], (self.batch, *dims))
                           if symbol})
        return values


class Engine:
    """A process that has a model loaded and waits for commands."""

    def __init__(self, driver, case, threads):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(allowed)[-threads:])  # the child inherits it
        start = time.monotonic_ns()
        try:
            self.process = subprocess.Popen([driver, case.model, str(threads), *case.words],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, close_fds=False)
            answer = self.process.stdout.readline().split()
        finally:
            os.sched_setaffinity(0, allowed)
        if len(answer) != 2 or answer[0] != "ready":
            sys.exit("%s cannot run %s" % (driver, case.model))
        self.start_s = 1e-9 * (int(answer[1]) - start)

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("%s: ended at '%s'" % (self.process.args[0], text))
        return answer

    def run(self, count):
        """Seconds of each inference."""
        return [1e-9 * int(word) for word in self.ask("run %d" % count).split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def quartiles(values):
    import numpy as np
    return [float(v) for v in np.percentile(values, (25, 50, 75))]


def outputs(engine, folder, name):
    import glob
    import numpy as np
    prefix = os.path.join(folder, name + ".output")
    for path in glob.glob(prefix + ".*"):
        os.remove(path)
    engine.ask("outputs " + prefix)
    return [np.fromfile(path, "f4") for path in sorted(glob.glob(prefix + ".*"))]


def distance(found, expected):
    """The greatest relative L2 distance of the outputs. The random pages have no text, which leaves
    of an OCR network's probabilities rounding alone: of what is below 1e-3 the absolute one."""
    import numpy as np
    if [len(f) for f in found] != [len(e) for e in expected]:
        return float("inf")
    return max(float(np.linalg.norm(f - e) / max(np.linalg.norm(e), 1e-3 * len(e) ** 0.5))
               for f, e in zip(found, expected))


def measure_rounds(engines, args):
    """Per engine, the median of its slice in each round."""
    counts, medians = {}, {name: [] for name in engines}
    for name, engine in engines.items():
        engine.run(2)
        one = min(engine.run(3))
        counts[name] = max(1, min(2000, round(args.slice / one)))
    names = list(engines)
    for number in range(args.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            medians[name].append(quartiles(engines[name].run(counts[name]))[1])
            time.sleep(0.01)  # until its threads no longer spin
    return medians


def measure(case, threads, drivers, args):
    engines = {}
    result = {"row": case.row, "threads": threads, "batch": case.batch, "engines": {}}
    try:
        for name in args.engines:
            engines[name] = Engine(drivers[name], case, threads)
        starts = {name: [engine.start_s] for name, engine in engines.items()}
        medians = measure_rounds(engines, args)
        memory = {name: int(engine.ask("memory")) for name, engine in engines.items()}
        versions = {name: engine.ask("version").strip() for name, engine in engines.items()}
        values = {name: outputs(engine, args.folder, name) for name, engine in engines.items()}
    finally:
        for engine in engines.values():
            engine.close()
    for _ in range(args.starts):
        for name in args.engines:
            engine = Engine(drivers[name], case, threads)
            starts[name].append(engine.start_s)
            engine.close()
    for name, engine in engines.items():
        entry = {"version": versions[name], "median_s": quartiles(medians[name])[1],
                 "min_s": min(medians[name]), "peak_memory_bytes": memory[name],
                 "start_s": quartiles(starts[name][-args.starts:])[1]}
        if name != "davit" and "davit" in engines:
            entry["ratio"] = quartiles([other / own for other, own in
                                        zip(medians[name], medians["davit"])])
        if name != "onnxruntime" and "onnxruntime" in engines:
            entry["distance"] = distance(values[name], values["onnxruntime"])
        result["engines"][name] = entry
    return result


def show_head(args):
    print("%-17s %2s %2s  %s" % ("", "t", "b", "  ".join(
        "%-34s" % name if name != "davit" else "%-21s" % name for name in args.engines)))
    print("%-17s %2s %2s  %s" % ("row", "", "", "  ".join(
        "%8s %6s %5s" % ("ms", "MiB", "start") +
        (" %-19s" % " ratio (quartiles)" if name != "davit" else "") for name in args.engines)))


def show(result):
    cells = []
    for name, e in result["engines"].items():
        cell = "%8.2f %6.0f %5.2f" % (1e3 * e["median_s"], e["peak_memory_bytes"] / 2**20,
                                      e["start_s"])
        if "ratio" in e:
            cell += " %5.2f (%.2f %.2f) " % (e["ratio"][1], e["ratio"][0], e["ratio"][2])
        if e.get("distance", 0) > 0.05:
            cell += " outputs differ: %.2g" % e["distance"]
        cells.append(cell)
    print("%-17s %2d %2d  %s" % (result["row"], result["threads"], result["batch"],
                                 "  ".join(cells)), flush=True)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return "%s, %d cores" % (names[0] if names else platform.machine(), len(names))


def main():
    args = parse()
    args.folder = os.path.abspath(args.folder)
    args.build = os.path.abspath(args.build)
    os.makedirs(args.folder, exist_ok=True)
    enter_environment(args)
    sys.path.insert(0, os.path.dirname(HERE))
    import networks
    import plot
    networks.make(args.folder, [n for n in NETWORKS if any(r.rsplit("-", 1)[0] == n
                                                           for r in args.rows)],
                  os.path.join(args.build, "host", "cli", "davit"),
                  os.path.join(args.build, "models", "davit-models"), args.ocr,
                  [row[:-5] for row in args.rows if row.endswith("-int8")])
    drivers = build_drivers(args)
    report = {"schema_version": 1, "date": time.strftime("%Y-%m-%d"), "processor": processor(),
              "load": os.getloadavg()[0], "rounds": args.rounds, "results": []}
    print("%s, %s, load %.1f" % (report["date"], report["processor"], report["load"]))
    show_head(args)
    for row in args.rows:
        for batch in args.batch:
            case = Case(args, row, batch)
            for threads in args.threads:
                report["results"].append(measure(case, threads, drivers, args))
                show(report["results"][-1])
    for name, engine in report["results"][-1]["engines"].items():
        print("%s: %s" % (name, engine["version"]))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    if args.plot:
        with open(args.plot, "w", encoding="utf-8") as file:
            file.write(plot.ratios(report))


if __name__ == "__main__":
    main()
