// Every public page, as a browser, a screen reader and a validator meet it.

import AxeBuilder from '@axe-core/playwright';
import { HtmlValidate } from 'html-validate';

import { PROFILES, expect, test } from '../fixtures.js';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const PHONE = { width: 360, height: 740 };
const TABLET = { width: 768, height: 1024 };
const DESK = { width: 1280, height: 900 };

/** What a page is called in a test's name, and where it is on a given server. */
const PAGES = {
  'the front door': () => '/',
  'the trust page': () => '/trust',
  'a search that finds': () => '/trust?q=customer',
  'a search that finds nothing': () => '/trust?state=withdrawn&q=nothing-is-called-this',
  'an enforced claim': (server) => firstOf(server, 'enforced'),
  'an evidenced claim': (server) => firstOf(server, 'evidenced'),
  'a published claim': (server) => firstOf(server, 'published'),
  'the history': () => '/trust/history',
  help: () => '/help',
  'signing up': () => '/sign-up',
  'what comes after signing up': () => '/sign-up/sent',
  'a link that was used': () => '/sign-up/verify?token=0',
  'signing in': () => '/sign-in',
  'a forgotten password': () => '/sign-in/forgot',
  'what comes after forgetting': () => '/sign-in/sent',
  'a password link that was used': () => '/sign-in/reset?token=0',
  'the privacy policy': () => '/privacy',
  'an older privacy policy': olderPrivacyPolicy,
  'the terms': () => '/terms',
  'an address that leads nowhere': () => '/nothing-is-here',
};

/** Chromium says so itself when the page that was asked for is a 404. */
const TOLD_OF_404 = 'Failed to load resource: the server responded with a status of 404';

/** No rule is switched off. */
const VALIDATOR = new HtmlValidate({
  root: true,
  extends: ['html-validate:recommended'],
});

for (const profile of PROFILES) {
  test.describe(`${profile}:`, () => {
    for (const [name, find] of Object.entries(PAGES)) {
      test(`${name} is valid, accessible in light and dark, fits a phone, and runs no foreign script`, async ({ served, page, watched }) => {
        const server = await served(profile);
        const path = await find(server);
        test.skip(path === undefined, 'this profile has had only one version');

        await page.setViewportSize(PHONE);
        const response = await page.goto(server.origin + path);
        expect(response.status()).toBe(path === '/nothing-is-here' ? 404 : 200);
        await expectWellBuilt(page, await response.text(), watched, server.origin);
        await unfold(page);
        await expectNoSidewaysScrolling(page);

        await expectAccessible(page);
      });
    }

    for (const viewport of [TABLET, DESK]) {
      test(`the trust page is accessible in light and dark at ${viewport.width} pixels`, async ({ served, page }) => {
        await page.setViewportSize(viewport);
        await page.goto(`${(await served(profile)).origin}/trust`);
        await expectNoSidewaysScrolling(page);
        await expectAccessible(page);
      });
    }

    test('the trust page tells readers where they are', async ({ served, page }) => {
      await page.goto(`${(await served(profile)).origin}/trust`);
      for (const landmark of ['banner', 'main', 'search', 'contentinfo']) {
        await expect(page.getByRole(landmark), landmark).toHaveCount(1);
      }
      const entries = page.getByRole('navigation', { name: 'Sections' }).getByRole('link');
      expect(await entries.count()).toBeGreaterThan(3);
      for (const entry of await entries.all()) {
        const target = page.locator(await entry.getAttribute('href'));
        await expect(target).toHaveCount(1);
        await expect(target.getByRole('heading', { level: 2 }).first()).toHaveText(await entry.textContent());
      }
    });
  });
}

test('the first key press offers a way past the head of the page', async ({ served, page }) => {
  await page.goto(`${(await served('aertous')).origin}/trust`);
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to the content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeInViewport();
  await page.keyboard.press('Tab');
  const inMain = await page.evaluate(() => document.querySelector('main').contains(document.activeElement));
  expect(inMain).toBe(true);
});

test('on a wide screen the list of sections stays in sight', async ({ served, page }) => {
  await page.setViewportSize(DESK);
  await page.goto(`${(await served('aertous')).origin}/trust`);
  await page.locator('[data-claim]').nth(60).scrollIntoViewIfNeeded();
  await expect(page.getByRole('navigation', { name: 'Sections' }).getByRole('link').first()).toBeInViewport();
});

test('dark is dark and light is light', async ({ served, page }) => {
  await page.goto(`${(await served('aertous')).origin}/trust`);
  const brightness = {};
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    brightness[colorScheme] = await brightnessOf(page);
  }
  expect(brightness.light).toBeGreaterThan(230);
  expect(brightness.dark).toBeLessThan(40);
});

