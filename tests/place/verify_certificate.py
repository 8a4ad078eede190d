#!/usr/bin/env python3
"""Verifies certificates (scheduler/place/certificate.md) in exact arithmetic.

usage: verify_certificate.py PROGRAM COUNT [linear]   (PROGRAM is place_dump; linear: with CBC)

The tolerance is that of certificate.md: a bound may be above what is proved by one part in 10^9.
Then each bound is raised above the objective, and must be refused.
"""
import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import exact_latency

TOLERANCE = Fraction(1, 10**9)


class Problem:
    def __init__(self, p):
        self.p = p
        self.devices = p['devices']
        groups, self.of = {}, []
        for v, node in enumerate(p['nodes']):
            key = ('group', node['group']) if node['group'] is not None else ('node', v)
            self.of.append(groups.setdefault(key, len(groups)))
        self.members = [[v for v in range(len(self.of)) if self.of[v] == g]
                        for g in range(len(groups))]
        self.bytes = [sum(Fraction(p['nodes'][v]['bytes']) for v in m) for m in self.members]

    def cost(self, table, row, d):
        value = self.p[table][row][self.devices[d]['class']]
        return None if value is None else Fraction(value)

    def seconds(self, g, d):
        costs = [self.cost('seconds', v, d) for v in self.members[g]]
        return None if None in costs else sum(costs)

    def block(self, d):
        return self.devices[d]['discipline'] == 'block'

    def fits(self, size, d):
        memory = self.devices[d]['memory']
        return memory is None or size <= Fraction(memory) * (1 + TOLERANCE)

    def pinned(self, g):
        return any(self.p['nodes'][v]['pin'] is not None for v in self.members[g])

    def allowed(self, g, d):
        return (self.seconds(g, d) is not None and self.fits(self.bytes[g], d) and
                all(self.p['nodes'][v]['pin'] in (None, d) for v in self.members[g]))

    def sure(self, g, d, copies_in):
        total = self.seconds(g, d)
        if self.block(d):
            for i, value in enumerate(self.p['values']):
                made = value['producer'] is not None
                if made and value['to_host'] and self.of[value['producer']] == g:
                    total += self.cost('out', i, d)
                if (copies_in and not made and value['consumers'] and
                        self.of[value['consumers'][0]] == g):
                    total += self.cost('in', i, d)
        return total

    def loads(self, at):
        """(compute, in, out) of each device, copies only where both ends are placed."""
        sums = [[Fraction(0)] * 3 for _ in self.devices]
        for g, d in at.items():
            sums[d][0] += self.seconds(g, d)
        for d in set(at.values()):
            sums[d][0] += Fraction(self.devices[d]['use'])
        for i, value in enumerate(self.p['values']):
            source = None
            if value['producer'] is not None:
                source = at.get(self.of[value['producer']])
                if source is None:
                    continue
            there = {at[self.of[v]] for v in value['consumers'] if self.of[v] in at} - {source}
            for d in there:
                sums[d][1] += self.cost('in', i, d)
            if source is not None and (there or value['to_host']):
                sums[source][2] += self.cost('out', i, source)
        return sums


def area(problem, c):
    m = [Fraction(x) for x in c['multipliers']]
    assert all(x >= 0 for x in m) and sum(m) > 0 and len(m) == len(problem.devices)
    total = Fraction(0)
    for g in range(len(problem.members)):
        total += min(m[d] * problem.sure(g, d, True) for d in range(len(m))
                     if problem.allowed(g, d))
    return total / sum(m)


def packing(problem, c):
    weight = [sum(c['weights'][v] for v in m) for m in problem.members]
    assert all(isinstance(w, int) and w >= 0 for w in c['weights'])
    whole, needs = sum(weight), []
    for d in range(len(problem.devices)):
        need = {0: Fraction(0)}  # by the weight reached, at most whole
        for g in range(len(weight)):
            if problem.allowed(g, d):
                for w, s in list(need.items()):
                    reached = w + weight[g]
                    total = s + problem.sure(g, d, True)
                    if reached not in need or total < need[reached]:
                        need[reached] = total
        needs.append(need)
    for period in sorted({s for need in needs for s in need.values()}):
        if sum(max(w for w, s in need.items() if s <= period) for need in needs) >= whole:
            return period
    return None


