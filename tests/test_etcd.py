"""A configuration in etcd: read, followed, written; with etcd away, wrong, slow or another one."""

import contextlib
import copy
import os
import re
import signal
import socket
import tempfile
import threading
import time

import pytest

from rig import tls, toml
from rig.client import request
from rig.deadline import holds, until
from rig.etcd import Etcd, etcd_is_there
from rig.network import Island, in_own_network
from rig.origin import Gate, Origin, response
from rig.product import Product, config, run
from rig.standin import free_port
from rig.who import served_by, wait_served

pytestmark = pytest.mark.skipif(not etcd_is_there(), reason="etcd is not installed")
RELOADED = "configuration reloaded"


@pytest.fixture(name="etcd", scope="module")
def one_etcd():
    """One for the tests that only need some keys of their own."""
    with Etcd() as etcd:
        yield etcd


@pytest.fixture(name="prefix")
def own_prefix(request):  # pylint: disable=redefined-outer-name
    return "/" + re.sub(r"\W+", "-", request.node.name)


def whole(etcd, prefix, **options):
    """A store for Product: all of it under one key."""
    def store(text):
        etcd.put(prefix + "/pingap.toml", text)
        return etcd.at(prefix, **options)
    return store


def items(conf):
    """{"upstreams/origin.toml": text}: a key for each item."""
    texts = {}
    for section, table in conf.items():
        if section == "basic":
            texts["basic.toml"] = toml.dumps({"basic": table})
        else:
            for name, item in table.items():
                texts[f"{section}/{name}.toml"] = toml.dumps({section: {name: item}})
    return texts


def by_items(etcd, prefix, conf, **options):
    def store(_):
        etcd.write({f"{prefix}/{path}": text for path, text in items(conf).items()})
        return etcd.at(prefix, **options)
    return store


def said(product, text):
    return sum(text in line for line in product.stderr)


def wait_said(product, text, count=1, timeout=5):
    until(lambda: said(product, text) >= count, f"{count} times {text!r} in {product.stderr}",
          timeout)


def with_addrs(product, *origins):
    conf = copy.deepcopy(product.conf)
    conf["upstreams"]["origin"]["addrs"] = [origin.addr for origin in origins]
    return conf


# --- reading and following

