# SPDX-License-Identifier: GPL-2.0
"""What make check runs, a module per layer; tests/run is the driver."""

import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(TOP, "build/check")
# Of a failure, in the summary at the end: where output is cut, that is what is left.
REASON_LINES = 12


class Results:
    """Counts, and tells at once or, for a layer beside others, when shown."""

    def __init__(self, held=False):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips = [], []
        self.held = [] if held else None

    def say(self, text):
        if self.held is None:
            print(text, flush=True)
        else:
            self.held.append(text)

    def progress(self, text):
        """Said at once, also where results are held back: it is still alive."""
        print(text, flush=True)

    def show(self):
        """Say what was held back."""
        if self.held:
            print("\n".join(self.held), flush=True)
        self.held = None

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def ok(self, name):
        self.passed += 1
        self.say(f"ok       {name}")

    def fail(self, name, why=""):
        self.failed += 1
        lines = why.rstrip().splitlines()
        self.failures.append("\n    | ".join([name, *lines[-REASON_LINES:]]))
        self.say(f"NOT OK   {name}")
        for line in lines[-40:]:
            self.say(f"         | {line}")

    def skip(self, name, why):
        self.skipped += 1
        self.skips.append(f"{name}: {why}")
        self.say(f"skipped  {name}: {why}")

    def expect(self, good, name, why=""):
        if good:
            self.ok(name)
        else:
            self.fail(name, why)
        return good

    def command(self, name, argv, **options):
        """A check that is one command: its exit status decides."""
        done = capture(argv, **options)
        return self.expect(done.returncode == 0, name,
                           done.stdout + f"\nexit status {done.returncode}")

    def closing_line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def capture(argv, timeout=900, env=None, cwd=TOP):
    """Run to the end with one stream for all output; a timeout is status 124."""
    try:
        return subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout, env=dict(os.environ, **(env or {})))
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""
        text = output if isinstance(output, str) else output.decode(errors="replace")
        return subprocess.CompletedProcess(argv, 124, text + f"\nkilled after {timeout} s")
    except OSError as error:
        return subprocess.CompletedProcess(argv, 127, str(error))


def log(name, text):
    """Keep the whole of an output; the terminal gets only its end."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, name + ".log")
    with open(path, "w") as file:
        file.write(text)
    return os.path.relpath(path, TOP)


def tracked(*patterns):
    """Files of the tree that match, as git knows them, new ones included."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                          cwd=TOP, capture_output=True, text=True, check=True)
    return sorted(name for name in set(done.stdout.splitlines())
                  if os.path.isfile(os.path.join(TOP, name)))
