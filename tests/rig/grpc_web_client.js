// The grpc-web client of npm: `node grpc_web_client.js text|binary PORT`. Messages are bytes.
// Prints as JSON what it saw.
global.XMLHttpRequest = require('xhr2');
const { GrpcWebClientBase, MethodDescriptor, MethodType } = require('grpc-web');

const [format, port] = process.argv.slice(2);
const client = new GrpcWebClientBase({ format });
const seen = { counted: [], errors: [] };

function method(name, kind) {
  return new MethodDescriptor(`/test.Calls/${name}`, kind, Object, Object,
    (text) => new TextEncoder().encode(text), (bytes) => new TextDecoder().decode(bytes));
}

function url(name) {
  return `http://127.0.0.1:${port}/test.Calls/${name}`;
}

function unary(name, text) {
  return new Promise((done) => {
    const call = client.rpcCall(url(name), text, { 'x-a': 'b' }, method(name, MethodType.UNARY),
      (error, answer) => {
        if (error) seen.errors.push([error.code, error.message]); else seen[name] = answer;
        done();
      });
    call.on('status', (status) => { seen[`${name} status`] = status.code; });
  });
}

function stream(name, text) {
  return new Promise((done) => {
    const call = client.serverStreaming(url(name), text, {},
      method(name, MethodType.SERVER_STREAMING));
    call.on('data', (answer) => seen.counted.push(answer));
    call.on('error', (error) => { seen.errors.push([error.code, error.message]); done(); });
    call.on('end', done);
  });
}

(async () => {
  await unary('Echo', 'h\u00e9llo'.repeat(1000));
  await unary('Fail', 'why');
  await unary('Nothing', '');
  if (format === 'text') await stream('Count', '50');  // it streams in text only
  console.log(JSON.stringify(seen));
  process.exit(0);
})();
