// Everything works with JavaScript off: looking for claims, following links, and being told what was typed.

import { PROFILES, expect, test } from '../fixtures.js';

test.use({ javaScriptEnabled: false });

const HOSTILE = '"><script>alert(1)</script>';

test('script really is off in these tests', async ({ page }) => {
  await page.setContent('<p>off</p><script>document.querySelector("p").textContent = "on"</script>');
  await expect(page.locator('p')).toHaveText('off');
});

test('the form shows the claims of one state', async ({ served, page }) => {
  const { server, claims } = await openTrust(served, page, 'aertous');
  await look(page, { state: 'stated' });

  await expect(page).toHaveURL(/[?&]state=stated(&|$)/);
  const wanted = claims.filter((claim) => claim.state === 'stated');
  await expectFound(page, wanted);
  await expect(page.getByRole('combobox', { name: 'State' }), 'what was chosen is still chosen').toHaveValue('stated');
  expect(wanted).toHaveLength((await server.json()).summary.stated);
});

test('the form shows the claims of one kind', async ({ served, page }) => {
  const { claims } = await openTrust(served, page, 'stack-aero');
  await look(page, { kind: 'evidenced' });
  await expectFound(page, claims.filter((claim) => claim.kind === 'evidenced'));
  await expect(page.getByRole('combobox', { name: 'Kind' })).toHaveValue('evidenced');
});

test('the form finds claims by their words, however they are written', async ({ served, page }) => {
  const { claims } = await openTrust(served, page, 'stack-aero');
  const said = (claim) => [claim.id, claim.text, claim.finding, claim.control].join(' ').toLowerCase();
  await look(page, { words: '  PENETRATION test ' });
  const wanted = claims.filter((claim) => said(claim).includes('penetration') && said(claim).includes('test'));
  expect(wanted.length).toBeGreaterThan(2);
  await expectFound(page, wanted);
});

test('the form finds a claim by its number', async ({ served, page }) => {
  const { claims } = await openTrust(served, page, 'stack-aero');
  await look(page, { words: 'p011' });
  await expectFound(page, claims.filter((claim) => claim.id === 'P011'));
});

test('state, kind and words narrow together, and one link shows everything again', async ({ served, page }) => {
  const { claims } = await openTrust(served, page, 'aertous');
  await look(page, { state: 'failing', kind: 'evidenced', words: 'milestone SOC' });
  const said = (claim) => [claim.id, claim.text, claim.finding, claim.control].join(' ').toLowerCase();
  const fits = (claim) => claim.state === 'failing' && claim.kind === 'evidenced' && ['milestone', 'soc'].every((word) => said(claim).includes(word));
  await expectFound(page, claims.filter(fits));

  await page.getByRole('link', { name: 'Show all' }).press('Enter');
  await expect(page.locator('[data-claim]')).toHaveCount(claims.length);
  await expect(page.getByRole('combobox', { name: 'State' })).toHaveValue('');
});

test('each number in the picture leads to its claims', async ({ served, page }) => {
  const { claims } = await openTrust(served, page, 'stratuslog');
  await page.locator('.legend').getByRole('link', { name: /unavailable/ }).press('Enter');
  const wanted = claims.filter((claim) => claim.state === 'unavailable');
  expect(wanted.length, 'plain HTTP has no TLS to promise').toBeGreaterThan(0);
  await expectFound(page, wanted);
});

test('an address that is no text is refused, with the way to the page', async ({ served, page }) => {
  const server = await served('aertous');
  const response = await page.goto(`${server.origin}/trust?q=%FF`);
  expect(response.status()).toBe(400);
  await page.locator('main').getByRole('link').first().click();
  await expect(page).toHaveURL(`${server.origin}/trust`);
});

for (const query of ['state=no-such-state', 'kind=no-such-kind', 'utm_source=mail', 'state=proven&state=failing', 'q=%00%0A', 'state=']) {
  test(`an address with ?${query} does not break`, async ({ served, page }) => {
    const server = await served('aertous');
    const { claims } = await server.json();
    const response = await page.goto(`${server.origin}/trust?${query}`);
    expect(response.status()).toBe(200);
    const everything = !query.startsWith('q=');
    if (everything) await expect(page.locator('[data-claim]')).toHaveCount(claims.length);
    await expect(page.getByRole('search')).toBeVisible();
  });
}

