// @vitest-environment node
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium, type Gallery, openGallery } from './browser.ts';

const chromium = findChromium();
const RUN = '/gallery/page/full/w/halden/runs/019aa0e2-4c17-7b5e-9d1c-3f5200048213';
const PAGES = [
  '/gallery/page/full/login',
  '/gallery/page/full/setup',
  '/gallery/page/full/w/halden/workflows',
  '/gallery/page/empty/w/halden/workflows',
  '/gallery/page/failed/w/halden/workflows',
  '/gallery/page/full/w/halden/workflows/w1?node=post',
  '/gallery/page/full/w/halden/workflows/w1?run=open',
  RUN,
  `${RUN}?view=list&step=read`,
  '/gallery/page/full/w/halden/runs',
  '/gallery/page/full/w/halden/credentials/c0',
  '/gallery/page/full/w/halden/team',
  '/gallery/page/full/w/halden/team/keys',
  '/gallery/page/full/w/halden/audit',
  '/gallery/page/full/w/halden/settings',
  '/gallery/page/full/w/halden/account',
];
const STORIES = ['buttons', 'facts', 'fields', 'form', 'states', 'data', 'grid', 'board', 'timeline', 'overlays'];

describe.runIf(chromium !== undefined)('the pages in a browser', { timeout: 240_000 }, () => {
  let gallery: Gallery;
  beforeAll(async () => {
    gallery = await openGallery(chromium ?? '');
  }, 240_000);
  afterAll(() => gallery?.close());

  async function findings(page: Page): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
    return violations
      .filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .flatMap((one) =>
        one.nodes.slice(0, 3).map((node) => `${one.id}: ${node.target.join(' ')} ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`),
      );
  }

  test.each(PAGES)('%s has no serious finding in both themes, breaks no policy, and fits 390 pixels', async (path) => {
    const { page, complaints } = await gallery.open(path);
    await page.locator('h1, h2').first().waitFor();
    for (const theme of ['dark', 'light']) {
      await page.evaluate((next) => (document.documentElement.dataset['theme'] = next), theme);
      expect.soft(await findings(page), theme).toEqual([]);
    }
    expect.soft(complaints).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator('h1, h2').first().waitFor();
    expect.soft(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.close();
  });

  test.each(STORIES)('the story %s has no serious finding', async (story) => {
    const { page, complaints } = await gallery.open(`/gallery/story/${story}`, { width: 1200 });
    await page.locator('h2').first().waitFor();
    expect.soft(await findings(page)).toEqual([]);
    expect.soft(complaints).toEqual([]);
    await page.close();
  });

  test('a run is read by keyboard alone: along the cables, into a step, back in time', async () => {
    const { page } = await gallery.open(RUN);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
    await page.locator('[data-plate="mail"]').focus();
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toContain('Read invoice');
    await page.keyboard.press('End');
    expect(await focused()).toContain('Reply to supplier');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    expect(await page.locator('aside h2').textContent()).toBe('Mail arrives');

    const playhead = page.getByRole('slider', { name: 'Playhead' });
    await playhead.focus();
    await page.keyboard.press('Home');
    expect(await playhead.getAttribute('aria-valuenow')).toBe('1');
    await page.keyboard.press('ArrowRight');
    expect(await playhead.getAttribute('aria-valuenow')).toBe('2');
    expect(await page.locator('[data-plate="read"]').getAttribute('aria-label')).toContain('running');
    await page.keyboard.press('e');
    expect(await page.locator('aside h2').textContent()).toBe('Post to ledger');
    await page.close();
  });

  test('the palette opens by key and goes where it is told', async () => {
    const { page } = await gallery.open('/gallery/page/full/w/halden/workflows');
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Search workflows').fill('credent');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Credentials', level: 1 }).waitFor();
    await page.close();
  });

  test('starting a run shows its steps on the canvas as they happen', async () => {
    const { page } = await gallery.open('/gallery/page/live/w/halden/workflows/w1');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: 'Start run' }).click();
    await page.locator('[data-plate="lines"][aria-label*="running"]').waitFor();
    await page.locator('[data-plate="read"][aria-label*="succeeded"]').waitFor();
    await page.close();
  });

  test('the theme switches by key and stays', async () => {
    const { page } = await gallery.open('/gallery/page/full/w/halden/workflows');
    await page.keyboard.press('Control+j');
    expect(await page.evaluate(() => [document.documentElement.dataset['theme'], localStorage.getItem('plugboard.theme')])).toEqual([
      'light',
      'light',
    ]);
    await page.close();
  });
});
