/**
 * Takes the pictures of the documentation in a real browser.
 *
 *   node docs/images/take.mjs SETUP-LINK
 *
 * Begin with a new data folder and the first three steps of the README, start *Pay after approval*, and leave the link that the start prints to the
 * script. Node has to be the one of the clone, and Chromium on PATH.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [link] = process.argv.slice(2);
if (link === undefined)
  throw new Error('Give the link that the start prints: node docs/images/take.mjs http://127.0.0.1:7400/setup#token=…');
const workspace = new URL('/w/default/', link).href;
const profile = mkdtempSync(join(tmpdir(), 'plugboard-pictures-'));
const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
  viewport: { width: 1440, height: 790 },
});
const page = context.pages()[0] ?? (await context.newPage());

/** @param {string} name */
async function take(name) {
  // What moves has come to rest, and no row is being fetched.
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() =>
    document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getComputedTiming().endTime === Infinity),
  );
  await page.screenshot({ path: join(import.meta.dirname, `${name}.png`) });
}

try {
  await page.goto(link);
  // The address alone: the owner was made by an earlier time.
  const isNew = link.includes('#token=');
  if (isNew) await page.getByLabel('Your name').fill('Olga Brandt');
  await page.getByLabel('Email').fill('olga@example.com');
  await page.getByLabel('Password').fill('four words in a row');
  await page.getByRole('button', { name: isNew ? 'Create owner account' : 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Workflows', level: 1 }).waitFor();

  await page.goto(`${workspace}runs?state=failed`);
  await page.getByRole('row').filter({ hasText: 'Take an order' }).filter({ hasText: 'Webhook' }).first().getByRole('link').last().click();
  await page.getByRole('button', { name: 'Re-run from here' }).waitFor();
  await take('run');

  await page.goto(`${workspace}approvals`);
  await page.getByText(/^Pay /).first().click();
  await page.getByRole('button', { name: 'Approve' }).waitFor();
  await take('approval');
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
