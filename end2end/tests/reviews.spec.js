// Access reviews: a decision is the removal, by keyboard alone and without script; the report says so; many items read on by themselves.

import { expectAccessible } from '../accessible.js';
import { expect, test } from '../fixtures.js';
import { Person } from '../person.js';
import { readProfile } from '../profile.js';
import { DAY_SECONDS } from '../server.js';

const LOWEST = readProfile('aertous').roles[0];

// Two people get in, and each password costs what passwords have to cost.
test.setTimeout(120_000);

test.describe('without script:', () => {
  test.use({ javaScriptEnabled: false });

  test('what a reviewer revokes is gone with the next request, and the report says who decided', async ({ own, page, elsewhere, watched }) => {
    const { ada, bea } = await both(own, page, elsewhere);
    await begun(ada);
    const item = about(page, bea.name);
    const refused = await ada.send('decide-item', { decision: 'revoke' }, item);
    expect(refused.status(), 'not without a reason').toBe(422);
    await expect(item.locator('[data-wrong]')).not.toBeEmpty();
    expect((await bea.inside()).status()).toBe(200);

    await ada.send('decide-item', { decision: 'revoke', note: 'Left the team' }, item);
    await expect(page).toHaveURL(/done=decided/);
    await expect(item).toHaveAttribute('data-stands', 'revoke');
    await bea.inside();
    await expect(bea.page).toHaveURL(/\/sign-in/);

    await expect(about(page, ada.name).locator('form[data-action="decide-item"]'), 'nobody decides on their own').toHaveCount(0);
    await ada.send('close-review');
    await expect(page).toHaveURL(/\/report/);
    await expect(page.getByRole('main')).toContainText('1 revoked');
    await expect(page.getByRole('main')).toContainText(ada.name);
    expect(watched.complaintsBeside(422)).toEqual([]);
  });

  test('many are decided after it was said how many they are', async ({ own, page, watched }) => {
    const ada = await founder(own, page);
    await invitations(ada, 3);
    await begun(ada);
    for (const box of await page.getByRole('checkbox', { name: /^Choose/ }).all()) await box.check();
    const answer = await ada.send('decide-items', { decision: 'revoke', note: 'Never came' });
    expect(answer.status(), 'not before the number was said').toBe(409);
    await expect(page.getByRole('heading', { name: 'Is that right?' })).toBeVisible();
    await ada.send('decide-items');
    await expect(page.locator('[data-item][data-stands="revoke"]')).toHaveCount(3);
    await ada.openMembers();
    await expect(page.locator('tr[data-invitation]')).toHaveCount(0);
    expect(watched.complaintsBeside(409)).toEqual([]);
  });
});

test('with keys alone a reviewer goes through the items, decides, takes back, and never leaves the page', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 3);
  await begun(ada);
  const items = page.locator('[data-item]').filter({ has: page.locator('form[data-action="decide-item"]') });
  await expect(items).toHaveCount(3);
  const address = page.url();
  await page.keyboard.press('j');
  while ((await page.locator('[aria-current] form[data-action="decide-item"]').count()) === 0) await page.keyboard.press('j');
  const first = await page.locator('[aria-current]').getAttribute('data-item');
  const item = page.locator(`[data-item="${first}"]`);
  await page.keyboard.press('y');
  await expect(item).toHaveAttribute('data-stands', 'keep');
  await expect(page.locator('[data-decided]')).toHaveText('1');
  await page.keyboard.press('k');
  await expect(item).toBeFocused();
  await page.keyboard.press('u');
  await expect(item).toHaveAttribute('data-stands', 'undecided');
  await expect(page.locator('[data-decided]')).toHaveText('0');

  await page.keyboard.press('r');
  await expect(item.locator('[name="note"]'), 'revoking wants a reason').toBeFocused();
  await page.keyboard.press('Enter');
  await expect(item.locator('[data-wrong]')).toHaveText('Write why.');
  await expect(item.locator('[name="note"]'), 'what is typed next is the reason, and no decision').toBeFocused();
  await page.keyboard.type('Never came: just asking');
  await page.keyboard.press('Enter');
  await expect(item).toHaveAttribute('data-stands', 'revoke');
  expect(page.url()).toBe(address);
  await page.reload();
  await expect(item).toHaveAttribute('data-stands', 'revoke');
  await expect(item).toContainText('Never came: just asking');
  await expect(page.locator('[data-decided]')).toHaveText('1');

  await expect(page.locator('[data-mine]'), 'what is left counts down').toHaveText('2');
  const other = page.locator('[data-item][data-stands="undecided"]').filter({ has: page.locator('select[name="role"]') }).first();
  await other.focus();
  await page.keyboard.press('c');
  await expect(other.locator('select[name="role"]'), 'the key alone changes nothing').toBeFocused();
  await other.locator('select[name="role"]').selectOption({ index: 1 });
  await page.keyboard.press('Enter');
  const asked = page.getByRole('dialog', { name: /^Change the role of/ });
  await expect(asked).toContainText('signs them out everywhere');
  const back = () => page.evaluate(() => {
    document.querySelector('dialog[data-change] [data-no]').click();
    return document.activeElement.dataset.item;
  });
  expect(await back(), 'on the choice the next key would be typed').toBe(await other.getAttribute('data-item'));
  await expect(other, 'nothing was changed').toHaveAttribute('data-stands', 'undecided');
  await other.locator('select[name="role"]').press('Enter');
  await expect(asked).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keys', exact: true }).press('Enter');
  await page.locator('body').press('j');
  await expect(other, 'turned off, keys do nothing').toHaveAttribute('aria-current', 'true');
  expect(watched.complaints).toEqual([]);
});

