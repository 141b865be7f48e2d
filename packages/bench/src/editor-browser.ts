/** Chromium for the case `editor`: a new profile, a window of one size, pages of a person who is signed in. */
import { CHROMIUM_ARGUMENTS } from '@plugboard/testing/chromium';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { type TraceEvent, TRACED } from './frame-costs.ts';

export interface EditorBrowser {
  /** A window that has never seen the server: nothing of it is kept. */
  open(): Promise<EditorWindow>;
  close(): Promise<void>;
}

export interface EditorWindow {
  readonly page: Page;
  /** What Chromium wrote down while `act` went on. */
  trace(act: () => Promise<void>): Promise<readonly TraceEvent[]>;
  close(): Promise<void>;
}

const STARTS_WITHIN_MS = 120_000;
/** Longest wait for one thing on a page. */
const WAIT_MS = 60_000;
const WINDOW = { width: 1440, height: 900 };

/** The one who measures stops what was started: Chromium ends with this process, and its profile goes with it. */
export async function openEditorBrowser(executablePath: string, { url, cookie }: { url: string; cookie: string }): Promise<EditorBrowser> {
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [...CHROMIUM_ARGUMENTS],
    timeout: STARTS_WITHIN_MS,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const [name = '', value = ''] = cookie.split('=');
  return {
    async open() {
      const context: BrowserContext = await browser.newContext({ viewport: WINDOW, reducedMotion: 'no-preference' });
      await context.addCookies([{ name, value, url }]);
      const page = await context.newPage();
      page.setDefaultTimeout(WAIT_MS);
      page.setDefaultNavigationTimeout(WAIT_MS);
      return {
        page,
        async trace(act) {
          await browser.startTracing(page, { categories: TRACED });
          await act();
          const traced = await browser.stopTracing();
          return (JSON.parse(traced.toString('utf8')) as { traceEvents: TraceEvent[] }).traceEvents;
        },
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}
