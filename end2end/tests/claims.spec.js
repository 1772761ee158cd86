// Each promise is on its page, in the same words and state everywhere.

import { readFileSync } from 'node:fs';

import { PROFILES, expect, test } from '../fixtures.js';

const STATES = ['proven', 'ageing', 'failing', 'unproven', 'unavailable', 'stated', 'withdrawn'];
const KINDS = ['enforced', 'evidenced', 'published'];

/** How many promises each profile makes. */
const PROMISES = { aertous: 91, 'stack-aero': 54, stratuslog: 52 };

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

for (const profile of PROFILES) {
  test.describe(`${profile}:`, () => {
    test(`all ${PROMISES[profile]} claims are on the page, in the state and words of the JSON`, async ({ served, page }) => {
      const server = await served(profile);
      const { claims } = await server.json();
      expect(claims).toHaveLength(PROMISES[profile]);
      expect(new Set(claims.map((claim) => claim.id)).size, 'no id twice').toBe(claims.length);

      await page.goto(`${server.origin}/trust`);
      const rows = await page.locator('[data-claim]').evaluateAll((rows) =>
        rows.map((row) => ({
          id: row.dataset.claim,
          state: row.dataset.state,
          kind: row.dataset.kind,
          text: row.querySelector('.says').textContent,
        })),
      );
      const told = claims.map(({ id, state, kind, text }) => ({ id, state, kind, text }));
      expect(sorted(rows)).toEqual(sorted(told));
    });

    test('what does not hold explains itself beside its sentence', async ({ served, page }) => {
      const server = await served(profile);
      const { claims } = await server.json();
      await page.goto(`${server.origin}/trust`);
      const amiss = claims.filter(({ state }) => ['failing', 'ageing', 'unavailable'].includes(state));
      expect(amiss.length).toBeGreaterThan(0);
      for (const { id, finding } of amiss) {
        await expect(page.locator(`[data-claim="${id}"]`)).toContainText(finding);
      }
    });

    test('what is failing stands before everything else, with since when', async ({ served, page }) => {
      const server = await served(profile);
      const failing = (await server.json()).claims.filter(({ state }) => state === 'failing');
      await page.goto(`${server.origin}/trust`);
      const first = page.getByRole('main').getByRole('heading', { level: 2 }).first();
      await expect(first).toHaveText(failing.length > 0 ? `Failing now: ${failing.length}` : 'Nothing is failing');
      const listed = await page.locator('section.failing li').evaluateAll((rows) =>
        rows.map((row) => ({ id: row.querySelector('a').textContent, since: row.querySelector('time').dateTime })),
      );
      expect(sorted(listed)).toEqual(sorted(failing.map(({ id, since }) => ({ id, since }))));
    });

    test('each claim has a page of its own that says the same', async ({ served }) => {
      const server = await served(profile);
      for (const { id, state, kind, finding } of (await server.json()).claims) {
        const { status, text } = await server.ask(`/trust/claims/${id}`);
        expect(status, id).toBe(200);
        const main = /<main[^>]*>/.exec(text)[0];
        expect(main, id).toContain(`data-claim="${id}" data-state="${state}" data-kind="${kind}"`);
        expect(unescaped(text), id).toContain(finding);
      }
    });

    test('the numbers on the page are those of the JSON, and count what is there', async ({ served, page }) => {
      const server = await served(profile);
      const { claims, summary } = await server.json();
      expect(Object.keys(summary).sort()).toEqual([...STATES].sort());
      for (const state of STATES) {
        expect(summary[state], state).toBe(claims.filter((claim) => claim.state === state).length);
      }

      for (const path of ['/trust', '/']) {
        await page.goto(server.origin + path);
        for (const state of STATES) {
          const entry = page.locator(`a[href="/trust?state=${state}"]`);
          await expect(entry.locator('b'), `${path}: ${state}`).toHaveText(String(summary[state]));
        }
        const picture = page.getByRole('img', { name: `Of ${claims.length} claims: ` });
        for (const state of STATES.filter((state) => summary[state] > 0)) {
          await expect(picture).toHaveAttribute('aria-label', new RegExp(`\\b${summary[state]} ${state}\\b`));
        }
      }
    });

    test('the JSON keeps its contract', async ({ served }) => {
      const server = await served(profile);
      const { profile: name, generated_at, claims } = await server.json();
      expect(name).toBe(profile);
      expect(generated_at).toMatch(RFC_3339);
      expect(Math.abs(Date.parse(generated_at) - Date.now())).toBeLessThan(60_000);
      for (const claim of claims) {
        expect(KINDS, claim.id).toContain(claim.kind);
        expect(STATES, claim.id).toContain(claim.state);
        expect(claim.mandatory, claim.id).toEqual(expect.any(Boolean));
        expect(claim.text, `${claim.id} has its figures filled in`).not.toMatch(/[{}]/);
        expect(claim.since, claim.id).toMatch(RFC_3339);
        for (const moment of [claim.checked_at, claim.due_at]) {
          if (moment !== null) expect(moment, claim.id).toMatch(RFC_3339);
        }
        expect(claim.control !== null, `${claim.id}: a control, if it is enforced`).toBe(claim.kind === 'enforced');
        expect(claim.state === 'stated', `${claim.id}: stated, if it is published`).toBe(claim.kind === 'published');
        expect(claim.finding, claim.id).not.toBe('');
      }
    });

    test('each row of promises.csv is on its page with the right kind and control', async ({ served, page }) => {
      test.skip(!process.env.AVOUCH_PROMISES, 'AVOUCH_PROMISES does not say where promises.csv is');
      const rows = promises(process.env.AVOUCH_PROMISES).filter((row) => row.profile === profile);
      expect(rows).toHaveLength(PROMISES[profile]);
      const server = await served(profile);
      const controls = new Map((await server.json()).claims.map(({ id, control }) => [id, control ?? '']));
      await page.goto(`${server.origin}/trust`);
      const shown = await page.locator('[data-claim]').evaluateAll((rows) => rows.map(({ dataset }) => [dataset.claim, dataset.kind]));
      const kinds = new Map(shown);
      const found = rows.map(({ id }) => ({ id, profile, kind: kinds.get(id), control: controls.get(id) }));
      expect(found).toEqual(rows);
    });
  });
}

test('a mode that this instance cannot give is told, not passed over', async ({ served }) => {
  const { claims } = await (await served('stratuslog')).json();
  const isolated = claims.filter((claim) => claim.control === 'isolation-row-level' || /row-level/i.test(claim.text));
  expect(isolated.length).toBeGreaterThan(0);
  const proven = isolated.filter((claim) => claim.state === 'proven').map((claim) => claim.id);
  expect(proven, 'row-level isolation is not to be had on SQLite').toEqual([]);
});

function sorted(rows) {
  return rows.sort((one, other) => one.id.localeCompare(other.id));
}

function unescaped(html) {
  const characters = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&#x27;': "'", '&amp;': '&' };
  return html.replace(/&(lt|gt|quot|amp|#39|#x27);/g, (name) => characters[name]);
}

/** The first four columns, none of which is quoted. */
function promises(path) {
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => /^P\d{3},/.test(line));
  return lines.map((line) => {
    const [id, profile, kind, control] = line.split(',');
    return { id, profile, kind, control };
  });
}
