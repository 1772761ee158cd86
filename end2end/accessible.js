// A page as it now stands, for people who cannot see it well and on a narrow screen.

import AxeBuilder from '@axe-core/playwright';
import { expect } from '@playwright/test';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** In light and in dark; and nothing is wider than the screen. */
export async function expectAccessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // Colours may fade over: what is looked at is where they end.
    await page.evaluate(() => Promise.race([Promise.allSettled(document.getAnimations().map((fading) => fading.finished)), new Promise((done) => setTimeout(done, 1000))]));
    const { violations } = await new AxeBuilder({ page }).withTags(RULES).setLegacyMode(true).analyze();
    expect(violations.map(({ id, nodes }) => `${what}, ${colorScheme}: ${id} ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, `${what} scrolls sideways`).toBeLessThanOrEqual(0);
}
