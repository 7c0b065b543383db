// The pages of a fleet against a made-up controller (fake_fleet.mjs), in Chromium. `npm test`; see browser.mjs for what it needs,
// and CONSOLE_DIST for the built page. With SHOTS=DIR each page's picture is put there.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { startFleet } from './fake_fleet.mjs';
import { poorContrast, withPage } from './page.mjs';

let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

/** A page of a controller of its own: `check(page, server)`. */
async function withFleet(hash, check, { options = {}, ...of } = {}) {
  const server = await startFleet(of);
  try {
    await withPage(browser, server.url + hash, (page) => check(page, server), options);
  } finally {
    await server.stop();
  }
}

const asked = (server, method, path) => server.requests.filter((one) => one.method === method && one.path === path);
const text = (page, selector) => page.locator(selector).first().textContent();
const has = (page, selector, pattern) =>
  page.waitForFunction(
    ([where, source]) => new RegExp(source, 's').test(document.querySelector(where)?.textContent ?? ''),
    [selector, pattern.source],
  );
const edit = async (page, from, to) => {
  const area = page.locator('.code textarea');
  await area.waitFor();
  await area.fill((await area.inputValue()).replace(from, to));
};
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

describe('fleet', () => {
  test('shows nodes, counts, links and streams, troubles first', () =>
    withFleet('', async (page) => {
      await has(page, '.summary', /7 of 8 ready/);
      await page.waitForSelector('#links tbody tr');
      assert.match(await text(page, '.summary'), /controller leads.*1 lost.*Applications12/s);
      assert.equal(await page.locator('tr[data-node]').count(), 8);
      assert.match(await text(page, '#nodes tbody tr'), /cam-2.*lost/s);
      assert.match(await text(page, 'tr[data-node="gpu-1"]'), /gpu=yes.*ready.*of 16/s);
      assert.equal(await page.locator('tr[data-node="box-1"] a').getAttribute('href'), 'http://box-1.example:8080/');
      assert.match(await text(page, '#nodes .detail'), /Plan failed: night-watch/);
      assert.match(await text(page, '#links tbody'), /waiting.*no route to host/s);
      await has(page, '#streams tbody', /fence-9.*failed.*connection refused/);
      assert.equal(await page.title(), 'Fleet · Vedette');
    }));

  test('figures move by the stream of changes, and without it', () =>
    withFleet('', async (page, server) => {
      const cores = 'tr[data-node="gpu-1"] .load-text';
      const moves = async () => {
        await page.waitForSelector(cores);
        const before = await text(page, cores);
        await page.waitForFunction(([where, old]) => document.querySelector(where).textContent !== old, [cores, before], {
          timeout: 10_000,
        });
      };
      await page.waitForSelector('[data-following="watching"]');
      await moves();
      server.broken.add('watch');
      server.cut();
      await page.waitForSelector('[data-following="asking"]');
      await moves();
      server.fleet.say('error', 'box-1', 'people', 'told while nobody watched');
      await has(page, '#log', /told while nobody watched/);
      server.broken.delete('watch');
      await page.waitForSelector('[data-following="watching"]', { timeout: 20_000 });
    }));

  test('a controller that went is told, and its last figures stay', () =>
    withFleet('', async (page, server) => {
      await page.waitForSelector('tr[data-node]');
      server.broken.add('all');
      server.cut();
      await has(page, '.banner', /controller does not answer.*Nodes go on/);
      assert.equal(await page.locator('tr[data-node]').count(), 8);
      server.broken.clear();
      await press(page, 'Try now');
      await page.waitForSelector('.banner', { state: 'detached', timeout: 15_000 });
    }));

  test('a controller that stands by says so', () =>
    withFleet('', async (page, server) => {
      server.fleet.leader = false;
      await has(page, '.banner', /controller stands by/);
    }));

  test('the links as a matrix, remembered', () =>
    withFleet('', async (page) => {
      await page.waitForSelector('#links tbody tr');
      await press(page, 'Matrix');
      assert.match(await page.locator('.matrix .cell.good').first().getAttribute('title'), /→.*up.*round trip/);
      await page.reload();
      await page.waitForSelector('.matrix');
    }));

  test('the log follows live and can be filtered and paused', () =>
    withFleet('', async (page, server) => {
      await page.waitForSelector('.log-list li');
      await page.waitForSelector('[data-following="watching"]');
      server.fleet.say('warning', 'box-2', 'visitors', 'something new');
      await has(page, '.log-list li:first-child', /something new.*box-2 · visitors/);
      await page.getByLabel('Level').selectOption('error');
      assert.deepEqual(
        [...new Set(await page.locator('.log-list li').evaluateAll((rows) => rows.map((row) => row.dataset.level)))],
        ['error'],
      );
      await page.getByLabel('Level').selectOption('');
      await page.locator('#log').getByLabel('Application').selectOption('vehicles');
      await page.waitForFunction(() => document.querySelectorAll('.log-list li').length === 2);
      assert.equal(server.requests.filter((one) => one.path === '/api/fleet/log').at(-1).query.application, 'vehicles');
      await press(page, 'Pause');
      server.fleet.say('info', '', 'vehicles', 'while paused');
      await has(page, '#log', /1 more since the pause/);
      assert.doesNotMatch(await text(page, '.log-list'), /while paused/);
    }));

  test('an admin drains a node, after a question', () =>
    withFleet('', async (page, server) => {
      await page.getByRole('button', { name: 'Drain box-1' }).click();
      await has(page, 'dialog', /Drain box-1\?/);
      await page.keyboard.press('Escape');
      assert.equal(asked(server, 'POST', '/api/fleet/nodes/box-1/drain').length, 0, 'Escape says no');
      await page.getByRole('button', { name: 'Drain box-1' }).click();
      await page.locator('dialog').getByRole('button', { name: 'Drain' }).click();
      await has(page, 'tr[data-node="box-1"]', /draining/);
      await has(page, '.notices', /box-1 is being drained/);
      assert.equal(asked(server, 'POST', '/api/fleet/nodes/box-1/drain')[0].headers['x-vedette'], '1');
      await page.getByRole('button', { name: 'Undrain box-1' }).click();
      await has(page, 'tr[data-node="box-1"]', /ready/);
      await page.getByRole('button', { name: 'Forget cam-2' }).click();
      await page.locator('dialog').getByRole('button', { name: 'Forget' }).click();
      await page.waitForFunction(() => document.querySelectorAll('tr[data-node]').length === 7);
    }));

  test('an empty fleet says how to begin', () =>
    withFleet(
      '',
      async (page) => {
        await has(page, '#nodes .empty', /vedette node --set controllers=\[http:\/\/localhost/);
        for (const id of ['links', 'streams', 'log']) assert.match(await text(page, `#${id} .empty`), /\w+/, id);
        await page.getByRole('link', { name: 'Applications' }).click();
        await has(page, '.empty', /No application yet: vedette apply -f apps\/people\.yaml/);
        await page.getByRole('link', { name: 'Traces' }).click();
        await has(page, '.traces .empty', /No frame was sampled yet/);
      },
      { empty: true },
    ));
});

describe('applications', () => {
  test('are listed with objective, latency, level and why', () =>
    withFleet('#/apps', async (page) => {
      await page.waitForSelector('tr[data-app]');
      assert.equal(await page.locator('tr[data-app]').count(), 12);
      assert.match(await text(page, 'tbody tr'), /night-watch.*failed/s, 'the failed one first');
      assert.match(await text(page, 'tbody .detail'), /Why:.*1\.9 GB/);
      assert.match(
        await text(page, 'tr[data-app="people"]'),
        /front-desk.*met ≤ 200 ms, ≥ 10 \/s.*\d+(\.\d)? \/ \d+(\.\d)? \/ \d+.*full.*gate-log/s,
      );
      assert.match(await text(page, 'tr[data-app="vehicles"]'), /10 frames a second instead of 15/);
      await page.getByLabel('Tenant').selectOption('lab');
      assert.equal(await page.locator('tr[data-app]').count(), 4);
      await page.getByLabel('Find applications').fill('heat');
      assert.equal(await page.locator('tr[data-app]').count(), 1);
    }));

  test('can be stopped, started and deleted', () =>
    withFleet('#/apps', async (page, server) => {
      await page.getByRole('button', { name: 'Stop people' }).click();
      await has(page, 'tr[data-app="people"]', /stopped/);
      await page.getByRole('button', { name: 'Start people' }).click();
      await has(page, 'tr[data-app="people"]', /running|degraded/);
      await page.getByRole('button', { name: 'Delete people' }).click();
      await has(page, 'dialog', /What .*gate-log.* use as well runs on/);
      await page.locator('dialog').getByRole('button', { name: 'Cancel' }).click();
      assert.equal(asked(server, 'DELETE', '/api/fleet/apps/people').length, 0);
      await page.getByRole('button', { name: 'Delete people' }).click();
      await page.locator('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.waitForSelector('tr[data-app="people"]', { state: 'detached' });
      assert.ok(server.requests.filter((one) => one.method !== 'GET').every((one) => one.headers['x-vedette'] === '1'));
    }));

  test('rows stay where they are while one points at them', () =>
    withFleet('#/apps', async (page, server) => {
      await page.locator('tr[data-app="visitors"]').hover();
      const order = () => page.locator('tr[data-app]').evaluateAll((rows) => rows.map((row) => row.dataset.app));
      const before = await order();
      server.fleet.applications.get('visitors').fails = 'it broke';
      await has(page, 'tr[data-app="visitors"]', /failed/);
      assert.deepEqual(await order(), before);
      await page.mouse.move(5, 5);
      await page.waitForFunction(
        () => [...document.querySelectorAll('tr[data-app]')].findIndex((row) => row.dataset.app === 'visitors') < 2,
      );
    }));
});

describe('one application', () => {
  test('its graph runs from sources to sinks, without boxes on each other', () =>
    withFleet('#/apps/people', async (page) => {
      await page.waitForSelector('.graph .box');
      const boxes = await page.locator('.graph .box').evaluateAll((all) =>
        all.map((box) => {
          const { x, y, width, height } = box.querySelector('.card-rect').getBoundingClientRect();
          return { id: box.dataset.id, x, y, width, height };
        }),
      );
      assert.equal(boxes.length, 9);
      for (const a of boxes) {
        for (const b of boxes) {
          const apart = a === b || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          assert.ok(apart, `${a.id} lies on ${b.id}`);
        }
      }
      const x = new Map(boxes.map((box) => [box.id, box.x]));
      const edges = await page
        .locator('path.edge')
        .evaluateAll((all) => all.map((edge) => [edge.dataset.from, edge.dataset.to, edge.classList.contains('link')]));
      assert.equal(edges.length, 9);
      for (const [from, to] of edges) assert.ok(x.get(from) < x.get(to), `${from} → ${to}`);
      const last = Math.max(...x.values());
      for (const sink of ['events', 'console', 'clip']) assert.equal(x.get(`module ${sink}`), last, sink);
      assert.ok(
        edges.some(([from, to, link]) => from === 'module decode' && to === 'module detect' && link),
        'cam-1 to box-1 is a link',
      );
      assert.match(await text(page, '.graph .box[data-id="module detect"] title'), /on box-1.*used by .*gate-log/s);
      assert.match(await text(page, '.edge-label[data-link="true"]'), /\/s.* ms.*B\/s/s);
    }));

  test('labels of edges keep off each other', () =>
    withFleet('#/apps/people', async (page) => {
      await page.waitForSelector('.edge-label');
      const labels = await page
        .locator('.edge-label')
        .evaluateAll((all) => all.map((label) => label.getBBox()).map(({ x, y, width, height }) => ({ x, y, width, height })));
      for (const a of labels) {
        for (const b of labels) {
          assert.ok(
            a === b || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y,
            JSON.stringify([a, b]),
          );
        }
      }
    }));

  test('many cameras become a few boxes', () =>
    withFleet('#/apps/perimeter', async (page) => {
      await page.waitForSelector('.graph .box');
      const sources = await page.locator('.graph .box[data-kind="source"]').allTextContents();
      assert.ok(sources.length <= 6 && sources.every((one) => /\d sources/.test(one)), sources.join());
    }));

  test('latency is drawn over time, beside its objective', () =>
    withFleet('#/apps/people', async (page) => {
      await page.waitForFunction(() => Number(document.querySelector('.chart')?.dataset.points) >= 3, null, { timeout: 15_000 });
      assert.match(await text(page, '.latency .legend'), /p50 \d.*p95 \d.*p99 \d.*objective for p95 200/s);
      assert.match(await text(page, '.gauge'), /Latency p95\d+.*within 200 ms/s);
    }));

  test('a failed one says why', () =>
    withFleet('#/apps/night-watch', async (page) => {
      await has(page, '.why', /Why: old-box: the model/);
      assert.match(await text(page, '#modules .detail'), /Last error:.*1\.9 GB/);
      await page.waitForSelector('.graph .box.bad');
    }));

  test('one that is not there leads on', () =>
    withFleet('#/apps/peple', async (page) => {
      await has(page, '.problem', /there is no application 'peple' \(did you mean 'people'\?\)/);
      await page.getByRole('link', { name: 'All applications' }).click();
      await page.waitForSelector('tr[data-app]');
    }));
});

describe('editor', () => {
  test('faults stand at their lines until these are edited', () =>
    withFleet('#/apps/people/yaml', async (page, server) => {
      await edit(page, 'score: 0.1', 'skore: 0.1');
      await edit(page, 'type: track', 'type: trak');
      await press(page, 'Check');
      await page.waitForSelector('.fault-line');
      const lines = (await page.locator('.code textarea').inputValue()).split('\n');
      const at = lines.findIndex((line) => line.includes('skore')) + 1;
      assert.match(await text(page, `.fault-line[data-line="${at}"]`), /no setting 'skore'/);
      const [row, mark] = await Promise.all([
        page.locator(`.fault-line[data-line="${at}"]`).boundingBox(),
        page.locator('.gutter .bad').first().boundingBox(),
      ]);
      assert.ok(Math.abs(row.y - mark.y) < 1, 'beside its number');
      assert.match(await text(page, '.verdict'), /2 faults: nothing was changed/);
      await page.getByRole('button', { name: /^Line \d+: there is no module type 'trak'/ }).click();
      const caret = await page.locator('.code textarea').evaluate((area) => area.value.slice(area.selectionStart).split('\n')[0]);
      assert.match(caret, /type: trak/);
      await edit(page, 'skore', 'score');
      await page.waitForFunction(() => document.querySelectorAll('.fault-line').length === 1);
      assert.equal(asked(server, 'PUT', '/api/fleet/apps/people')[0].query.dry_run, '1');
    }));

  test('a check shows what would change, and Apply does it', () =>
    withFleet('#/apps/people/yaml', async (page, server) => {
      await edit(page, 'score: 0.1', 'score: 0.3');
      await page.locator('.code textarea').press('Control+Enter');
      await has(page, '.verdict', /What would change.*detect\.score: 0\.1 → 0\.3.*shared with gate-log.*Expected: p95 143 ms/);
      assert.equal(server.fleet.applications.get('people').version, 2);
      await press(page, 'Apply');
      await has(page, '.verdict', /Version 3 is applied/);
      await has(page, '.versions', /3.*local/);
      assert.match(server.fleet.applications.get('people').yaml, /score: 0\.3/);
      assert.ok(await page.getByRole('button', { name: 'Apply', exact: true }).isDisabled(), 'nothing is left to apply');
    }));

  test('an impossible objective shows the best, and can be insisted on', () =>
    withFleet('#/apps/people/yaml', async (page, server) => {
      await edit(page, 'latency_p95_ms: 200', 'latency_p95_ms: 20');
      await press(page, 'Check');
      await has(page, '.refusal', /cannot keep p95 20 ms.*best that is possible: p95 84 ms/);
      await press(page, 'Apply');
      await has(page, '.refusal', /the best is 84 ms on gpu-1/);
      assert.equal(server.fleet.applications.get('people').version, 2);
      await press(page, 'Apply anyway');
      await has(page, '.verdict', /Version 3 is applied/);
      assert.equal(asked(server, 'PUT', '/api/fleet/apps/people').at(-1).query.force, '1');
    }));

  test('what was typed survives a look elsewhere; what others applied is told', () =>
    withFleet('#/apps/people/yaml', async (page, server) => {
      await edit(page, 'score: 0.1', 'score: 0.7');
      await page.getByRole('link', { name: 'Overview' }).click();
      await page.waitForSelector('.graph .box');
      await page.getByRole('link', { name: 'YAML' }).click();
      assert.match(await page.locator('.code textarea').inputValue(), /score: 0\.7/);
      const app = server.fleet.applications.get('people');
      Object.assign(app, { version: 3, yaml: `${app.yaml}# by somebody else\n` });
      await has(page, '.editor', /Version 3 was applied meanwhile; you began with 2/);
      await press(page, 'Show version 3');
      assert.match(await page.locator('.code textarea').inputValue(), /by somebody else/);
    }));

  test('a new application takes its name from the text', () =>
    withFleet('#/apps', async (page, server) => {
      await page.getByRole('link', { name: 'New application' }).click();
      await edit(page, 'application: people', 'application: door-bell  # at the back');
      await press(page, 'Check');
      await has(page, '.verdict', /application door-bell/);
      await press(page, 'Apply');
      await has(page, 'h1', /door-bell/);
      assert.equal(server.fleet.applications.get('door-bell').version, 1);
    }));
});

describe('traces', () => {
  test('a frame is drawn as a waterfall by node', () =>
    withFleet('#/traces/visitors', async (page) => {
      await page.waitForSelector('.step');
      assert.equal(await page.locator('.trace-row').count(), 40);
      assert.deepEqual(await page.locator('.lane h3').allTextContents(), ['cam-3', 'box-1', 'gpu-1', 'box-2']);
      const kinds = new Set(await page.locator('.step').evaluateAll((all) => all.map((step) => step.dataset.kind)));
      assert.deepEqual([...kinds].sort(), ['execute', 'receive', 'send', 'serialise', 'source', 'wait']);
      await page.locator('.trace-row').nth(3).click();
      const chosen = await page.locator('.trace-row[aria-current]').getAttribute('data-trace');
      assert.match(page.url(), new RegExp(chosen));
      const bars = await page
        .locator('.step-bar')
        .evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect()).map(({ left, right }) => [left, right]));
      for (let i = 1; i < bars.length; ++i) assert.ok(bars[i][0] >= bars[i - 1][1] - 2.5, `step ${i} begins where the one before ended`);
      const detect = page.locator('.step', { hasText: /^detect/ });
      await detect.hover();
      assert.match(await text(page, '.detail-line'), /detect execute on box-1 \d+(\.\d+)? ms from \d+/);
      await detect.focus();
      await page.keyboard.press('Tab');
      assert.match(await text(page, '.detail-line'), /queue track wait on box-1/);
    }));

  test('the frame that is looked at stays when it has left the list', () =>
    withFleet('#/traces/visitors', async (page, server) => {
      await page.locator('.trace-row').last().click();
      const title = await text(page, '#way-title');
      const clock = server.fleet.clock;
      server.fleet.clock = () => clock() + 300;
      await page.waitForFunction(() => !document.querySelector('.trace-row[aria-current]'), null, { timeout: 10_000 });
      assert.equal(await text(page, '#way-title'), title);
      await page.getByLabel('Application').selectOption('people');
      await page.waitForFunction(() => /yard|gate/.test(document.querySelector('.trace-row')?.textContent ?? ''));
    }));
});

