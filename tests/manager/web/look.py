#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Show a manager's page in headless Chromium, and write down what it made of it.

Headless Chromium cannot be given a client certificate on its command line, so it
asks a small relay on loopback, which has it.  The relay passes the manager's own
headers on, Content-Security-Policy above all.
"""

import argparse
import http.client
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading

BROWSER = "chromium-headless-shell"
# Without a sandbox of its own, since tests run as root, and asking nobody else.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--window-size=1280,900", "--hide-scrollbars"]
PASSED = ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Cache-Control")
TIMEOUT_S = 120


def relay(port, ca, certificate, key):
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):                   # noqa: N802 - the base class wants this name
            upstream = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
            upstream.request("GET", self.path)
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name in PASSED:
                if answer.getheader(name):
                    self.send_header(name, answer.getheader(name))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        def log_message(self, *_args):      # what is asked for is no news
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def browse(url, *options):
    """With a profile that nothing is left of."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run([BROWSER, *OPTIONS, f"--user-data-dir={profile}", *options, url],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT_S, check=False,
                              env={**os.environ, "HOME": profile})
    if done.returncode:
        sys.exit(f"{BROWSER} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="the manager's, on 127.0.0.1")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--picture", help="a PNG file to write")
    parser.add_argument("place", help="what follows the address: \"#/\", \"#/hsm/ID\"")
    options = parser.parse_args(argv)

    port = relay(options.port, options.ca, options.certificate, options.key)
    url = f"http://127.0.0.1:{port}/{options.place}"
    # Time that is not waited for: the browser runs timers until this much has passed
    # for the page, and meanwhile stands still while anything is being fetched.
    budget = "--virtual-time-budget=3000"
    if options.picture:
        browse(url, budget, f"--screenshot={options.picture}")
    done = browse(url, budget, "--dump-dom", "--enable-logging=stderr")
    print(done.stdout)
    for line in done.stderr.splitlines():
        if "CONSOLE" in line:
            print(f"<!-- {line} -->")


if __name__ == "__main__":
    main(sys.argv[1:])
