"""The programs of the bench: how each is configured, started and stopped.

Everything listens on 127.0.0.1 on ports that were free; every process is started by this file, in
a process group of its own, and only those are ever stopped.
"""
import contextlib
import dataclasses
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
CONFIGS = TOP / "bench/configs"
BUILD = TOP / "build/bench"
PROXY_CORE, LOAD_CORE = 0, 1

KIB = 1024
FILES = {"1k": KIB, "100k": 100 * KIB, "10m": 10 * KIB * KIB}


def free_port():
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclasses.dataclass
class Setting:
    """What a case wants of the proxies."""
    log: bool = False
    locations: int = 0      # 0 = one location for everything
    protocol: str = "http"  # of the clients, see Case
    backend: str = "http"   # what the origin speaks: http, h2c
    plugins: str = ""       # a key of PLUGINS
    observed: str = ""      # a key of OBSERVED

    @property
    def tls(self):
        return self.protocol in ("https", "h2")


class Peer:
    """One program: its configuration text and its command."""
    name = ""
    program = ""
    template = ""
    native = True         # runs under valgrind, allocates with malloc
    many_locations = False
    protocols = ("http",)
    backends = ("http",)
    plugins = ("",)        # keys of PLUGINS that it has the like of
    observed = ("",)       # keys of OBSERVED, the same

    def prepare(self):
        """What is to be done once before the bench."""

    def found(self):
        """The program's path, None if it is not installed."""
        return shutil.which(self.program)

    def version(self):
        """The installed version, as one word."""
        out = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.name],
                             capture_output=True, text=True, check=False).stdout
        return out.split("-")[0].split("+")[0]

    def command(self, config):
        """argv that runs the program in the foreground."""
        raise NotImplementedError

    def values(self, setting, folder):
        """What stands for the @NAMES@ of the template, beside ports and folder."""
        raise NotImplementedError

    def write_config(self, setting, folder, port, origin):
        """The path of the configuration for these settings."""
        text = (CONFIGS / self.template).read_text()
        values = self.values(setting, folder)
        values |= {"PORT": str(port), "ORIGIN": str(origin), "DIR": str(folder)}
        for key in sorted(values, key=lambda k: k in ("PORT", "ORIGIN", "DIR")):
            text = text.replace(f"@{key}@", values[key])
        path = folder / self.template
        path.write_text(text)
        return path


ALL_PROTOCOLS = ("http", "https", "h2", "h2c")


def certificate():
    """(certificate, key, both in one): self-signed, made once."""
    paths = [BUILD / name for name in ("bench.pem", "bench.key", "bench.both")]
    if not paths[2].exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj",
                        "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example",
                        "-keyout", paths[1], "-out", paths[0]],
                       check=True, capture_output=True, timeout=60)
        paths[2].write_bytes(paths[0].read_bytes() + paths[1].read_bytes())
    return paths


class Nginx(Peer):
    name, program, template, many_locations = "nginx", "nginx", "nginx.conf", True
    protocols = ALL_PROTOCOLS
    backends = ("http", "h2c")
    plugins = ("", "gzip")

    def command(self, config):
        return [self.found(), "-e", "stderr", "-c", str(config)]

    def values(self, setting, folder):
        log = f"{folder}/nginx.access.log combined buffer=64k flush=1s" if setting.log else "off"
        # Of HTTP/2 to backends it has that of gRPC.
        to = "grpc_pass grpc" if setting.backend == "h2c" else "proxy_pass http"
        one = f"location {{}} {{{{ {to}://origin; }}}}"
        paths = [f"/loc/{i:05}/" for i in range(setting.locations)] or ["/"]
        cert, key, _ = certificate()
        listen = {"http": "", "https": " ssl", "h2": " ssl http2", "h2c": " http2"}
        # Its own default has no TLS 1.3, which all the others then speak.
        tls = (f"ssl_certificate {cert}; ssl_certificate_key {key}; "
               "ssl_protocols TLSv1.2 TLSv1.3;" if setting.tls else "")
        gzip = "gzip on; gzip_comp_level 4; gzip_types text/plain; gzip_min_length 256;"
        return {"LISTEN": listen[setting.protocol], "TLS": tls, "LOG": log,
                "GZIP": gzip if setting.plugins == "gzip" else "",
                "LOCATIONS": "\n    ".join(one.format(path) for path in paths)}