test('what is typed after a key that was refused decides nothing', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 2);
  await page.clock.install({ time: Date.now() + ada.server.shift * 1000 });
  await begun(ada);
  const mine = about(page, ada.name);
  await mine.focus();
  // On one's own nothing is decided: the reason that somebody goes on to type are keys like all others.
  await page.keyboard.press('r');
  await expect(page.locator('[data-told]')).toHaveText('You cannot decide on this one.');
  // Some of them move on, and none decides.
  await page.keyboard.type(await mine.evaluate((row) => (row.nextElementSibling ? 'yjyy' : 'ykyy')));
  await expect(mine).not.toHaveAttribute('aria-current');
  await expect(page.locator('[data-decided]')).toHaveText('0');
  await page.clock.fastForward(1001);
  await page.keyboard.press('y');
  await expect(page.locator('[data-decided]'), 'after a pause keys are keys again').toHaveText('1');
  expect(watched.complaints).toEqual([]);
});

test('a decision that is refused stands beside its item, and nothing else is lost', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 2);
  await begun(ada);
  const item = page.locator('[data-item]').filter({ hasText: 'guest-1@' });
  await item.locator('[name="decision"]').selectOption('revoke');
  await item.getByRole('button', { name: /^Save/ }).press('Enter');
  await expect(item.locator('[data-wrong]')).toContainText(/why/i);
  await item.locator('[name="note"]').fill('Never came');
  await item.locator('[name="note"]').press('Enter');
  await expect(item).toHaveAttribute('data-stands', 'revoke');
  await expect(item.locator('[data-wrong]')).toBeEmpty();
  expect(watched.complaintsBeside(422)).toEqual([]);
});

test('on what is done already no key leads anywhere, and the letters of a reason decide on nobody', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 3);
  await begun(ada);
  const first = page.locator('[data-item]').filter({ hasText: 'guest-1@' });
  await first.focus();
  await page.keyboard.press('r');
  await page.keyboard.type('left the firm');
  await page.keyboard.press('Enter');
  await expect(first).toHaveAttribute('data-done', '');
  await expect(first.locator('form[data-action="decide-item"], .choose')).toHaveCount(0);
  await first.focus();
  await page.keyboard.press('n');
  await expect(first.locator('[data-wrong]')).toContainText('cannot decide');
  await page.keyboard.type('her badge returned', { delay: 60 });
  await page.keyboard.press('Enter');
  // Moving on is no decision, so it goes on at once.
  const marked = page.locator('[data-item][aria-current]');
  const before = await marked.getAttribute('data-item');
  await page.keyboard.press('j');
  await expect(marked).not.toHaveAttribute('data-item', before);
  await expect(page.locator('[data-item][data-stands="undecided"]')).toHaveCount(3);
  expect(watched.complaints).toEqual([]);
});