test('on paper the claims stay and the controls go', async ({ served, page }) => {
  await page.goto(`${(await served('aertous')).origin}/trust`);
  await expect(page.getByRole('search')).toBeVisible();
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('search')).toBeHidden();
  await expect(page.getByRole('navigation')).toBeHidden();
  await expect(page.locator('[data-claim]').first()).toBeVisible();
});

test('a state is told by a word and a sign and not by colour alone', async ({ served, page }) => {
  await page.goto(`${(await served('aertous')).origin}/trust`);
  const rows = await page.locator('[data-claim]').evaluateAll((rows) =>
    rows.map((row) => ({
      id: row.dataset.claim,
      state: row.dataset.state,
      word: row.querySelector('.mark').textContent,
      sign: document.querySelector(row.querySelector('.mark use').getAttribute('href'))?.innerHTML,
    })),
  );
  expect(rows.filter((row) => row.word !== row.state || !row.sign)).toEqual([]);
  const signs = new Map(rows.map((row) => [row.state, row.sign]));
  expect(signs.size).toBeGreaterThan(3);
  expect(new Set(signs.values()).size, 'each state has a sign of its own').toBe(signs.size);
});

/** What must be true of the bytes and of the document, once. */
async function expectWellBuilt(page, html, watched, origin) {
  const report = await VALIDATOR.validateString(html, page.url());
  expect.soft(flawsOf(report), 'html-validate').toEqual([]);

  // Where a new password is chosen, our own script shows how strong it is; no other page has any.
  const ours = new URL(page.url()).pathname === '/sign-up' ? /<script type="module" src="\/pkg\/people\.js\?v=[0-9a-f]{12}"><\/script>/ : /(?!)/;
  expect.soft(html.replace(ours, '')).not.toMatch(/<script|\son[a-z]+=|javascript:/i);
  expect.soft(watched.complaints.filter((text) => !text.startsWith(TOLD_OF_404)), 'the console').toEqual([]);
  expect(watched.asked.length, 'the page and its style sheet').toBeGreaterThan(1);
  expect.soft(watched.asked.filter((url) => !url.startsWith(`${origin}/`)), 'other origins').toEqual([]);

  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await expect(page.getByRole('main')).toHaveCount(1);
  const levels = await page.locator('h1, h2, h3, h4, h5, h6').evaluateAll((all) => all.map((one) => Number(one.tagName[1])));
  expect(levels[0], 'the first heading').toBe(1);
  expect(levels.filter((level) => level === 1), 'only one of the first level').toHaveLength(1);
  const skips = levels.filter((level, at) => at > 0 && level > levels[at - 1] + 1);
  expect.soft(skips, `no level is skipped in ${levels}`).toEqual([]);
  expect(await page.title()).not.toBe('');
}

function flawsOf(report) {
  const messages = report.results.flatMap((result) => result.messages);
  return messages.map(({ ruleId, message, line, column, selector }) => `${ruleId}: ${message} (${line}:${column}, ${selector})`);
}

async function expectAccessible(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // Colours may fade over: what is looked at is where they end.
    await page.evaluate(() => Promise.all(document.getAnimations().map((fading) => fading.finished)));
    // Legacy mode runs in the page itself and not in a second one, which only pages with frames would need.
    const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).withTags(RULES).setLegacyMode(true);
    const { violations, passes } = await axe.analyze();
    expect(passes.length, 'rules that applied').toBeGreaterThan(10);
    const told = violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help} at ${node.target.join(' ')}`));
    expect.soft(told, `axe in ${colorScheme}`).toEqual([]);
  }
}

async function expectNoSidewaysScrolling(page) {
  const { needs, has } = await page.evaluate(() => ({ needs: document.documentElement.scrollWidth, has: window.innerWidth }));
  expect.soft(needs, 'the width that the page needs').toBeLessThanOrEqual(has);
}

/** Opens what is folded, so that it is looked at too. */
async function unfold(page) {
  for (const summary of await page.locator('summary').all()) await summary.click();
}

async function brightnessOf(page) {
  return page.evaluate(() => {
    // A canvas knows every notation of colours.
    const context = document.createElement('canvas').getContext('2d');
    const behind = [document.body, document.documentElement].map((one) => getComputedStyle(one).backgroundColor);
    context.fillStyle = behind.find((colour) => !/^rgba\(0, 0, 0, 0\)$|transparent/.test(colour)) ?? 'white';
    context.fillRect(0, 0, 1, 1);
    return Math.max(...context.getImageData(0, 0, 1, 1).data.slice(0, 3));
  });
}

async function firstOf(server, kind) {
  const { claims } = await server.json();
  return `/trust/claims/${claims.find((claim) => claim.kind === kind).id}`;
}

/** The address of a version that is not the newest, found as a reader finds it. */
async function olderPrivacyPolicy(server) {
  return /href="(\/privacy\/[0-9-]+)"/.exec(await server.text('/privacy'))?.[1];
}
