#!/usr/bin/env python3
"""Checks device profiles against their schema, and the schema against davit.

    check_profiles.py DAVIT SCHEMA SHIPPED_FOLDER SCRATCH_FOLDER

Shipped profiles: each is valid, each number has a source, and what a source computes ("; derived:
EXPRESSION") is computed again. The schema: for several hundred damaged profiles it says what davit
says of them.
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys

import jsonschema

def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def number_paths(value, path=()):
    """Where a profile has its numbers."""
    for key, item in value.items():
        if isinstance(item, dict) and "value" not in item:
            yield from number_paths(item, path + (key,))
        elif key not in ("schema_version", "name", "kind"):
            yield path + (key,)


def at(profile, path):
    for key in path:
        profile = profile[key]
    return profile


def put(profile, path, value):
    at(profile, path[:-1])[path[-1]] = value


def check_sources(name, profile):
    derived = 0
    for path in number_paths(profile):
        item = at(profile, path)
        where = f"{name}: {'.'.join(path)}"
        assert isinstance(item, dict), f"{where} has no source"
        assert len(item["source"]) > 10, f"{where} has no source"
        match = re.search(r"; derived: (.*)$", item["source"])
        if match is None:
            continue
        assert re.fullmatch(r"(?:round|[-+*/(). 0-9e])*", match[1]), f"{where}: {match[1]}"
        value = eval(match[1], {"__builtins__": {}, "round": round})
        assert abs(value - item["value"]) <= 1e-3 * abs(value), f"{where} is {value}"
        derived += 1
    return derived


def damaged(profile):
    """The profile with one thing changed each, some of them harmless."""
    paths = list(number_paths(profile))
    for path in paths + [("name",), ("kind",), ("schema_version",)]:
        for value in (None, "1", True, [], -1, -0.5, 0, 1, 3, 64, 0.5, 1e4, 1e6, 1e19, 1e300,
                      {"value": 1}, {"source": "x"}, {"value": "1", "source": "x"},
                      {"value": at(profile, path), "source": 1},
                      {"value": 8, "source": "x"}, {"value": 8, "source": "x", "more": 1}):
            bad = copy.deepcopy(profile)
            put(bad, path, value)
            yield bad
        bad = copy.deepcopy(profile)
        del at(bad, path[:-1])[path[-1]]
        yield bad
    for group in {path[0] for path in paths if len(path) > 1}:
        for change in (lambda p, g: p.pop(g), lambda p, g: p.update({g: []}),
                       lambda p, g: p[g].update(more=1)):
            bad = copy.deepcopy(profile)
            change(bad, group)
            yield bad
    for kind in ("cpu", "gpu", "fpga", "tpu"):
        yield {**profile, "kind": kind}
    for name in ("", "x" * 63, "x" * 64):
        yield {**profile, "name": name}
    yield {**profile, "more": 1}
    yield {**profile, "fpga": {"clock_hz": 1e8}}


def plain(profile):
    """Without sources."""
    result = copy.deepcopy(profile)
    for path in number_paths(profile):
        put(result, path, at(profile, path)["value"])
    return result


def verdicts(davit, folder):
    """What davit says of each profile of a folder: its problem, or ""."""
    output = subprocess.run([davit, "devices", "--json", "--profiles", folder], check=True,
                            stdout=subprocess.PIPE).stdout
    return {p["name"].split(":")[1]: p["problem"] for p in json.loads(output)["profiles"]}


def main():
    davit, schema_path, shipped, scratch = sys.argv[1:]
    schema = read(schema_path)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    names = sorted(os.listdir(shipped))
    profiles = {name: read(os.path.join(shipped, name)) for name in names}
    derived = 0
    for name, profile in profiles.items():
        validator.validate(profile)
        derived += check_sources(name, profile)
    assert derived > 50, "few sources compute anything: the check of their numbers is broken"

    folder = os.path.join(scratch, "damaged-profiles")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    expected = {}
    for name in ("a100.json", "u250.json", "xeon-8380.json"):
        for bad in damaged(plain(profiles[name])):
            key = f"d{len(expected):05}"
            with open(os.path.join(folder, key + ".json"), "w", encoding="utf-8") as file:
                json.dump(bad, file)
            expected[key] = validator.is_valid(bad)
    said = verdicts(davit, folder)
    for name in names:
        assert said[name[:-5]] == "", f"{name}: {said[name[:-5]]}"
    for key, valid in expected.items():
        assert (said[key] == "") == valid, f"{folder}/{key}.json: schema {valid}, davit {said[key]}"
        assert "\n" not in said[key]
    good = sum(expected.values())
    print(f"{len(names)} shipped, {derived} derived numbers, {len(expected)} damaged, {good} valid")
    assert 100 < good < len(expected) / 2
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
