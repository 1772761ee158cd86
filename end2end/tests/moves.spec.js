// The page tells the truth while it changes. Every change must be everywhere within five seconds.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures.js';
import { DAY_SECONDS } from '../server.js';

const SOON = { timeout: 5_000, intervals: [100] };

test('evidence proves a claim everywhere, and is overdue a year and a day later', async ({ own, page }) => {
  const server = await own({ profile: 'stack-aero' });
  const today = isoDate(Date.now());
  const dueIn365Days = isoDate(Date.parse(today) + 365 * DAY_SECONDS * 1000);
  expect((await server.claim('P011')).state).toBe('unproven');

  const added = await server.command('evidence', 'add', '--claim', 'P011', '--date', today, '--note', 'Letter received');
  expect(added).toMatchObject({ status: 0, stdout: expect.stringContaining('P011') });
  await expectMoved(server, page, 'P011', { from: 'unproven', to: 'proven' });
  expect(await server.claim('P011')).toMatchObject({ checked_at: `${today}T00:00:00Z`, due_at: `${dueIn365Days}T23:59:59Z` });

  server.moveClock(366 * DAY_SECONDS);
  await expectMoved(server, page, 'P011', { from: 'proven', to: 'failing' });
  const { finding } = await server.claim('P011');
  expect(finding).toMatch(new RegExp(`overdue since ${dueIn365Days}`, 'i'));
  await page.goto(`${server.origin}/trust`);
  await expect(page.locator('section.failing')).toContainText(finding);
  expect(await server.command('audit', 'verify')).toMatchObject({ status: 0 });
});

test('a record shows its date and the hash of its file, and nothing of what it says', async ({ own, page }, testInfo) => {
  const server = await own({ profile: 'stack-aero' });
  const [note, content] = ['The tester found four-leaf clovers', 'A letter that nobody else may read'];
  const file = testInfo.outputPath('very-private-name.txt');
  writeFileSync(file, content);
  const today = isoDate(Date.now());
  const added = await server.command('evidence', 'add', '--claim', 'P011', '--date', today, '--note', note, '--file', file);
  expect(added.status, added.stderr).toBe(0);

  await expectMoved(server, page, 'P011', { from: 'unproven', to: 'proven' });
  await page.goto(`${server.origin}/trust/claims/P011`);
  const record = page.getByRole('table').filter({ hasText: 'SHA-256' }).getByRole('row').last();
  await expect(record).toContainText(today);
  await expect(record).toContainText(createHash('sha256').update(content).digest('hex'));

  const told = [await page.content(), ...(await Promise.all(['/trust', '/trust.json', '/trust/feed.atom'].map((path) => server.text(path))))];
  const stored = filesBelow(server.data).map((path) => readFileSync(path, 'latin1'));
  for (const secret of [note, content, 'very-private-name']) {
    expect(told.filter((text) => text.includes(secret)), `"${secret}" on a page`).toEqual([]);
    expect(stored.filter((text) => text.includes(secret)), `"${secret}" in a file of the server`).toEqual([]);
  }
});

test('evidence that cannot be what it says is refused and changes nothing', async ({ own }) => {
  const server = await own({ profile: 'stack-aero' });
  const today = isoDate(Date.now());
  const tomorrow = isoDate(Date.now() + 2 * DAY_SECONDS * 1000);
  const before = await server.json();
  for (const [claim, date, complaint] of [
    ['P013', today, 'firm'],
    ['P011', tomorrow, 'has not come yet'],
    ['P007', today, 'control'],
    ['P001', today, 'published'],
    ['P999', today, 'P999'],
    ['P011', '1999-12-31', 'look at the year'],
    ['P011', today, 'neither a note nor a file'],
  ]) {
    const { status, stderr } = await server.command('evidence', 'add', '--claim', claim, '--date', date);
    expect({ status, stderr }, claim).toEqual({ status: 2, stderr: expect.stringContaining(complaint) });
  }
  const after = await server.json();
  expect(after.summary).toEqual(before.summary);
});

test('a control that is switched off fails everywhere with the reason, and holds again when it is switched on', async ({ own, page }) => {
  const server = await own({ profile: 'aertous' });
  expect(await server.claim('P079')).toMatchObject({ state: 'proven', mandatory: false });

  const off = await server.command('control', 'off', 'web-hygiene/rate-limits', '--reason', 'drill');
  expect(off.status, off.stderr).toBe(0);
  await expectMoved(server, page, 'P079', { from: 'proven', to: 'failing' });
  expect((await server.claim('P079')).finding).toMatch(/switched off by an operator since .*: drill$/i);

  const on = await server.command('control', 'on', 'web-hygiene/rate-limits');
  expect(on.status, on.stderr).toBe(0);
  await expectMoved(server, page, 'P079', { from: 'failing', to: 'proven' });
});

