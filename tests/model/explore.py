# SPDX-License-Identifier: GPL-2.0
"""Every reachable state, the nearest first, so that a trace is as short as can be."""

import collections
import random
import time

from adversary import moves
from world import World, show

# steps: texts; visited: states; complete: all there are within the setup's bounds.
Result = collections.namedtuple("Result", "wrong steps visited complete seconds")


def trace(setup, off, parents, at, last):
    """The way to a state, told step by step."""
    actions = [last] if last else []
    while parents[at]:
        at, action = parents[at]
        actions.append(action)
    world, texts = World(setup, off), []
    for action in reversed(actions):
        told, _ = world.step(action)
        texts.append(f"{show(setup, action)}: {told}")
    return texts


def explore(setup, off=frozenset(), limit=2_000_000, also=None):
    """Search. @also: another check of each new state, which answers with what is wrong or None."""
    start, first = time.monotonic(), World(setup, off)
    parents = {first.digest(): None}
    queue = collections.deque([(first, first.digest())])

    def result(wrong, steps, complete):
        return Result(wrong, steps, len(parents), complete, time.monotonic() - start)

    while queue:
        world, name = queue.popleft()
        for action in moves(world):
            after = world.clone()
            _, wrong = after.step(action)
            if wrong:
                return result(wrong, trace(setup, off, parents, name, action), False)
            digest = after.digest()
            if digest in parents:
                continue
            parents[digest] = (name, action)
            wrong = also and also(after)
            if wrong:
                return result(wrong, trace(setup, off, parents, digest, None), False)
            if len(parents) >= limit:
                return result(None, [], False)
            queue.append((after, digest))
    return result(None, [], True)


def walk(setup, seed, walks, steps, also=None):
    """Random ways through what is too much to search, each from the start."""
    start, chance, seen = time.monotonic(), random.Random(seed), 0
    for _ in range(walks):
        world, texts = World(setup), []
        for _ in range(steps):
            ways = list(moves(world))
            if not ways:
                break
            # A kind of step first: there are many more messages than events.
            kind = chance.choice(sorted({way[0] for way in ways}))
            action = chance.choice([way for way in ways if way[0] == kind])
            told, wrong = world.step(action)
            texts.append(f"{show(setup, action)}: {told}")
            seen += 1
            wrong = wrong or also and also(world)
            if wrong:
                return Result(wrong, texts, seen, False, time.monotonic() - start)
    return Result(None, [], seen, True, time.monotonic() - start)
