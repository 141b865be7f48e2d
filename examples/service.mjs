/**
 * The outside world of the tour: one small HTTP service that the example workflows call. What it says is made up.
 *
 *   node examples/service.mjs        listens on 127.0.0.1:7500; PORT chooses another port, 0 any free one
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

/** What was sold on a day, whichever day it is. */
const sales = [
  { shop: 'North', amount: 1200.5 },
  { shop: 'South', amount: 800 },
  { shop: 'Harbor', amount: 449.5 },
];

const rates = { de: { percent: 19 }, fr: { percent: 20 } };

/** Grows: `curl -X POST http://127.0.0.1:7500/articles/screw`. */
const articles = [
  { id: 1, title: 'bolt' },
  { id: 2, title: 'nut' },
];

const port = Number(process.env.PORT ?? 7500);
let refused = 0;
/** Invoices are refused until somebody opens the books: `curl -X POST http://127.0.0.1:7500/books/open`. */
let areBooksOpen = false;

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
  'GET /rates': (country) => (Object.hasOwn(rates, country) ? [200, rates[country]] : [404, { error: 'no such country' }]),
  'GET /sales': () => [200, sales],
  'GET /articles': () => [200, articles],
  'POST /articles': (title) => {
    articles.push({ id: articles.length + 1, title });
    return [201, { articles: articles.length }];
  },
  'POST /letters': () => [201, { sent: true }],
  'POST /invoices': () => (areBooksOpen ? [201, { written: true }] : [503, { error: 'the books are closed' }]),
  'POST /books': (name) => {
    areBooksOpen = name === 'open';
    return [200, { areBooksOpen }];
  },
  'POST /rooms': (city) => [201, { booking: `room-in-${city}` }],
  'DELETE /rooms': () => [200, { cancelled: true }],
  'POST /cars': (city) => [201, { booking: `car-in-${city}` }],
  'DELETE /cars': () => [200, { cancelled: true }],
  'POST /seats': (city) => (city === 'Bern' ? [409, { error: 'sold out' }] : [201, { booking: `seat-to-${city}` }]),
  'POST /accounts': () => [201, { made: true }],
  'POST /desks': () => [201, { ordered: true }],
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
      () => res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`),
      first === 'letters' ? LETTER_MS : 0,
    );
  });
});
server.on('error', (error) => {
  process.stderr.write(`The service cannot listen on port ${port}: ${error.message}\n`);
  process.exitCode = 1;
});
server.listen(port, '127.0.0.1', () => process.stdout.write(`service at http://127.0.0.1:${server.address().port}\n`));
