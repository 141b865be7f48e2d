// @vitest-environment node
/**
 * Every component in every state it can show, in both themes: one browser, one page, one build. The pages themselves are tested at a real
 * server, in `packages/server/test/browser.test.ts`; here only what a healthy server does not show of them.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { findChromium } from '@plugboard/testing/chromium';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gallery, openGallery } from './browser.ts';

const chromium = findChromium();
const STORIES = ['buttons', 'facts', 'fields', 'form', 'states', 'data', 'grid', 'board', 'timeline', 'overlays'].map(
  (story) => `/gallery/story/${story}`,
);
const RUN = '/gallery/page/full/w/halden/runs/019aa0e2-4c17-7b5e-9d1c-3f5200048213';
const PAGES = ['/gallery/page/failed/w/halden/workflows', RUN];

describe.skipIf(chromium === undefined)(
  `the gallery in a browser${chromium === undefined ? ' (left out: no Chromium on PATH)' : ''}`,
  { timeout: 240_000 },
  () => {
    let gallery: Gallery;
    beforeAll(async () => {
      gallery = await openGallery(chromium ?? '');
    }, 240_000);
    afterAll(() => gallery?.close(), 120_000);

    test('no story and no page has a serious finding in a theme, breaks the policy, or is wider than 390 pixels', async () => {
      const { page, complaints } = gallery;
      const found: string[] = [];
      for (const path of [...STORIES, ...PAGES]) {
        await page.setViewportSize({ width: 1200, height: 900 });
        await gallery.open(path);
        for (const theme of ['light', 'dark']) {
          await page.evaluate(async (next) => {
            document.documentElement.dataset['theme'] = next;
            // Colours pass over into each other; what is half way is neither.
            const ending = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
            await Promise.all(ending.map((one) => one.finished.catch(() => undefined)));
          }, theme);
          // Only colours differ between the themes.
          const axe = new AxeBuilder({ page }).setLegacyMode(true);
          const { violations } = await (
            theme === 'light' ? axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']) : axe.withRules(['color-contrast'])
          ).analyze();
          for (const one of violations.filter(({ impact }) => impact === 'serious' || impact === 'critical'))
            found.push(`${path}, ${theme}, ${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join('; ')}`);
        }
        if (!PAGES.includes(path)) continue;
        await page.setViewportSize({ width: 390, height: 844 });
        await page
          .waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth, undefined, { timeout: 20_000 })
          .catch(() => found.push(`${path} is wider than 390 pixels`));
      }
      expect(found).toEqual([]);
      expect(complaints).toEqual([]);
    });

    test('a drawing is where it stays when it is first shown', async () => {
      const { page } = gallery;
      await page.goto('about:blank');
      // In every page that comes: each place the board is given, beginning with the first.
      await page.addInitScript(() => {
        const places = new Set<string>();
        Object.assign(window, { places });
        new MutationObserver(() => {
          const board = document.querySelector<HTMLElement>('.vue-flow__transformationpane');
          if (board) places.add(board.style.transform);
        }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['style'] });
      });
      await gallery.open('/gallery/story/board');
      await page.locator('[data-plate="idle"]').first().click();
      expect(await page.evaluate(() => [...(window as unknown as { places: Set<string> }).places])).toEqual([
        expect.stringMatching(/^translate\(.+\) scale\(.+\)$/),
      ]);
    });

    test('a run is gone through in time by keyboard: to its start, event by event, to its failure', async () => {
      const { page } = gallery;
      await page.setViewportSize({ width: 1440, height: 900 });
      await gallery.open(RUN);
      const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
      await page.locator('[data-plate="mail"]').focus();
      await page.keyboard.press('ArrowRight');
      await expect.poll(focused).toContain('Read invoice');
      await page.keyboard.press('End');
      await expect.poll(focused).toContain('Reply to supplier');

      const playhead = page.getByRole('slider', { name: 'Playhead' });
      await playhead.focus();
      await page.keyboard.press('Home');
      const at = () => playhead.getAttribute('aria-valuenow');
      await expect.poll(at).toBe('1');
      await page.keyboard.press('ArrowRight');
      await expect.poll(at).toBe('2');
      await page.locator('[data-plate="read"][aria-label*="running"]').waitFor();
      await page.keyboard.press('e');
      await page.locator('aside h2', { hasText: 'Post to ledger' }).waitFor();
    });
  },
);
