// What a script may rely on: addresses, headers, statuses and formats.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { PROFILES, expect, test } from '../fixtures.js';
import { DAY_SECONDS } from '../server.js';

/** Every public address, one of each kind, and what it is. */
const ADDRESSES = {
  '/': 'text/html; charset=utf-8',
  '/trust': 'text/html; charset=utf-8',
  '/trust?q=tls': 'text/html; charset=utf-8',
  '/trust.json': 'application/json',
  '/trust/claims/P079': 'text/html; charset=utf-8',
  '/trust/history': 'text/html; charset=utf-8',
  '/trust/feed.atom': 'application/atom+xml; charset=utf-8',
  '/trust/badge.svg': 'image/svg+xml',
  '/privacy': 'text/html; charset=utf-8',
  '/privacy/2026-01-01': 'text/html; charset=utf-8',
  '/terms': 'text/html; charset=utf-8',
  '/terms/2026-01-01': 'text/html; charset=utf-8',
  '/.well-known/security.txt': 'text/plain; charset=utf-8',
  '/robots.txt': 'text/plain; charset=utf-8',
  '/healthz': 'text/plain; charset=utf-8',
  '/readyz': 'text/plain; charset=utf-8',
  '/favicon.ico': 'image/svg+xml',
  '/pkg/avouch.css': 'text/css; charset=utf-8',
};

const GUARDS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': expect.stringContaining('camera=()'),
};

/** What a page may say about the program is nothing. */
const TELLTALES = ['server', 'x-powered-by', 'via', 'set-cookie'];

test('every address answers as what it is, with the guarding headers and without a cookie', async ({ served }) => {
  const server = await served('aertous');
  for (const [path, type] of Object.entries(ADDRESSES)) {
    const { status, headers } = await server.ask(path);
    expect({ status, type: headers['content-type'] }, path).toEqual({ status: 200, type });
    expectGuarded(path, headers);
  }
});

test('every refusal carries the guarding headers too, and says nothing of the program', async ({ served }) => {
  const server = await served('aertous');
  const refusals = {
    404: ['/nothing-is-here', {}],
    405: ['/trust', { method: 'DELETE' }],
    413: ['/trust', { method: 'POST', headers: { 'content-length': 257 * 1024 }, body: Buffer.alloc(257 * 1024) }],
    421: ['/trust', { headers: { host: 'evil.example' } }],
  };
  for (const [status, [path, options]] of Object.entries(refusals)) {
    const answer = await server.ask(path, options);
    expect(answer.status, path).toBe(Number(status));
    expectGuarded(`${status}`, answer.headers);
    expect(answer.headers['cache-control'], status).toBe('no-store');
    expect(answer.text, status).not.toMatch(/avouch\/|0\.1\.0|panicked|stack|\.rs\b/i);
    expect(answer.text, status).toContain('<h1>');
  }
});

test('a program that asks for JSON is refused in JSON', async ({ served }) => {
  const server = await served('aertous');
  const { status, headers, text } = await server.ask('/nothing-is-here', { headers: { accept: 'application/json' } });
  expect({ status, type: headers['content-type'] }).toEqual({ status: 404, type: 'application/problem+json' });
  expect(JSON.parse(text)).toMatchObject({ status: 404, title: expect.any(String), type: expect.stringMatching(/^urn:|^https:/) });
});

for (const profile of PROFILES) {
  test(`${profile}: security.txt names a contact, this address, and an expiry within the year`, async ({ served }) => {
    const server = await served(profile);
    const fields = Object.fromEntries((await server.text('/.well-known/security.txt')).trim().split('\n').map((line) => line.split(/: (.*)/)));
    expect(fields.Contact).toMatch(/^mailto:[^@\s]+@[^@\s]+$/);
    expect(fields.Canonical).toBe(`${server.origin}/.well-known/security.txt`);
    expect(fields.Policy).toBe(`${server.origin}/trust`);
    const days = (Date.parse(fields.Expires) - Date.now()) / (DAY_SECONDS * 1000);
    expect(days).toBeGreaterThan(30);
    expect(days).toBeLessThan(365);
  });

  test(`${profile}: the feed is a well-formed Atom feed, newest first, each entry with an address that answers`, async ({ served, page }) => {
    const server = await served(profile);
    const feed = await parsed(page, await server.text('/trust/feed.atom'));
    expect(feed.error).toBe(null);
    expect(feed).toMatchObject({ root: 'feed', namespace: 'http://www.w3.org/2005/Atom' });
    expect(feed.entries.length).toBeGreaterThan(40);
    expect(new Set(feed.entries.map(({ id }) => id)).size, 'ids are unique').toBe(feed.entries.length);
    for (const { id, title, updated, link, summary } of feed.entries) {
      expect(title, id).toMatch(/^P\d{3}: (published as|\w+ became) \w+$/);
      expect(Date.parse(updated), id).toBeLessThanOrEqual(Date.parse(feed.updated));
      expect(link, id).toBe(`${server.origin}/trust/claims/${title.slice(0, 4)}`);
      expect(summary, id).not.toBe('');
    }
    const times = feed.entries.map(({ updated }) => Date.parse(updated));
    expect(times).toEqual([...times].sort((one, other) => other - one));
    expect((await server.ask(new URL(feed.entries[0].link).pathname)).status).toBe(200);
  });
}

