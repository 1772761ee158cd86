// People at the door, with script and without: signing up, the second factor, sessions, getting back in.

import { expectAccessible } from '../accessible.js';
import { expect, test } from '../fixtures.js';
import { OTHER_PASSWORD, PASSWORD, Person } from '../person.js';

const ACCOUNT = 'Your account';

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with script:' : 'without script:', () => {
    test.use({ javaScriptEnabled });

    test('somebody signs up, enrols, signs out, and gets in by code and by backup code', async ({ own, page }) => {
      const ada = new Person(await own({ profile: 'aertous' }), page);
      await ada.arrive();
      expect(ada.codes).toHaveLength(10);
      await ada.signOut();

      await ada.signInWithCode();
      await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
      await ada.signOut();

      await ada.givePassword();
      await page.getByText('Use a backup code instead').press('Enter');
      await ada.send('enter-backup-code', { code: ada.codes[0].toUpperCase() });
      await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
      await ada.open('/account/backup-codes');
      await expect(page.locator('[data-backup-codes-left]')).toHaveAttribute('data-backup-codes-left', '9');
      const token = /token=([0-9a-f]+)/.exec(await ada.server.linkFor(ada.address, '/sign-up/verify'))[1];
      for (const secret of [PASSWORD, token, ada.secret, ada.code(), ...ada.codes, ada.address]) expect(ada.server.said).not.toContain(secret);
    });

    test('a refused form keeps what was typed, says what was wrong beside the field, and not the password', async ({ own, page }) => {
      const ada = new Person(await own({ profile: 'aertous' }), page, 'ada@gmail.com');
      await ada.open('/sign-up');
      await ada.send('sign-up', { email: ada.address, name: 'Ada <b>', organisation: 'A & B', password: PASSWORD });
      await expect(page.getByRole('alert')).toContainText('work addresses only');
      const email = page.getByRole('textbox', { name: 'E-mail address' });
      await expect(email).toHaveAttribute('aria-invalid', 'true');
      await expect(email).toHaveAccessibleDescription(/work addresses only/);
      await expect(email).toHaveValue('ada@gmail.com');
      await expect(page.getByLabel('Your name')).toHaveValue('Ada <b>');
      await expect(page.getByLabel('Organisation')).toHaveValue('A & B');
      await expect(page.getByLabel('New password')).toHaveValue('');
    });

    test('a forgotten password is set anew by mail, and the code is still asked for', async ({ own, page }) => {
      const ada = new Person(await own({ profile: 'aertous' }), page);
      await ada.arrive();
      await ada.signOut();
      await ada.open('/sign-in/forgot');
      await ada.send('request-password-reset', { email: ada.address });
      await page.goto(await ada.server.linkFor(ada.address, '/sign-in/reset'));
      await ada.send('reset-password', { password: 'password1234' });
      await expect(page.getByRole('alert')).toContainText('attacker');
      await ada.send('reset-password', { password: OTHER_PASSWORD });
      await expect(page.getByRole('status')).toContainText('password is changed');
      await ada.givePassword();
      await expect(page.getByRole('alert')).toContainText('not right');
      await ada.signInWithCode(OTHER_PASSWORD);
      await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
    });

    test('an act that needs the factor again asks for it, and goes on where the person was', async ({ own, page }) => {
      const ada = new Person(await own({ profile: 'aertous' }), page);
      await ada.arrive();
      ada.waitForNextCode(16 * 60);
      await ada.open('/account/mfa/enrol');
      await expect(page.getByRole('heading', { name: 'Confirm that it is you' })).toBeVisible();
      await ada.send('enter-code', { code: ada.code() });
      await expect(page).toHaveURL(/\/account\/mfa\/enrol$/);
      ada.waitForNextCode();
      await ada.enrol();
      await ada.signInWithCode();
      await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
    });

    test('a session in another browser is seen, ended, and out', async ({ own, page, browser }) => {
      const ada = new Person(await own({ profile: 'aertous' }), page);
      await ada.arrive();
      const elsewhere = await browser.newContext({ javaScriptEnabled });
      const other = await elsewhere.newPage();
      ada.page = other;
      await ada.signInWithCode();
      ada.page = page;
      await ada.open('/account/sessions');
      await expect(page.locator('[data-session]')).toHaveCount(2);
      await ada.send('revoke-session');
      await expect(page.locator('[data-session]')).toHaveCount(1);
      await other.goto(`${ada.server.origin}/account`);
      await expect(other).toHaveURL(/\/sign-in\?next=|\/sign-in$/);
      await elsewhere.close();
      expect(ada.server.letters().filter(({ text }) => text.includes('A new device signed in'))).toHaveLength(1);
    });
  });
}

