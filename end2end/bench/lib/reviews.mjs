// An access review of many grants: how fast they are taken down, shown, and decided about together.

import puppeteer from 'puppeteer-core';

import { chromium } from './lighthouse.mjs';
import { crowd, emptied, placed } from './organisations.mjs';
import { stop } from './run.mjs';
import { avouch } from './servers.mjs';
import { median } from './wrk.mjs';

export async function reviews(settings, report) {
  for (const engine of settings.postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite']) await report.part(`reviews on ${engine}`, () => review(settings, report, engine));
  await report.part('a review in a browser', () => browsed(settings, report));
}

async function review(settings, report, engine) {
  const place = await placed(settings, engine, 'reviews');
  const made = await crowd(settings, place, 'reviews', '--grants', settings.quick ? 10_000 : 100_000);
  const [grants, decided] = [made.grants, made.decided].map((number) => number.toLocaleString('en'));
  const of = `${engine}: review of ${grants} grants`;
  report.measured(`${of}: taken down, s`, made.freeze_s, '≤', 3, { made });
  report.measured(`${of}: first page, p99 in ms`, made.page_p99_ms, '≤', 50);
  report.measured(`${of}: ${decided} revoked together, ${made.sessions_ended.toLocaleString('en')} sessions ended, s`, made.decide_s, '≤', 2);
  report.measured(`${of}: closed, s`, made.close_s);
  report.measured(`${of}: memory over idle, MiB`, made.peak_over_idle_mib);
  await emptied(settings, [place]);
}

/** What whoever presses a key waits for: the next one marked, and the decision saved, both with every item of the review on the page. */
async function browsed(settings, report) {
  const place = await placed(settings, 'SQLite', 'reviewing');
  const grants = settings.quick ? 1000 : 10_000;
  const { seat, review } = await crowd(settings, place, 'reviewing', '--grants', grants);
  const ours = await avouch(settings, place.home, '/readyz', place.env);
  const { child, port } = await chromium();
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: { width: 1280, height: 900 } });
  const page = await browser.newPage();
  await page.setCookie({ name: '__Host-session', value: seat.session, url: `https://127.0.0.1:${ours.port}`, path: '/', secure: true, httpOnly: true });
  const began = performance.now();
  await page.goto(`http://127.0.0.1:${ours.port}/o/${seat.slug}/reviews/${review}`, { waitUntil: 'load' });
  const of = `review of ${grants.toLocaleString('en')} grants in Chromium`;
  report.measured(`${of}: the page with its first items, ms`, performance.now() - began);
  const scrolled = await page.evaluate(scroll);
  report.measured(`${of}: scrolled to the end, ${scrolled.items.toLocaleString('en')} items: the slowest of the pages that follow, p99 in ms`, nth(scrolled.waits, 99), '≤', 1000);
  const keys = settings.quick ? 50 : 200;
  const seen = await page.evaluate(decide, keys);
  // A tenth of a second is what people take for at once (web.dev, RAIL).
  report.measured(`${of}, all on the page: from the key to the next one marked, p99 in ms of ${keys}`, nth(seen.marked, 99), '≤', 100, { median: median(seen.marked) });
  report.measured(`${of}, all on the page: from the key to saved, p99 in ms of ${keys}`, nth(seen.saved, 99), '≤', 1000, { median: median(seen.saved) });
  await browser.disconnect();
  await stop(child);
  await stop(ours.child);
  await emptied(settings, [place]);
}

const nth = (values, of) => values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor((values.length * of) / 100))];

/** In the page: goes to the end again and again until nothing follows. */
async function scroll() {
  const count = () => document.querySelectorAll('[data-items] > [data-item]').length;
  const waits = [];
  while (document.querySelector('.pages a[rel="next"]')) {
    const [began, before] = [performance.now(), count()];
    scrollTo(0, document.body.scrollHeight);
    while (count() === before) await new Promise((done) => requestAnimationFrame(done));
    waits.push(performance.now() - began);
  }
  return { items: count(), waits };
}

/** In the page: keeps one after the other by key, as soon as the one before is saved. What needs a reason is passed by. */
async function decide(keys) {
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const here = () => document.querySelector('[data-items] > [aria-current]');
  const [marked, saved] = [[], []];
  press('j');
  await frame();
  while (saved.length < keys) {
    const row = here();
    if ('privileged' in row.dataset || !row.querySelector('form[data-action="decide-item"]')) {
      press('j');
      await frame();
      continue;
    }
    const began = performance.now();
    press('y');
    while (here() === row) await frame();
    await frame();
    marked.push(performance.now() - began);
    while (!('done' in row.dataset)) await frame();
    saved.push(performance.now() - began);
  }
  return { marked, saved };
}
