#!/usr/bin/env python3
"""Checks a plan that davit writes against the published schema.

    validate_plan.py DAVIT SCHEMA MODEL.onnx FOLDER
"""
import copy
import json
import os
import subprocess
import sys

import jsonschema


def main():
    davit, schema_path, model, folder = sys.argv[1:]
    path = os.path.join(folder, "validated-plan.json")
    subprocess.run([davit, "plan", model, "--devices", "reference", "--explain", "-o", path], check=True,
                   stdout=subprocess.DEVNULL)
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)

    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(plan)
    assert plan["units"], "the plan has no units: nothing was checked"

    def refused(change):
        bad = copy.deepcopy(plan)
        change(bad)
        return not validator.is_valid(bad)

    assert refused(lambda p: p.update(schema_version=1))
    assert refused(lambda p: p.update(model_sha256="abc"))
    assert refused(lambda p: p.update(devices=[]))
    assert refused(lambda p: p["units"][0].pop("device"))
    assert refused(lambda p: p["units"][0].update(colour="red"))
    assert refused(lambda p: p["prediction"].pop("bound"))
    assert refused(lambda p: p["explanation"]["units"][0]["devices"][0].update(moved="far"))
    assert refused(lambda p: p["inputs"][0].update(shape=[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
