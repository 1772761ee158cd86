// An access review of many grants: how fast they are taken down, shown, and decided about together.

import puppeteer from 'puppeteer-core';

import { chromium } from './lighthouse.mjs';
import { crowd, emptied, placed } from './organisations.mjs';
import { resident } from './process.mjs';
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

/** How long one step may take before it counts as stuck. */
const OPEN_S = 60;
const STEP_S = 30;
/** How many items the server sends at once. */
const PAGE = 50;

/** What whoever presses a key waits for: the next one marked, and the decision saved, both with every item of the review read. */
async function browsed(settings, report) {
  const place = await placed(settings, 'SQLite', 'reviewing');
  const grants = settings.quick ? 1000 : 10_000;
  const { seat, review } = await crowd(settings, place, 'reviewing', '--grants', grants);
  const ours = await avouch(settings, place.home, '/readyz', place.env);
  const { child, port } = await chromium();
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: { width: 1280, height: 900 }, protocolTimeout: 1000 * (OPEN_S + STEP_S) });
  const page = await browser.newPage();
  // What is behind another tab draws no frames, and nothing in it comes near.
  await page.bringToFront();
  await page.setCookie({ name: '__Host-session', value: seat.session, url: `https://127.0.0.1:${ours.port}`, path: '/', secure: true, httpOnly: true });
  const began = performance.now();
  await page.goto(`http://127.0.0.1:${ours.port}/o/${seat.slug}/reviews/${review}`, { waitUntil: 'load', timeout: 1000 * OPEN_S });
  const of = `review of ${grants.toLocaleString('en')} grants in Chromium`;
  report.measured(`${of}: the page with its first items, ms`, performance.now() - began);
  const [items, waits] = await scrolled(page);
  const all = `${of}, all ${items.toLocaleString('en')} items read`;
  report.measured(`${of}: scrolled until all ${items.toLocaleString('en')} items were read, s`, waits.reduce((sum, wait) => sum + wait, 0) / 1000);
  report.measured(`${of}: the pages that follow, p99 in ms`, nth(waits, 99), '≤', 1000, { median: median(waits) });
  report.measured(`${all}: nodes`, (await page.metrics()).Nodes);
  report.measured(`${all}: memory of the process that shows them, MB`, await memory(browser));
  const left = performance.now();
  await page.evaluate(back);
  report.measured(`${all}: from the last back to the first, s`, (performance.now() - left) / 1000);
  const keys = settings.quick ? 50 : 200;
  const [marked, saved] = await decided(page, keys);
  // A tenth of a second is what people take for at once (web.dev, RAIL).
  report.measured(`${all}: from the key to the next one marked, p99 in ms of ${keys}`, nth(marked, 99), '≤', 100, { median: median(marked) });
  report.measured(`${all}: from the key to saved, p99 in ms of ${keys}`, nth(saved, 99), '≤', 1000, { median: median(saved) });
  await browser.disconnect();
  await stop(child);
  await stop(ours.child);
  await emptied(settings, [place]);
}

const nth = (values, of) => values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor((values.length * of) / 100))];

/** Goes to the end again and again until nothing follows: how many items there were, and how long each page took. */
async function scrolled(page) {
  const [met, waits] = [new Set(), []];
  for (;;) {
    const { items, took } = await page.evaluate(further, STEP_S, PAGE);
    items.forEach((item) => met.add(item));
    if (took === undefined) return [met.size, waits];
    waits.push(took);
  }
}

/** Keeps so many by key: how long until the next one was marked, and until the decision was saved. */
async function decided(page, keys) {
  const [marked, saved] = [[], []];
  while (saved.length < keys) {
    const seen = await page.evaluate(keep, STEP_S);
    if (!seen) continue;
    marked.push(seen.marked);
    saved.push(seen.saved);
  }
  return [marked, saved];
}

/** What the process that shows the page has resident: the largest of those that show one. */
async function memory(browser) {
  const session = await browser.target().createCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => resident({ pid: id })));
}

/** In the page: goes to the end, and waits for what follows there. Without `took` nothing does. */
async function further(seconds, whole) {
  const items = document.querySelector('[data-items]');
  const here = () => [...items.children].map((row) => row.dataset.item);
  const before = items.lastElementChild;
  const more = () => document.querySelector('.pages a[rel="next"]');
  if (!more()) return { items: here() };
  const began = performance.now();
  const rows = () => [...items.children];
  const come = () => rows().length - 1 - rows().indexOf(before);
  let still = 0;
  // They are put in frame by frame: a page is there when all of its items are, the last one when no more come for ten frames.
  while (come() < whole && (more() || still < 10)) {
    const count = come();
    scrollTo({ top: document.body.scrollHeight, behavior: 'instant' });
    if (performance.now() - began > seconds * 1000) throw new Error(`nothing followed within ${seconds} s: ${document.querySelector('[data-late]')?.textContent}`);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    still = count > 0 && come() === count ? still + 1 : 0;
  }
  return { items: here(), took: performance.now() - began };
}

/** In the page: goes up until nothing is out of the way above. */
async function back() {
  const items = document.querySelector('[data-items]');
  while (scrollY > 0 || items.previousElementSibling.offsetHeight > 0) {
    scrollTo({ top: 0, behavior: 'instant' });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
}

/** In the page: keeps the one that is marked by key, until that is saved. Nothing: it is passed by, because it needs a reason or is one's own. */
async function keep(seconds) {
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  const here = () => document.querySelector('[data-items] > [aria-current]');
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const began = performance.now();
  const until = async (what, is) => {
    while (!is()) {
      if (performance.now() - began > seconds * 1000) throw new Error(`${what} not within ${seconds} s: ${here()?.querySelector('[data-wrong]')?.textContent} ${document.querySelector('[data-told]')?.textContent}`);
      await frame();
    }
    await frame();
    return performance.now() - began;
  };
  const row = here();
  const next = () => here() !== row;
  if (!row || 'privileged' in row.dataset || !row.querySelector('form[data-action="decide-item"]')) {
    press('j');
    await until('the next one was', next);
    return undefined;
  }
  press('y');
  const marked = await until('the next one was', next);
  const saved = await until('the decision was', () => row.dataset.stands === 'keep' && !('saving' in row.dataset));
  return { marked, saved };
}
