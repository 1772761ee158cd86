// The vendor's own pages: what the staff see of the instance, and the reviews of their own seats.

import { expectAccessible } from '../accessible.js';
import { expect, test } from '../fixtures.js';
import { PASSWORD, Person } from '../person.js';

// Two people get in, and each password costs what passwords have to cost.
test.setTimeout(120_000);

test('the staff see how the instance does, and review their seats to the end', async ({ own, page, watched }) => {
  await page.setViewportSize({ width: 320, height: 800 });
  const server = await own({ profile: 'stratuslog' });
  const olga = await seated(server, page, 'olga@vendor.example');
  await added(server, 'otto@vendor.example');

  await olga.open('/operator');
  await expect(page.locator('tr[data-job="organisations"]')).toContainText('0 departures');
  await expectAccessible(page, 'the overview of the staff');

  await olga.open('/operator/reviews');
  await expectAccessible(page, 'no review of seats yet');
  await olga.send('open-review', { name: 'Seats of the year', due: day(30) });
  const otto = page.locator('[data-item]').filter({ hasText: 'otto' });
  await expect(otto).toHaveCount(1);
  await expect(page.locator('[data-item]').filter({ hasText: 'olga' }).locator('form[data-action="decide-item"]'), 'nobody decides on their own').toHaveCount(0);
  await expectAccessible(page, 'a review of seats');

  // With script the page stays.
  const form = olga.form('decide-item', otto);
  await form.locator('[name="decision"]').selectOption('revoke');
  await form.locator('[name="note"]').fill('Left the company');
  await form.getByRole('button').press('Enter');
  await expect(otto).toHaveAttribute('data-stands', 'revoke');
  await olga.send('close-review');
  await expect(page).toHaveURL(/\/report/);
  await expect(page.getByRole('main')).toContainText('1 revoked');
  await expectAccessible(page, 'the report of a review of seats');
  await page.getByRole('link', { name: 'Seats of the year' }).click();
  await expect(page.getByRole('main')).toContainText('Left the company');
  await expectAccessible(page, 'a closed review of seats');
  await olga.open('/operator/reviews');
  await expectAccessible(page, 'a closed review of seats in the list');
  expect(watched.complaints).toEqual([]);
});

/** A date so many days from now. */
function day(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** Makes a seat and gives the link with which its holder chooses a password. */
async function added(server, address) {
  const { status, stdout, stderr } = await server.command('operator', 'add', '--email', address);
  expect(status, stderr).toBe(0);
  return /https?:\S+/.exec(stdout)[0];
}

/** Somebody of the staff, signed in with both factors. */
async function seated(server, page, address) {
  const link = await added(server, address);
  const person = new Person(server, page, address);
  await page.goto(link);
  await person.send('reset-password', { password: PASSWORD });
  await person.givePassword();
  await person.enrol();
  return person;
}
