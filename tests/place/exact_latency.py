"""The forms paths and branches of scheduler/place/certificate.md, and the simulator of
davit/simulate.h, in exact arithmetic. Problems are those of verify_certificate.py."""
import math
from fractions import Fraction

TOLERANCE = Fraction(1, 10**9)


class Circle(Exception):
    """Blocks wait for each other."""


class Simulator:
    """Latency and joules of device[node]; recursion instead of events."""

    def __init__(self, problem, device):
        self.problem, self.p, self.device = problem, problem.p, device
        self.made = [[] for _ in device]
        self.read = [[] for _ in device]
        self.memo, self.open = {}, set()
        for i, value in enumerate(self.p['values']):
            if value['producer'] is not None:
                self.made[value['producer']].append(i)
            for v in value['consumers']:
                self.read[v].append(i)
        self.nodes = [[v for v, at in enumerate(device) if at == d]
                      for d in range(len(problem.devices))]
        self.ins, self.outs = [], []
        for d, mine in enumerate(self.nodes):
            ins = []
            for v in mine:
                ins += [i for i in self.read[v] if self.source(i) != d and i not in ins]
            self.ins.append(ins)
            self.outs.append([i for v in mine for i in self.made[v] if self.leaves(i)])

    def kind(self, d):
        return self.problem.devices[d]['discipline']

    def source(self, i):
        producer = self.p['values'][i]['producer']
        return None if producer is None else self.device[producer]

    def leaves(self, i):
        value = self.p['values'][i]
        return value['to_host'] or any(self.device[v] != self.source(i) for v in value['consumers'])

    def once(self, what, index, compute):
        key = what, index
        if key not in self.memo:
            if key in self.open:
                raise Circle
            self.open.add(key)
            self.memo[key] = compute()
            self.open.remove(key)
        return self.memo[key]

    def end(self, v):
        d = self.device[v]
        if self.kind(d) == 'block':
            return self.block_end(d)
        return self.once('end', v, lambda: self.start(v, d) + self.problem.cost('seconds', v, d))

    def start(self, v, d):
        times = [Fraction(0)]
        if self.kind(d) == 'in order':
            before = self.nodes[d].index(v)
            times += [self.end(self.nodes[d][before - 1])] if before > 0 else []
        for i in self.read[v]:
            if self.source(i) == d:
                times.append(self.end(self.p['values'][i]['producer']))
            elif self.kind(d) == 'in order':
                times.append(self.arrival(i, d))
            else:
                times.append(self.at_host(i))
        return max(times)

    def at_host(self, i):
        d = self.source(i)
        if d is None:
            return Fraction(0)
        made = self.end(self.p['values'][i]['producer'])
        if self.kind(d) != 'in order':
            return made

        def leave():
            before = self.outs[d].index(i)
            free = self.at_host(self.outs[d][before - 1]) if before > 0 else 0
            return max(made, free) + self.problem.cost('out', i, d)
        return self.once('host', i, leave)

    def arrival(self, i, d):
        def enter():
            before = self.ins[d].index(i)
            free = self.arrival(self.ins[d][before - 1], d) if before > 0 else 0
            return max(self.at_host(i), free) + self.problem.cost('in', i, d)
        return self.once('in', (i, d), enter)

    def block_end(self, d):
        def run():
            start = max([self.at_host(i) for i in self.ins[d]], default=Fraction(0))
            return (start + sum(self.problem.cost('seconds', v, d) for v in self.nodes[d]) +
                    sum(self.problem.cost('in', i, d) for i in self.ins[d]) +
                    sum(self.problem.cost('out', i, d) for i in self.outs[d]))
        return self.once('block', d, run)

    def latency(self):
        ends = [self.end(v) for v in range(len(self.device))]
        ends += [self.at_host(i) for i, value in enumerate(self.p['values'])
                 if value['to_host'] and value['producer'] is not None]
        return max(ends, default=Fraction(0)) + sum(
            Fraction(self.problem.devices[d]['use']) for d, mine in enumerate(self.nodes) if mine)

    def joules(self):
        total = sum(self.problem.cost('joules', v, d) for v, d in enumerate(self.device))
        for d, mine in enumerate(self.nodes):
            total += sum(self.problem.cost('copy_joules', i, d) for i in self.ins[d] + self.outs[d])
            if mine:
                total += Fraction(self.problem.devices[d]['watts']) * self.latency()
        return total


