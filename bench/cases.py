"""The cases of the bench: what is asked of the proxies, and how often."""
import dataclasses

from peers import Setting


@dataclasses.dataclass
class Case:
    name: str
    title: str
    path: str = "/1k"
    connections: int = 64
    options: tuple = ()      # of our load generator
    log: bool = False
    locations: int = 0       # prefix locations; only peers that have such a notion
    weight: int = 1          # how many 1 KiB requests one of these is worth
    per_second: int = 0      # requests a second asked of our load generator; 0 = wrk loads
    idle: bool = False       # only memory is measured

    @property
    def with_wrk(self):
        return self.per_second == 0

    @property
    def setting(self):
        return Setting(log=self.log, locations=self.locations)

    def requests(self, small):
        """A count of requests for a measurement that takes `small` requests of 1 KiB."""
        return max(self.connections, small // self.weight)


CASES = {case.name: case for case in (
    Case("1k-64", "1 KiB, 64 connections"),
    Case("1k-512", "1 KiB, 512 connections", connections=512),
    Case("1k-64-log", "1 KiB, 64 connections, access log", log=True),
    Case("100k", "100 KiB, 64 connections", path="/100k", weight=10),
    Case("10m", "10 MiB, 16 connections", path="/10m", connections=16, weight=200),
    Case("post-64k", "POST 64 KiB, 64 connections", path="/post", options=("--post", "65536"),
         weight=5, per_second=15000),
    Case("one-per-connection", "1 KiB, one request per connection", options=("--close",),
         per_second=15000),
    Case("locations-10", "1 KiB, 10 locations", path="/loc/", options=("--spread", "10"),
         locations=10, per_second=30000),
    Case("locations-10000", "1 KiB, 10,000 locations", path="/loc/",
         options=("--spread", "10000"), locations=10000, per_second=30000),
    Case("idle", "10,000 idle connections", connections=10000, idle=True),
)}
