// The undici of npm: `node undici_client.js h1|h2 PORT CA`. Prints as JSON what it saw; the origin
// sends back what comes.
const crypto = require('crypto');
const fs = require('fs');
const { Agent, fetch, request, setGlobalDispatcher } = require('undici');

const [how, port, ca] = process.argv.slice(2);
const url = (path) => `https://localhost:${port}${path}`;
setGlobalDispatcher(new Agent({
  connections: 4,
  pipelining: 1,  // more streams at once break its assertions, whoever is the server
  allowH2: how === 'h2',
  connect: { ca: fs.readFileSync(ca) },
}));
const BIG = crypto.randomBytes(1 << 20);
const seen = {};

async function* pieces() {
  for (let at = 0; at < BIG.length; at += 50000) yield BIG.subarray(at, at + 50000);
}

async function post(path, body) {
  const answer = await request(url(path), { method: 'POST', body });
  return Buffer.from(await answer.body.arrayBuffer()).equals(BIG);
}

async function all() {
  const first = await request(url('/first?a=b'), { headers: { 'x-sent': 'words' } });
  seen.get = [first.statusCode, first.headers['x-sent'], await first.body.text()];
  const head = await request(url('/head'), { method: 'HEAD' });
  seen.head = [head.statusCode, head.headers['content-length'], await head.body.text()];
  seen.post = await post('/post', BIG);
  seen.streamed = await post('/streamed', pieces());
  seen.put = (await (await request(url('/put'), { method: 'PUT', body: '' })).body.text());

  const many = await Promise.all([...Array(100).keys()].map(async (number) => {
    const answer = await fetch(url(`/many/${number}`));
    return answer.status === 200 && await answer.text() === `/many/${number}`;
  }));
  seen.many = many.filter(Boolean).length;

  const missing = await fetch(url('/missing'));
  seen.missing = [missing.status, await missing.text()];
  const moved = await fetch(url('/moved'));
  seen.moved = [moved.redirected, await moved.text()];
  const cut = await fetch(url('/cut'));
  seen.cut = await cut.text().then(() => 'whole', () => 'error');

  const stop = new AbortController();
  const endless = await request(url('/endless'), { signal: stop.signal });
  endless.body.on('error', () => {});
  for await (const data of endless.body) {
    seen.began = data.toString().slice(0, 5);
    break;
  }
  stop.abort();
  seen.after = await (await fetch(url('/after'))).text();
}

all().catch((error) => { seen.error = String(error.cause || error); })
  .then(() => { console.log(JSON.stringify(seen)); process.exit(0); });