test('a mandatory check has no switch', async ({ own }) => {
  const server = await own({ profile: 'aertous' });
  const { status, stderr } = await server.command('control', 'off', 'claim-engine/bound', '--reason', 'drill');
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('mandatory') });
});

test('a milestone is awaited through its last day and overdue from the next, until it is reached', async ({ own, page }) => {
  const server = await own({ profile: 'aertous', shiftSeconds: secondsUntil('2026-09-30T12:00:00Z') });
  const awaited = await server.claim('P058');
  expect(awaited).toMatchObject({ state: 'unproven', due_at: '2026-09-30T23:59:59Z' });
  expect(awaited.finding).toContain('Planned for 2026-09-30');

  server.moveClock(secondsUntil('2026-10-01T00:01:00Z'));
  await expectMoved(server, page, 'P058', { from: 'unproven', to: 'failing' });
  server.moveClock(secondsUntil('2026-11-21T12:00:00Z'));
  await expect.poll(async () => (await server.json()).generated_at, SOON).toContain('2026-11-21');
  const overdue = await server.claim('P058');
  expect(overdue.finding).toMatch(/overdue since 2026-09-30/i);
  expect(overdue).toMatchObject({ state: 'failing', since: expect.stringMatching(/^2026-09-30T/) });
  await page.goto(`${server.origin}/trust`);
  await expect(page.locator('#certifications')).toContainText('failing');
  await expect(page.locator('section.failing li').filter({ hasText: 'P058' }).locator('.small')).toHaveText('since 2026-09-30');

  const reached = ['--claim', 'P058', '--date', '2026-11-20', '--note', 'The report came', '--certifies', 'SOC 2 Type 1', '--expires', '2027-11-19'];
  const added = await server.command('evidence', 'add', ...reached);
  expect(added.status, added.stderr).toBe(0);
  await expectMoved(server, page, 'P058', { from: 'failing', to: 'proven' });
});

test('a certification is held from its certificate to the day it runs out, and no longer', async ({ own, page }) => {
  const server = await own({ profile: 'aertous' });
  const [today, expires] = [isoDate(Date.now()), isoDate(Date.now() + 30 * DAY_SECONDS * 1000)];
  const table = page.locator('#certifications');
  await page.goto(`${server.origin}/trust`);
  await expect(table).toContainText('Certifications held: none.');

  const certificate = ['--claim', 'P058', '--date', today, '--note', 'The certificate came', '--certifies', 'SOC 2 Type 1', '--expires', expires];
  expect(await server.command('evidence', 'add', ...certificate)).toMatchObject({ status: 0 });
  const held = table.getByRole('row').filter({ hasText: 'held' }).filter({ hasText: 'SOC 2 Type 1' });
  await expectSoon(page, `${server.origin}/trust`, () => expect(held).toContainText(`valid until ${expires}`, { timeout: 100 }));
  await expect(table).not.toContainText('Certifications held: none.');

  server.moveClock(31 * DAY_SECONDS);
  await expectSoon(page, `${server.origin}/trust`, () => expect(table).toContainText('Certifications held: none.', { timeout: 100 }));
  await expect(held).toHaveCount(0);
});