test('how strong a new password looks follows what is typed, and nothing is asked of the server for it', async ({ own, page, watched }) => {
  const ada = new Person(await own({ profile: 'aertous' }), page);
  await ada.open('/sign-up');
  await expect(page.locator('.strength')).toBeHidden();
  // The program behind the field comes after the page.
  await page.waitForLoadState('networkidle');
  const asked = watched.asked.length;
  const password = page.getByLabel('New password');
  await password.pressSequentially('abcdefghijklmnop');
  await expect(page.getByRole('status')).toHaveText('Easy to guess');
  await password.fill('violet otters eat ripe plums');
  await expect(page.getByRole('status')).toHaveText('Very hard to guess');
  expect(watched.asked.length).toBe(asked);
  expect(watched.complaints).toEqual([]);
});

test('backup codes are copied as they are shown, and gone when the page is opened again', async ({ own, page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const ada = new Person(await own({ profile: 'aertous' }), page);
  await ada.signUp();
  await ada.givePassword();
  await ada.enrol();
  await page.getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByRole('status')).toHaveText('Copied.');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(ada.codes.join('\n'));
  await ada.open('/account/backup-codes');
  await expect(page.locator('[data-backup-code]')).toHaveCount(0);
});

test('where a second factor is only offered, somebody works without, takes one, and takes it away again', async ({ own, page }) => {
  const edit = (text) => text.replace('first_role = "Owner"', 'first_role = "Front desk"');
  const bea = new Person(await own({ profile: 'stratuslog', edit }), page, 'bea@gmail.com');
  await bea.signUp();
  await bea.givePassword();
  await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
  await page.getByRole('link', { name: 'Set up an authenticator app' }).click();
  await bea.enrol();
  await bea.open('/account');
  await bea.send('remove-totp');
  await expect(page.getByRole('status')).toContainText('taken away');
  await bea.signOut();
  await bea.givePassword();
  await expect(page.getByRole('heading', { name: ACCOUNT, exact: true })).toBeVisible();
});

test('the name, the address and how dates are written can be changed', async ({ own, page }) => {
  const ada = new Person(await own({ profile: 'aertous' }), page);
  await ada.arrive();
  await page.getByLabel('Dates are written as').selectOption('de');
  await ada.send('change-profile', { name: 'Ada King', time_zone: 'America/New_York' });
  await expect(page.getByRole('status')).toContainText('saved');
  await expect(page.getByText(/^Set \d+\. \p{L}+ \d{4}, \d\d:\d\d E[SD]T\.$/u)).toBeVisible();
  await ada.send('change-profile', { time_zone: 'Nowhere/Land' });
  await expect(page.getByLabel('Time zone')).toHaveAccessibleDescription(/no such time zone/);

  await ada.open('/account');
  await page.getByText('Change the address').click();
  await ada.send('change-email', { email: 'ada@gmail.com' });
  await expect(page.getByRole('alert')).toContainText('work addresses only');
  await page.getByText('Change the address').click();
  await ada.send('change-email', { email: `new.${ada.address}` });
  await page.goto(await ada.server.linkFor(`new.${ada.address}`, '/sign-up/verify'));
  await ada.send('verify-email');
  ada.address = `new.${ada.address}`;
  await ada.signInWithCode();
  await expect(page.getByText(ada.address, { exact: true })).toBeVisible();
});

test('the pages of an account are accessible in light and dark, fit a phone, and run no foreign script', async ({ own, page, watched }) => {
  // Nine pages, each looked at twice.
  test.setTimeout(120_000);
  const server = await own({ profile: 'aertous' });
  const ada = new Person(server, page);
  await page.setViewportSize({ width: 360, height: 740 });
  await ada.signUp();
  await ada.givePassword();
  await expectAccessible(page, '/account/mfa/enrol');
  await ada.enrol();
  await expectAccessible(page, 'new backup codes');
  for (const path of ['/account', '/account/sessions', '/account/backup-codes', '/account/confirm']) {
    await ada.open(path);
    await expectAccessible(page, path);
  }
  await ada.signOut();
  ada.waitForNextCode();
  await ada.givePassword();
  await expectAccessible(page, '/sign-in/code');
  await ada.send('enter-code', { code: '000000' });
  await expectAccessible(page, 'a refused code');
  expect(watched.complaintsBeside(401, 422)).toEqual([]);
  expect(watched.asked.filter((url) => !url.startsWith(server.origin))).toEqual([]);
});