class Haproxy(Peer):
    name, program, template = "haproxy", "haproxy", "haproxy.cfg"
    protocols = ALL_PROTOCOLS
    backends = ("http", "h2c")

    def command(self, config):
        return [self.found(), "-db", "-f", str(config)]

    def values(self, setting, folder):
        tls = f" ssl crt {certificate()[2]} alpn "
        bind = {"http": "", "https": tls + "http/1.1", "h2": tls + "h2", "h2c": " proto h2"}
        listen = {"LISTEN": bind[setting.protocol],
                  "SERVER": "proto h2" if setting.backend == "h2c" else ""}
        if not setting.log:
            return listen | {"LOG_GLOBAL": "", "LOG_DEFAULTS": ""}
        return listen | {"LOG_GLOBAL": "log stdout format raw local0",
                "LOG_DEFAULTS": "log global\n  option httplog"}


class H2o(Peer):
    name, program, template = "h2o", "h2o", "h2o.conf"

    def command(self, config):
        return [self.found(), "-m", "worker", "-c", str(config)]

    def values(self, setting, folder):
        return {"LOG": f"access-log: {folder}/h2o.access.log" if setting.log else "",
                # Else it becomes nobody, and then valgrind's control cannot reach it.
                "USER": "user: root" if os.geteuid() == 0 else ""}


class Caddy(Peer):
    name, program, template, native = "caddy", "caddy", "Caddyfile", False

    def command(self, config):
        return [self.found(), "run", "--adapter", "caddyfile", "--config", str(config)]

    def values(self, setting, folder):
        log = f"log {{\n\t\toutput file {folder}/caddy.access.log\n\t}}" if setting.log else ""
        return {"LOG": log}


ON_REQUEST = """
function on_request()
  local agent = request.headers["User-Agent"]
  if agent == "bad" then return respond(403) end
  request.headers["X-Agent"] = agent or "none"
end
"""
ON_BOTH = """
function on_request()
  ctx.path = request.path
  request.headers["X-Agent"] = request.headers["User-Agent"] or "none"
end
function on_response()
  response.headers["X-Path"] = ctx.path
end
"""
SCRIPT = "[plugins.script]\ntype = \"lua\"\ncode = '''{}'''\n"
# Each at its default, whichever the client asks for.
ENCODED = ("", ("compression",))
# What is declared, and what the location uses.
SECRET = "0123456789abcdef0123456789abcdef"
PLUGINS = {
    "": ("", ()),
    "auth": (f"""
[plugins.limit]
type = "rate_limit"
rate = 10000000
[plugins.members]
type = "jwt"
secret = "{SECRET}"
require_exp = false
""", ("request_id", "cors", "limit", "members")),
    "gzip": ENCODED,
    "brotli": ENCODED,
    "zstd": ENCODED,
    "idle": ("".join(f"""
[plugins.p{i}]
type = "ping"
path = "/ping/{i}"
""" for i in range(10)), tuple(f"p{i}" for i in range(10))),
    "lua-request": (SCRIPT.format(ON_REQUEST), ("script",)),
    "lua-both": (SCRIPT.format(ON_BOTH), ("script",)),
}

# Sections that tell what is going on. The collector is the origin, which takes everything.
TRACING = """
[tracing]
endpoint = "http://127.0.0.1:@ORIGIN@/post"
protocol = "http/protobuf"
sample_ratio = {}
"""
OBSERVED = {
    "": "",
    "json": "",
    "metrics": '[metrics]\naddr = "127.0.0.1:0"\n',
    "trace-1": TRACING.format(0.01),
    "trace-all": TRACING.format(1),
}


