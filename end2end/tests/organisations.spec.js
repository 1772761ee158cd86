// Organisations and their people: joining, roles, leaving, what lapse stops, and what strangers learn, which is nothing.

import { expectAccessible } from '../accessible.js';
import { PROFILES, expect, test } from '../fixtures.js';
import { OTHER_PASSWORD, PASSWORD, Person } from '../person.js';
import { readProfile } from '../profile.js';
import { DAY_SECONDS } from '../server.js';

const FORBIDDEN = 'Your role does not permit that';
const UNKNOWN = 'There is nothing here';
const LAPSED = 'The subscription has lapsed';

/** Of an organisation, below its own address. */
const PLACES = ['', '/members', '/roles', '/units', '/audit', '/departures', '/billing', '/settings'];

const LOWEST = readProfile('aertous').roles[0].name;

// Two people get in, and each password costs what passwords have to cost.
test.setTimeout(90_000);

for (const profile of PROFILES) journey(profile);

test.describe('without script:', () => {
  test.use({ javaScriptEnabled: false });
  journey('aertous');
});

function journey(profile) {
  const { roles } = readProfile(profile);
  const [lowest] = roles;
  const wider = roles.find(({ grants, demandsFactor }) => grants.includes('members_read') && demandsFactor === lowest.demandsFactor);

  test(`${profile}: somebody is invited as ${lowest.name}, joins, becomes ${wider.name}, leaves, and is out`, async ({ own, page, elsewhere, watched }) => {
    expect(lowest.grants).not.toContain('members_read');
    const ada = await founder(own, page, profile);
    const bea = await invited(ada, await elsewhere(), lowest.name);

    const link = await bea.invitationLink();
    await bea.page.goto(link);
    await expect(bea.page.getByRole('main')).toContainText('Analytical Engines');
    await expect(bea.page.getByRole('main')).toContainText(lowest.name);
    await bea.accept(link);
    await bea.givePassword();
    if (lowest.demandsFactor) await bea.enrol();

    expect((await bea.inside()).status()).toBe(200);
    await expect(bea.page.getByRole('heading', { level: 1 })).toHaveText('Analytical Engines');
    expect((await bea.openMembers()).status()).toBe(403);
    await expect(bea.page.getByRole('heading', { name: FORBIDDEN })).toBeVisible();

    await ada.openMembers();
    await ada.send('change-role', { role: wider.name }, ada.row(bea.address));
    expect((await bea.openMembers()).status(), 'the new role holds without signing in again').toBe(200);
    await expect(bea.form('invite-member'), 'and permits no more than it says').toHaveCount(0);

    const old = await bea.cookies();
    expect((await ask(ada, '', old)).status).toBe(200);
    await ada.openMembers();
    await ada.send('offboard-member', {}, ada.row(bea.address));
    await expect(page).toHaveURL(new RegExp(`/o/${ada.slug}/departures\\?done=`));
    expect((await ask(ada, '', old)).status, 'the old cookie').toBe(401);
    await bea.inside();
    await expect(bea.page).toHaveURL(/\/sign-in/);
    await (lowest.demandsFactor ? bea.signInWithCode() : bea.givePassword());
    expect((await bea.inside()).status(), 'what she has left is not there for her').toBe(404);
    expect((await bea.open('/organisations')).status(), 'but her account is').toBe(200);

    await expect(page.locator('[data-departure]')).toHaveCount(1);
    await expect(page.locator('[data-departure]'), 'the receipt says what was removed').toContainText(/session/i);
    await ada.openMembers();
    await expect(ada.row(bea.address)).toHaveCount(0);

    const words = await logged(ada);
    const acts = ['member-offboarded', 'role-changed', 'member-joined', 'member-invited'];
    expect(words.filter((word) => acts.includes(word)), 'newest first').toEqual(acts);
    expect(words).toContain('signed-in');
    expect(watched.complaintsBeside(403, 404)).toEqual([]);
  });
}

