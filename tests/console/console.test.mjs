// The page against a real console with made-up streams, in Chromium. `npm test`; see browser.mjs for what it needs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openBrowser, startConsole } from './browser.mjs';
import { poorContrast, withPage as inPage } from './page.mjs';

const WIDTH = 640;

/** Where the fixture's i-th walker of a stream is in a frame; the same sum as walker() in fake_console.cc. */
function walker(stream, i, sequence) {
  const phase = (sequence * (3 + i) + 90 * i + 40 * stream) % (2 * (WIDTH - 80));
  return { x: (phase < WIDTH - 80 ? phase : 2 * (WIDTH - 80) - phase) + 10, y: 100 + 60 * i, w: 40, h: 90 };
}

let browser;
let server;

before(async () => {
  browser = await openBrowser();
  server = await startConsole(0, 4, '--fail');
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const withPage = (check, options = {}, url = server.url) => inPage(browser, url, check, options);

const shown = (page, view = 'people/gate') =>
  page.waitForFunction((name) => Number(document.querySelector(`[data-view="${name}"] canvas`)?.dataset.sequence) > 0, view);

/** The canvas's sequence number, place of the frame and, for points in pixels of the frame, colours: all of one picture. */
function look(page, selector, points) {
  return page.evaluate(
    ([where, wanted]) => {
      const canvas = document.querySelector(where);
      const [x, y, scale] = canvas.dataset.fit.split(',').map(Number);
      const ratio = canvas.width / canvas.clientWidth;
      const context = canvas.getContext('2d');
      const sequence = Number(canvas.dataset.sequence);
      const at = (px, py) => [...context.getImageData(Math.round((x + px * scale) * ratio), Math.round((y + py * scale) * ratio), 1, 1).data];
      return { sequence, scale, colors: wanted.map(([px, py]) => at(px, py)), all: [...context.getImageData(0, 0, canvas.width, canvas.height).data] };
    },
    [selector, points],
  );
}

const isCyan = ([r, g, b]) => r < 110 && g > 150 && b > 160;

describe('live tiles', () => {
  test('show every stream', () =>
    withPage(async (page) => {
      await shown(page);
      assert.equal(await page.locator('.tile').count(), 4);
      const { all } = await look(page, '[data-view="people/gate"] canvas', []);
      assert.ok(new Set(all).size > 40, 'a canvas that is not blank');
    }));

  test('move on', () =>
    withPage(async (page) => {
      await shown(page);
      const first = (await look(page, '[data-view="people/gate"] canvas', [])).sequence;
      await page.waitForFunction(
        (before) => Number(document.querySelector('[data-view="people/gate"] canvas').dataset.sequence) > before + 3,
        first,
      );
    }));

  test('draw each box where its frame has it', () =>
    withPage(async (page) => {
      await page.evaluate(() => localStorage.setItem('vedette.layers', '{"boxes":true,"traces":false,"zones":false}'));
      await page.reload({ waitUntil: 'domcontentloaded' });
      await shown(page);
      // Read sequence number and pixels in one step, then work out where that frame's first walker is: gate is stream 0.
      const found = await page.evaluate(() => {
        const canvas = document.querySelector('[data-view="people/gate"] canvas');
        const [x, y, scale] = canvas.dataset.fit.split(',').map(Number);
        const ratio = canvas.width / canvas.clientWidth;
        const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return { sequence: Number(canvas.dataset.sequence), x, y, scale, ratio, width: canvas.width, data: [...image.data] };
      });
      const box = walker(0, 0, found.sequence);
      const color = (px, py) => {
        const cx = Math.round((found.x + px * found.scale) * found.ratio);
        const cy = Math.round((found.y + py * found.scale) * found.ratio);
        return found.data.slice(4 * (cy * found.width + cx), 4 * (cy * found.width + cx) + 3);
      };
      // In its upper part: the next walker and its label may lie over the lower one.
      const y = box.y + box.h / 4;
      const middle = color(box.x + box.w / 2, y);
      assert.ok(isCyan(middle), `the picture is frame ${found.sequence}'s: ${middle}`);
      const edge = color(box.x, y);
      const outside = color(box.x - 8, y);
      assert.ok(!isCyan(edge) && edge[1] > 150 && edge[2] < 150, `the box of #1, green, lies on the walker's edge: ${edge}`);
      assert.ok(Math.max(...outside) < 110, `and not outside of it: ${outside}`);
    }));

  test('leave the boxes out when told to, and remember that', () =>
    withPage(async (page) => {
      await shown(page);
      const toggle = page.getByRole('button', { name: 'Boxes' }).first();
      assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
      await page.keyboard.press('b');
      assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
      await page.reload({ waitUntil: 'domcontentloaded' });
      assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
    }));

  test('forty of them come over one connection', async () => {
    const many = await startConsole(0, 40);
    try {
      await withPage(
        async (page) => {
          let pictures = 0;
          page.on('request', (request) => (pictures += new URL(request.url()).pathname === '/live' ? 1 : 0));
          await page.waitForFunction(() => document.querySelectorAll('.tile canvas[data-sequence]').length === 40, null, { timeout: 20_000 });
          assert.ok(pictures <= 3, `${pictures} requests for pictures`);
        },
        { viewport: { width: 1600, height: 4000 } },
        many.url,
      );
    } finally {
      await many.stop();
    }
  });
});

describe('keyboard', () => {
  test('arrows walk the tiles, Enter enlarges, Escape returns', () =>
    withPage(async (page) => {
      await shown(page);
      await page.locator('.tile').first().focus();
      await page.keyboard.press('ArrowRight');
      const second = await page.locator('.tile').nth(1).getAttribute('data-view');
      assert.equal(await page.evaluate(() => document.activeElement.dataset.view), second);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => Number(document.querySelector('dialog[open] canvas')?.dataset.sequence) > 0);
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      assert.equal(await page.evaluate(() => document.activeElement.dataset.view), second, 'focus is back on the tile');
      await page.keyboard.press('End');
      assert.equal(await page.evaluate(() => document.activeElement.dataset.view), await page.locator('.tile').last().getAttribute('data-view'));
    }));

  test('the first stop is a link past the header', () =>
    withPage(async (page) => {
      await page.waitForSelector('.skip', { state: 'attached' });
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    }));
});

describe('figures', () => {
  test('the table of modules has rates, times and drops', () =>
    withPage(async (page) => {
      const row = page.locator('#modules tbody tr', { has: page.locator('th', { hasText: 'detect' }) });
      await page.waitForFunction(() => /superseded/.test(document.querySelector('#modules')?.textContent ?? ''));
      await page.waitForFunction(() => {
        const detect = [...document.querySelectorAll('#modules tbody tr')].find((one) => one.querySelector('th')?.textContent === 'detect');
        return Number(detect?.querySelector('[data-label="Rate /s"]')?.textContent) > 30;
      });
      const rate = Number(await row.locator('[data-label="Rate /s"]').textContent());
      assert.ok(rate > 30 && rate < 50, `4 streams at 10 a second: ${rate}`);
      const run = await row.locator('[data-label="Run p50 / p95 ms"]').textContent();
      assert.match(run, /^\d+(\.\d+)? \/ \d+(\.\d+)?$/);
    }));

  test('the failed stream is told first', () =>
    withPage(async (page) => {
      const first = page.locator('#streams tbody tr').first();
      await first.waitFor();
      assert.match(await first.textContent(), /ramp.*failed/s);
      assert.match(await page.locator('#streams .detail').first().textContent(), /connection refused/);
    }));

  test('latency stands against its objective', () =>
    withPage(async (page) => {
      const figure = page.locator('.figure').first();
      await page.waitForFunction(() => /\d+ ms/.test(document.querySelector('.figure')?.textContent ?? ''));
      assert.match(await figure.textContent(), /Latency p95\d+(\.\d+)? mswithin 200 ms/);
    }));
});

describe('events and zones', () => {
  test('events come, can be filtered and paused', () =>
    withPage(async (page) => {
      await page.waitForFunction(() => document.querySelectorAll('.event-list li').length > 3);
      await page.getByLabel('Kind of event').selectOption('enter');
      const kinds = await page.locator('.event-list li').evaluateAll((rows) => rows.map((row) => row.dataset.kind));
      assert.ok(kinds.length > 0 && kinds.every((kind) => kind === 'enter'), kinds.join());
      await page.getByRole('button', { name: 'Pause' }).click();
      const before = await page.locator('.event-list').textContent();
      await page.waitForFunction(() => /more since the pause/.test(document.querySelector('#events').textContent));
      assert.equal(await page.locator('.event-list').textContent(), before, 'nothing moves while paused');
    }));

  test('the chart draws the counts', () =>
    withPage(async (page) => {
      await page.waitForSelector('.chart canvas');
      assert.ok((await page.locator('.legend li').count()) >= 1);
      assert.match(await page.locator('.legend li').first().textContent(), /door · person\s*\d/);
      await page.getByRole('button', { name: '1 min', exact: true }).click();
      await page.waitForFunction(() => {
        const canvas = document.querySelector('.chart canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        // The first line's teal, which neither grid nor axis has.
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && data[i] < 60 && data[i + 1] > 90 && data[i + 2] > 90) return true;
        return false;
      });
    }));
});

describe('surroundings', () => {
  for (const width of [360, 768]) {
    test(`nothing sticks out at ${width} pixels`, () =>
      withPage(
        async (page) => {
          await shown(page, 'people/dock');
          await page.waitForSelector('#modules tbody tr');
          const [inner, scroll] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
          assert.ok(scroll <= inner, `${scroll} px wide in a window of ${inner}`);
        },
        { viewport: { width, height: 780 } },
      ));
  }

  test('dark follows the system, and a choice is remembered', () =>
    withPage(
      async (page) => {
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        await page.waitForSelector('.bar');
        const dark = await ground();
        const button = page.getByRole('button', { name: /^Theme/ });
        await button.click();
        await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, dark);
        const light = await ground();
        await page.reload({ waitUntil: 'domcontentloaded' });
        await page.waitForSelector('.bar');
        assert.equal(await ground(), light);
      },
      { colorScheme: 'dark' },
    ));

  for (const colorScheme of ['light', 'dark']) {
    test(`text has the contrast of WCAG AA, ${colorScheme}`, () =>
      withPage(
        async (page) => {
          await page.waitForSelector('#modules tbody tr');
          const poor = await poorContrast(page, '.tile, .skip');
          assert.deepEqual(poor, []);
        },
        { colorScheme },
      ));
  }

  test('a stream can be drawn by the server', () =>
    withPage(async (page) => {
      await shown(page);
      await page.locator('[data-view="people/gate"]').click();
      await page.getByRole('button', { name: 'Draw on the server' }).click();
      await page.waitForFunction(() => document.querySelector('dialog img')?.naturalWidth === 640);
      assert.match(await page.locator('dialog img').getAttribute('src'), /^\/live\/people\/gate\.mjpeg\?boxes=1$/);
    }));

  test('what is not there yet is explained', async () => {
    const empty = await startConsole(0, 0, '--empty');
    try {
      await withPage(
        async (page) => {
          await page.waitForFunction(() => /vedette run/.test(document.querySelector('#live')?.textContent ?? ''));
          for (const id of ['events', 'zones', 'modules', 'streams']) {
            assert.match(await page.locator(`#${id} .empty`).textContent(), /\w+/, id);
          }
        },
        {},
        empty.url,
      );
    } finally {
      await empty.stop();
    }
  });

  test('a restart of the server is told and survived', async () => {
    let own = await startConsole(0, 2);
    const { port, url } = own;
    try {
      await withPage(
        async (page) => {
          await shown(page);
          const stopped = await own.stop();
          assert.ok(stopped < 2000, `the server stopped within ${stopped} ms with a viewer`);
          own = null;
          await page.waitForSelector('.banner');
          assert.match(await page.locator('.banner').textContent(), /connection to Vedette is lost/);
          own = await startConsole(port, 2);
          await page.getByRole('button', { name: 'Try now' }).click({ timeout: 2000 }).catch(() => {});
          await page.waitForSelector('.banner', { state: 'detached', timeout: 15_000 });
          const before = await page.evaluate(() => document.querySelector('[data-view="people/gate"] canvas').dataset.sequence);
          await page.waitForFunction(
            (old) => document.querySelector('[data-view="people/gate"] canvas').dataset.sequence !== old,
            before,
            { timeout: 15_000 },
          );
        },
        {},
        url,
      );
    } finally {
      await own?.stop();
    }
  });
});
