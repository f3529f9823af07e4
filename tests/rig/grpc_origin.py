"""A gRPC server (python3-grpcio) without generated code: messages are bytes."""

import contextlib
import threading
from concurrent import futures

import grpc

SERVICE = "test.Calls"


class Calls(grpc.GenericRpcHandler):
    """All four kinds of calls, and what became of them."""

    def __init__(self):
        self.cancelled = threading.Event()  # a call that waits was given up
        self.started = threading.Event()
        self.metadata = []  # of each call, as pairs
        self.remaining = []  # seconds that the client left each call; None: no deadline

    def service(self, call):
        kinds = {
            "Echo": grpc.unary_unary_rpc_method_handler(self._noted(lambda one, _: one)),
            "Fail": grpc.unary_unary_rpc_method_handler(self._noted(self._fail)),
            "Wait": grpc.unary_unary_rpc_method_handler(self._noted(self._wait)),
            "Count": grpc.unary_stream_rpc_method_handler(self._noted(self._count)),
            "Drip": grpc.unary_stream_rpc_method_handler(self._noted(self._drip)),
            "Sum": grpc.stream_unary_rpc_method_handler(
                self._noted(lambda many, _: str(sum(map(len, many))).encode())),
            "Talk": grpc.stream_stream_rpc_method_handler(
                self._noted(lambda many, _: (one[::-1] for one in many))),
        }
        service, _, method = call.method.rpartition("/")
        return kinds.get(method) if service == "/" + SERVICE else None

    def _noted(self, behaviour):
        def call(request, context):
            self.metadata.append(list(context.invocation_metadata()))
            self.remaining.append(context.time_remaining())
            context.set_trailing_metadata((("x-end", "yes"),))
            return behaviour(request, context)
        return call

    def _fail(self, request, context):
        context.abort(grpc.StatusCode.DATA_LOSS, "lost: " + request.decode())

    def _wait(self, _, context):
        context.add_callback(self.cancelled.set)
        self.started.set()
        self.cancelled.wait(30)
        return b""

    def _count(self, request, _):
        return (str(number).encode() for number in range(int(request)))

    def _drip(self, _, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.started.set()
        self.cancelled.wait(30)


@contextlib.contextmanager
def serving():
    """(its address, its Calls)"""
    calls = Calls()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=UNLIMITED)
    server.add_generic_rpc_handlers((calls,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", calls
    finally:
        calls.cancelled.set()
        server.stop(0).wait()


UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
             ("grpc.enable_http_proxy", 0)]


@contextlib.contextmanager
def channel(address):
    """A client; call(kind)("Method") makes calls with bytes."""
    with grpc.insecure_channel(address, options=UNLIMITED) as open_channel:
        yield lambda kind, method: getattr(open_channel, kind)(f"/{SERVICE}/{method}")

