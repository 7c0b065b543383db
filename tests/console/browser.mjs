// What the tests and screenshot.mjs share: a browser, and a console with made-up streams.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));

export async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium: install the package chromium, or name it in CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}

/** The program that serves made-up streams: CONSOLE_FIXTURE, or the newest build's. */
function fixturePath() {
  const candidates = [process.env.CONSOLE_FIXTURE, ...['release', 'debug'].map((name) => `${root}build/${name}/tests/console/console_fixture`)];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error('no console_fixture: build it (ninja console_fixture), or name it in CONSOLE_FIXTURE');
  return found;
}

/** Starts a console; `stop()` ends it and waits. Port 0: any. */
export async function startConsole(port = 0, ...args) {
  const process_ = spawn(fixturePath(), [String(port), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: process_.stdout });
  const url = await new Promise((resolve, reject) => {
    lines.on('line', (line) => line.startsWith('ready ') && resolve(line.slice(6)));
    process_.on('exit', (code) => reject(new Error(`console_fixture ended with ${code}`)));
  });
  const ended = new Promise((resolve) => process_.on('exit', resolve));
  return {
    url,
    port: Number(new URL(url).port),
    async stop() {
      const begin = Date.now();
      process_.stdin.end();
      await ended;
      return Date.now() - begin;
    },
  };
}
