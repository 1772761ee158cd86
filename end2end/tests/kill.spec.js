// A server that is killed in the middle of writing: whatever it said was done is done, and nothing is done without its entry in the log.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from '../fixtures.js';
import { Person } from '../person.js';
import { start } from '../server.js';

const ROUNDS = 4;
const WRITERS = 8;

test.setTimeout(180_000);

const wide = (text) => text.replace(/changes_per_minute = \d+/, 'changes_per_minute = 60000').replace(/reads_per_minute = \d+/, 'reads_per_minute = 60000');

// Where the log lies beside what it records, and where it lies in a database of its own.
for (const profile of ['aertous', 'stack-aero']) {
  test(`${profile}: a kill loses nothing that was acknowledged, and leaves no change without its entry`, async ({ page }) => {
    const data = join(mkdtempSync(join(tmpdir(), 'avouch-kill-')), 'data');
    let server = await start({ profile, edit: wide, data, settled: false });
    try {
      const ada = new Person(server, page);
      await ada.found();
      const cookie = await ada.cookies();
      const acknowledged = new Set();
      for (let round = 0; round < ROUNDS; round++) {
        const token = await tokenOf(server, ada.slug, cookie);
        const writing = Array.from({ length: WRITERS }, (_, writer) => write(server, ada.slug, { cookie, token }, `${round}-${writer}`, acknowledged));
        await sleep(150 + 120 * round);
        await server.kill();
        await Promise.all(writing);
        server = await start({ profile, edit: wide, data, settled: false });
        const { units, entries } = await stored(server, ada.slug, cookie);
        for (const name of acknowledged) expect(units, `${name} was acknowledged`).toContain(name);
        expect(entries, 'as many entries as units').toBe(units.length);
        const verified = await server.command('audit', 'verify');
        expect(verified.status, verified.stderr).toBe(0);
      }
      expect(acknowledged.size).toBeGreaterThan(ROUNDS);
    } finally {
      await server.stop();
      rmSync(join(data, '..'), { recursive: true, force: true });
    }
  });
}

async function tokenOf(server, slug, cookie) {
  const { text } = await server.ask(`/o/${slug}/units`, { headers: { cookie, accept: 'text/html' } });
  return /name="csrf" value="([^"]+)"/.exec(text)[1];
}

/** Makes units until the server is gone; what it acknowledged is written down. */
async function write(server, slug, { cookie, token }, name, acknowledged) {
  for (let number = 0; ; number++) {
    const unit = `unit ${name}-${number}`;
    const headers = { cookie, 'x-csrf-token': token, 'content-type': 'application/json', accept: 'application/json' };
    const answer = await server.ask(`/api/o/${slug}/create-unit`, { method: 'POST', headers, body: JSON.stringify({ name: unit }) }).catch(() => undefined);
    if (answer === undefined) return;
    if (answer.status === 200) acknowledged.add(unit);
  }
}

/** The units on the page, and how many entries the log has about their making. */
async function stored(server, slug, cookie) {
  const page = await server.ask(`/o/${slug}/units`, { headers: { cookie, accept: 'text/html' } });
  const units = [...page.text.matchAll(/<th scope="row">(unit [^<]+)<\/th>/g)].map(([, name]) => name);
  const log = await server.ask(`/o/${slug}/audit.jsonl`, { headers: { cookie } });
  const entries = log.text.trim().split('\n').map((line) => JSON.parse(line)).filter(({ action }) => action === 'unit-made').length;
  return { units, entries };
}