test('somebody with an organisation of their own joins another one, and goes from one to the other', async ({ own, page, elsewhere, watched }) => {
  const ada = await founder(own, page);
  const bea = new Person(ada.server, await elsewhere(), 'bea@acme.example');
  await bea.found('Difference Engines');
  await bea.page.context().clearCookies();
  await ada.invite(bea.address, LOWEST);
  await bea.acceptWithAccount(await bea.invitationLink());
  for (const organisation of ['Analytical Engines', 'Difference Engines', 'Analytical Engines']) {
    await (await bea.linkTo(organisation)).press('Enter');
    await expect(bea.page.getByRole('heading', { level: 1 })).toHaveText(organisation);
  }
  expect((await bea.openMembers()).status(), 'in the one an administrator').toBe(200);
  bea.slug = ada.slug;
  expect((await bea.openMembers()).status(), 'in the other not').toBe(403);
  expect(watched.complaintsBeside(403)).toEqual([]);
});

test('somebody makes an organisation beside the first one, and may open everything in it', async ({ own, page }) => {
  const ada = await founder(own, page);
  await ada.open('/organisations');
  await ada.send('create-organisation', { name: 'Jacquard Looms' });
  const href = await (await ada.linkTo('Jacquard Looms')).getAttribute('href');
  expect(href).not.toBe(`/o/${ada.slug}`);
  ada.slug = href.slice('/o/'.length);
  for (const place of PLACES) expect((await ada.inside(place)).status(), place).toBe(200);
});

test('an invitation that is sent again has a new link, and the old one is dead', async ({ own, page, elsewhere }) => {
  const ada = await founder(own, page);
  const bea = await invited(ada, await elsewhere(), LOWEST);
  const old = await bea.invitationLink();
  await ada.openMembers();
  await ada.send('resend-invitation', {}, ada.invitation(bea.address));
  const link = await bea.invitationLink(old);
  await expectDead(bea, old);
  await bea.accept(link);
  await expectDead(bea, link);
  expect(await logged(ada)).toEqual(expect.arrayContaining(['invitation-resent', 'member-joined']));
});

test('an invitation that was withdrawn is dead, also where its page lies open', async ({ own, page, elsewhere }) => {
  const ada = await founder(own, page);
  const bea = await invited(ada, await elsewhere(), LOWEST);
  const link = await bea.invitationLink();
  await bea.page.goto(link);
  await ada.openMembers();
  await ada.send('withdraw-invitation', {}, ada.invitation(bea.address));
  await ada.openMembers();
  await expect(ada.invitation(bea.address)).toHaveCount(0);

  const refused = await bea.send('accept-invitation', { name: 'Bea', password: PASSWORD });
  expect([404, 409, 410, 422]).toContain(refused.status());
  await expectDead(bea, link);
  expect(await logged(ada)).toContain('invitation-withdrawn');
  await expect(ada.row(bea.address)).toHaveCount(0);
});

test('an invitation is good for as many days as the profile says, and then says that its time is over', async ({ own, page, elsewhere }) => {
  const days = readProfile('aertous').invitationDays;
  const ada = await founder(own, page);
  const bea = await invited(ada, await elsewhere(), LOWEST);
  const link = await bea.invitationLink();
  ada.server.moveClock(days * DAY_SECONDS - 600);
  await bea.page.goto(link);
  await expect(bea.form('accept-invitation')).toBeVisible();
  ada.server.moveClock(days * DAY_SECONDS + 60);
  await expectDead(bea, link);
});

test('the last administrator can neither be demoted nor leave', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  for (const [act, fields] of Object.entries({ 'change-role': { role: LOWEST }, 'offboard-member': {} })) {
    await ada.openMembers();
    const refused = await ada.send(act, fields, ada.row(ada.address));
    expect(refused.status(), act).toBe(409);
    await expect(page.getByRole('alert').first()).toContainText('not possible now');
    await expect(ada.row(ada.address), 'the form is there again').toBeVisible();
  }
  expect((await ada.inside('/settings')).status()).toBe(200);
  expect(watched.complaintsBeside(409)).toEqual([]);
});

