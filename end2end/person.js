// Somebody who signs up and gets in through the pages, with an authenticator app of their own.

import { Secret, TOTP } from 'otpauth';

import { expect } from '@playwright/test';

export const PASSWORD = 'violet otters eat ripe plums';
export const OTHER_PASSWORD = 'crimson badgers mend old clocks';

/** A minute: any code that was used before is then out of the way. */
const NEXT_CODE_SECONDS = 60;

export class Person {
  #totp;
  codes = [];
  name = 'Ada Lovelace';
  /** The organisation that `inside` opens. */
  slug;

  constructor(server, page, address = `ada.${Math.random().toString(36).slice(2)}@acme.example`) {
    this.server = server;
    this.page = page;
    this.address = address;
  }

  async open(path) {
    return this.page.goto(this.server.origin + path);
  }

  /** The form of one act; where a page has several, the one in `place`. */
  form(action, place = this.page) {
    return place.locator(`form[data-action="${action}"]`);
  }

  /** Fills a form in and sends it by key, as people without a mouse do. Returns the answer to it, before any redirect. */
  async send(action, fields = {}, place = this.page) {
    const form = this.form(action, place);
    const folded = form.locator('xpath=ancestor::details[not(@open)]/summary');
    while ((await folded.count()) > 0) await folded.first().press('Enter');
    for (const [name, value] of Object.entries(fields)) {
      const field = form.locator(`[name="${name}"]`);
      const isChoice = await field.evaluate((field) => field.tagName === 'SELECT');
      await (isChoice ? field.selectOption(value) : field.fill(value));
    }
    const [answer] = await Promise.all([
      this.page.waitForResponse((response) => response.request().method() === 'POST'),
      this.page.waitForEvent('load'),
      form.getByRole('button').press('Enter'),
    ]);
    return answer;
  }

  async signUp(organisation = 'Analytical Engines') {
    await this.open('/sign-up');
    await this.send('sign-up', { email: this.address, name: this.name, organisation, password: PASSWORD });
    await expect(this.page).toHaveURL(/\/sign-up\/sent$/);
    await this.page.goto(await this.server.linkFor(this.address, '/sign-up/verify'));
    await this.send('verify-email');
    await expect(this.page.getByRole('status')).toContainText('confirmed');
  }

  async givePassword(password = PASSWORD) {
    await this.open('/sign-in');
    await this.send('sign-in', { email: this.address, password });
  }

  /** Sets the app up from the key that the page shows as text. */
  async enrol() {
    const shown = this.page.locator('[data-totp-secret]');
    await expect(shown).toBeVisible();
    this.secret = await shown.getAttribute('data-totp-secret');
    this.#totp = new TOTP({ secret: Secret.fromBase32(this.secret) });
    await this.send('confirm-totp', { code: this.code() });
    await expect(this.page).toHaveURL(/\/account\/backup-codes$/);
    this.codes = await this.page.locator('[data-backup-code]').evaluateAll((found) => found.map((code) => code.dataset.backupCode));
  }

  code() {
    return this.#totp.generate({ timestamp: Date.now() + this.server.shift * 1000 });
  }

  /** Lets time pass until the app shows a code that has not been used. */
  waitForNextCode(seconds = NEXT_CODE_SECONDS) {
    this.server.moveClock(this.server.shift + seconds);
  }

  /** All the way in, from nothing. */
  async arrive() {
    await this.signUp();
    await this.givePassword();
    await this.enrol();
    await this.page.getByRole('link', { name: 'I have kept them' }).press('Enter');
    await expect(this.page.getByRole('heading', { name: 'Your account', exact: true })).toBeVisible();
  }

  async signOut() {
    await this.send('sign-out');
    await expect(this.page.getByRole('status')).toContainText('signed out');
  }

  async signInWithCode(password = PASSWORD) {
    this.waitForNextCode();
    await this.givePassword(password);
    await this.send('enter-code', { code: this.code() });
  }

  /** The session as a script would send it. */
  async cookies() {
    const cookies = await this.page.context().cookies();
    return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** Signs an organisation up, and is all the way in. */
  async found(organisation = 'Analytical Engines') {
    await this.signUp(organisation);
    await this.givePassword();
    await this.enrol();
    const href = await (await this.linkTo(organisation)).getAttribute('href');
    this.slug = href.slice('/o/'.length);
  }

  /** The link to one of one's organisations, where they are listed. */
  async linkTo(organisation) {
    await this.open('/organisations');
    return this.page.locator('main a[href^="/o/"]').filter({ hasText: organisation });
  }

  /** A page of the organisation: without a place its dashboard. */
  async inside(place = '') {
    return this.open(`/o/${this.slug}${place}`);
  }

  async openMembers() {
    return this.inside('/members');
  }

  row(address) {
    return this.page.locator(`tr[data-member="${address}"]`);
  }

  invitation(address) {
    return this.page.locator('tr[data-invitation]').filter({ hasText: address });
  }

  async invite(email, role) {
    await this.openMembers();
    await this.send('invite-member', { email, role });
    await expect(this.invitation(email)).toBeVisible();
  }

  /** The link of the newest invitation; another one than `old`. */
  async invitationLink(old) {
    return this.server.linkFor(this.address, '/invitation', old);
  }

  /** Joins by the link, without an account so far. */
  async accept(link) {
    await this.page.goto(link);
    await this.send('accept-invitation', { name: this.name, password: PASSWORD });
    await expect(this.page).toHaveURL(/\/sign-in\?done=joined$/);
  }

  /** Joins by the link with the account that there is, which has to sign in first. */
  async acceptWithAccount(link) {
    this.waitForNextCode();
    await this.page.goto(link);
    // The page leads to the door, or the person is led there at once.
    const door = this.page.locator('main a[href^="/sign-in"]').first();
    if (!this.page.url().includes('/sign-in')) await door.press('Enter');
    await expect(this.page).toHaveURL(/\/sign-in\?next=/);
    await this.send('sign-in', { email: this.address, password: PASSWORD });
    await this.send('enter-code', { code: this.code() });
    await expect(this.page).toHaveURL(link);
    await expect(this.form('accept-invitation').locator('input:not([type="hidden"])')).toHaveCount(0);
    await this.send('accept-invitation');
  }
}
