# SPDX-License-Identifier: GPL-2.0
"""Read TAP and KTAP strictly: what is not said is a failure.

Indented lines belong to sub-tests and are not counted: their result is in the
line of the test that they are part of.
"""

import re

LINE = re.compile(r"^(not )?ok\b ?(\d+)?(?: *-? *(.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)(?: *# *skip\b *(.*))?$", re.I)
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(skip|todo)\b[ :]*(.*)$", re.I)


class Stream:
    """The results in one test program's output."""

    def __init__(self, text):
        self.results = []           # (good, name, reason of skip or None)
        self.faults = []            # what is wrong with the stream itself
        self.planned = None
        self.skip_all = None
        for line in text.splitlines():
            self.line(line.rstrip())
        self.finish()

    def line(self, line):
        plan, test = PLAN.match(line), LINE.match(line)
        if plan:
            if self.planned is not None:
                self.faults.append("a second plan")
            self.planned = int(plan.group(1))
            if plan.group(2) is not None:
                self.skip_all = plan.group(2) or "no reason given"
        elif test:
            self.test(test)
        elif line.startswith("Bail out!"):
            self.faults.append(line)

    def test(self, match):
        number, name = match.group(2), match.group(3) or ""
        expected = len(self.results) + 1
        if number and int(number) != expected:
            self.faults.append(f"test {number} where {expected} was due")
        directive, reason = DIRECTIVE.search(name), None
        if directive:
            name = name[:directive.start()].strip()
            if directive.group(1).lower() == "skip":
                reason = directive.group(2).strip()
                if not reason:
                    self.faults.append(f"test {expected} is skipped without a reason")
        self.results.append((not match.group(1), name or f"test {expected}", reason))

    def finish(self):
        if self.planned is None:
            self.faults.append("no plan")
        elif self.planned != len(self.results):
            self.faults.append(f"{self.planned} tests planned, {len(self.results)} reported")
        elif not self.results and self.skip_all is None:
            self.faults.append("a plan of no tests")


def count(results, label, text, status):
    """Count a program's output and exit status.  4 is kselftest's skip."""
    stream = Stream(text)
    for good, name, reason in stream.results:
        full = f"{label}: {name}"
        if reason is not None and good:
            results.skip(full, reason)
        elif good:
            results.ok(full)
        else:
            results.fail(full, context(text, name))
    if stream.skip_all is not None and not stream.results:
        results.skip(label, stream.skip_all)
    failed = any(not good for good, _, _ in stream.results)
    if status not in (0, 4) and not failed:
        stream.faults.append(f"exit status {status}")
    if status == 0 and failed:
        stream.faults.append("exit status 0 in spite of a failed test")
    if stream.faults:
        tail = "\n".join(text.splitlines()[-25:])
        results.fail(f"{label}: its output", "\n".join(stream.faults) + "\n" + tail)


def context(text, name):
    """The lines before a failure, where tests say what they saw."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("not ok") and name in line:
            start = index
            while start > 0 and not LINE.match(lines[start - 1]) and index - start < 25:
                start -= 1
            end = index + 1
            while end < len(lines) and lines[end].startswith("#") and end - index < 10:
                end += 1
            return "\n".join(lines[start:end])
    return ""
