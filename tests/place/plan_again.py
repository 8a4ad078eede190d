#!/usr/bin/env python3
"""Plans that must agree: made again, made beside each other, and with a pin instead of "if it moved".

usage: plan_again.py DAVIT MODEL... [--devices LIST] [--moves N] [-s SHAPE]...

For each model and objective: the explained plan is made twice at the same time, with one thread and
with two to run on, and must be the same to the byte; for N units, spread over the model, planning
again with a pin on each other device must give exactly the value that the explanation says. Prints a
line for each, exit 1 when something differs.
"""
import argparse
import json
import os
import subprocess
import sys

VALUES = {'latency': 'latency_s', 'throughput': 'period_s', 'energy': 'joules'}


def start(options, model, objective, *more, threads=1):
    shapes = [word for shape in options.shape for word in ('-s', shape)]
    words = [options.davit, 'plan', model, '--devices', options.devices, '--objective', objective,
             '--json', *shapes, *more]
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment)


def finish(process):
    out, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f'{" ".join(process.args)}: {err}')
    return out


def compare_moves(options, model, objective, plan):
    """(compared, different)"""
    units = plan['explanation']['units']
    compared = different = 0
    for unit in units[::max(1, len(units) // options.moves)]:
        for move in unit['devices']:
            if not move['allowed'] or move['moved'] is None:
                continue
            pinned = json.loads(finish(start(options, model, objective, '--pin',
                                             f'{unit["name"]}={move["device"]}')))
            compared += 1
            if pinned['prediction'][VALUES[objective]] != move['moved']:
                different += 1
                print(f'{unit["name"]} on {move["device"]}: explained {move["moved"]!r}, pinned '
                      f'{pinned["prediction"][VALUES[objective]]!r}')
    return compared, different


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('davit')
    parser.add_argument('models', nargs='+')
    parser.add_argument('--devices', default='profile:xeon-8380,profile:u250,profile:a100')
    parser.add_argument('--moves', type=int, default=6)
    parser.add_argument('--shape', '-s', action='append', default=[])
    options = parser.parse_args()
    failed = False
    for model in options.models:
        for objective in VALUES:
            texts = [finish(p) for p in [start(options, model, objective, '--explain', threads=n)
                                         for n in (1, 2)]]
            plan = json.loads(texts[0])
            compared, different = compare_moves(options, model, objective, plan)
            same = texts[0] == texts[1]
            failed = failed or different > 0 or not same or compared == 0
            print(f'{os.path.basename(model):24} {objective:10} {len(plan["units"]):4} units, gap '
                  f'{plan["prediction"]["gap"]:6.1%}, {"same" if same else "OTHER"} bytes, {compared} '
                  f'moves, {different} differ', flush=True)
    sys.exit(1 if failed else 0)


main()
