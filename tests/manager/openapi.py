# SPDX-License-Identifier: GPL-2.0
"""Documentation/openapi.yaml against the table of routes, and against every answer that
the tests of the manager got (ask.c writes them down); /metrics by an unrelated parser."""

import json
import os
import re

import jsonschema
import prometheus_client.parser
import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC = os.path.join(TOP, "Documentation/openapi.yaml")
ROUTES = os.path.join(TOP, "userspace/manager/api.c")
METHODS = ("get", "post", "put", "delete")
ROLES = ["administrator", "operator", "auditor", "metrics"]
# What the table says by one word.
WORDS = {"SERVER_PUBLIC": [], "ZKHSMD_ADMINISTRATOR": ["administrator"],
         "ZKHSMD_OPERATOR": ["operator"], "ZKHSMD_AUDITOR": ["auditor"],
         "ZKHSMD_METRICS": ["metrics"], "ZKHSMD_READERS": ["administrator", "operator", "auditor"],
         "ZKHSMD_WORKERS": ["administrator", "operator"]}


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def routes():
    """(method, path) to the roles and the media types of bodies, of api.c."""
    with open(ROUTES) as file:
        source = file.read()
    macros = dict(re.findall(r"^#define\s+(\w+)\s+(.*)$", source, re.M))
    table = source[source.index("zkhsmd_routes[] = {"):source.index("zkhsmd_route_count")]
    found = {}
    for text in re.findall(r"^\t\{ (.*?) \},$", table, re.M | re.S):
        method = text.split(",")[0].lower()
        for name in re.findall(r"\b[A-Z]+\b", text):
            text = text.replace(name, macros.get(name, name)) if name in macros else text
        path = re.search(r'\.path = "([^"]*)"', text)[1]
        roles = {role for word in re.findall(r"SERVER_PUBLIC|ZKHSMD_[A-Z]+",
                                             re.search(r"\.roles = ([^,]*)", text)[1])
                 for role in WORDS[word]}
        media = re.search(r'\.media = "([^"]*)"', text)
        entry = found.setdefault((method, path), ([r for r in ROLES if r in roles], set()))
        if media:
            entry[1].add(media[1])
    return found


def operations(spec):
    return {(method, shape(path)): operation for path, item in spec["paths"].items()
            for method, operation in item.items() if method in METHODS}


def check_table(spec):
    """What the file and the table do not agree on."""
    wrong = []
    table, described = routes(), operations(spec)
    for key in sorted(table.keys() | described.keys()):
        name = " ".join(key)
        if key not in described:
            wrong.append(f"{name}: not in openapi.yaml")
        elif key not in table:
            wrong.append(f"{name}: no route of api.c")
        else:
            roles, media = table[key]
            operation = described[key]
            if operation.get("x-roles", []) != roles:
                wrong.append(f"{name}: roles {roles}, not {operation.get('x-roles', [])}")
            if bool(roles) != ("security" in operation):
                wrong.append(f"{name}: security")
            if set(operation.get("requestBody", {}).get("content", {})) != media:
                wrong.append(f"{name}: bodies are {sorted(media)}")
    names = [operation["operationId"] for operation in described.values()]
    wrong += [f"operationId {name} twice" for name in names if names.count(name) > 1]
    return wrong


