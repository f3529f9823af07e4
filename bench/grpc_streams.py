#!/usr/bin/python3
"""How much later messages of open gRPC streams arrive through pingap.

    bench/grpc_streams.py [--streams N] [--rate N] [--seconds N]

A server echoes what comes on bidirectional streams; a client sends small messages on all of its
streams, one at a time on each, and says how long each took to come back: straight from the server
and through one worker, in turns. Client and server share the other core and are Python: the rate
is what those can do without queueing, far below what pingap can.
"""
import argparse
import asyncio
import contextlib
import multiprocessing
import time

import grpc

from peers import LOAD_CORE, PEERS, Setting, free_port, prepare_child, running
from run import work_folder

METHOD = "/bench.Echo/Chat"
MESSAGE = b"x" * 100
ROUNDS = 3


async def echo(requests, _):
    async for message in requests:
        yield message


async def serve(port):
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(echo)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("bench.Echo", {"Chat": handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def serving(port):
    prepare_child(LOAD_CORE)()
    asyncio.run(serve(port))


async def chat(channel, pause, end, times):
    """Messages on one stream, each after the answer to the one before."""
    call = channel.stream_stream(METHOD)()
    while time.monotonic() < end:
        start = time.monotonic()
        await call.write(MESSAGE)
        if await call.read() != MESSAGE:
            raise SystemExit("the stream did not echo")
        times.append((time.monotonic() - start) * 1e6)
        await asyncio.sleep(pause)
    await call.done_writing()
    if await call.code() != grpc.StatusCode.OK:
        raise SystemExit(f"a stream ended with {await call.code()}")


async def round_trips(port, options):
    """Times of all messages in µs."""
    times = []
    pause = options.streams / options.rate
    async with contextlib.AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]))
            for _ in range(4)]
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        end = time.monotonic() + options.seconds
        await asyncio.gather(*(chat(channels[i % 4], pause, end, times)
                               for i in range(options.streams)))
    return times


def at(times, share):
    return sorted(times)[int(len(times) * share)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--rate", type=int, default=500, help="messages a second, in all")
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    options = parser.parse_args()
    peer = PEERS["pingap"]
    peer.prepare()
    origin = free_port()
    server = multiprocessing.Process(target=serving, args=(origin,), daemon=True)
    server.start()
    prepare_child(LOAD_CORE)()
    straight, through = [], []
    with work_folder() as folder, running(peer, Setting(backend="h2c"), folder, origin) as proxy:
        for _ in range(ROUNDS):
            straight += asyncio.run(round_trips(origin, options))
            through += asyncio.run(round_trips(proxy.port, options))
    server.terminate()
    for name, times in (("straight", straight), ("through pingap", through)):
        print(f"{name}: {len(times)} messages, p50 {at(times, .5):,.0f} µs, "
              f"p99 {at(times, .99):,.0f} µs")
    print(f"added: p50 {at(through, .5) - at(straight, .5):,.0f} µs, "
          f"p99 {at(through, .99) - at(straight, .99):,.0f} µs")


if __name__ == "__main__":
    main()