def test_a_start_from_one_key(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        assert product.get("/").status == 200


def test_a_start_from_a_key_that_is_named(etcd, prefix, recorder):
    key = prefix + "/a.toml"

    def store(text):
        etcd.put(key, text)
        etcd.put(key + ".old", "this is no configuration")
        return etcd.at(key)

    with Product(config(recorder.addr), store=store) as product:
        assert product.get("/").status == 200


def test_a_start_from_a_key_for_each_item(etcd, prefix, recorder):
    conf = config(recorder.addr)
    with Product(conf, store=by_items(etcd, prefix, conf)) as product:
        assert product.get("/").status == 200


def test_an_item_may_leave_out_its_header(etcd, prefix, recorder):
    conf = config(recorder.addr)

    def store(_):
        for path, text in items(conf).items():
            etcd.put(f"{prefix}/{path}", re.sub(r"^\[.*\]\n", "", text))
        return etcd.at(prefix)

    with Product(conf, store=store) as product:
        assert product.get("/").status == 200


def test_other_keys_are_passed_over(etcd, prefix, recorder):
    for key in ("-history/basic.toml", "/notes", "/.hidden/x.toml", "/../x.toml", "x.toml"):
        etcd.put(prefix + key, "this is no configuration")
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        assert product.get("/").status == 200


def test_a_change_is_used_within_a_second(etcd, prefix):
    with Origin() as a, Origin() as b, \
            Product(config(a.addr), store=whole(etcd, prefix)) as product, \
            product.client() as client:
        assert client.get("/").status == 200
        for turn, origin in enumerate([b, a, b]):
            since = time.monotonic()
            etcd.put(prefix + "/pingap.toml", toml.dumps(with_addrs(product, origin)))
            wait_said(product, RELOADED, turn + 1, 1)
            assert time.monotonic() - since < 1
            origin.reset()
            assert client.get("/").status == 200  # on the same connection
            origin.settle()
            assert len(origin.requests) == 1


def test_many_keys_in_one_transaction_are_one_reload(etcd, prefix, recorder):
    conf = config(recorder.addr)
    with Product(conf, store=by_items(etcd, prefix, conf)) as product:
        more = copy.deepcopy(conf)
        for i in range(60):
            more["upstreams"][f"u{i}"] = {"addrs": [recorder.addr]}
            more["locations"][f"l{i}"] = {"upstream": f"u{i}", "path": f"/{i}"}
        more["servers"]["main"]["locations"] = list(more["locations"])
        texts = {f"{prefix}/{path}": text for path, text in items(more).items()
                 if path != "basic.toml"}
        etcd.write(texts)
        line = product.wait_line(RELOADED)
        assert "upstreams new: u0" in line and "servers changed: main" in line
        holds(lambda: said(product, RELOADED) == 1, "one reload", 0.5)
        assert said(product, "refused") == 0


def test_a_burst_is_few_reloads(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        for i in range(40):
            conf = copy.deepcopy(product.conf)
            conf["servers"]["main"]["max_headers"] = 50 + i
            etcd.put(prefix + "/pingap.toml", toml.dumps(conf))
        until(lambda: said(product, RELOADED), "it has reloaded")
        holds(lambda: said(product, RELOADED) <= 6, "few reloads", 0.7)
        assert product.get("/").status == 200


def test_a_key_that_goes_takes_its_item_away(etcd, prefix, recorder):
    conf = config(recorder.addr, locations={"all": {}, "old": {"path": "/old",
                                                               "headers_set": ["X-Old: yes"]}})
    with Product(conf, store=by_items(etcd, prefix, conf)) as product:
        assert product.get("/old").get("X-Old") == "yes"
        less = copy.deepcopy(conf)
        less["servers"]["main"]["locations"] = ["all"]
        etcd.write({f"{prefix}/servers/main.toml": items(less)["servers/main.toml"]},
                   [f"{prefix}/locations/old.toml"])
        assert "locations gone: old" in product.wait_line(RELOADED)
        assert product.get("/old").get("X-Old") is None


def test_a_bad_configuration_is_refused_and_a_good_one_taken_again(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        etcd.put(prefix + "/pingap.toml", "[basic]\nthreads = 1\n[upstreams.x]\nadrs = []\n")
        product.wait_line(f"^etcd:{prefix}/pingap.toml:4:1: error: unknown key `adrs`")
        product.wait_line("reload refused: the configuration before stays")
        assert product.get("/").status == 200
        conf = copy.deepcopy(product.conf)
        conf["servers"]["main"]["max_headers"] = 77
        etcd.put(prefix + "/pingap.toml", toml.dumps(conf))
        product.wait_line("configuration reloaded: servers changed: main")


def test_places_of_an_item_without_header_are_those_of_its_key(etcd, prefix, recorder):
    conf = config(recorder.addr)
    with Product(conf, store=by_items(etcd, prefix, conf)) as product:
        etcd.put(prefix + "/upstreams/more.toml", '# mine\naddrs = ["127.0.0.1:1"]\nweigths = [1]\n')
        product.wait_line(f"^etcd:{prefix}/upstreams/more.toml:3:1: error: unknown key `weigths` "
                          r"in \[upstreams.more\]")


def test_nothing_left_changes_nothing(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        etcd.delete(prefix + "/pingap.toml")
        product.wait_line(f"there is no configuration in etcd:{prefix} any more")
        assert product.get("/").status == 200


def test_hangup_reads_it_anew(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        product.signal(signal.SIGHUP)
        product.wait_line("configuration reloaded: nothing has changed")


# --- a start that fails

def test_a_start_without_configuration_says_how_to_put_one_there(etcd, prefix):
    code, _, err = run("run", "--config", etcd.at(prefix))
    assert code == 3
    assert f"there is no configuration in etcd:{prefix}" in err
    assert f"pingap config push --config FILE {etcd.at(prefix)}" in err


def test_a_start_without_etcd_ends_in_time():
    since = time.monotonic()
    code, _, err = run("run", "--config",
                       f"etcd://127.0.0.1:{free_port()}/pingap?timeout=1s&user=u&password=hush")
    assert code == 3 and time.monotonic() - since < 5
    assert "cannot read etcd:/pingap: 127.0.0.1:" in err
    assert "without etcd there is no configuration to start with" in err
    assert "hush" not in err


def test_a_start_waits_for_an_etcd_that_comes(recorder):
    with Etcd() as etcd:
        etcd.put("/pingap/pingap.toml", toml.dumps(config(recorder.addr)))
        etcd.kill()
        over = threading.Event()
        in_its_place = socket.create_server(("127.0.0.1", etcd.members[0].port))

        def start():
            in_its_place.accept()[0].close()  # somebody has asked, in vain
            in_its_place.close()
            etcd.start()
            over.wait()  # etcd ends with the thread that has started it

        starter = threading.Thread(target=start)

        def store(_):
            starter.start()
            return etcd.at(timeout="20s")

        try:
            with Product(config(recorder.addr), store=store, log=False) as product:
                product.wait_line("etcd:/pingap cannot be read: .*; it is tried again")
                assert product.get("/").status == 200
        finally:
            over.set()
            starter.join()


@pytest.mark.parametrize("url, why", [
    ("etcd://127.0.0.1:1", "an etcd URL needs a path"),
    ("etcd:///pingap", "an etcd URL needs a host"),
    ("etcd://h/pingap?pasword=hush", "did you mean `password`"),
    ("etcd://u:hush@h/pingap", "no user in front of its hosts"),
    ("etcd://h/pingap?user=u", "set PINGAP_ETCD_USER and PINGAP_ETCD_PASSWORD"),
])
def test_a_bad_url_is_refused(url, why):
    code, _, err = run("validate", "--config", url)
    assert code == 3 and why in err and "hush" not in err


def test_validate_shows_no_secret(etcd, prefix, recorder):
    etcd.put(prefix + "/pingap.toml", toml.dumps(config(recorder.addr)))
    code, out, err = run("validate", "--config", etcd.at(prefix, connect_timeout="1s"))
    assert code == 0, err
    assert out == f"{etcd.at(prefix)}: configuration is valid\n"


# --- etcd away, and back

@pytest.fixture(name="mortal")
def etcd_of_this_test():
    with Etcd() as etcd:
        yield etcd


class Traffic:
    """Requests one after the other, from before to the end of the block; none may fail."""

    def __init__(self, product):
        self.product = product
        self.statuses = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def _ask(self):
        while not self.stop.is_set():
            self.statuses.append(self.product.get("/").status)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert len(self.statuses) > 50 and set(self.statuses) == {200}


def with_max_headers(product, count):
    conf = copy.deepcopy(product.conf)
    conf["servers"]["main"]["max_headers"] = count
    return toml.dumps(conf)


AWAY = "etcd:/pingap cannot be read: "
BACK = "etcd:/pingap can be read again"


def test_etcd_that_dies_and_comes_back(mortal, recorder):
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product, \
            Traffic(product):
        for turn in range(1, 3):
            mortal.kill()
            wait_said(product, AWAY, turn)
            holds(lambda turn=turn: said(product, AWAY) == turn, "of each trouble once", 1)
            mortal.start()
            wait_said(product, BACK, turn, 15)
            mortal.put("/pingap/pingap.toml", with_max_headers(product, 60 + turn))
            wait_said(product, RELOADED, turn, 2)
    assert "the configuration before stays, and it is tried again and again" in \
        next(line for line in product.stderr if AWAY in line)


def test_etcd_dies_in_the_middle_of_many_writes(mortal, recorder):
    """The last one is what runs in the end, whenever it was written; nobody notices the rest."""
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product, \
            Traffic(product):
        for turn in range(40):
            if turn % 20 == 10:
                mortal.kill()
                mortal.start()
            mortal.put("/pingap/pingap.toml", with_max_headers(product, 100 + turn))
        product.conf["locations"]["all"]["headers_set"] = ["X-Last: yes"]
        mortal.put("/pingap/pingap.toml", toml.dumps(product.conf))
        until(lambda: product.get("/").get("X-Last"), "the last one is used", 20)


def test_what_changed_while_it_was_not_heard_is_seen_afterwards(recorder):
    with Etcd(3) as etcd, Product(config(recorder.addr),
                                  store=whole(etcd, "/pingap", timeout="1s")) as product:
        etcd.put("/pingap/pingap.toml", with_max_headers(product, 60))
        wait_said(product, RELOADED)  # so it listens
        for member in etcd.members:
            member.freeze()
        product.signal(signal.SIGHUP)  # it asks at once
        product.wait_line("error: cannot read etcd:/pingap", 20)
        assert product.get("/").status == 200
        for member in etcd.members:
            member.thaw()
        etcd.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, "configuration reloaded: servers changed: main", 2, 15)


def test_hangup_without_etcd_changes_nothing(mortal, recorder):
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product:
        mortal.kill()
        product.signal(signal.SIGHUP)
        product.wait_line("error: cannot read etcd:/pingap: 127.0.0.1:")
        product.wait_line("reload refused")
        assert product.get("/").status == 200


def test_a_stop_does_not_wait_for_etcd(mortal, recorder):
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product:
        mortal.members[0].freeze()
        since = time.monotonic()
        product.signal(signal.SIGTERM)
        assert product.wait_exit() == 0
        assert time.monotonic() - since < 3


def test_a_compaction_loses_nothing(mortal, recorder):
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product:
        for turn in range(1, 4):
            mortal.members[0].freeze()
            mortal.members[0].kill()
            wait_said(product, AWAY, turn)
            mortal.start()
            for count in range(5):
                mortal.put("/pingap/pingap.toml", with_max_headers(product, 70 + turn * 10 + count))
            mortal.compact()
            wait_said(product, BACK, turn, 15)
            until(lambda: said(product, RELOADED) >= turn, "it was read anew", 5)
        last = len(product.stderr)
        mortal.put("/pingap/pingap.toml", with_max_headers(product, 200))
        until(lambda: any(RELOADED in line for line in product.stderr[last:]), "it still hears")


def test_a_wiped_etcd_is_another_one(mortal, recorder):
    """Its revisions begin anew, below those that were seen."""
    with Product(config(recorder.addr), store=whole(mortal, "/pingap")) as product:
        for _ in range(20):
            mortal.put("/other", "x")
        mortal.kill()
        wait_said(product, AWAY)
        mortal.wipe()
        mortal.start()
        product.wait_line("there is no configuration in etcd:/pingap any more", 15)
        mortal.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, "configuration reloaded: servers changed: main", 1, 3)


# --- several members

def test_the_leader_dies_while_requests_run(recorder):
    with Etcd(3) as etcd, Product(config(recorder.addr), store=whole(etcd, "/pingap")) as product, \
            Traffic(product):
        leader = until(etcd.leader, "a leader")
        leader.kill()
        until(etcd.leader, "another leader", 20)
        etcd.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, RELOADED, 1, 15)
        etcd.put("/pingap/pingap.toml", with_max_headers(product, 62))
        wait_said(product, RELOADED, 2, 2)


def test_each_member_may_die(recorder):
    """Also the one that the watch is at: it goes on at another."""
    with Etcd(3) as etcd, Product(config(recorder.addr), store=whole(etcd, "/pingap")) as product:
        for turn, member in enumerate(etcd.members, 1):
            member.kill()
            until(etcd.leader, "a leader", 20)
            etcd.put("/pingap/pingap.toml", with_max_headers(product, 60 + turn))
            wait_said(product, RELOADED, turn, 15)
            etcd.start()


def test_a_member_without_a_leader_is_left(recorder):
    """Two of three are gone: nothing can be read, and that is said though one of them answers."""
    with Etcd(3) as etcd, Product(config(recorder.addr), store=whole(etcd, "/pingap")) as product:
        for member in etcd.members[:2]:
            member.kill()  # the watch may be at one of them, or at the third
        product.wait_line(AWAY, 40)
        assert product.get("/").status == 200
        etcd.start()
        wait_said(product, BACK, 1, 20)
        etcd.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, RELOADED, 1, 2)


def test_a_member_that_hangs_is_left(recorder):
    with Etcd(3) as etcd, Product(config(recorder.addr), store=whole(etcd, "/pingap")) as product:
        for turn, member in enumerate(list(etcd.members), 1):
            member.freeze()
            until(lambda: [one for one in etcd.members if one is not member and one.serves()],
                  "the others serve", 20)
            etcd.first_of([one for one in etcd.members if one is not member])
            etcd.put("/pingap/pingap.toml", with_max_headers(product, 60 + turn))
            wait_said(product, RELOADED, turn, 40)
            member.thaw()


@pytest.mark.parametrize("cut", [(0,), (1,), (0, 1)], ids=["peers", "clients", "both"])
@in_own_network
def test_a_member_that_is_cut_off_is_left(recorder, cut):
    """Who listens to it hears of what is written to the majority all the same."""
    with Island(links=2) as island, Etcd(3, island=island) as etcd, \
            contextlib.ExitStack() as stack:
        alone, fleet = etcd.members[0], []
        while not connected(alone.port):
            fleet.append(stack.enter_context(Product(config(recorder.addr), log=False,
                                                     store=whole(etcd, "/pingap"))))
            assert len(fleet) < 20, "nobody asks the first member"
        for link in cut:
            island.cut(link)
        etcd.first_of(etcd.members[1:])
        until(etcd.members[0].serves, "the others have a leader", 20)
        etcd.put("/pingap/pingap.toml", with_max_headers(fleet[0], 61))
        for product in fleet:  # it notices after 5 s of silence, and asks for 2 s
            product.wait_line("configuration reloaded: servers changed", 12)
            assert product.get("/").status == 200
        for link in cut:
            island.mend(link)
        until(alone.serves, "it is back", 20)
        etcd.put("/pingap/pingap.toml", with_max_headers(fleet[0], 62))
        for product in fleet:
            until(lambda product=product: said(product, "reloaded: servers changed") == 2,
                  "the next one, too", 2)


def connected(port):
    """Whether a connection to that port is there, in this network."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return any(int(row[2].rpartition(":")[2], 16) == port and row[3] == "01" for row in rows)


# --- who may

def test_users_and_passwords(mortal, recorder):
    mortal.require_users("pass&word%")
    with Product(config(recorder.addr),
                 store=whole(mortal, "/pingap", user="root", password="pass%26word%25")) as product:
        assert product.get("/").status == 200
        mortal.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, RELOADED)
        assert "pass" not in "".join(product.stderr).replace("password for", "")


def test_the_password_may_come_from_the_environment(mortal, recorder):
    mortal.require_users("hush")
    with Product(config(recorder.addr), store=whole(mortal, "/pingap"),
                 env={"PINGAP_ETCD_USER": "root", "PINGAP_ETCD_PASSWORD": "hush"}) as product:
        assert product.get("/").status == 200


def test_a_wrong_password_is_said_at_once(mortal):
    mortal.require_users("hush")
    for options in ("?user=root&password=wrong", ""):
        since = time.monotonic()
        code, _, err = run("run", "--config", mortal.at() + options)
        assert code == 3 and time.monotonic() - since < 5
        assert "cannot read etcd:/pingap" in err and "wrong" not in err


def test_a_user_with_a_role_for_the_prefix_is_enough(mortal, recorder):
    mortal.call("auth/role/add", {"name": "reader"})
    mortal.grant("reader", "/pingap/", "READ")
    mortal.call("auth/user/add", {"name": "proxy", "password": "hush"})
    mortal.call("auth/user/grant", {"user": "proxy", "role": "reader"})
    mortal.require_users("root")
    with Product(config(recorder.addr),
                 store=whole(mortal, "/pingap", user="proxy", password="hush")) as product:
        mortal.put("/pingap/pingap.toml", with_max_headers(product, 61))
        wait_said(product, RELOADED)


def test_tokens_that_expire(recorder):
    with jwt_etcd() as etcd:
        etcd.require_users("hush")
        with Product(config(recorder.addr),
                     store=whole(etcd, "/pingap", user="root", password="hush")) as product:
            for turn in range(1, 4):
                holds(lambda: True, "longer than a token lives", 1.5)
                etcd.token = None  # etcd refuses a login with a token that is no good
                etcd.log_in("root", "hush")
                etcd.put("/pingap/pingap.toml", with_max_headers(product, 60 + turn))
                wait_said(product, RELOADED, turn, 3)
            etcd.kill()
            wait_said(product, AWAY)
            etcd.start()
            wait_said(product, BACK, 1, 15)


@contextlib.contextmanager
def jwt_etcd():
    """Tokens of a second each."""
    with tempfile.TemporaryDirectory(prefix="jwt-") as folder:
        key, public = os.path.join(folder, "key"), os.path.join(folder, "pub")
        assert tls.openssl("genrsa", "-traditional", "-out", key, "2048")[0] == 0
        assert tls.openssl("rsa", "-in", key, "-pubout", "-out", public)[0] == 0
        token = f"jwt,pub-key={public},priv-key={key},sign-method=RS256,ttl=1s"
        with Etcd(options=["--auth-token", token]) as etcd:
            yield etcd


# --- over TLS

@pytest.fixture(name="secure", scope="module")
def etcd_over_tls():
    ca = tls.authority()
    with Etcd(pair=ca.issue("127.0.0.1"), ca=ca.ca) as etcd:
        yield etcd


def test_tls(secure, prefix, recorder):
    with Product(config(recorder.addr),
                 store=whole(secure, prefix, ca=tls.authority().ca.cert)) as product:
        secure.put(prefix + "/pingap.toml", with_max_headers(product, 61))
        wait_said(product, RELOADED, 1, 2)


def test_tls_verifies(secure, prefix, recorder):
    secure.put(prefix + "/pingap.toml", toml.dumps(config(recorder.addr)))
    other = tls.Authority("other")
    for options in ({"tls": "true"}, {"ca": other.ca.cert}):
        code, _, err = run("validate", "-c", secure.at(prefix, timeout="1s", **options))
        assert code == 3 and "certificate" in err, err
    code, _, err = run("validate", "-c", secure.at(prefix, ca="/nowhere.pem"))
    assert code == 3 and "cannot read `/nowhere.pem`: No such file or directory" in err
    assert run("validate", "-c", secure.at(prefix, insecure="true"))[0] == 0


def test_a_client_certificate(recorder):
    ca = tls.authority()
    pair = ca.issue("127.0.0.1")
    mine = ca.issue("proxy.test")
    options = ["--client-cert-auth", "--trusted-ca-file", ca.ca.cert]
    with Etcd(pair=pair, ca=ca.ca, options=options) as etcd:
        code, _, err = run("validate", "-c", etcd.at(timeout="1s", ca=ca.ca.cert))
        assert code == 3 and "cannot read etcd:/pingap" in err
        with Product(config(recorder.addr),
                     store=whole(etcd, "/pingap", ca=ca.ca.cert, cert=mine.cert,
                                 key=mine.key)) as product:
            assert product.get("/").status == 200


# --- push, pull, sync

@pytest.fixture(name="local")
def file_here(tmp_path, recorder):
    path = tmp_path / "pingap.toml"
    path.write_text("# Mine.\n" + toml.dumps(config(recorder.addr)))
    return path


def done(*args, code=0, **options):
    got, out, err = run("config", *[str(arg) for arg in args], **options)
    assert got == code, (got, out, err)
    return out if code == 0 else err


def test_what_is_pushed_runs(etcd, prefix, local, recorder):
    out = done("push", "-c", local, etcd.at(prefix))
    assert re.fullmatch(rf"\+ pingap.toml\netcd:{prefix}: 1 key changed, now at \d+\.1\n", out)
    assert etcd.get(prefix) == {prefix + "/pingap.toml": local.read_text()}
    with Product(config(recorder.addr), store=lambda _: etcd.at(prefix), log=False) as product:
        assert product.get("/").status == 200
        local.write_text(local.read_text().replace("threads = 1", "threads = 1\nname = 'x'"))
        done("push", "-c", local, etcd.at(prefix))
        wait_said(product, RELOADED, 1, 1)


def test_pull_gives_back_what_was_pushed(etcd, prefix, local, tmp_path):
    done("push", "--config", local, etcd.at(prefix))
    other = tmp_path / "other.toml"
    done("pull", etcd.at(prefix), other)
    assert other.read_text() == local.read_text()
    assert done("pull", etcd.at(prefix), other).startswith(f"{other}: 0 files changed")


def test_a_folder_and_back(etcd, prefix, recorder, tmp_path):
    for path, text in items(config(recorder.addr)).items():
        (tmp_path / "a" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / path).write_text(text)
    done("push", "-c", tmp_path / "a", etcd.at(prefix))
    assert set(etcd.get(prefix)) == {f"{prefix}/{path}" for path in items(config(recorder.addr))}
    done("pull", etcd.at(prefix), f"{tmp_path}/b/")
    for path, text in items(config(recorder.addr)).items():
        assert (tmp_path / "b" / path).read_text() == text


def test_a_file_in_items_and_back(etcd, prefix, local, tmp_path):
    done("push", "-c", local, etcd.at(prefix), "--layout", "items")
    assert set(etcd.get(prefix)) == {f"{prefix}/{path}" for path in (
        "basic.toml", "upstreams/origin.toml", "locations/all.toml", "servers/main.toml")}
    # The next one keeps the layout, and writes what is another only.
    local.write_text(local.read_text().replace("threads = 1", "threads = 2"))
    assert done("push", "-c", local, etcd.at(prefix)).startswith("~ basic.toml\netcd:")
    done("pull", etcd.at(prefix), tmp_path / "one.toml")
    code, _, err = run("validate", "-c", str(tmp_path / "one.toml"))
    assert code == 0, err
    assert "# Mine." in (tmp_path / "one.toml").read_text()
    done("push", "-c", tmp_path / "one.toml", etcd.at(prefix), "--layout", "file")
    assert set(etcd.get(prefix)) == {prefix + "/pingap.toml"}


def test_what_is_gone_goes_and_what_is_not_ours_stays(etcd, prefix, local):
    etcd.put(prefix + "/old.toml", "[basic]\n")
    etcd.put(prefix + "/notes", "mine")
    etcd.put(prefix + "-history/x.toml", "old")
    assert "- old.toml" in done("push", "-c", local, etcd.at(prefix))
    assert set(etcd.get(prefix)) == {prefix + "/pingap.toml", prefix + "/notes",
                                     prefix + "-history/x.toml"}


def test_a_dry_run_changes_nothing(etcd, prefix, local, tmp_path):
    out = done("push", "-c", local, etcd.at(prefix), "--dry-run")
    assert out == f"+ pingap.toml\netcd:{prefix}: 1 key to be changed, nothing was\n"
    assert etcd.get(prefix) == {}
    done("push", "-c", local, etcd.at(prefix))
    done("pull", etcd.at(prefix), tmp_path / "other.toml", "--dry-run")
    assert not (tmp_path / "other.toml").exists()


def test_what_is_invalid_is_not_pushed(etcd, prefix, local):
    local.write_text("[upstreams.a]\nadrs = []\n")
    err = done("push", "-c", local, etcd.at(prefix), code=3)
    assert f"{local}:2:1: error: unknown key `adrs`" in err
    assert etcd.get(prefix) == {}


def test_files_of_other_machines_need_not_be_here(etcd, prefix, local):
    local.write_text(local.read_text() + "[certificates.a]\ntls_cert = '/nowhere/a.pem'\n"
                     "tls_key = '/nowhere/a.key'\n")
    assert "--text-only" in done("push", "-c", local, etcd.at(prefix), code=3)
    done("push", "-c", local, etcd.at(prefix), "--text-only")


def test_two_editors(etcd, prefix, local, tmp_path):
    """Both have pulled the same; the second one is told, and nothing of the first one is lost."""
    done("push", "-c", local, etcd.at(prefix))
    mine, other = tmp_path / "mine.toml", tmp_path / "other.toml"
    done("pull", etcd.at(prefix), mine)
    done("pull", etcd.at(prefix), other)
    mine.write_text(mine.read_text() + "# by me\n")
    other.write_text(other.read_text() + "# by another\n")
    done("push", "-c", other, etcd.at(prefix))
    err = done("push", "-c", mine, etcd.at(prefix), code=5)
    assert f"etcd:{prefix} was changed since {mine} was pulled" in err
    assert "by another" in etcd.get(prefix)[prefix + "/pingap.toml"]
    # What I have written is not lost either.
    assert f"{mine} has changes that etcd:{prefix} does not" in \
        done("pull", etcd.at(prefix), mine, code=5)
    done("pull", etcd.at(prefix), mine, "--force")
    assert "by another" in mine.read_text()
    # Whoever is up to date may go on and on.
    for turn in range(3):
        mine.write_text(mine.read_text() + f"# {turn}\n")
        done("push", "-c", mine, etcd.at(prefix))
    assert "# 2" in done("pull", etcd.at(prefix), other) + other.read_text()


def test_two_editors_at_the_same_moment(etcd, prefix, local, tmp_path):
    """Of those who push at once one gets through, the others are told, or come after it."""
    done("push", "-c", local, etcd.at(prefix))
    files = []
    for turn in range(8):
        path = tmp_path / f"{turn}" / "pingap.toml"
        path.parent.mkdir()
        done("pull", etcd.at(prefix), path)
        path.write_text(local.read_text() + f"# {turn}\n")
        files.append(path)
    codes = {}

    def push(path):
        codes[path] = run("config", "push", "-c", str(path), etcd.at(prefix))[0]

    threads = [threading.Thread(target=push, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes.values()) == [0] + [5] * 7
    winner = next(path for path, code in codes.items() if code == 0)
    assert etcd.get(prefix)[prefix + "/pingap.toml"] == winner.read_text()


def test_many_entries_in_one_transaction(etcd, prefix, recorder, tmp_path):
    """More than etcd takes in a flat one (128 operations)."""
    conf = config(recorder.addr)
    for i in range(400):
        conf["upstreams"][f"u{i}"] = {"addrs": [recorder.addr]}
    path = tmp_path / "pingap.toml"
    path.write_text(toml.dumps(conf))
    before = etcd.revision()
    done("push", "-c", path, etcd.at(prefix), "--layout", "items")
    assert etcd.revision() == before + 1
    assert len(etcd.get(prefix)) == 404
    with Product(conf, store=lambda _: etcd.at(prefix), log=False) as product:
        for i in range(400):
            conf["upstreams"][f"u{i}"]["max_fails"] = 7
        path.write_text(toml.dumps(conf))
        done("push", "-c", path, etcd.at(prefix))
        product.wait_line(RELOADED)
        holds(lambda: said(product, RELOADED) == 1, "one reload", 0.3)
    etcd.delete(f"{prefix}/upstreams/u399.toml")  # behind what is compared key by key
    del conf["upstreams"]["u398"]
    path.write_text(toml.dumps(conf))
    assert "was changed since" in done("push", "-c", path, etcd.at(prefix), code=5)


def test_from_one_etcd_to_another(etcd, mortal, prefix, local):
    done("push", "-c", local, etcd.at(prefix), "--layout", "items")
    done("sync", etcd.at(prefix), mortal.at("/copy"))
    assert {key.removeprefix("/copy"): text for key, text in mortal.get("/copy").items()} == \
        {key.removeprefix(prefix): text for key, text in etcd.get(prefix).items()}


def test_no_etcd_no_push(local):
    err = done("push", "-c", local, f"etcd://127.0.0.1:{free_port()}/p?timeout=300ms", code=1)
    assert "cannot read etcd:/p: 127.0.0.1:" in err


def test_reload_of_a_process_that_has_it_from_etcd(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        order = ["reload", "-c", etcd.at(prefix)]
        env = {"RUNTIME_DIRECTORY": product.runtime.name}
        code, out, err = run(*order, env=env)
        assert (code, err) == (0, "") and out.startswith("configuration reloaded: nothing has changed")
        etcd.put(prefix + "/pingap.toml", "[basic\n")
        code, _, err = run(*order, env=env)
        assert code == 3 and f"etcd:{prefix}/pingap.toml:1:7: error" in err


# --- servers of an upstream

ALLOW = ["127.0.0.0/8"]


def registered(etcd, path, **upstream):
    """A configuration (in a file) whose servers are in etcd."""
    conf = config([], upstream={"discovery": "etcd", "discovery_etcd": etcd.at(path),
                                "discovery_allow": ALLOW, **upstream})
    if not conf["upstreams"]["origin"]["addrs"]:
        del conf["upstreams"]["origin"]["addrs"]
    return conf


def test_servers_come_and_go(etcd, prefix):
    with Origin() as a, Origin() as b, Origin() as c:
        etcd.put(f"{prefix}/one", a.addr)
        etcd.put(f"{prefix}/two", f'{{"addr": "{b.addr}"}}')
        with Product(registered(etcd, prefix)) as product:
            product.wait_line(f"upstream origin: etcd:{prefix} has 2 servers")
            assert served_by(product, [a, b, c]) == {0, 1}
            etcd.put(f"{prefix}/three", c.addr)
            wait_served(product, [a, b, c], {0, 1, 2})
            etcd.delete(f"{prefix}/one")
            etcd.put(f"{prefix}/two", f"{b.addr} 0")
            wait_served(product, [a, b, c], {2})


def test_a_key_that_is_no_server_is_said_once(etcd, prefix, recorder):
    etcd.put(f"{prefix}/good", recorder.addr)
    etcd.put(f"{prefix}/bad", "who knows")
    with Product(registered(etcd, prefix)) as product:
        assert product.get("/").status == 200
        for i in range(3):
            etcd.put(f"{prefix}/more", f"127.0.0.1:{i + 1} 0")
            product.wait_line(f"etcd:{prefix} has 2 servers")
        assert said(product, f"etcd:{prefix}/bad is no server: ") == 1


def test_servers_that_may_not_be(etcd, prefix, recorder):
    etcd.put(f"{prefix}/good", recorder.addr)
    etcd.put(f"{prefix}/cloud", "169.254.169.254:80")
    etcd.put(f"{prefix}/socket", "unix:/run/docker.sock")
    with Product(registered(etcd, prefix)) as product:
        product.wait_line(f"etcd:{prefix} has 1 server$")
        assert said(product, "169.254.169.254:80 is refused: it is link-local") == 1
        assert said(product, "a unix socket of this machine is not for etcd to name") == 1
        assert product.get("/").status == 200


def test_servers_stay_while_etcd_is_away(mortal):
    with Origin() as a, Origin() as b:
        mortal.put("/servers/one", a.addr)
        with Product(registered(mortal, "/servers")) as product:
            assert served_by(product, [a, b]) == {0}
            mortal.kill()
            product.wait_line("upstream origin: etcd:/servers cannot be read: .*; "
                              "the servers of before stay")
            assert served_by(product, [a, b]) == {0}
            product.conf["upstreams"]["origin"]["read_timeout"] = "50s"
            product.write_config()
            assert product.order("reload")[0] == 0
            assert served_by(product, [a, b]) == {0}
            mortal.start()
            product.wait_line("upstream origin: etcd:/servers can be read again", 15)
            mortal.put("/servers/two", b.addr)
            wait_served(product, [a, b], {0, 1})


def test_a_start_does_not_wait_for_an_etcd_of_servers(recorder):
    with Etcd() as etcd:
        etcd.put("/servers/one", recorder.addr)
        etcd.kill()
        conf = registered(etcd, "/servers")
        since = time.monotonic()
        with Product(conf) as product:
            assert time.monotonic() - since < 2
            assert product.get("/").status == 503
            etcd.start()
            until(lambda: product.get("/").status == 200, "its servers are there", 15)


def test_the_url_of_servers_is_checked_and_not_shown(recorder):
    for keys, why in (({"discovery": "etcd"}, "needs `discovery_etcd`"),
                      ({"discovery_etcd": "etcd://h/p"}, "without discovery"),
                      ({"discovery": "etcd", "discovery_etcd": "http://h/p"}, "is no URL of etcd"),
                      ({"discovery": "etcd", "discovery_etcd": "etcd://h/p?user=u&password=hush&x=1"},
                       "unknown option `x`")):
        code, _, err = run("validate", "-c", "-",
                           stdin=toml.dumps(config(recorder.addr, upstream=keys)))
        assert code == 3 and why in err and "hush" not in err, err


def test_a_reload_leaves_etcd_in_peace_or_not_at_all(etcd, prefix, recorder):
    """The thread of an upstream that goes ends with it."""
    etcd.put(f"{prefix}/one", recorder.addr)
    with Product(registered(etcd, prefix)) as product:
        assert product.get("/").status == 200
        threads = product.threads()
        conf = config(recorder.addr)
        conf["servers"]["main"].update(product.conf["servers"]["main"])
        for turn, one in enumerate([conf, product.conf, conf], 1):
            with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
                file.write(toml.dumps(one))
            product.signal(signal.SIGHUP)
            wait_said(product, RELOADED, turn)
            assert product.get("/").status == 200
        until(lambda: product.threads() < threads, "the thread has ended")


# --- a fleet

def test_a_fleet_changes_within_a_second(etcd, prefix):
    with Origin() as a, Origin() as b, contextlib.ExitStack() as stack:
        conf = config(a.addr)
        fleet = [stack.enter_context(Product(copy.deepcopy(conf), store=whole(etcd, prefix),
                                             log=False)) for _ in range(8)]
        since = time.monotonic()
        etcd.put(prefix + "/pingap.toml", toml.dumps(config(b.addr)))
        for product in fleet:
            wait_said(product, RELOADED, 1, 1)
        took = time.monotonic() - since
        assert took < 1, took
        b.reset()
        assert {product.get("/").status for product in fleet} == {200}
        b.settle()
        assert len(b.requests) == len(fleet)


def test_commands_about_revisions_show_no_secret(etcd, prefix):
    url = etcd.at(prefix, user="u", password="hush")
    for order in (["history"], ["show", "1"], ["rollback", "1"], ["reload"], ["diff"]):
        code, out, err = run(*order, "-c", url, env={"STATE_DIRECTORY": "/nowhere"})
        assert (code == 0) == (order == ["history"]) and "hush" not in out + err
