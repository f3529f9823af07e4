"""python3-grpcio as server and client of tests/data/peers.proto.

A client makes the same calls in every language and tells what it saw in the same form: SEEN.
"""

import contextlib
import functools
import importlib.util
import os
import random
import subprocess
import tempfile
import threading
from concurrent import futures

import grpc
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from .deadline import seconds
from .grpc_origin import UNLIMITED
from .vectors import DATA

PROTO = os.path.join(DATA, "peers.proto")
SERVICE = "test.Peers"
CODES = {code.value[0]: code for code in grpc.StatusCode}
GIVEN_UP = 4  # calls of a client that are given up

SEEN = {
    "echo": ["h\u00e9llo", [0, 1, 255], {"a": -1, "b": 1 << 30}],
    "metadata": ["some words", [0, 255, 10], "yes"],
    "big": True, "empty": 0,
    "count": [list(range(-50, 50)), 0, ["yes"]],
    "broken": [[0, 1, 2], 10, ["yes"]],
    "sum": 499500,
    "talk": [[f"turn {turn}" for turn in range(20)], 0],
    "failures": [[code, f"100% \u00e9 {code}", "yes"] for code in range(1, 17)],
    "unknown": 12, "deadline": 4, "cancelled": 1, "dropped": [[0], 1], "late": [[0], 4],
}