test('more items than a page come by themselves while one reads on', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 60);
  await begun(ada);
  await expect(page.locator('[data-item]')).toHaveCount(50);
  await page.locator('[data-item]').last().scrollIntoViewIfNeeded();
  await expect(page.locator('[data-item]')).toHaveCount(61);
  await expect(page.locator('.pages a[rel="next"]')).toHaveCount(0);
  const ids = await page.locator('[data-item]').evaluateAll((rows) => rows.map((row) => row.dataset.item));
  expect(new Set(ids).size, 'none of them twice').toBe(61);
  expect(watched.complaints).toEqual([]);
});

test('a page of items that does not come is asked for again, and that is said', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 60);
  const answers = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 503 }];
  let asked = 0;
  await page.route(/[?&]after=/, (route) => {
    const answer = answers[asked++];
    return answer ? route.fulfill(answer) : route.continue();
  });
  await begun(ada);
  await page.locator('[data-item]').last().scrollIntoViewIfNeeded();
  await expect(page.locator('[data-late]')).toHaveText(/could not be read/);
  await expect(page.locator('[data-item]')).toHaveCount(61, { timeout: 15_000 });
  await expect(page.locator('[data-late]')).toBeEmpty();
  expect(asked).toBe(3);
  expect(watched.complaintsBeside(429, 503)).toEqual([]);
});

test('of many items only some stay on the page, and the others come back as they were left', async ({ own, page, watched }) => {
  test.setTimeout(120_000);
  const ada = await founder(own, page, (profile) => profile.replace(/^changes_per_minute = \d+/m, 'changes_per_minute = 600'));
  await invitations(ada, 260);
  await begun(ada);
  const rows = page.locator('[data-item]');
  const [written, ticked] = await rows.evaluateAll((all) => [1, 2].map((at) => all[at].dataset.item));
  const item = (id) => page.locator(`[data-item="${id}"]`);
  await item(written).locator('[name="note"]').fill('Half a rea');
  await item(written).locator('[name="decision"]').selectOption('revoke');
  await item(ticked).locator('.choose').check();
  const met = new Set();
  const scroll = async (to) => {
    await page.evaluate((to) => scrollTo(0, to === 'end' ? document.body.scrollHeight : 0), to);
    const shown = await rows.evaluateAll((all) => all.map((row) => row.dataset.item));
    shown.forEach((id) => met.add(id));
    return shown;
  };
  await expect(async () => {
    const shown = await scroll('end');
    expect(shown.length).toBeLessThanOrEqual(150);
    expect(await page.locator('.pages a[rel="next"]').count()).toBe(0);
    expect(met.size).toBe(261);
  }).toPass();
  await expect(item(written)).toHaveCount(0);
  const sent = await page.evaluate(() => new FormData(document.getElementById('many')).getAll('items'));
  expect(sent, 'a tick counts wherever its item is').toEqual([ticked]);
  await rows.last().focus();
  await page.keyboard.press('x');
  await expect(page.locator('[data-ticked]')).toHaveText('2 ticked.');
  await page.keyboard.press('x');
  await expect(async () => expect((await scroll('top'))[1]).toBe(written)).toPass();
  await expect(item(written).locator('[name="note"]')).toHaveValue('Half a rea');
  await expect(item(written).locator('[name="decision"]')).toHaveValue('revoke');
  await expect(item(ticked).locator('.choose')).toBeChecked();
  await expect(page.locator('[data-away]')).toHaveCount(0);
  await item(written).locator('[name="note"]').press('Enter');
  await expect(item(written)).toHaveAttribute('data-stands', 'revoke');
  await expect(async () => {
    const shown = await scroll('end');
    expect(shown.length).toBeLessThanOrEqual(150);
    expect(new Set(shown).size, 'none of them twice').toBe(shown.length);
    expect(await page.evaluate(() => scrollY + innerHeight >= document.body.scrollHeight - 1)).toBe(true);
  }).toPass();
  expect(met.size).toBe(261);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight / 2));
  await page.keyboard.press('j');
  await expect(page.locator('[data-item][aria-current]')).toBeInViewport();
  // A page that asks whether that is meant has no form for many, and its list reads on all the same.
  await page.locator('#decide-many > summary').press('Enter');
  await page.locator('#many-which').selectOption({ index: 1 });
  await page.locator('#many-decision').selectOption('keep');
  await page.locator('#many-note').fill('They stay');
  await page.getByRole('button', { name: 'Go on' }).press('Enter');
  await expect(page.getByRole('heading', { name: 'Is that right?' })).toBeVisible();
  met.clear();
  await item(ticked).locator('.choose').check();
  await expect(async () => {
    await scroll('end');
    expect(met.size).toBe(261);
  }).toPass();
  expect(watched.complaintsBeside(409)).toEqual([]);
});