test('security.txt never expires while the server runs', async ({ own }) => {
  const server = await own({ profile: 'stratuslog', shiftSeconds: 1000 * DAY_SECONDS, settled: false });
  const expires = Date.parse(/Expires: (.*)/.exec(await server.text('/.well-known/security.txt'))[1]);
  const days = (expires - Date.now()) / (DAY_SECONDS * 1000) - 1000;
  expect(days).toBeGreaterThan(30);
  expect(days).toBeLessThan(365);
});

test('robots.txt lets readers in', async ({ served }) => {
  const text = await (await served('aertous')).text('/robots.txt');
  expect(text).toMatch(/^User-agent: \*$/m);
  expect(text).not.toMatch(/^Disallow: \/(trust.*)?$/m);
});

test('the badge is a picture that says the number of the JSON, and that other sites may show', async ({ served, page }) => {
  const server = await served('aertous');
  const { summary } = await server.json();
  const { headers, text } = await server.ask('/trust/badge.svg');
  expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
  const badge = await parsed(page, text);
  expect(badge).toMatchObject({ error: null, root: 'svg', namespace: 'http://www.w3.org/2000/svg' });
  expect(badge.text).toContain(`${summary.proven} proven, ${summary.failing} failing`);

  await page.setContent(`<img src="${server.origin}/trust/badge.svg" alt="badge">`);
  await expect.poll(() => page.locator('img').evaluate((img) => img.naturalWidth)).toBeGreaterThan(60);
});

test('what a reader has already is not sent again', async ({ served }) => {
  const server = await served('aertous');
  for (const path of ['/trust', '/pkg/avouch.css']) {
    for (const encoding of ['identity', 'gzip', 'br']) {
      const first = await server.ask(path, { headers: { 'accept-encoding': encoding } });
      expect(first.headers.etag, path).toMatch(/^"[^"]+"$/);
      const again = await server.ask(path, { headers: { 'accept-encoding': encoding, 'if-none-match': first.headers.etag } });
      expect({ status: again.status, bytes: again.content.length }, path).toEqual({ status: 304, bytes: 0 });
      const other = await server.ask(path, { headers: { 'accept-encoding': encoding, 'if-none-match': '"another"' } });
      expect(other.status, path).toBe(200);
    }
  }
});

test('the page is the same in every encoding', async ({ served }) => {
  const server = await served('aertous');
  const plain = await server.ask('/trust');
  const zipped = await server.ask('/trust', { headers: { 'accept-encoding': 'gzip' } });
  const squeezed = await server.ask('/trust', { headers: { 'accept-encoding': 'gzip, deflate, br' } });
  expect(plain.headers['content-encoding']).toBe(undefined);
  expect([zipped, squeezed].map(({ headers }) => headers['content-encoding'])).toEqual(['gzip', 'br']);
  expect([plain, zipped, squeezed].map(({ headers }) => headers.vary)).toEqual(Array(3).fill('accept-encoding'));
  expect(new Set([plain, zipped, squeezed].map(({ headers }) => headers.etag)).size, 'each with a tag of its own').toBe(3);
  expect(gunzipSync(zipped.content).equals(plain.content)).toBe(true);
  expect(brotliDecompressSync(squeezed.content).equals(plain.content)).toBe(true);
});

test('a first visit takes at most 40 kB', async ({ served }) => {
  const server = await served('aertous');
  const paths = ['/trust', '/pkg/avouch.css', '/pkg/display.woff2', '/pkg/icon.svg'];
  const answers = await Promise.all(paths.map((path) => server.ask(path, { headers: { 'accept-encoding': 'br' } })));
  const bytes = answers.reduce((sum, { content }) => sum + content.length, 0);
  expect(bytes).toBeLessThanOrEqual(40_000);
});