describe('roles', () => {
  const enter = async (page, token) => {
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
  };

  test('a token is asked for, a wrong one refused in one line', () =>
    withFleet(
      '#/apps',
      async (page, server) => {
        await enter(page, 'nonsense');
        await has(page, '.problem', /this is no token of this fleet \(vedette token create makes one\)/);
        await enter(page, 'viewer');
        await page.waitForSelector('tr[data-app]');
        assert.match(await text(page, '.who'), /vera.*viewer/);
        assert.ok(asked(server, 'POST', '/api/login').every((one) => one.headers['x-vedette'] === '1'));
        await page.reload();
        await page.waitForSelector('tr[data-app]');
        await press(page, 'Sign out');
        await page.getByLabel('Token').waitFor();
        assert.equal(await page.locator('tr[data-app]').count(), 0);
      },
      { tokens: true },
    ));

  test('a viewer looks, an operator changes applications, an admin nodes', () =>
    withFleet(
      '#/apps',
      async (page) => {
        const seen = async () => {
          await page.goto(`${new URL(page.url()).origin}/#/apps`);
          await page.waitForSelector('tr[data-app]');
          const apps = (await page.locator('tr[data-app] .actions button').count()) > 0;
          await page.goto(`${new URL(page.url()).origin}/#/fleet`);
          await page.waitForSelector('tr[data-node]');
          return [apps, (await page.locator('tr[data-node] .actions button').count()) > 0];
        };
        await enter(page, 'viewer');
        await page.waitForSelector('.who');
        assert.deepEqual(await seen(), [false, false]);
        await page.goto(`${new URL(page.url()).origin}/#/apps/people/yaml`);
        await has(page, '.editor', /to look at only/);
        assert.ok(await page.locator('.code textarea').evaluate((area) => area.readOnly));
        assert.equal(await page.getByRole('button', { name: 'Apply' }).count(), 0);
        for (const [token, may] of [
          ['operator', [true, false]],
          ['admin', [true, true]],
        ]) {
          await press(page, 'Sign out');
          await enter(page, token);
          await page.waitForSelector('.who');
          assert.deepEqual(await seen(), may, token);
        }
      },
      { tokens: true },
    ));

  test('a tenant sees its own, and others without their names', () =>
    withFleet(
      '#/apps',
      async (page) => {
        await enter(page, 'yard');
        await page.waitForSelector('tr[data-app]');
        assert.match(await text(page, '.who'), /yuri of yard-ops/);
        assert.equal(await page.locator('tr[data-app]').count(), 5);
        assert.match(await text(page, 'tr[data-app="gate-log"]'), /another tenant/);
        await page.goto(`${new URL(page.url()).origin}/#/apps/people`);
        await has(page, '.problem', /there is no application 'people'/);
      },
      { tokens: true },
    ));

  test('a token that runs out leads back to signing in, and what was seen is gone', () =>
    withFleet(
      '#/apps',
      async (page, server) => {
        await enter(page, 'operator');
        await page.waitForSelector('tr[data-app]');
        server.expired = true;
        await has(page, '.login', /no longer taken/);
        assert.equal(await page.locator('tr[data-app]').count(), 0);
        await enter(page, 'operator');
        await page.waitForSelector('tr[data-app]');
      },
      { tokens: true },
    ));
});

