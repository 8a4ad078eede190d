#!/usr/bin/env python3
"""models/fetch against a pip of our own: what it installs, what it says and how it exits.

No network. The fake pip is a script that copies a wheel made here, or fails as the real one does
when its registry cannot be reached. Standard library only, as models/fetch itself.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FETCH = os.path.join(ROOT, "models", "fetch")
WHEEL = "boats-1.0-py3-none-any.whl"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.wheel = self.path(WHEEL)
        with zipfile.ZipFile(self.wheel, "w") as wheel:
            wheel.writestr("boats/a.onnx", b"a model")
            wheel.writestr("boats-1.0.data/data/include/boats.h", b"#define BOATS 1\n")
            wheel.writestr("boats-1.0.data/data/lib/libboats.so.1", b"not ELF")
        with open(self.wheel, "rb") as file:
            digest = sha256(file.read())
        self.manifest = {
            "schema_version": 1,
            "packages": [{"package": "boats", "registry": "pypi", "version": "1.0",
                          "wheel": WHEEL, "sha256": digest, "licence": "Apache-2.0"}],
            "files": [{"name": "a", "what": "a", "kind": "model", "file": "a.onnx",
                       "package": "boats", "member": "boats/a.onnx",
                       "sha256": sha256(b"a model"), "licence": "Apache-2.0"}],
            "trees": [{"name": "boats-1", "what": "b", "licence": "Apache-2.0",
                       "parts": [{"package": "boats", "from": "boats-1.0.data/data/", "skip": []}],
                       "links": {"lib/libboats.so": "libboats.so.1"}}],
        }
        self.into = self.path("into")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def fake_pip(self, body):
        """A pip that notes each call in `calls` and then runs body, with $dest where to put it."""
        path = self.path("pip")
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho call >>"%s"\nwhile [ "$1" != --dest ]; do shift; done\n'
                       'dest=$2\n%s\n' % (self.path("calls"), body))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def calls(self):
        try:
            with open(self.path("calls"), encoding="utf-8") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def fetch(self, *names, pip=None):
        pip = pip or self.fake_pip('cp "%s" "$dest"/' % self.wheel)
        with open(self.path("manifest.json"), "w", encoding="utf-8") as file:
            json.dump(self.manifest, file)
        return subprocess.run(
            [sys.executable, FETCH, "--manifest", self.path("manifest.json"), "--into", self.into,
             "--pip", pip, *names], capture_output=True, text=True, check=False)

    def assert_fails(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        left = os.listdir(self.into) if os.path.isdir(self.into) else []
        self.assertEqual([name for name in left if name.startswith(".fetch-")], [])

    def test_fetches_once_and_again_when_the_file_changed(self):
        self.assertEqual(self.fetch().returncode, 0)
        target = os.path.join(self.into, "a.onnx")
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"a model")
        self.assertEqual(os.listdir(self.into), ["a.onnx"])
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.calls(), 1)
        with open(target, "wb") as file:
            file.write(b"a modem")
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.calls(), 2)
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"a model")

    def test_fetches_a_tree_with_links(self):
        self.assertEqual(self.fetch("boats-1").returncode, 0)
        tree = os.path.join(self.into, "boats-1")
        self.assertEqual(os.readlink(os.path.join(tree, "lib/libboats.so")), "libboats.so.1")
        self.assertTrue(os.path.exists(os.path.join(tree, "include/boats.h")))
        self.assertEqual(self.fetch("boats-1").returncode, 0)
        self.assertEqual(self.calls(), 1)
        with open(os.path.join(tree, "include/boats.h"), "w", encoding="utf-8") as file:
            file.write("changed")
        self.assertEqual(self.fetch("boats-1").returncode, 0)
        self.assertEqual(self.calls(), 2)
        with open(os.path.join(tree, "include/boats.h"), "rb") as file:
            self.assertEqual(file.read(), b"#define BOATS 1\n")

    def test_unreachable_registry(self):
        pip = self.fake_pip('echo "WARNING: Retrying"\n'
                            'echo "ERROR: No matching distribution found for boats==1.0"\nexit 1')
        self.assert_fails(self.fetch(pip=pip), 3, "cannot reach the pypi registry", "boats==1.0")
        self.assertFalse(os.path.exists(os.path.join(self.into, "a.onnx")))

    def test_says_why_the_connection_broke(self):
        pip = self.fake_pip('echo "WARNING: Retrying (Retry(total=1)) after connection broken by'
                            ' \'NewConnectionError(Connection refused)\': /simple/boats/"\n'
                            'echo "ERROR: No matching distribution found for boats==1.0"\nexit 1')
        self.assert_fails(self.fetch(pip=pip), 3, "cannot reach the pypi registry", "Connection refused")

    def test_wrong_wheel_hash(self):
        self.manifest["packages"][0]["sha256"] = "0" * 64
        self.assert_fails(self.fetch(), 4, WHEEL, "0" * 64)

    def test_wrong_file_hash_leaves_the_old_file(self):
        os.mkdir(self.into)
        with open(os.path.join(self.into, "a.onnx"), "wb") as file:
            file.write(b"old")
        self.manifest["files"][0]["sha256"] = "1" * 64
        self.assert_fails(self.fetch(), 4, "boats/a.onnx", "1" * 64)
        with open(os.path.join(self.into, "a.onnx"), "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_other_wheel_than_named(self):
        self.assert_fails(self.fetch(pip=self.fake_pip('cp "%s" "$dest"/x.whl' % self.wheel)), 4, "x.whl")

    def test_member_missing(self):
        self.manifest["files"][0]["member"] = "boats/b.onnx"
        self.assert_fails(self.fetch(), 4, "boats/b.onnx")

    def test_no_pip(self):
        self.assert_fails(self.fetch(pip=self.path("no-such-pip")), 1, "apt-get install python3-pip")

    def test_pip_module_missing(self):
        pip = self.fake_pip('echo "/usr/bin/python3: No module named pip"; exit 1')
        self.assert_fails(self.fetch(pip=pip), 1, "apt-get install python3-pip")

    def test_unknown_name_is_usage(self):
        self.assertEqual(self.fetch("zeppelin").returncode, 2)


if __name__ == "__main__":
    unittest.main()
