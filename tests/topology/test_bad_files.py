"""Files that are no recorded machine: exit 1 and one line on stderr that names the file.

usage: test_bad_files.py DAVIT
"""
import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
DAVIT = None


class BadFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(FOLDER, "two_nodes.xml"), "rb") as file:
            self.good = file.read()

    def refuse(self, path, *words, extras=((),)):
        for extra in extras:
            done = subprocess.run([DAVIT, "devices", "--topology", path, *extra], text=True,
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertEqual(done.stdout, "")
            for word in (os.path.basename(path) or path, *words):
                self.assertIn(word, done.stderr)

    def refuse_bytes(self, data, *words, **options):
        path = os.path.join(self.folder.name, "machine.xml")
        with open(path, "wb") as file:
            file.write(data)
        self.refuse(path, *words, **options)

    def test_no_file(self):
        self.refuse(os.path.join(self.folder.name, "none.xml"), "No such file")
        self.refuse(self.folder.name, "directory")
        self.refuse("/dev/zero", "larger")

    def test_no_topology(self):
        for data in (b"", b"hello\n", b"<?xml version=\"1.0\"?>\n<html></html>\n", b"\0" * 1000,
                     b"{\"topology\": 1}", self.good.replace(b"<info", b"\0<info", 1)):
            self.refuse_bytes(data, "hwloc XML")

    def test_cut_off(self):
        for share in (0.1, 0.5, 0.9):
            self.refuse_bytes(self.good[:int(len(self.good) * share)], "cut off",
                              extras=((), ("--json",), ("-v",)))

    def test_newer_format(self):
        self.refuse_bytes(self.good.replace(b'topology version="2.0"', b'topology version="9.0"'),
                          "format 9", "lstopo")

    def test_nesting(self):
        deep = b'<object type="Group" gp_index="1">' * 200000 + b"</object>" * 200000
        self.refuse_bytes(b'<topology version="2.0">' + deep + b"</topology>", "nested")

    def test_contradictions(self):
        """What hwloc would crash on, or tell at length on stderr."""
        self.refuse_bytes(self.good.replace(b'type="PU"', b'type="PX"'), "damaged")
        self.refuse_bytes(self.good.replace(b'nodeset="0x00000002"', b'nodeset="0x0"'), "damaged")
        swapped = self.good.replace(b'cpuset="0x00000003" ', b'cpuset="0x0000c000" ')
        self.assertNotEqual(swapped, self.good)
        self.refuse_bytes(swapped, "damaged")

    def test_environment(self):
        """HWLOC_XMLFILE is the user's way to fake a machine, and told as one."""
        environment = dict(os.environ, HWLOC_XMLFILE=os.path.join(FOLDER, "desktop.xml"))
        done = subprocess.run([DAVIT, "devices"], text=True, capture_output=True, timeout=60,
                              check=False, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0000:03:00.0", done.stdout)


if __name__ == "__main__":
    DAVIT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
