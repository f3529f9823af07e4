// A WebSocket client: `node ws_client.js h1|h2 PORT`. By h2 it is Node's HTTP/2 that asks for the
// tunnel (RFC 8441), and node-ws that speaks in it. Prints as JSON what it saw.
const crypto = require('crypto');
const http2 = require('http2');
const { WebSocket, PerMessageDeflate } = require('ws');

const [how, port] = process.argv.slice(2);
const seen = { messages: [] };
const BIG = crypto.randomBytes(1 << 20);
const SENT = ['hello', 'x'.repeat(70000), Buffer.from([0, 1, 255]), BIG, ''];

function talk(socket, done) {
  let next = 0;
  const send = () => socket.send(SENT[next]);
  socket.on('pong', (data) => { seen.pong = data.toString(); send(); });
  socket.on('message', (data, binary) => {
    const wanted = SENT[next++];
    seen.messages.push(binary === Buffer.isBuffer(wanted) && Buffer.from(wanted).equals(data));
    if (next < SENT.length) send(); else socket.close(4321, 'enough');
  });
  socket.on('close', (code, reason) => {
    seen.close = [code, reason.toString()];
    done();
  });
  socket.on('error', (error) => { seen.error = String(error); done(); });
  if (socket.readyState === WebSocket.OPEN) socket.ping('are you there');
  else socket.on('open', () => socket.ping('are you there'));
}

function finish() {
  console.log(JSON.stringify(seen));
  process.exit(0);
}

if (how === 'h1') {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, ['one', 'two']);
  socket.on('upgrade', (response) => { seen.status = response.statusCode; });
  socket.on('open', () => {
    seen.protocol = socket.protocol;
    seen.extensions = socket.extensions;
  });
  talk(socket, finish);
} else {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', (error) => { seen.error = String(error); finish(); });
  session.on('remoteSettings', (settings) => {
    seen.announced = settings.enableConnectProtocol;
    const stream = session.request({
      ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat',
      'sec-websocket-version': '13', 'sec-websocket-protocol': 'one, two',
    });
    stream.on('response', (headers) => {
      seen.status = headers[':status'];
      seen.protocol = headers['sec-websocket-protocol'];
      seen.extensions = headers['sec-websocket-extensions'] || '';
      stream.setNoDelay = () => {};
      const socket = new WebSocket(null);
      socket._isServer = false;  // it masks, as a client does
      socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 24 });
      talk(socket, () => session.close(finish));
    });
  });
}
