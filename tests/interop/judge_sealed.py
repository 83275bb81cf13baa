# SPDX-License-Identifier: GPL-2.0
"""What an opener says about a case of tests/vectors/sealed.json.

The opener is an argument: tests/interop/unseal.py, or one that was spoilt to
see whether any case notices.
"""

import verify


def unhex(case, *names):
    return [bytes.fromhex(case[n]) for n in names]


def same(wanted, got):
    if wanted != got:
        raise verify.Untrue("something else comes out", "result")


def opened(opener, case, field):
    data, kek, hsm_id = unhex(case, field, "kek", "hsm_id")
    s = opener(data, kek, hsm_id)
    if "body" in case:
        same(bytes.fromhex(case["body"]), s["body"])


def derived(u, case):
    kek, salt = unhex(case, "kek", "salt")
    same(unhex(case, "kek_id", "key", "set_key"),
         [u.kek_id(kek), u.one_time_key(kek, salt, case["type"]), u.set_key(kek)])


def state(u, case):
    head, kek = unhex(case, "head", "kek")
    u.open_state(head, [bytes.fromhex(r) for r in case["records"]], kek)


SECTIONS = {
    "keys": derived,
    "records": lambda u, c: opened(u.open_record, c, "record"),
    "heads": lambda u, c: opened(u.open_head, c, "head"),
    "states": state,
}


def verdict(u, section, case):
    """Verdict and reason; anything the opener did not expect is its own failure."""
    try:
        SECTIONS[section](u, case)
    except verify.Malformed as e:
        return "malformed", e.reason
    except verify.Untrue as e:
        return "false", e.reason
    except verify.Unsupported as e:
        return "unsupported", e.reason
    except verify.Refused as e:
        return "refused", e.reason
    return "ok", ""


def expected(case):
    """What is derived has no verdict: it is right or not."""
    return case.get("verdict", "ok"), case.get("reason", "")
