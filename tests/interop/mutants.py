# SPDX-License-Identifier: GPL-2.0
"""The verifier, or the opener, with one thing spoilt, one thing after the other.

Each check left out, each bound moved by one, each part of a hash forgotten: if
no vector notices, the vectors miss something.
"""

import ast
import copy
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))

# What decides; the arithmetic under it has vectors of its own, and others' code.
NOT_SPOILT = ("double", "add", "multi_mul", "show", "show_order", "contents", "main", "__init__", "bad",
              "times", "make_sbox", "expand", "mix", "encrypt", "powers", "ghash", "padded", "xor",
              "gcm_open")
# Calls whose only work is to refuse something.
CHECKS = ("end", "ascending", "decode_point", "decode_elements", "decode_configuration", "header",
          "check_secret", "check_configuration", "check_elements", "check_stopped")
# Mutants that behave as the original does, each with the reason.
SAME = {
    "decode_point: `y >= P` -> y > P": "y = p is y = 0, which no point of the curve has",
    "verify_evidence: `nonce is not None and mine[0]['nonce'] != nonce` -> mine[0]['nonce'] != nonce":
        "each case names a nonce",
    "read_secret: `0 < k < v.N` -> 0 < k <= v.N": "n * G is no key's element",
    "read_secret: `0` -> 1": "nobody makes a key whose secret is 1",
}


def sites(tree):
    """(function, node, what is put there, description) for each mutant."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name not in NOT_SPOILT:
            for node in ast.walk(function):
                for new in replacements(node):
                    yield function.name, node, new


def without(values):
    for i in range(len(values)):
        yield values[:i] + values[i + 1:]


def replacements(node):
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
        yield ast.If(ast.Constant(False), node.body, node.orelse)
    if isinstance(node, ast.BoolOp):
        for rest in without(node.values):
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            other = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}.get(type(op))
            if other:
                yield ast.Compare(node.left, node.ops[:i] + [other()] + node.ops[i + 1:],
                                  node.comparators)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        if (called.attr if isinstance(called, ast.Attribute) else called.id) in CHECKS:
            yield ast.Pass()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield ast.Pass()
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)


def text(node):
    return " ".join(ast.unparse(node).split())[:60]


def load(tree, name):
    module = types.ModuleType(name)
    exec(compile(ast.fix_missing_locations(tree), name, "exec"), module.__dict__)  # noqa: S102
    return module


def remembering(function):
    """What takes long: it does not change from one mutant to the next."""
    known = {}

    def call(*args):
        key = tuple(tuple(a) if isinstance(a, list) else a for a in args)
        if key not in known:
            known[key] = function(*args)
        return known[key]
    return call


def reached(module, judge, content):
    """For each function, the cases that get there; true ones first, which tell most."""
    cases = {}
    for section in judge.SECTIONS:
        for case in sorted(content[section], key=lambda c: c.get("verdict", "ok") != "ok"):
            names = set()
            sys.setprofile(lambda frame, event, _arg, names=names:
                           names.add(frame.f_code.co_name) if event == "call" else None)
            judge.verdict(module, section, case)
            sys.setprofile(None)
            for name in names:
                cases.setdefault(name, []).append((section, case))
    return cases


def notices(module, judge, section, case):
    try:
        return judge.verdict(module, section, case) != judge.expected(case)
    except Exception:       # noqa: BLE001 - a mutant may break anywhere
        return True


def mutants(name, slow, judge, content):
    """(description, the case that notices it or None, why it need not be noticed or None)

    Of the program @name, whose function @slow is the same in all of them.
    """
    with open(os.path.join(HERE, name), encoding="ascii") as f:
        tree = ast.parse(f.read())
    original = load(copy.deepcopy(tree), "original")
    setattr(original, slow, remembering(getattr(original, slow)))
    cases = reached(original, judge, content)
    for function, node, new in sites(tree):
        title = "%s: `%s` -> %s" % (function, text(node), "nothing" if isinstance(new, ast.Pass)
                                    else text(new))
        # A copy in which the new node stands where the old one stood
        module = load(copy.deepcopy(tree, {id(node): new}), "mutant")
        setattr(module, slow, getattr(original, slow))
        found = next(("%s: %s" % (s, c["name"]) for s, c in cases.get(function, ())
                      if notices(module, judge, s, c)), None)
        yield title, found, SAME.get(title)
