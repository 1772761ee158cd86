// Somebody who signs up and gets in through the pages, with an authenticator app of their own.

import { Secret, TOTP } from 'otpauth';

import { expect } from '@playwright/test';

export const PASSWORD = 'violet otters eat ripe plums';
export const OTHER_PASSWORD = 'crimson badgers mend old clocks';

/** A minute: any code that was used before is then out of the way. */
const NEXT_CODE_SECONDS = 60;

export class Person {
  #totp;
  #shift = 0;
  codes = [];

  constructor(server, page, address = `ada.${Math.random().toString(36).slice(2)}@acme.example`) {
    this.server = server;
    this.page = page;
    this.address = address;
  }

  async open(path) {
    return this.page.goto(this.server.origin + path);
  }

  /** The form of one act. */
  form(action) {
    return this.page.locator(`form[data-action="${action}"]`);
  }

  /** Fills a form in and sends it by key, as people without a mouse do. */
  async send(action, fields = {}) {
    const form = this.form(action);
    for (const [name, value] of Object.entries(fields)) await form.locator(`[name="${name}"]`).fill(value);
    await form.getByRole('button').press('Enter');
    await this.page.waitForLoadState();
  }

  async signUp() {
    await this.open('/sign-up');
    await this.send('sign-up', { email: this.address, name: 'Ada Lovelace', organisation: 'Analytical Engines', password: PASSWORD });
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
    return this.#totp.generate({ timestamp: Date.now() + this.#shift * 1000 });
  }

  /** Lets time pass until the app shows a code that has not been used. */
  waitForNextCode(seconds = NEXT_CODE_SECONDS) {
    this.#shift += seconds;
    this.server.moveClock(this.#shift);
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
}