test("a member's second factor is reset by somebody who has just shown their own, and is set up anew", async ({ own, page, elsewhere }) => {
  const ada = await founder(own, page);
  const bea = await invited(ada, await elsewhere(), LOWEST);
  await bea.accept(await bea.invitationLink());
  await bea.givePassword();
  await bea.enrol();
  const old = await bea.cookies();
  const reset = () => ada.send('reset-member-mfa', { reason: 'The phone is lost' }, ada.row(bea.address));

  ada.waitForNextCode(16 * 60);
  await ada.openMembers();
  await reset();
  await expect(page).toHaveURL(/\/account\/confirm/);
  expect((await ask(ada, '', old)).status, 'nothing has happened yet').toBe(200);
  await ada.send('enter-code', { code: ada.code() });
  await expect(page).toHaveURL(new RegExp(`/o/${ada.slug}/members`));
  await reset();

  await ada.server.letterTo(bea.address, /reset/i);
  expect((await ask(ada, '', old)).status, 'the sessions of before').toBe(401);
  await bea.givePassword();
  await bea.enrol();
  expect((await bea.inside()).status()).toBe(200);

  await ada.inside('/audit');
  const filter = page.locator('form').filter({ has: page.locator('select[name="action"]') });
  await filter.locator('select[name="action"]').selectOption('mfa-reset');
  await filter.getByRole('button').press('Enter');
  await expect(page).toHaveURL(/[?&]action=mfa-reset/);
  await expect(page.locator('tr[data-entry]')).toHaveCount(1);
  await expect(page.locator('tr[data-entry]')).toHaveAttribute('data-action-word', 'mfa-reset');
  for (const file of ['audit.csv', 'audit.jsonl']) {
    await expect(page.locator(`main a[href*="/${file}"]`)).toBeVisible();
    expect((await ask(ada, `/${file}`, await ada.cookies())).text).toContain('mfa-reset');
  }
});

test('a lapsed subscription stops changes and nothing else, and the way out is said', async ({ own, page, watched }) => {
  const ada = await founder(own, page);
  await stand(ada, 'trialing');
  await ada.inside();
  await expect(page.locator('body')).toContainText(/trial/i);

  await ada.openMembers();
  await stand(ada, 'lapsed');
  const refused = await ada.send('invite-member', { email: 'bea@acme.example', role: LOWEST });
  expect(refused.status()).toBe(402);
  await expect(page.getByRole('main')).toContainText(LAPSED);
  await expect(page.getByRole('main')).toContainText(/billing page/);
  for (const place of PLACES) expect((await ada.inside(place)).status(), place).toBe(200);
  await ada.open('/account');
  await ada.send('change-password', { current_password: PASSWORD, password: OTHER_PASSWORD });
  await expect(page.getByRole('status')).toContainText('password is changed');

  await stand(ada, 'active');
  await ada.invite('bea@acme.example', LOWEST);
  expect((await logged(ada)).filter((word) => word === 'standing-changed').length).toBeGreaterThanOrEqual(2);
  expect(watched.complaintsBeside(402)).toEqual([]);
});

