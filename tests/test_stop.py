"""The end of the process: drain, second signal, grace, logs, pid file (ST-01 to ST-04)."""

import os
import signal
import threading

import pytest

import test_websocket as ws
from rig.client import Client, Closed, request
from rig.deadline import until
from rig.origin import Gate, Origin, echo
from rig.product import front


async def never(conn):
    """A script that takes a request and does not answer it."""
    await conn.request()
    await conn.end()


def held(gate):
    """A script that answers /held when the gate opens, the rest at once."""

    async def script(conn):
        while True:
            message = await conn.request()
            if message is None:
                return
            if message.path().startswith("/held"):
                await gate.wait()
            await conn.send(echo(message))

    return script


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_st01_requests_under_way_are_finished_and_idle_connections_closed(number):
    gate = Gate()
    with Origin(held(gate)) as origin, front(origin, basic={"grace_period": "20s"}) as product:
        busy = [product.client() for _ in range(100)]
        for index, client in enumerate(busy):
            client.send(request(f"/held/{index}"))
        origin.wait_requests(100)
        idle = [product.client() for _ in range(50)]
        for client in idle:
            assert client.get("/").status == 200
        product.signal(number)
        for client in idle:
            assert client.wait_closed() == "fin"
        assert product.process.poll() is None
        gate.open()
        for index, client in enumerate(busy):
            answer = client.response()
            assert answer.body == f"echo /held/{index}".encode()
            assert "close" in answer.tokens("Connection")
            assert client.wait_closed() == "fin"
        assert product.wait_exit() == 0
        assert len(product.log_lines()) == 150, "the log is flushed"
        for client in busy + idle:
            client.close()


def test_st01_new_connections_are_refused_while_draining():
    gate = Gate()
    with Origin(held(gate)) as origin, front(origin) as product, product.client() as client:
        client.send(request("/held"))
        origin.wait_requests(1)
        address = product.address()
        product.signal()
        product.wait_line("stopping")

        def refused():
            try:
                with Client(address) as late:
                    late.get("/", timeout=1)
                return False
            except (ConnectionRefusedError, Closed):
                return True
        until(refused, "new connections are refused")
        gate.open()
        assert client.response().status == 200
        assert product.wait_exit() == 0


def test_st01_connections_in_the_accept_queue_are_served():
    with Origin() as origin:
        for _ in range(20):
            with front(origin) as product:
                clients = [product.client() for _ in range(10)]
                for client in clients:
                    client.send(request("/"))
                product.signal()
                for client in clients:
                    assert client.response().status == 200
                    client.close()
                assert product.wait_exit() == 0


def test_st02_request_in_the_instant_of_the_drain_is_answered_or_never_read():
    """A request on an idle connection is answered, or the close shows that nothing was begun."""
    with Origin() as origin:
        for _ in range(30):
            with front(origin) as product:
                clients = [product.client() for _ in range(20)]
                for client in clients:
                    client.get("/")
                origin.reset()
                start = threading.Barrier(2)

                def stop(product=product, start=start):
                    start.wait()
                    product.signal()
                thread = threading.Thread(target=stop)
                thread.start()
                start.wait()
                answered = 0
                for client in clients:
                    client.send(request("/instant"))
                    try:
                        assert client.response().body == b"echo /instant"
                        answered += 1
                    except Closed as closed:
                        assert closed.how in ("fin", "rst") and not closed.got
                    client.close()
                thread.join()
                assert product.wait_exit() == 0
                origin.settle()
                assert len(origin.requests) == answered


def test_st03_grace_exceeded_cuts_and_the_exit_code_tells():
    with Origin(never) as origin, front(origin, basic={"grace_period": "500ms"}) as product:
        with product.client() as client:
            client.send(request("/"))
            origin.wait_requests(1)
            product.signal()
            assert product.wait_exit(5) == 1
            assert client.read_to_end() == b"" or client.ended == "rst"
        assert any("grace" in line for line in product.stderr)
        assert len(product.log_lines()) == 1


@pytest.mark.parametrize("signals", [
    [signal.SIGTERM, signal.SIGTERM], [signal.SIGTERM, signal.SIGINT],
    [signal.SIGTERM, signal.SIGQUIT], [signal.SIGINT]], ids=lambda one: "-".join(s.name for s in one))