def linear(problem, c):
    p, count, devices = problem.p, len(problem.members), range(len(problem.devices))
    duals = {}
    for name in ('loads', 'memory', 'used', 'in', 'out'):
        duals[name] = [Fraction(x) for x in c[name]]
        assert all(x >= 0 for x in duals[name])
    loads = [duals['loads'][3 * d:3 * d + 3] for d in devices]
    ways = [[l[0]] * 3 if problem.block(d) else l for d, l in enumerate(loads)]
    order = [problem.of[v] for v in c['order']]
    assert sorted(order) == list(range(count)) and len(duals['loads']) == 3 * len(loads)
    free = [g for g in order if not problem.pinned(g)]
    pinned_classes = {problem.devices[n['pin']]['class'] for n in p['nodes'] if n['pin'] is not None}
    price, excess = {}, Fraction(0)
    for d in devices:
        mine = problem.devices[d]
        rank = sum(problem.devices[e]['class'] == mine['class'] for e in range(d))
        barred = free[:rank] if mine['class'] not in pinned_classes else []
        memory, used = mine['memory'], Fraction(0)
        for g in range(count):
            if problem.allowed(g, d) and g not in barred:
                dual = duals['used'][g * len(loads) + d]
                used += dual
                price[g, d] = ways[d][0] * problem.seconds(g, d) + dual
                if memory:
                    price[g, d] += duals['memory'][d] * problem.bytes[g] / Fraction(memory)
        excess += max(0, used - ways[d][0] * Fraction(mine['use']))
        excess += duals['memory'][d] * (1 + TOLERANCE)

    def move(reader, maker, d, dual):  # a copy because reader is on d and maker is not
        for g, sign in ((reader, 1), (maker, -1)):
            if (g, d) in price:
                price[g, d] += sign * dual

    ins, outs = iter(duals['in']), iter(duals['out'])
    for i, value in enumerate(p['values']):
        own = None if value['producer'] is None else problem.of[value['producer']]
        readers = sorted({problem.of[v] for v in value['consumers']} - {own})
        wanted = [] if own is None else [None] if value['to_host'] else readers
        for d in devices:
            here = [next(ins) for _ in readers]
            for g, dual in zip(readers, here):
                move(g, own, d, dual)
            there = [next(outs) for _ in wanted]
            for g, dual in zip(wanted, there):
                move(own, g, d, dual)
            excess += max(0, sum(here) - ways[d][1] * problem.cost('in', i, d))
            excess += max(0, sum(there) - ways[d][2] * problem.cost('out', i, d))
    assert next(ins, None) is None and next(outs, None) is None
    least = sum(min(price[g, d] for d in devices if (g, d) in price) for g in range(count))
    return (least - excess) / sum(duals['loads'])


def search(problem, c):
    bound = Fraction(c['bound']) * (1 - TOLERANCE)
    m = [Fraction(x) for x in c['multipliers']]
    assert all(x >= 0 for x in m) and sum(m) > 0
    order = [problem.of[v] for v in c['order']]
    assert sorted(order) == list(range(len(problem.members)))
    pins = [problem.pinned(g) for g in order]
    assert pins == sorted(pins, reverse=True)
    devices = range(len(m))
    left = [Fraction(0)]
    for g in reversed(order):
        left.append(left[-1] + min(m[d] * problem.sure(g, d, False) for d in devices
                                   if problem.allowed(g, d)))
    left.reverse()

    def closed(depth, at):
        for d in devices:
            if not problem.fits(sum(problem.bytes[g] for g in at if at[g] == d), d):
                return True
        weighted = left[depth]
        for d, sums in enumerate(problem.loads(at)):
            block = problem.block(d)
            if (sum(sums) if block else max(sums)) >= bound:
                return True
            weighted += m[d] * (sum(sums) if block else sums[0])
        return weighted >= bound * sum(m)

    def all_closed(depth, at):
        if depth == len(order):
            return False
        g, tried = order[depth], set()
        for d in devices:
            if not problem.allowed(g, d):
                continue
            if d not in at.values() and not problem.pinned(g):
                if problem.devices[d]['class'] in tried:
                    continue
                tried.add(problem.devices[d]['class'])
            below = {**at, g: d}
            if not closed(depth + 1, below) and not all_closed(depth + 1, below):
                return False
        return True

    return Fraction(c['bound']) if all_closed(0, {}) else Fraction(0)


def single(problem, c):
    at = {}
    for g in range(len(problem.members)):
        (at[g],) = [d for d in range(len(problem.devices)) if problem.allowed(g, d)]
    if c['objective'] != 'throughput':
        return exact_latency.whole(problem, at, c['objective'] == 'energy')
    return max(sum(load) if problem.block(d) else max(load)
               for d, load in enumerate(problem.loads(at)))


def proves(problem, certificate):
    proved = {'single': single, 'area': area, 'packing': packing, 'linear': linear, 'search': search,
              'paths': exact_latency.paths, 'branches': exact_latency.branches,
              'nothing': lambda p, c: Fraction(0)}[certificate['form']](problem, certificate)
    return proved is None or Fraction(certificate['bound']) <= proved * (1 + TOLERANCE)


def main():
    program, count = sys.argv[1:3]
    needed = set(sys.argv[3:])
    lines = subprocess.run([program, count], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    forms = Counter()
    for line in lines:
        solved = json.loads(line)
        problem, certificate = Problem(solved['problem']), solved['certificate']
        if not proves(problem, certificate):
            sys.exit(f'not proved: {line}')
        certificate['bound'] = solved['objective'] * 1.001 + 0.001
        if proves(problem, certificate):
            sys.exit(f'proves too much: {line}')
        forms[certificate['form'], certificate['objective']] += 1
    print(f'{len(lines)} certificates verified, and refused when raised:',
          ', '.join(f'{form} ({objective}) {n}' for (form, objective), n in sorted(forms.items())))
    wanted = {(form, 'throughput') for form in {'area', 'packing', 'search'} | needed}
    wanted |= {(form, o) for form in ('paths', 'branches') for o in ('latency', 'energy')}
    if wanted - set(forms):
        sys.exit(f'a form is missing: {wanted - set(forms)}')


main()
