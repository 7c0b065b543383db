// Back in time: the seek bar of an enlarged stream, against a console whose stream "gate" has a log of the last 90 seconds with a
// hole from 60 to 40 seconds ago; see fake_console.cc. Kept as JPEG, and as video whose frames lean on one another.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openBrowser, startConsole } from './browser.mjs';
import { poorContrast, withPage as inPage } from './page.mjs';

let browser;
let server;

before(async () => {
  browser = await openBrowser();
  server = await startConsole(0, 2);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const withPage = (check, options = {}) => inPage(browser, server.url, check, options);

async function enlarge(page, view = 'people/gate') {
  await page.locator(`[data-view="${view}"]`).click();
  await page.waitForFunction(() => Number(document.querySelector('dialog[open] canvas')?.dataset.sequence) > 0);
}

/** Unix ms of the frame on the canvas. */
const shown = (page) => page.evaluate(() => Date.parse(document.querySelector('dialog canvas').dataset.time));
const untilShown = (page, least, most) =>
  page.waitForFunction(
    ([from, to]) => {
      const at = Date.parse(document.querySelector('dialog canvas').dataset.time);
      return at >= from && at <= to;
    },
    [least, most],
  );
const isLive = (page) => page.getByRole('button', { name: 'Live', exact: true }).getAttribute('aria-pressed');
const untilLive = (page) => page.waitForSelector('.go-live[aria-pressed="true"]');

/** Where on the bar a time is, in pixels of the page. */
async function placeOf(page, time) {
  const bar = page.locator('.seek');
  await bar.waitFor();
  const box = await bar.boundingBox();
  const [from, to] = await bar.evaluate((one) => [Number(one.ariaValueMin), Number(one.ariaValueMax)]);
  return { x: box.x + (box.width * (time / 1000 - from)) / (to - from), y: box.y + box.height / 2 };
}

describe('back in time', () => {
  test('the bar shows what is kept, its hole, and events', () =>
    withPage(async (page) => {
      await enlarge(page);
      await page.waitForSelector('.seek');
      await page.waitForFunction(() => document.querySelectorAll('.kept rect').length >= 2);
      const [first, second] = await page.locator('.kept rect').evaluateAll((all) =>
        all.map((one) => ({ from: Number(one.getAttribute('x')), to: Number(one.getAttribute('x')) + Number(one.getAttribute('width')) })),
      );
      assert.ok(first.from < 0.01, 'it begins with the oldest frame');
      assert.ok(second.from - first.to > 0.1, `a hole: ${first.to} to ${second.from}`);
      await page.waitForFunction(() => document.querySelectorAll('.event-tick').length >= 1);
      assert.equal(await isLive(page), 'true');
    }));

  test('a press goes there and plays on, Live returns', () =>
    withPage(async (page) => {
      await enlarge(page);
      const target = Date.now() - 30_000;
      const at = await placeOf(page, target);
      await page.mouse.click(at.x, at.y);
      await untilShown(page, target - 5000, target + 8000);
      const first = await shown(page);
      await untilShown(page, first + 900, first + 10_000);
      assert.equal(await isLive(page), 'false');
      await page.getByRole('button', { name: 'Live', exact: true }).click();
      await untilShown(page, Date.now() - 3000, Date.now() + 60_000);
      assert.equal(await isLive(page), 'true');
    }));

  test('pause keeps the frame, steps move it, eight times as fast catches up', () =>
    withPage(async (page) => {
      await enlarge(page);
      await page.waitForSelector('.seek');
      await page.keyboard.press(' ');
      await page.getByRole('button', { name: 'Play' }).waitFor();
      await page.waitForTimeout(400); // what was under way when it was paused
      const paused = await shown(page);
      await page.keyboard.press('ArrowLeft');
      await untilShown(page, paused - 13_000, paused - 8000);
      await page.keyboard.press('ArrowLeft'); // so far that a step forward does not reach the present, which would be live
      await untilShown(page, paused - 24_000, paused - 17_000);
      const before = await shown(page);
      await page.waitForTimeout(700);
      assert.equal(await shown(page), before, 'a paused picture stands still');
      await page.getByRole('button', { name: '+10 s' }).click();
      await untilShown(page, before + 7000, before + 14_000); // from the time asked for, which the frame may lie before
      assert.equal(await isLive(page), 'false', 'a paused step is not live');
      await page.getByRole('button', { name: '8×' }).click();
      await page.keyboard.press(' ');
      await untilLive(page);
    }));

  test('Home is the oldest frame, and a hole is passed over and told', () =>
    withPage(async (page) => {
      await enlarge(page);
      await page.waitForSelector('.seek');
      const begin = await page.locator('.seek').evaluate((one) => Number(one.ariaValueMin) * 1000);
      await page.keyboard.press('Home');
      await untilShown(page, begin - 2000, begin + 5000);
      const hole = await page.locator('.kept rect').first().evaluate((one) => Number(one.getAttribute('width')));
      const box = await page.locator('.seek').boundingBox();
      await page.mouse.click(box.x + box.width * hole + 10, box.y + 8);
      await page.waitForFunction(() => /nothing is kept at .* next frame/.test(document.querySelector('.log-note').textContent));
      await page.keyboard.press('End');
      await untilLive(page);
    }));

  test('the pointer is told time and picture, and where there are none', () =>
    withPage(async (page) => {
      await enlarge(page);
      const at = await placeOf(page, Date.now() - 20_000);
      await page.mouse.move(at.x, at.y);
      await page.waitForFunction(() => document.querySelector('.preview canvas')?.width === 160);
      const taken = await page.evaluate(() => Date.parse(document.querySelector('.preview canvas').dataset.time));
      assert.ok(Math.abs(taken - (Date.now() - 20_000)) < 6000, 'the picture is of that time');
      const hole = await page.locator('.kept rect').first().evaluate((one) => Number(one.getAttribute('width')));
      const box = await page.locator('.seek').boundingBox();
      await page.mouse.move(box.x + box.width * (hole + 0.06), box.y + 8);
      await page.waitForFunction(() => /nothing is kept here/.test(document.querySelector('.preview')?.textContent ?? ''));
    }));

  test('a camera without a log says so', () =>
    withPage(async (page) => {
      await enlarge(page, 'people/yard');
      await page.waitForFunction(() => /No frames of this camera are kept/.test(document.querySelector('.no-log')?.textContent ?? ''));
      assert.equal(await page.locator('.seek').count(), 0);
    }));

  test('what cannot be read is told, and nothing else', () =>
    withPage(async (page) => {
      const error = { error: { code: 'invalid_data', message: 'segment 7 is torn', hint: '' } };
      await page.route('**/api/logs/gate/play**', (route) => route.fulfill({ status: 500, json: error }));
      await enlarge(page);
      await page.waitForSelector('.seek');
      await page.keyboard.press('ArrowLeft');
      await page.waitForFunction(() => /Not to be played: segment 7 is torn/.test(document.querySelector('.log-note').textContent));
      await page.keyboard.press('End');
      await untilLive(page);
      assert.doesNotMatch(await page.locator('.log-note').textContent(), /torn/);
    }));

  for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 360]]) {
    test(`contrast and width, ${colorScheme}, ${width} pixels`, () =>
      withPage(
        async (page) => {
          await enlarge(page);
          await page.waitForSelector('.seek');
          await page.keyboard.press('ArrowLeft');
          await page.waitForFunction(() => / ago/.test(document.querySelector('.when').textContent));
          assert.deepEqual(await poorContrast(page, '.tile, .skip, main'), []);
          const [inner, scroll] = await page.evaluate(() => [window.innerWidth, document.querySelector('dialog').scrollWidth]);
          assert.ok(scroll <= inner, `${scroll} px wide in a window of ${inner}`);
        },
        { colorScheme, viewport: { width, height: 820 } },
      ));
  }
});