def test_st04_a_second_signal_and_int_end_at_once(signals):
    with Origin(never) as origin, front(origin, basic={"grace_period": "60s"}) as product:
        with product.client() as client:
            client.send(request("/"))
            origin.wait_requests(1)
            for number in signals:
                product.signal(number)
                product.wait_line("stopping")
            assert product.wait_exit(3) == 1
        assert len(product.log_lines()) == 1


def test_int_is_no_failure_where_nothing_is_cut():
    with Origin() as origin, front(origin) as product:
        product.signal(signal.SIGINT)
        assert product.wait_exit(3) == 0


def test_st04_tunnels_are_cut_when_the_grace_ends():
    with Origin(ws.echo_tunnel) as origin, \
            front(origin, basic={"grace_period": "300ms"}) as product:
        client = ws.open_tunnel(product)
        product.signal()
        client.read_to_end()
        assert product.wait_exit(5) in (0, 1)
        client.close()


def test_stop_without_connections_is_at_once():
    with Origin() as origin, front(origin) as product:
        product.signal()
        assert product.wait_exit(1) == 0


def test_upload_under_way_is_finished_while_draining():
    with Origin() as origin, front(origin) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n01234")
        origin.wait(lambda: origin.received, "upload")
        product.signal()
        product.wait_line("stopping")
        client.send("56789")
        assert client.response("POST").status == 200
        assert product.wait_exit() == 0
        assert origin.requests[0].body == b"0123456789"


def test_pid_file_is_written_and_removed(tmp_path):
    path = str(tmp_path / "pid")
    with Origin() as origin, front(origin, basic={"pid_file": path}) as product:
        with open(path, encoding="ascii") as file:
            assert int(file.read()) == product.process.pid
        product.signal()
        assert product.wait_exit() == 0
    assert not os.path.exists(path)


def test_unix_socket_is_removed(tmp_path):
    path = str(tmp_path / "s")
    with Origin() as origin, front(origin, server={"addr": f"unix:{path}"}) as product:
        assert os.path.exists(path)
        product.signal()
        assert product.wait_exit() == 0
    assert not os.path.exists(path)


def test_connections_accepted_while_stopping_are_served_once(tmp_path):
    path = str(tmp_path / "s")
    gate = Gate()
    with Origin(held(gate)) as origin, front(origin, server={"addr": f"unix:{path}"},
                                             basic={"grace_period": "20s"}) as product:
        busy = Client(path)
        busy.send(request("/held"))
        origin.wait_requests(1)
        product.signal()
        late = []
        try:  # the socket stays open for a moment: TCP handshakes under way end in it, too
            while len(late) < 5000:  # each costs the origin some time, too
                late.append(Client(path))
                late[-1].send(request("/"))
        except OSError:
            pass
        gate.open()
        assert busy.response().status == 200
        assert product.wait_exit(timeout=15) == 0  # before the grace period is over
        for client in [busy] + late:
            client.close()


def test_usr1_reopens_the_logs():
    with Origin() as origin, front(origin) as product:
        product.get("/1")
        product.wait_log(1)
        os.rename(product.path("main.log"), product.path("old.log"))
        product.signal(signal.SIGUSR1)
        product.wait_line("reopen")
        product._log_offset.clear()
        product._buffered_log.clear()
        product.get("/2")
        assert product.wait_log(1)[0]["uri"] == "/2"


def test_hup_does_not_end_the_process():
    with Origin() as origin, front(origin) as product:
        product.signal(signal.SIGHUP)
        product.wait_line("(?i)signal|reload")
        assert product.get("/").status == 200


def test_answer_of_a_slow_origin_is_not_lost_in_the_drain():
    gate = Gate()
    body = b"b" * (4 << 20)

    async def slow(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        await gate.wait()
        await conn.send(body)
        await conn.end()

    with Origin(slow) as origin, front(origin) as product, product.client() as client:
        client.send(request("/"))
        origin.wait_requests(1)
        product.signal()
        product.wait_line("stopping")
        gate.open()
        assert client.response(keep=8 << 20).body == body
        assert product.wait_exit() == 0


