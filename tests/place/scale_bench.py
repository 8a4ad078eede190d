#!/usr/bin/env python3
"""How long placing takes: generated graphs of several shapes on four devices, all objectives.

usage: scale_bench.py DAVIT [--units N,N] [--shapes NAME,NAME] [--effort PERCENT]

Each graph of generate_problems.py is placed twice: as an abstract problem (`davit plan --problem`,
latency and throughput), and, where Python has onnx, as a model of convolutions, products and maxima
(`davit plan MODEL`, also energy), on four profiles. Seconds are processor times of the whole program,
models' with reading, passes and proof. Exit 1 when one is beyond 2 s for 1,000 units, in proportion
for others.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

import generate_problems

DEVICES = 'profile:xeon-8480,profile:t4,profile:a100,profile:h100'
SECONDS_PER_UNIT = 2 / 1000


def seconds_of(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, words))}: {done.stderr.strip()}')
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def four_devices(problem):
    problem['maxFPGAs'], problem['maxCPUs'] = 3, 1
    problem['maxSizePerFPGA'] = sum(n['size'] for n in problem['nodes']) * .6
    return problem


def make_model(problem):
    """One unit for each node: 1x1 convolutions, products of two, maxima of more."""
    from onnx import TensorProto, helper
    shape = [1, 16, 14, 14]
    sources = {n['id']: [] for n in problem['nodes']}
    readers = dict.fromkeys(sources, 0)
    for edge in problem['edges']:
        sources[edge['destId']].append(f'v{edge["sourceId"]}')
        readers[edge['sourceId']] += 1
    ready, nodes = [i for i, s in sources.items() if not s], []
    waiting = {i: len(s) for i, s in sources.items()}
    after = {i: [] for i in sources}
    for edge in problem['edges']:
        after[edge['sourceId']].append(edge['destId'])
    while ready:
        i = ready.pop()
        inputs = sources[i] or ['x']
        kind = 'Conv' if len(inputs) == 1 else 'Mul' if len(inputs) == 2 else 'Max'
        nodes.append(helper.make_node(kind, inputs + (['w'] if kind == 'Conv' else []), [f'v{i}'],
                                      name=f'n{i}'))
        for reader in after[i]:
            waiting[reader] -= 1
            ready += [reader] if waiting[reader] == 0 else []
    weights = helper.make_tensor('w', TensorProto.FLOAT, [16, 16, 1, 1], [.01] * 256)
    ends = [helper.make_tensor_value_info(f'v{i}', TensorProto.FLOAT, shape)
            for i, count in readers.items() if count == 0]
    graph = helper.make_graph(nodes, 'scale', [
        helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)], ends, [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def rows(options, shape, count, folder):
    """(what, objective, seconds, bound over value)"""
    problem = four_devices(generate_problems.problem(shape, count, 1))
    path = folder / 'problem.json'
    path.write_text(json.dumps(problem))
    effort = ['--effort', options.effort] if options.effort else []
    for objective in ('latency', 'throughput'):
        seconds, text = seconds_of([options.davit, 'plan', '--problem', path, '--objective',
                                    objective, '--json', *effort])
        yield 'problem', objective, len(problem['nodes']), seconds, json.loads(text)['gap']
    try:
        import onnx
    except ImportError:
        return
    path = folder / 'model.onnx'
    onnx.save(make_model(problem), path)
    for objective in ('latency', 'throughput', 'energy'):
        seconds, text = seconds_of([options.davit, 'plan', path, '--devices', DEVICES, '--objective',
                                    objective, '--json', *effort])
        plan = json.loads(text)
        yield 'model', objective, len(plan['units']), seconds, plan['prediction']['gap']


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('davit')
    parser.add_argument('--units', default='1000,10000')
    parser.add_argument('--shapes', default='chain,residual,inception,grid,random')
    parser.add_argument('--effort')
    options = parser.parse_args()
    slow = False
    print(f'{"shape":10} {"as":8} {"objective":10} {"units":>6} {"seconds":>8} {"gap":>7}')
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, options.units.split(',')):
            for shape in options.shapes.split(','):
                for what, objective, units, seconds, gap in rows(options, shape, count,
                                                                 pathlib.Path(folder)):
                    late = seconds > SECONDS_PER_UNIT * max(units, 1000)
                    slow = slow or late
                    print(f'{shape:10} {what:8} {objective:10} {units:6} {seconds:8.2f} {gap:7.1%}'
                          f'{"  TOO SLOW" if late else ""}', flush=True)
    sys.exit(1 if slow else 0)


main()
