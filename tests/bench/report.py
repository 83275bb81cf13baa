# SPDX-License-Identifier: GPL-2.0
"""Ratios from the raw figures of tests/bench/run, for people and as JSON."""

import glob
import json
import os
import sys


def figures(directory, name):
    """The figures of one program, by name; {} when it was not run."""
    path = os.path.join(directory, name + ".figures")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="ascii") as f:
        return {k: float(v) for k, v in (line.split() for line in f)}


class Report:
    def __init__(self):
        self.rows = []

    def add(self, name, value, unit, goal=None, met=None):
        """@met is by default whether value <= goal; a row without a goal is reported."""
        if goal is not None and met is None:
            met = value <= goal
        self.rows.append({"name": name, "value": float("%.4g" % value), "unit": unit,
                          "goal": goal, "met": met})

    def print(self):
        print("%-72s %10s %-8s %6s  %s" % ("what", "value", "unit", "goal", "met"))
        for r in self.rows:
            print("%-72s %10.4g %-8s %6s  %s" % (
                r["name"], r["value"], r["unit"], "" if r["goal"] is None else "%g" % r["goal"],
                {None: "", True: "yes", False: "NO"}[r["met"]]))


def kernel(report, f, release):
    if not f:
        return
    counts = sorted(int(k.rsplit("_", 1)[1]) for k in f if k.startswith("evidence_median_ns_"))
    one = f["evidence_median_ns_1"]
    report.add("kernel %s: evidence for 1 key / one KPP generate_public_key" % release,
               one / f["kpp_ns_1"], "ratio", 2.5)
    for n in counts[1:]:
        report.add("kernel: evidence for %s keys / evidence for 1 key" % format(n, ","),
                   f["evidence_median_ns_%d" % n] / one, "ratio", 3 if n == 1000 else None)
    for n in counts[1:]:
        report.add("kernel: first evidence over a new list of %s keys / for 1 key" %
                   format(n, ","), f["evidence_first_ns_%d" % n] / one, "ratio")
    for n in counts:
        if n in (1, 1000, 100000):
            report.add("bytes of a re-attestation of an unchanged keystore, %s keys" %
                       format(n, ","), f["evidence_bytes_%d" % n], "bytes",
                       f["evidence_bytes_1"])
    last = counts[-1]
    longest = max(v for k, v in f.items()
                  if k.startswith(("evidence_longest_ns_", "evidence_first_ns_")))
    report.add("longest time a netlink handler holds the family, up to %s keys" %
               format(last, ","), longest / 1e6, "ms")
    report.add("the same / one KPP generate_public_key", longest / f["kpp_ns_%d" % last], "ratio")
    report.add("longest that another command waited meanwhile",
               max(v for k, v in f.items() if k.startswith("bystander_")) / 1e6, "ms")


def verification(report, f):
    for n in sorted(int(k.rsplit("_", 1)[1]) for k in f if k.startswith("verify_ns_")):
        report.add("verification per key at %s keys / one ECDSA verification" % format(n, ","),
                   f["verify_ns_%d" % n] / n / f["ecdsa_verify_ns_%d" % n], "ratio",
                   0.15 if n == 1024 else None)


def fleet(report, f):
    """Managers with more and less in their stores, side by side."""
    if not f:
        return
    records = sorted(int(k.rsplit("_", 1)[1]) for k in f if k.startswith("token_cpu_ns_"))
    least, most = records[0], records[-1]
    words = {n: "%s records" % format(n, ",") for n in records}
    # Of the programs that post in turn; a signature is bare, so are verifications.
    for keys, goal in ((1, 3), (100, None), (1000, 1.3)):
        for n in records:
            report.add("posts of evidence of %s keys, %s" % (format(keys, ","), words[n]),
                       f["post_%d_per_second_%d" % (keys, n)], "per s")
            report.add("the manager's CPU for one / its bare verification",
                       f["post_%d_cpu_ns_%d" % (keys, n)] / f["verify_ns_%d" % keys], "ratio", goal)
    for n in records:
        report.add("tokens per second of one core, %s" % words[n],
                   1e9 / f["token_cpu_ns_%d" % n], "per s")
        report.add("the same / bare ES256 signatures", f["sign_ns"] / f["token_cpu_ns_%d" % n],
                   "ratio", 0.5, f["sign_ns"] / f["token_cpu_ns_%d" % n] >= 0.5)
    for what, name in (("alive", "requests for /health/alive, which the store is not asked for"),
                       ("token", "tokens"), ("hsm", "states of HSMs"), ("key", "states of keys"),
                       ("revocations", "revocation lists")):
        for n in records:
            report.add("%s, %s" % (name, words[n]), f["%s_per_second_%d" % (what, n)], "per s")
            report.add("the manager's CPU for one / for /health/alive",
                       f["%s_cpu_ns_%d" % (what, n)] / f["alive_cpu_ns_%d" % n], "ratio")
        report.add("%s: p99 at %s / at %s" % (name, words[most], words[least]),
                   f["%s_p99_ns_%d" % (what, most)] / f["%s_p99_ns_%d" % (what, least)], "ratio",
                   1.5)
    for n in records:
        report.add("resident memory of the manager, %s, all lists read" % words[n],
                   f["resident_end_%d" % n] / 1e6, "MB", 300)
    if "polls_open" in f:
        report.add("long polls held open", f["polls_open"], "")
        report.add("memory for each", f["polls_bytes_each"], "bytes")
        report.add("the manager's CPU to take one, TLS handshake included",
                   f["polls_cpu_ns_each"] / 1e3, "us")
        report.add("and to hold all of them", f["polls_idle_cpu"], "cores")


