// Registers and frameworks: one record from its form to the bin and back, many at once, files, and how far a catalogue is covered.

import { expectAccessible } from '../accessible.js';
import { PROFILES, expect, test } from '../fixtures.js';
import { Person } from '../person.js';

/** A register of each profile whose records name nobody, a record of it, a choice, and columns of a file with two rows, the second of them wrong. */
const KEPT = {
  aertous: {
    register: 'policies',
    record: { title: 'Access policy', edition: '1', status: 'Draft', next_review: '2027-01-31' },
    name: 'Access policy',
    choice: { field: 'status', value: 'Approved' },
    file: 'title,edition,status,next_review\nKeys,1,Draft,2027-02-28\nLogs,1,Perhaps,soon\n',
    wrong: ['status', 'next_review'],
  },
  'stack-aero': {
    register: 'clients',
    record: { name: 'Charter House', category: 'Company' },
    name: 'Charter House',
    choice: { field: 'category', value: 'Broker' },
    file: 'name,category,client_since\nNorth,Company,2026-01-31\nSouth,Perhaps,soon\n',
    wrong: ['category', 'client_since'],
  },
  stratuslog: {
    register: 'aircraft',
    record: { registration: 'N123AB', model: 'Cessna 172', status: 'Available' },
    name: 'N123AB',
    choice: { field: 'status', value: 'Grounded' },
    file: 'registration,model,status,hobbs\nN1,Cessna 172,Available,12.5\nN2,Cessna 172,Perhaps,many\n',
    wrong: ['status', 'hobbs'],
  },
};

// Somebody gets in first, and a password costs what passwords have to cost.
test.setTimeout(90_000);

for (const profile of PROFILES) journey(profile);

test.describe('without script:', () => {
  test.use({ javaScriptEnabled: false });
  for (const profile of PROFILES) journey(profile);
});

function journey(profile) {
  const { register, record, name, choice, file, wrong } = KEPT[profile];
  const place = `/registers/${register}`;

  test(`${profile}: a record is added, changed, removed and brought back, and its history says so`, async ({ own, page, watched }) => {
    const ada = await founder(own, page, profile);
    await ada.inside(place);
    await expect(page.getByRole('main')).toContainText('No records yet');
    await ada.inside(`${place}/new`);
    await ada.send('create-record', record);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    const address = new URL(page.url()).pathname;
    await ada.inside(place);
    await expect(row(page, name)).toHaveCount(1);

    await ada.open(`${address}/edit`);
    await ada.send('edit-record', { [choice.field]: choice.value });
    await expect(page.locator('[data-change="changed"]')).toContainText(choice.value);
    await expect(page.locator('[data-change="changed"]')).toContainText(ada.name);

    await ada.send('delete-record');
    await expect(page).toHaveURL(new RegExp(`${place}\\?done=removed`));
    await expect(row(page, name)).toHaveCount(0);
    await ada.inside(`${place}/bin`);
    await ada.send('restore-record', {}, row(page, name));
    await expect(page.getByRole('status')).toContainText('back');
    await ada.inside(place);
    await expect(row(page, name)).toHaveCount(1);
    expect(watched.complaints).toEqual([]);
  });

  test(`${profile}: what does not fit stands there as it was typed, with what would be right beside it`, async ({ own, page, watched }) => {
    const ada = await founder(own, page, profile);
    await ada.inside(`${place}/new`);
    const [first] = Object.keys(record);
    const refused = await ada.send('create-record', { ...record, [first]: 'x'.repeat(201) });
    expect(refused.status()).toBe(422);
    await expect(page.getByRole('alert')).toBeVisible();
    await expect(page.locator(`[name="${first}"]`)).toHaveValue('x'.repeat(201));
    await expect(page.locator(`#f-${first}-wrong`)).toContainText('at most 200 characters', { ignoreCase: true });
    expect(watched.complaintsBeside(422)).toEqual([]);
  });

  test(`${profile}: a file is judged before a row of it is written; many are changed at once, and that is undone`, async ({ own, page, watched }) => {
    const ada = await founder(own, page, profile);
    expect((await importing(ada, place, file)).status()).toBe(422);
    for (const field of wrong) await expect(page.locator('tr[data-line="3"]').filter({ hasText: field })).toHaveCount(1);
    await ada.inside(place);
    await expect(page.locator('tr[data-record]')).toHaveCount(0);

    const good = `${file.split('\n').slice(0, 2).join('\n')}\n`;
    expect((await importing(ada, place, good, 'check')).status()).toBe(200);
    await ada.inside(place);
    await expect(page.locator('tr[data-record]')).toHaveCount(0);
    expect((await importing(ada, place, good)).status()).toBe(200);
    await ada.inside(place);
    await expect(page.locator('tr[data-record]')).toHaveCount(1);

    await page.getByRole('checkbox', { name: /^Choose/ }).check();
    const form = ada.form('edit-records');
    await form.locator('[name="field"]').selectOption(choice.field);
    await form.locator('[name="value"]').fill(choice.value);
    await pressed(page, form.getByRole('button', { name: /^Set/ }));
    await expect(page.locator('tr[data-record]')).toContainText(choice.value);
    await ada.send('undo-act');
    await expect(page.locator('tr[data-record]')).not.toContainText(choice.value);
    expect(watched.complaintsBeside(422)).toEqual([]);
  });
}