describe('surroundings', () => {
  const EVIL = encodeURIComponent('<img src=x onerror="window.broken=1">');

  test('names that try to be markup are text', () =>
    withFleet(
      '',
      async (page) => {
        for (const [hash, selector] of [
          ['#/fleet', 'tr[data-node]'],
          ['#/apps', 'tr[data-app]'],
          [`#/apps/${EVIL}`, '.graph .box'],
          [`#/apps/${EVIL}/yaml`, 'textarea'],
          ['#/traces', '.step'],
        ]) {
          await page.goto(`${new URL(page.url()).origin}/${hash}`);
          await page.waitForSelector(selector);
          await page.waitForTimeout(200);
        }
        await page.goto(`${new URL(page.url()).origin}/#/fleet`);
        await has(page, '#nodes', /<img src=x onerror/);
        await has(page, '#log', /<script>window\.broken=1/);
        assert.equal(await page.locator('a[href^="javascript:"]').count(), 0, 'a console at javascript: is no link');
        assert.equal(await page.locator('img:not([src="/mark.svg"])').count(), 0);
        assert.equal(await page.evaluate(() => window.broken), undefined);
      },
      { hostile: true },
    ));

  const PAGES = [
    ['fleet', '#/fleet', '#links tbody tr'],
    ['applications', '#/apps', 'tr[data-app]'],
    ['application', '#/apps/people', '.edge-label'],
    ['editor', '#/apps/people/yaml', 'textarea'],
    ['traces', '#/traces/visitors', '.step'],
  ];
  const VIEWS = [
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 768],
  ];
  for (const [name, hash, selector] of PAGES) {
    test(`${name}: nothing sticks out, contrast is WCAG AA`, async () => {
      const server = await startFleet();
      try {
        for (const [colorScheme, width] of VIEWS) {
          await withPage(
            browser,
            server.url + hash,
            async (page) => {
              await page.waitForSelector(selector);
              const [inner, scroll] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
              assert.ok(scroll <= inner, `${scroll} px wide in a window of ${inner}`);
              assert.deepEqual(await poorContrast(page, '.skip, title, button:disabled'), [], `${colorScheme} ${width}`);
              if (process.env.SHOTS)
                await page.screenshot({ path: `${process.env.SHOTS}/${name}-${colorScheme}-${width}.png`, fullPage: true });
            },
            { colorScheme, viewport: { width, height: 800 } },
          );
        }
      } finally {
        await server.stop();
      }
    });
  }

  test('pages do not jump while figures come', () =>
    withFleet('#/apps/people', async (page) => {
      await page.waitForSelector('.edge-label');
      const places = () =>
        page.evaluate(() =>
          ['.app-head', '.graph-panel', '.latency', '#log', '#modules'].map((one) =>
            Math.round(document.querySelector(one).getBoundingClientRect().top),
          ),
        );
      const before = await places();
      await page.waitForTimeout(2500);
      assert.deepEqual(await places(), before);
    }));

  test('everything can be reached by keyboard', () =>
    withFleet('', async (page) => {
      await page.waitForSelector('tr[data-node]');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
      await page.getByRole('link', { name: 'Applications' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector('tr[data-app]');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main', 'another page begins at its top');
      await page.getByRole('link', { name: 'people' }).first().focus();
      await page.keyboard.press('Enter');
      await has(page, 'h1', /people/);
    }));
});
