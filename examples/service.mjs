/**
 * The outside world of the tour: one small HTTP service that the example workflows call. What it says is made up.
 *
 *   node examples/service.mjs        listens on 127.0.0.1:7500; PORT chooses another port
 *
 * It prints a line for each request, so that you see what Plugboard really sent.
 */
import { createServer } from 'node:http';

/** How long a letter takes, in milliseconds: long enough to pull the server away meanwhile. */
const LETTER_MS = 1000;
/** How often the stock refuses an article named `flaky` before it answers. */
const REFUSALS = 2;

const occupations = {
  management: { title: 'Management', hoursPerWeek: 45 },
  sales: { title: 'Sales', hoursPerWeek: 38 },
  clerical: { title: 'Office work', hoursPerWeek: 37.5 },
  service: { title: 'Service', hoursPerWeek: 35 },
  professional: { title: 'Professional work', hoursPerWeek: 40 },
  other: { title: 'All other work', hoursPerWeek: 40 },
};

const port = Number(process.env.PORT ?? 7500);
let refused = 0;

/** @type {{ [route: string]: (name: string) => [status: number, body: object] }} */
const routes = {
  'GET /occupations': (name) => (Object.hasOwn(occupations, name) ? [200, occupations[name]] : [404, { error: 'no such occupation' }]),
  'GET /stock': (name) => {
    if (name === 'gone') return [404, { error: 'no such article' }];
    if (name === 'flaky' && refused < REFUSALS) {
      refused += 1;
      return [503, { error: 'come back later' }];
    }
    if (name === 'flaky') refused = 0;
    return [200, { pieces: name.length * 10 }];
  },
  'POST /letters': () => [201, { sent: true }],
};

const server = createServer((req, res) => {
  const [, first = '', name = ''] = new URL(req.url ?? '/', 'http://localhost').pathname.split('/');
  const key = String(req.headers['idempotency-key'] ?? '');
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const [status, body] = routes[`${req.method} /${first}`]?.(decodeURIComponent(name)) ?? [404, { error: 'no such address' }];
    const text = Buffer.concat(chunks).toString();
    process.stdout.write(`${[req.method, req.url, status, text, key && `key ${key.slice(-12)}`].filter(Boolean).join(' ')}\n`);
    setTimeout(
      () => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      first === 'letters' ? LETTER_MS : 0,
    );
  });
});
server.on('error', (error) => {
  process.stderr.write(`The service cannot listen on port ${port}: ${error.message}\n`);
  process.exitCode = 1;
});
server.listen(port, '127.0.0.1', () => process.stdout.write(`service at http://127.0.0.1:${port}\n`));