test('a stranger cannot tell an organisation from one that does not exist', async ({ own, page, elsewhere }) => {
  const ada = await founder(own, page);
  await ada.openMembers();
  const member = await ada.row(ada.address).getAttribute('data-member-id');
  const eve = new Person(ada.server, await elsewhere(), 'eve@rival.example');
  await eve.found('Rival Engines');
  expect((await eve.openMembers()).status(), 'her own is open').toBe(200);
  const cookie = await eve.cookies();
  const csrf = await eve.page.locator('input[name="csrf"]').first().inputValue();

  const nothing = { slug: 'no-such-engines', server: ada.server };
  const form = new URLSearchParams({ csrf, email: 'mallory@rival.example', role: LOWEST }).toString();
  const headers = { origin: ada.server.origin, 'content-type': 'application/x-www-form-urlencoded', cookie, accept: 'application/json' };
  const invite = ({ slug }) => ada.server.ask(`/api/o/${slug}/invite-member`, { method: 'POST', headers, body: form });
  const pages = [...PLACES, `/members/${member}`, '/audit.csv', '/audit.jsonl'].map((place) => (there) => ask(there, place, cookie, 'text/html'));
  for (const request of [...pages, invite]) {
    const [theirs, nobodys] = [await request(ada), await request(nothing)];
    expect([theirs.status, nobodys.status]).toEqual([404, 404]);
    expect(theirs.text).toContain(UNKNOWN);
    expect(theirs.text.replaceAll(ada.slug, '…')).toBe(nobodys.text.replaceAll(nothing.slug, '…'));
  }
  expect((await invite(eve)).status, 'the same request is good where she may').toBe(200);
});

test('the pages of an organisation are accessible in light and dark, fit the narrowest phone, and run no foreign script', async ({ own, page, elsewhere, watched }) => {
  // Ten pages, each looked at twice.
  test.setTimeout(180_000);
  await page.setViewportSize({ width: 320, height: 640 });
  const ada = await founder(own, page);
  await ada.inside('/units');
  await ada.send('create-unit', { name: 'The northernmost of all our offices' });
  const bea = await invited(ada, await elsewhere(), LOWEST);
  const link = await bea.invitationLink();
  await bea.page.setViewportSize({ width: 320, height: 640 });
  await bea.page.goto(link);
  await expectAccessible(bea.page, '/invitation');
  await bea.accept(link);
  await ada.openMembers();
  await ada.send('offboard-member', {}, ada.row(bea.address));
  await ada.invite('cyd@acme.example', LOWEST);

  const member = await ada.row(ada.address).getAttribute('data-member-id');
  for (const place of [...PLACES, `/members/${member}`]) {
    await ada.inside(place);
    await unfold(page);
    await expectAccessible(page, place || 'the dashboard');
  }
  await ada.open('/organisations');
  await expectAccessible(page, '/organisations');
  expect(watched.complaints).toEqual([]);
  expect(watched.asked.filter((url) => !url.startsWith(`${ada.server.origin}/`))).toEqual([]);
});

/** A server with one organisation, and its founder all the way in. */
async function founder(own, page, profile = 'aertous') {
  const ada = new Person(await own({ profile }), page);
  await ada.found();
  return ada;
}

/** Somebody in a browser of their own, who has an invitation and no account. */
async function invited(admin, page, role) {
  const bea = new Person(admin.server, page, 'bea@acme.example');
  bea.name = 'Bea Noyce';
  bea.slug = admin.slug;
  await admin.invite(bea.address, role);
  return bea;
}

/** A page of an organisation as a script gets it, with somebody's cookies. */
async function ask({ server, slug }, place, cookie, accept = 'application/json') {
  return server.ask(`/o/${slug}${place}`, { headers: { cookie, accept } });
}

/** What the log shows, newest first. */
async function logged(admin) {
  await admin.inside('/audit');
  return admin.page.locator('tr[data-entry]').evaluateAll((rows) => rows.map((row) => row.dataset.actionWord));
}

async function stand(admin, standing) {
  const said = await admin.server.command('billing', 'standing', '--organisation', admin.slug, standing);
  expect(said, said.stderr).toMatchObject({ status: 0 });
}

async function expectDead(person, link) {
  await person.page.goto(link);
  await expect(person.page.getByRole('main')).toContainText(/cannot be used/);
  await expect(person.form('accept-invitation')).toHaveCount(0);
}

/** Opens what is folded, so that it is looked at too. */
async function unfold(page) {
  await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
}