def posts(report, directory):
    for path in sorted(glob.glob(os.path.join(directory, "post-*.figures")),
                       key=lambda p: int(p.rsplit("-", 1)[1].split(".")[0])):
        keys = int(path.rsplit("-", 1)[1].split(".")[0])
        f = figures(directory, "post-%d" % keys)
        for how, words in (("kept", "kept connections"), ("new", "a new connection each")):
            report.add("posts of evidence of %d keys, %s, durable" % (keys, words),
                       f["posts_per_second_" + how], "per s")
            report.add("manager's CPU for one / raw verification, %d keys, %s" % (keys, words),
                       f["manager_cpu_ns_per_post_" + how] / f["raw_verify_ns"],
                       "ratio", 4 if how == "kept" else None)


def revocation(report, f):
    if not f:
        return
    unit = f["tls_round_trip_ns"] + f["kernel_order_ns"]
    report.add("TLS round trip (median)", f["tls_round_trip_ns"] / 1e6, "ms")
    report.add("verification of one order by the kernel (median)", f["kernel_order_ns"] / 1e6,
               "ms")
    report.add("p99 of the two in turn / (TLS round trip + one order verification)",
               f["unit_p99_ns"] / unit, "ratio")
    for which in ("p50", "p99", "max"):
        report.add("revoke answered to first refusal, %s of %d" % (which, f["revocations"]),
                   f["revoke_to_refusal_%s_ns" % which] / 1e6, "ms")
    for which in ("p50", "p99", "max"):
        report.add("the same, %s / (TLS round trip + one order verification)" % which,
                   f["revoke_to_refusal_%s_ns" % which] / unit, "ratio",
                   3 if which == "p99" else None)
    report.add("the same, p99 / p99 of the two in turn",
               f["revoke_to_refusal_p99_ns"] / f["unit_p99_ns"], "ratio")


def so_many(n):
    return "1 manager" if n == 1 else "%d managers" % n


def by_managers(f, prefix):
    """The two numbers that end the names of figures, in order."""
    return sorted(tuple(int(n) for n in k.rsplit("_", 2)[1:])
                  for k in f if k.startswith(prefix))


def leases(report, f):
    if not f:
        return
    # One and the same operation each time; what else the machine did only adds.
    sign = min(v for k, v in f.items() if k.startswith("sign_ns_"))
    checks = by_managers(f, "check_ns_")
    for n, exceptions in checks:
        where = "%s, %s exceptions" % (so_many(n), format(exceptions, ","))
        # One when the use begins, one when its result is released.
        report.add("2 lease checks / a signature, %s" % where,
                   2 * f["check_ns_%d_%d" % (n, exceptions)] / sign, "ratio", 0.01)
    n, exceptions = checks[-1]
    report.add("the last one's standard error",
               2 * f["check_error_ns_%d_%d" % (n, exceptions)] / sign, "ratio")
    report.add("the same: signature with leases / without, less 1",
               f["sign_more_ns_%d_%d" % (n, exceptions)] / sign, "ratio")
    report.add("its standard error", f["sign_more_error_ns_%d_%d" % (n, exceptions)] / sign,
               "ratio")
    for what, names in (("lease", "exceptions"), ("revoke", "elements")):
        for n, count in by_managers(f, what + "_apply_ns_"):
            which = "a %s of %s %s, %s" % (what, format(count, ","), names, so_many(n))
            apply = f["%s_apply_ns_%d_%d" % (what, n, count)]
            report.add("order-apply of %s" % which, 1e9 / apply, "per s")
            report.add("%s / its verification alone" % which,
                       apply / f["%s_verify_ns_%d_%d" % (what, n, count)], "ratio")
    for challenges, n in by_managers(f, "evidence_ns_")[1:]:
        report.add("evidence with %d challenges / with 1, %d managers" % (challenges, n),
                   f["evidence_ns_%d_%d" % (challenges, n)] / f["evidence_ns_1_%d" % n], "ratio")
    report.add("end of the leases to the first refusal, median", f["end_to_refusal_ms"], "ms")
    report.add("the same, longest", f["end_to_refusal_longest_ms"], "ms")


def sealing(report, f):
    for n in sorted(int(k.rsplit("_", 1)[1]) for k in f if k.startswith("plain_ns_")):
        keys = "%s keys" % format(n, ",")
        report.add("a key made and stored / a key made and not sealed, %s" % keys,
                   f["stored_ns_%d" % n] / f["plain_ns_%d" % n], "ratio")
        report.add("the last tenth of them / the first tenth, %s" % keys,
                   f["stored_last_ns_%d" % n] / f["stored_first_ns_%d" % n], "ratio")
        report.add("sealing and storing all at once, per key / making one, %s" % keys,
                   f["seal_ns_%d" % n] / f["plain_ns_%d" % n], "ratio")
        report.add("unsealing all, per key / making one, %s" % keys,
                   f["unseal_ns_%d" % n] / f["plain_ns_%d" % n], "ratio")


def main():
    directory, release, output = sys.argv[1:]
    report = Report()
    kernel(report, figures(directory, "kernel"), release)
    verification(report, figures(directory, "verify"))
    posts(report, directory)
    fleet(report, figures(directory, "fleet"))
    revocation(report, figures(directory, "revoke"))
    leases(report, figures(directory, "lease"))
    sealing(report, figures(directory, "seal"))
    report.print()
    with open(output, "w", encoding="ascii") as f:
        json.dump(report.rows, f, indent=1)
        f.write("\n")
    print("Written to %s" % os.path.relpath(output))


if __name__ == "__main__":
    main()
