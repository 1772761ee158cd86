// Taking everything along: asked for with a fresh code, watched, fetched whole and in parts; and the copy of one's own.

import { readFileSync } from 'node:fs';

import { expectAccessible } from '../accessible.js';
import { PROFILES, expect, test } from '../fixtures.js';
import { Person } from '../person.js';

/** Longer than a code counts as fresh in any profile (15 minutes), in steps that are shorter than a session may lie idle. */
const STALE_SECONDS = 1200;

/** An archive of a new organisation is made within a second or two; a busy machine takes longer. */
const MADE_MS = 30_000;

// Somebody gets in first, and a password costs what passwords have to cost.
test.setTimeout(120_000);

for (const profile of PROFILES) journey(profile);

test.describe('without script:', () => {
  test.use({ javaScriptEnabled: false });
  for (const profile of PROFILES) journey(profile);
});

function journey(profile) {
  test(`${profile}: an archive is asked for with a fresh code, watched, and fetched as a ZIP with its list`, async ({ own, page, watched }) => {
    const ada = await founder(own, page, profile);
    await letGoStale(ada);
    await ada.inside('/export');
    await exportEverything(page);
    // Asking needs the second factor once more; then it goes on where it was.
    await expect(page).toHaveURL(/\/account\/confirm/);
    await confirm(ada);
    await ada.inside('/export');
    await exportEverything(page);
    await expect(page.getByRole('status').first()).toContainText('It is being made');
    const archive = await ready(ada);

    const file = await downloaded(page, archive);
    expect(file.name).toMatch(new RegExp(`^${ada.slug}-.*\\.zip$`));
    const names = namesIn(file.content);
    for (const name of ['manifest.json', 'manifest.sig', 'README.txt', 'index.html', 'data/members.jsonl', 'log/entries.jsonl']) {
      expect(names).toContain(name);
    }
    expect(watched.complaintsBeside(401, 409)).toEqual([]);
  });

  test(`${profile}: a fetch that was cut off goes on where it was`, async ({ own, page }) => {
    const ada = await founder(own, page, profile);
    await ada.inside('/export');
    await exportEverything(page);
    const href = await (await ready(ada)).getAttribute('href');
    const cookie = await ada.cookies();
    const whole = await ada.server.ask(href, { headers: { cookie } });
    expect(whole.status).toBe(200);
    const half = Math.floor(whole.content.length / 2);
    const rest = await ada.server.ask(href, { headers: { cookie, range: `bytes=${half}-`, 'if-range': whole.headers.etag } });
    expect(rest.status).toBe(206);
    expect(rest.headers['content-range']).toBe(`bytes ${half}-${whole.content.length - 1}/${whole.content.length}`);
    expect(Buffer.concat([whole.content.subarray(0, half), rest.content]).equals(whole.content)).toBe(true);
    // Nobody else, and nobody without a session.
    expect((await ada.server.ask(href, { headers: { accept: 'application/json' } })).status).toBe(401);
  });

  test(`${profile}: everybody takes a copy of what is kept about them`, async ({ own, page, watched }) => {
    const ada = await founder(own, page, profile);
    await ada.open('/account/export');
    await ada.send('request-export');
    await expect(page.getByRole('status').first()).toContainText('Your copy is ready');
    const file = await downloaded(page, page.locator('tr[data-export] a'));
    expect(file.name).toBe('my-data.zip');
    const names = namesIn(file.content);
    for (const name of ['manifest.json', 'README.txt', 'data/account.csv', 'data/memberships.jsonl']) expect(names).toContain(name);
    expect(watched.complaints).toEqual([]);
  });
}

for (const profile of PROFILES) {
  test(`${profile}: the pages of exports are accessible in light and dark, and fit the narrowest phone`, async ({ own, page, watched }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    const ada = await founder(own, page, profile);
    await ada.inside('/export');
    await expectAccessible(page, 'export, nothing asked for');
    await exportEverything(page);
    await ready(ada);
    await expectAccessible(page, 'export, one ready');
    await ada.open('/account/export');
    await expectAccessible(page, 'own data, nothing asked for');
    await ada.send('request-export');
    await expectAccessible(page, 'own data, one ready');
    expect(watched.complaints).toEqual([]);
    expect(watched.asked.filter((url) => !url.startsWith(`${ada.server.origin}/`))).toEqual([]);
  });
}

/** A server with one organisation, and its founder all the way in, with a code given just now. */
async function founder(own, page, profile) {
  const ada = new Person(await own({ profile }), page);
  await ada.found();
  return ada;
}

/** Lets time pass until the code that was given counts no longer; the session stays, because it is used now and then. */
async function letGoStale(person) {
  for (let passed = 0; passed < STALE_SECONDS; passed += 600) {
    person.waitForNextCode(600);
    await person.open('/account');
  }
}

/** Presses the button for the whole of it by key; the page has another form, for a masked copy. */
async function exportEverything(page) {
  await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.waitForEvent('load'),
    page.getByRole('button', { name: 'Export everything' }).press('Enter'),
  ]);
}

async function confirm(person) {
  person.waitForNextCode();
  await person.send('enter-code', { code: person.code() });
}

/** The link of the newest archive, once there is one. The page draws itself anew; where it does not, it is opened again. */
async function ready(person) {
  const link = person.page.locator('tr[data-export]').first().getByRole('link');
  await expect(async () => {
    await person.inside('/export');
    await expect(link).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: MADE_MS });
  return link;
}

async function downloaded(page, link) {
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

/** The names in the central directory at the end of a ZIP (APPNOTE 4.3.12). */
function namesIn(zip) {
  const names = [];
  let at = zip.indexOf(Buffer.from('PK\u0001\u0002'));
  while (at >= 0 && zip.readUInt32LE(at) === 0x02014b50) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    names.push(zip.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
}
