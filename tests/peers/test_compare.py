#!/usr/bin/env python3
"""compare.py must notice what it is there to notice.

    test_compare.py DAVIT_MODELS [unittest options]

In davit's place runs a script that answers with onnxruntime's own outputs, changed as asked.
"""

import os
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DAVIT_MODELS = ""

FAKE = '''#!%s
import os, re, sys
import numpy as np, onnxruntime
arguments = sys.argv[1:]
assert arguments[0] == "run"
pairs = list(zip(arguments[2::2], arguments[3::2]))
inputs = {p[1].split("=")[0]: np.load(p[1].split("=")[1]) for p in pairs if p[0] == "--input"}
for p in pairs:
    if p[0] == "--shape":
        name, shape = p[1].split("=")
        assert shape == "x".join(map(str, inputs[name].shape))
folder = dict(pairs)["--output"]
os.makedirs(folder, exist_ok=True)
session = onnxruntime.InferenceSession(arguments[1], providers=["CPUExecutionProvider"])
names = [o.name for o in session.get_outputs()]
for name, y in zip(names, session.run(names, inputs)):
    %s
    np.save(os.path.join(folder, re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".npy"), y)
'''


class CompareTest(unittest.TestCase):
    def compare(self, change, case="bert-tiny-16"):
        with tempfile.TemporaryDirectory() as folder:
            fake = os.path.join(folder, "davit")
            with open(fake, "w", encoding="utf-8") as file:
                file.write(FAKE % (sys.executable, change))
            os.chmod(fake, os.stat(fake).st_mode | stat.S_IXUSR)
            done = subprocess.run(
                [sys.executable, os.path.join(HERE, "compare.py"), "--davit", fake, "--davit-models",
                 DAVIT_MODELS, "--work", os.path.join(folder, "work"), case],
                capture_output=True, text=True, check=False)
            self.assertEqual(done.stderr, "")
            return done.returncode, done.stdout

    def test_equal(self):
        status, text = self.compare("pass")
        self.assertEqual(status, 0, text)
        self.assertIn("1 of 1 cases agree", text)

    def test_rounding_is_forgiven(self):
        self.assertEqual(self.compare("y *= np.float32(1 + 5e-5)")[0], 0)

    def test_differences_are_not(self):
        for change, word in (("y *= np.float32(1 + 2e-4)", "DIFFERS"),
                             ("y[0, 0] = np.nan", "DIFFERS"),
                             ("y.flat[np.abs(y).argmin()] = 100", "DIFFERS"),
                             ("y = y[:, :-1]", "instead of"),
                             ("y = y.astype(np.float64)", "instead of"),
                             ("continue", "is missing"),
                             ("sys.exit('node 7: no such operator')", "node 7: no such operator")):
            with self.subTest(change=change):
                status, text = self.compare(change)
                self.assertEqual(status, 1, text)
                self.assertIn(word, text)

    def test_argmax_alone_fails(self):
        """A swap of a row's two largest, where they are too close for the norm to see."""
        swap = ("y2 = y.reshape(-1, y.shape[-1]); o = np.argsort(y2, 1); gap = y2[range(len(o)), o[:, -1]]"
                " - y2[range(len(o)), o[:, -2]]; r = gap.argmin();"
                " y2[r, o[r, -1]], y2[r, o[r, -2]] = y2[r, o[r, -2]], y2[r, o[r, -1]]")
        status, text = self.compare(swap)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"argmax 31/32")


if __name__ == "__main__":
    DAVIT_MODELS = os.path.abspath(sys.argv.pop(1))
    unittest.main()
