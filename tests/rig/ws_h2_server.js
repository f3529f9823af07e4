// A WebSocket server over HTTP/2 (Node's, RFC 8441) that sends back what comes: node-ws speaks in
// the tunnel. Prints its port; ends with its standard input.
const http2 = require('http2');
const { WebSocket } = require('ws');

const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream, headers) => {
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 404 }, { endStream: true });
    return;
  }
  const offered = (headers['sec-websocket-protocol'] || '').split(',')[0].trim();
  stream.respond({ ':status': 200, ...(offered && { 'sec-websocket-protocol': offered }) });
  stream.setNoDelay = () => {};
  const socket = new WebSocket(null);
  socket._isServer = true;
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 24 });
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
