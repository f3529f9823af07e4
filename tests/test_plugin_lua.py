"""Scripts in a running proxy: every kind of request, failures, bodies, reload."""

import os
import re

import pytest

from rig import h2, product as rig
from rig.client import request
from rig.origin import Origin, response
from rig.product import ROOT, config


def with_script(origin, code, uses=("s",), **parts):
    """A product whose one location runs this script."""
    location = {**parts.pop("location", {}), "plugins": list(uses)}
    options = parts.pop("options", {})
    conf = config(origin.addr, location=location, **parts)
    conf["plugins"] = {"s": {"type": "lua", "code": code, **options}}
    return rig.Product(conf)


def fails(answer):
    """The client gets an error page of the script's failure."""
    return answer.status == 500 and b"script_failed" in answer.body


def test_script_changes_what_the_backend_gets(recorder):
    code = """
function on_request()
  request.headers["X-Who"] = request.client_ip
  request.headers["X-Secret"] = nil
  request.path = "/v2" .. request.path
  request.query = "a=1"
end
"""
    with with_script(recorder, code) as product:
        answer = product.get("/x?y", [("X-Who", "evil"), ("X_Who", "evil"), ("X-Secret", "s")])
    assert answer.status == 200
    seen = recorder.requests[-1]
    assert seen.target == b"/v2/x?a=1" or seen.target == "/v2/x?a=1"
    assert seen.all("X-Who") == [b"127.0.0.1"]
    assert seen.all("X-Secret") == []


def test_script_answers_every_kind_of_request(recorder):
    code = "function on_request() return respond(403, {['X-By'] = 's'}, 'no\\n') end"
    with with_script(recorder, code) as product:
        answer = product.get("/")
        assert (answer.status, answer.body, answer.get("X-By")) == (403, b"no\n", "s")
        head = product.get("/", method="HEAD")
        assert (head.status, head.get("Content-Length")) == (403, "3")
        assert product.get("/", method="POST", body=b"abc").status == 403
        with h2.connect(product) as client:
            client.request(1, h2.head())
            assert client.answer(1).status == 403
    assert not recorder.requests


def test_script_on_a_server_decides_where_it_goes(recorder):
    conf = config(recorder.addr, location={"path": "/new"},
                  server={"plugins": ["s"]})
    conf["plugins"] = {"s": {"type": "lua",
                             "code": "function on_request() request.path = '/new/x' end"}}
    with rig.Product(conf) as product:
        assert product.get("/old").status == 200


def test_failing_request_hook_is_a_500_and_a_line_in_the_log(recorder):
    code = "\nfunction on_request()\n  if request.path == '/bad' then nothing() end\nend"
    with with_script(recorder, code) as product:
        assert fails(product.get("/bad"))
        assert product.get("/good").status == 200
        line = product.wait_log(2)[0]
        assert (line["reason"], line["status"]) == ("script_failed", 500)
        said = product.wait_line("the script has failed")
    assert "[plugins.s]" in said and "code:3:" in said and "nothing" in said
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("body", [
    "while true do end",
    "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
    "local function f() return f() + 1 end f()",
    "error({})",
    "return ('a'):rep(5000):find(('.-'):rep(9) .. 'b')",
    "request.headers.x = 'a\\r\\nb: c'",
    "request.headers['Transfer-Encoding'] = 'chunked'",
    "respond(101)",
])
def test_no_script_takes_the_proxy_down(recorder, body):
    code = f"function on_request() if request.path == '/bad' then {body} end end"
    with with_script(recorder, code) as product:
        for _ in range(3):
            assert fails(product.get("/bad"))
            assert product.get("/").status == 200
        product.check_alive()


def test_script_changes_the_answer(recorder):
    code = """
function on_request() ctx.path = request.path end
function on_response()
  response.headers["X-Path"] = ctx.path
  response.headers["Content-Type"] = nil
  if response.status == 200 then response.status = 202 end
end
"""
    with with_script(recorder, code) as product:
        answer = product.get("/p")
    assert (answer.status, answer.get("X-Path")) == (202, "/p")