def check_schemas(spec):
    """Schemas that are none, and references to nothing."""
    wrong = []
    for name, schema in spec["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            wrong.append(f"{name}: {error.message}")
    for ref in set(re.findall(r"'#/components/([^']*)'", str(spec))):
        section, _, name = ref.partition("/")
        if name not in spec["components"][section]:
            wrong.append(f"{ref} is not there")
    return wrong


class Answers:
    """Those that were written down, held against the file."""

    def __init__(self, spec, path):
        self.spec, self.path = spec, path
        self.resolver = jsonschema.RefResolver.from_schema(spec)
        self.seen, self.count = set(), 0

    def operation(self, method, path):
        """Of the paths that fit, the one that is there in so many words."""
        wanted = path.split("?")[0].split("/")
        fits = []
        for template, item in self.spec["paths"].items():
            parts = template.split("/")
            if method.lower() in item and len(parts) == len(wanted) and \
               all(p == w or p.startswith("{") for p, w in zip(parts, wanted)):
                fits.append((template.count("{"), template, item[method.lower()]))
        return min(fits, key=lambda fit: fit[:2])[1:] if fits else (None, None)

    def check_one(self, answer):
        """Why it is not as described, or None."""
        template, operation = self.operation(answer["method"], answer["path"])
        status, media = str(answer["status"]), answer["media"]
        if not operation:
            return None if answer["status"] in (404, 405) else "no such operation"
        response = operation["responses"].get(status)
        if response is None and answer["status"] >= 400:
            response = self.spec["components"]["responses"]["Problem"]
        if response is None:
            return f"{status} is not described"
        self.seen.add((answer["method"].lower(), template, status))
        content = response.get("content", {})
        if not content:
            return "a body where there is none" if answer.get("body") else None
        media = media.split(";")[0]
        if media not in content and "*/*" not in content:
            return f"{media} is not described"
        schema = content.get(media, content.get("*/*"))["schema"]
        body = answer.get("body")
        if media == "application/x-ndjson" and isinstance(body, str):
            bodies = [json.loads(line) for line in body.splitlines()]
        else:
            bodies = [body]
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        for body in bodies:
            for error in validator.iter_errors(body):
                where = "/".join(str(part) for part in error.absolute_path)
                return f"{where}: {error.message[:300]}"
        return None

    def check(self):
        wrong = {}
        with open(self.path) as file:
            for line in file:
                answer = json.loads(line)
                self.count += 1
                why = self.check_one(answer)
                if why:
                    name = re.sub(r"[0-9a-f]{64}", "HASH", answer["path"].split("?")[0])
                    wrong[f"{answer['method']} {name} {answer['status']}: {why}"] = True
        return list(wrong)

    def unseen(self):
        return [f"{method} {path}" for path, item in self.spec["paths"].items() for method in item
                if not any(seen[:2] == (method, path) and seen[2] < "400" for seen in self.seen)]

    def metrics(self):
        with open(self.path) as file:
            return [answer["body"] for answer in map(json.loads, file)
                    if answer["path"] == "/metrics" and answer["status"] == 200]


def check_metrics(text):
    """What prometheus_client, or whoever pays for each series, would not like."""
    wrong = []
    families = list(prometheus_client.parser.text_string_to_metric_families(text))
    if re.search(r"[0-9a-f]{16}", text):
        wrong.append("something like an id is in it")
    for family in families:
        if not re.match(r"(zkhsm|process)_[a-z_]+$", family.name) or not family.documentation:
            wrong.append(f"{family.name}: its name or help")
        if family.type not in ("counter", "gauge", "histogram"):
            wrong.append(f"{family.name} is {family.type}")
        if family.type == "counter" and f"{family.name}_total" not in text:
            wrong.append(f"{family.name} does not end in _total")
        labels = {label for sample in family.samples for label in sample.labels}
        if labels - {"state", "reason", "code", "le", "queue", "scope", "action", "verdict", "by",
                     "version", "openssl", "sqlite"}:
            wrong.append(f"{family.name}: labels {labels}")
        counts = [s.value for s in family.samples if s.name.endswith("_bucket")]
        if counts != sorted(counts):
            wrong.append(f"{family.name}: buckets are not cumulative")
    names = [family.name for family in families]
    wrong += [f"{name} twice" for name in set(names) if names.count(name) > 1]
    for name in ("zkhsm_attestation_requests", "zkhsm_attestation_failures", "zkhsm_keys",
                 "zkhsm_hsms", "zkhsm_proof_verify_duration_seconds", "zkhsm_build_info",
                 "zkhsm_revocation_list_number", "zkhsm_tokens_issued", "zkhsm_tokens_refused",
                 "zkhsm_store_commit_duration_seconds", "process_cpu_seconds"):
        if name not in names:
            wrong.append(f"no {name}")
    return wrong


def check(record):
    """Results as (what, why not)."""
    with open(SPEC) as file:
        spec = yaml.safe_load(file)
    answers = Answers(spec, record)
    results = [("openapi.yaml: its schemas are ones", check_schemas(spec)),
               ("openapi.yaml: each route of api.c, and no other", check_table(spec)),
               ("openapi.yaml: every answer of these tests is as it says", answers.check())]
    for text in answers.metrics()[:1] or [""]:
        results.append(("/metrics: as an unrelated parser wants it", check_metrics(text)))
    print(f"# {answers.count} answers; never good in these tests: "
          f"{', '.join(answers.unseen()) or 'none'}")
    return results