test('a file is attached to a record, and what comes back is what was sent', async ({ own, page, watched }) => {
  const { register, record, name } = KEPT.aertous;
  const ada = await founder(own, page, 'aertous');
  await ada.inside(`/registers/${register}/new`);
  await ada.send('create-record', record);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  const form = ada.form('attach-file');
  await form.locator('[name="file"]').setInputFiles({ name: 'policy.txt', mimeType: 'text/plain', buffer: Buffer.from('Doors are locked.\n') });
  await pressed(page, form.locator('button'));
  const link = page.locator('tr[data-file] a');
  await expect(link).toHaveText('policy.txt');
  const headers = { cookie: await ada.cookies() };
  const kept = await ada.server.ask(await link.getAttribute('href'), { headers });
  expect([kept.status, kept.text]).toEqual([200, 'Doors are locked.\n']);
  expect(watched.complaints).toEqual([]);
});

test('a catalogue shows what is mapped to each requirement, one by one and many at once', async ({ own, page, watched }) => {
  const ada = await founder(own, page, 'aertous');
  await ada.inside('/registers/controls/new');
  await ada.send('create-record', { name: 'Locks', requirement: 'soc-2:CC6.1', owner: ada.address, status: 'In place' });
  await ada.inside('/frameworks/soc-2');
  await expect(requirement(page, 'CC6.1')).toContainText('Locks');
  await expect(requirement(page, 'CC6.2')).toContainText('Open');
  for (const id of ['CC6.2', 'CC6.3']) await requirement(page, id).getByRole('checkbox').check();
  await ada.send('map-requirements', { record: 'Locks' });
  for (const id of ['CC6.1', 'CC6.2', 'CC6.3']) await expect(requirement(page, id)).toContainText('Locks');
  await expect(page.locator('svg.bar')).toHaveAttribute('aria-label', /3 covered, without evidence/);
  await requirement(page, 'CC6.2').getByRole('link', { name: 'Locks' }).press('Enter');
  await expect(page.locator('[data-field="requirement"]')).toContainText('soc-2:CC6.3');
  expect(watched.complaints).toEqual([]);
});