@functools.cache
def messages():
    """The module that protoc makes."""
    with tempfile.TemporaryDirectory(prefix="peers-proto-") as made:
        subprocess.run(["protoc", f"--proto_path={DATA}", f"--python_out={made}", PROTO],
                       check=True)
        spec = importlib.util.spec_from_file_location("peers_pb2",
                                                      os.path.join(made, "peers_pb2.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def methods():
    """{name: (kind of the call, class of its requests, class of its answers)}"""
    found = {}
    for method in messages().DESCRIPTOR.services_by_name["Peers"].methods:
        described = MethodDescriptorProto()
        method.CopyToProto(described)
        kind = "_".join("stream" if one else "unary" for one in (described.client_streaming,
                                                                 described.server_streaming))
        found[method.name] = (kind, getattr(messages(), method.input_type.name),
                              getattr(messages(), method.output_type.name))
    return found


class Server(grpc.GenericRpcHandler):
    """Answers the calls."""

    def __init__(self):
        self._given_up = 0
        self._lock = threading.Lock()

    def service(self, call):
        service, _, name = call.method.rpartition("/")
        if service != "/" + SERVICE or name not in methods():
            return None
        kind, asked, answer = methods()[name]
        make = getattr(grpc, kind + "_rpc_method_handler")
        return make(self._with_end(getattr(self, name)), asked.FromString,
                    answer.SerializeToString)

    @staticmethod
    def _with_end(behaviour):
        def call(asked, context):
            context.set_trailing_metadata((("x-end", "yes"),))
            return behaviour(asked, context)
        return call

    def _until_given_up(self, context):
        """An event; the call counts when the client is gone."""
        ended = threading.Event()

        def end():
            with self._lock:
                self._given_up += 1
            ended.set()

        if not context.add_callback(end):
            end()  # it is gone already
        return ended

    def Echo(self, asked, context):
        context.send_initial_metadata([pair for pair in context.invocation_metadata()
                                       if pair[0].startswith("x-sent")])
        return asked

    def Count(self, asked, context):
        ended = self._until_given_up(context) if asked.endless else None
        for value in range(getattr(asked, "from"), asked.to):
            yield messages().Number(value=value)
        if ended:
            ended.wait(30)
        elif asked.HasField("failure"):
            context.abort(CODES[asked.failure.code], asked.failure.details)

    def Sum(self, asked, _):
        return messages().Number(value=sum(one.value for one in asked))

    def Talk(self, asked, _):
        yield from asked

    def Fail(self, asked, context):
        context.abort(CODES[asked.code], asked.details)

    def Wait(self, _, context):
        context.send_initial_metadata(())  # the client sees that it has begun
        self._until_given_up(context).wait(30)
        return messages().Message()

    def GivenUp(self, *_):
        return messages().Number(value=self._given_up)


@contextlib.contextmanager
def serving():
    """The address of a server."""
    server = grpc.server(futures.ThreadPoolExecutor(16), options=UNLIMITED)
    server.add_generic_rpc_handlers((Server(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextlib.contextmanager
def channel(address, ca=None):
    """{name: what makes the call}"""
    if ca:
        with open(ca, "rb") as file:
            made = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()),
                                       UNLIMITED)
    else:
        made = grpc.insecure_channel(address, UNLIMITED)
    with made as opened:
        yield {name: getattr(opened, kind)(f"/{SERVICE}/{name}", asked.SerializeToString,
                                           answer.FromString)
               for name, (kind, asked, answer) in methods().items()}, opened


def converse(address, ca=None):
    """What grpcio sees: SEEN, if all is well."""
    with channel(address, ca) as (calls, opened):
        return {**_whole(calls), **_failing(calls, opened), **_given_up(calls, opened)}


def _whole(calls):
    pb = messages()
    limit = {"timeout": seconds(20)}
    message = pb.Message(text="h\u00e9llo", data=b"\0\1\xff", tags={"a": -1, "b": 1 << 30})
    echo, done = calls["Echo"].with_call(
        message, metadata=(("x-sent", "some words"), ("x-sent-bin", b"\0\xff\n")), **limit)
    head, end = dict(done.initial_metadata()), dict(done.trailing_metadata())
    big = random.randbytes(8 << 20)

    def turns():
        for turn in range(20):
            yield pb.Message(text=f"turn {turn}")

    talk = calls["Talk"](turns(), **limit)
    return {
        "echo": [echo.text, list(echo.data), dict(echo.tags)],
        "metadata": [head["x-sent"], list(head["x-sent-bin"]), end["x-end"]],
        "big": calls["Echo"](pb.Message(data=big), **limit).data == big,
        "empty": len(calls["Echo"](pb.Message(), **limit).data),
        "count": _numbers(calls["Count"](_range(-50, 50), **limit)),
        "broken": _numbers(calls["Count"](
            _range(0, 3, failure=pb.Failure(code=10, details="enough")), **limit)),
        "sum": calls["Sum"](iter([pb.Number(value=value) for value in range(1000)]),
                            **limit).value,
        "talk": [[one.text for one in talk], talk.code().value[0]],
    }


def _range(start, to, **more):
    return messages().Range(**{"from": start, "to": to, **more})


def _numbers(call):
    """[numbers, status, trailers x-end] of a stream, however it ended."""
    values = []
    with contextlib.suppress(grpc.RpcError):
        for one in call:
            values.append(one.value)
    return [values, call.code().value[0],
            [value for name, value in call.trailing_metadata() or () if name == "x-end"]]


def _failure(call, *args, **options):
    try:
        call(*args, **options)
    except grpc.RpcError as failure:
        return failure
    raise AssertionError("it did not fail")


def _failing(calls, opened):
    found = []
    for code in range(1, 17):
        failure = _failure(calls["Fail"], messages().Failure(code=code,
                                                             details=f"100% \u00e9 {code}"))
        found.append([failure.code().value[0], failure.details(),
                      dict(failure.trailing_metadata()).get("x-end")])
    unknown = _failure(opened.unary_unary(f"/{SERVICE}/None"), b"", timeout=seconds(20))
    return {"failures": found, "unknown": unknown.code().value[0]}


def _given_up(calls, opened):
    pb = messages()
    # As a stream: of a single answer grpcio shows the head only with the rest.
    waiting = opened.unary_stream(f"/{SERVICE}/Wait")(b"", timeout=seconds(20))
    waiting.initial_metadata()
    waiting.cancel()
    drip = calls["Count"](_range(0, 1, endless=True), timeout=seconds(20))
    first = next(drip).value
    drip.cancel()
    late = calls["Count"](_range(0, 1, endless=True), timeout=0.5)
    return {
        "deadline": _failure(calls["Wait"], pb.Message(), timeout=0.3).code().value[0],
        "cancelled": waiting.code().value[0],
        "dropped": [[first], drip.code().value[0]],
        "late": _numbers(late)[:2],
    }
