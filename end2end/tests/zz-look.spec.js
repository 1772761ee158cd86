import { expectAccessible } from '../accessible.js';
import { expect, test } from '../fixtures.js';
import { Person } from '../person.js';
import { readProfile } from '../profile.js';
const LOWEST = readProfile('aertous').roles[0];
test.setTimeout(240_000);
test('look', async ({ own, page, watched }) => {
  const ada = new Person(await own({ profile: 'aertous', settled: false }), page);
  await ada.found();
  await ada.openMembers();
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const headers = { origin: ada.server.origin, 'content-type': 'application/x-www-form-urlencoded', cookie: await ada.cookies(), accept: 'application/json' };
  for (let n = 1; n <= Number(process.env.GUESTS ?? 4); n += 1) {
    const body = new URLSearchParams({ csrf, email: `guest-${n}@guests.example`, role: LOWEST.name }).toString();
    const answer = await ada.server.ask(`/api/o/${ada.slug}/invite-member`, { method: 'POST', headers, body });
    if (answer.status !== 200) console.log(answer.text);
  }
  const shot = async (name) => {
    for (const [width, scheme] of [[320, 'light'], [320, 'dark'], [1280, 'light'], [1280, 'dark']]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: `/tmp/shots/${name}-${width}-${scheme}.png`, fullPage: true });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) console.log(name, 'scrolls sideways', wide);
  };
  await ada.inside('/reviews');
  await shot('1-empty');
  await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
  await shot('1-empty-open');
  if (process.env.DRAFT) {
    await ada.form('open-review').locator('[name="draft"]').check();
    await ada.send('open-review', { name: 'Spring', due: new Date(Date.now() + 14 * 864e5).toISOString().slice(0, 10) });
    await shot('2-draft');
    await ada.inside('/reviews');
  }
  await ada.send('open-review', { name: 'Autumn', due: new Date(Date.now() + 14 * 864e5).toISOString().slice(0, 10) });
  await shot('3-open');
  await page.keyboard.press('j'); await page.keyboard.press('j'); await page.keyboard.press('y');
  await page.waitForTimeout(500);
  await page.keyboard.press('r'); await page.keyboard.type('Never came'); await page.keyboard.press('Enter');
  await page.waitForTimeout(500);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.screenshot({ path: '/tmp/shots/4-keys.png' });
  console.log(await page.locator('[data-item]').evaluateAll((rows) => rows.map((row) => [row.dataset.who, row.dataset.stands, row.querySelector('[data-wrong]').textContent])));
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.screenshot({ path: '/tmp/shots/4-help.png' });
  await page.keyboard.press('Escape');
  await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
  await shot('5-unfolded');
  try { await expectAccessible(page, 'review'); } catch (e) { console.log(e.message.slice(0, 3000)); }
  await ada.inside(); await shot('6-dashboard');
  await ada.inside('/reviews'); await shot('7-list');
  if (process.env.CLOSE) {
    await page.getByRole('link', { name: 'Autumn', exact: true }).press('Enter');
    await page.waitForLoadState();
    const a = await ada.send('close-review');
    console.log(a.status());
    await shot('8-report');
    try { await expectAccessible(page, 'report'); } catch (e) { console.log(e.message.slice(0, 3000)); }
    await ada.inside('/reviews'); await shot('9-list');
  }
  console.log(watched.complaints);
});
