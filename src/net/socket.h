// Sockets as the proxy wants them: non-blocking, close-on-exec, without Nagle's delay. Any thread.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "net/address.h"
#include "net/fd.h"

namespace pingap::net {

// A listening socket; TCP ones share their port with the other workers' (SO_REUSEPORT). A stale
// unix socket file is replaced. Error::sys holds errno.
Result<Fd> listen_on(const Address& address) noexcept;
// Whether listen_on() would work but for other programs that listen there; does not disturb them.
// A file in the way of a unix socket is EEXIST.
Result<> try_to_listen_on(const Address& address);
// Fails with EADDRINUSE where somebody has the port of a TCP address already. Another process of
// the same user could share it (SO_REUSEPORT), and each would get a part of the connections.
Result<> expect_free(const Address& address) noexcept;
// The address a socket is bound to (port 0 resolved).
Address local_address(int fd) noexcept;

// Starts to connect; `in_progress` says whether writability has to be waited for.
Result<Fd> connect_to(const Address& address, bool& in_progress) noexcept;
// The outcome of a connect once the socket is writable: 0 or errno.
int connect_result(int fd) noexcept;

// Lets the kernel drop new connections to a listening TCP socket silently, while those it has
// already accepted can still be taken: closing the socket afterwards resets nobody.
void stop_new_connections(int fd) noexcept;

// Raises the soft limit of descriptors to the hard one; returns it.
uint64_t raise_descriptor_limit() noexcept;

}  // namespace pingap::net