test('a claim that leaves the profile leaves a dated note behind', async ({ own, page }, testInfo) => {
  const data = testInfo.outputPath('data');
  const first = await own({ profile: 'aertous', data });
  const { text } = await first.claim('P055');
  await first.stop();

  const note = 'withdrawn = { date = 2026-06-01, reason = "We now serve everybody." }';
  const withdrawn = (profile) =>
    profile.replace(/\[\[claims\]\]\nid = "P055"\n[^[]*/, '').replace(/(id = "P076"\n[^[]*?confirmed = [0-9-]+\n)/, `$1${note}\n`);
  const second = await own({ profile: 'aertous', data, edit: withdrawn });
  await expectMoved(second, page, 'P055', { from: 'stated', to: 'withdrawn' });
  await expectMoved(second, page, 'P076', { from: 'stated', to: 'withdrawn' });
  expect((await second.json()).summary.withdrawn).toBe(2);
  const gone = page.locator('[data-claim="P055"]');
  await page.goto(`${second.origin}/trust`);
  await expect(gone).toContainText(text);
  await expect(gone.locator('time')).toHaveAttribute('datetime', /^\d{4}-/);
  await expect(page.locator('[data-claim="P076"]')).toContainText('Withdrawn on 2026-06-01: We now serve everybody.');
});

test("a claim's page shows its binding, what is checked, what was found, and its history", async ({ own, page }) => {
  const server = await own({ profile: 'aertous' });
  const { finding } = await server.claim('P079');
  await page.goto(`${server.origin}/trust/claims/P079`);

  await expect(page.locator('main')).toHaveAttribute('data-claim', 'P079');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('rate limited');
  await expect(fact(page, 'Bound to')).toContainText('web-hygiene');
  await expect(fact(page, 'Bound to')).toContainText('an operator may switch off');
  await expect(fact(page, 'Kind')).toHaveText('enforced');
  await expect(fact(page, 'Figures in it')).toContainText('limits.reads_per_minute = 600 per minute');

  const checked = page.getByRole('region', { name: 'What is checked' });
  await expect(checked.getByRole('heading', { level: 3 })).toHaveText('web-hygiene/rate-limits');
  await expect(checked).toContainText('429');
  await expect(checked).toContainText('every minute');
  const newest = checked.getByRole('table').getByRole('row').nth(1);
  await expect(newest).toContainText('proven');
  await expect(newest).toContainText(finding);
  await expect(newest.locator('time')).toHaveAttribute('datetime', /T.*Z$/);

  const history = page.getByRole('region', { name: 'History' });
  await expect(history.locator('[data-change="P079"]').first()).toContainText('proven');
  await expect(history.locator('.hash').first()).toContainText(/entry \d+ · [0-9a-f]{64}/);
});

test("an evidenced claim's page says who owes what, and how often", async ({ own, page }) => {
  const server = await own({ profile: 'stack-aero' });
  await page.goto(`${server.origin}/trust/claims/P011`);
  await expect(fact(page, 'Bound to')).toContainText('evidence, every year');
  await expect(fact(page, 'Owner')).toHaveText('Security lead');
  await expect(fact(page, 'A record holds')).toContainText('the scope of the test');
  await expect(page.getByRole('region', { name: 'What is checked' })).toHaveCount(0);
});

test('a stopped server comes back with its history, not with a new one', async ({ own }, testInfo) => {
  const data = testInfo.outputPath('data');
  const first = await own({ profile: 'stratuslog', data });
  const before = entries(await first.text('/trust/feed.atom'));
  await first.stop();
  const second = await own({ profile: 'stratuslog', data });
  const after = entries(await second.text('/trust/feed.atom'));
  expect(before.length).toBeGreaterThan(50);
  expect(after.map(({ title }) => title)).toEqual(before.map(({ title }) => title));
  expect(after.map(({ hash }) => hash)).toEqual(before.map(({ hash }) => hash));
});

/** Within five seconds the JSON, the trust page, the claim's page, the history and the feed all tell of it. */
async function expectMoved(server, page, id, { from, to }) {
  await expect(async () => {
    expect((await server.claim(id)).state, 'the JSON').toBe(to);
    const [newest] = entries(await server.text('/trust/feed.atom')).filter(({ title }) => title.startsWith(`${id}:`));
    expect(newest.title, 'the feed').toBe(`${id}: ${from} became ${to}`);
    await page.goto(`${server.origin}/trust`);
    expect(await page.locator(`[data-claim="${id}"]`).getAttribute('data-state'), 'the trust page').toBe(to);
    await page.goto(`${server.origin}/trust/claims/${id}`);
    expect(await page.locator('main').getAttribute('data-state'), "the claim's page").toBe(to);
    await page.goto(`${server.origin}/trust/history`);
    const change = page.locator(`[data-change="${id}"]`).first();
    expect(await change.locator('.mark').allTextContents(), 'the history').toEqual([from, to]);
  }).toPass(SOON);
}

async function expectSoon(page, url, holds) {
  await expect(async () => {
    await page.goto(url);
    await holds();
  }).toPass(SOON);
}

/** The description that follows a term in a claim's facts. */
function fact(page, term) {
  return page.locator('.facts dt', { hasText: new RegExp(`^${term}$`) }).locator('xpath=following-sibling::dd[1]');
}

function entries(feed) {
  const parts = feed.split('<entry>').slice(1);
  return parts.map((part) => ({ title: /<title>(.*?)<\/title>/.exec(part)[1], hash: /<id>[^<]*#(.*?)<\/id>/.exec(part)[1] }));
}

function isoDate(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

function secondsUntil(instant) {
  return Math.round((Date.parse(instant) - Date.now()) / 1000);
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