test('whoever is signed out meanwhile is led on by the link', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await invitations(ada, 60);
  await begun(ada);
  await page.context().clearCookies();
  await page.locator('[data-item]').last().scrollIntoViewIfNeeded();
  await expect(page.locator('[data-late]')).toHaveText(/Go on with the next page/);
  await page.locator('.pages a[rel="next"]').press('Enter');
  await expect(page).toHaveURL(/\/sign-in/);
  expect(watched.complaintsBeside(401)).toEqual([]);
});

test('the pages of reviews are accessible in light and dark, and fit the narrowest phone', async ({ own, page, elsewhere, watched }) => {
  test.setTimeout(240_000);
  await page.setViewportSize({ width: 320, height: 640 });
  const { ada } = await both(own, page, elsewhere);
  await ada.inside('/reviews');
  await unfold(page);
  await expectAccessible(page, 'no reviews');
  await open(ada, { draft: true });
  await expectAccessible(page, 'a draft');
  await ada.send('start-review');
  await unfold(page);
  await expectAccessible(page, 'a review');
  await page.keyboard.press('?');
  await expectAccessible(page, 'the keys');
  await page.keyboard.press('Escape');
  await ada.inside();
  await expectAccessible(page, 'the dashboard');
  await ada.inside('/reviews');
  await page.getByRole('link', { name: 'Autumn', exact: true }).press('Enter');
  await ada.send('close-review');
  await expectAccessible(page, 'a report');
  await ada.inside('/reviews');
  await expectAccessible(page, 'all reviews');
  expect(watched.complaints).toEqual([]);
  expect(watched.asked.filter((url) => !url.startsWith(`${ada.server.origin}/`))).toEqual([]);
});

/** A server with one organisation, and its founder all the way in. */
async function founder(own, page, edit) {
  const ada = new Person(await own({ profile: 'aertous', edit }), page);
  await ada.found();
  return ada;
}

/** The founder, and a member in a browser of her own. */
async function both(own, page, elsewhere) {
  const ada = await founder(own, page);
  const bea = new Person(ada.server, await elsewhere(), 'bea@acme.example');
  bea.name = 'Bea Noyce';
  bea.slug = ada.slug;
  await ada.invite(bea.address, LOWEST.name);
  await bea.accept(await bea.invitationLink());
  await bea.givePassword();
  if (LOWEST.demandsFactor) await bea.enrol();
  return { ada, bea };
}

/** So many invitations that nobody answers. */
async function invitations(admin, count) {
  await admin.openMembers();
  const csrf = await admin.page.locator('input[name="csrf"]').first().inputValue();
  const headers = { origin: admin.server.origin, 'content-type': 'application/x-www-form-urlencoded', cookie: await admin.cookies(), accept: 'application/json' };
  for (let number = 1; number <= count; number += 1) {
    const body = new URLSearchParams({ csrf, email: `guest-${number}@guests.example`, role: LOWEST.name }).toString();
    const answer = await admin.server.ask(`/api/o/${admin.slug}/invite-member`, { method: 'POST', headers, body });
    expect(answer.status, answer.text).toBe(200);
  }
}

/** Asks for a review; as a draft if wanted. */
async function open(admin, { draft = false } = {}) {
  await admin.inside('/reviews');
  const due = new Date(Date.now() + admin.server.shift * 1000 + 14 * DAY_SECONDS * 1000).toISOString().slice(0, 10);
  if (draft) await admin.form('open-review').locator('[name="draft"]').check();
  await admin.send('open-review', { name: 'Autumn', due });
  await expect(admin.page.getByRole('heading', { level: 1 })).toHaveText('Autumn');
}

const begun = (admin) => open(admin);

function about(page, name) {
  return page.locator('[data-item]').filter({ has: page.getByRole('heading', { name }) });
}

/** Opens what is folded, so that it is looked at too. */
async function unfold(page) {
  // What is far off the screen is not laid out until somebody comes near; axe would measure it where it is not.
  await page.evaluate(() => document.querySelectorAll('.item').forEach((item) => (item.style.contentVisibility = 'visible')));
  await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
}