class Pingap(Peer):
    name, template, many_locations = "pingap", "pingap.toml", True
    plugins = tuple(PLUGINS)
    observed = tuple(OBSERVED)
    protocols = ALL_PROTOCOLS
    backends = ("http", "h2c")
    source = pathlib.Path(os.environ.get("PINGAP_BIN", TOP / "build/release/pingap"))
    program = str(BUILD / "pingap")

    def prepare(self):
        """Copies the program: a build in between must not change what is measured, and Debian's
        valgrind cannot read the line tables of clang-19."""
        if self.source.exists():
            subprocess.run(["llvm-strip-19", "--strip-debug", "-o", self.program, self.source],
                           check=True, timeout=60)

    def version(self):
        out = subprocess.run(["git", "-C", str(TOP), "describe", "--always", "--dirty"],
                             capture_output=True, text=True, check=False).stdout
        return out.strip()

    def command(self, config):
        return [self.found(), "run", "--config", str(config)]

    def values(self, setting, folder):
        paths = [f"/loc/{i:05}/" for i in range(setting.locations)] or ["/"]
        names = [f"l{i:05}" for i in range(len(paths))]
        declared, used = PLUGINS[setting.plugins]
        one = '[locations.{}]\nupstream = "origin"\npath = "{}"\n'
        one += f"plugins = {list(used)}\n" if used else ""
        cert, key, _ = certificate()
        log = f'access_log = "{folder}/pingap.access.log"\n' if setting.log else ""
        if setting.observed == "json":
            log += 'access_log_format = "json"\n'
        return {"PLUGINS": declared, "OBSERVED": OBSERVED[setting.observed], "LOG": log,
                "UPSTREAM": 'protocol = "h2c"' if setting.backend == "h2c" else "",
                "TLS": f'tls_cert = "{cert}"\ntls_key = "{key}"' if setting.tls else "",
                "NAMES": ", ".join(f'"{name}"' for name in names),
                "LOCATIONS": "\n".join(one.format(*pair) for pair in zip(names, paths))}


class Origin(Peer):
    name, program, template = "nginx", "nginx", "origin.conf"

    def command(self, config):
        return [self.found(), "-e", "stderr", "-c", str(config)]

    def values(self, setting, folder):
        return {"LISTEN": " http2" if setting.backend == "h2c" else ""}


PEERS = {peer.name: peer for peer in (Pingap(), Nginx(), Haproxy(), H2o(), Caddy())}


@dataclasses.dataclass
class Running:
    """A started program."""
    peer: Peer
    port: int
    process: subprocess.Popen
    pid: int  # of the program itself


def prepare_child(core):
    """What a child does before it becomes the program: one core, as many descriptors as it may."""
    def prepare():
        os.sched_setaffinity(0, {core})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return prepare


def wait_for(port, process, seconds):
    """Returns when `port` answers; fails when the program ended or took too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args[0]} did not listen within {seconds} s")


def stop(process):
    """Ends a process group that start() made."""
    for sign, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


@contextlib.contextmanager
def running(peer, setting, folder, origin_port, *, prefix=(), env=None, core=PROXY_CORE):
    """Runs `peer` with one worker on one core; `prefix` is a tool in front of its command."""
    folder = folder / f"{peer.template}.d"
    folder.mkdir(exist_ok=True)
    port = origin_port if isinstance(peer, Origin) else free_port()
    config = peer.write_config(setting, folder, port, origin_port)
    variables = os.environ | {"GOMAXPROCS": "1", "HOME": str(folder),
                              "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen([*prefix, *peer.command(config)], cwd=folder, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=variables | (env or {}), start_new_session=True,
                                   preexec_fn=prepare_child(core))
    try:
        try:
            wait_for(port, process, 60 if prefix else 20)
        except RuntimeError as error:
            text = (folder / "output").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{peer.name}: {error}\n{text}") from error
        yield Running(peer, port, process, process.pid)
    finally:
        stop(process)


@contextlib.contextmanager
def running_origin(folder, setting=Setting()):
    """nginx with the files of the bench, on the load's core; yields its port."""
    files = folder / "files"
    files.mkdir(exist_ok=True)
    for name, size in FILES.items():
        (files / name).write_bytes(b"0123456789abcde\n" * (size // 16))
    # What people write, to be encoded.
    text = b"".join(path.read_bytes() for path in sorted((TOP / "docs").glob("*.md")))
    (files / "text").write_bytes(text[:100 * KIB])
    for path in (folder, files):
        path.chmod(0o755)
    with running(Origin(), setting, folder, free_port(), core=LOAD_CORE) as origin:
        yield origin.port
