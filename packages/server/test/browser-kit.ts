/** A real Chromium for tests of the pages: one browser with a fresh profile, one page, every wait bounded. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { CHROMIUM_ARGUMENTS, findChromium } from '@plugboard/testing/chromium';
import { type Page, chromium } from 'playwright-core';

/** Where the build of the pages writes. */
export const PAGES = fileURLToPath(new URL('../../../ui/dist/', import.meta.url));

/** Longest wait for one thing on a page, in milliseconds. */
const WAIT_MS = 60_000;
/** What a page may take for another shape on a busy machine, in milliseconds. */
const SETTLED_MS = 20_000;
const WIDTHS = [1440, 1024, 390];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Why no browser test can run here; undefined where they can. */
export function whyNoBrowser(): string | undefined {
  if (findChromium() === undefined) return 'no Chromium on PATH';
  return existsSync(join(PAGES, 'index.html')) ? undefined : 'the pages are not built';
}

export interface Browser {
  readonly page: Page;
  /** What the console complained about since it was last asked; a request that was refused on purpose is not among it. */
  complaints(): string[];
  /** Serious findings of axe in both themes, and widths at which the page is wider than the window. */
  findings(): Promise<string[]>;
  /** Address of the page at hand as the router has it, such as `/w/:workspace/runs/:id`. */
  route(): Promise<string>;
  /** All addresses with a page of their own, as the router has them. */
  routes(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('there is no Chromium on PATH');
  const profile = await mkdtemp(join(tmpdir(), 'plugboard-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...CHROMIUM_ARGUMENTS],
    timeout: 120_000,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(WAIT_MS);
  page.setDefaultNavigationTimeout(WAIT_MS);
  await page.setViewportSize({ width: WIDTHS[0] ?? 1440, height: 900 });
  const heard: string[] = [];
  page.on('console', (message) => {
    // Chromium tells every answer of 400 and more; the pages show those to the person.
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) heard.push(message.text());
  });
  page.on('pageerror', (error) => heard.push(error.message));

  /** What axe finds serious in the page as it stands still. */
  const judged = async (theme: string): Promise<string[]> => {
    // What is being fetched again is shown dimmed for that moment; colours pass over into each other, and half way they are neither.
    await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
    await page.evaluate(untilStill);
    // Only colours differ between the themes. Legacy mode judges in the page itself instead of opening another one each time.
    const axe = new AxeBuilder({ page }).setLegacyMode(true);
    const { violations } = await (theme === 'light' ? axe.withTags(RULES) : axe.withRules(['color-contrast'])).analyze();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) => `${theme}, ${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join('; ')}`,
      );
  };

  return {
    page,
    complaints: () => heard.splice(0),
    async findings() {
      const found: string[] = [];
      for (const theme of ['light', 'dark']) {
        await page.evaluate(takeTheme, theme);
        // News may have made the page fetch again while it was judged: what is wrong with it is wrong the next moment, too.
        if ((await judged(theme)).length > 0) found.push(...(await judged(theme)));
      }
      for (const width of WIDTHS.toReversed()) {
        await page.setViewportSize({ width, height: 900 });
        // The page takes another shape when the window does; a moment later it has to fit.
        const fits = page.waitForFunction(fitsItsWindow, undefined, { timeout: SETTLED_MS });
        await fits.catch(() => found.push(`wider than its window of ${width} pixels`));
        const apart = page.waitForFunction(cellsAreApart, undefined, { timeout: SETTLED_MS });
        await apart.catch(() => found.push(`cells of a row lie on each other at ${width} pixels`));
      }
      return found;
    },
    route: () => page.evaluate(routeAtHand),
    routes: () => page.evaluate(routesWithPages),
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** What these tests touch of a page; they run in it, as functions: the pages' policy lets no text be run. */
interface InPage {
  readonly innerWidth: number;
  readonly document: {
    getAnimations(): readonly {
      readonly finished: Promise<unknown>;
      readonly effect: { getComputedTiming(): { readonly endTime?: unknown } } | null;
    }[];
    querySelectorAll(selector: string): Iterable<{ readonly children: Iterable<{ getBoundingClientRect(): Place }> }>;
    querySelector(selector: string): {
      readonly __vue_app__: { readonly config: { readonly globalProperties: { readonly $router: Router } } };
    };
    readonly documentElement: { readonly scrollWidth: number; readonly dataset: { theme?: string } };
  };
}

interface Place {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

interface Router {
  readonly currentRoute: { readonly value: { readonly matched: readonly { readonly path: string }[] } };
  getRoutes(): readonly { readonly path: string; readonly components?: object | null; readonly children: readonly unknown[] }[];
}

function fitsItsWindow(): boolean {
  const { innerWidth, document } = globalThis as unknown as InPage;
  return document.documentElement.scrollWidth <= innerWidth;
}

/** Rows are cards in a narrow window: each cell has a place of its own there. */
function cellsAreApart(): boolean {
  const { document } = globalThis as unknown as InPage;
  const places = [...document.querySelectorAll('[data-row]')]
    .slice(0, 3)
    .map((row) => [...row.children].map((cell) => cell.getBoundingClientRect()).filter(({ width, height }) => width > 0 && height > 0));
  const isOn = (a: Place, b: Place): boolean =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return !places.some((cells) => cells.some((cell, index) => cells.slice(index + 1).some((other) => isOn(cell, other))));
}

/** Until nothing fades or moves; what turns for ever does not count. */
async function untilStill(): Promise<void> {
  const { document } = globalThis as unknown as InPage;
  const ending = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
  // One that is called off has come to its end too.
  await Promise.all(ending.map((one) => one.finished.catch(() => undefined)));
}

function takeTheme(theme: string): void {
  (globalThis as unknown as InPage).document.documentElement.dataset.theme = theme;
}

function routeAtHand(): string {
  const { $router } = (globalThis as unknown as InPage).document.querySelector('#app').__vue_app__.config.globalProperties;
  return $router.currentRoute.value.matched.at(-1)?.path ?? '';
}

function routesWithPages(): readonly string[] {
  const { $router } = (globalThis as unknown as InPage).document.querySelector('#app').__vue_app__.config.globalProperties;
  return $router
    .getRoutes()
    .filter((route) => route.components && Object.keys(route.components).length > 0 && route.children.length === 0)
    .map((route) => route.path);
}
