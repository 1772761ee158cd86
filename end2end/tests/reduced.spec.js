// An organisation whose time is over while a record of it is held: what is left, what is gone, and that the last of it goes when the hold ends.

import { expectAccessible } from '../accessible.js';
import { PROFILES, expect, test } from '../fixtures.js';
import { Person } from '../person.js';
import { DAY_SECONDS } from '../server.js';

/** A register of each profile, what its first field is, and what else it asks for. */
const KEPT = {
  aertous: { register: 'policies', field: 'title', others: { edition: '1', status: 'Draft', next_review: '2027-01-31' } },
  'stack-aero': { register: 'clients', field: 'name', others: { category: 'Company' } },
  stratuslog: { register: 'aircraft', field: 'registration', others: { model: 'Cessna 172', status: 'Available' } },
};

/** The hold is longer than the longest wait of any profile (120 days). */
const HELD_DAYS = 200;
/** The clock looks for what is due every few seconds; a busy machine takes longer to destroy it. */
const DONE = { timeout: 60_000, intervals: [500] };

test.setTimeout(180_000);

const secondsUntil = (time) => Math.round((time - Date.now()) / 1000);

for (const profile of PROFILES) {
  const { register, field, others } = KEPT[profile];

  test(`${profile}: of an organisation that is over a held record is left, and that goes with its hold`, async ({ own, page, watched }) => {
    const ada = new Person(await own({ profile }), page);
    await ada.found();
    const { server } = ada;
    const held = await added(ada, 'HELD-1');
    await added(ada, 'GONE-1');
    const until = new Date(Date.now() + HELD_DAYS * DAY_SECONDS * 1000).toISOString().slice(0, 10);
    const placed = await server.command(
      ...['hold', 'place', '--organisation', ada.slug, '--kind', 'record', '--subject', held],
      ...['--basis', 'Order of a court', '--scope', 'One record', '--until', until],
    );
    expect(placed, placed.stderr).toMatchObject({ status: 0 });

    await ada.inside('/billing');
    await expect(page.getByRole('main')).toContainText('Order of a court');
    await ada.send('cancel-subscription');
    await ada.inside('/billing');
    const due = Date.parse(await page.locator('time[data-purge-at]').getAttribute('datetime'));
    server.moveClock(secondsUntil(due) + 60);

    // Nobody is asked in that has not signed in since; the account lives on for what is left.
    await ada.givePassword();
    await ada.send('enter-code', { code: ada.code() });
    await expect(async () => {
      await ada.inside('/billing');
      await expect(page.locator('time[data-reduced-at]')).toBeVisible({ timeout: 100 });
    }).toPass(DONE);
    await expect(ada.form('restore-organisation')).toHaveCount(0);
    await expectAccessible(page, 'the subscription of what is left');
    await page.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(page, 'the same on the narrowest phone');
    for (const place of ['', '/members', `/registers/${register}`]) {
      const answer = await server.ask(`/o/${ada.slug}${place}`, { headers: { cookie: await ada.cookies() } });
      expect(answer.status, place).toBe(410);
    }
    await page.getByRole('link', { name: 'The signed proof' }).press('Enter');
    await expect(page.getByRole('main')).toContainText(/record/);
    await expectAccessible(page, 'the proof of what was destroyed');
    const proof = new URL(page.url()).pathname;

    server.moveClock(secondsUntil(Date.parse(until)) + 2 * DAY_SECONDS);
    await expect(async () => {
      await ada.givePassword();
      await expect(page.getByRole('alert')).toContainText(/not right|do not match|wrong/i, { timeout: 100 });
    }).toPass(DONE);
    expect((await server.ask(proof)).status, 'a proof stays').toBe(200);
    expect(await server.command('audit', 'verify')).toMatchObject({ status: 0 });
    expect(watched.complaintsBeside(401, 410, 422, 429)).toEqual([]);
  });

  /** Adds a record, and says its id. */
  async function added(ada, name) {
    await ada.inside(`/registers/${register}/new`);
    await ada.send('create-record', { [field]: name, ...others });
    await expect(ada.page.getByRole('heading', { level: 1 })).toHaveText(name);
    return new URL(ada.page.url()).pathname.split('/').at(-1);
  }
}
