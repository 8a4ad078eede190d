#!/usr/bin/env python3
"""Solves a folder of abstract placement problems with `davit plan --problem` and prints a table.

usage: placement_bench.py DAVIT DIR OBJECTIVE [--evaluate EVALUATE.py] [--best BEST.json] [--limit S]
                          [--effort PERCENT]

Each *.json of DIR is solved on one core. With --evaluate each placement is checked by that program
(PROBLEM PLACEMENT OBJECTIVE, prints the objective). BEST.json maps objectives to file names without
.json to the best known values; best_known.json has those of four published problems. Exits 1 when something fails, takes more than --limit seconds of user time
(30), or is more than 1 % above the best known value.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile


def solve(options, problem, placement):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    effort = ['--effort', options.effort] if options.effort else []
    done = subprocess.run([options.davit, 'plan', '--problem', problem, '--objective',
                           options.objective, '-o', placement, *effort], capture_output=True,
                          text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    for name in ('davit', 'dir', 'objective'):
        parser.add_argument(name)
    parser.add_argument('--evaluate')
    parser.add_argument('--best')
    parser.add_argument('--effort')
    parser.add_argument('--limit', type=float, default=30.0)
    options = parser.parse_args()
    best = json.load(open(options.best))[options.objective] if options.best else {}
    failed = False
    print(f'{"problem":24} {"value":>12} {"best known":>11} {"bound":>12} {"gap":>7} {"seconds":>8}')
    for problem in sorted(pathlib.Path(options.dir).glob('*.json')):
        with tempfile.NamedTemporaryFile(suffix='.json') as file:
            try:
                seconds = solve(options, problem, file.name)
                placement = json.load(open(file.name))
                value = placement['objective']
                if options.evaluate:
                    checked = subprocess.run([sys.executable, options.evaluate, problem, file.name,
                                              options.objective], capture_output=True, text=True)
                    if checked.returncode != 0 or abs(float(checked.stdout) - value) > 1e-5:
                        raise RuntimeError(f'says {value}, and is {checked.stdout.strip()}')
            except RuntimeError as error:
                print(f'{problem.stem:24} FAILED: {error}')
                failed = True
                continue
        known = best.get(problem.stem)
        bad = seconds > options.limit or (known is not None and value > known * 1.01)
        failed = failed or bad
        gap = 1 - placement['bound'] / value if value > 0 else 0
        print(f'{problem.stem:24} {value:12.6f} {known or "-":>11} {placement["bound"]:12.6f} '
              f'{gap:7.2%} {seconds:8.2f}{"  TOO HIGH OR SLOW" if bad else ""}')
    sys.exit(1 if failed else 0)


main()