@pytest.mark.parametrize("location", [{}, {"response_buffering": True}])
def test_failing_response_hook_is_a_500(recorder, location):
    code = """
function on_response()
  if request.path == "/bad" and response.status == 200 then error("mine") end
end
"""
    with with_script(recorder, code, location=location) as product, product.client() as client:
        for _ in range(3):
            client.send(request("/bad"))
            assert fails(client.response())
            client.send(request("/good"))
            assert client.response().status == 200
        assert [line["reason"] for line in product.wait_log(6)] == ["script_failed", ""] * 3


def test_failing_response_hook_on_an_answer_of_ours(recorder):
    code = "function on_response() error('mine') end"
    with with_script(recorder, code) as product:
        product.conf["plugins"]["m"] = {"type": "mock", "body": "x"}
        product.conf["locations"]["all"]["plugins"] = ["s", "m"]
        product.write_config()
        assert product.order("reload")[0] == 0
        assert fails(product.get("/"))
        assert fails(product.get("/", method="POST", body=b"x" * 100_000))
        with h2.connect(product) as client:
            client.request(1, h2.head(("content-type", "application/grpc"), ("te", "trailers"),
                                      method="POST", path="/a.B/C"))
            assert client.answer(1).get("grpc-status") == "2"


def test_failing_response_hook_of_an_upgrade():
    async def upgrade(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        b"Upgrade: websocket\r\n"
                        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        await conn.end()

    with Origin(upgrade) as origin:
        code = "function on_response() if response.status == 101 then error('x') end end"
        with with_script(origin, code) as product, product.client() as client:
            client.send(request("/", [("Connection", "Upgrade"), ("Upgrade", "websocket"),
                                      ("Sec-WebSocket-Version", "13"),
                                      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]))
            assert fails(client.response())


def test_bodies_go_through_the_script():
    code = """
function on_request_body(chunk, last) return chunk:upper() end
function on_response_body(chunk, last)
  ctx.bytes = (ctx.bytes or 0) + #chunk
  if last then return chunk .. " (" .. ctx.bytes .. ")" end
  return chunk
end
"""
    with Origin(answer=lambda seen: response(body=seen.body)) as origin:
        with with_script(origin, code) as product, product.client() as client:
            for size in (1, 20_000, 300_000):
                client.send(request("/", method="POST", body=b"x" * size))
                answer = client.response()
                assert answer.body == b"X" * size + f" ({size})".encode()


def test_failing_body_hooks(recorder):
    code = """
function on_request_body(chunk) if chunk:find("bad") then error("mine") end end
function on_response_body(chunk) if request.path == "/cut" then error("mine") end end
"""
    with with_script(recorder, code) as product:
        assert fails(product.get("/", method="POST", body=b"bad"))
        assert product.get("/", method="POST", body=b"good").status == 200
        with pytest.raises(Exception):
            product.get("/cut")  # it breaks off
        assert product.get("/").status == 200
        reasons = [line["reason"] for line in product.wait_log(4)]
    assert reasons == ["script_failed", "", "script_failed", ""]


def test_log_hook_sees_the_end(recorder):
    code = "function on_log() log('warn', 'seen ' .. response.status .. ' ' .. var.upstream_addr) end"
    with with_script(recorder, code) as product:
        product.get("/")
        product.wait_line(r"seen 200 " + re.escape(recorder.addr))


def test_workers_share_nothing(recorder):
    code = "n = 0 function on_request() n = n + 1 request.headers['X-N'] = n end"
    with with_script(recorder, code, basic={"threads": 3}) as product:
        for _ in range(60):
            product.get("/")
    counts = [int(one.get("X-N")) for one in recorder.requests]
    assert len(counts) == 60
    assert 1 < counts.count(1) <= 3  # each of the workers that had any began at one


def test_script_in_a_file_is_loaded_anew(recorder):
    with with_script(recorder, "function on_log() end") as product:
        path = product.path("s.lua")
        write(path, "function on_request() return respond(200, nil, 'one') end")
        product.conf["plugins"]["s"] = {"type": "lua", "file": path}
        product.write_config()
        assert product.order("reload")[0] == 0
        assert product.get("/").body == b"one"
        write(path, "function on_request() return respond(200, nil, 'two!') end")
        assert product.order("reload")[0] == 0
        assert product.get("/").body == b"two!"
        write(path, "function on_request()\n  return return\nend")
        code, _, err = product.order("reload")
        assert code == 3
        assert "s.lua:2:" in err
        assert product.get("/").body == b"two!"


def test_script_of_which_a_part_is_missing(recorder):
    """As a full disk leaves it, or a copy that is under way: what runs goes on."""
    text = "function on_request()\n  return respond(200, nil, 'one')\nend\n"
    with with_script(recorder, text) as product:
        path = product.path("s.lua")
        write(path, text)
        product.conf["plugins"]["s"] = {"type": "lua", "file": path}
        product.write_config()
        assert product.order("reload")[0] == 0
        for size in (0, 10, len(text) - 5):
            write(path, text[:size])
            assert product.order("reload")[0] == 3, size
            assert product.get("/").body == b"one"
        os.unlink(path)
        code, _, err = product.order("reload")
        assert code == 3 and "cannot read the script" in err
        assert product.get("/").body == b"one"
        write(path, text.replace("one", "two"))
        assert product.order("reload")[0] == 0
        assert product.get("/").body == b"two"


def test_state_of_an_exchange_that_outlives_its_script(recorder):
    """What a script keeps of a request is let go when its script may be gone already."""
    code = "function on_request() ctx.a = {} end function on_response_body() ctx.b = {} end"
    with with_script(recorder, code) as product:
        for number in range(5):
            product.get("/")
            product.conf["plugins"]["s"]["code"] = code + f" n = {number}"
            product.write_config()
            with product.client() as client:
                client.send(request("/", method="POST", body=b"abc")[:-1])
                assert product.order("reload")[0] == 0
                client.send(b"c")
                assert client.response().status == 200
        product.check_alive()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def examples():
    """The scripts of docs/plugins-lua.md, by the heading they stand under."""
    with open(os.path.join(ROOT, "docs", "plugins-lua.md"), encoding="utf-8") as file:
        text = file.read()
    return {heading.strip(): code for heading, code in
            re.findall(r"### ([^\n]+)\n(?:(?!### ).)*?```lua\n(.*?)```", text, re.S)}


def test_example_keys(recorder):
    with with_script(recorder, examples()["Keys of clients"]) as product:
        assert product.get("/").status == 401
        assert product.get("/", [("X-Key", "wrong")]).status == 401
        assert product.get("/", [("X-Key", "7c1f")]).status == 200
    assert recorder.requests[-1].all("X-Client") == [b"reports"]
    assert recorder.requests[-1].all("X-Key") == []


def test_example_paths(recorder):
    with with_script(recorder, examples()["Paths by language"]) as product:
        product.get("/x", [("Accept-Language", "de-CH,de;q=0.9")])
        product.get("/x", [("Accept-Language", "fr")])
    assert [one.path() for one in recorder.requests] == ["/de/x", "/en/x"]


def test_example_masking():
    body = b"card 4111111111111111, order 12"
    with Origin(answer=lambda seen: response(body=body)) as origin:
        with with_script(origin, examples()["Masking numbers"]) as product:
            assert product.get("/").body == b"card ************1111, order 12"


def test_example_log():
    with Origin(answer=lambda seen: response(503, "Busy")) as origin:
        with with_script(origin, examples()["A line for what went wrong"]) as product:
            product.get("/x")
            product.wait_line(r"GET /x: 503 from " + re.escape(origin.addr))


def test_all_examples_are_tried():
    assert sorted(examples()) == ["A line for what went wrong", "Keys of clients",
                                  "Masking numbers", "Paths by language"]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_answer_without_a_body(recorder, status):
    code = f"function on_request() return respond({status}, {{['X-A'] = 'b'}}) end"
    with with_script(recorder, code) as product, product.client() as client:
        for _ in range(2):
            client.send(request("/"))
            answer = client.response()
            assert (answer.status, answer.body, answer.get("X-A")) == (status, b"", "b")
