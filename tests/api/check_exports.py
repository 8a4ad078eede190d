#!/usr/bin/env python3
"""Checks that a library exports exactly the functions that public headers mark DAVIT_API.

    check_exports.py NM LIBRARY HEADER...
"""
import re
import subprocess
import sys

# The linker's own, which it exports when a library that is linked (oneDNN 3.2) refers to them.
OF_THE_LINKER = {"__bss_start", "_edata", "_end"}


def declared(headers):
    names = set()
    for path in headers:
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
        text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
        for declaration in re.findall(r"\bDAVIT_API\b[^;{]*", text):
            names.add(re.search(r"\b(davit_\w+)\s*\(", declaration).group(1))
    return names


def exported(nm, library):
    lines = subprocess.run([nm, "-D", "--defined-only", library], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines} - OF_THE_LINKER


def main():
    nm, library, *headers = sys.argv[1:]
    want, have = declared(headers), exported(nm, library)
    for name in sorted(have - want):
        print(f"{library} exports {name}, which no public header declares DAVIT_API")
    for name in sorted(want - have):
        print(f"{library} lacks {name}, which a public header declares")
    print(f"{len(want)} functions declared, {len(have)} exported")
    return 1 if want != have or not want else 0


if __name__ == "__main__":
    sys.exit(main())