test('what is booked is seen by the week, and what takes the same aircraft twice is said', async ({ own, page, watched }) => {
  test.setTimeout(180_000);
  await page.setViewportSize({ width: 320, height: 640 });
  const ada = await founder(own, page, 'stratuslog');
  const add = async (register, fields) => {
    await ada.inside(`/registers/${register}/new`);
    await ada.send('create-record', fields);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(Object.values(fields)[0]);
  };
  await add('aircraft', { registration: 'N123AB', model: 'Cessna 172', status: 'Available' });
  await add('students', { name: 'Amelia', course: 'Private pilot', status: 'Active' });
  const booking = { student: 'Amelia', aircraft: 'N123AB', status: 'Confirmed' };
  await add('bookings', { reference: 'BK-1', ...booking, starts: '2026-12-30T09:00', ends: '2026-12-30T11:00' });
  await add('bookings', { reference: 'BK-2', ...booking, starts: '2026-12-30T10:00', ends: '2026-12-30T12:00' });

  await ada.inside('/registers/bookings');
  await page.getByRole('link', { name: 'Schedule' }).press('Enter');
  await page.locator('[name="week"]').fill('2026-W52');
  await page.getByRole('button', { name: 'Show' }).press('Enter');
  await expect(page.getByRole('main')).toContainText('Nothing in this week');
  await expectAccessible(page, 'an empty week');
  await page.getByRole('link', { name: 'Week after' }).press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Bookings: week 53 of 2026');
  await expect(page.locator('tr[data-overlaps="1"]')).toHaveCount(2);
  await expect(page.locator('.week-bar.overlaps')).toHaveCount(2);
  await expectAccessible(page, 'a week with overlap');
  await page.getByRole('link', { name: 'BK-2', exact: true }).press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('BK-2');
  await page.goBack();
  await page.getByRole('link', { name: 'Week after' }).press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Bookings: week 1 of 2027');
  expect(watched.complaints).toEqual([]);
});

for (const profile of PROFILES) {
  test(`${profile}: the pages of registers are accessible in light and dark, and fit the narrowest phone`, async ({ own, page, watched }) => {
    // Up to nine pages, each looked at twice.
    test.setTimeout(180_000);
    await page.setViewportSize({ width: 320, height: 640 });
    const { register, record, wrong, file } = KEPT[profile];
    const ada = await founder(own, page, profile);
    const place = `/registers/${register}`;
    const pages = ['/registers', place, `${place}/new`, `${place}/import`, `${place}/bin`];
    if (profile === 'aertous') pages.push('/frameworks', '/frameworks/soc-2');
    for (const at of pages) {
      expect((await ada.inside(at)).status(), at).toBe(200);
      await expectAccessible(page, at);
    }
    await ada.inside(`${place}/new`);
    await ada.send('create-record', record);
    const address = new URL(page.url()).pathname;
    for (const at of [address, `${address}/edit`]) {
      await ada.open(at);
      await expectAccessible(page, 'a record');
    }
    await ada.inside(place);
    await expectAccessible(page, 'a list');
    expect((await importing(ada, place, file)).status()).toBe(422);
    await expect(page.locator('tr[data-line]')).toHaveCount(wrong.length);
    await expectAccessible(page, 'the report of an import');
    expect(watched.complaintsBeside(422)).toEqual([]);
    expect(watched.asked.filter((url) => !url.startsWith(`${ada.server.origin}/`))).toEqual([]);
  });
}

/** A server with one organisation, and its founder all the way in. */
async function founder(own, page, profile) {
  const ada = new Person(await own({ profile }), page);
  await ada.found();
  return ada;
}

function row(page, name) {
  return page.locator('tr[data-record]').filter({ hasText: name });
}

function requirement(page, id) {
  return page.locator(`tr[data-requirement="${id}"]`);
}

/** Presses a button by key, and returns the answer to its form. */
async function pressed(page, button) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.waitForEvent('load'),
    button.press('Enter'),
  ]);
  return answer;
}

async function importing(person, place, csv, mode = '') {
  await person.inside(`${place}/import`);
  const form = person.form('import-records');
  await form.locator('[name="file"]').setInputFiles({ name: 'records.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await form.locator('[name="mode"]').selectOption(mode);
  return pressed(person.page, form.locator('button'));
}
