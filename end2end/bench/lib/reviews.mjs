// An access review of many grants: how fast they are taken down, shown, and decided about together.

import { crowd, emptied, placed } from './organisations.mjs';

export async function reviews(settings, report) {
  for (const engine of settings.postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite']) await report.part(`reviews on ${engine}`, () => review(settings, report, engine));
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
