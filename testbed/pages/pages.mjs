// The pages for people in a real browser, by keyboard alone. Knows what a person sees and does; does not know HTTP.
//
//     pages.mjs SCENE JSON
//
// plays one scene against a running Usher and ends with 0, or says what it found otherwise than expected. Every page that is
// shown is also looked over by axe. CHROMIUM names the browser; without it, Debian's is taken.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const words = {
  en: { locale: 'en-GB', door: 'Sign in', address: 'E-mail address at work', choose: 'Choose how to sign in', refused: 'You have no access here yet', onward: 'On to your organisation' },
  ja: { locale: 'ja-JP', door: 'サインイン', address: '勤務先のメールアドレス', choose: 'サインイン方法の選択', refused: 'まだアクセス権がありません', onward: '組織のサインインに進みます' },
  fr: { locale: 'fr-FR', door: 'Se connecter', address: 'Adresse e-mail professionnelle', choose: 'Choisir comment se connecter', refused: 'Vous n’avez pas encore accès', onward: 'Vers votre organisation' },
};
const languages = Object.keys(words);
let browser;

/** A page of a browser that nobody has used, whose person reads this language. */
async function open(language, options = {}) {
  const context = await browser.newContext({ locale: words[language].locale, ...options });
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

/** A page of ours: in this language, with this heading. */
async function read(page, language, heading) {
  assert.equal(await page.locator('html').getAttribute('lang'), language);
  assert.equal(await page.locator('h1').innerText(), heading);
  assert.equal(await page.title(), heading);
}

/** The same, with nothing that axe objects to; it needs scripts. */
async function check(page, language, heading) {
  await read(page, language, heading);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], `axe at ${page.url()}`);
}

