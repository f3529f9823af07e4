// A server whose parser is Node's llhttp: it answers each request with what it has read of it, as
// base64 of JSON in X-Read. Prints its port; ends with its standard input.
const http = require('http');

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const read = {
      method: request.method,
      target: request.url,
      fields: request.rawHeaders,
      body: Buffer.concat(parts).toString('latin1'),
    };
    response.setHeader('X-Read', Buffer.from(JSON.stringify(read)).toString('base64'));
    response.setHeader('Content-Length', '0');
    response.end();
  });
});

server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
