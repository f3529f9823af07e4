// @grpc/grpc-js: `node grpc_peers_client.js ADDRESS PROTO [CA]` makes the calls of grpc_peers.py and
// prints as JSON what it saw.
const crypto = require('crypto');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, proto, ca] = process.argv.slice(2);
const { Peers } = grpc.loadPackageDefinition(loader.loadSync(proto, { longs: Number, defaults: true })).test;
const credentials = ca ? grpc.credentials.createSsl(fs.readFileSync(ca)) :
  grpc.credentials.createInsecure();
const client = new Peers(address, credentials,
  { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
const seen = {};
const soon = (milliseconds) => ({ deadline: Date.now() + milliseconds });
const LIMIT = soon(20000);

function unary(name, message, { metadata = new grpc.Metadata(), options = LIMIT, begun } = {}) {
  return new Promise((done) => {
    const result = {};
    const call = client[name](message, metadata, options, (error, answer) => {
      Object.assign(result, error ? { code: error.code, details: error.details } : { answer });
      if (error) done({ ...result, trailers: error.metadata.getMap() });
    });
    call.on('metadata', (head) => {
      result.head = head.getMap();
      if (begun) begun(call);
    });
    call.on('status', (status) => {
      if (!status.code) done({ ...result, trailers: status.metadata.getMap() });
    });
  });
}

function stream(call, heard = () => {}) {
  return new Promise((done) => {
    const result = { messages: [] };
    call.on('data', (message) => { result.messages.push(message); heard(result.messages.length); });
    call.on('error', () => {});
    call.on('status', (status) => done({
      ...result, code: status.code, details: status.details, end: status.metadata.get('x-end') }));
  });
}

const numbers = (result) => [result.messages.map((one) => one.value), result.code, result.end];

async function all() {
  const metadata = new grpc.Metadata();
  metadata.set('x-sent', 'some words');
  metadata.set('x-sent-bin', Buffer.from([0, 255, 10]));
  const message = { text: 'h\u00e9llo', data: Buffer.from([0, 1, 255]), tags: { a: -1, b: 1 << 30 } };
  const echo = await unary('Echo', message, { metadata });
  seen.echo = [echo.answer.text, [...echo.answer.data], echo.answer.tags];
  seen.metadata = [echo.head['x-sent'], [...echo.head['x-sent-bin']], echo.trailers['x-end']];

  const big = crypto.randomBytes(8 << 20);
  seen.big = (await unary('Echo', { data: big })).answer.data.equals(big);
  seen.empty = (await unary('Echo', {})).answer.data.length;

  seen.count = numbers(await stream(client.Count({ from: -50, to: 50 }, LIMIT)));
  seen.broken = numbers(await stream(client.Count(
    { from: 0, to: 3, failure: { code: 10, details: 'enough' } }, LIMIT)));
  seen.sum = await new Promise((done) => {
    const call = client.Sum(LIMIT, (error, answer) => done(error ? error.code : answer.value));
    for (let value = 0; value < 1000; value++) call.write({ value });
    call.end();
  });
  const talk = client.Talk(LIMIT);
  const say = (turn) => (turn < 20 ? talk.write({ text: `turn ${turn}` }) : talk.end());
  const talked = stream(talk, say);
  say(0);
  const said = await talked;
  seen.talk = [said.messages.map((one) => one.text), said.code];

  seen.failures = [];
  for (let code = 1; code <= 16; code++) {
    const failed = await unary('Fail', { code, details: `100% \u00e9 ${code}` });
    seen.failures.push([failed.code, failed.details, failed.trailers['x-end']]);
  }
  const none = new grpc.Client(address, credentials);
  seen.unknown = await new Promise((done) => {
    none.makeUnaryRequest('/test.Peers/None', () => Buffer.alloc(0), (bytes) => bytes, {}, LIMIT,
      (error) => done(error.code));
  });

  seen.deadline = (await unary('Wait', {}, { options: soon(300) })).code;
  seen.cancelled = (await unary('Wait', {}, { begun: (call) => call.cancel() })).code;
  const drip = client.Count({ from: 0, to: 1, endless: true }, LIMIT);
  seen.dropped = numbers(await stream(drip, () => drip.cancel())).slice(0, 2);
  const late = client.Count({ from: 0, to: 1, endless: true }, soon(500));
  seen.late = numbers(await stream(late)).slice(0, 2);
}

all().then(() => { console.log(JSON.stringify(seen)); process.exit(0); });