class Paths:
    """What certificate.md says of the form paths, for groups placed by at: {group: device}."""

    def __init__(self, problem, certificate):
        self.problem, self.p = problem, problem.p
        self.devices = range(len(problem.devices))
        self.multipliers = None
        if 'multipliers' in certificate:
            self.multipliers = [Fraction(x) for x in certificate['multipliers']]
            assert all(x >= 0 for x in self.multipliers) and len(self.multipliers) == len(self.devices)
            assert not any(x > 0 and problem.devices[d]['discipline'] == 'unlimited'
                           for d, x in enumerate(self.multipliers))
        self.made = [[] for _ in self.p['nodes']]
        for i, value in enumerate(self.p['values']):
            if value['producer'] is not None:
                self.made[value['producer']].append(i)

    def kind(self, d):
        return self.problem.devices[d]['discipline']

    def copy(self, way, i, d):
        return 0 if self.kind(d) == 'unlimited' else self.problem.cost(way, i, d)

    def copies(self, at):
        """(value, device, in or out) where both ends are placed."""
        of = self.problem.of
        for i, value in enumerate(self.p['values']):
            producer = value['producer']
            source = None if producer is None else at.get(of[producer])
            if producer is not None and source is None:
                continue
            there = sorted({at[of[v]] for v in value['consumers'] if of[v] in at} - {source})
            for d in there:
                yield i, d, 'in'
            if producer is not None and (there or value['to_host']):
                yield i, source, 'out'

    def one_pass(self, at, begin, length):
        p, of, nodes = self.p, self.problem.of, len(self.p['nodes'])
        ready = [[Fraction(0)] * len(self.devices) for _ in range(nodes)]
        end = [[math.inf] * len(self.devices) for _ in range(nodes)]
        last = [Fraction(0)] * len(self.devices)
        latency = Fraction(0)
        for i, value in enumerate(p['values']):
            for v in value['consumers'] if value['producer'] is None else ():
                for d in self.devices:
                    ready[v][d] = max(ready[v][d], self.copy('in', i, d))
        for v in range(nodes):
            g = of[v]
            for d in self.devices:
                if not self.problem.allowed(g, d) or at.get(g, d) != d:
                    continue
                in_line = g in at and self.kind(d) == 'in order'
                start = max(ready[v][d], last[d]) if in_line else ready[v][d]
                end[v][d] = start + self.problem.cost('seconds', v, d)
                last[d] = end[v][d] if in_line else last[d]
            latency = max(latency, self.least(end[v], None))
            for i in self.made[v]:
                for w in p['values'][i]['consumers']:
                    for to in self.devices:
                        there = self.soonest(i, v, w, to, at, end, begin, length)
                        ready[w][to] = max(ready[w][to], there)
                if p['values'][i]['to_host']:
                    latency = max(latency, self.least(end[v], i))
        return latency, end

    def least(self, ends, i):
        return min(ends[d] + (0 if i is None else self.copy('out', i, d)) +
                   Fraction(self.problem.devices[d]['use']) for d in self.devices)

    def soonest(self, i, v, w, to, at, end, begin, length):
        made, read = self.problem.of[v], self.problem.of[w]
        together = made == read or self.problem.fits(
            self.problem.bytes[made] + self.problem.bytes[read], to)
        times = [end[v][to]] if together else []
        for d in self.devices if made != read else ():
            if d != to and end[v][d] < math.inf:
                time = end[v][d] + self.copy('out', i, d)
                if at.get(made) == d and self.kind(d) == 'block':
                    time = max(time, begin[d] + length[d])
                times.append(time + self.copy('in', i, to))
        return min(times, default=math.inf)

    def area(self, at):
        if not self.multipliers or sum(self.multipliers) == 0:
            return 0
        total = 0
        for g in range(len(self.problem.members)):
            here = [at[g]] if g in at else [d for d in self.devices if self.problem.allowed(g, d)]
            total += min((self.multipliers[d] * self.problem.seconds(g, d) for d in here),
                         default=math.inf)
        return total / sum(self.multipliers)

    def latency(self, at):
        begin = [Fraction(0)] * len(self.devices)
        length = [Fraction(0)] * len(self.devices)
        for g, d in at.items():
            length[d] += self.problem.seconds(g, d)
        for i, d, way in self.copies(at):
            length[d] += self.copy(way, i, d)
        latency, end = self.one_pass(at, begin, length)
        latency = max(latency, self.area(at))
        for _ in range(2):
            for i, d, way in self.copies(at):
                producer = self.p['values'][i]['producer']
                if way == 'in' and producer is not None:
                    source = at[self.problem.of[producer]]
                    there = end[producer][source] + self.copy('out', i, source)
                    if self.kind(source) == 'block':
                        there = max(there, begin[source] + length[source])
                    begin[d] = max(begin[d], there)
            for d in self.devices:
                if self.kind(d) == 'block' and length[d] > 0:
                    use = Fraction(self.problem.devices[d]['use'])
                    latency = max(latency, begin[d] + length[d] + use)
            again, end = self.one_pass(at, begin, length)
            latency = max(latency, again)
        return latency

    def joules(self, at, latency):
        total = 0
        for g, members in enumerate(self.problem.members):
            here = [at[g]] if g in at else [d for d in self.devices if self.problem.allowed(g, d)]
            total += min((sum(self.problem.cost('joules', v, d) for v in members) for d in here),
                         default=math.inf)
        total += sum(self.problem.cost('copy_joules', i, d) for i, d, _ in self.copies(at))
        watts = [Fraction(device['watts']) for device in self.problem.devices]
        used = max(sum(watts[d] for d in set(at.values())), min(watts))
        return total + used * latency if used > 0 else total


