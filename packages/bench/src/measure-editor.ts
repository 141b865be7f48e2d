/** What a person sees in the browser: how soon the editor can be used, what panning costs a frame, and how soon the end of a step shows. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findChromium } from '@plugboard/testing/chromium';
import type { Page } from 'playwright-core';
import { type BenchStep, boardOf, chainOf } from './bench-workflows.ts';
import { type EditorBrowser, openEditorBrowser } from './editor-browser.ts';
import { frameCosts } from './frame-costs.ts';
import { type Measure, type OwnServer, type OwnServerBench, p95Of, withOwnServer } from './own-server.ts';
import { BenchServerError } from './plugboard-server.ts';
import type { FigureRow } from './results.ts';

const PAGES = fileURLToPath(new URL('../../../ui/dist/index.html', import.meta.url));
const OPENINGS = 10;
const OPENED_WITHIN_MS = 30_000;
/** After this long without an answer a click went nowhere. */
const CLICKED_WITHIN_MS = 1000;
const CLICKS = 10;
const NODES = 50;
const PER_ROW = 7;
const MANY_NODES = 500;
const MANY_PER_ROW = 20;
/** Pixels the board moves with each turn of the wheel: at 60 turns a second it crosses the window in a second. */
const PAN_PX = 20;
/** To the side and down, and back. `zoomedOut`: how often the board is made smaller, beginning at its full size. */
const PANS = [
  { how: 'all in view', across: 20, down: 10, times: 5 },
  { how: 'at 100 %', zoomedOut: 0, across: 110, down: 30, times: 1 },
  { how: 'at 48 %', zoomedOut: 4, across: 60, down: 30, times: 1 },
] as const;
/** The board's own. */
const ZOOM_STEP = 1.2;
const WATCHED_STEPS = 50;
/** Heard before they count: the connection and the code of the page are warm then. */
const WARM_UP_STEPS = 10;
const STEP_MS = 100;
/** Until then the page is open, and its connection is up. */
const FIRST_STEP_MS = 5000;
const WATCHED_WITHIN_MS = 60_000;

export async function measureEditor(bench: OwnServerBench): Promise<FigureRow[]> {
  const chromium = findChromium();
  const missing = chromium === undefined ? 'there is no Chromium on PATH' : existsSync(PAGES) ? undefined : 'the pages are not built';
  if (chromium === undefined || missing !== undefined) {
    bench.note(`editor: left out, ${missing}`);
    return [];
  }
  return withOwnServer(bench, 'editor', async (server, measure) => {
    const browser = await openEditorBrowser(chromium, { url: server.url, cookie: await server.signIn() });
    try {
      await measureOpening(bench, { server, browser, measure });
      await measurePanning(bench, { server, browser, measure });
      await measureStepsSeen(bench, { server, browser, measure });
    } finally {
      await browser.close();
    }
  });
}

interface Editor {
  readonly server: OwnServer;
  readonly browser: EditorBrowser;
  readonly measure: Measure;
}

/** From the start of the navigation, in a window that has never seen the server, and then in the same window again. */
async function measureOpening(bench: OwnServerBench, { server, browser, measure }: Editor): Promise<void> {
  const id = await server.publish(boardOf('Bench board', NODES, PER_ROW));
  const address = `${server.url}/w/default/workflows/${id}`;
  const first: Opening[] = [];
  const again: Opening[] = [];
  for (let n = 0; n < OPENINGS; n += 1) {
    bench.progress(`editor: opening ${n + 1} of ${OPENINGS}`);
    const window = await browser.open();
    first.push(await openBoard(window.page, address));
    await window.page.goto('about:blank');
    again.push(await openBoard(window.page, address));
    await window.close();
  }
  for (const [how, openings] of [
    ['', first],
    [' again', again],
  ] as const) {
    measure(
      `${NODES} nodes opened${how}, until drawn`,
      'ms',
      openings.map(({ drawnMs }) => drawnMs),
    );
    measure(
      `${NODES} nodes opened${how}, until a click has opened a node`,
      'ms',
      openings.map(({ usedMs }) => usedMs),
    );
  }
}

interface Opening {
  readonly drawnMs: number;
  readonly usedMs: number;
}

async function openBoard(page: Page, address: string): Promise<Opening> {
  await page.goto(address, { waitUntil: 'commit' });
  const within = { count: NODES, withinMs: OPENED_WITHIN_MS };
  const drawn = await page.evaluate(untilDrawn, within);
  // A click that opens nothing is made again: the nodes cannot be used before.
  for (let click = 0, at = drawn; click < CLICKS; click += 1, at = await page.evaluate(untilDrawn, within)) {
    await page.mouse.click(at.x, at.y);
    const usedMs = await page.evaluate(untilOpened, { title: at.title, withinMs: CLICKED_WITHIN_MS });
    if (usedMs !== undefined) return { drawnMs: drawn.ms, usedMs };
  }
  throw new BenchServerError(`editor: ${CLICKS} clicks on nodes opened none`);
}

