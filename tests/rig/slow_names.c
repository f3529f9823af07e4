/* Preloaded into a program: names of the zone "slow.test" are looked up for as long as the file
SLOW_UNTIL is not there, and are 127.0.0.1 then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char* host, const char* port, const struct addrinfo* hints,
                struct addrinfo** list) {
  const char* zone = ".slow.test";
  const size_t size = host == NULL ? 0 : strlen(host);
  if (size > strlen(zone) && strcmp(host + size - strlen(zone), zone) == 0) {
    while (access(getenv("SLOW_UNTIL"), F_OK) != 0) {
      usleep(1000);
    }
    host = "127.0.0.1";
  }
  return ((__typeof__(&getaddrinfo))dlsym(RTLD_NEXT, "getaddrinfo"))(host, port, hints, list);
}
