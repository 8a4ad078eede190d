"""Writes random placement problems of the kinds that neural networks give.

usage: generate_problems.py KIND NODES SEED > PROBLEM.json
KIND: chain, residual, inception, grid, operators, random
"""
import json
import random
import sys


class Net:
    def __init__(self, rng, speedup, byte_ms):
        self.rng, self.speedup, self.byte_ms = rng, speedup, byte_ms
        self.nodes, self.edges = [], []

    def node(self, work, weights, out, inputs, colour=None):
        """work: ms on a CPU; weights, out: bytes."""
        i = len(self.nodes)
        self.nodes.append({
            'id': i, 'name': f'n{i}', 'supportedOnFpga': True, 'isBackwardNode': False,
            'cpuLatency': work, 'fpgaLatency': work / self.speedup, 'size': weights + out})
        if colour is not None:
            self.nodes[i]['colorClass'] = colour
        self.nodes[i]['_out'] = out
        for u in inputs:
            self.edges.append({'sourceId': u, 'destId': i,
                               'cost': self.nodes[u]['_out'] * self.byte_ms})
        return i


def chain(net, count):
    r = net.rng
    last = net.node(0, 0, 1e6, [])
    while len(net.nodes) < count:
        last = net.node(r.uniform(1, 40), r.uniform(1, 200) * 1e6, r.uniform(1, 30) * 1e6, [last])


def residual(net, count):
    r = net.rng
    last = net.node(0, 0, 1e6, [])
    while len(net.nodes) < count:
        out = r.choice([4, 8, 16, 32]) * 1e6
        a = last
        for _ in range(r.randint(2, 4)):
            a = net.node(r.uniform(1, 20), r.uniform(1, 60) * 1e6, out, [a])
        last = net.node(r.uniform(0.1, 1), 0, out, [last, a])


def inception(net, count):
    r = net.rng
    last = net.node(1, 1e6, 8e6, [])
    while len(net.nodes) < count:
        ends = []
        for _ in range(r.randint(2, 5)):
            a = last
            for _ in range(r.randint(1, 6)):
                a = net.node(r.uniform(1, 30), r.uniform(1, 80) * 1e6, r.uniform(1, 12) * 1e6, [a])
            ends.append(a)
        last = net.node(0.3, 0, 16e6, ends)


def grid(net, count):
    r = net.rng
    width = r.randint(3, 8)
    work = [r.uniform(20, 150) for _ in range(width)]
    row = []
    for _ in range(width):
        row.append(net.node(r.uniform(0, 3), r.uniform(1, 150) * 1e6, 13e6, []))
    while len(net.nodes) < count:
        new = []
        for j in range(width):
            inputs = [row[j]] + ([new[-1]] if new else [])
            new.append(net.node(work[j] * r.uniform(.9, 1.1) * (r.random() > .2),
                                r.uniform(5, 90) * 1e6, r.uniform(1, 13) * 1e6, inputs))
        if r.random() < .2:
            new[-1] = net.node(2, 0, 13e6, [new[-1], new[0]])
        row = new
    net.node(1, 1e6, 1e6, row)


def operators(net, count):
    """Transformer layers as operators; weights are nodes of their own; some share a colour."""
    r = net.rng
    colour = [0]
    batch = r.uniform(4, 40)

    def dense(x, cost, weight, out):
        colour[0] += 1
        w = net.node(0, 0, weight, [], colour[0] if r.random() < .6 else None)
        y = net.node(cost * batch, 0, out, [x, w], net.nodes[w].get('colorClass'))
        if r.random() < .5:
            b = net.node(0, 0, 4096, [])
            y = net.node(cost * batch * .1, 0, out, [y, b])
        return y

    def small(inputs, out, cost=.05):
        return net.node(cost * batch * r.uniform(.5, 1.5), 0, out, inputs)

    hidden, wide = batch * 4e5, batch * 1.6e6
    table = net.node(0, 0, 60e6, [], 9999)
    x = net.node(.1 * batch, 0, hidden, [table, net.node(0, 0, 4096, [])])
    while len(net.nodes) < count - 8:
        heads = []
        for _ in range(3):
            y = dense(x, .3, 1e6, hidden)
            heads.append(small([small([y], hidden, .02)], hidden, .02))
        s = small([small([heads[0], heads[1]], wide * .4, .3)], wide * .4, .5)
        s = small([small([s], wide * .4, .6), net.node(0, 0, 16, [])], wide * .4, .1)
        y = small([small([s, heads[2]], hidden, .3)], hidden, .02)
        x = small([x, dense(y, .3, 1e6, hidden)], hidden, .05)
        y = small([x, net.node(0, 0, 4096, [])], hidden, .1)
        z = dense(y, 1.2, 4e6, wide)
        z = small([z], wide, 2.0)
        x = small([y, dense(z, 1.2, 4e6, hidden)], hidden, .05)
    y = net.node(8 * batch, 0, 375e6, [x, table], 9999 if r.random() < .3 else None)
    net.node(6 * batch, 0, 375e6 * r.random(), [y])
    net.node(.1, 0, 1e3, [dense(x, .01, 1e6, 1e4)])


def random_dag(net, count):
    r = net.rng
    window = r.randint(3, 40)
    for i in range(count):
        inputs = {r.randrange(max(0, i - window), i) for _ in range(r.randint(1, 3))} if i else ()
        net.node(r.expovariate(.1), r.expovariate(1) * 40e6, r.expovariate(1) * 8e6, sorted(inputs))


KINDS = {'chain': chain, 'residual': residual, 'inception': inception, 'grid': grid,
         'operators': operators, 'random': random_dag}


def problem(kind, count, seed):
    rng = random.Random(f'{kind} {count} {seed}')
    net = Net(rng, rng.choice([10, 10, 23]), rng.choice([1 / 2.1e6, 1 / 2.1e6, 1 / 1e7, 1 / 1e6]))
    KINDS[kind](net, count)
    order = list(range(len(net.nodes)))
    if seed % 3 == 0:
        rng.shuffle(order)
    for n in net.nodes:
        if rng.random() < .01:
            n['supportedOnFpga'] = False
        n['id'] = order[n['id']]
        del n['_out']
    for e in net.edges:
        e['sourceId'], e['destId'] = order[e['sourceId']], order[e['destId']]
    rng.shuffle(net.edges)
    accelerators = rng.randint(2, 8)
    total = sum(n['size'] for n in net.nodes)
    largest = max(n['size'] for n in net.nodes)
    return {'maxSizePerFPGA': max(largest * rng.uniform(.9, 1.5),
                                  total / accelerators * rng.choice([.4, .7, 1.0, 1.2, 1.7, 3])),
            'maxFPGAs': accelerators, 'maxCPUs': 8, 'nodes': net.nodes, 'edges': net.edges}


if __name__ == '__main__':
    json.dump(problem(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