test('nothing found is said in words', async ({ served, page }) => {
  await openTrust(served, page, 'aertous');
  await look(page, { words: 'nothing-is-called-this' });
  await expect(page.getByRole('heading', { name: '0 claims found' })).toBeVisible();
  await expect(page.getByText('Nothing fits.')).toBeVisible();
});

test('what was typed comes back as text and not as a script', async ({ served, page }) => {
  const { server } = await openTrust(served, page, 'aertous');
  await look(page, { words: HOSTILE });
  await expect(page.getByRole('searchbox', { name: 'Words' })).toHaveValue(HOSTILE);
  await expect(page.locator('script')).toHaveCount(0);
  const html = await server.text(`/trust?q=${encodeURIComponent(HOSTILE)}`);
  expect(html).not.toContain('<script');
  expect(html).toContain('&lt;script&gt;alert(1)');
});

test.describe('with script on again', () => {
  test.use({ javaScriptEnabled: true });

  for (const path of ['/trust?q=', '/trust?state=', '/trust/claims/', '/privacy/', '/']) {
    test(`a script in the address ${path}… never runs`, async ({ served, page }) => {
      const dialogs = [];
      page.on('dialog', (dialog) => dialogs.push(dialog.message()) && dialog.dismiss());
      await page.goto((await served('aertous')).origin + path + encodeURIComponent(HOSTILE));
      await expect(page.getByRole('main')).toBeVisible();
      await expect(page.locator('script')).toHaveCount(0);
      expect(dialogs).toEqual([]);
    });
  }
});

for (const profile of PROFILES) {
  test(`every link on every page of ${profile} leads somewhere`, async ({ served }) => {
    const server = await served(profile);
    const { broken, visited } = await walk(server, '/');
    expect(visited.length).toBeGreaterThan(60);
    expect(broken).toEqual([]);
  });
}

async function openTrust(served, page, profile) {
  const server = await served(profile);
  await page.goto(`${server.origin}/trust`);
  return { server, claims: (await server.json()).claims };
}

async function look(page, { words, state, kind }) {
  if (words !== undefined) await page.getByRole('searchbox', { name: 'Words' }).fill(words);
  if (state !== undefined) await page.getByRole('combobox', { name: 'State' }).selectOption(state);
  if (kind !== undefined) await page.getByRole('combobox', { name: 'Kind' }).selectOption(kind);
  // By key: without script Chromium may draw no frame, and a click waits for two.
  await page.getByRole('button', { name: 'Show' }).press('Enter');
}

/** Exactly these claims are shown, and the heading counts them. */
async function expectFound(page, wanted) {
  const number = wanted.length === 1 ? '1 claim' : `${wanted.length} claims`;
  await expect(page.getByRole('heading', { name: `${number} found` })).toBeVisible();
  const shown = await page.locator('[data-claim]').evaluateAll((rows) => rows.map((row) => row.dataset.claim));
  expect(shown.sort()).toEqual(wanted.map((claim) => claim.id).sort());
}

/** Follows every link of our own from `first` on, pages and fragments alike. */
async function walk(server, first) {
  const pages = new Map();
  const broken = [];
  const waiting = [{ from: 'the start', to: first }];
  while (waiting.length > 0) {
    const { from, to } = waiting.shift();
    const { pathname, search, hash } = new URL(to, server.origin);
    const path = pathname + search;
    const seen = pages.has(path);
    if (!seen) pages.set(path, await server.ask(path));
    const { status, headers, text } = pages.get(path);
    const isPage = headers['content-type'].startsWith('text/html');
    if (status !== 200) broken.push(`${from} links to ${to}, which answers ${status}`);
    if (hash && isPage && !text.includes(`id="${hash.slice(1)}"`)) broken.push(`${from} links to ${to}, which has no such place`);
    // A narrowed page repeats links of the whole one.
    if (seen || !isPage || search.startsWith('?state=')) continue;
    const links = [...text.matchAll(/\shref="([^"]*)"/g)].map((match) => match[1].replaceAll('&amp;', '&'));
    const ours = new Set(links.map((link) => new URL(link, server.origin + path)).filter((url) => url.origin === server.origin));
    for (const url of ours) waiting.push({ from: path, to: url.href });
  }
  return { broken: [...new Set(broken)], visited: [...pages.keys()] };
}