def paths(problem, certificate):
    bound = Paths(problem, certificate)
    latency = bound.latency({})
    return bound.joules({}, latency) if certificate['objective'] == 'energy' else latency


def whole(problem, at, energy):
    """What a placement of all groups costs; infinite where it keeps not all limits."""
    device = [at[g] for g in problem.of]
    for d in range(len(problem.devices)):
        if not problem.fits(sum(problem.bytes[g] for g in at if at[g] == d), d):
            return math.inf
    simulator = Simulator(problem, device)
    try:
        latency = simulator.latency()
    except Circle:
        return math.inf
    limit = problem.p['latency_limit']
    if energy and limit is not None and latency > Fraction(limit):
        return math.inf
    return simulator.joules() if energy else latency


def branches(problem, certificate):
    claimed = Fraction(certificate['bound']) * (1 - TOLERANCE)
    energy = certificate['objective'] == 'energy'
    limit = problem.p['latency_limit']
    order = [problem.of[v] for v in certificate['order']]
    assert sorted(order) == list(range(len(problem.members)))
    pins = [problem.pinned(g) for g in order]
    assert pins == sorted(pins, reverse=True)
    bound = Paths(problem, certificate)
    devices = range(len(problem.devices))

    def closed(at):
        for d in devices:
            if not problem.fits(sum(problem.bytes[g] for g in at if at[g] == d), d):
                return True
        latency = bound.latency(at)
        if not energy:
            return latency >= claimed
        if limit is not None and latency > Fraction(limit) * (1 + TOLERANCE):
            return True
        return bound.joules(at, latency) >= claimed

    def none_below(depth, at):
        if depth == len(order):
            return whole(problem, at, energy) >= claimed
        g, tried = order[depth], set()
        for d in devices:
            if not problem.allowed(g, d):
                continue
            if d not in at.values() and not problem.pinned(g):
                if problem.devices[d]['class'] in tried:
                    continue
                tried.add(problem.devices[d]['class'])
            below = {**at, g: d}
            if not closed(below) and not none_below(depth + 1, below):
                return False
        return True

    return Fraction(certificate['bound']) if none_below(0, {}) else Fraction(0)