/** How much of the picture on a canvas is of the colour that fake_console.cc paints its walkers in; three of them are 5 %. */
const walkers = (page, canvas) =>
  page.evaluate((selector) => {
    const from = document.querySelector(selector);
    const { data } = from.getContext('2d').getImageData(0, 0, from.width, from.height);
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
      found += Math.abs(data[at] - 60) < 40 && Math.abs(data[at + 1] - 190) < 40 && Math.abs(data[at + 2] - 200) < 40 ? 1 : 0;
    }
    return found / (data.length / 4);
  }, canvas);

for (const codec of ['h264', 'h265']) {
  describe(`back in time, kept as ${codec}`, () => {
    let video;
    before(async () => {
      video = await startConsole(0, 2, `--log=${codec}`);
    });
    after(() => video?.stop());

    test('a press goes between two key frames, plays on, and catches up', () =>
      inPage(browser, video.url, async (page) => {
        await enlarge(page);
        const target = Date.now() - 30_000;
        const at = await placeOf(page, target);
        await page.mouse.click(at.x, at.y);
        await untilShown(page, target - 3000, target + 4000);
        assert.ok((await walkers(page, 'dialog canvas')) > 0.02, 'the picture shows what was there');
        const first = await shown(page);
        await untilShown(page, first + 900, first + 4000);
        await page.getByRole('button', { name: '8×' }).click();
        await untilShown(page, first + 15_000, first + 28_000);
        assert.ok((await walkers(page, 'dialog canvas')) > 0.02, 'nor when frames are passed over');
        await untilLive(page);
      }));

    test('the pointer is shown any frame', () =>
      inPage(browser, video.url, async (page) => {
        await enlarge(page);
        for (const age of [20_000, 33_000]) {
          const target = Date.now() - age;
          const at = await placeOf(page, target);
          await page.mouse.move(at.x, at.y);
          await page.waitForFunction(
            (time) => Math.abs(Date.parse(document.querySelector('.preview canvas')?.dataset.time) - time) < 10_000, // the bar moves
            target,
          );
          assert.ok((await walkers(page, '.preview canvas')) > 0.02, `${age / 1000} s ago`);
        }
      }));
  });
}