/** Goes with the Tab key to what the selector names; the focus must be visible there. */
async function tabTo(page, selector) {
  for (let pressed = 0; pressed < 20; pressed += 1) {
    const found = await page.evaluate((wanted) => {
      const focused = document.activeElement;
      if (!focused?.matches(wanted)) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      return { seen: focused.matches(':focus-visible') && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
    }, selector);
    if (found) return found;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no Tab leads to ${selector} at ${page.url()}`);
}

/** The same at a page of ours. */
async function reach(page, selector) {
  assert.ok((await tabTo(page, selector)).seen, `the focus on ${selector} cannot be seen`);
}

/** Signs in at oidc-provider, and consents if it asks. */
async function atProvider(page, user) {
  await page.waitForURL('**/interaction/**');
  await tabTo(page, 'input[name=login]');
  await page.keyboard.type(user);
  await tabTo(page, 'input[name=password]');
  await page.keyboard.type('anything');
  await page.keyboard.press('Enter');
  await page.waitForLoadState();
  const consent = page.locator('input[name=prompt][value=consent]');
  await Promise.race([consent.waitFor({ state: 'attached' }).catch(() => {}), page.waitForURL((url) => !url.pathname.includes('interaction')).catch(() => {})]);
  if (await consent.count()) {
    await tabTo(page, 'button[type=submit]');
    await page.keyboard.press('Enter');
  }
}

/** Has landed with a session of this person. */
async function isIn(page, base, user) {
  await page.waitForURL(`${base}/session`);
  const session = JSON.parse(await page.locator('body').innerText());
  assert.equal(session.user.userName, user);
}

const scenes = {
  async 'sign-in'({ base, address, user }) {
    for (const language of languages) {
      const page = await open(language);
      await page.goto(`${base}/login`);
      await check(page, language, words[language].door);
      await reach(page, 'input[type=email]');
      assert.ok(await page.getByLabel(words[language].address).isVisible());
      await page.keyboard.type(address);
      await reach(page, 'button');
      await page.keyboard.press('Enter');
      await atProvider(page, user);
      await isIn(page, base, user);
    }
  },

  async unknown({ base, address }) {
    for (const language of languages) {
      const page = await open(language);
      await page.goto(`${base}/login`);
      await reach(page, 'input[type=email]');
      await page.keyboard.type(address);
      await page.keyboard.press('Enter');
      const problem = page.getByRole('alert');
      await problem.waitFor();
      await check(page, language, words[language].door);
      const field = page.getByLabel(words[language].address);
      assert.equal(await field.getAttribute('aria-describedby'), await problem.getAttribute('id'));
      await reach(page, 'input[type=email]');
    }
  },

  async choice({ base, tenant, connection, user }) {
    const [first] = languages;
    for (const language of languages) {
      const page = await open(language);
      await page.goto(`${base}/login/${tenant}`);
      await check(page, language, words[language].choose);
      await reach(page, `a[href="/login/${tenant}/${connection}"]`);
      if (language !== first) continue;
      await page.keyboard.press('Enter');
      await atProvider(page, user);
      await isIn(page, base, user);
    }
  },

  async refused({ base, tenant, user, code }) {
    for (const language of languages) {
      const page = await open(language);
      await page.goto(`${base}/login/${tenant}/op`);
      await atProvider(page, user);
      await page.waitForURL(`${base}/oidc/**`);
      await check(page, language, words[language].refused);
      assert.equal(await page.locator('dd code').first().innerText(), code);
      assert.equal(await page.locator('a').count(), 0, 'nothing changes by trying again');
    }
  },

  async onward({ base, tenant, connection, place }) {
    for (const language of languages) {
      for (const [javaScriptEnabled, arrives] of [[true, true], [true, false], [false, false]]) {
        const page = await open(language, { javaScriptEnabled });
        if (!arrives) await page.route('**/onward.js', (route) => route.abort());
        let posted;
        await page.route(place, (route) => {
          posted = route.request();
          return route.fulfill({ contentType: 'text/html', body: 'the provider' });
        });
        await page.goto(`${base}/login/${tenant}/${connection}`);
        if (!arrives) {
          assert.equal(posted, undefined, 'without the script nothing is sent unasked');
          await (javaScriptEnabled ? check : read)(page, language, words[language].onward);
          await reach(page, 'button');
          await page.keyboard.press('Enter');
        }
        await page.getByText('the provider').waitFor();
        assert.equal(posted.method(), 'POST');
        assert.ok(new URLSearchParams(posted.postData()).get('SAMLRequest'));
      }
    }
  },

  async passkey({ base, tenant, links, user }) {
    const plain = await open('en', { javaScriptEnabled: false });
    await plain.goto(`${base}/passkey/${tenant}`);
    assert.match(await plain.locator('noscript').innerText(), /JavaScript/);

    const page = await open('en');
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, automaticPresenceSimulation: true };
    const add = (isUserVerified) => devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, isUserVerified } });

    // A person who is not verified gets no further than the page, and the link stays good.
    const { authenticatorId } = await add(false);
    await page.goto(links[0]);
    await page.waitForSelector('form[data-step=register]');
    assert.equal(new URL(page.url()).hash, '', 'the secret does not stay in the address');
    await check(page, 'en', 'Register a passkey');
    await reach(page, 'button');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await check(page, 'en', 'Register a passkey');
    await devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });

    const able = await add(true);
    await page.goto('about:blank');
    await page.goto(links[0]);
    await page.waitForSelector('form[data-step=register]');
    await reach(page, 'input[name=name]');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Blue key');
    await reach(page, 'button');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your passkey is registered' }).waitFor();
    await check(page, 'en', 'Your passkey is registered');

    // The same authenticator is not registered twice, and a link not used twice.
    await page.goto(links[1]);
    await page.waitForSelector('form[data-step=register]');
    await reach(page, 'button');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.goto('about:blank');
    await page.goto(links[0]);
    await page.getByRole('heading', { name: 'That was not accepted' }).waitFor();
    await check(page, 'en', 'That was not accepted');

    for (let time = 0; time < 2; time += 1) {
      await page.goto(`${base}/passkey/${tenant}`);
      await check(page, 'en', 'Sign in with a passkey');
      await reach(page, 'button');
      await page.keyboard.press('Enter');
      await isIn(page, base, user);
    }

    await devtools.send('WebAuthn.setUserVerified', { authenticatorId: able.authenticatorId, isUserVerified: false });
    await page.goto(`${base}/passkey/${tenant}`);
    await reach(page, 'button');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();

    for (const [language, heading] of [['ja', 'パスキーでサインイン'], ['fr', 'Se connecter avec une clé d’accès']]) {
      const other = await open(language);
      await other.goto(`${base}/passkey/${tenant}`);
      await check(other, language, heading);
    }
  },
};

const [scene, given] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? places.find((place) => existsSync(place));
assert.ok(executablePath, 'there is no Chromium: run `./x setup` first');
browser = await chromium.launch({ executablePath, args: flags });
try {
  await scenes[scene](JSON.parse(given));
} finally {
  await browser.close();
}