/** All nodes in view as the editor opens, and those of the window at full size. */
async function measurePanning(bench: OwnServerBench, { server, browser, measure }: Editor): Promise<void> {
  const id = await makeDraft(server, 'Bench large board', boardOf('Bench large board', MANY_NODES, MANY_PER_ROW));
  const window = await browser.open();
  const { page } = window;
  await page.goto(`${server.url}/w/default/workflows/${id}`, { waitUntil: 'commit' });
  await page.evaluate(untilDrawn, { count: MANY_NODES, withinMs: OPENED_WITHIN_MS });
  for (const pan of PANS) {
    bench.progress(`editor: panning, ${pan.how}`);
    if ('zoomedOut' in pan) await zoomTo(page, pan.zoomedOut);
    const costs = frameCosts(await window.trace(() => panBoard(page, pan)), ['wheel']);
    const name = `panning ${MANY_NODES} nodes, ${pan.how}: a frame`;
    const times = costs.map(({ ms }) => ms);
    measure(name, 'ms', times);
    measure(`${name}, p95`, 'ms', [p95Of(times)]);
    measure(`${name}, p95 of CPU time`, 'ms', [p95Of(costs.map(({ cpuMs }) => cpuMs))]);
  }
  await window.close();
}

/** Drawn, but too large to be published. */
async function makeDraft(server: OwnServer, name: string, definition: object): Promise<string> {
  const { id } = await server.call<{ id: string }>('POST', '/workflows', { name });
  const { rev } = await server.call<{ rev: number }>('GET', `/workflows/${id}/draft`);
  await server.call('PUT', `/workflows/${id}/draft`, { expectedRev: rev, definition });
  return id;
}

async function zoomTo(page: Page, zoomedOut: number): Promise<void> {
  await page.locator('[data-plate="start"]').focus();
  await page.keyboard.press('0');
  await page.getByText('100%', { exact: true }).waitFor();
  for (let n = 1; n <= zoomedOut; n += 1) {
    await page.keyboard.press('-');
    await page.getByText(`${Math.round(100 / ZOOM_STEP ** n)}%`, { exact: true }).waitFor();
  }
}

/** Ends where it began. */
async function panBoard(page: Page, { across, down, times }: (typeof PANS)[number]): Promise<void> {
  const ways = [
    [across, 1, 0],
    [down, 0, 1],
    [across, -1, 0],
    [down, 0, -1],
  ] as const;
  await page.mouse.move(600, 400);
  for (let n = 0; n < times; n += 1) {
    for (const [turns, x, y] of ways) for (let turn = 0; turn < turns; turn += 1) await page.mouse.wheel(x * PAN_PX, y * PAN_PX);
  }
}

/** By the clock of this machine: from the time the end of a step carries, until the frame that shows it is drawn. */
async function measureStepsSeen(bench: OwnServerBench, { server, browser, measure }: Editor): Promise<void> {
  bench.progress('editor: watching a run');
  const call = (n: number, delayMs: number): BenchStep => [
    `call${n}`,
    'core/http-request',
    { method: 'POST', url: `${bench.serviceUrl}?delayMs=${delayMs}`, body: { call: n } },
  ];
  const calls = Array.from({ length: WATCHED_STEPS }, (_, n) => call(n, n === 0 ? FIRST_STEP_MS : STEP_MS));
  const workflowId = await server.publish(chainOf('Bench seen', [['start', 'core/manual'], ...calls]));
  const window = await browser.open();
  const { page } = window;
  const { runId } = await server.call<{ runId: string }>('POST', '/runs', { workflowId, input: {} });
  await page.goto(`${server.url}/w/default/runs/${runId}`, { waitUntil: 'commit' });
  await page.locator('[data-plate="call0"][aria-label*="running"]').waitFor();
  const seen = new Map(await page.evaluate(seenSteps, { count: WATCHED_STEPS, withinMs: WATCHED_WITHIN_MS }));
  await window.close();
  const { facts } = await server.call<{ facts: readonly Fact[] }>('GET', `/runs/${runId}/facts`);
  const waits = facts
    .filter((fact) => fact.type === 'step.finished' && fact.node?.startsWith('call') === true)
    .slice(WARM_UP_STEPS)
    .flatMap((fact) => {
      const at = seen.get(fact.node ?? '');
      return at === undefined ? [] : [at - Date.parse(fact.at)];
    });
  if (waits.length < WATCHED_STEPS - WARM_UP_STEPS)
    throw new BenchServerError(`editor: ${waits.length} steps of the watched run were seen`);
  measure('end of a step until it is seen', 'ms', waits);
  measure('end of a step until it is seen, p95', 'ms', [p95Of(waits)]);
}

