// @grpc/grpc-js as a server of tests/data/peers.proto: `node grpc_peers_server.js PROTO [CERT KEY]`.
// Prints its port; ends with its standard input.
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [proto, cert, key] = process.argv.slice(2);
const { Peers } = grpc.loadPackageDefinition(loader.loadSync(proto, { longs: Number, defaults: true })).test;
let givenUp = 0;

function trailers() {
  const made = new grpc.Metadata();
  made.set('x-end', 'yes');
  return made;
}

function failure({ code, details }) {
  return { code, details, metadata: trailers() };
}

function until(call) {
  call.on('cancelled', () => { givenUp += 1; });
}

const server = new grpc.Server(
  { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(Peers.service, {
  Echo(call, done) {
    const head = new grpc.Metadata();
    for (const name of ['x-sent', 'x-sent-bin']) {
      for (const value of call.metadata.get(name)) head.add(name, value);
    }
    call.sendMetadata(head);
    done(null, call.request, trailers());
  },
  Count(call) {
    const { from, to, failure: failed, endless } = call.request;
    for (let value = from; value < to; value++) call.write({ value });
    if (endless) until(call);
    else if (failed) call.emit('error', failure(failed));
    else call.end(trailers());
  },
  Sum(call, done) {
    let value = 0;
    call.on('data', (one) => { value += one.value; });
    call.on('end', () => done(null, { value }, trailers()));
  },
  Talk(call) {
    call.on('data', (one) => call.write(one));
    call.on('end', () => call.end(trailers()));
  },
  Fail(call, done) { done(failure(call.request)); },
  Wait(call) {
    until(call);
    call.sendMetadata(new grpc.Metadata());
  },
  GivenUp(call, done) { done(null, { value: givenUp }); },
});
const credentials = cert ? grpc.ServerCredentials.createSsl(null,
  [{ cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key) }]) :
  grpc.ServerCredentials.createInsecure();
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.on('end', () => process.exit(0)).resume();
