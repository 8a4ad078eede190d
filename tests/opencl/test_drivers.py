"""What davit says of OpenCL drivers that are missing, broken or fail: one clear line each, exit 1, or
another device where one was given.

usage: test_drivers.py DAVIT DAVIT_MODELS FAKE (run by any Python 3)

FAKE is the library made of fake_opencl.c.
"""
import os
import subprocess
import sys
import tempfile
import unittest

DAVIT = MODELS = FAKE = None


class Drivers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = os.path.join(cls.folder.name, "net.onnx")
        subprocess.run([MODELS, "mobilenetv2", "-o", cls.model, "--size", "64", "--batch", "1"], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def davit(self, *words, fault=None, **environment):
        """Runs davit with the fake driver and that fault, or with the system's loader."""
        env = dict(os.environ, XDG_CACHE_HOME=self.folder.name, OMP_WAIT_POLICY="passive")
        env.update(environment)
        if fault is not None:
            env.update(DAVIT_OPENCL_LIBRARY=FAKE, FAKE_OPENCL=fault)
        return subprocess.run([DAVIT, *words], capture_output=True, text=True, timeout=120, env=env)

    def refuse(self, text, fault=None, devices="opencl:0", more=(), **environment):
        """`davit run` fails with one line that has the text."""
        done = self.davit("run", self.model, "-d", devices, *more, fault=fault, **environment)
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(text, lines[0])

    def listed(self, text, fault=None, **environment):
        done = self.davit("devices", fault=fault, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(text, done.stdout)

    def test_no_driver(self):
        with tempfile.TemporaryDirectory() as empty:
            self.listed("no OpenCL driver is installed", OCL_ICD_VENDORS=empty)
            self.refuse("no OpenCL driver is installed", OCL_ICD_VENDORS=empty)

    def test_a_driver_that_does_not_load(self):
        with tempfile.TemporaryDirectory() as vendors:
            with open(os.path.join(vendors, "bad.icd"), "w") as file:
                file.write("/nowhere/libbad.so\n")
            self.refuse("'/nowhere/libbad.so' of bad.icd does not load", OCL_ICD_VENDORS=vendors)

    def test_no_loader(self):
        self.refuse("is not there: install an OpenCL ICD loader", DAVIT_OPENCL_LIBRARY="/nowhere/libOpenCL.so.1")

    def test_no_platform(self):
        self.refuse("no OpenCL driver", fault="no_platform", OCL_ICD_VENDORS="/nonexistent")

    def test_an_old_driver(self):
        self.refuse("OpenCL 1.2 is needed", fault="old")

    def test_a_driver_that_works(self):
        done = self.davit("run", self.model, "-d", "opencl:0", fault="")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_compiled_kernels_are_kept(self):
        with tempfile.TemporaryDirectory() as cache:
            words = ("run", self.model, "-d", "opencl:0", "-vv")
            first = self.davit(*words, fault="", XDG_CACHE_HOME=cache).stderr
            second = self.davit(*words, fault="", XDG_CACHE_HOME=cache).stderr
            self.assertIn("compiled in", first)
            self.assertNotIn("compiled in", second)
            self.assertIn("from the cache", second)
            for entry in os.scandir(os.path.join(cache, "davit", "opencl")):
                os.chmod(entry.path, 0o666)  # now anybody may have written it
            self.assertIn("compiled in", self.davit(*words, fault="", XDG_CACHE_HOME=cache).stderr)

    def test_a_compiler_that_refuses(self):
        self.refuse("its compiler refuses the kernels", fault="build")

    def test_too_little_memory(self):
        self.refuse("no memory for", fault="memory")

    def test_a_kernel_that_never_ends(self):
        self.refuse("the run did not end within 1000 ms", fault="hang", more=("--timeout", "1"))

    def test_a_device_that_is_lost(self):
        self.refuse("opencl:0", fault="lost")


if __name__ == "__main__":
    DAVIT, MODELS, FAKE = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