interface Fact {
  readonly type: string;
  readonly at: string;
  readonly node?: string;
}

/** What these functions touch of a page. They run in it, each for itself. */
interface InPage {
  readonly performance: { now(): number };
  readonly document: InPageNode & {
    elementFromPoint(x: number, y: number): InPageNode | null;
  };
  requestAnimationFrame(act: () => void): void;
  setTimeout(act: () => void, ms: number): void;
  readonly MutationObserver: new (act: () => void) => { observe(on: InPageNode, what: object): void; disconnect(): void };
  readonly MessageChannel: new () => {
    readonly port1: { addEventListener(name: 'message', act: () => void): void; start(): void };
    readonly port2: { postMessage(what: null): void };
  };
}

interface InPageNode {
  readonly textContent: string | null;
  readonly dataset: { readonly plate?: string };
  getAttribute(name: string): string | null;
  getBoundingClientRect(): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  closest(selector: string): InPageNode | null;
  querySelectorAll(selector: string): ArrayLike<InPageNode> & Iterable<InPageNode>;
}

interface Within {
  readonly withinMs: number;
}

/**
 * Resolves once `count` plates are there and where they lie has not changed from one frame to the next: with the time since the navigation
 * began, and a plate to click on.
 */
function untilDrawn({ count, withinMs }: Within & { readonly count: number }): Promise<Drawn> {
  const page = globalThis as unknown as InPage;
  return new Promise((resolve, reject) => {
    page.setTimeout(() => reject(new Error(`${count} nodes were not drawn in time`)), withinMs);
    let before = '';
    const look = (): void => {
      const plates = [...page.document.querySelectorAll('[data-plate]')];
      const places = plates.map((plate) => ({ plate, box: plate.getBoundingClientRect() }));
      const now = JSON.stringify(places.map(({ box }) => box));
      const isStill = now === before;
      before = now;
      const found = places.find(({ plate, box }) => {
        const on = page.document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.width > 0 && on?.closest('[data-plate]') === plate && plate.dataset.plate !== 'start';
      });
      if (plates.length < count || !isStill || found === undefined) return page.requestAnimationFrame(look);
      const { plate, box } = found;
      const title = plate.querySelectorAll('.title')[0]?.textContent ?? '';
      resolve({ ms: page.performance.now(), x: box.x + box.width / 2, y: box.y + box.height / 2, title });
    };
    look();
  });
}

interface Drawn {
  readonly ms: number;
  readonly x: number;
  readonly y: number;
  readonly title: string;
}

/** Resolves after the frame in which the details of a node have a place, with its time since the navigation began; undefined if none comes. */
function untilOpened({ title, withinMs }: Within & { readonly title: string }): Promise<number | undefined> {
  const page = globalThis as unknown as InPage;
  return new Promise((resolve) => {
    page.setTimeout(() => resolve(undefined), withinMs);
    const look = (): void => {
      const panels = [...page.document.querySelectorAll('section[aria-label]')];
      const isOpen = panels.some((panel) => panel.getAttribute('aria-label') === title && panel.getBoundingClientRect().height > 0);
      page.requestAnimationFrame(isOpen ? () => resolve(page.performance.now()) : look);
    };
    look();
  });
}

/** When the plates of `count` calls were drawn as succeeded, in ms since 1970, once all are. */
function seenSteps({ count, withinMs }: Within & { readonly count: number }): Promise<[string, number][]> {
  const page = globalThis as unknown as InPage;
  return new Promise((resolve, reject) => {
    const seen = new Map<string, number>();
    const drawn = new Set<string>();
    const look = (): void => {
      const fresh = [...page.document.querySelectorAll('[data-plate^="call"][aria-label*="succeeded"]')]
        .map((plate) => plate.dataset.plate ?? '')
        .filter((id) => !drawn.has(id));
      if (fresh.length === 0) return;
      for (const id of fresh) drawn.add(id);
      // The frame that shows them comes next, and what is posted in it comes after it was drawn.
      page.requestAnimationFrame(() => {
        const channel = new page.MessageChannel();
        channel.port1.addEventListener('message', () => {
          for (const id of fresh) seen.set(id, Date.now());
          if (seen.size < count) return;
          observer.disconnect();
          resolve([...seen]);
        });
        channel.port1.start();
        channel.port2.postMessage(null);
      });
    };
    const observer = new page.MutationObserver(look);
    observer.observe(page.document, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label'] });
    page.setTimeout(() => reject(new Error('not all steps were seen in time')), withinMs);
    look();
  });
}
