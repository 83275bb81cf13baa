# SPDX-License-Identifier: GPL-2.0
"""What of the module the fuzzer has been in, by function."""

import re
import subprocess


# Tracepoints that nobody listens to; load and unload, which no request does.
NOT_ASKED = re.compile(r"_?_?(probestub|traceiter|perf_trace|trace)_|.*_(init|exit)$")


def output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def places(module):
    """Where KCOV reports from: behind each call, as an offset in .text."""
    for line in output("objdump", "-r", "-j", ".text", module).splitlines():
        found = re.match(r"([0-9a-f]+) .*__sanitizer_cov_trace_pc", line)
        if found:
            yield int(found.group(1), 16) + 4


def functions(module):
    """(begin, end, name), in the order of the text."""
    for line in output("readelf", "-sW", module).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[3] == "FUNC" and fields[6].isdigit():
            begin, size = int(fields[1], 16), int(fields[2], 0)
            yield fields[6], begin, begin + size, fields[7]


def text_section(module):
    for line in output("readelf", "-SW", module).splitlines():
        found = re.match(r"\s*\[\s*(\d+)\] \.text\s", line)
        if found:
            return found.group(1)
    raise ValueError(f"{module} has no text")


def report(module, blocks):
    with open(blocks) as file:
        reached = {int(line, 16) for line in file}
    number, counts = text_section(module), {}
    spans = sorted(span[1:] for span in functions(module) if span[0] == number)
    everything = sorted(places(module))
    index = 0
    for place in everything:
        while index + 1 < len(spans) and spans[index][1] < place:
            index += 1
        name = spans[index][2]
        if NOT_ASKED.match(name):
            continue
        there, of_all = counts.get(name, (0, 0))
        counts[name] = (there + (place in reached), of_all + 1)
    total = sum(there for there, _ in counts.values())
    of_all = sum(of_all for _, of_all in counts.values())
    yield f"blocks, without tracepoints, load and unload: {total} of {of_all}"
    never = [name for name, (there, _) in counts.items() if not there]
    yield f"functions entered: {len(counts) - len(never)} of {len(counts)}"
    yield "never entered: " + " ".join(sorted(never))
    partly = sorted((there / of_all, name, there, of_all) for name, (there, of_all)
                    in counts.items() if 0 < there and there / of_all < 0.6)
    yield "least covered: " + ", ".join(f"{name} {there}/{of_all}"
                                        for _, name, there, of_all in partly[:15])