test('pages only take what reads, and say so', async ({ served }) => {
  const server = await served('aertous');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const { status, headers } = await server.ask('/trust', { method });
    expect({ status, allow: headers.allow?.split(/, ?/).sort() }, method).toEqual({ status: 405, allow: ['GET', 'HEAD'] });
  }
  const head = await server.ask('/trust', { method: 'HEAD' });
  const get = await server.ask('/trust');
  expect({ status: head.status, length: head.headers['content-length'], etag: head.headers.etag, bytes: head.content.length }).toEqual({
    status: 200,
    length: get.headers['content-length'],
    etag: get.headers.etag,
    bytes: 0,
  });
});

test('a request for another host is refused, and its name is nowhere in the answer', async ({ served }) => {
  const server = await served('aertous');
  for (const host of ['evil.example', 'evil.example:3000', '127.0.0.1.evil.example']) {
    for (const path of ['/trust', '/trust/claims/P079', '/trust.json', '/.well-known/security.txt', '/nothing-is-here']) {
      const { status, headers, text } = await server.ask(path, { headers: { host } });
      expect(status, `${host}${path}`).toBe(421);
      expect(text + JSON.stringify(headers)).not.toContain('evil.example');
    }
  }
});

test('the canonical address is the configured one, whatever else the request says', async ({ served }) => {
  const server = await served('aertous');
  const forged = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' };
  for (const path of ['/', '/trust', '/trust/claims/P079', '/trust/history', '/privacy', '/terms']) {
    const { status, text } = await server.ask(path, { headers: forged });
    expect(status, path).toBe(200);
    expect(text).toContain(`<link rel="canonical" href="${server.origin}${path}">`);
    expect(text).toContain(`<meta property="og:url" content="${server.origin}${path}">`);
    expect(text, path).not.toContain('evil.example');
  }
});

test('reads above the published number are refused with when to come back, unless an operator has switched that off', async ({ own }) => {
  const few = (profile) => profile.replace(/^reads_per_minute = \d+/m, 'reads_per_minute = 20');
  const server = await own({ profile: 'aertous', edit: few, settled: false });
  expect((await server.claim('P079')).text, 'the sentence follows the policy').toContain('reads to 20 per minute');

  const statuses = [];
  while (statuses.length < 40) statuses.push((await server.ask('/robots.txt')).status);
  expect(statuses.slice(0, 19), 'one read went to the JSON').toEqual(Array(19).fill(200));
  expect(statuses).toContain(429);
  const refused = await server.ask('/trust');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
  expectGuarded('429', refused.headers);
  expect((await server.ask('/healthz')).status, 'a flood does not make it look dead').toBe(200);

  const off = await server.command('control', 'off', 'web-hygiene/rate-limits', '--reason', 'drill');
  expect(off.status, off.stderr).toBe(0);
  await expect.poll(async () => (await server.ask('/robots.txt')).status, { timeout: 5_000 }).toBe(200);
  await expect.poll(async () => (await server.claim('P079')).state, { timeout: 5_000 }).toBe('failing');
});

function expectGuarded(what, headers) {
  expect(headers, what).toMatchObject(GUARDS);
  expect(headers['content-security-policy'], what).toMatch(/^default-src 'none'.*frame-ancestors 'none'/);
  expect(headers['content-security-policy'], what).not.toMatch(/unsafe|script-src|\*|data:/);
  expect(Object.keys(headers).filter((name) => TELLTALES.includes(name)), what).toEqual([]);
}

/** An XML document, as the browser's own strict parser reads it. */
async function parsed(page, xml) {
  return page.evaluate((xml) => {
    const document = new DOMParser().parseFromString(xml, 'application/xml');
    const root = document.documentElement;
    const child = (of, name) => [...of.children].find((one) => one.localName === name);
    return {
      error: document.querySelector('parsererror')?.textContent ?? null,
      root: root.localName,
      namespace: root.namespaceURI,
      text: root.textContent,
      updated: child(root, 'updated')?.textContent,
      entries: [...root.children].filter((one) => one.localName === 'entry').map((entry) => ({
        id: child(entry, 'id').textContent,
        title: child(entry, 'title').textContent,
        updated: child(entry, 'updated').textContent,
        link: child(entry, 'link').getAttribute('href'),
        summary: child(entry, 'summary').textContent,
      })),
    };
  }, xml);
}
