#!/usr/bin/env python3
"""Runs the engine's tests on mutated copies of the kernels: every mutation must be caught.

    hls/mutate/run.py [--rtl] [--only NAME]... [--count SHAPES]

Each mutation of mutations.txt is patched into a copy of hls/, the kernels are compiled with g++ and
linked with the tests; caught means that the golden vectors or random shapes fail, or that nothing
comes back in five minutes. The unmutated kernels must pass. Exit 0 when all are caught.

--rtl runs the mutations of the RTL instead, in Verilator, with the small array."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = {"gemm": "gemm_s8/gemm_s8.cpp", "small": "tests/hls/gemm_s8_small.cpp",
           "vector": "vector_s8/vector_s8.cpp"}
C_FLAGS = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O1", "-ffp-contract=off"]
CXX_FLAGS = ["-std=c++14", "-O1", "-w", "-ffp-contract=off", "-DDAVIT_CSIM"]


VERILATE = ["verilator", "--cc", "--build", "-j", "2", "-O3", "--noassert", "--output-split", "20000",
            "-Wno-fatal", "-Wno-WIDTH", "-Wno-SYMRSVDWORD", "--top-module", "gemm_s8",
            "-MAKEFLAGS", "OPT_FAST=-O0", "-MAKEFLAGS", "OPT_SLOW=-O0", "-CFLAGS", "-fPIE",
            "-GROWS=3", "-GCOLUMNS=16", "-GMAP_WORDS=64", "-GTILE_STEPS=64", "-GPANEL_STEPS=64",
            "-GPANEL_TILES=8", "-GTABLE_TILES=16", "-GPORT_WORDS=128"]


def read_mutations(rtl):
    for line in (ROOT / "hls/mutate/mutations.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, file, text, mutated = line.split(" | ")
            if file.startswith("rtl/") == rtl:
                yield name, file, text.replace("\\n", "\n"), mutated.replace("\\n", "\n")


def compile_c(folder, tests):
    """Objects of the tests and of what they call: made once."""
    sources = [*ROOT.glob("hls/abi/*.c"), *ROOT.glob("host/core/*.c"),
               *(ROOT / "tests" / test for test in tests)]
    includes = [f"-I{ROOT / i}" for i in ("tests/hls", "tests/support", "hls/csim", "hls/rtl/sim",
                                         "hls/abi/include", "hls/abi", "host/core/include",
                                         "host/core")]
    define = f'-DDAVIT_GOLDEN_DIR="{ROOT}/tests/golden"'
    objects = []
    for source in sources:
        objects.append(folder / f"{source.parent.name}_{source.stem}.o")
        subprocess.run(["gcc", *C_FLAGS, define, *includes, "-c", str(source), "-o", objects[-1]],
                       check=True)
    return objects


def compile_cxx(source, out, flags):
    subprocess.run(["g++", *flags, "-c", str(source), "-o", out], check=True)
    return out


def link(objects, libraries, program):
    subprocess.run(["g++", *objects, "-o", program, *libraries], check=True)
    return program


class Simulated:
    """The kernels in C simulation, with the golden vectors and random shapes of both."""

    def __init__(self, folder, count):
        self.count = ["--count", str(count)]
        self.c = compile_c(folder, ["hls/check.c", "hls/test_golden_gemm.c",
                                    "hls/test_golden_vector.c", "hls/engine_gemm.c",
                                    "hls/engine_memory.c", "hls/engine_vector.c"])
        self.sound = folder
        self.csim = [compile_cxx(ROOT / f"hls/csim/{name}.cpp", folder / f"{name}.o",
                                 [*CXX_FLAGS, f"-I{ROOT}/hls/csim"])
                     for name in ("csim", "engine_csim")]

    def build(self, hls, file, folder):
        """The test commands of a copy of hls/ that differs in one file, or in none."""
        names = self.affected(file)
        self.compile(hls, names, folder)
        kernels = [(folder if k in names else self.sound) / f"{k}.o" for k in KERNELS]
        mains = ["hls_test_golden_gemm", "hls_test_golden_vector", "hls_check"]
        shared = [o for o in self.c if o.stem not in mains] + kernels + self.csim
        *golden, check = [link([self.sound / f"{main}.o", *shared], ["-lcmocka", "-lm"],
                               folder / f"program_{main}") for main in mains]
        return [*([g] for g in golden), [check, *self.count],
                [check, "--kernel", "vector", *self.count]]

    @staticmethod
    def affected(file):
        return {"gemm_s8": ["gemm", "small"], "vector_s8": ["vector"]}.get(file.split("/")[0],
                                                                          list(KERNELS))

    @staticmethod
    def compile(hls, names, folder):
        includes = [f"-I{hls / i}" for i in ("csim", "kernel", "gemm_s8", "vector_s8",
                                            "abi/include")]
        jobs = []
        for name in names:
            source = ROOT / KERNELS[name] if name == "small" else hls / KERNELS[name]
            command = ["g++", *CXX_FLAGS, *includes, "-c", str(source), "-o", folder / f"{name}.o"]
            jobs.append(subprocess.Popen(command, stderr=subprocess.PIPE))
        for job in jobs:
            text = job.communicate()[1].decode()
            if job.returncode != 0:
                sys.exit(f"a mutation does not compile:\n{text[:2000]}")


class Verilated:
    """The RTL with the small array. The simulation has a place for the full one too: the small one
    stands in it, and is not called."""

    def __init__(self, folder, count):
        self.count = ["--count", str(count)]
        root = subprocess.run(["verilator", "--getenv", "VERILATOR_ROOT"], check=True,
                              capture_output=True, text=True).stdout.strip()
        self.verilate(ROOT / "hls", "full", folder)
        self.verilate(ROOT / "hls", "small", folder)
        flags = ["-std=c++17", "-O1", "-w", *(f"-I{i}" for i in (
            f"{root}/include", f"{root}/include/vltstd", folder / "full", folder / "small",
            ROOT / "hls/rtl/sim", ROOT / "hls/abi/include"))]
        sources = [f"{root}/include/verilated.cpp", f"{root}/include/verilated_threads.cpp",
                   ROOT / "hls/rtl/sim/memory.cpp", ROOT / "hls/rtl/sim/rtl_engine.cpp"]
        self.sound = folder
        self.mains = ["rtl_check", "hls_test_golden_gemm"]
        self.c = compile_c(folder, ["rtl/check.c", "hls/test_golden_gemm.c", "hls/engine_gemm.c",
                                    "hls/engine_memory.c"])
        self.objects = [o for o in self.c if o.stem not in self.mains]
        self.objects += [compile_cxx(s, folder / f"{pathlib.Path(s).stem}.o", flags)
                         for s in sources]
        self.full = folder / "full/Vgemm_full__ALL.a"

    def build(self, hls, _, folder):
        if hls != ROOT / "hls":
            self.verilate(hls, "small", folder)
        check, golden = [link([self.sound / f"{main}.o", *self.objects,
                               folder / "small/Vgemm_small__ALL.a", self.full],
                              ["-lcmocka", "-lpthread", "-lm"], folder / f"program_{main}")
                         for main in self.mains]
        return [[golden, "small"], [check, "--array", "small", *self.count]]

    @staticmethod
    def verilate(hls, name, folder):
        sources = sorted(s.name for s in (hls / "rtl").glob("*.v"))
        (folder / name).mkdir()
        result = subprocess.run([*VERILATE, "--prefix", f"Vgemm_{name}", "--Mdir", folder / name,
                                 *sources], cwd=hls / "rtl", capture_output=True, text=True,
                                env={"OBJCACHE": shutil.which("ccache") or "", **os.environ})
        if result.returncode != 0:
            sys.exit(f"a mutation does not compile:\n{result.stderr[:2000]}")


def passes(commands):
    for command in commands:
        try:
            result = subprocess.run(command, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired:
            return False
        if result.returncode != 0:
            return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rtl", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args()
    mutations = list(read_mutations(options.rtl))
    unknown = set(options.only) - {m[0] for m in mutations}
    if unknown:
        sys.exit(f"no such mutation: {', '.join(sorted(unknown))}")
    if options.only:
        mutations = [m for m in mutations if m[0] in options.only]
    survived = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        engine = (Verilated if options.rtl else Simulated)(folder, options.count)
        if not passes(engine.build(ROOT / "hls", "", folder)):
            sys.exit("the unmutated kernels fail")
        for mutation, file, text, mutated in mutations:
            work = folder / mutation
            shutil.copytree(ROOT / "hls", work / "hls")
            path = work / "hls" / file
            source = path.read_text()
            if text not in source:
                sys.exit(f"{mutation}: not in {file}: {text}")
            path.write_text(source.replace(text, mutated))
            caught = not passes(engine.build(work / "hls", file, work))
            print(f"{'caught' if caught else 'SURVIVED'}: {mutation}", flush=True)
            if not caught:
                survived.append(mutation)
            shutil.rmtree(work)
    print(f"{len(mutations) - len(survived)} of {len(mutations)} mutations caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
