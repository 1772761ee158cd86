// Pictures of the trust page for the README, in results/.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures.js';
import { RESULTS } from '../server.js';

const SHOTS = {
  'trust-wide.png': { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  'trust-phone.png': { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  'trust-dark.png': { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
};

for (const [name, { viewport, colorScheme }] of Object.entries(SHOTS)) {
  test(`${name} shows the trust page with its own typeface`, async ({ served, page }) => {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.goto(`${(await served('aertous')).origin}/trust`);
    await page.evaluate(() => document.fonts.ready);
    const fonts = await page.evaluate(() => [...document.fonts].filter((font) => font.status === 'loaded').map((font) => font.family));
    expect(fonts).toHaveLength(1);

    const path = join(RESULTS, name);
    await page.screenshot({ path });
    expect(existsSync(path)).toBe(true);
    expect(sizeOf(path)).toEqual(viewport);
  });
}

/** From the header of a PNG file. */
function sizeOf(path) {
  const header = readFileSync(path).subarray(16, 24);
  return { width: header.readUInt32BE(0), height: header.readUInt32BE(4) };
}
