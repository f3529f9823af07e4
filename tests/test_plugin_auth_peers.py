"""Passwords and tokens as other programs make them."""

import json

from rig import node
from test_plugin_auth import BASIC, basic, bearer, guarded


def test_passwords_by_argon2id(recorder):
    # "password", as the reference code hashes it
    known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
    with guarded(recorder, {**BASIC, "users": [f"alice:{known}"]}) as product:
        assert product.get("/", basic("alice", "password")).status == 200
        assert product.get("/", basic("alice", "Password")).status == 401
        assert product.get("/", basic("bob", "password")).status == 401
    assert [one.get("X-User") for one in recorder.requests] == ["alice"]


@node.needs("jose")
def test_tokens_and_keys_of_jose(recorder, tmp_path):
    """What a library that many issuers use makes, by a set of its keys."""
    algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
                  "EdDSA"]
    made = node.run("jose_tokens.js", *algorithms)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(made["jwks"]))
    plugin = {"type": "jwt", "jwks_file": str(keys), "algorithm": algorithms,
              "issuer": ["https://issuer.test"], "audience": ["shop"],
              "claim_headers": {"X-User": "sub"}}
    with guarded(recorder, plugin) as product:
        for algorithm, text in made["tokens"].items():
            assert product.get("/", bearer(text)).status == 200, algorithm
            head, claims, proof = text.split(".")
            other = made["tokens"]["ES256" if algorithm != "ES256" else "RS256"].split(".")
            for wrong in (".".join([head, claims, other[2]]), ".".join([other[0], claims, proof]),
                          ".".join([head, other[1], proof]), f"{head}.{claims}."):
                assert product.get("/", bearer(wrong)).status == 401, algorithm
    assert [one.all("X-User") for one in recorder.requests] == [["alice ü".encode()]] * len(algorithms)
